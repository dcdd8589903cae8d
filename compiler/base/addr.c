/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <stdio.h>
#include <string.h>

#include "base/bug.h"

#define GROUPS 8

void addr_to_bytes(u128 a, uint8_t out[16])
{
	for (size_t i = 0; i < 16; i++)
		out[i] = (uint8_t)(a >> (120 - 8 * i));
}

u128 addr_from_bytes(const uint8_t in[16])
{
	u128 a = 0;
	for (size_t i = 0; i < 16; i++)
		a = a << 8 | in[i];
	return a;
}

size_t addr_to_wire(u128 a, uint8_t out[16])
{
	uint8_t all[16];
	addr_to_bytes(a, all);
	size_t n = addr_is_v4(a) ? 4 : 16;
	memcpy(out, all + 16 - n, n);
	return n;
}

int addr_cmp(u128 a, u128 b)
{
	return a < b ? -1 : a > b;
}

/* A decimal number of 1..3 digits up to max; padded ones are told apart from what is no number at all. */
static enum addr_error parse_small(const char *s, size_t n, unsigned int max, unsigned int *out)
{
	unsigned int v = 0;
	if (n == 0 || n > 12)
		return ADDR_SYNTAX;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return ADDR_SYNTAX;
		if (v < 1000)
			v = v * 10 + (unsigned int)(s[i] - '0');
	}
	if (n > 1 && s[0] == '0')
		return ADDR_PADDED;
	*out = v;
	return v <= max ? ADDR_OK : ADDR_SYNTAX;
}

