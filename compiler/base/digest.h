/* SPDX-License-Identifier: Apache-2.0 */
/* digest - SHA-256 over bytes, for manifests and content-derived names. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#define DIGEST_BYTES 32
#define DIGEST_HEX_MAX 65

struct digest {
	uint8_t b[DIGEST_BYTES];
};

struct digest_ctx {
	crypto_hash_sha256_state state;
};

void digest_begin(struct digest_ctx *c);
void digest_add(struct digest_ctx *c, const void *p, size_t n);
void digest_add_u32(struct digest_ctx *c, uint32_t v); /* big-endian */
void digest_add_u64(struct digest_ctx *c, uint64_t v); /* big-endian */
void digest_add_str(struct digest_ctx *c, const char *s); /* u32 length, then the bytes */
struct digest digest_end(struct digest_ctx *c);
struct digest digest_of(const void *p, size_t n);
/* BLAKE2b-256, several times as fast: for whole plans, which nobody else computes a digest of. */
struct digest digest_fast(const void *p, size_t n);
/* The first nbytes (1..32) as lower-case hex; returns out. */
char *digest_hex(const struct digest *d, size_t nbytes, char out[static DIGEST_HEX_MAX]);
