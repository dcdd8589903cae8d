/* SPDX-License-Identifier: Apache-2.0 */
/* What every other module stands on. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/bug.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/key.h"
#include "base/outdir.h"
#include "base/service.h"
#include "base/utf8.h"
#include "base/vec.h"

static void arena_gives_zeroed_aligned_memory(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a);
	for (size_t i = 0; i < 3000; i++) {
		size_t size = i * 37 % 5000;
		unsigned char *p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xa5, size);
		arena_strndup(&a, "xyz", i % 4);
	}
	assert_ptr_not_equal(arena_alloc(&a, 0), arena_alloc(&a, 0));
	char *big = arena_array(&a, 3u << 20, char);
	memset(big, 1, 3u << 20);
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(arena_strdup(&a, "hello"), "hello");
	arena_release(&a);
	assert_string_equal(arena_strndup(&a, "again", 2), "ag");
	arena_release(&a);
}

static void buf_and_vec_grow(void **state)
{
	(void)state;
	BUF_CLEANUP struct buf b = BUF_INIT;
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 500; i++)
		buf_addf(&b, "%d,", i);
	buf_addc(&b, '!');
	assert_int_equal(b.len, strlen(b.p));
	assert_memory_equal(b.p, "0,1,2,", 6);
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
	char wide[300];
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	buf_addf(&b, "%s", wide);
	assert_string_equal(buf_str(&b), wide);

	VEC(uint32_t) v = VEC_INIT;
	for (uint32_t i = 0; i < 1000; i++)
		vec_push(&v, i);
	assert_int_equal(v.n, 1000);
	assert_int_equal(v.v[999], 999);
	vec_release(&v);
}

static void addresses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum addr_error want;
		const char *canonical;
	} cases[] = {
		{ "10.7.0.2", ADDR_OK, NULL },
		{ "0.0.0.0", ADDR_OK, NULL },
		{ "255.255.255.255", ADDR_OK, NULL },
		{ "010.0.0.1", ADDR_PADDED, NULL },
		{ "10.0.0.00", ADDR_PADDED, NULL },
		{ "256.0.0.1", ADDR_SYNTAX, NULL },
		{ "1.2.3", ADDR_SYNTAX, NULL },
		{ "1.2.3.4.5", ADDR_SYNTAX, NULL },
		{ "1.2.3.", ADDR_SYNTAX, NULL },
		{ ".1.2.3", ADDR_SYNTAX, NULL },
		{ "1..2.3", ADDR_SYNTAX, NULL },
		{ "1.2.3.4 ", ADDR_SYNTAX, NULL },
		{ "+1.2.3.4", ADDR_SYNTAX, NULL },
		{ "0x1.2.3.4", ADDR_SYNTAX, NULL },
		{ "", ADDR_SYNTAX, NULL },
		{ "db", ADDR_SYNTAX, NULL },
		{ "::", ADDR_OK, NULL },
		{ "::1", ADDR_OK, NULL },
		{ "1::", ADDR_OK, NULL },
		{ "fd00::7:0:0:1", ADDR_OK, "fd00::7:0:0:1" },
		{ "FD00:0:0:0:0:0:0:A", ADDR_OK, "fd00::a" },
		{ "2001:db8:0:1:1:1:1:1", ADDR_OK, "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", ADDR_OK, "2001:0:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", ADDR_OK, "2001:db8::1:0:0:1" },
		{ "1:2:3:4:5:6:7::", ADDR_OK, "1:2:3:4:5:6:7:0" },
		{ "64:ff9b::1.2.3.4", ADDR_OK, "64:ff9b::102:304" },
		{ "64:ff9b::01.2.3.4", ADDR_PADDED, NULL },
		{ "::ffff:1.2.3.4", ADDR_MAPPED, NULL },
		{ "::ffff:102:304", ADDR_MAPPED, NULL },
		{ "0:0:0:0:0:FFFF:0:0", ADDR_MAPPED, NULL },
		{ "fe80::1%eth0", ADDR_ZONE, NULL },
		{ "fe80::1%", ADDR_ZONE, NULL },
		{ "x%eth0", ADDR_SYNTAX, NULL },
		{ "1:2:3:4:5:6:7", ADDR_SYNTAX, NULL },
		{ "1:2:3:4:5:6:7:8:9", ADDR_SYNTAX, NULL },
		{ "1:2:3:4:5:6:7:8::", ADDR_SYNTAX, NULL },
		{ "1:2:3:4::5:6:7:8", ADDR_SYNTAX, NULL },
		{ "1::2::3", ADDR_SYNTAX, NULL },
		{ ":::", ADDR_SYNTAX, NULL },
		{ "1:::2", ADDR_SYNTAX, NULL },
		{ ":1", ADDR_SYNTAX, NULL },
		{ "1:", ADDR_SYNTAX, NULL },
		{ "12345::", ADDR_SYNTAX, NULL },
		{ "g::", ADDR_SYNTAX, NULL },
		{ "1.2.3.4::", ADDR_SYNTAX, NULL },
		{ "::1.2.3.4:5", ADDR_SYNTAX, NULL },
		{ "1:2:3:4:5:6:7:1.2.3.4", ADDR_SYNTAX, NULL },
		{ "[::1]", ADDR_SYNTAX, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u128 a;
		char text[ADDR_TEXT_MAX];
		enum addr_error e = addr_parse(cases[i].text, strlen(cases[i].text), &a);
		if (e != cases[i].want)
			fail_msg("%s: %d", cases[i].text, e);
		if (e == ADDR_OK)
			assert_string_equal(addr_format(a, text),
					    cases[i].canonical ? cases[i].canonical : cases[i].text);
	}
}

static void prefixes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum addr_error want;
		const char *fixed;
	} cases[] = {
		{ "10.7.0.0/24", ADDR_OK, NULL },      { "10.7.0.1/24", ADDR_HOST_BITS, "10.7.0.0/24" },
		{ "0.0.0.0/0", ADDR_OK, NULL },	       { "10.0.0.1/0", ADDR_HOST_BITS, "0.0.0.0/0" },
		{ "::/0", ADDR_OK, NULL },	       { "fd00::/64", ADDR_OK, NULL },
		{ "fd00::1/64", ADDR_HOST_BITS, "fd00::/64" },
		{ "10.0.0.0/33", ADDR_LENGTH, NULL },  { "fd00::/129", ADDR_LENGTH, NULL },
		{ "10.0.0.0/1000", ADDR_SYNTAX, NULL }, { "10.0.0.0/08", ADDR_PADDED, NULL },
		{ "10.0.0.0/", ADDR_SYNTAX, NULL },    { "10.0.0.0", ADDR_SYNTAX, NULL },
		{ "10.0.0.0/-1", ADDR_SYNTAX, NULL },  { "/8", ADDR_SYNTAX, NULL },
		{ "::ffff:10.0.0.0/104", ADDR_MAPPED, NULL },
		{ "10.1.2.3/32", ADDR_OK, NULL },      { "fd00::1/128", ADDR_OK, NULL },
		{ "::/80", ADDR_OK, NULL },	       { "::/96", ADDR_OK, NULL },
		{ "8000::/1", ADDR_OK, NULL },	       { "::/1", ADDR_OK, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix p, fixed, back;
		char text[ADDR_TEXT_MAX];
		enum addr_error e = prefix_parse(cases[i].text, strlen(cases[i].text), &p, &fixed);
		if (e != cases[i].want)
			fail_msg("%s: %d", cases[i].text, e);
		if (e == ADDR_HOST_BITS)
			assert_string_equal(prefix_format(fixed, text), cases[i].fixed);
		if (e)
			continue;
		assert_string_equal(prefix_format(p, text), cases[i].text);
		assert_true(range_is_prefix(prefix_range(p), &back));
		assert_string_equal(prefix_format(back, text), cases[i].text);
	}
}

static struct range range_of(const char *s)
{
	struct range r = { 1, 0 };
	if (range_parse(s, strlen(s), &r, NULL) != ADDR_OK)
		fail_msg("%s", s);
	return r;
}

static void ranges(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum addr_error want;
		const char *canonical;
	} cases[] = {
		{ "10.7.0.5-10.7.0.9", ADDR_OK, "10.7.0.5-10.7.0.9" },
		{ "10.7.0.0-10.7.0.255", ADDR_OK, "10.7.0.0/24" },
		{ "10.7.0.5-10.7.0.5", ADDR_OK, "10.7.0.5" },
		{ "10.7.0.9-10.7.0.5", ADDR_ORDER, NULL },
		{ "10.7.0.9-fd00::1", ADDR_FAMILY, NULL },
		{ "fd00::1-10.7.0.9", ADDR_FAMILY, NULL },
		{ "::-ffff::", ADDR_MAPPED, NULL },
		{ "fd00::5-fd00::9", ADDR_OK, "fd00::5-fd00::9" },
		{ "10.7.0.0/24", ADDR_OK, "10.7.0.0/24" },
		{ "10.7.0.1/24", ADDR_HOST_BITS, NULL },
		{ "10.7.0.1", ADDR_OK, "10.7.0.1" },
		{ "::/0", ADDR_OK, "::/0" },
		{ "0.0.0.0-255.255.255.255", ADDR_OK, "0.0.0.0/0" },
		{ "10.7.0.1-", ADDR_SYNTAX, NULL },
		{ "-10.7.0.1", ADDR_SYNTAX, NULL },
		{ "10.7.0.1 - 10.7.0.2", ADDR_SYNTAX, NULL },
		{ "10.7.0.1-9", ADDR_SYNTAX, NULL },
		{ "10.7.0.1-10.7.0.2-10.7.0.3", ADDR_SYNTAX, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct range r;
		struct prefix fixed;
		char text[ADDR_TEXT_MAX];
		enum addr_error e = range_parse(cases[i].text, strlen(cases[i].text), &r, &fixed);
		if (e != cases[i].want)
			fail_msg("%s: %d", cases[i].text, e);
		if (e == ADDR_OK)
			assert_string_equal(range_format(r, text), cases[i].canonical);
		if (e == ADDR_HOST_BITS)
			assert_string_equal(prefix_format(fixed, text), "10.7.0.0/24");
	}
	/* All of IPv6 holds nothing of IPv4. */
	struct range all6 = range_of("::/0"), all4 = range_of("0.0.0.0/0");
	assert_true(all6.lo > all4.hi);
}

