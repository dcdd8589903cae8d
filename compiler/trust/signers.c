/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/signers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/vec.h"

#define PRINCIPAL_LOCAL_MAX 63
#define PRINCIPAL_DOMAIN_MAX 190

/* A line being read; why is set by whoever refuses it. */
struct line {
	const char *p, *end;
	const char *why;
};

static bool refuse(struct line *l, const char *why)
{
	l->why = why;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct line *l)
{
	while (l->p < l->end && is_blank(*l->p))
		l->p++;
}

static bool in_set(char c, const char *extra)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(extra, c) != NULL);
}

/* [a-z0-9][a-z0-9._-]{0,62}(@[a-z0-9.-]{1,190})? */
static bool principal_ok(const char *p, size_t n)
{
	const char *at = memchr(p, '@', n);
	size_t local = at != NULL ? (size_t)(at - p) : n;

	if (local == 0 || local > PRINCIPAL_LOCAL_MAX || !in_set(p[0], ""))
		return false;
	for (size_t i = 1; i < local; i++)
		if (!in_set(p[i], "._-"))
			return false;
	if (at == NULL)
		return true;
	size_t domain = n - local - 1;
	if (domain == 0 || domain > PRINCIPAL_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < domain; i++)
		if (!in_set(at[1 + i], ".-"))
			return false;
	return true;
}

static bool take_principal(struct line *l, struct arena *a, struct signer *s)
{
	const char *start = l->p;

	while (l->p < l->end && !is_blank(*l->p))
		l->p++;
	if (!principal_ok(start, (size_t)(l->p - start)))
		return refuse(l, "a principal is one literal name such as alice or alice@example.com");
	s->principal = arena_strndup(a, start, (size_t)(l->p - start));
	return true;
}

static const struct {
	const char *name;
	unsigned int bit;
} namespace_words[] = {
	{ "git", SIGNER_GIT },
	{ "release@yett", SIGNER_RELEASE },
	{ "tick@yett", SIGNER_TICK },
	{ "status@yett", SIGNER_STATUS },
};

static unsigned int namespace_bit(const char *p, size_t n)
{
	for (size_t i = 0; i < sizeof(namespace_words) / sizeof(namespace_words[0]); i++)
		if (strlen(namespace_words[i].name) == n && memcmp(namespace_words[i].name, p, n) == 0)
			return namespace_words[i].bit;
	return 0;
}

static bool set_namespaces(struct line *l, struct signer *s, const char *p, size_t n)
{
	if (s->namespaces != 0)
		return refuse(l, "namespaces is given twice");
	for (const char *end = p + n;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma != NULL ? comma : end;
		unsigned int bit = namespace_bit(p, (size_t)(stop - p));
		if (bit == 0 || s->namespaces & bit)
			return refuse(l, "namespaces lists git, release@yett, tick@yett or status@yett, each once");
		s->namespaces |= bit;
		if (comma == NULL)
			return true;
		p = comma + 1;
	}
}

/* OpenSSH's YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ; without Z it would mean the local zone, another on each host. */
static bool parse_time(const char *p, size_t n, int64_t *t)
{
	char text[CLOCK_TEXT_MAX];

	if ((n != 9 && n != 13 && n != 15) || p[n - 1] != 'Z')
		return false;
	for (size_t i = 0; i + 1 < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", p, p + 4, p + 6, n > 9 ? p + 8 : "00",
		 n > 9 ? p + 10 : "00", n > 13 ? p + 12 : "00");
	return clock_parse(text, strlen(text), t);
}

static bool set_time(struct line *l, int64_t unset, int64_t *to, const char *p, size_t n)
{
	if (*to != unset)
		return refuse(l, "a validity option is given twice");
	if (!parse_time(p, n, to))
		return refuse(l, "a validity time is written YYYYMMDDZ or YYYYMMDDHHMMSSZ, in UTC with its Z");
	return true;
}

static bool set_option(struct line *l, struct signer *s, const char *name, size_t name_len, const char *p, size_t n)
{
	if (name_len == 10 && strncasecmp(name, "namespaces", 10) == 0)
		return set_namespaces(l, s, p, n);
	if (name_len == 11 && strncasecmp(name, "valid-after", 11) == 0)
		return set_time(l, CLOCK_EVER, &s->valid_after, p, n);
	if (name_len == 12 && strncasecmp(name, "valid-before", 12) == 0)
		return set_time(l, CLOCK_NEVER, &s->valid_before, p, n);
	return refuse(l, "the options are namespaces, valid-after and valid-before");
}

/* name="value" parted by commas, up to the blank before the key type. */
static bool take_options(struct line *l, struct signer *s)
{
	for (;;) {
		const char *name = l->p;
		while (l->p < l->end && *l->p != '=' && *l->p != ',' && !is_blank(*l->p))
			l->p++;
		size_t name_len = (size_t)(l->p - name);
		if (l->p == l->end || *l->p != '=')
			return refuse(l, name_len == 14 && strncasecmp(name, "cert-authority", 14) == 0 ?
						 "certificate authorities are not supported" :
						 "namespaces=\"...\" is required before the key");
		if (++l->p == l->end || *l->p++ != '"')
			return refuse(l, "an option's value stands in double quotes");
		const char *close = memchr(l->p, '"', (size_t)(l->end - l->p));
		if (close == NULL)
			return refuse(l, "a double quote is not closed");
		if (!set_option(l, s, name, name_len, l->p, (size_t)(close - l->p)))
			return false;
		l->p = close + 1;
		if (l->p == l->end || *l->p != ',')
			return true;
		l->p++;
	}
}

