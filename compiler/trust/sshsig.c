/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/sshsig.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#define ARMOR_BEGIN "-----BEGIN SSH SIGNATURE-----\n"
#define ARMOR_END "-----END SSH SIGNATURE-----\n"
#define ARMOR_LINE_MAX 76
#define NAMESPACE_MAX 64
#define APPLICATION_MAX 255
#define HASH_NAME_MAX 6

/* What is left of a blob; every read is checked against it. */
struct reader {
	const uint8_t *p;
	size_t n;
};

static void put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static enum sshsig_error read_u32(struct reader *r, uint32_t *v)
{
	if (r->n < 4)
		return SSHSIG_TRUNC;
	*v = (uint32_t)r->p[0] << 24 | (uint32_t)r->p[1] << 16 | (uint32_t)r->p[2] << 8 | r->p[3];
	r->p += 4;
	r->n -= 4;
	return SSHSIG_OK;
}

/* string of RFC 4251 section 5: a length and so many bytes. */
static enum sshsig_error read_string(struct reader *r, struct reader *out)
{
	uint32_t len;
	enum sshsig_error e = read_u32(r, &len);

	if (e != SSHSIG_OK)
		return e;
	if (len > r->n)
		return SSHSIG_TRUNC;
	*out = (struct reader){ r->p, len };
	r->p += len;
	r->n -= len;
	return SSHSIG_OK;
}

static bool is_text(struct reader r, const char *text)
{
	return r.n == strlen(text) && memcmp(r.p, text, r.n) == 0;
}

/* The base64 lines between the frame, each 1..76 characters. */
static enum sshsig_error armor_body(const char *armor, size_t len, const char **body, size_t *body_len)
{
	const size_t begin = sizeof(ARMOR_BEGIN) - 1, end = sizeof(ARMOR_END) - 1;

	if (len > SSHSIG_ARMOR_MAX)
		return SSHSIG_SIZE;
	if (len < begin + end || memcmp(armor, ARMOR_BEGIN, begin) != 0 ||
	    memcmp(armor + len - end, ARMOR_END, end) != 0)
		return SSHSIG_ARMOR;
	*body = armor + begin;
	*body_len = len - begin - end;
	if (*body_len == 0 || (*body)[*body_len - 1] != '\n')
		return SSHSIG_ARMOR;
	for (size_t i = 0, line = 0; i < *body_len; i++) {
		if ((*body)[i] != '\n') {
			line++;
			continue;
		}
		if (line == 0 || line > ARMOR_LINE_MAX)
			return SSHSIG_ARMOR;
		line = 0;
	}
	return SSHSIG_OK;
}

/* The decoder passes over NUL bytes and takes some bytes above 0x7f for letters, so the alphabet is looked at here. */
static bool is_base64(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool letter = (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9');
		if (!letter && p[i] != '+' && p[i] != '/' && p[i] != '=' && p[i] != '\n')
			return false;
	}
	return true;
}

static enum sshsig_error armor_decode(const char *armor, size_t len, uint8_t *out, size_t cap, struct reader *blob)
{
	const char *body, *end;
	size_t body_len, n;
	enum sshsig_error e = armor_body(armor, len, &body, &body_len);

	if (e != SSHSIG_OK)
		return e;
	if (!is_base64(body, body_len) ||
	    sodium_base642bin(out, cap, body, body_len, "\n", &n, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    end != body + body_len)
		return SSHSIG_B64;
	*blob = (struct reader){ out, n };
	return SSHSIG_OK;
}

/* The fields of the blob, and those of its public key. */
struct fields {
	struct reader key, name_space, reserved, hash, signature;
	struct reader point, application; /* application: security keys only */
	bool security_key;
};

static enum sshsig_error parse_frame(struct reader r, struct fields *f)
{
	struct reader *const part[] = { &f->key, &f->name_space, &f->reserved, &f->hash, &f->signature };
	uint32_t version;
	enum sshsig_error e;

