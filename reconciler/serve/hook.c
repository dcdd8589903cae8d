/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hook.h"

#include <string.h>

void hook_begin(struct hook_check *c, const void *secret, size_t secret_len)
{
	crypto_auth_hmacsha256_init(&c->state, secret, secret_len);
	c->len = 0;
}

void hook_body(struct hook_check *c, const void *data, size_t len)
{
	crypto_auth_hmacsha256_update(&c->state, data, len);
	c->len += len;
}

bool hook_signed(struct hook_check *c, const char *header)
{
	static const char scheme[] = "sha256=";
	unsigned char want[crypto_auth_hmacsha256_BYTES], have[crypto_auth_hmacsha256_BYTES];
	size_t n = 0;

	crypto_auth_hmacsha256_final(&c->state, want);
	bool ok = header != NULL && strncmp(header, scheme, strlen(scheme)) == 0 &&
		  strlen(header) == strlen(scheme) + 2 * sizeof(have) &&
		  sodium_hex2bin(have, sizeof(have), header + strlen(scheme), 2 * sizeof(have), NULL, &n, NULL) == 0 &&
		  n == sizeof(have) && sodium_memcmp(want, have, sizeof(want)) == 0;
	sodium_memzero(want, sizeof(want));
	sodium_memzero(&c->state, sizeof(c->state));
	return ok;
}

/* Of digests, so that neither length nor contents show in the time. */
bool hook_token(const void *secret, size_t secret_len, const char *header)
{
	unsigned char a[crypto_hash_sha256_BYTES], b[crypto_hash_sha256_BYTES];

	if (header == NULL)
		return false;
	crypto_hash_sha256(a, secret, secret_len);
	crypto_hash_sha256(b, (const unsigned char *)header, strlen(header));
	return sodium_memcmp(a, b, sizeof(a)) == 0;
}

bool hook_allow(struct hook_bucket *b, int64_t now_ms)
{
	int64_t full = b->full_ms > now_ms ? b->full_ms : now_ms;

	if (full - now_ms > (int64_t)(HOOK_BURST - 1) * HOOK_REFILL_MS)
		return false;
	b->full_ms = full + HOOK_REFILL_MS;
	return true;
}
