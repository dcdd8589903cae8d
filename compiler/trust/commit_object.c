/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/commit_object.h"

#include <stdbool.h>
#include <string.h>

#define HEX_SHA1 40
#define HEX_SHA256 64
#define TIME_DIGITS_MAX 12

/* The header being read: lines end in LF; p never passes end. */
struct cursor {
	const char *p, *end;
};

/* One line without its LF, only when it begins with name; the cursor then stands after it. */
static bool take_line(struct cursor *c, const char *name, const char **value, size_t *len)
{
	size_t n = strlen(name);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, name, n) != 0)
		return false;
	const char *lf = memchr(c->p + n, '\n', (size_t)(c->end - c->p) - n);
	if (lf == NULL)
		return false;
	*value = c->p + n;
	*len = (size_t)(lf - *value);
	c->p = lf + 1;
	return true;
}

static bool is_hex(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
	return true;
}

static bool take_tree(struct cursor *c, struct commit_object *out)
{
	return take_line(c, "tree ", &out->tree, &out->hex_len) &&
	       (out->hex_len == HEX_SHA1 || out->hex_len == HEX_SHA256) && is_hex(out->tree, out->hex_len);
}

static bool take_parents(struct cursor *c, struct commit_object *out)
{
	const char *hex;
	size_t len;

	while (take_line(c, "parent ", &hex, &len)) {
		if (out->nparents == COMMIT_PARENTS_MAX || len != out->hex_len || !is_hex(hex, len))
			return false;
		out->parent[out->nparents++] = hex;
	}
	return true;
}

static size_t count(const char *p, size_t n, char c)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += p[i] == c;
	return found;
}

static size_t digits(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return (size_t)(p - start);
}

/* NAME <EMAIL> SECONDS +ZONE, as git itself writes it; others read other names out of other forms. */
static bool ident_ok(const char *p, size_t len)
{
	const char *end = p + len, *mail = memchr(p, '<', len), *close = memchr(p, '>', len);

	if (count(p, len, '<') != 1 || count(p, len, '>') != 1 || close < mail || (mail > p && mail[-1] != ' '))
		return false;
	const char *time = close + 2;
	if (end - close < 2 || close[1] != ' ')
		return false;
	size_t n = digits(time, end);
	const char *zone = time + n;
	return n >= 1 && n <= TIME_DIGITS_MAX && end - zone == 6 && zone[0] == ' ' && (zone[1] == '+' || zone[1] == '-') &&
	       digits(zone + 2, end) == 4;
}

static bool take_people(struct cursor *c)
{
	const char *value;
	size_t len;

	if (!take_line(c, "author ", &value, &len) || !ident_ok(value, len))
		return false;
	if (!take_line(c, "committer ", &value, &len) || !ident_ok(value, len))
		return false;
	if (take_line(c, "encoding ", &value, &len) && len == 0)
		return false;
	return true;
}

static void append(char *to, size_t *n, const char *from, size_t len)
{
	memcpy(to + *n, from, len);
	*n += len;
}

/* gpgsig (gpgsig-sha256 where the repository's hash is SHA-256) and its continuation lines, less name and space. */
static void take_signature(struct cursor *c, struct commit_object *out, char *armor)
{
	const char *line;
	size_t len;

	if (!take_line(c, out->hex_len == HEX_SHA1 ? "gpgsig " : "gpgsig-sha256 ", &line, &len))
		return;
	do
		append(armor, &out->armor_len, line, len + 1);
	while (take_line(c, " ", &line, &len));
	out->armor = armor;
}

enum commit_error commit_object_split(const char *object, size_t len, char *scratch, struct commit_object *out)
{
	struct cursor c = { object, object + len };
	size_t payload_len = 0;

	memset(out, 0, sizeof(*out));
	if (len > COMMIT_OBJECT_MAX)
		return COMMIT_SIZE;
	if (memchr(object, '\0', len) != NULL)
		return COMMIT_NUL;
	if (!take_tree(&c, out) || !take_parents(&c, out) || !take_people(&c))
		return COMMIT_HDR;
	append(scratch, &payload_len, object, (size_t)(c.p - object));
	take_signature(&c, out, scratch + len);
	if (c.p == c.end || *c.p != '\n')
		return COMMIT_HDR; /* another header, or a second one */
	append(scratch, &payload_len, c.p, (size_t)(c.end - c.p));
	out->payload = scratch;
	out->payload_len = payload_len;
	out->message = c.p + 1;
	out->message_len = (size_t)(c.end - c.p) - 1;
	return out->armor_len > 0 ? COMMIT_OK : COMMIT_UNSIGNED;
}

enum commit_error commit_object_links(const char *object, size_t len, struct commit_object *out)
{
	struct cursor c = { object, object + len };

	memset(out, 0, sizeof(*out));
	return take_tree(&c, out) && take_parents(&c, out) ? COMMIT_OK : COMMIT_HDR;
}

const char *commit_error_code(enum commit_error e)
{
	switch (e) {
	case COMMIT_OK: return "OK";
	case COMMIT_SIZE: return "E_SIZE";
	case COMMIT_NUL: return "E_NUL";
	case COMMIT_HDR: return "E_HDR";
	case COMMIT_UNSIGNED: return "E_UNSIGNED";
	}
	return "E_HDR";
}