struct listing {
	struct buf b;
	size_t n;
	u128 sum;
};

static void list_prefix(void *arg, struct prefix p)
{
	struct listing *l = arg;
	char text[ADDR_TEXT_MAX];
	buf_addf(&l->b, "%s%s", l->n++ ? " " : "", prefix_format(p, text));
	l->sum += prefix_range(p).hi - prefix_range(p).lo + 1;
}

static void prefixes_of_ranges(void **state)
{
	(void)state;
	static const struct {
		u128 lo, hi;
		const char *want;
	} cases[] = {
		{ ADDR_V4_FIRST, ADDR_V4_LAST, "0.0.0.0/0" },
		{ 0, ADDR_LAST, "::/0 0.0.0.0/0" },
		{ ADDR_V4_LAST + 1, ADDR_LAST, "::/0" },
		{ ADDR_LAST, ADDR_LAST, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" },
		{ 0, 0, "::/128" },
		{ 0, ADDR_LAST - 1, NULL },
		{ ADDR_V4_FIRST | 0x0a070005, ADDR_V4_FIRST | 0x0a070009, "10.7.0.5/32 10.7.0.6/31 10.7.0.8/31" },
		{ ADDR_V4_FIRST | 0xfffffffe, ADDR_V4_LAST, "255.255.255.254/31" },
		{ ADDR_V4_FIRST, ADDR_V4_FIRST | 1, "0.0.0.0/31" },
		{ ADDR_V4_LAST, ADDR_LAST, "255.255.255.255/32 ::/0" },
		{ 0, ADDR_V4_FIRST, "::/80 0.0.0.0/32" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listing l = { BUF_INIT, 0, 0 };
		range_to_prefixes((struct range){ cases[i].lo, cases[i].hi }, list_prefix, &l);
		if (cases[i].want)
			assert_string_equal(buf_str(&l.b), cases[i].want);
		else
			assert_int_equal(l.n, 129); /* 128 of IPv6, and IPv4 */
		buf_release(&l.b);
	}
	/* Any IPv4 range: the parts are disjoint, ascending, and add up. */
	uint32_t seed = 7;
	for (int i = 0; i < 2000; i++) {
		seed = seed * 1664525 + 1013904223;
		uint32_t lo = seed;
		seed = seed * 1664525 + 1013904223;
		uint32_t hi = i % 2 ? lo + (seed >> 20) : seed;
		if (hi < lo) {
			uint32_t t = lo;
			lo = hi;
			hi = t;
		}
		struct listing l = { BUF_INIT, 0, 0 };
		range_to_prefixes((struct range){ addr_from_v4(lo), addr_from_v4(hi) }, list_prefix, &l);
		assert_true(l.sum == (u128)hi - lo + 1);
		assert_true(l.n <= 62);
		buf_release(&l.b);
	}
}

static void wire_forms(void **state)
{
	(void)state;
	uint8_t b[16];
	u128 v4 = range_of("10.7.0.2").lo, v6 = range_of("fd00::1").lo;
	assert_int_equal(addr_to_wire(v4, b), 4);
	assert_memory_equal(b, "\x0a\x07\x00\x02", 4);
	assert_int_equal(addr_to_wire(v6, b), 16);
	assert_int_equal(b[0], 0xfd);
	addr_to_bytes(v6, b);
	assert_true(addr_from_bytes(b) == v6);
	assert_int_equal(addr_cmp(v4, v6), -1);
	assert_int_equal(addr_cmp(v6, v4), 1);
	assert_int_equal(addr_cmp(v6, v6), 0);
	struct prefix p;
	assert_int_equal(prefix_parse("10.7.0.0/24", 11, &p, NULL), ADDR_OK);
	assert_true(prefix_contains(p, v4));
	assert_false(prefix_contains(p, v6));
	assert_int_equal(prefix_parse("::/0", 4, &p, NULL), ADDR_OK);
	assert_false(prefix_contains(p, v4));
	assert_true(prefix_contains(p, v6));
}

static void services(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t n;
		uint32_t lo, hi;
		const char *canonical;
	} cases[] = {
		{ "any", 1, 0, SERVICE_LAST, "any" },
		{ "tcp", 1, 0x060000, 0x06ffff, "tcp" },
		{ "udp/53", 1, 0x110035, 0x110035, "udp/53" },
		{ "tcp/0-65535", 1, 0x060000, 0x06ffff, "tcp" },
		{ "tcp/80-90", 1, 0x060050, 0x06005a, "tcp/80-90" },
		{ "icmp", 2, 0x010000, 0x01ffff, "icmp" },
		{ "proto/47", 1, 0x2f0000, 0x2fffff, "proto/47" },
		{ "proto/6", 1, 0x060000, 0x06ffff, "tcp" },
		{ "proto/58", 1, 0x3a0000, 0x3affff, "icmpv6" },
		{ "proto/0", 1, 0, 0xffff, "proto/0" },
		{ "proto/255", 1, 0xff0000, SERVICE_LAST, "proto/255" },
		{ "proto/256", 0, 0, 0, NULL },
		{ "tcp/65536", 0, 0, 0, NULL },
		{ "tcp/", 0, 0, 0, NULL },
		{ "tcp/80-", 0, 0, 0, NULL },
		{ "tcp/90-80", 0, 0, 0, NULL },
		{ "tcp/080", 0, 0, 0, NULL },
		{ "TCP", 0, 0, 0, NULL },
		{ "443", 0, 0, 0, NULL },
		{ "", 0, 0, 0, NULL },
		{ "icmp/8", 0, 0, 0, NULL },
		{ "proto/1/2", 0, 0, 0, NULL },
		{ "tcp/-1", 0, 0, 0, NULL },
		{ "any/1", 0, 0, 0, NULL },
	};
	char text[SERVICE_TEXT_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct service s[2];
		size_t n = service_parse(cases[i].text, strlen(cases[i].text), s);
		if (n != cases[i].n)
			fail_msg("%s: %zu", cases[i].text, n);
		if (n == 0)
			continue;
		assert_int_equal(s[0].lo, cases[i].lo);
		assert_int_equal(s[0].hi, cases[i].hi);
		assert_string_equal(service_format(s[0], text), cases[i].canonical);
	}
	assert_string_equal(service_format((struct service){ SERVICE(2, 0), SERVICE(5, 0xffff) }, text), "proto/2-5");
	assert_string_equal(service_format((struct service){ SERVICE(6, 443), SERVICE(17, 53) }, text),
			    "proto/6:443-proto/17:53");
}

static void keys(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum key_error want;
	} cases[] = {
		{ "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=", KEY_OK },
		{ "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dh=", KEY_FORMAT }, /* padding bits that are not zero */
		{ "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg", KEY_FORMAT },
		{ "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8D==", KEY_FORMAT },
		{ "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp_Dg=", KEY_FORMAT },
		{ "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n", KEY_FORMAT },
		{ "", KEY_FORMAT },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", KEY_WEAK },
	};
	char text[KEY_TEXT_MAX];
	struct pubkey k;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum key_error e = pubkey_parse(cases[i].text, strlen(cases[i].text), &k);
		if (e != cases[i].want)
			fail_msg("%s: %d", cases[i].text, e);
		if (e == KEY_OK)
			assert_string_equal(pubkey_format(&k, text), cases[i].text);
	}
}

