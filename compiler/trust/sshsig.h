/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshsig - SSH signatures (OpenSSH PROTOCOL.sshsig, PROTOCOL.u2f) verified strictly, as a pure function of bytes.
 *
 * Key types ssh-ed25519 and sk-ssh-ed25519@openssh.com; hashes sha256 and sha512; version 1; an empty reserved field; nothing
 * before, after or between the parts. A security key must have seen its user (flag 0x01), which ssh-keygen -Y verify does not ask.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSHSIG_ARMOR_MAX 4096
#define SSHSIG_KEY_MAX 512
#define SSHSIG_FINGERPRINT_MAX 64
#define SSHSIG_FLAG_PRESENT 0x01u  /* the user touched the key */
#define SSHSIG_FLAG_VERIFIED 0x04u /* the user gave a PIN or a finger */

enum sshsig_error {
	SSHSIG_OK = 0,
	SSHSIG_SIZE,     /* armor longer than SSHSIG_ARMOR_MAX */
	SSHSIG_ARMOR,    /* frame or line structure; also PGP and X.509 armor, and none at all */
	SSHSIG_B64,      /* not canonical base64 (RFC 4648 section 4) */
	SSHSIG_MAGIC,    /* the blob does not begin with SSHSIG */
	SSHSIG_VER,      /* version other than 1 */
	SSHSIG_TRUNC,    /* a field reaches past the end */
	SSHSIG_TRAIL,    /* bytes after the last field */
	SSHSIG_LEN,      /* a field of the wrong length */
	SSHSIG_KEYTYPE,  /* another kind of key */
	SSHSIG_NS,       /* another namespace than expected, or none */
	SSHSIG_RESERVED, /* the reserved field is not empty */
	SSHSIG_HASH,     /* another hash */
	SSHSIG_SIGTYPE,  /* the signature is of another type than the key */
	SSHSIG_FLAGS,    /* a security key without user presence, or with flags SSH does not define */
	SSHSIG_BADSIG,   /* the signature does not verify */
	SSHSIG_ERROR_COUNT
};

struct sshsig {
	bool security_key;
	uint8_t flags;    /* security keys: SSHSIG_FLAG_*; else 0 */
	uint32_t counter; /* security keys: the token's counter; else 0 */
	uint8_t key[SSHSIG_KEY_MAX]; /* the public key's wire form: identity is the whole blob, type included */
	size_t key_len;
};

/*
 * Verifies an armored signature (len bytes, exactly the armor) over message in a namespace such as "git". On anything but
 * SSHSIG_OK, *out is all zero: no partial results.
 */
enum sshsig_error sshsig_verify(const void *armor, size_t len, const char *name_space, const void *message,
				size_t message_len, struct sshsig *out);

const char *sshsig_error_code(enum sshsig_error e); /* "E_FLAGS"; "OK" */
/* "SHA256:" and unpadded base64 of the key blob's SHA-256, as ssh-keygen -l prints it; returns out. */
char *sshsig_fingerprint(const struct sshsig *s, char out[static SSHSIG_FINGERPRINT_MAX]);
