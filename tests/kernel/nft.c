/* SPDX-License-Identifier: Apache-2.0 */
/* Our table in a real kernel: what is written is read back as the same, drift is seen and repaired, refusals have names. */
#include "kernel/nft_batch.h"
#include "kernel/nftnl.h"
#include "kernel_test.h"

static struct nftnl_conn conn, witness;
static char err[512];

/* As a long-lived connection does: the table is read only when somebody else changed the ruleset. */
static void observe(struct arena *a, struct gw_plan *p)
{
	(void)a;
	memset(p, 0, sizeof(*p));
	p->interface = p->gateway = "";
	if (nftnl_observe(&conn, INT64_MAX, &p->nft, err, sizeof(err)) < 0) {
		ok(false, "observing");
		diag(err);
	}
}

/* What of the table differs from want; *d lives in a. */
static void difference(const struct gw_plan *want, struct arena *a, struct plan_delta *d)
{
	struct gw_plan *have = arena_new(a, struct gw_plan);

	observe(a, have);
	gw_plan_diff(have, want, 0, a, d);
}

static void show(const struct plan_delta *d)
{
	struct buf text = BUF_INIT;

	plan_delta_print(d, &text);
	diag(buf_str(&text));
	buf_release(&text);
}

/* Another connection reads everything: nothing of it may differ from what this one believes. */
static bool believed(const struct gw_plan *have)
{
	struct arena a;
	struct gw_plan truth = { .gateway = "", .interface = "" };
	struct plan_delta d[2];

	arena_init(&a);
	if (nftnl_observe(&witness, 0, &truth.nft, err, sizeof(err)) < 0)
		diag(err);
	gw_plan_diff(have, &truth, 0, &a, &d[0]);
	gw_plan_diff(&truth, have, 0, &a, &d[1]);
	bool pass = d[0].nops == 0 && d[1].nops == 0 && truth.nft.foreign == have->nft.foreign;
	if (!pass) {
		diag("what is believed is not what is there:");
		show(&d[0]);
	}
	arena_release(&a);
	return pass;
}

static bool same(const struct gw_plan *want, const char *name)
{
	struct arena a;
	struct gw_plan have;
	struct plan_delta d;

	arena_init(&a);
	observe(&a, &have);
	gw_plan_diff(&have, want, 0, &a, &d);
	bool pass = ok(d.nops == 0 && believed(&have), "%s", name);
	if (!pass)
		show(&d);
	arena_release(&a);
	return pass;
}

/* Bytes sent; -1 when it failed. */
static int64_t bring_to(const struct gw_plan *want, size_t *nops)
{
	struct arena a;
	struct plan_delta d;
	uint64_t before = conn.sock.sent_bytes;

	arena_init(&a);
	difference(want, &a, &d);
	before = conn.sock.sent_bytes;
	int rc = nftnl_apply(&conn, &d, err, sizeof(err));
	if (rc < 0)
		diag(err);
	if (nops != NULL)
		*nops = d.nops;
	arena_release(&a);
	return rc < 0 ? -1 : (int64_t)(conn.sock.sent_bytes - before);
}

static void first_load(const struct gw_plan *want)
{
	struct arena a;
	struct gw_plan have;
	size_t nops = 0;

	arena_init(&a);
	observe(&a, &have);
	ok(!have.nft.present && have.nft.nchains == 0, "an empty kernel has no table");
	arena_release(&a);
	int64_t bytes = bring_to(want, &nops);
	ok(bytes > 0, "the whole table goes in as one batch: %zu operations, %lld bytes", nops, (long long)bytes);
	same(want, "what was written is read back as what was meant");
	ok(bring_to(want, NULL) == 0, "nothing is sent when nothing differs");
}

