/* SPDX-License-Identifier: Apache-2.0 */
/* sign - keys from seeds and signatures by them, as ssh-keygen and a security key would make them. Never use such keys elsewhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/buf.h"
#include "trust/sshsig.h"

struct sign_key {
	uint8_t pk[32], sk[64];
	bool security_key;
	uint8_t wire[128];
	size_t wire_len;
};

static inline void sign_put(struct buf *b, const void *p, size_t n)
{
	uint8_t len[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	buf_add(b, len, 4);
	buf_add(b, p, n);
}

static inline const char *sign_type(const struct sign_key *k)
{
	return k->security_key ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519";
}

static inline struct sign_key sign_key(const char *name, bool security_key)
{
	struct sign_key k = { .security_key = security_key };
	uint8_t seed[32];
	struct buf b BUF_CLEANUP = BUF_INIT;

	crypto_hash_sha256(seed, (const uint8_t *)name, strlen(name));
	crypto_sign_seed_keypair(k.pk, k.sk, seed);
	sign_put(&b, sign_type(&k), strlen(sign_type(&k)));
	sign_put(&b, k.pk, 32);
	if (security_key)
		sign_put(&b, "ssh:", 4);
	memcpy(k.wire, b.p, b.len);
	k.wire_len = b.len;
	return k;
}

/* "NAME namespaces="..." TYPE BASE64\n" */
static inline void sign_line(struct buf *out, const char *principal, const char *options, const struct sign_key *k)
{
	char b64[256];

	sodium_bin2base64(b64, sizeof(b64), k->wire, k->wire_len, sodium_base64_VARIANT_ORIGINAL);
	buf_addf(out, "%s %s %s %s\n", principal, options, sign_type(k), b64);
}

static inline void sign_fingerprint(const struct sign_key *k, char out[static SSHSIG_FINGERPRINT_MAX])
{
	struct sshsig s = { .key_len = k->wire_len };

	memcpy(s.key, k->wire, k->wire_len);
	sshsig_fingerprint(&s, out);
}

static inline void sign_armor(struct buf *out, const struct buf *blob)
{
	size_t max = sodium_base64_encoded_len(blob->len, sodium_base64_VARIANT_ORIGINAL);
	char *b64 = malloc(max);

	sodium_bin2base64(b64, max, (const uint8_t *)blob->p, blob->len, sodium_base64_VARIANT_ORIGINAL);
	buf_adds(out, "-----BEGIN SSH SIGNATURE-----\n");
	for (size_t i = 0, n = strlen(b64); i < n; i += 70)
		buf_addf(out, "%.70s\n", b64 + i);
	buf_adds(out, "-----END SSH SIGNATURE-----\n");
	free(b64);
}

/* flags: a security key's (1: touched, 4: verified). Appends the armored signature. */
static inline void sign_message(struct buf *out, const struct sign_key *k, const char *name_space, const void *msg, size_t len,
				uint8_t flags)
{
	struct buf tbs BUF_CLEANUP = BUF_INIT, blob BUF_CLEANUP = BUF_INIT, sig BUF_CLEANUP = BUF_INIT;
	uint8_t hash[64], raw[64], counter[5] = { flags, 0, 0, 0, 7 };

	crypto_hash_sha512(hash, msg, len);
	buf_add(&tbs, "SSHSIG", 6);
	sign_put(&tbs, name_space, strlen(name_space));
	sign_put(&tbs, "", 0);
	sign_put(&tbs, "sha512", 6);
	sign_put(&tbs, hash, 64);
	if (k->security_key) {
		uint8_t w[69];
		crypto_hash_sha256(w, (const uint8_t *)"ssh:", 4);
		memcpy(w + 32, counter, 5);
		crypto_hash_sha256(w + 37, (const uint8_t *)tbs.p, tbs.len);
		crypto_sign_detached(raw, NULL, w, sizeof(w), k->sk);
	} else {
		crypto_sign_detached(raw, NULL, (const uint8_t *)tbs.p, tbs.len, k->sk);
	}
	sign_put(&sig, sign_type(k), strlen(sign_type(k)));
	sign_put(&sig, raw, 64);
	if (k->security_key)
		buf_add(&sig, counter, 5);
	buf_add(&blob, "SSHSIG\0\0\0\1", 10);
	sign_put(&blob, k->wire, k->wire_len);
	sign_put(&blob, name_space, strlen(name_space));
	sign_put(&blob, "", 0);
	sign_put(&blob, "sha512", 6);
	sign_put(&blob, sig.p, sig.len);
	sign_armor(out, &blob);
}
