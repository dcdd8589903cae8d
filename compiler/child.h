/* SPDX-License-Identifier: Apache-2.0 */
/* child - another program run and waited for: git, ssh-keygen. No shell; found by PATH. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define CHILD_INPUT_MAX 65536u /* a pipe's room, so writing never waits for reading */
#define CHILD_OUTPUT_MAX ((size_t)4 << 20)

struct child_io {
	const void *in; /* what it reads; NULL: nothing */
	size_t in_len;
	struct buf *out; /* what it writes, at most CHILD_OUTPUT_MAX; NULL: our own standard output */
	struct buf *err; /* likewise; NULL: our own standard error */
};

/* argv ends in NULL. Its exit status (128 + n after signal n), or a negative errno where it could not run. */
int child_run(const char *const argv[], const struct child_io *io);
/* git -C DIR WORD... (at most 12, ending in NULL). As child_run(); where git is not there, err says so. */
int child_git(const char *dir, const char *const words[], struct buf *out, struct buf *err);
