/* SPDX-License-Identifier: Apache-2.0 */
#include "import/wg_conf.h"

#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "base/bug.h"
#include "base/utf8.h"
#include "types.h"

#define HINT_MAX 40 /* characters of a comment that may be a name */

enum section { SECTION_NONE, SECTION_INTERFACE, SECTION_PEER };

struct reader {
	struct wg_conf *c;
	struct import *im;
	uint32_t file, line;
	enum section section;
	bool interface_seen;
	struct wg_peer *peer;
	const char *above;   /* the comment line right before this line, or NULL */
	const char *pending; /* a "# Name = ..." whose section the next line tells, or NULL */
	size_t naddresses;
	uint64_t seen; /* keys that stand once a section: bits of rows */
};

struct value {
	const char *s;
	size_t n;
	struct loc loc;
};

static bool wrong(struct reader *r, struct loc loc, const char *why)
{
	return import_refuse(r->im, loc, "%s", why);
}

/* ---- values ---- */

static bool read_number(const char *s, size_t n, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = (uint32_t)v;
	return v <= max;
}

static bool number_key(struct reader *r, struct value v, uint32_t max, const char *what, struct wg_number *out)
{
	out->set = true;
	out->loc = v.loc;
	if (read_number(v.s, v.n, max, &out->value))
		return true;
	return import_refuse(r->im, v.loc, "%s is a number from 0 to %u", what, max);
}

static bool listen_port(struct reader *r, struct value v)
{
	return number_key(r, v, 65535, "ListenPort", &r->c->listen_port);
}

static bool mtu(struct reader *r, struct value v)
{
	return number_key(r, v, 65535, "MTU", &r->c->mtu);
}

static bool keepalive(struct reader *r, struct value v)
{
	if (v.n == 3 && strncasecmp(v.s, "off", 3) == 0)
		v = (struct value){"0", 1, v.loc};
	return number_key(r, v, 65535, "PersistentKeepalive", &r->peer->keepalive);
}

/* Derives the public half and forgets the rest. */
static bool private_key(struct reader *r, struct value v)
{
	unsigned char secret[crypto_scalarmult_SCALARBYTES];
	size_t n = 0;
	const char *end = NULL;
	bool ok = v.n == KEY_TEXT_MAX - 1 &&
		  sodium_base642bin(secret, sizeof(secret), v.s, v.n, NULL, &n, &end, sodium_base64_VARIANT_ORIGINAL) ==
			  0 &&
		  n == sizeof(secret) && end == v.s + v.n && crypto_scalarmult_base(r->c->key.b, secret) == 0;

	sodium_memzero(secret, sizeof(secret));
	r->c->has_key = ok;
	return ok || wrong(r, v.loc, "PrivateKey is not a key: 44 characters of base64");
}

static bool public_key(struct reader *r, struct value v)
{
	enum key_error e = pubkey_parse(v.s, v.n, &r->peer->key);

	r->peer->has_key = e == KEY_OK;
	return e == KEY_OK || wrong(r, v.loc,
				    e == KEY_WEAK ? "PublicKey is a weak key, which nobody should have"
						  : "PublicKey is not a key: 44 characters of base64");
}

static bool preshared_key(struct reader *r, struct value v)
{
	import_note(r->im, v.loc, "PresharedKey is a secret and is not carried over; give the device a new one");
	return true;
}

/* address[/len]; host bits may be set. */
static bool read_address(const char *s, size_t n, struct wg_address *out)
{
	const char *slash = memchr(s, '/', n);
	size_t len = slash ? (size_t)(slash - s) : n;
	uint32_t bits;

	if (addr_parse(s, len, &out->addr) != ADDR_OK)
		return false;
	uint32_t max = addr_is_v4(out->addr) ? 32 : 128;
	bits = max;
	if (slash != NULL && !read_number(slash + 1, n - len - 1, max, &bits))
		return false;
	out->len = (uint8_t)bits;
	return true;
}

/* Calls one(arg, item) for each item of a list with commas. An empty item is an error unless the whole list is empty.
 */
static bool each_item(struct reader *r, struct value v, bool (*one)(struct reader *r, struct value item))
{
	for (size_t i = 0; i <= v.n;) {
		const char *comma = memchr(v.s + i, ',', v.n - i);
		size_t end = comma ? (size_t)(comma - v.s) : v.n, b = i, e = end;
		while (b < e && (v.s[b] == ' ' || v.s[b] == '\t'))
			b++;
		while (e > b && (v.s[e - 1] == ' ' || v.s[e - 1] == '\t'))
			e--;
		if (b == e)
			return wrong(r, v.loc, "an entry between two commas is empty");
		if (!one(r, (struct value){v.s + b, e - b, {v.loc.file, v.loc.line, v.loc.col + (uint32_t)b}}))
			return false;
		i = end + 1;
	}
	return true;
}

