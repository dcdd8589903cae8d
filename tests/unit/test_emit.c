/* SPDX-License-Identifier: Apache-2.0 */
/* emit: the words of nft for each kind of rule and element, and the other artifacts' forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bug.h"
#include "base/clock.h"
#include "emit/emit.h"
#include "plan/rules.h"

static u128 v4(uint32_t a)
{
	return addr_from_v4(a);
}

static u128 v6(uint64_t low)
{
	return (u128)0xfd00 << 112 | low;
}

static struct nft_item with_set(enum nft_field field, const char *set, bool six)
{
	struct nft_item i = item_match(field, NFT_IN_SET, 0, 0);

	i.name = set;
	i.v6 = six;
	return i;
}

static struct nft_item on(enum nft_field field, enum nft_op op)
{
	struct nft_item i = item_match(field, op, 0, 0);

	i.name = "wg0";
	return i;
}

static void rule_is(const struct nft_item *item, size_t n, const char *comment, const char *want)
{
	struct nft_rule r = { .item = (struct nft_item *)item, .nitems = n, .comment = comment };
	struct buf text = BUF_INIT;

	emit_nft_rule(&r, &text);
	assert_string_equal(buf_str(&text), want);
	buf_release(&text);
}

#define RULE(comment, want, ...)                                                                                       \
	do {                                                                                                           \
		const struct nft_item items[] = { __VA_ARGS__ };                                                       \
		rule_is(items, ARRAY_SIZE(items), comment, want);                                                      \
	} while (0)

static void rules_in_words(void **state)
{
	(void)state;
	struct nft_item limit = { .kind = NFT_LIMIT, .lo = 10, .hi = 20 };
	struct nft_item dispatch = { .kind = NFT_DISPATCH, .name = "class6", .name2 = "dispatch", .v6 = true };

	RULE("x",
	     "ct original l3proto ipv4 ct original protocol 6 ct original proto-dst 443 ct original ip daddr 10.0.0.0/8 counter accept comment \"x\"",
	     item_match(NFT_CT_L3PROTO, NFT_EQ, 2, 0), item_match(NFT_CT_PROTO, NFT_EQ, 6, 0),
	     item_match(NFT_CT_DPORT, NFT_EQ, 443, 0),
	     item_match(NFT_CT_DADDR, NFT_PREFIX, v4(0x0a000000), v4(0x0affffff)), item_plain(NFT_COUNTER),
	     item_plain(NFT_ACCEPT));
	RULE(NULL,
	     "ct original l3proto ipv6 ct original protocol 17 ct original proto-dst 5000-5100 ct original ip6 daddr @a_1 counter goto denied",
	     item_match(NFT_CT_L3PROTO, NFT_EQ, 10, 0), item_match(NFT_CT_PROTO, NFT_EQ, 17, 0),
	     item_match(NFT_CT_DPORT, NFT_RANGE, 5000, 5100), with_set(NFT_CT_DADDR, "a_1", true),
	     item_plain(NFT_COUNTER), item_name(NFT_GOTO, "denied"));
	RULE(NULL,
	     "ct original protocol 2-5 ct original ip6 daddr fd00::5-fd00::9 meta time >= 1800000000 meta time < 1900000000 meta day 0 meta hour 3600-7199 drop",
	     item_match(NFT_CT_PROTO, NFT_RANGE, 2, 5), item_match(NFT_CT_DADDR, NFT_RANGE, v6(5), v6(9)),
	     item_match(NFT_TIME, NFT_GE, 1800000000, 0), item_match(NFT_TIME, NFT_LT, 1900000000, 0),
	     item_match(NFT_DAY, NFT_EQ, 0, 0), item_match(NFT_HOUR, NFT_RANGE, 3600, 7199), item_plain(NFT_DROP));
	RULE(NULL, "ct original ip daddr . ct original protocol . ct original proto-dst @b_1 jump p_1",
	     with_set(NFT_CT_DBOX, "b_1", false), item_name(NFT_JUMP, "p_1"));
	RULE(NULL, "iifname \"wg0\" oifname != \"wg0\" masquerade", on(NFT_IIFNAME, NFT_EQ), on(NFT_OIFNAME, NFT_NEQ),
	     item_plain(NFT_MASQUERADE));
	RULE(NULL, "oifname \"wg0\" tcp flags syn / syn,rst tcp option maxseg size set rt mtu", on(NFT_OIFNAME, NFT_EQ),
	     item_plain(NFT_MSS_CLAMP));
	RULE(NULL, "ct state invalid counter return", item_match(NFT_CT_INVALID, NFT_EQ, 0, 0), item_plain(NFT_COUNTER),
	     item_plain(NFT_RETURN));
	RULE(NULL, "ct direction reply limit rate 10/second burst 20 packets log prefix \"yett p: \" level info",
	     item_match(NFT_CT_DIRECTION, NFT_EQ, 1, 0), limit, item_name(NFT_LOG, "yett p: "));
	RULE(NULL, "meta mark set ct original ip6 saddr map @class6 meta mark vmap @dispatch", dispatch);
}

static void elem_is(enum nft_set_kind kind, struct nft_elem e, const char *want)
{
	const struct nft_set s = { .name = "s", .kind = kind };
	struct buf text = BUF_INIT;

	emit_nft_elem(&s, &e, &text);
	assert_string_equal(buf_str(&text), want);
	buf_release(&text);
}

static void elements_in_words(void **state)
{
	(void)state;
	elem_is(NFT_MAP_CLASS4, (struct nft_elem){ .lo = v4(0x0a000001), .hi = v4(0x0a000001), .value = 5 },
		"10.0.0.1 : 0x00000005");
	elem_is(NFT_MAP_NET6, (struct nft_elem){ .lo = v6(0), .hi = v6(0xff), .value = 0xdeadbeef },
		"fd00::/120 : 0xdeadbeef");
	elem_is(NFT_MAP_CHAIN, (struct nft_elem){ .lo = 7, .hi = 7, .chain = "c_7" }, "0x00000007 : goto c_7");
	elem_is(NFT_SET_ADDR4, (struct nft_elem){ .lo = v4(0x0a000005), .hi = v4(0x0a000009) }, "10.0.0.5-10.0.0.9");
	elem_is(NFT_SET_BOX4,
		(struct nft_elem){ .lo = v4(0x0a000000),
				   .hi = v4(0x0a0000ff),
				   .proto_lo = 6,
				   .proto_hi = 6,
				   .port_lo = 80,
				   .port_hi = 90 },
		"10.0.0.0/24 . 6 . 80-90");
	elem_is(NFT_SET_BOX6,
		(struct nft_elem){
			.lo = v6(1), .hi = v6(1), .proto_lo = 6, .proto_hi = 17, .port_lo = 5, .port_hi = 5 },
		"fd00::1 . 6-17 . 5");
}

/* A small plan by hand. */
struct sample {
	struct prefix address, allowed[2];
	struct gw_peer peer[2];
	struct nft_elem elem;
	struct nft_set set;
	struct nft_item item;
	struct nft_rule rule;
	struct nft_chain chain[2];
	struct gw_plan plan;
};

