/* SPDX-License-Identifier: Apache-2.0 */
/* durable - files that are whole after a power loss: written aside, synced, renamed, the folder synced. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

/*
 * Replaces name in the folder. 0 or a negative errno; after an error the old file is as it was and nothing is left
 * behind. A failed fsync is final: it is not tried again on the same descriptor.
 */
int durable_write(int dirfd, const char *name, const void *data, size_t len);
/* Appends the file's bytes. -ENOENT, -EFBIG beyond max, -ELOOP for a symbolic link. */
int durable_read(int dirfd, const char *name, size_t max, struct buf *out);
/* Makes the folder (0700, its parent must exist) unless it is there, and opens it; the descriptor or a negative errno. */
int durable_dir(int dirfd, const char *name);
/* All of data to fd, or a negative errno. */
int durable_write_all(int fd, const void *data, size_t len);