static enum addr_error parse_v4(const char *s, size_t n, uint32_t *out)
{
	uint32_t v = 0;
	enum addr_error worst = ADDR_OK;
	for (int part = 0; part < 4; part++) {
		const char *dot = part < 3 ? memchr(s, '.', n) : NULL;
		size_t len = dot ? (size_t)(dot - s) : n;
		unsigned int byte = 0;
		enum addr_error e = part < 3 && !dot ? ADDR_SYNTAX : parse_small(s, len, 255, &byte);
		if (e == ADDR_SYNTAX)
			return e;
		if (e)
			worst = e;
		v = v << 8 | byte;
		if (dot) {
			s = dot + 1;
			n -= len + 1;
		}
	}
	*out = v;
	return worst;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_group(const char *s, size_t n, uint16_t *out)
{
	unsigned int v = 0;
	if (n < 1 || n > 4)
		return false;
	for (size_t i = 0; i < n; i++) {
		int h = hex_value(s[i]);
		if (h < 0)
			return false;
		v = v << 4 | (unsigned int)h;
	}
	*out = (uint16_t)v;
	return true;
}

/*
 * One side of "::" (or all of an address without): groups joined by single colons, the last of which may be
 * dotted where dots is set. Appends to g[*ng].
 */
static enum addr_error parse_groups(const char *s, size_t n, bool dots, uint16_t g[GROUPS], size_t *ng)
{
	if (n == 0)
		return ADDR_OK;
	for (;;) {
		const char *colon = memchr(s, ':', n);
		size_t len = colon ? (size_t)(colon - s) : n;
		if (dots && !colon && memchr(s, '.', n)) {
			uint32_t v4 = 0;
			if (*ng + 2 > GROUPS)
				return ADDR_SYNTAX;
			enum addr_error e = parse_v4(s, n, &v4);
			g[(*ng)++] = (uint16_t)(v4 >> 16);
			g[(*ng)++] = (uint16_t)v4;
			return e;
		}
		if (*ng >= GROUPS || !parse_group(s, len, &g[*ng]))
			return ADDR_SYNTAX;
		(*ng)++;
		if (!colon)
			return ADDR_OK;
		s = colon + 1;
		n -= len + 1;
		if (n == 0)
			return ADDR_SYNTAX;
	}
}

static u128 join_groups(const uint16_t g[GROUPS])
{
	u128 a = 0;
	for (size_t i = 0; i < GROUPS; i++)
		a = a << 16 | g[i];
	return a;
}

static enum addr_error parse_v6(const char *s, size_t n, u128 *out)
{
	uint16_t head[GROUPS] = {0}, tail[GROUPS] = {0};
	size_t nhead = 0, ntail = 0;
	const char *gap = memmem(s, n, "::", 2);
	size_t before = gap ? (size_t)(gap - s) : n;
	enum addr_error e = parse_groups(s, before, !gap, head, &nhead);
	if (e == ADDR_OK && gap)
		e = parse_groups(gap + 2, n - before - 2, true, tail, &ntail);
	if (e)
		return e;
	if (gap ? nhead + ntail >= GROUPS : nhead != GROUPS)
		return ADDR_SYNTAX;
	memcpy(&head[GROUPS - ntail], tail, ntail * sizeof(tail[0]));
	*out = join_groups(head);
	return addr_is_v4(*out) ? ADDR_MAPPED : ADDR_OK;
}

enum addr_error addr_parse(const char *s, size_t n, u128 *out)
{
	if (n == 0 || n > 64)
		return ADDR_SYNTAX;
	const char *zone = memchr(s, '%', n);
	if (zone) {
		u128 ignored;
		return addr_parse(s, (size_t)(zone - s), &ignored) == ADDR_OK ? ADDR_ZONE : ADDR_SYNTAX;
	}
	if (memchr(s, ':', n))
		return parse_v6(s, n, out);
	uint32_t v4;
	enum addr_error e = parse_v4(s, n, &v4);
	if (e == ADDR_OK)
		*out = addr_from_v4(v4);
	return e;
}

static u128 host_mask(u128 a, uint8_t len)
{
	if (addr_is_v4(a))
		return ((u128)1 << (32 - len)) - 1;
	return len == 0 ? ADDR_LAST : ((u128)1 << (128 - len)) - 1;
}

enum addr_error prefix_parse(const char *s, size_t n, struct prefix *out, struct prefix *fixed)
{
	const char *slash = n ? memchr(s, '/', n) : NULL;
	if (!slash)
		return ADDR_SYNTAX;
	u128 a;
	size_t at = (size_t)(slash - s);
	enum addr_error e = addr_parse(s, at, &a);
	if (e)
		return e;
	unsigned int len = 0, max = addr_is_v4(a) ? 32 : 128;
	e = parse_small(slash + 1, n - at - 1, 999, &len);
	if (e)
		return e;
	if (len > max)
		return ADDR_LENGTH;
	u128 mask = host_mask(a, (uint8_t)len);
	struct prefix p = {a & ~mask, (uint8_t)len};
	if (p.addr != a) {
		if (fixed)
			*fixed = p;
		return ADDR_HOST_BITS;
	}
	*out = p;
	return ADDR_OK;
}

static enum addr_error span_parse(const char *s, size_t n, size_t dash, struct range *out)
{
	u128 lo, hi;
	enum addr_error e = addr_parse(s, dash, &lo);
	if (e == ADDR_OK)
		e = addr_parse(s + dash + 1, n - dash - 1, &hi);
	if (e)
		return e;
	if (addr_is_v4(lo) != addr_is_v4(hi))
		return ADDR_FAMILY;
	if (hi < lo)
		return ADDR_ORDER;
	/* An IPv6 range around the IPv4 block would take all of IPv4 with it. */
	if (lo < ADDR_V4_FIRST && hi > ADDR_V4_LAST)
		return ADDR_MAPPED;
	*out = (struct range){lo, hi};
	return ADDR_OK;
}

enum addr_error range_parse(const char *s, size_t n, struct range *out, struct prefix *fixed)
{
	const char *dash = n ? memchr(s, '-', n) : NULL;
	if (dash)
		return span_parse(s, n, (size_t)(dash - s), out);
	if (n && memchr(s, '/', n)) {
		struct prefix p;
		enum addr_error e = prefix_parse(s, n, &p, fixed);
		if (e == ADDR_OK)
			*out = prefix_range(p);
		return e;
	}
	u128 a;
	enum addr_error e = addr_parse(s, n, &a);
	if (e == ADDR_OK)
		*out = (struct range){a, a};
	return e;
}

struct range prefix_range(struct prefix p)
{
	struct range r = {p.addr, p.addr | host_mask(p.addr, p.len)};
	if (addr_is_v4(p.addr) || r.lo > ADDR_V4_FIRST || r.hi < ADDR_V4_LAST)
		return r;
	if (r.hi > ADDR_V4_LAST)
		r.lo = ADDR_V4_LAST + 1;
	else
		r.hi = ADDR_V4_FIRST - 1;
	return r;
}

/* The number of trailing zero bits; 128 for 0. */
static unsigned int zeros(u128 v)
{
	uint64_t low = (uint64_t)v, high = (uint64_t)(v >> 64);
	if (low)
		return (unsigned int)__builtin_ctzll(low);
	return high ? 64 + (unsigned int)__builtin_ctzll(high) : 128;
}

static bool is_prefix(struct range r, unsigned int width, struct prefix *out)
{
	u128 size = r.hi - r.lo + 1; /* 0: the whole axis */
	unsigned int bits = zeros(size);
	if ((size & (size - 1)) != 0 || (bits < 128 && (r.lo & (size - 1)) != 0))
		return false;
	*out = (struct prefix){r.lo, (uint8_t)(width - bits)};
	return true;
}

/* Whether the range ends where prefix_range() may have cut it, at the IPv4 block; *r is what IPv6 alone makes of it. */
static bool uncut(struct range *r)
{
	if (r->lo == ADDR_V4_LAST + 1)
		r->lo = 0;
	else if (r->hi == ADDR_V4_FIRST - 1)
		r->hi = ADDR_V4_LAST;
	else
		return false;
	return true;
}

bool range_is_prefix(struct range r, struct prefix *out)
{
	if (r.lo > r.hi || addr_is_v4(r.lo) != addr_is_v4(r.hi) || (r.lo < ADDR_V4_FIRST && r.hi > ADDR_V4_LAST))
		return false;
	if (addr_is_v4(r.lo))
		return is_prefix(r, 32, out);
	return is_prefix(r, 128, out) || (uncut(&r) && is_prefix(r, 128, out));
}

bool prefix_contains(struct prefix outer, u128 a)
{
	struct range r = prefix_range(outer);
	return a >= r.lo && a <= r.hi;
}

/* The run of zero groups that RFC 5952 section 4.2 shortens: the longest, the first among equals, two at least. */
static size_t longest_zeros(const uint16_t g[GROUPS], size_t *len)
{
	size_t best = GROUPS;
	*len = 1;
	for (size_t i = 0; i < GROUPS; i++) {
		size_t n = 0;
		while (i + n < GROUPS && g[i + n] == 0)
			n++;
		if (n > *len) {
			*len = n;
			best = i;
		}
		i += n;
	}
	return best;
}

/* These write digits and give the place after them: hundreds of thousands of addresses are printed. */
static char *put_decimal(char *out, unsigned int byte)
{
	if (byte >= 100)
		*out++ = (char)('0' + byte / 100);
	if (byte >= 10)
		*out++ = (char)('0' + byte / 10 % 10);
	*out++ = (char)('0' + byte % 10);
	return out;
}

static char *put_hex(char *out, unsigned int group)
{
	for (int shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0; shift >= 0; shift -= 4)
		*out++ = "0123456789abcdef"[group >> shift & 0xf];
	return out;
}

static char *format_v4(uint32_t a, char *out)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		out = put_decimal(out, a >> shift & 0xff);
		if (shift > 0)
			*out++ = '.';
	}
	return out;
}

