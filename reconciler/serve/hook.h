/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook - whether a webhook was sent by who knows the secret.
 *
 * Signed: HMAC-SHA256 (RFC 2104, FIPS 180-4) of the body's bytes, as lower-case hex in X-Hub-Signature-256 ("sha256=...", GitHub's and
 * Gitea's form). Unsigned: the secret itself in X-Gitlab-Token, which proves the same only as long as nobody reads the connection.
 *
 * Neither proves that a request is new. It needs not: all that a request can do is ask for a fetch, which is the same however often it is
 * asked, and hook_allow() bounds how often.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#define HOOK_SECRET_MIN 16
#define HOOK_SECRET_MAX 256
#define HOOK_BODY_MAX ((size_t)4 << 20) /* it is never kept, only hashed */
#define HOOK_SIGNATURE_HEADER "X-Hub-Signature-256"
#define HOOK_TOKEN_HEADER "X-Gitlab-Token"

/* One request; the state holds nothing secret that outlives it when hook_end() is called. */
struct hook_check {
	crypto_auth_hmacsha256_state state;
	size_t len;
};

void hook_begin(struct hook_check *c, const void *secret, size_t secret_len);
void hook_body(struct hook_check *c, const void *data, size_t len);
/* True when the header's value is the signature of what was given. Takes the same time whatever differs. */
bool hook_signed(struct hook_check *c, const char *header);
bool hook_token(const void *secret, size_t secret_len, const char *header);

/* A bucket of HOOK_BURST requests that fills by one in HOOK_REFILL_MS. */
#define HOOK_BURST 10
#define HOOK_REFILL_MS 6000

struct hook_bucket {
	int64_t full_ms; /* when it is full again; monotonic */
};

/* Takes one from the bucket; false: it is empty. */
bool hook_allow(struct hook_bucket *b, int64_t now_ms);