/* Each must stand in the listing: nft understands what we wrote. */
static void listing(void)
{
	static const char *const lines[] = {
		"elements = { 10.9.0.1 : 0x00000010, 10.9.0.2 : 0xfedcba98 }",
		"0x00000010 : goto c_0123456789ab",
		"255.255.255.0/24",
		"10.5.1.0/24 : 0xfedcba98, 10.5.2.3-10.5.2.4 : 0x00000010",
		"fd00::5:0-fd00::6:3 . udp . 1000-2000",
		"ct original ip daddr . ct protocol . ct original proto-dst @b_000000000004",
		"ct original proto-dst 443 ct original ip daddr 10.0.0.0/8 counter packets 0 bytes 0 accept comment \"x\"",
		"ct original proto-dst 5000-5100 ct original ip daddr @a_000000000004",
		"ct original ip daddr 10.0.0.5-10.0.0.7",
		"limit rate 10/second burst 20 packets log prefix \"yett denied: \" level info",
		"tcp flags syn / syn,rst tcp option maxseg size set rt mtu",
		"iifname \"wg0\" oifname != \"wg0\" masquerade",
		"type filter hook forward priority filter - 10; policy accept;",
		"type nat hook postrouting priority srcnat; policy accept;",
		"ct state invalid counter packets 0 bytes 0 goto denied",
		"ct direction reply goto source_any",
	};
	struct buf text = BUF_INIT;
	bool all = true;

	ok(run(&text, "nft list table inet yett") == 0, "nft lists the table");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (strstr(buf_str(&text), lines[i]) != NULL)
			continue;
		all = false;
		diag(lines[i]);
	}
	if (!ok(all, "the listing says what we meant"))
		diag(buf_str(&text));
	buf_release(&text);
}

static void drift(const struct gw_plan *want)
{
	static const char *const by_hand[] = {
		"nft flush ruleset",
		"nft flush table inet yett",
		"nft flush chain inet yett forward",
		"nft delete element inet yett class4 '{ 10.9.0.1 }'",
		"nft add element inet yett class4 '{ 10.9.0.99 : 0x10 }'",
		"nft 'delete element inet yett class4 { 10.9.0.1 }; add element inet yett class4 { 10.9.0.1 : 0x77 }'",
		"nft delete element inet yett network4 '{ 10.5.1.0/24 }'",
		"nft add element inet yett a_000000000004 '{ 172.16.0.0/12 }'",
		"nft delete element inet yett a_000000000004 '{ 255.255.255.0/24 }'",
		"nft add element inet yett b_000000000004 '{ 0.0.0.0/1 . 6 . 0-65535 }'",
		"nft delete element inet yett b_000000000006 '{ fd00::/64 . 6 . 443 }'",
		"nft delete element inet yett dispatch '{ 0x10 }'",
		"nft insert rule inet yett forward accept",
		"nft add rule inet yett forward meta mark 7 accept",
		"nft insert rule inet yett ours ip saddr '{ 1.2.3.4, 5.6.7.8 }' accept",
		"nft insert rule inet yett ours ct original ip daddr != @a_000000000004 accept",
		"nft insert rule inet yett ours limit rate over 10/second drop",
		"nft insert rule inet yett ours jump '{ accept; }'",
		"nft add chain inet yett backdoor '{ type filter hook input priority -300; }'",
		"nft add chain inet yett extra",
		"nft add set inet yett extra '{ type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }'",
		"nft add set inet yett extra '{ type inet_service; }'",
		"nft add element inet yett class4 '{ * : 0x10 }'",
		"nft add counter inet yett extra",
		"nft add table inet yett '{ flags dormant; }'",
		"nft add chain inet yett forward '{ policy drop; }'",
		"nft delete table inet yett",
	};

	for (size_t i = 0; i < ARRAY_SIZE(by_hand); i++) {
		struct buf out = BUF_INIT;
		size_t nops = 0;
		if (run(&out, by_hand[i]) != 0) {
			ok(false, "by hand: %s", by_hand[i]);
			diag(buf_str(&out));
		} else {
			int64_t bytes = bring_to(want, &nops);
			bool pass = ok(bytes > 0, "seen and repaired: %s (%zu operations, %lld bytes)", by_hand[i], nops, (long long)bytes);
			if (pass && !same(want, "and all is as it was"))
				diag(by_hand[i]);
		}
		buf_release(&out);
	}
}

static void foreign_tables(const struct gw_plan *want)
{
	struct buf before = BUF_INIT, after = BUF_INIT;

	must("nft -f - <<'X'\n"
	     "table inet other {\n set class4 {\n type ipv4_addr\n elements = { 1.2.3.4 }\n }\n chain forward {\n"
	     " type filter hook forward priority -10\n ip saddr @class4 counter drop\n }\n}\n"
	     "table ip yett {\n chain ours {\n counter accept\n }\n}\nX");
	run(&before, "nft list table inet other; nft list table ip yett");
	must("nft flush table inet yett; nft delete element inet yett class6 '{ fd09::1 }'");
	ok(bring_to(want, NULL) > 0 && same(want, "our table is repaired"), "beside other tables of the same names");
	run(&after, "nft list table inet other; nft list table ip yett");
	ok(strcmp(buf_str(&before), buf_str(&after)) == 0, "other tables are untouched");
	buf_release(&before);
	buf_release(&after);
}