static char *format_v6(u128 a, char *out)
{
	uint16_t g[GROUPS];
	for (size_t i = 0; i < GROUPS; i++)
		g[i] = (uint16_t)(a >> (112 - 16 * i));
	size_t skip, at = longest_zeros(g, &skip);
	for (size_t i = 0; i < GROUPS; i++) {
		if (i == at) {
			*out++ = ':';
			*out++ = ':';
			i += skip - 1;
			continue;
		}
		if (i > 0 && i != at + skip)
			*out++ = ':';
		out = put_hex(out, g[i]);
	}
	return out;
}

static char *put_addr(u128 a, char *out)
{
	return addr_is_v4(a) ? format_v4(addr_v4(a), out) : format_v6(a, out);
}

char *addr_format(u128 a, char out[static ADDR_TEXT_MAX])
{
	*put_addr(a, out) = '\0';
	return out;
}

char *prefix_format(struct prefix p, char out[static ADDR_TEXT_MAX])
{
	char *end = put_addr(p.addr, out);
	*end++ = '/';
	*put_decimal(end, p.len) = '\0';
	return out;
}

char *range_format(struct range r, char out[static ADDR_TEXT_MAX])
{
	struct prefix p;
	if (r.lo == r.hi)
		return addr_format(r.lo, out);
	if (range_is_prefix(r, &p))
		return prefix_format(p, out);
	char hi[ADDR_TEXT_MAX];
	addr_format(r.lo, out);
	size_t n = strlen(out);
	snprintf(out + n, ADDR_TEXT_MAX - n, "-%s", addr_format(r.hi, hi));
	return out;
}

