/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signers - trust/allowed_signers, the subset of ssh-keygen(1) ALLOWED SIGNERS that is honoured.
 *
 * One literal principal a line, the option namespaces="..." always, valid-after and valid-before in UTC ("Z"), keys
 * ssh-ed25519 and sk-ssh-ed25519@openssh.com. No wildcards, no certificate authorities. One malformed line makes the whole file
 * invalid: OpenSSH would skip it, and so believe less or more than was reviewed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "trust/sshsig.h"

#define SIGNERS_MAX 512
#define SIGNERS_LINE_MAX 1024
#define SIGNERS_BYTES_MAX (128u << 10)

enum signer_namespace { /* bits */
	SIGNER_GIT = 1,
	SIGNER_RELEASE = 2, /* release@yett */
	SIGNER_TICK = 4,    /* tick@yett */
	SIGNER_STATUS = 8,  /* status@yett */
};

struct signer {
	const char *principal;
	unsigned int namespaces;        /* enum signer_namespace bits, never 0 */
	int64_t valid_after, valid_before; /* UTC seconds: valid while after <= t < before; CLOCK_EVER, CLOCK_NEVER */
	bool security_key;
	const uint8_t *key; /* wire form */
	size_t key_len;
	unsigned int line;
};

struct signers {
	struct signer *v;
	size_t n;
};

/* 0, or -1 with the line and a sentence in err ("line 3: ..."); then *s is empty. Everything lives in a. */
int signers_parse(struct signers *s, const char *text, size_t len, struct arena *a, char *err, size_t err_size);
/* The signer whose whole key blob made this signature, or NULL. */
const struct signer *signers_find(const struct signers *s, const struct sshsig *sig);