static struct nft_set *set_of(struct gw_plan *p, const char *name)
{
	return (struct nft_set *)(uintptr_t)nft_find_set(&p->nft, name);
}

static void small_change(const struct gw_plan *want)
{
	struct arena a;
	struct gw_plan next = *want;
	size_t nops = 0;

	arena_init(&a);
	next.nft.set = arena_dup(&a, want->nft.set, want->nft.nsets * sizeof(*want->nft.set));
	struct nft_set *s = set_of(&next, "class4");
	struct nft_elem *elem = arena_array(&a, s->nelems + 1, struct nft_elem);
	memcpy(elem, s->elem, s->nelems * sizeof(*elem));
	elem[s->nelems] = elem_of("10.9.0.200", 0x10);
	s->elem = elem;
	s->nelems++;
	int64_t bytes = bring_to(&next, &nops);
	ok(bytes > 0 && bytes < 300 && nops == 1, "one more device is %lld bytes", (long long)bytes);
	same(&next, "and is there");
	bytes = bring_to(want, NULL);
	ok(bytes > 0 && bytes < 300, "one device less is %lld bytes", (long long)bytes);
	same(want, "and is gone");
	arena_release(&a);
}

/* A policy's change: chains, rules, interval sets, boxes and verdicts, there and back. */
static void policy_change(const struct gw_plan *want)
{
	struct arena a;
	struct maker m = { .a = &a };
	struct gw_plan next = *want;
	size_t nops = 0;

	arena_init(&a);
	make_sets(&m);
	m.set[3].elem[0] = box_of("fd77::/64", 6, 1, 2);                /* b_000000000006 */
	m.set[6].elem[1].chain = "c_bbbbbbbbbbbb";                      /* dispatch: another chain for the second class */
	m.set[7].nelems = 2;                                            /* network4 loses what its end markers belong to */
	make_set(&m, "z_000000000004", NFT_SET_ADDR4, 0, ELEMS(elem_of("10.99.0.0/16", 0)));
	make_chains(&m);
	m.chain[0].nrules -= 3;
	m.chain[0].rule[m.chain[0].nrules++] = m.chain[1].rule[1];      /* shorter, without its jump */
	m.chain[1] = (struct nft_chain){ .name = "c_bbbbbbbbbbbb" };    /* in place of d_0123456789ab */
	next.nft.set = arena_dup(&a, m.set, m.nsets * sizeof(m.set[0]));
	next.nft.nsets = m.nsets;
	next.nft.chain = arena_dup(&a, m.chain, m.nchains * sizeof(m.chain[0]));
	next.nft.nchains = m.nchains;
	int64_t read = conn.keep.read_at;
	uint64_t serial = conn.keep.serial;
	conn.keep.read_at = 1; /* would show that the whole table was read again */
	int64_t bytes = bring_to(&next, &nops);
	ok(bytes > 0 && conn.keep.valid && conn.keep.serial == serial + 1, "a policy's change: %zu operations", nops);
	same(&next, "is read back in its parts alone");
	bytes = bring_to(want, &nops);
	ok(bytes > 0 && conn.keep.valid && conn.keep.read_at == 1, "and taken back: %zu operations", nops);
	same(want, "likewise");
	conn.keep.read_at = read;
	arena_release(&a);
}

/* Random tables of few addresses: the copy is led through thousands of changes and must be the truth after each. */
static void many_changes(const struct gw_plan *want)
{
	struct arena a;
	uint32_t dice = 1;
	bool all = true;
	size_t nops = 0, sum = 0;

	for (int round = 0; round < 150 && all; round++) {
		arena_init(&a);
		struct gw_plan next = *want;
		next.nft.set = arena_dup(&a, want->nft.set, want->nft.nsets * sizeof(*want->nft.set));
		struct nft_set *s = set_of(&next, "class4");
		s->elem = arena_array(&a, 200, struct nft_elem);
		s->nelems = 0;
		for (uint32_t i = 0; i < 200; i++) {
			dice = dice * 1664525u + 1013904223u;
			if (dice >> 30 == 0)
				s->elem[s->nelems++] = (struct nft_elem){ at("10.9.0.0") + i, at("10.9.0.0") + i, .value = dice >> 29 & 1 };
		}
		all = bring_to(&next, &nops) >= 0;
		sum += nops;
		struct gw_plan have;
		struct plan_delta d;
		observe(&a, &have);
		gw_plan_diff(&have, &next, 0, &a, &d);
		all = all && d.nops == 0 && conn.keep.valid && (round % 10 != 0 || believed(&have));
		arena_release(&a);
	}
	ok(all, "after each of 150 changes of %zu elements in all the copy is the truth", sum);
	ok(bring_to(want, NULL) >= 0, "and back");
}

