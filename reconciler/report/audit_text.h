/* SPDX-License-Identifier: Apache-2.0 */
/* audit_text - yettctl audit: the trail in files, judged and shown. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * args: "verify" or "show", then files or folders (none: this machine's). checkpoint: "SEQ:HASH" that verify has to find, or NULL. An exit status: 0; 1
 * the trail is broken, or not the one of the checkpoint; 2 it cannot be read.
 */
int audit_command(const char *const *args, size_t n, const char *checkpoint, bool json);