/* What X25519 turns into zero is what we refuse: libsodium's own function is the judge. */
static void weak_keys(void **state)
{
	(void)state;
	static const char *const hex[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	unsigned char secret[32], out[32];
	memset(secret, 0x42, sizeof(secret));
	for (size_t i = 0; i < ARRAY_SIZE(hex); i++) {
		for (int high = 0; high < 2; high++) {
			struct pubkey k, back;
			char text[KEY_TEXT_MAX];
			sodium_hex2bin(k.b, sizeof(k.b), hex[i], strlen(hex[i]), NULL, NULL, NULL);
			k.b[31] = (uint8_t)(k.b[31] | high << 7);
			assert_int_equal(crypto_scalarmult(out, secret, k.b), -1);
			pubkey_format(&k, text);
			assert_int_equal(pubkey_parse(text, strlen(text), &back), KEY_WEAK);
		}
	}
}

static void times(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} cases[] = {
		{ "1970-01-01", 0 },
		{ "2026-12-31", 1798675200 },
		{ "2026-12-31T18:00:00Z", 1798740000 },
		{ "2026-12-31T18:00:00+01:00", 1798736400 },
		{ "2026-12-31T18:00:00-05:30", 1798759800 },
		{ "2026-12-31T18:00:00.000Z", 1798740000 },
		{ "2000-02-29", 951782400 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "1970-01-01T00:00:00+00:01", -1 },
		{ "9999-12-31T23:59:59-00:01", -1 },
		{ "2100-02-29", -1 },
		{ "2026-02-29", -1 },
		{ "2026-00-01", -1 },
		{ "2026-13-01", -1 },
		{ "2026-04-31", -1 },
		{ "1969-12-31", -1 },
		{ "2026-12-31T24:00:00Z", -1 },
		{ "2026-12-31T23:59:60Z", -1 },
		{ "2026-12-31T18:60:00Z", -1 },
		{ "2026-12-31T18:00:00", -1 },
		{ "2026-12-31T18:00Z", -1 },
		{ "2026-12-31t18:00:00Z", -1 },
		{ "2026-12-31T18:00:00z", -1 },
		{ "2026-12-31 18:00:00Z", -1 },
		{ "2026-12-31T18:00:00.5Z", -1 },
		{ "2026-12-31T18:00:00.Z", -1 },
		{ "2026-12-31T18:00:00+24:00", -1 },
		{ "2026-12-31T18:00:00+0100", -1 },
		{ "2026-12-31T18:00:00ZZ", -1 },
		{ "2026-12-31T", -1 },
		{ "2026-1-1", -1 },
		{ "+026-12-31", -1 },
		{ "", -1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t t = -1;
		bool ok = clock_parse(cases[i].text, strlen(cases[i].text), &t);
		if (ok != (cases[i].want >= 0) || t != cases[i].want)
			fail_msg("%s: %d %lld", cases[i].text, ok, (long long)t);
	}
	/* Every day of 400 years and a bit: text and number agree, and the week runs on. */
	char text[CLOCK_TEXT_MAX];
	for (int64_t day = 0; day < 150000; day++) {
		int64_t t = day * 86400 + day % 86400, back;
		clock_format(t, text);
		if (!clock_parse(text, strlen(text), &back) || back != t)
			fail_msg("%s", text);
		assert_int_equal(clock_week_second(t), (day + 3) % 7 * 86400 + day % 86400);
	}
	assert_string_equal(clock_format(-1, text), "1969-12-31T23:59:59Z");
	assert_int_equal(clock_week_second(-1), 2 * 86400 + 86399);
	assert_string_equal(clock_format(CLOCK_EVER, text), "ever");
	assert_string_equal(clock_format(CLOCK_NEVER, text), "never");
	clock_format(CLOCK_NEVER - 1, text);
	clock_format(CLOCK_EVER + 1, text);
	assert_true(clock_week_second(CLOCK_NEVER) < 604800);
	assert_true(clock_week_second(CLOCK_EVER) < 604800);
	assert_true(clock_now() > 1700000000);
}

static void digests(void **state)
{
	(void)state;
	char hex[DIGEST_HEX_MAX];
	struct digest d = digest_of("abc", 3);
	assert_string_equal(digest_hex(&d, 32, hex), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(digest_hex(&d, 6, hex), "ba7816bf8f01");
	struct digest_ctx c;
	digest_begin(&c);
	digest_add_str(&c, "ab");
	digest_add_u32(&c, 1);
	digest_add_u64(&c, 2);
	struct digest joined = digest_end(&c);
	struct digest whole = digest_of("\0\0\0\2ab\0\0\0\1\0\0\0\0\0\0\0\2", 18);
	assert_memory_equal(joined.b, whole.b, DIGEST_BYTES);
}

static void utf8(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		size_t len;
		uint32_t cp;
	} cases[] = {
		{ "a", 1, 'a' },	{ "\xc3\xa9", 2, 0xe9 },	{ "\xe2\x80\xae", 3, 0x202e },
		{ "\xf0\x9f\x98\x80", 4, 0x1f600 }, { "\xc0\xaf", 0, 0 },	{ "\xe0\x80\xaf", 0, 0 },
		{ "\xed\xa0\x80", 0, 0 }, { "\xf4\x90\x80\x80", 0, 0 }, { "\xff", 0, 0 },
		{ "\x80", 0, 0 },	{ "\xe2\x80", 0, 0 },		{ "\xf5\x80\x80\x80", 0, 0 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t cp = 0;
		assert_int_equal(utf8_next(cases[i].s, strlen(cases[i].s), &cp), cases[i].len);
		if (cases[i].len)
			assert_int_equal(cp, cases[i].cp);
	}
}

static char *printed(const struct diags *d, const struct diag_style *style)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	diags_print(d, style, f);
	fclose(f);
	char *copy = strndup(text, n);
	free(text);
	return copy;
}

static void diagnostics_are_sorted_and_kept_once(void **state)
{
	(void)state;
	struct arena a;
	struct diags d;
	arena_init(&a);
	diags_init(&d, &a);
	uint32_t b = diags_add_file(&d, "b.yaml", "x: 1\ny: 2\n", 10);
	uint32_t first = diags_add_file(&d, "a.yaml", "k: 1", 4);
	diag_add(&d, "E_REF", (struct loc){ b, 2, 1 }, "second %d", 2);
	diag_hint(&d, "did you mean \"%s\"", "z");
	diag_add(&d, "E_REF", (struct loc){ b, 1, 1 }, "first");
	diag_add(&d, "W_SHADOWED", (struct loc){ first, 1, 4 }, "late file, early path");
	diag_add(&d, "E_REF", (struct loc){ b, 1, 1 }, "first");
	diag_add(&d, "E_NETWORK", LOC_NONE, "no place");
	assert_int_equal(d.errors, 4);
	diags_sort(&d);
	assert_int_equal(d.n, 4);
	assert_int_equal(d.errors, 3);
	assert_int_equal(d.warnings, 1);
	char *text = printed(&d, &(struct diag_style){ .root = "tree" });
	assert_string_equal(text, "error: no place [E_NETWORK]\n"
				  "tree/a.yaml:1:4: warning: late file, early path [W_SHADOWED]\n"
				  "  1 | k: 1\n"
				  "    |    ^\n"
				  "tree/b.yaml:1:1: error: first [E_REF]\n"
				  "  1 | x: 1\n"
				  "    | ^\n"
				  "tree/b.yaml:2:1: error: second 2 [E_REF]\n"
				  "  2 | y: 2\n"
				  "    | ^\n"
				  "  hint: did you mean \"z\"\n");
	free(text);
	assert_string_equal(diag_loc_text(&d, &a, d.v[1].loc), "a.yaml:1:4");
	assert_string_equal(diag_loc_text(&d, &a, (struct loc){ b, 2, 0 }), "b.yaml:2");
	assert_string_equal(diag_loc_text(&d, &a, (struct loc){ b, 0, 0 }), "b.yaml");
	assert_string_equal(diag_loc_text(&d, &a, LOC_NONE), "-");

	text = printed(&d, &(struct diag_style){ .format = DIAG_JSON });
	json_t *array = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(array), 4);
	json_t *o = json_array_get(array, 3);
	assert_string_equal(json_string_value(json_object_get(o, "file")), "b.yaml");
	assert_int_equal(json_integer_value(json_object_get(o, "line")), 2);
	assert_string_equal(json_string_value(json_object_get(o, "hint")), "did you mean \"z\"");
	assert_true(json_is_null(json_object_get(json_array_get(array, 0), "file")));
	json_decref(array);
	free(text);
	diags_release(&d);
	text = printed(&d, &(struct diag_style){ .format = DIAG_JSON });
	assert_string_equal(text, "[]\n");
	free(text);
	arena_release(&a);
}

