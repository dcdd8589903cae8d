/* SPDX-License-Identifier: Apache-2.0 */
/* patch - how a run of bytes differs from another: a small one when a few things were put in, taken out or changed. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define PATCH_MAX 32768

/* Appends to out. -EFBIG when it would take more than PATCH_MAX bytes, or the two are not alike. */
int patch_make(const void *old, size_t old_len, const void *new, size_t new_len, struct buf *out);
/* Appends what patch makes of old, at most max bytes. -EBADMSG: it is not for these bytes, or damaged. */
int patch_apply(const void *old, size_t old_len, const void *patch, size_t patch_len, size_t max, struct buf *out);
