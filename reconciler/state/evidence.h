/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence - commits that cannot both be true, kept as git's raw objects: state_dir/evidence/CODE-HAVE-OFFERED/{have,offered}.commit and why.
 * `git hash-object -t commit FILE` gives back their names, and a signature in them proves who signed them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define EVIDENCE_DIR "evidence"
#define EVIDENCE_MAX 16 /* cases; more are not kept, since whoever moves the branch could fill the disk */

struct evidence {
	const char *code, *have, *offered, *why; /* have, offered: hex */
	int fd;                                  /* both objects, one after the other */
	uint32_t have_len, offered_len;
};

/* 1: kept, 0: it was there already, or a negative errno. */
int evidence_keep(int statedir, const struct evidence *e);
/* All of it: [{"name", "why", "have", "offered"}], the objects in hex. */
json_t *evidence_json(int statedir);