static void diagnostics_are_bounded(void **state)
{
	(void)state;
	struct arena a;
	struct diags d;
	arena_init(&a);
	diags_init(&d, &a);
	char *line = arena_alloc(&a, 5000);
	memset(line, 'x', 4999);
	line[0] = '\x1b';
	memcpy(line + 2500, "HERE", 4);
	uint32_t f = diags_add_file(&d, "long\x1b.yaml", line, 4999);
	for (uint32_t i = 0; i < 5000; i++)
		diag_add(&d, "E_REF", (struct loc){ f, 1, 2501 }, "number %u \xe2\x80\xae\x07", i);
	diag_hint(&d, "lost with its diagnostic");
	assert_int_equal(d.n, 1000);
	assert_int_equal(d.errors, 5000);
	diags_sort(&d);
	for (size_t i = 0; i < d.n; i++)
		assert_null(d.v[i].hint);
	char *text = printed(&d, &(struct diag_style){ .color = false });
	assert_true(strlen(text) <= 16384);
	assert_non_null(strstr(text, "… and 49"));
	assert_non_null(strstr(text, "--max-errors"));
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\x07'));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "<U+202E>"));
	/* The caret stands under what it means, and no source line is wider than the window. */
	char *source = strchr(text, '\n') + 1, *caret = strchr(source, '\n') + 1;
	size_t width = 0;
	for (char *s = source; s < caret - 1; s++)
		width += ((unsigned char)*s & 0xc0) != 0x80;
	assert_true(width <= 6 + 120);
	size_t here = (size_t)(strstr(source, "HERE") - source) - 2; /* the … before it has two bytes more */
	assert_int_equal(here, strchr(caret, '^') - caret);
	free(text);
	text = printed(&d, &(struct diag_style){ .max_bytes = SIZE_MAX, .color = true });
	assert_non_null(strstr(text, "… and 4000 more"));
	assert_non_null(strstr(text, "\x1b[1;31merror:"));
	free(text);
	text = printed(&d, &(struct diag_style){ .max_bytes = 100 });
	assert_non_null(strstr(text, "… and 5000 more"));
	free(text);

	char *huge = arena_alloc(&a, 100001);
	memset(huge, 'h', 100000);
	d.max = 2000;
	diag_add(&d, "E_X", (struct loc){ f, 9, 9 }, "%s", huge);
	assert_true(strlen(d.v[d.n - 1].message) < 2100);
	diag_add(&d, "E_X", (struct loc){ f, 9, 10 }, "\xff bytes");
	text = printed(&d, &(struct diag_style){ .format = DIAG_JSON });
	json_t *array = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(array), 1002);
	json_decref(array);
	free(text);
	diags_release(&d);
	arena_release(&a);
}