static void sample_init(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	s->address = (struct prefix){ v4(0x0a070001), 32 };
	s->allowed[0] = (struct prefix){ v4(0x0a07000b), 32 };
	s->allowed[1] = (struct prefix){ v6(0xb), 128 };
	s->peer[0] = (struct gw_peer){ .name = "alice-laptop",
				       .allowed_ips = s->allowed,
				       .nallowed = 2,
				       .not_before = CLOCK_EVER,
				       .expires = 1893456000 };
	s->peer[1] =
		(struct gw_peer){ .name = "lost", .revoked = true, .not_before = CLOCK_EVER, .expires = CLOCK_NEVER };
	s->peer[0].public_key.b[0] = 9;
	s->peer[1].public_key.b[0] = 10;
	s->elem = (struct nft_elem){ .lo = v4(0x0a07000b), .hi = v4(0x0a07000b), .value = 0x10 };
	s->set = (struct nft_set){
		.name = "class4", .kind = NFT_MAP_CLASS4, .size = 1024, .elem = &s->elem, .nelems = 1
	};
	s->item = item_plain(NFT_ACCEPT);
	s->rule = (struct nft_rule){ .item = &s->item, .nitems = 1, .comment = "wiki +1" };
	s->chain[0] = (struct nft_chain){ .name = "c_1", .class_chain = true, .rule = &s->rule, .nrules = 1 };
	s->chain[1] = (struct nft_chain){ .name = "input", .hook = NFT_HOOK_INPUT };
	s->plan = (struct gw_plan){ .gateway = "gw",
				    .interface = "wg0",
				    .present = true,
				    .up = true,
				    .listen_port = 51820,
				    .mtu = 1420,
				    .address = &s->address,
				    .naddresses = 1,
				    .peer = s->peer,
				    .npeers = 2 };
	s->plan.nft =
		(struct nft_table){ .present = true, .set = &s->set, .nsets = 1, .chain = s->chain, .nchains = 2 };
}

static const char *after_comments(const char *text)
{
	while (*text == '#')
		text = strchr(text, '\n') + 1;
	return text;
}

static void wireguard_conf(void **state)
{
	(void)state;
	struct sample s;
	struct buf text = BUF_INIT;

	sample_init(&s);
	emit_wireguard_conf(&s.plan, &text);
	assert_string_equal(after_comments(buf_str(&text)),
			    "[Interface]\nListenPort = 51820\n\n# alice-laptop\n[Peer]\nPublicKey = "
			    "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nAllowedIPs = 10.7.0.11/32, fd00::b/128\n");
	assert_null(strstr(buf_str(&text), "PrivateKey"));
	buf_release(&text);
}

