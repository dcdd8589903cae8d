/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <string.h>

#include "base/bug.h"

void digest_begin(struct digest_ctx *c)
{
	crypto_hash_sha256_init(&c->state);
}

void digest_add(struct digest_ctx *c, const void *p, size_t n)
{
	if (n > 0)
		crypto_hash_sha256_update(&c->state, p, n);
}

void digest_add_u32(struct digest_ctx *c, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
	digest_add(c, b, sizeof(b));
}

void digest_add_u64(struct digest_ctx *c, uint64_t v)
{
	digest_add_u32(c, (uint32_t)(v >> 32));
	digest_add_u32(c, (uint32_t)v);
}

void digest_add_str(struct digest_ctx *c, const char *s)
{
	size_t n = strlen(s);
	if (n > UINT32_MAX)
		BUG("a string of %zu bytes in a digest", n);
	digest_add_u32(c, (uint32_t)n);
	digest_add(c, s, n);
}

struct digest digest_end(struct digest_ctx *c)
{
	struct digest d;
	crypto_hash_sha256_final(&c->state, d.b);
	return d;
}

struct digest digest_fast(const void *p, size_t n)
{
	struct digest d;
	if (crypto_generichash(d.b, sizeof(d.b), p, n, NULL, 0) != 0)
		BUG("BLAKE2b");
	return d;
}

struct digest digest_of(const void *p, size_t n)
{
	struct digest_ctx c;
	digest_begin(&c);
	digest_add(&c, p, n);
	return digest_end(&c);
}

char *digest_hex(const struct digest *d, size_t nbytes, char out[static DIGEST_HEX_MAX])
{
	if (nbytes < 1 || nbytes > DIGEST_BYTES)
		BUG("%zu bytes of a digest", nbytes);
	sodium_bin2hex(out, DIGEST_HEX_MAX, d->b, nbytes);
	return out;
}