/* The prefixes of a range in one family of `width` bits whose addresses end at last. */
static void split(struct range r, unsigned int width, void (*add)(void *arg, struct prefix p), void *arg)
{
	u128 at = r.lo;
	for (;;) {
		unsigned int bits = width == 32 ? zeros(at | (u128)1 << 32) : zeros(at);
		while (bits == 128 || (((u128)1 << bits) - 1) > r.hi - at) {
			if (bits == 128 && at == 0 && r.hi == ADDR_LAST)
				break;
			bits--;
		}
		add(arg, (struct prefix){at, (uint8_t)(width - bits)});
		u128 last = bits == 128 ? ADDR_LAST : at + (((u128)1 << bits) - 1);
		if (last >= r.hi)
			return;
		at = last + 1;
	}
}

/* Passes prefixes on, with all of IPv4 at its place among them. */
struct both {
	void (*add)(void *arg, struct prefix p);
	void *arg;
	bool v4_done;
};

static void add_v4_once(struct both *b)
{
	if (!b->v4_done)
		b->add(b->arg, (struct prefix){ADDR_V4_FIRST, 0});
	b->v4_done = true;
}

static void add_both(void *arg, struct prefix p)
{
	struct both *b = arg;
	if (p.addr > ADDR_V4_FIRST)
		add_v4_once(b);
	b->add(b->arg, p);
}

static void split_v6(struct range r, void (*add)(void *arg, struct prefix p), void *arg)
{
	struct prefix p;
	if (range_is_prefix(r, &p)) {
		add(arg, p);
		return;
	}
	if (r.lo == ADDR_V4_LAST + 1)
		uncut(&r);
	split(r, 128, add, arg);
}

void range_to_prefixes(struct range r, void (*add)(void *arg, struct prefix p), void *arg)
{
	if (r.lo > r.hi)
		BUG("a range that ends before it starts");
	bool lo4 = addr_is_v4(r.lo), hi4 = addr_is_v4(r.hi);
	if (lo4 && hi4) {
		split(r, 32, add, arg);
	} else if (lo4) {
		split((struct range){r.lo, ADDR_V4_LAST}, 32, add, arg);
		split_v6((struct range){ADDR_V4_LAST + 1, r.hi}, add, arg);
	} else if (hi4) {
		split_v6((struct range){r.lo, ADDR_V4_FIRST - 1}, add, arg);
		split((struct range){ADDR_V4_FIRST, r.hi}, 32, add, arg);
	} else if (r.lo < ADDR_V4_FIRST && r.hi > ADDR_V4_LAST) {
		/* To IPv6 the IPv4 block is no hole: nothing of IPv6 stands there. */
		struct both b = {add, arg, false};
		split(r, 128, add_both, &b);
		add_v4_once(&b);
	} else {
		split_v6(r, add, arg);
	}
}