/* Others change the ruleset between our look and our change, and between our change and the next look. */
static void others(const struct gw_plan *want)
{
	static const char *const between[] = {
		"nft add table inet other; nft delete table inet other",
		"nft add element inet yett class4 '{ 10.9.0.77 : 0x10 }'",
		"nft flush chain inet yett forward",
	};

	for (size_t i = 0; i < ARRAY_SIZE(between); i++) {
		struct arena a;
		struct gw_plan have;
		struct nft_elem fresh = elem_of("10.9.0.60", 0x10);
		struct plan_op op = { .kind = OP_ELEM_ADD, .set = nft_find_set(&want->nft, "class4"), .elem = &fresh };
		struct plan_delta d = { .op = &op, .nops = 1, .want = want };
		arena_init(&a);
		observe(&a, &have);
		must(between[i]);
		ok(nftnl_apply(&conn, &d, err, sizeof(err)) == 0 && !conn.keep.valid, "between look and change: %s", between[i]);
		observe(&a, &have);
		ok(believed(&have), "all is read again");
		must(between[i]);
		observe(&a, &have);
		ok(believed(&have), "and once more when it comes after the change");
		ok(bring_to(want, NULL) > 0, "repaired");
		same(want, "all is as it was");
		arena_release(&a);
	}
}

/* That op alone is refused with a sentence that has every text in it, and nothing changes. */
static void refusal(const struct gw_plan *want, const struct plan_op *op, size_t n, const char *text, const char *name)
{
	struct plan_op copy[4];
	struct plan_delta d = { .op = copy, .nops = n, .want = want };

	memcpy(copy, op, n * sizeof(*op));
	err[0] = '\0';
	int rc = nftnl_apply(&conn, &d, err, sizeof(err));
	ok(rc < 0 && strstr(err, text) != NULL, "%s: %s", name, err);
}

static void refusals(struct gw_plan *want)
{
	const struct nft_set *classes = set_of(want, "class4"), *nets = set_of(want, "network4");
	struct nft_elem taken = elem_of("10.9.0.2", 5), fresh = elem_of("10.9.0.50", 5), missing = elem_of("10.9.0.51", 0);
	struct nft_elem overlap = elem_of("10.5.0.128-10.5.3.0", 5);
	struct nft_rule rule = { .item = (struct nft_item[]){ named(NFT_GOTO, "nowhere") }, .nitems = 1, .comment = "lost" };
	struct nft_chain ours = { .name = "ours", .rule = &rule, .nrules = 1 };
	struct plan_op two[] = { { .kind = OP_ELEM_ADD, .set = classes, .elem = &fresh },
				 { .kind = OP_ELEM_ADD, .set = classes, .elem = &taken } };

	refusal(want, two, 2, "10.9.0.2 to class4", "an address that is taken");
	refusal(want, &(struct plan_op){ .kind = OP_ELEM_REMOVE, .set = classes, .elem = &missing }, 1, "10.9.0.51 from class4",
		"an address that is not there");
	refusal(want, &(struct plan_op){ .kind = OP_ELEM_ADD, .set = nets, .elem = &overlap }, 1, "to network4", "networks that overlap");
	refusal(want, &(struct plan_op){ .kind = OP_RULES_ADD, .chain = &ours }, 1, "add rule 1 \"lost\" to chain ours",
		"a rule to nowhere");
	refusal(want, &(struct plan_op){ .kind = OP_CHAIN_REMOVE, .chain = nft_find_chain(&want->nft, "ours") }, 1, "delete chain ours",
		"a chain in use");
	same(want, "what was refused left no trace");
}

