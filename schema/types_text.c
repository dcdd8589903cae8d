/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar types that stay text: names, strings, host names, URLs, interface names. */
#include <string.h>

#include "base/bug.h"
#include "base/utf8.h"
#include "types.h"

#define QUOTE_MAX 60
#define NAME_MAX_LEN 63
#define IFNAME_MAX_LEN 15 /* linux/if.h: IFNAMSIZ with its NUL is 16 */
#define DOMAIN_MAX_LEN 253
#define LABEL_MAX_LEN 63

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

const char *type_quote(struct arena *a, const char *text, size_t len)
{
	if (len <= QUOTE_MAX)
		return arena_printf(a, "\"%.*s\"", (int)len, text);
	size_t cut = QUOTE_MAX;
	while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut--;
	return arena_printf(a, "\"%.*s…\"", (int)cut, text);
}

size_t type_span(const char *text, size_t len, const char *set)
{
	size_t i = 0;
	while (i < len && text[i] && strchr(set, text[i]))
		i++;
	return i;
}

static const char *print_text(struct arena *a, const void *value)
{
	const char *s = *(const char *const *)value;
	return arena_strdup(a, s ? s : "");
}

/* Says which character of a name is wrong; a letter of another script looks like the right one. */
static const char *bad_character(struct arena *a, const char *text, size_t len, size_t at)
{
	uint32_t cp;
	size_t n = utf8_next(text + at, len - at, &cp);
	const char *quoted = type_quote(a, text, len);
	if (n == 0)
		return arena_printf(a, "%s is not a name: it holds a byte that is not UTF-8", quoted);
	if (n == 1 && cp > ' ' && cp < 0x7f)
		return arena_printf(a, "%s is not a name: it holds \"%c\"", quoted, (char)cp);
	if (n == 1)
		return arena_printf(a, "%s is not a name: it holds %s", quoted, cp == ' ' ? "a space" : "a control character");
	return arena_printf(a, "%s is not a name: it holds \"%.*s\" (U+%04X), which is not one of a-z", quoted, (int)n,
			    text + at, cp);
}

/* The same in lower case, where that is a name. */
static const char *lower_name(struct arena *a, const char *text, size_t len)
{
	char *low = arena_strndup(a, text, len);
	for (size_t i = 0; i < len; i++)
		if (low[i] >= 'A' && low[i] <= 'Z')
			low[i] = (char)(low[i] - 'A' + 'a');
	const char *code, *why, *hint;
	bool changed = memcmp(low, text, len) != 0;
	return changed && type_check_name(a, low, len, &code, &why, &hint) == 0 ? low : NULL;
}

static bool is_edge(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int type_check_name(struct arena *a, const char *text, size_t len, const char **code, const char **why,
		    const char **hint)
{
	size_t at = type_span(text, len, LOWER DIGITS "._@+-");
	if (len > 0 && len <= NAME_MAX_LEN && at == len && is_edge(text[0]) && is_edge(text[len - 1]))
		return 0;
	*code = "E_NAME";
	*hint = "a name is 1 to 63 of a-z, 0-9 and ._@+-, with a letter or digit at both ends";
	if (len == 0)
		*why = "a name is missing";
	else if (at < len)
		*why = bad_character(a, text, len, at);
	else if (len > NAME_MAX_LEN)
		*why = arena_printf(a, "%s is not a name: it has %zu characters", type_quote(a, text, len), len);
	else
		*why = arena_printf(a, "%s is not a name: it %s with \"%c\"", type_quote(a, text, len),
				    is_edge(text[0]) ? "ends" : "starts", is_edge(text[0]) ? text[len - 1] : text[0]);
	const char *low = at < len && len <= NAME_MAX_LEN ? lower_name(a, text, len) : NULL;
	if (low)
		*hint = arena_printf(a, "names have no capitals: write %s", low);
	return -1;
}

static int parse_name(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		      const char **hint)
{
	if (type_check_name(a, text, len, code, why, hint) < 0)
		return -1;
	*(const char **)out = text;
	return 0;
}

#define NAME_SCHEMA \
	"{\"type\": [\"string\", \"number\", \"boolean\"], \"pattern\": \"^" NAME_PATTERN "$\", " \
	"\"description\": \"1 to 63 of a-z, 0-9 and ._@+-, with a letter or digit at both ends\"}"

const struct type type_name = {
	"name", sizeof(const char *), parse_name, print_text, NAME_SCHEMA, "alice, alice@example.com, hq-2",
};

const struct type type_tag = {
	"tag", sizeof(const char *), parse_name, print_text, NAME_SCHEMA, "prod, pci, on-call",
};

/* Controls, and what turns the direction of text or hides in it: a review would not show what is written. */
static bool is_hidden(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

static int check_visible(struct arena *a, const char *text, size_t len, const char *allowed, const char **code,
			 const char **why)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp = (unsigned char)text[i];
		size_t n = utf8_next(text + i, len - i, &cp);
		if (n == 0 || (is_hidden(cp) && !(cp && cp < 0x80 && strchr(allowed, (int)cp)))) {
			*code = "E_BYTES";
			*why = arena_printf(a, "this text holds the invisible character U+%04X%s", cp,
					    cp == '\n' ? ", a line break" : "");
			return -1;
		}
		i += n;
	}
	return 0;
}

