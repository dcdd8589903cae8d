/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fmt - the canonical layout of a policy file, with its comments.
 *
 * Two spaces a level, lists as "- item" below their key, fields in the order of the schema's rows, quotes only
 * where a value needs them. A list or mapping written in [ ] or { } stays on its line while it fits 100 columns and
 * holds no comment. Comments stay beside what they describe; of blank lines one is kept.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"

#define FMT_COLUMNS 100
#define FMT_INDENT 2

enum fmt_result {
	FMT_DONE,    /* out holds the file in canonical layout */
	FMT_ERRORS,  /* it is not YAML as the language has it; told in d */
	FMT_REFUSED, /* the result would not read as the same documents, so there is none */
};

/*
 * Lays out one file. The result was read again: it holds the same documents (fields in whatever order) and the
 * same comments, else it is FMT_REFUSED.
 */
enum fmt_result fmt_text(struct arena *a, struct diags *d, uint32_t diag_file, const char *data, size_t len,
			 struct buf *out);