static void generations(const struct gw_plan *want)
{
	struct nft_elem fresh = elem_of("10.9.0.60", 5);
	struct plan_op op = { .kind = OP_ELEM_ADD, .set = nft_find_set(&want->nft, "class4"), .elem = &fresh };
	struct plan_delta d = { .op = &op, .nops = 1, .want = want };
	struct nft_batch b;

	nft_batch_build(&b, &d, conn.sock.seq + 1);
	conn.sock.seq = b.seq;
	ok(nft_batch_commit(&b, &conn.sock, 1, err, sizeof(err)) == -ERESTART, "a batch for a past generation is not taken");
	nft_batch_release(&b);
	same(want, "and changes nothing");
}

static void many(struct gw_plan *want, size_t n)
{
	struct arena a;
	struct gw_plan next = *want;
	struct plan_delta d;

	arena_init(&a);
	next.nft.set = arena_dup(&a, want->nft.set, want->nft.nsets * sizeof(*want->nft.set));
	struct nft_set *s = set_of(&next, "class4");
	s->nelems = n;
	s->elem = arena_array(&a, n, struct nft_elem);
	for (size_t i = 0; i < n; i++)
		s->elem[i] = (struct nft_elem){ .lo = at("10.0.0.0") + i, .hi = at("10.0.0.0") + i, .value = 0x10 };
	for (s->size = 1024; s->size < 2 * n;)
		s->size *= 2;
	difference(&next, &a, &d);
	double t = now_seconds();
	uint64_t before = conn.sock.sent_bytes;
	int rc = nftnl_apply(&conn, &d, err, sizeof(err));
	double applied = now_seconds();
	if (rc < 0)
		diag(err);
	ok(rc == 0, "%zu devices in one batch: %.0f ms, %.1f MB", n, (applied - t) * 1e3,
	   (double)(conn.sock.sent_bytes - before) / 1e6);
	t = now_seconds();
	difference(&next, &a, &d);
	t = now_seconds() - t;
	ok(d.nops == 0, "read back and compared in %.0f ms", t * 1e3);
	ok(bring_to(want, NULL) > 0, "and taken back");
	arena_release(&a);
}