static void errors_push_warnings_out(void **state)
{
	(void)state;
	struct arena a;
	struct diags d;
	arena_init(&a);
	diags_init(&d, &a);
	d.max = 3;
	for (int i = 0; i < 5; i++)
		diag_add(&d, "W_SHADOWED", LOC_NONE, "warning %d", i);
	for (int i = 0; i < 5; i++) {
		diag_add(&d, "E_REF", LOC_NONE, "error %d", i);
		diag_hint(&d, "hint %d", i);
	}
	diag_add(&d, "W_SHADOWED", LOC_NONE, "last");
	diag_hint(&d, "lost");
	assert_int_equal(d.n, 3);
	assert_int_equal(d.errors, 5);
	assert_int_equal(d.warnings, 6);
	for (size_t i = 0; i < 3; i++) {
		char want[16];
		snprintf(want, sizeof(want), "hint %zu", i);
		assert_string_equal(d.v[i].hint, want);
	}
	diags_release(&d);
	arena_release(&a);
}

static void nearest_names(void **state)
{
	(void)state;
	static const char *const names[] = { "alice", "bob", "alicia", "carol", "public_key", "endpoint", "ab", "ba" };
	static const struct {
		const char *word, *want;
	} cases[] = {
		{ "alcie", "alice" }, { "alic", "alice" },	  { "bobb", "bob" },  { "pubilc_key", "public_key" },
		{ "endpiont", "endpoint" }, { "publickey", "public_key" }, { "xyz", NULL }, { "a", "ab" },
		{ "", NULL },	      { "carl", "carol" },	  { "zzzzzzzz", NULL }, { "alicea", "alice" },
		{ "bo", "ba" },	      { "bbo", "bob" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = diag_nearest(cases[i].word, names, ARRAY_SIZE(names));
		if (!cases[i].want ? got != NULL : !got || strcmp(got, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].word, got ? got : "nothing");
	}
}

static int scratch(void **state)
{
	char template[] = "/tmp/yett-base-XXXXXX";
	assert_non_null(mkdtemp(template));
	*state = strdup(template);
	return 0;
}

static int scratch_gone(void **state)
{
	char command[256];
	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	free(*state);
	return system(command);
}

static void check_file(const char *dir, const char *name, const char *want)
{
	char path[512], text[256] = "";
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FD_CLEANUP int fd = open(path, O_RDONLY);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	assert_string_equal(text, want);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static size_t entries(const char *dir)
{
	char command[512];
	size_t n = 0;
	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", dir);
	FILE *p = popen(command, "r");
	assert_int_equal(fscanf(p, "%zu", &n), 1);
	pclose(p);
	return n;
}

static void folders_are_all_or_nothing(void **state)
{
	const char *dir = *state;
	char target[256], err[256] = "", path[512];
	struct outdir *o;
	struct stat st;
	mode_t old = umask(0077);
	snprintf(target, sizeof(target), "%s/out/", dir);
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(outdir_open(target, &o, err, sizeof(err)), 0);
		assert_int_equal(outdir_write(o, "gateways/fra-1/ruleset.nft", "table\n", 6), 0);
		assert_int_equal(outdir_write(o, "gateways/fra-1/state.json", "{}", 2), 0);
		assert_int_equal(outdir_write(o, "gateways/lon-1/state.json", "{1}", 3), 0);
		assert_int_equal(outdir_write(o, "gateways/lon-1/state.json", "", 0), -EEXIST);
		assert_int_equal(outdir_write(o, "manifest.json", "{\n  \"yett\": 1}", 14), 0);
		if (turn == 0)
			assert_int_equal(outdir_write(o, "only-once", "", 0), 0);
		assert_int_equal(outdir_commit(o), 0);
		check_file(target, "gateways/fra-1/ruleset.nft", "table\n");
		check_file(target, "gateways/lon-1/state.json", "{1}");
		snprintf(path, sizeof(path), "%s/gateways/fra-1", target);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
		assert_int_equal(stat(target, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
		assert_int_equal(entries(dir), 1);
		assert_int_equal(entries(target), turn == 0 ? 3 : 2);
	}
	assert_int_equal(outdir_open(target, &o, err, sizeof(err)), 0);
	assert_int_equal(outdir_write(o, "a/b/c/d", "x", 1), 0);
	outdir_abort(o);
	outdir_abort(NULL);
	assert_int_equal(entries(dir), 1);
	check_file(target, "gateways/lon-1/state.json", "{1}");
	umask(old);
}

static void folders_of_others_are_left_alone(void **state)
{
	const char *dir = *state;
	char command[512], target[256], err[256] = "";
	struct outdir *o;
	snprintf(command, sizeof(command),
		 "cd '%s' && mkdir full empty odd && echo x >full/x && echo '{\"other\": 1}' >odd/manifest.json &&"
		 " echo x >file && ln -s empty link",
		 dir);
	assert_int_equal(system(command), 0);
	static const struct {
		const char *name;
		int want;
	} cases[] = {
		{ "full", -ENOTEMPTY }, { "odd", -ENOTEMPTY },	{ "file", -ENOTDIR },
		{ "no/such", -ENOENT }, { "empty", 0 },		{ "link", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(target, sizeof(target), "%s/%s", dir, cases[i].name);
		int rc = outdir_open(target, &o, err, sizeof(err));
		if (rc != cases[i].want)
			fail_msg("%s: %d", cases[i].name, rc);
		if (rc == 0) {
			assert_int_equal(outdir_write(o, "manifest.json", "{\"yett\":1}", 10), 0);
			assert_int_equal(outdir_commit(o), 0);
		} else {
			assert_null(o);
			assert_non_null(strstr(err, cases[i].name));
		}
	}
	assert_int_equal(outdir_open("", &o, err, sizeof(err)), -ENOENT);
	assert_int_equal(outdir_open("/", &o, err, sizeof(err)), -EBUSY);
	snprintf(target, sizeof(target), "%s/empty", dir);
	check_file(target, "manifest.json", "{\"yett\":1}");
	assert_int_equal(entries(dir), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(buf_and_vec_grow),
		cmocka_unit_test(addresses),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(ranges),
		cmocka_unit_test(prefixes_of_ranges),
		cmocka_unit_test(wire_forms),
		cmocka_unit_test(services),
		cmocka_unit_test(keys),
		cmocka_unit_test(weak_keys),
		cmocka_unit_test(times),
		cmocka_unit_test(digests),
		cmocka_unit_test(utf8),
		cmocka_unit_test(diagnostics_are_sorted_and_kept_once),
		cmocka_unit_test(diagnostics_are_bounded),
		cmocka_unit_test(errors_push_warnings_out),
		cmocka_unit_test(nearest_names),
		cmocka_unit_test_setup_teardown(folders_are_all_or_nothing, scratch, scratch_gone),
		cmocka_unit_test_setup_teardown(folders_of_others_are_left_alone, scratch, scratch_gone),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