static void ruleset_replaces_the_table(void **state)
{
	(void)state;
	struct sample s;
	struct buf text = BUF_INIT;

	sample_init(&s);
	emit_ruleset(&s.plan, &text);
	assert_string_equal(
		after_comments(buf_str(&text)),
		"table inet yett\ndelete table inet yett\ntable inet yett {\n"
		"\tmap class4 {\n\t\ttype ipv4_addr : mark\n\t\tsize 1024\n\t\telements = {\n\t\t\t10.7.0.11 : 0x00000010\n\t\t}\n\t}\n"
		"\n\tchain c_1 {\n\t\tmeta mark set 0x0\n\t\taccept comment \"wiki +1\"\n\t}\n"
		"\n\tchain input {\n\t\ttype filter hook input priority -10; policy accept;\n\t}\n}\n");
	buf_release(&text);
}

static json_t *parse(const struct buf *text)
{
	json_error_t e;
	json_t *j = json_loads(buf_str(text), JSON_REJECT_DUPLICATES, &e);

	assert_non_null(j);
	return j;
}

static void state_is_the_plan(void **state)
{
	(void)state;
	struct sample s;
	struct buf text = BUF_INIT;

	sample_init(&s);
	emit_state_json(&s.plan, &text);
	json_t *j = parse(&text), *peers = json_object_get(j, "peers");
	assert_int_equal(json_array_size(peers), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(peers, 0), "expires")),
			    "2030-01-01T00:00:00Z");
	assert_true(json_is_null(json_object_get(json_array_get(peers, 0), "not_before")));
	assert_true(json_is_true(json_object_get(json_array_get(peers, 1), "revoked")));
	json_t *chain = json_array_get(json_object_get(j, "nft_chains"), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(chain, "rules"), 0)),
			    "accept comment \"wiki +1\"");
	assert_string_equal(json_string_value(json_array_get(json_object_get(j, "addresses"), 0)), "10.7.0.1/32");
	json_decref(j);
	buf_release(&text);
}

static void profile_forms(void **state)
{
	(void)state;
	struct gateway g = { .o.name = "gw", .site = "hq", .endpoint = { "2001:db8::1", 51820, true } };
	struct r_gateway rg = { .decl = &g };
	struct device d = { .o.name = "alice-laptop" };
	struct r_device rd = { .decl = &d, .not_before = CLOCK_EVER, .expires = CLOCK_NEVER };
	struct network n = { .o.name = "net" };
	struct prefix address = { v4(0x0a07000b), 32 }, allowed[] = { { 0, 0 }, { v4(0x0a010000), 16 } };
	u128 dns = v4(0x0a010035);
	const char *search[] = { "corp.example" };
	struct profile_peer peer[] = { { &rg, allowed, 2, true }, { &rg, NULL, 0, false } };
	struct device_profile p = { .device = &rd,
				    .address = &address,
				    .naddresses = 1,
				    .dns = &dns,
				    .ndns = 1,
				    .search = search,
				    .nsearch = 1,
				    .mtu = 1420,
				    .keepalive = 25,
				    .peer = peer,
				    .npeers = 2,
				    .settings = { TUNNEL_FULL, YES, NO } };
	struct buf conf = BUF_INIT, text = BUF_INIT;

	g.public_key.b[0] = 9;
	emit_profile_conf(&p, &n, &conf);
	assert_non_null(strstr(buf_str(&conf),
			       "[Interface]\n# PrivateKey = (this device's own key)\nAddress = 10.7.0.11/32\n"
			       "DNS = 10.1.0.53, corp.example\nMTU = 1420\n"));
	assert_non_null(
		strstr(buf_str(&conf),
		       "[Peer]\nPublicKey = CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
		       "Endpoint = [2001:db8::1]:51820\nAllowedIPs = ::/0, 10.1.0.0/16\nPersistentKeepalive = 25\n"));
	assert_non_null(strstr(buf_str(&conf), "standby\n[Peer]\n"));
	emit_profile_json(&p, &n, &text);
	json_t *j = parse(&text);
	assert_int_equal(json_integer_value(json_object_get(j, "format")), 1);
	assert_string_equal(json_string_value(json_object_get(j, "tunnel")), "full");
	assert_int_equal(json_array_size(json_object_get(j, "peers")), 2);
	assert_null(strstr(buf_str(&text), "rivate"));
	json_decref(j);
	buf_release(&conf);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_in_words),    cmocka_unit_test(elements_in_words),
		cmocka_unit_test(wireguard_conf),    cmocka_unit_test(ruleset_replaces_the_table),
		cmocka_unit_test(state_is_the_plan), cmocka_unit_test(profile_forms),
	};

	return cmocka_run_group_tests_name("emit", tests, NULL, NULL);
}
