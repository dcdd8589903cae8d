/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar types of the network: addresses, ports, keys, endpoints, selectors. */
#include <string.h>

#include "base/bug.h"
#include "types.h"

#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"

/* Why a text is not `what` ("an address"); E_IP_FORM. */
static int refuse_address(struct arena *a, enum addr_error e, const char *what, const char *text, size_t len,
			  const struct prefix *fixed, const char **code, const char **why, const char **hint)
{
	static const char *const tail[] = {
		[ADDR_MAPPED] = "is an IPv4 address inside an IPv6 one", [ADDR_ZONE] = "carries a zone",
		[ADDR_PADDED] = "holds a number with leading zeros", [ADDR_HOST_BITS] = "has host bits set",
		[ADDR_LENGTH] = "has a prefix length that is too long", [ADDR_ORDER] = "ends before it starts",
		[ADDR_FAMILY] = "mixes IPv4 and IPv6",
	};
	static const char *const advice[] = {
		[ADDR_MAPPED] = "write the IPv4 address alone", [ADDR_ZONE] = "leave the zone out",
		[ADDR_PADDED] = "write 10.0.0.1, not 010.0.0.1",
		[ADDR_LENGTH] = "at most /32 for IPv4 and /128 for IPv6", [ADDR_ORDER] = "the lower address comes first",
		[ADDR_FAMILY] = "write one range for each",
	};
	const char *quoted = type_quote(a, text, len);
	char meant[ADDR_TEXT_MAX];
	*code = "E_IP_FORM";
	*why = e < ARRAY_SIZE(tail) && tail[e] ? arena_printf(a, "%s %s", quoted, tail[e])
					       : arena_printf(a, "%s is not %s", quoted, what);
	if (e == ADDR_HOST_BITS)
		*hint = arena_printf(a, "did you mean %s?", prefix_format(*fixed, meant));
	else if (e < ARRAY_SIZE(advice) && advice[e])
		*hint = advice[e];
	return -1;
}

static int parse_address(struct arena *a, const char *text, size_t len, void *out, const char **code,
			 const char **why, const char **hint)
{
	enum addr_error e = addr_parse(text, len, out);
	if (e == ADDR_OK)
		return 0;
	const char *slash = strchr(text, '/');
	u128 ignored;
	if (slash && addr_parse(text, (size_t)(slash - text), &ignored) == ADDR_OK)
		*hint = arena_printf(a, "an address has no prefix length: %.*s", (int)(slash - text), text);
	return refuse_address(a, e, "an address", text, len, NULL, code, why, hint);
}

static const char *print_address(struct arena *a, const void *value)
{
	char text[ADDR_TEXT_MAX];
	u128 addr;
	memcpy(&addr, value, sizeof(addr));
	return arena_strdup(a, addr_format(addr, text));
}

const struct type type_address = {
	"address", sizeof(u128), parse_address, print_address,
	"{\"type\": \"string\", \"pattern\": \"^" ADDRESS_PATTERN "$\"}", "10.7.0.2, fd00::2",
};

static int parse_prefix(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
			const char **hint)
{
	struct prefix fixed;
	u128 addr;
	enum addr_error e = prefix_parse(text, len, out, &fixed);
	if (e == ADDR_OK)
		return 0;
	if (e == ADDR_SYNTAX && addr_parse(text, len, &addr) == ADDR_OK)
		*hint = arena_printf(a, "a prefix has a length: %.*s/%d for this address alone", (int)len, text,
				     addr_is_v4(addr) ? 32 : 128);
	return refuse_address(a, e, "a prefix", text, len, &fixed, code, why, hint);
}

static const char *print_prefix(struct arena *a, const void *value)
{
	char text[ADDR_TEXT_MAX];
	return arena_strdup(a, prefix_format(*(const struct prefix *)value, text));
}

const struct type type_prefix = {
	"prefix", sizeof(struct prefix), parse_prefix, print_prefix,
	"{\"type\": \"string\", \"pattern\": \"^" PREFIX_PATTERN "$\"}", "10.7.0.0/24, fd00::/64",
};

static int parse_range(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		       const char **hint)
{
	struct prefix fixed;
	enum addr_error e = range_parse(text, len, out, &fixed);
	if (e == ADDR_OK)
		return 0;
	return refuse_address(a, e, "an address, a prefix or a range", text, len, &fixed, code, why, hint);
}

static const char *print_range(struct arena *a, const void *value)
{
	char text[ADDR_TEXT_MAX];
	return arena_strdup(a, range_format(*(const struct range *)value, text));
}

#define RANGE_PATTERN ADDRESS_PATTERN "(/[0-9]{1,3}|-" ADDRESS_PATTERN ")?"

const struct type type_range = {
	"range", sizeof(struct range), parse_range, print_range,
	"{\"type\": \"string\", \"pattern\": \"^" RANGE_PATTERN "$\"}", "10.7.0.2, 10.7.0.0/24, 10.7.0.5-10.7.0.9",
};