static bool add_address(struct reader *r, struct value v, wg_addresses *out, const char *what)
{
	struct wg_address a = {.loc = v.loc};

	if (!read_address(v.s, v.n, &a))
		return import_refuse(r->im, v.loc, "%s holds what is not an address or a prefix", what);
	if (++r->naddresses > WG_CONF_ADDRESSES_MAX)
		return wrong(r, v.loc, "the file has too many addresses");
	vec_push(out, a);
	return true;
}

static bool one_address(struct reader *r, struct value v)
{
	if (r->c->address.n >= WG_CONF_OWN_MAX)
		return wrong(r, v.loc, "an [Interface] has too many addresses");
	return add_address(r, v, &r->c->address, "Address");
}

static bool one_allowed(struct reader *r, struct value v)
{
	return add_address(r, v, &r->peer->allowed, "AllowedIPs");
}

static bool one_dns(struct reader *r, struct value v)
{
	u128 a;

	if (addr_parse(v.s, v.n, &a) == ADDR_OK)
		return add_address(r, v, &r->c->dns, "DNS");
	if (!type_is_domain(v.s, v.n))
		return wrong(r, v.loc, "DNS holds what is neither an address nor a domain");
	vec_push(&r->c->search, ((struct wg_text){arena_strndup(r->im->a, v.s, v.n), v.loc}));
	return true;
}

static bool address(struct reader *r, struct value v)
{
	return each_item(r, v, one_address);
}

static bool allowed_ips(struct reader *r, struct value v)
{
	return each_item(r, v, one_allowed);
}

static bool dns(struct reader *r, struct value v)
{
	return each_item(r, v, one_dns);
}

static bool endpoint(struct reader *r, struct value v)
{
	struct wg_peer *p = r->peer;
	const char *colon = memrchr(v.s, ':', v.n);
	size_t n = colon ? (size_t)(colon - v.s) : 0;
	const char *host = v.s;
	uint32_t port = 0;
	u128 a;
	bool bracket = n > 2 && host[0] == '[' && host[n - 1] == ']';

	if (bracket) {
		host++;
		n -= 2;
	}
	bool is_address = n > 0 && addr_parse(host, n, &a) == ADDR_OK;
	if (colon == NULL || (bracket	   ? !is_address || addr_is_v4(a)
			      : is_address ? !addr_is_v4(a)
					   : !type_is_domain(host, n)))
		return wrong(
			r, v.loc,
			"Endpoint is a host and a port: vpn.example.com:51820, 192.0.2.1:51820, [2001:db8::1]:51820");
	if (!read_number(colon + 1, v.n - (size_t)(colon + 1 - v.s), 65535, &port) || port == 0)
		return wrong(r, v.loc, "the port of Endpoint is a number from 1 to 65535");
	p->host = arena_strndup(r->im->a, v.s, (size_t)(colon - v.s));
	p->port = (uint16_t)port;
	p->endpoint_loc = v.loc;
	return true;
}

/* ---- the keys ---- */

struct row {
	const char *key;
	enum section section;
	bool many;					/* may stand again */
	bool (*read)(struct reader *r, struct value v); /* NULL: left out */
	const char *why;
};

static const struct row rows[] = {
	{"Address", SECTION_INTERFACE, true, address, NULL},
	{"DNS", SECTION_INTERFACE, true, dns, NULL},
	{"FwMark", SECTION_INTERFACE, false, NULL, "marks of the tunnel's own packets are not set here"},
	{"ListenPort", SECTION_INTERFACE, false, listen_port, NULL},
	{"MTU", SECTION_INTERFACE, false, mtu, NULL},
	{"PostDown", SECTION_INTERFACE, true, NULL,
	 "no commands are run; forwarding, NAT and rules come from the tree"},
	{"PostUp", SECTION_INTERFACE, true, NULL, "no commands are run; forwarding, NAT and rules come from the tree"},
	{"PreDown", SECTION_INTERFACE, true, NULL, "no commands are run; forwarding, NAT and rules come from the tree"},
	{"PreUp", SECTION_INTERFACE, true, NULL, "no commands are run; forwarding, NAT and rules come from the tree"},
	{"PrivateKey", SECTION_INTERFACE, false, private_key, NULL},
	{"SaveConfig", SECTION_INTERFACE, false, NULL, "the tree is what is true, and nothing is saved back to it"},
	{"Table", SECTION_INTERFACE, false, NULL, "routes follow what a device may reach"},
	{"AllowedIPs", SECTION_PEER, true, allowed_ips, NULL},
	{"Endpoint", SECTION_PEER, false, endpoint, NULL},
	{"PersistentKeepalive", SECTION_PEER, false, keepalive, NULL},
	{"PresharedKey", SECTION_PEER, false, preshared_key, NULL},
	{"PublicKey", SECTION_PEER, false, public_key, NULL},
};

