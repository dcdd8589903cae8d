/* SPDX-License-Identifier: Apache-2.0 */
/* jsonfile - one small JSON object in a file of its own, replaced as a whole and durably. */
#pragma once

#include <jansson.h>

#define JSONFILE_BYTES_MAX ((size_t)1 << 20)

/* Takes o (NULL: -ENOMEM). 0 or a negative errno; the old file stays then. */
int jsonfile_write(int dirfd, const char *name, json_t *o);
/* *o is the caller's. -ENOENT: there is none; -EBADMSG: it is no JSON object. */
int jsonfile_read(int dirfd, const char *name, json_t **o);
/* Gone, durably; 0 also when it was not there. */
int jsonfile_remove(int dirfd, const char *name);