/* The wire form's own type and lengths agree with the word before it. */
static bool key_shape_ok(const uint8_t *k, size_t n, const char *type)
{
	size_t type_len = strlen(type), at = 4 + type_len;

	if (n < at + 4 + 32 || k[0] != 0 || k[1] != 0 || k[2] != 0 || k[3] != type_len ||
	    memcmp(k + 4, type, type_len) != 0 || k[at] != 0 || k[at + 1] != 0 || k[at + 2] != 0 || k[at + 3] != 32)
		return false;
	at += 4 + 32;
	if (strcmp(type, "ssh-ed25519") == 0)
		return n == at;
	return n >= at + 5 && k[at] == 0 && k[at + 1] == 0 && k[at + 2] == 0 && k[at + 3] == n - at - 4;
}

static bool take_key(struct line *l, struct arena *a, struct signer *s)
{
	static const char *const type[] = { "ssh-ed25519", "sk-ssh-ed25519@openssh.com" };
	uint8_t bytes[SSHSIG_KEY_MAX];
	const char *word = l->p, *end;
	size_t n;

	while (l->p < l->end && !is_blank(*l->p))
		l->p++;
	size_t word_len = (size_t)(l->p - word), which = 0;
	while (which < 2 && (strlen(type[which]) != word_len || memcmp(word, type[which], word_len) != 0))
		which++;
	if (which == 2)
		return refuse(l, "keys are ssh-ed25519 or sk-ssh-ed25519@openssh.com");
	skip_blanks(l);
	const char *b64 = l->p;
	while (l->p < l->end && !is_blank(*l->p))
		l->p++;
	size_t len = (size_t)(l->p - b64);
	if (sodium_base642bin(bytes, sizeof(bytes), b64, len, NULL, &n, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    end != b64 + len || !key_shape_ok(bytes, n, type[which]))
		return refuse(l, "the key is damaged");
	s->security_key = which == 1;
	s->key = arena_dup(a, bytes, n);
	s->key_len = n;
	return true;
}

static bool parse_line(struct line *l, struct arena *a, struct signer *s)
{
	*s = (struct signer){ .valid_after = CLOCK_EVER, .valid_before = CLOCK_NEVER };
	if (!take_principal(l, a, s))
		return false;
	skip_blanks(l);
	if (!take_options(l, s))
		return false;
	if (s->namespaces == 0)
		return refuse(l, "namespaces=\"...\" is required");
	if (l->p == l->end || !is_blank(*l->p))
		return refuse(l, "a key follows the options");
	skip_blanks(l);
	return take_key(l, a, s); /* what follows is a comment */
}

static bool known_key(const struct signer *v, size_t n, const struct signer *s)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].key_len == s->key_len && memcmp(v[i].key, s->key, s->key_len) == 0)
			return true;
	return false;
}

static const char *bytes_refused(const char *p, size_t n)
{
	if (n > SIGNERS_LINE_MAX)
		return "the line is longer than 1024 bytes";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] >= 0x7f || ((unsigned char)p[i] < 0x20 && p[i] != '\t'))
			return "only printable ASCII may stand here";
	return NULL;
}

int signers_parse(struct signers *s, const char *text, size_t len, struct arena *a, char *err, size_t err_size)
{
	VEC(struct signer) v = VEC_INIT;
	const char *why = len > SIGNERS_BYTES_MAX ? "the file is longer than 128 KiB" : NULL;
	unsigned int number = 0;

	*s = (struct signers){ NULL, 0 };
	for (const char *p = text, *end = text + len; why == NULL && p < end;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		struct line l = { p, lf != NULL ? lf : end, NULL };
		struct signer one;
		p = lf != NULL ? lf + 1 : end;
		number++;
		why = bytes_refused(l.p, (size_t)(l.end - l.p));
		skip_blanks(&l);
		if (why != NULL || l.p == l.end || *l.p == '#')
			continue;
		if (!parse_line(&l, a, &one))
			why = l.why;
		else if (known_key(v.v, v.n, &one))
			why = "this key stands on another line already";
		else if (v.n == SIGNERS_MAX)
			why = "there are more than 512 signers";
		one.line = number;
		vec_push(&v, one);
	}
	if (why != NULL) {
		snprintf(err, err_size, "line %u: %s", number, why);
	} else {
		s->n = v.n;
		s->v = v.n > 0 ? vec_freeze(&v, a) : NULL;
	}
	vec_release(&v);
	return why == NULL ? 0 : -1;
}

const struct signer *signers_find(const struct signers *s, const struct sshsig *sig)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].key_len == sig->key_len && memcmp(s->v[i].key, sig->key, sig->key_len) == 0)
			return &s->v[i];
	return NULL;
}
