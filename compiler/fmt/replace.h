/* SPDX-License-Identifier: Apache-2.0 */
/* replace - a file's bytes, exchanged at once: whoever reads it sees the old ones or the new ones. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define REPLACE_FILE_MAX (4u << 20)

struct replace {
	int dirfd;
	const char *name; /* in that folder */
	char *data;       /* what the file holds, NUL-terminated */
	size_t len;
	/* What it was when it was read. */
	unsigned int mode, uid, gid;
	unsigned long long dev, ino;
	long long mtime_sec, mtime_nsec;
};

/*
 * Reads a regular file; -ELOOP for a symbolic link, -EINVAL for what is no file, -EFBIG over REPLACE_FILE_MAX, else as
 * from the system. replace_close() is due in each case.
 */
int replace_open(struct replace *r, const char *path, struct arena *a);
/* Writes a new file beside it, with its mode and where possible its owner, and renames it. -EAGAIN: it changed meanwhile. */
int replace_write(struct replace *r, const void *data, size_t len);
void replace_close(struct replace *r);
