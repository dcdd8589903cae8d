/* SPDX-License-Identifier: Apache-2.0 */
/* key - WireGuard (Curve25519) public keys. A secret key has another type, in reconciler/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_BYTES 32
#define KEY_TEXT_MAX 45 /* 44 base64 characters and the NUL */

struct pubkey {
	uint8_t b[KEY_BYTES];
};

enum key_error {
	KEY_OK = 0,
	KEY_FORMAT, /* not 44 characters of canonical base64 (RFC 4648 section 4) */
	KEY_WEAK,   /* all-zero or another point of low order (RFC 7748 section 6.1) */
};

enum key_error pubkey_parse(const char *s, size_t n, struct pubkey *out);
char *pubkey_format(const struct pubkey *k, char out[static KEY_TEXT_MAX]);
int pubkey_cmp(const struct pubkey *a, const struct pubkey *b);