	if (r.n < 6 || memcmp(r.p, "SSHSIG", 6) != 0)
		return SSHSIG_MAGIC;
	r.p += 6;
	r.n -= 6;
	if ((e = read_u32(&r, &version)) != SSHSIG_OK)
		return e;
	if (version != 1)
		return SSHSIG_VER;
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if ((e = read_string(&r, part[i])) != SSHSIG_OK)
			return e;
	return r.n == 0 ? SSHSIG_OK : SSHSIG_TRAIL;
}

static enum sshsig_error parse_key(struct fields *f)
{
	struct reader r = f->key, type;
	enum sshsig_error e;

	if (r.n > SSHSIG_KEY_MAX)
		return SSHSIG_LEN;
	if ((e = read_string(&r, &type)) != SSHSIG_OK)
		return e;
	f->security_key = is_text(type, "sk-ssh-ed25519@openssh.com");
	if (!f->security_key && !is_text(type, "ssh-ed25519"))
		return SSHSIG_KEYTYPE;
	if ((e = read_string(&r, &f->point)) != SSHSIG_OK)
		return e;
	if (f->point.n != crypto_sign_PUBLICKEYBYTES)
		return SSHSIG_LEN;
	if (f->security_key) {
		if ((e = read_string(&r, &f->application)) != SSHSIG_OK)
			return e;
		if (f->application.n == 0 || f->application.n > APPLICATION_MAX ||
		    memchr(f->application.p, '\0', f->application.n) != NULL)
			return SSHSIG_LEN;
	}
	return r.n == 0 ? SSHSIG_OK : SSHSIG_TRAIL;
}

/* The signed bytes are rebuilt, never taken from the blob. */
struct to_be_signed {
	uint8_t b[6 + 4 + NAMESPACE_MAX + 4 + 4 + HASH_NAME_MAX + 4 + crypto_hash_sha512_BYTES];
	size_t n;
};

static void tbs_add(struct to_be_signed *t, const void *p, size_t n)
{
	memcpy(t->b + t->n, p, n);
	t->n += n;
}

static void tbs_add_string(struct to_be_signed *t, const void *p, size_t n)
{
	uint8_t len[4];

	put_u32(len, (uint32_t)n);
	tbs_add(t, len, sizeof(len));
	tbs_add(t, p, n);
}

static enum sshsig_error rebuild(const struct fields *f, const char *name_space, const void *message, size_t len,
				 struct to_be_signed *t)
{
	uint8_t hash[crypto_hash_sha512_BYTES];
	size_t hash_len;

	if (*name_space == '\0' || strlen(name_space) > NAMESPACE_MAX || !is_text(f->name_space, name_space))
		return SSHSIG_NS;
	if (f->reserved.n != 0)
		return SSHSIG_RESERVED;
	if (is_text(f->hash, "sha512")) {
		crypto_hash_sha512(hash, message, len);
		hash_len = crypto_hash_sha512_BYTES;
	} else if (is_text(f->hash, "sha256")) {
		crypto_hash_sha256(hash, message, len);
		hash_len = crypto_hash_sha256_BYTES;
	} else {
		return SSHSIG_HASH;
	}
	t->n = 0;
	tbs_add(t, "SSHSIG", 6);
	tbs_add_string(t, name_space, strlen(name_space));
	tbs_add_string(t, "", 0);
	tbs_add_string(t, f->hash.p, f->hash.n);
	tbs_add_string(t, hash, hash_len);
	return SSHSIG_OK;
}

static enum sshsig_error check_plain(const struct fields *f, const struct reader *sig, const struct reader *rest,
				     const struct to_be_signed *t)
{
	if (rest->n != 0)
		return SSHSIG_TRAIL;
	return crypto_sign_verify_detached(sig->p, t->b, t->n, f->point.p) == 0 ? SSHSIG_OK : SSHSIG_BADSIG;
}

/* PROTOCOL.u2f: the token signs SHA256(application) || flags || counter || SHA256(signed bytes). */
static enum sshsig_error check_security_key(const struct fields *f, const struct reader *sig, const struct reader *rest,
					    const struct to_be_signed *t, struct sshsig *out)
{
	uint8_t signed_bytes[crypto_hash_sha256_BYTES + 5 + crypto_hash_sha256_BYTES];

	if (rest->n != 5)
		return rest->n < 5 ? SSHSIG_TRUNC : SSHSIG_TRAIL;
	crypto_hash_sha256(signed_bytes, f->application.p, f->application.n);
	memcpy(signed_bytes + crypto_hash_sha256_BYTES, rest->p, 5);
	crypto_hash_sha256(signed_bytes + crypto_hash_sha256_BYTES + 5, t->b, t->n);
	if (crypto_sign_verify_detached(sig->p, signed_bytes, sizeof(signed_bytes), f->point.p) != 0)
		return SSHSIG_BADSIG;
	out->flags = rest->p[0];
	struct reader counter = { rest->p + 1, 4 };
	(void)read_u32(&counter, &out->counter);
	if (!(out->flags & SSHSIG_FLAG_PRESENT) || out->flags & ~(SSHSIG_FLAG_PRESENT | SSHSIG_FLAG_VERIFIED))
		return SSHSIG_FLAGS;
	return SSHSIG_OK;
}

static enum sshsig_error check_signature(const struct fields *f, const struct to_be_signed *t, struct sshsig *out)
{
	struct reader rest = f->signature, type, sig;
	const char *want = f->security_key ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519";
	enum sshsig_error e;

