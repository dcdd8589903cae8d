/* SPDX-License-Identifier: Apache-2.0 */
/* record - one small JSON object in a file of its own, replaced as a whole and durably. */
#pragma once

#include <jansson.h>

#define RECORD_BYTES_MAX ((size_t)1 << 20)

/* Takes o (NULL: -ENOMEM). 0 or a negative errno; the old file stays then. */
int record_write(int dirfd, const char *name, json_t *o);
/* *o is the caller's. -ENOENT: there is none; -EBADMSG: it is no JSON object. */
int record_read(int dirfd, const char *name, json_t **o);
/* Gone, durably; 0 also when it was not there. */
int record_remove(int dirfd, const char *name);
