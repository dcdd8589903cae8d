/* SPDX-License-Identifier: Apache-2.0 */
/* seckey - the gateway's WireGuard private key, read once from its file into memory that is locked and wiped. */
#pragma once

#include <stddef.h>

#include "base/key.h"
#include "kernel/kernel.h"

/*
 * The file must be a regular one, owned by the effective user, readable by nobody else (mode 0600 or stricter), and hold 44
 * characters of base64 and perhaps a newline. 0 and *key (for seckey_free), or a negative errno and a sentence.
 */
int seckey_load(const char *path, struct seckey **key, char *err, size_t err_size);
void seckey_free(struct seckey *key); /* NULL is fine */
void seckey_public(const struct seckey *key, struct pubkey *out);
