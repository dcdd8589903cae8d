/* SPDX-License-Identifier: Apache-2.0 */
/* parts - what each file of the newest tree declares, kept so that the next commit's tree needs only its changed files parsed. */
#pragma once

#include <sodium.h>

#include "base/vec.h"
#include "compile.h"

#define PARTS_BYTES_MAX ((size_t)256 << 20) /* of what is kept; a larger tree is parsed as a whole each time */

struct part_hash { /* of a file's bytes, under a key of this process */
	uint8_t b[crypto_shorthash_siphashx24_BYTES];
};

struct kept_part {
	const char *path;
	struct part_hash hash;
	struct model_part *part;
	uint32_t slot; /* the file's number in diagnostics, the same as long as it is kept: places in the part say it */
};

struct parts {
	uint8_t key[crypto_shorthash_siphashx24_KEYBYTES];
	struct arena arena;
	VEC(struct kept_part) kept; /* sorted by path */
	uint32_t slots;
	size_t cold_bytes;          /* of the arena, after it was filled from nothing */
	size_t parsed;              /* files that the newest reading had to parse */
};

void parts_init(struct parts *p);
void parts_release(struct parts *p);
/*
 * Fills c->model from c->source, as model_read() does. The model points into p: it lives until the next call. What has a mistake or a warning
 * is not kept, so that it is told each time.
 */
void parts_read(struct parts *p, struct compile *c);