static int parse_ports(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		       const char **hint)
{
	(void)code;
	struct port_spec *spec = out;
	spec->n = service_parse(text, len, spec->s);
	if (spec->n > 0)
		return 0;
	*why = arena_printf(a, "%s is not a protocol and port", type_quote(a, text, len));
	*hint = len > 0 && len <= 5 && type_span(text, len, DIGITS) == len
			? arena_printf(a, "say the protocol: tcp/%s", text)
			: "tcp/443, udp/5000-5100, tcp, udp, icmp, proto/47 or any";
	return -1;
}

static const char *print_ports(struct arena *a, const void *value)
{
	const struct port_spec *spec = value;
	char text[SERVICE_TEXT_MAX];
	return arena_strdup(a, spec->n == 2 ? "icmp" : service_format(spec->s[0], text));
}

const struct type type_ports = {
	"ports", sizeof(struct port_spec), parse_ports, print_ports,
	"{\"type\": \"string\", \"pattern\": "
	"\"^(any|icmp|(tcp|udp)(/[0-9]{1,5}(-[0-9]{1,5})?)?|proto/[0-9]{1,3})$\"}",
	"tcp/443, udp/5000-5100, tcp, icmp, proto/47, any",
};

static int parse_key(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		     const char **hint)
{
	switch (pubkey_parse(text, len, out)) {
	case KEY_OK: return 0;
	case KEY_FORMAT:
		*code = "E_KEY_FORMAT";
		*why = arena_printf(a, "%s is not a WireGuard public key", type_quote(a, text, len));
		*hint = "44 characters of base64, as `wg pubkey` prints them";
		return -1;
	case KEY_WEAK:
		*code = "E_KEY_WEAK";
		*why = arena_printf(a, "%s is a key that gives no secrecy (a point of low order)", type_quote(a, text, len));
		*hint = "make a new one: wg genkey | wg pubkey";
		return -1;
	}
	BUG("pubkey_parse");
}

static const char *print_key(struct arena *a, const void *value)
{
	char text[KEY_TEXT_MAX];
	return arena_strdup(a, pubkey_format(value, text));
}

const struct type type_key = {
	"key", sizeof(struct pubkey), parse_key, print_key,
	"{\"type\": \"string\", \"pattern\": \"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$\"}",
	"HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=",
};

static int refuse_endpoint(struct arena *a, const char *text, size_t len, const char *tail, const char **code,
			   const char **why, const char **hint)
{
	*code = "E_ENDPOINT";
	*why = arena_printf(a, "%s %s", type_quote(a, text, len), tail);
	*hint = "vpn.example.com:51820, 192.0.2.1:51820 or [2001:db8::1]:51820";
	return -1;
}

static bool parse_port(const char *s, uint16_t *out)
{
	size_t n = strlen(s);
	unsigned int v = 0;
	if (n == 0 || n > 5 || s[0] == '0' || type_span(s, n, DIGITS) < n)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned int)(s[i] - '0');
	*out = (uint16_t)v;
	return v <= UINT16_MAX;
}

/* Literals that no device can send to: 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3, ::, ::1, ff00::/8. */
static bool is_unreachable(u128 addr)
{
	if (!addr_is_v4(addr))
		return addr <= 1 || addr >> 120 == 0xff;
	uint32_t first = addr_v4(addr) >> 24;
	return first == 0 || first == 127 || first >= 224;
}

static bool is_localhost(const char *host, size_t n)
{
	static const char local[] = "localhost";
	size_t len = sizeof(local) - 1;
	return n >= len && strncasecmp(host + n - len, local, len) == 0 && (n == len || host[n - len - 1] == '.');
}

/* NULL when the host may stand; otherwise what is wrong with it. */
static const char *check_host(const char *host, size_t n, bool brackets)
{
	u128 addr;
	bool v4 = !brackets && type_span(host, n, DIGITS ".") == n;
	if (brackets || v4) {
		enum addr_error e = addr_parse(host, n, &addr);
		if (e == ADDR_ZONE)
			return "carries a zone, which means nothing on another machine";
		if (e == ADDR_MAPPED)
			return "holds an IPv4 address inside an IPv6 one";
		if (e != ADDR_OK || addr_is_v4(addr) != v4)
			return v4 ? "does not hold an IPv4 address" : "does not hold an IPv6 address";
		return is_unreachable(addr) ? "is an address that nobody else can reach" : NULL;
	}
	if (is_localhost(host, n))
		return "is an address that nobody else can reach";
	return type_is_domain(host, n) ? NULL : "does not hold a host name";
}

