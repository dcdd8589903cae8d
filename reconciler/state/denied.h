/* SPDX-License-Identifier: Apache-2.0 */
/* denied - the keys that were revoked, one "deny KEY" a line; only ever added to, and synced before the plan that revokes them is carried out. */
#pragma once

#include "base/buf.h"

#define DENIED_FILE "denied"
#define DENIED_BYTES_MAX ((size_t)16 << 20)

/* Appends the whole lines; a torn last one, of a crash, is cut off. 0, also when there is no file, or a negative errno. */
int denied_load(int dirfd, struct buf *out);
/* 0 or a negative errno; a line that could not be written whole is cut off again. */
int denied_append(int dirfd, const void *text, size_t len);