static const struct row *find_row(enum section section, const char *key, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].section == section && strlen(rows[i].key) == n && strncasecmp(rows[i].key, key, n) == 0)
			return &rows[i];
	return NULL;
}

/* A key is letters; a line that is no assignment may hold a secret and is not shown. */
static bool is_key_word(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z')))
			return false;
	return n > 0 && n < 30;
}

static bool read_assignment(struct reader *r, const char *s, size_t n, uint32_t col)
{
	static const char *const where[] = {"outside a section", "in [Interface]", "in [Peer]"};
	struct loc loc = {r->file, r->line, col};
	const char *eq = memchr(s, '=', n);
	size_t klen = eq ? (size_t)(eq - s) : 0;

	while (klen > 0 && (s[klen - 1] == ' ' || s[klen - 1] == '\t'))
		klen--;
	if (eq == NULL || !is_key_word(s, klen))
		return wrong(r, loc, "this line is neither a [section] nor \"Key = value\"");
	const struct row *row = find_row(r->section, s, klen);
	if (row == NULL)
		return import_refuse(r->im, loc, "there is no key %.*s %s", (int)klen, s, where[r->section]);
	uint64_t bit = (uint64_t)1 << (row - rows);
	if (!row->many && r->seen & bit)
		return import_refuse(r->im, loc, "%s stands twice in one section", row->key);
	r->seen |= bit;
	struct value v = {eq + 1, n - (size_t)(eq + 1 - s), loc};
	while (v.n > 0 && (v.s[0] == ' ' || v.s[0] == '\t')) {
		v.s++;
		v.n--;
	}
	v.loc.col = col + (uint32_t)(v.s - s);
	if (v.n == 0)
		return row->read == allowed_ips || import_refuse(r->im, loc, "%s has no value", row->key);
	if (row->read != NULL)
		return row->read(r, v);
	import_note(r->im, loc, "%s is not carried over: %s", row->key, row->why);
	return true;
}

/* ---- comments ---- */

/* What may be a key: a run of 40 or more characters of base64 or hexadecimal. */
static bool may_hold_key(const char *s, size_t n)
{
	size_t run = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		bool in = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			  strchr("+/=-_", c);
		run = in && c ? run + 1 : 0;
		if (run >= 40)
			return true;
	}
	return false;
}

static const char *name_in(struct reader *r, const char *s, size_t n)
{
	static const char *const words[] = {"name", "friendly_name", "friendlyname"};

	for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
		size_t len = strlen(words[k]);
		if (n <= len || strncasecmp(s, words[k], len) != 0)
			continue;
		size_t i = len;
		while (i < n && (s[i] == ' ' || s[i] == '\t'))
			i++;
		if (i == n || (s[i] != '=' && s[i] != ':'))
			continue;
		for (i++; i < n && (s[i] == ' ' || s[i] == '\t');)
			i++;
		return i < n ? arena_strndup(r->im->a, s + i, n - i) : NULL;
	}
	return NULL;
}

static void read_comment(struct reader *r, const char *s, size_t n)
{
	struct loc loc = {r->file, r->line, 1};

	while (n > 0 && strchr("# \t", *s) && *s) {
		s++;
		n--;
	}
	if (n == 0)
		return;
	if (may_hold_key(s, n)) {
		import_note(r->im, loc, "a comment that may hold a key is not carried over");
		return;
	}
	const char *name = name_in(r, s, n);
	if (name != NULL) {
		r->pending = name;
		return;
	}
	r->above = arena_strndup(r->im->a, s, n);
	if (r->section == SECTION_PEER && r->seen == 0 && r->peer->hint == NULL && n <= HINT_MAX)
		r->peer->hint = r->above;
	struct wg_text t = {r->above, loc};
	if (r->section == SECTION_PEER)
		vec_push(&r->peer->comment, t);
	else
		vec_push(&r->c->comment, t);
}

/* The comment right above [Peer] speaks of that peer. */
static void take_comment_above(struct reader *r, struct wg_peer *to)
{
	wg_texts *from = r->section == SECTION_PEER ? &r->peer->comment : &r->c->comment;

	if (r->above == NULL || from->n == 0)
		return;
	struct wg_text t = from->v[--from->n];
	if (strlen(t.text) <= HINT_MAX)
		to->hint = t.text;
	vec_push(&to->comment, t);
}

static void settle_name(struct reader *r)
{
	const char **slot = r->section == SECTION_PEER ? &r->peer->name : &r->c->name;

	if (r->pending != NULL && *slot == NULL)
		*slot = r->pending;
	r->pending = NULL;
}

/* ---- lines ---- */

static bool finish_section(struct reader *r)
{
	if (r->section == SECTION_PEER && !r->peer->has_key &&
	    !(r->seen & (uint64_t)1 << (find_row(SECTION_PEER, "PublicKey", 9) - rows)))
		return wrong(r, r->peer->loc, "this [Peer] has no PublicKey");
	return true;
}