static int parse_endpoint(struct arena *a, const char *text, size_t len, void *out, const char **code,
			  const char **why, const char **hint)
{
	struct endpoint *e = out;
	const char *colon = strrchr(text, ':');
	bool brackets = text[0] == '[';
	if (!brackets && colon != strchr(text, ':'))
		return refuse_endpoint(a, text, len, "has an IPv6 address without brackets", code, why, hint);
	if (!colon || (brackets && (colon - text < 2 || colon[-1] != ']')))
		return refuse_endpoint(a, text, len, "has no port", code, why, hint);
	const char *host = text + brackets;
	size_t n = (size_t)(colon - text) - (brackets ? 2 : 0);
	const char *tail = check_host(host, n, brackets);
	if (!tail && !parse_port(colon + 1, &e->port))
		tail = "has a port that is not 1 to 65535";
	if (tail)
		return refuse_endpoint(a, text, len, tail, code, why, hint);
	e->host = arena_strndup(a, host, n);
	e->is_v6 = brackets;
	return 0;
}

static const char *print_endpoint(struct arena *a, const void *value)
{
	const struct endpoint *e = value;
	return arena_printf(a, e->is_v6 ? "[%s]:%u" : "%s:%u", e->host, e->port);
}

const struct type type_endpoint = {
	"endpoint", sizeof(struct endpoint), parse_endpoint, print_endpoint,
	"{\"type\": \"string\", \"pattern\": \"^(" DOMAIN_PATTERN "|\\\\[[0-9A-Fa-f:.]+\\\\]):[1-9][0-9]{0,4}$\"}",
	"vpn.example.com:51820, 192.0.2.1:51820, [2001:db8::1]:51820",
};

const char *const selector_words[SEL_COUNT] = {
	[SEL_USER] = "user", [SEL_GROUP] = "group", [SEL_DEVICE] = "device", [SEL_TAG] = "tag", [SEL_PLAN] = "plan",
	[SEL_SITE] = "site", [SEL_GATEWAY] = "gateway", [SEL_RESOURCE] = "resource",
	[SEL_SELF] = "self", [SEL_ANY] = "any", [SEL_INTERNET] = "internet",
};

static bool is_named(enum selector_kind k)
{
	return k < SEL_SELF;
}

static int refuse_selector(struct arena *a, const char *text, size_t len, size_t head, const char **why,
			   const char **hint)
{
	const char *word = arena_strndup(a, text, head);
	const char *near = diag_nearest(word, selector_words, SEL_RANGE);
	const char *code, *ignored_why, *ignored_hint;
	*why = arena_printf(a, "%s is not a selector", type_quote(a, text, len));
	*hint = "user:, group:, device:, tag:, plan:, site:, gateway: or resource: and a name; self, any, internet; "
		"an address, a prefix or a range";
	if (near && strcmp(near, word) == 0)
		*hint = head == len ? arena_printf(a, "a name follows: %s:NAME", word) : arena_printf(a, "%s stands alone", word);
	else if (near)
		*hint = arena_printf(a, "did you mean %s%.*s?", near, (int)(len - head), text + head);
	else if (head == len && type_check_name(a, text, len, &code, &ignored_why, &ignored_hint) == 0)
		*hint = arena_printf(a, "say what it names: user:%s, group:%s, tag:%s, ...", text, text, text);
	return -1;
}

static int parse_selector(struct arena *a, const char *text, size_t len, void *out, const char **code,
			  const char **why, const char **hint)
{
	struct selector *sel = out;
	const char *colon = memchr(text, ':', len);
	size_t head = colon ? (size_t)(colon - text) : len;
	*sel = (struct selector){ .kind = SEL_RANGE };
	for (enum selector_kind k = 0; k < SEL_RANGE; k++) {
		const char *word = selector_words[k];
		if (strlen(word) != head || memcmp(text, word, head) != 0 || (colon != NULL) != is_named(k))
			continue;
		sel->kind = k;
		if (!colon)
			return 0;
		sel->name = colon + 1;
		return type_check_name(a, colon + 1, len - head - 1, code, why, hint);
	}
	if (type_span(text, len, DIGITS) > 0 || (colon && type_span(text, len, HEX_DIGITS ":.%/-") == len))
		return parse_range(a, text, len, &sel->range, code, why, hint);
	return refuse_selector(a, text, len, head, why, hint);
}

static const char *print_selector(struct arena *a, const void *value)
{
	const struct selector *sel = value;
	if (sel->kind == SEL_RANGE)
		return print_range(a, &sel->range);
	return sel->name ? arena_printf(a, "%s:%s", selector_words[sel->kind], sel->name) : selector_words[sel->kind];
}

const struct type type_selector = {
	"selector", sizeof(struct selector), parse_selector, print_selector,
	"{\"type\": \"string\", \"pattern\": \"^(self|any|internet|"
	"(user|group|device|tag|plan|site|gateway|resource):" NAME_PATTERN "|" RANGE_PATTERN ")$\"}",
	"user:alice, group:ops, tag:prod, resource:db, any, internet, 10.7.0.0/24",
};