static int parse_string(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
			const char **hint)
{
	(void)hint;
	if (check_visible(a, text, len, "", code, why) < 0)
		return -1;
	*(const char **)out = text;
	return 0;
}

static int parse_text(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		      const char **hint)
{
	(void)hint;
	if (check_visible(a, text, len, "\n\t", code, why) < 0)
		return -1;
	*(const char **)out = text;
	return 0;
}

#define STRING_SCHEMA "{\"type\": [\"string\", \"number\", \"boolean\"]}"

const struct type type_string = {
	"string", sizeof(const char *), parse_string, print_text, STRING_SCHEMA, "Frankfurt, \"no\"",
};

const struct type type_text = {
	"text", sizeof(const char *), parse_text, print_text, STRING_SCHEMA, "the on-call phone",
};

static bool is_label(const char *s, size_t n)
{
	return n > 0 && n <= LABEL_MAX_LEN && s[0] != '-' && s[n - 1] != '-' &&
	       type_span(s, n, LOWER UPPER DIGITS "-") == n;
}

bool type_is_domain(const char *text, size_t len)
{
	if (len == 0 || len > DOMAIN_MAX_LEN)
		return false;
	for (;;) {
		const char *dot = memchr(text, '.', len);
		size_t n = dot ? (size_t)(dot - text) : len;
		if (!is_label(text, n))
			return false;
		if (!dot)
			return type_span(text, n, DIGITS) < n;
		text += n + 1;
		len -= n + 1;
		if (len == 0)
			return false;
	}
}

static int parse_domain(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
			const char **hint)
{
	(void)code;
	if (!type_is_domain(text, len)) {
		*why = arena_printf(a, "%s is not a domain name", type_quote(a, text, len));
		*hint = "labels of letters, digits and hyphens, joined by dots: corp.example.com";
		return -1;
	}
	*(const char **)out = text;
	return 0;
}

const struct type type_domain = {
	"domain", sizeof(const char *), parse_domain, print_text,
	"{\"type\": [\"string\", \"number\", \"boolean\"], \"pattern\": \"^" DOMAIN_PATTERN "$\", \"maxLength\": 253}",
	"corp.example.com, internal",
};

/* RFC 3986: the characters a URL may hold, quotes and blanks not among them. */
#define URL_SET LOWER UPPER DIGITS "-._~:/?#[]@!$&'()*+,;=%"

static int parse_url(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		     const char **hint)
{
	(void)code;
	size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
	if (scheme == 0 || len == scheme || strchr("/?#:", text[scheme]) || type_span(text, len, URL_SET) < len) {
		*why = arena_printf(a, "%s is not a URL", type_quote(a, text, len));
		*hint = "a URL starts with http:// or https:// and a host: https://gw.example.com/health";
		return -1;
	}
	*(const char **)out = text;
	return 0;
}

const struct type type_url = {
	"url", sizeof(const char *), parse_url, print_text,
	"{\"type\": \"string\", \"pattern\": \"^https?://[^/?#:\\\\s][^\\\\s]*$\"}", "https://gw.example.com/health",
};

static int parse_interface(struct arena *a, const char *text, size_t len, void *out, const char **code,
			   const char **why, const char **hint)
{
	static const char *const taken[] = { "lo", "eth0", "all", "default", ".", ".." };
	*code = "E_IFNAME";
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		if (strcmp(text, taken[i]) != 0)
			continue;
		*why = arena_printf(a, "a WireGuard interface cannot be called %s", type_quote(a, text, len));
		*hint = "leave it out for wg0";
		return -1;
	}
	if (len == 0 || len > IFNAME_MAX_LEN || type_span(text, len, LOWER UPPER DIGITS "_.-") < len) {
		*why = arena_printf(a, "%s is not a name of an interface", type_quote(a, text, len));
		*hint = "1 to 15 of a-z, A-Z, 0-9 and _.-";
		return -1;
	}
	*(const char **)out = text;
	return 0;
}

const struct type type_interface = {
	"interface", sizeof(const char *), parse_interface, print_text,
	"{\"type\": [\"string\", \"number\", \"boolean\"], \"pattern\": \"^[a-zA-Z0-9_.-]{1,15}$\", "
	"\"not\": {\"enum\": [\"lo\", \"eth0\", \"all\", \"default\", \".\", \"..\"]}}",
	"wg0, wg-fra",
};