static bool begin_peer(struct reader *r, struct loc loc)
{
	struct wg_peer fresh = {.loc = loc};

	if (r->c->peer.n >= WG_CONF_PEERS_MAX)
		return wrong(r, loc, "the file has too many peers");
	take_comment_above(r, &fresh);
	fresh.name = r->pending;
	r->pending = NULL;
	vec_push(&r->c->peer, fresh);
	r->peer = &r->c->peer.v[r->c->peer.n - 1];
	r->section = SECTION_PEER;
	return true;
}

static bool read_section(struct reader *r, const char *s, size_t n, uint32_t col)
{
	struct loc loc = {r->file, r->line, col};
	bool ok = finish_section(r);

	r->seen = 0;
	if (n == strlen("[Peer]") && strncasecmp(s, "[Peer]", n) == 0)
		return begin_peer(r, loc) && ok;
	if (n != strlen("[Interface]") || strncasecmp(s, "[Interface]", n) != 0)
		return wrong(r, loc, "the sections of such a file are [Interface] and [Peer]");
	if (r->interface_seen)
		return wrong(r, loc, "a second [Interface]");
	r->interface_seen = true;
	r->section = SECTION_INTERFACE;
	r->c->loc = loc;
	return ok;
}

static bool read_line(struct reader *r, const char *s, size_t n)
{
	const char *hash = memchr(s, '#', n);
	size_t len = hash ? (size_t)(hash - s) : n, i = 0;

	while (i < len && (s[i] == ' ' || s[i] == '\t'))
		i++;
	while (len > i && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\r'))
		len--;
	bool ok = true;
	if (len == i || s[i] != '[')
		settle_name(r);
	if (len > i)
		ok = s[i] == '[' ? read_section(r, s + i, len - i, (uint32_t)i + 1)
				 : read_assignment(r, s + i, len - i, (uint32_t)i + 1);
	r->above = NULL;
	size_t end = n > 0 && s[n - 1] == '\r' ? n - 1 : n;
	if (hash != NULL && (size_t)(hash - s) < end)
		read_comment(r, hash, end - (size_t)(hash - s));
	if (len > i)
		r->above = NULL;
	return ok;
}

static bool check_text(struct reader *r, const char *data, size_t len)
{
	r->line = 1;
	for (size_t i = 0, begin = 0; i < len;) {
		uint32_t cp;
		size_t n = utf8_next(data + i, len - i, &cp);
		struct loc loc = {r->file, r->line, (uint32_t)(i - begin + 1)};
		if (n == 0 || (cp < 0x20 && !strchr("\t\r\n", (int)cp)) || cp == 0)
			return wrong(r, loc, n == 0 ? "a byte that is not UTF-8" : "a control character");
		if (i - begin > WG_CONF_LINE_MAX)
			return wrong(r, loc, "a line is longer than 64 KiB");
		i += n;
		if (cp == '\n') {
			r->line++;
			begin = i;
		}
	}
	return true;
}

/* After a broken header nothing can be said of the lines below it. */
static bool read_lines(struct reader *r, const char *data, size_t len)
{
	bool ok = true;

	r->line = 0;
	for (size_t i = 0; i < len;) {
		const char *nl = memchr(data + i, '\n', len - i);
		size_t n = nl ? (size_t)(nl - data) - i : len - i;
		size_t errors = r->im->d->errors;
		r->line++;
		if (!read_line(r, data + i, n)) {
			ok = false;
			if (memchr(data + i, '[', n) != NULL && r->im->d->errors > errors)
				return false;
		}
		i += n + 1;
	}
	return ok;
}

bool wg_conf_parse(struct wg_conf *c, struct import *im, uint32_t file, const char *data, size_t len)
{
	struct reader r = {.c = c, .im = im, .file = file};

	*c = (struct wg_conf){.loc = {file, 1, 1}};
	if (len > WG_CONF_BYTES_MAX)
		return wrong(&r, (struct loc){file, 0, 0}, "the file is larger than 4 MiB");
	if (!check_text(&r, data, len) || !read_lines(&r, data, len) || !finish_section(&r))
		return false;
	settle_name(&r);
	if (!r.interface_seen)
		return wrong(&r, (struct loc){file, 1, 1}, "the file has no [Interface]");
	return true;
}

void wg_conf_release(struct wg_conf *c)
{
	for (size_t i = 0; i < c->peer.n; i++) {
		vec_release(&c->peer.v[i].allowed);
		vec_release(&c->peer.v[i].comment);
	}
	vec_release(&c->peer);
	vec_release(&c->address);
	vec_release(&c->dns);
	vec_release(&c->search);
	vec_release(&c->comment);
}