	if ((e = read_string(&rest, &type)) != SSHSIG_OK || (e = read_string(&rest, &sig)) != SSHSIG_OK)
		return e;
	if (sig.n != crypto_sign_BYTES)
		return SSHSIG_LEN;
	if (!is_text(type, want))
		return SSHSIG_SIGTYPE;
	return f->security_key ? check_security_key(f, &sig, &rest, t, out) : check_plain(f, &sig, &rest, t);
}

static enum sshsig_error verify(const void *armor, size_t len, const char *name_space, const void *message,
				size_t message_len, struct sshsig *out)
{
	uint8_t bytes[SSHSIG_ARMOR_MAX];
	struct reader blob;
	struct fields f = { .security_key = false };
	struct to_be_signed t;
	enum sshsig_error e = armor_decode(armor, len, bytes, sizeof(bytes), &blob);

	if (e != SSHSIG_OK || (e = parse_frame(blob, &f)) != SSHSIG_OK || (e = parse_key(&f)) != SSHSIG_OK ||
	    (e = rebuild(&f, name_space, message, message_len, &t)) != SSHSIG_OK)
		return e;
	out->security_key = f.security_key;
	out->key_len = f.key.n;
	memcpy(out->key, f.key.p, f.key.n);
	return check_signature(&f, &t, out);
}

enum sshsig_error sshsig_verify(const void *armor, size_t len, const char *name_space, const void *message,
				size_t message_len, struct sshsig *out)
{
	memset(out, 0, sizeof(*out));
	enum sshsig_error e = verify(armor, len, name_space, message, message_len, out);
	if (e != SSHSIG_OK)
		memset(out, 0, sizeof(*out));
	return e;
}

const char *sshsig_error_code(enum sshsig_error e)
{
	static const char *const code[SSHSIG_ERROR_COUNT] = {
		[SSHSIG_OK] = "OK",
		[SSHSIG_SIZE] = "E_SIZE",
		[SSHSIG_ARMOR] = "E_ARMOR",
		[SSHSIG_B64] = "E_B64",
		[SSHSIG_MAGIC] = "E_MAGIC",
		[SSHSIG_VER] = "E_VER",
		[SSHSIG_TRUNC] = "E_TRUNC",
		[SSHSIG_TRAIL] = "E_TRAIL",
		[SSHSIG_LEN] = "E_LEN",
		[SSHSIG_KEYTYPE] = "E_KEYTYPE",
		[SSHSIG_NS] = "E_NS",
		[SSHSIG_RESERVED] = "E_RESERVED",
		[SSHSIG_HASH] = "E_HASH",
		[SSHSIG_SIGTYPE] = "E_SIGTYPE",
		[SSHSIG_FLAGS] = "E_FLAGS",
		[SSHSIG_BADSIG] = "E_BADSIG",
	};

	return code[e];
}

char *sshsig_fingerprint(const struct sshsig *s, char out[static SSHSIG_FINGERPRINT_MAX])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof(hash), sodium_base64_VARIANT_ORIGINAL_NO_PADDING)];

	crypto_hash_sha256(hash, s->key, s->key_len);
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	snprintf(out, SSHSIG_FINGERPRINT_MAX, "SHA256:%s", text);
	return out;
}