/* What nft makes of the same rules as text is the same to us: c_0123456789ab without its jump, and the declarations it needs. */
static void from_text(const struct gw_plan *want)
{
	static const char text[] =
		"nft -f - <<'X'\n"
		"table inet yett {\n"
		"set a_000000000004 {\n type ipv4_addr\n flags interval\n elements = { 10.0.0.0/24, 10.1.0.5-10.1.0.9, 192.0.2.7,"
		" 255.255.255.0/24 }\n }\n"
		"set a_000000000006 {\n type ipv6_addr\n flags interval\n elements = { fd00::/64, fd01::5-fd01::9, ffff::/16 }\n }\n"
		"set b_000000000004 {\n type ipv4_addr . inet_proto . inet_service\n flags interval\n elements = { 10.0.0.0/24 . 6 . 80-90,"
		" 10.1.0.5-10.1.0.9 . 6 . 0-65535, 10.2.0.0/16 . 17 . 53, 255.255.255.0/24 . 6 . 1 }\n }\n"
		"set b_000000000006 {\n type ipv6_addr . inet_proto . inet_service\n flags interval\n elements = { fd00::/64 . 6 . 443,"
		" fd00::5:0-fd00::6:3 . 17 . 1000-2000 }\n }\n"
		"map class4 {\n type ipv4_addr : mark\n size 1024\n elements = { 10.9.0.1 : 0x10, 10.9.0.2 : 0xfedcba98 }\n }\n"
		"map network4 {\n type ipv4_addr : mark\n flags interval\n elements = { 0.0.0.0-0.0.0.255 : 0x10, 10.5.0.0/24 : 0x10,"
		" 10.5.1.0/24 : 0xfedcba98, 10.5.2.3-10.5.2.4 : 0x10, 255.0.0.0/8 : 0x10 }\n }\n"
		"chain denied {\n"
		"limit rate 10/second burst 20 packets log prefix \"yett denied: \" level info\n"
		"counter drop\n"
		"}\n"
		"chain p_0123456789ab {\n"
		"ct original ip daddr 10.77.0.0/16 counter accept comment \"a part\"\n"
		"return\n"
		"}\n"
		"chain c_0123456789ab {\n"
		"ct original l3proto ipv4 ct original protocol tcp ct original ip daddr . ct original protocol . ct original proto-dst"
		" @b_000000000004 counter accept comment \"tcp in boxes\"\n"
		"ct original l3proto ipv6 ct original protocol tcp ct original ip6 daddr . ct original protocol . ct original proto-dst"
		" @b_000000000006 counter accept comment \"six\"\n"
		"ct original l3proto ipv4 ct original protocol tcp ct original proto-dst 443 ct original ip daddr 10.0.0.0/8 counter accept"
		" comment \"x\"\n"
		"ct original l3proto ipv4 ct original protocol 17 ct original proto-dst 5000-5100 ct original ip daddr @a_000000000004"
		" counter accept\n"
		"ct original ip6 daddr @a_000000000006 counter accept\n"
		"ct original protocol 1 ct original ip daddr 10.0.0.5-10.0.0.7 counter accept\n"
		"ct original ip daddr 10.0.0.5 ct original ip saddr 10.128.0.0/9 counter accept\n"
		"ct original ip6 daddr fd00::5-fd00::9 counter accept\n"
		"ct original ip6 daddr fd00::4/126 ct original ip6 saddr fd00::1 counter accept\n"
		"ct original protocol 2-5 ct original ip6 daddr fd00::/64 meta time >= 1800000000 meta time < 1900000000 meta day 1"
		" meta hour 3600-7199 counter accept\n"
		"meta time 1800000000-1800000059 drop\n"
		"jump p_0123456789ab\n"
		"goto denied\n"
		"}\n"
		"chain ours {\n ct state invalid counter goto denied\n ct direction reply goto denied\n }\n"
		"chain forward {\n type filter hook forward priority -10; policy accept;\n"
		"oifname \"wg0\" tcp flags syn / syn,rst tcp option maxseg size set rt mtu\n"
		"iifname \"wg0\" goto ours\n oifname \"wg0\" goto ours\n }\n"
		"chain postrouting {\n type nat hook postrouting priority srcnat; policy accept;\n"
		"iifname \"wg0\" oifname != \"wg0\" masquerade comment \"masquerade\"\n }\n"
		"}\nX";
	static const char *const chains[] = { "c_0123456789ab", "denied", "forward", "p_0123456789ab", "postrouting" };
	static const char *const sets[] = { "a_000000000004", "a_000000000006", "b_000000000004", "b_000000000006", "class4", "network4" };
	struct arena a;
	struct gw_plan have;

	arena_init(&a);
	must("nft delete table inet yett");
	must(text);
	observe(&a, &have);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		const struct nft_chain *x = nft_find_chain(&have.nft, chains[i]), *y = nft_find_chain(&want->nft, chains[i]);
		bool equal = x != NULL && x->hook == y->hook && x->nrules == y->nrules;
		for (size_t k = 0; equal && k < x->nrules; k++) {
			equal = nft_rule_equal(&x->rule[k], &y->rule[k]);
			if (!equal)
				printf("# rule %zu of %s\n", k + 1, chains[i]);
		}
		ok(equal, "loaded as text, chain %s is the same", chains[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const struct nft_set *x = nft_find_set(&have.nft, sets[i]), *y = nft_find_set(&want->nft, sets[i]);
		bool equal = x != NULL && nft_set_same_shape(x, y) && x->nelems == y->nelems;
		for (size_t k = 0; equal && k < x->nelems; k++)
			equal = nft_elem_equal(&x->elem[k], &y->elem[k]);
		ok(equal, "loaded as text, set %s is the same", sets[i]);
	}
	ok(have.nft.foreign == 0, "and nothing in it is foreign");
	ok(bring_to(want, NULL) > 0 && same(want, "what text left out is brought in"), "over a table loaded as text");
	arena_release(&a);
}

int main(void)
{
	struct arena a;
	struct gw_plan want = { .gateway = "gw", .interface = "", .nft.present = true };

	enter_namespaces(0);
	arena_init(&a);
	make_table(&a, &want.nft);
	if (!ok(nftnl_open(&conn, err, sizeof(err)) == 0 && nftnl_open(&witness, err, sizeof(err)) == 0, "a netfilter socket opens"))
		return finish();
	first_load(&want);
	listing();
	drift(&want);
	foreign_tables(&want);
	small_change(&want);
	policy_change(&want);
	many_changes(&want);
	others(&want);
	refusals(&want);
	generations(&want);
	from_text(&want);
	many(&want, 100000);
	same(&want, "at the end all is as at the beginning");
	nftnl_close(&witness);
	nftnl_close(&conn);
	arena_release(&a);
	return finish();
}
