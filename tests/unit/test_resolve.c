/* SPDX-License-Identifier: Apache-2.0 */
/* resolve: names, groups, addresses, placement, selectors. Each tree is text, so the tests read like the language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bug.h"
#include "base/buf.h"
#include "resolve/place.h"
#include "resolve/resolve.h"
#include "special_registry.h"

struct tree {
	struct arena arena;
	struct diags diags;
	struct source source;
	struct source_file file;
	struct model model;
	struct resolved r;
	struct buf text;
};

#define TREE_CLEANUP __attribute__((cleanup(tree_release)))

static void tree_release(struct tree *t)
{
	buf_release(&t->text);
	diags_release(&t->diags);
	arena_release(&t->arena);
}

static void tree_resolve(struct tree *t)
{
	arena_init(&t->arena);
	diags_init(&t->diags, &t->arena);
	t->file = (struct source_file){ .path = "tree.yaml", .data = buf_str(&t->text), .len = t->text.len };
	t->file.diag_file = diags_add_file(&t->diags, t->file.path, t->file.data, t->file.len);
	t->source = (struct source){ .file = &t->file, .nfiles = 1, .bytes = t->file.len };
	model_read(&t->model, &t->source, &t->arena, &t->diags);
	resolve(&t->r, &t->model, &t->arena, &t->diags);
	diags_sort(&t->diags);
}

static void doc(struct tree *t, const char *kind, const char *name, const char *rest)
{
	buf_addf(&t->text, "---\nkind: %s\nname: %s\n%s\n", kind, name, rest);
}

/* A machine with a key of its own, made from its number. */
static void machine(struct tree *t, const char *kind, const char *name, unsigned int key, const char *rest)
{
	struct pubkey k;
	char text[KEY_TEXT_MAX];
	memset(&k, 0x42, sizeof(k));
	memcpy(k.b, &key, sizeof(key));
	doc(t, kind, name, "");
	t->text.len--;
	buf_addf(&t->text, "public_key: %s\n%s\n", pubkey_format(&k, text), rest);
}

#define NETWORK "pools: [10.7.0.0/24, 'fd07::/64']"
#define NETWORK4 "pools: [10.7.0.0/24]"

/* Two sites, three people, four devices. */
static void company(struct tree *t)
{
	doc(t, "Network", "net", NETWORK4);
	doc(t, "Site", "hq", "networks: [10.1.0.0/16]\nexit: true");
	doc(t, "Site", "lab", "networks: [10.2.0.0/16]");
	machine(t, "Gateway", "hq-1", 1, "site: hq\nendpoint: 192.0.2.1:51820\naddresses: [10.7.0.1]");
	machine(t, "Gateway", "lab-1", 2, "site: lab\nendpoint: 192.0.2.2:51820\naddresses: [10.7.0.2]");
	doc(t, "User", "alice", "tags: [staff]\nplan: basic");
	doc(t, "User", "bob", "");
	doc(t, "User", "carol", "enabled: false");
	doc(t, "Plan", "basic", "sites: [hq]");
	machine(t, "Device", "alice-laptop", 11, "owner: alice\naddresses: [10.7.0.11]");
	machine(t, "Device", "alice-phone", 12, "owner: alice\naddresses: [10.7.0.12]\ntags: [mobile]");
	machine(t, "Device", "bob-laptop", 13, "owner: bob\naddresses: [10.7.0.13]");
	machine(t, "Device", "carol-laptop", 14, "owner: carol\naddresses: [10.7.0.14]");
	machine(t, "Device", "server", 15, "tags: [db, staff]\naddresses: [10.7.0.15]\nnetworks: [192.168.9.0/24]");
	doc(t, "Resource", "wiki", "addresses: [10.1.0.5]\nports: [tcp/443, tcp/80-90, tcp/85]\ntags: [staff]");
	doc(t, "Group", "ops", "members: ['user:bob', 'group:dba']");
	doc(t, "Group", "dba", "members: ['device:server', 'tag:mobile']");
}

static const struct diag *find_code(const struct tree *t, const char *code)
{
	for (size_t i = 0; i < t->diags.n; i++)
		if (!strcmp(t->diags.v[i].code, code))
			return &t->diags.v[i];
	return NULL;
}

/* Fails with all that was said, unless exactly these codes were, in this order; ends in NULL. */
static void expect_codes(const struct tree *t, const char *const *code)
{
	size_t n = 0;
	while (code[n])
		n++;
	bool same = n == t->diags.n;
	for (size_t i = 0; same && i < n; i++)
		same = !strcmp(code[i], t->diags.v[i].code);
	if (same)
		return;
	for (size_t i = 0; i < t->diags.n; i++)
		print_message("%u: %s %s (%s)\n", t->diags.v[i].loc.line, t->diags.v[i].code, t->diags.v[i].message,
			      t->diags.v[i].hint ? t->diags.v[i].hint : "");
	fail_msg("%zu diagnostics, wanted %zu", t->diags.n, n);
}

#define EXPECT(t, ...) expect_codes((t), (const char *const[]){ __VA_ARGS__, NULL })
#define EXPECT_NONE(t) expect_codes((t), (const char *const[]){ NULL })

/* "a b c": the sources of a set. */
static const char *set_text(struct tree *t, const struct source_set *s)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	for (size_t i = 0; i < s->n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", source_text(&t->r, s->v[i], &t->arena));
	return arena_strdup(&t->arena, buf_str(&b));
}

static const char *ranges_text(struct tree *t, const struct range *v, size_t n)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", range_format(v[i], text));
	return arena_strdup(&t->arena, buf_str(&b));
}

static const char *dests_text(struct tree *t, const struct r_dest *v, size_t n)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	char text[ADDR_TEXT_MAX], port[SERVICE_TEXT_MAX];
	for (size_t i = 0; i < n; i++) {
		buf_addf(&b, "%s%s", i ? " " : "", range_format(v[i].range, text));
		for (size_t j = 0; j < v[i].nservices; j++)
			buf_addf(&b, "%s%s", j ? "," : "@", service_format(v[i].service[j], port));
	}
	return arena_strdup(&t->arena, buf_str(&b));
}

static const char *from_text(struct tree *t, const char *text)
{
	struct source_set set;
	const char *why;
	return resolve_sources_text(&t->r, text, &t->arena, &set, &why) ? why : set_text(t, &set);
}

static const char *to_text(struct tree *t, const char *text)
{
	struct r_dest *v;
	size_t n;
	bool self;
	const char *why;
	if (resolve_dests_text(&t->r, text, &t->arena, &v, &n, &self, &why))
		return why;
	return self ? "self" : dests_text(t, v, n);
}

static u128 addr(const char *text)
{
	u128 a;
	assert_int_equal(addr_parse(text, strlen(text), &a), ADDR_OK);
	return a;
}

static void test_selectors(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	tree_resolve(&t);
	EXPECT_NONE(&t);
	assert_string_equal(from_text(&t, "user:alice"), "device:alice-laptop device:alice-phone");
	assert_string_equal(from_text(&t, "group:ops"), "device:alice-phone device:bob-laptop device:server");
	assert_string_equal(from_text(&t, "group:dba"), "device:alice-phone device:server");
	assert_string_equal(from_text(&t, "tag:staff"), "device:alice-laptop device:alice-phone device:server");
	assert_string_equal(from_text(&t, "plan:basic"), "device:alice-laptop device:alice-phone");
	assert_string_equal(from_text(&t, "10.7.0.12-10.7.0.13"), "device:alice-phone device:bob-laptop");
	assert_string_equal(from_text(&t, "10.7.0.1"), "");
	assert_string_equal(from_text(&t, "192.168.9.1"), "");
	assert_string_equal(from_text(&t, "site:hq"), "site:hq");
	assert_string_equal(from_text(&t, "gateway:lab-1"), "gateway:lab-1");
	assert_string_equal(from_text(&t, "server"), "device:server");
	assert_string_equal(from_text(&t, "any"),
			    "device:alice-laptop device:alice-phone device:bob-laptop device:carol-laptop device:server");
	assert_string_equal(from_text(&t, "tag:none"), "");
	assert_string_equal(to_text(&t, "tag:staff"), "10.7.0.15 192.168.9.0/24 10.1.0.5@tcp/80-90,tcp/443");
	assert_string_equal(to_text(&t, "group:ops"), "10.7.0.12/31 10.7.0.15 192.168.9.0/24");
	assert_string_equal(to_text(&t, "wiki"), "10.1.0.5@tcp/80-90,tcp/443");
	assert_string_equal(to_text(&t, "site:lab"), "10.2.0.0/16");
	assert_string_equal(to_text(&t, "gateway:hq-1"), "10.7.0.1");
	assert_string_equal(to_text(&t, "self"), "self");
	assert_string_equal(to_text(&t, "10.0.0.0/8"), "10.0.0.0/8");
	assert_non_null(strstr(from_text(&t, "group:opps"), "there is no group \"opps\"; did you mean \"ops\"?"));
	assert_non_null(strstr(from_text(&t, "group:alice"), "did you mean user:alice?"));
	assert_non_null(strstr(from_text(&t, "resource:wiki"), "cannot stand in \"from\""));
	assert_non_null(strstr(to_text(&t, "plan:basic"), "cannot stand in \"to\""));
	assert_non_null(strstr(from_text(&t, "alice-lapto"), "did you mean \"alice-laptop\"?"));
	assert_int_equal(source_find(&t.r, "site:lab"), t.r.ndevices + 1);
	assert_int_equal(source_find(&t.r, "gateway:hq-1"), t.r.ndevices + t.r.nsites);
	assert_int_equal(source_find(&t.r, "device:bob-laptop"), source_find(&t.r, "bob-laptop"));
	assert_int_equal(source_find(&t.r, "nobody"), NONE);
}

static void test_references(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	doc(&t, "Policy", "p1", "from: ['group:opps', 'plan:basik', self]\nto: ['resource:wiky', 'plan:basic']");
	doc(&t, "User", "dave", "plan: bsic");
	doc(&t, "Group", "g", "members: ['user:alcie', 'site:hq']");
	machine(&t, "Device", "x", 30, "owner: bobb\nhome: hqq\naddresses: [10.7.0.30]");
	machine(&t, "Device", "y", 31, "addresses: [10.7.0.31]");
	doc(&t, "Test", "t", "from: ['user:zzzzzz']\nallow: [{to: ['site:labb']}]");
	tree_resolve(&t);
	EXPECT(&t, "E_REF", "E_REF", "E_SELECTOR", "E_REF", "E_SELECTOR", /* the policy */
	       "E_REF", "E_REF", "E_SELECTOR",                            /* user and group */
	       "E_REF", "E_REF", "E_REQUIRED", "E_REF", "E_REF");
	assert_int_equal(t.r.npolicies, 0);
	assert_int_equal(t.r.ntests, 0);
	assert_string_equal(t.diags.v[0].message, "there is no group \"opps\"");
	assert_string_equal(t.diags.v[0].hint, "did you mean \"ops\"?");
}

static void test_broken_targets(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	doc(&t, "User", "erin", "enabled: perhaps");
	doc(&t, "Group", "g", "members: ['user:erin']");
	doc(&t, "Policy", "p", "from: ['group:g', 'user:erin']\nto: ['site:hq']");
	tree_resolve(&t);
	assert_int_equal(t.diags.n, 1); /* the bool */
	assert_int_equal(t.r.npolicies, 0);
}

static void test_empty_selectors(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	doc(&t, "User", "frank", "");
	doc(&t, "Site", "bare", "");
	doc(&t, "Policy", "p",
	    "from: ['tag:nothing', 'user:frank', 'site:bare', 10.7.0.99, 'user:bob']\nto: ['tag:nothing', 'site:bare', self]");
	doc(&t, "Policy", "q", "from: ['user:alice']\nto: [self]");
	doc(&t, "Policy", "r", "from: ['user:alice']\nto: [any]\nexpires: 2026-01-01\nnot_before: 2026-01-01");
	doc(&t, "Policy", "s", "from: ['user:alice']\nto: [any]\nenabled: false");
	doc(&t, "Group", "g", "members: ['tag:neverland']");
	tree_resolve(&t);
	EXPECT(&t, "W_EMPTY_SELECTOR", "W_EMPTY_SELECTOR", "W_EMPTY_SELECTOR", "W_EMPTY_SELECTOR", "W_EMPTY_SELECTOR",
	       "W_EMPTY_SELECTOR", "W_EMPTY_SELECTOR", "W_NEVER", "W_EMPTY_SELECTOR");
	assert_int_equal(t.r.npolicies, 3);
	assert_int_equal(resolved_find(&t.r, KIND_POLICY, "r"), 2);
	assert_int_equal(resolved_find(&t.r, KIND_POLICY, "s"), NONE);
	assert_true(t.r.policy[1].to_self);
	assert_int_equal(t.r.policy[1].nto, 0);
	assert_int_equal(t.r.policy[0].nports, 1);
	assert_int_equal(t.r.policy[0].port[0].hi, SERVICE_LAST);
}

static void test_cycles(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	doc(&t, "Group", "c", "members: ['group:a', 'user:bob']");
	doc(&t, "Group", "a", "members: ['group:b', 'user:alice']");
	doc(&t, "Group", "b", "members: ['group:c']");
	doc(&t, "Group", "x", "members: ['group:x']");
	doc(&t, "Group", "into", "members: ['group:b']");
	tree_resolve(&t);
	EXPECT(&t, "E_CYCLE", "E_CYCLE");
	assert_non_null(strstr(t.diags.v[0].message, "a -> b -> c -> a"));
	assert_non_null(strstr(t.diags.v[1].message, "x -> x"));
}

/* Groups prefix-0 .. prefix-(n-1), each holding the one before it. */
static void chain_of_groups(struct tree *t, const char *prefix, int n)
{
	for (int i = 0; i < n; i++) {
		char name[32], members[64];
		snprintf(name, sizeof(name), "%s-%d", prefix, i);
		if (i > 0)
			snprintf(members, sizeof(members), "members: ['group:%s-%d']", prefix, i - 1);
		else
			snprintf(members, sizeof(members), "members: ['user:bob']");
		doc(t, "Group", name, members);
	}
}

static void test_deep_groups(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	chain_of_groups(&t, "deep", 8);
	/* A ladder with as many ways through it as its rungs allow. */
	for (int i = 0; i < 8; i++)
		for (int side = 0; side < 2; side++) {
			char name[32], members[96];
			snprintf(name, sizeof(name), "ladder-%d-%d", i, side);
			snprintf(members, sizeof(members),
				 i ? "members: ['group:ladder-%d-0', 'group:ladder-%d-1']" : "members: ['user:alice', 'user:bob']",
				 i - 1, i - 1);
			doc(&t, "Group", name, members);
		}
	tree_resolve(&t);
	EXPECT_NONE(&t);
	assert_string_equal(from_text(&t, "group:deep-7"), "device:bob-laptop");
	assert_string_equal(from_text(&t, "group:ladder-7-1"), "device:alice-laptop device:alice-phone device:bob-laptop");
}

/* One more than 8, and thousands more: one message, no deep recursion. */
static void test_too_deep_groups(void **state)
{
	(void)state;
	for (int n = 9; n < 10000; n *= 1000) {
		struct tree t TREE_CLEANUP = { .text = BUF_INIT };
		company(&t);
		chain_of_groups(&t, "deep", n);
		tree_resolve(&t);
		EXPECT(&t, "E_LIMIT_DEPTH");
	}
}

static void test_keys(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	machine(&t, "Device", "aaa", 11, "tags: [x]\naddresses: [10.7.0.30]");
	machine(&t, "Device", "aab", 1, "tags: [x]\naddresses: [10.7.0.31]");
	machine(&t, "Device", "old", 40, "tags: [x]\naddresses: [10.7.0.11]\nrevoked: true");
	machine(&t, "Device", "new", 40, "tags: [x]\naddresses: [10.7.0.33]");
	tree_resolve(&t);
	EXPECT(&t, "E_KEY_DUP", "E_KEY_DUP", "E_KEY_DUP");
	assert_string_equal(t.diags.v[0].message, "device \"aaa\" has the public key of device \"alice-laptop\"");
	assert_string_equal(t.diags.v[1].message, "device \"aab\" has the public key of gateway \"hq-1\"");
	assert_non_null(strstr(t.diags.v[2].message, "which is revoked"));
}

static void test_addresses(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	doc(&t, "Network", "net", NETWORK);
	doc(&t, "Site", "hq", "");
	machine(&t, "Gateway", "g", 1, "site: hq\nendpoint: 192.0.2.1:51820\naddresses: [10.7.0.1]");
	machine(&t, "Device", "d01", 11, "tags: [x]\naddresses: [10.7.0.11, 'fd07::11']");
	machine(&t, "Device", "d02", 12, "tags: [x]\naddresses: [10.7.0.12]");
	machine(&t, "Device", "d03", 13, "tags: [x]\naddresses: [10.8.0.13, 'fd07::13']");
	machine(&t, "Device", "d04", 14, "tags: [x]\naddresses: [10.7.0.14, 10.7.0.15, 'fd07::14']");
	machine(&t, "Device", "d05", 15, "tags: [x]\naddresses: [10.7.0.0, 'fd07::']");
	machine(&t, "Device", "d06", 16, "tags: [x]\naddresses: [10.7.0.255, 'fd07::16']");
	machine(&t, "Device", "d07", 17, "tags: [x]\naddresses: [10.7.0.11, 'fd07::17']");
	machine(&t, "Device", "d08", 18, "tags: [x]\naddresses: [10.7.0.1, 'fd07::18']");
	machine(&t, "Device", "d09", 19, "tags: [x]\nrevoked: true\naddresses: [10.7.0.20, 'fd07::20']");
	machine(&t, "Device", "d10", 20, "tags: [x]\naddresses: [10.7.0.20, 'fd07::20']");
	tree_resolve(&t);
	EXPECT(&t, "E_IP_FAMILY", "E_IP_POOL", "E_IP_FAMILY", "E_IP_RESERVED", "E_IP_RESERVED", "E_IP_DUP", "E_IP_DUP");
	/* d03 has no IPv4 address in a pool, but it has one: a single message. */
	assert_string_equal(t.diags.v[1].message, "10.8.0.13 of device \"d03\" lies in no pool of the network");
}

static void test_overlaps(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	doc(&t, "Network", "net", "pools: [10.7.0.0/24, 10.7.0.128/25]");
	doc(&t, "Site", "a", "networks: [10.1.0.0/16]");
	doc(&t, "Site", "b", "networks: [10.1.5.0/24, 10.2.0.0/16]");
	doc(&t, "Site", "c", "networks: [10.6.0.0/15]");
	machine(&t, "Device", "d1", 11, "tags: [x]\naddresses: [10.7.0.11]\nnetworks: [10.3.0.0/16, 10.3.4.0/24]");
	machine(&t, "Device", "d2", 12, "tags: [x]\naddresses: [10.7.0.12]\nnetworks: [10.3.9.0/24]");
	machine(&t, "Device", "d3", 13, "tags: [x]\naddresses: [10.7.0.13]\nnetworks: [10.2.3.0/24]");
	machine(&t, "Device", "d4", 14, "tags: [x]\naddresses: [10.7.0.14]\nnetworks: [10.7.0.64/26]");
	machine(&t, "Device", "d5", 15, "tags: [x]\nrevoked: true\naddresses: [10.7.0.15]\nnetworks: [10.2.3.0/24]");
	tree_resolve(&t);
	EXPECT(&t, "E_IP_OVERLAP", "E_IP_OVERLAP", "E_IP_OVERLAP", "E_IP_OVERLAP", "E_IP_OVERLAP", "E_IP_OVERLAP");
	assert_string_equal(t.diags.v[1].message, "10.1.5.0/24 of site \"b\" overlaps 10.1.0.0/16 of site \"a\"");
	assert_string_equal(t.diags.v[2].message, "10.6.0.0/15 of site \"c\" overlaps pool 10.7.0.0/24");
}

static void test_resources(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	doc(&t, "Site", "z", "networks: [10.3.0.0/16]");
	doc(&t, "Resource", "nowhere", "addresses: [172.16.0.1]");
	doc(&t, "Resource", "pooled", "addresses: [10.7.0.99]");
	doc(&t, "Resource", "wide", "addresses: [10.2.255.0-10.3.0.9, 10.1.255.0-10.2.0.1, 10.3.255.0-10.4.0.1]");
	doc(&t, "Resource", "placed", "addresses: [172.16.1.0/24, 10.1.9.0/24]\nsite: lab");
	doc(&t, "Resource", "broad", "addresses: [10.0.0.0/8]\nsite: z");
	tree_resolve(&t);
	EXPECT(&t, "E_RESOURCE_SITE", "E_RESOURCE_SITE", "E_RESOURCE_SITE", "E_RESOURCE_SITE", "E_RESOURCE_SITE");
	assert_string_equal(ranges_text(&t, t.r.site[0].carried, t.r.site[0].ncarried),
			    "10.1.0.0-10.1.8.255 10.1.10.0-10.1.255.255");
	assert_string_equal(ranges_text(&t, t.r.site[1].carried, t.r.site[1].ncarried),
			    "10.1.9.0/24 10.2.0.0/16 172.16.1.0/24");
	assert_string_equal(ranges_text(&t, t.r.site[2].carried, t.r.site[2].ncarried),
			    "10.0.0.0/16 10.3.0.0-10.7.0.0 10.7.0.3-10.7.0.10 10.7.0.16-10.255.255.255"); /* but for what machines own */
}

static void test_devices(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	doc(&t, "Network", "net", NETWORK4 "\nhome: lab\nlisten_port: 4000\nprofile: {kill_switch: true}\ndevices: {max_per_user: 3}");
	doc(&t, "Site", "hq", "");
	doc(&t, "Site", "lab", "");
	machine(&t, "Gateway", "g", 1, "site: hq\nendpoint: 192.0.2.1:51820\naddresses: [10.7.0.1]");
	doc(&t, "Plan", "small", "max_devices: 2\nrate: 50mbit\nquota: {bytes: 1GiB, period: 30d}");
	doc(&t, "User", "alice", "plan: small\nnot_before: 2026-01-01\nexpires: 2027-01-01");
	machine(&t, "Device", "a1", 11, "owner: alice\naddresses: [10.7.0.11]\nexpires: 2026-06-01\nhome: hq\nprofile: {tunnel: full, kill_switch: false}");
	machine(&t, "Device", "a2", 12, "owner: alice\naddresses: [10.7.0.12]\nnot_before: 2026-02-01");
	machine(&t, "Device", "a3", 13, "owner: alice\naddresses: [10.7.0.13]");
	machine(&t, "Device", "a4", 14, "owner: alice\naddresses: [10.7.0.14]");
	machine(&t, "Device", "a0", 15, "owner: alice\naddresses: [10.7.0.15]\nrevoked: true");
	tree_resolve(&t);
	EXPECT(&t, "E_PLAN_DEVICES", "E_USER_DEVICES");
	assert_string_equal(t.diags.v[0].message, "user \"alice\" has 4 devices, and plan \"small\" allows 2");
	const struct r_device *a0 = &t.r.device[0], *a1 = &t.r.device[1], *a2 = &t.r.device[2];
	char text[CLOCK_TEXT_MAX];
	assert_true(a0->dead);
	assert_false(a1->dead);
	assert_string_equal(clock_format(a1->not_before, text), "2026-01-01T00:00:00Z");
	assert_string_equal(clock_format(a1->expires, text), "2026-06-01T00:00:00Z");
	assert_string_equal(clock_format(a2->not_before, text), "2026-02-01T00:00:00Z");
	assert_int_equal(a1->home, 0);
	assert_int_equal(a2->home, 1);
	assert_int_equal(a1->profile.tunnel, TUNNEL_FULL);
	assert_int_equal(a1->profile.kill_switch, NO);
	assert_int_equal(a1->profile.block_ipv6, NO);
	assert_int_equal(a2->profile.tunnel, TUNNEL_SPLIT);
	assert_int_equal(a2->profile.kill_switch, YES);
	assert_int_equal(t.r.gateway[0].listen_port, 4000);
}

static bool on_internet(const struct resolved *r, const char *text)
{
	u128 a = addr(text);
	for (size_t i = 0; i < r->ninternet; i++)
		if (a >= r->internet[i].lo && a <= r->internet[i].hi)
			return true;
	return false;
}

static void test_internet(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	doc(&t, "Network", "net", "pools: [9.9.0.0/24, '2620::/64']");
	doc(&t, "Site", "hq", "networks: [8.8.8.0/24]");
	tree_resolve(&t);
	EXPECT_NONE(&t);
	static const char *const in[] = { "1.0.0.0", "1.1.1.1", "8.8.7.255", "8.8.9.0", "9.9.1.0", "100.63.255.255", "100.128.0.0",
					  "192.0.1.0", "192.88.98.1", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2000::",
					  "2600::1", "2620:0:0:1::", "2003::1", "3ffe::1", "3fff:1000::", "2001:db9::1", "2001:200::1" };
	static const char *const out[] = { "0.0.0.1", "8.8.8.8", "9.9.0.9", "10.1.2.3", "100.64.0.0", "127.0.0.1", "169.254.1.1",
					   "172.16.0.1", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
					   "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::",
					   "64:ff9b:1::1", "100::1", "2001::1", "2001:1ff:ffff::", "2001:db8::1", "2002::1", "2620::1", "3fff::1",
					   "3fff:fff:ffff::", "4000::", "5f00::1", "fc00::1", "fe80::1", "ff02::1" };
	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		if (!on_internet(&t.r, in[i]))
			fail_msg("%s is not on the internet", in[i]);
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		if (on_internet(&t.r, out[i]))
			fail_msg("%s is on the internet", out[i]);
	for (size_t i = 1; i < t.r.ninternet; i++)
		assert_true(t.r.internet[i].lo > t.r.internet[i - 1].hi + 1);
	for (size_t i = 0; i < ARRAY_SIZE(special_registry); i++) {
		struct range row = special_row_range(&special_registry[i]);
		unsigned int bits = (special_registry[i].v4 ? 32u : 128u) - special_registry[i].len;
		assert_true(bits == 0 || (row.lo & (((u128)1 << bits) - 1)) == 0);
		if (i && special_registry[i].v4 == special_registry[i - 1].v4)
			assert_true(row.lo >= special_row_range(&special_registry[i - 1]).lo);
	}
}

static const char *carry_text(struct tree *t, const char *gateway, const char *source)
{
	struct range *v;
	uint32_t g = resolved_find(&t->r, KIND_GATEWAY, gateway), s = source_find(&t->r, source);
	assert_int_not_equal(g, NONE);
	assert_int_not_equal(s, NONE);
	size_t n = place_carry(&t->r, g, s, &t->arena, &v);
	assert_int_equal(n == 0, place_carry_key(&t->r, g, s) == 0);
	return ranges_text(t, v, n);
}

static const char *path_text(struct tree *t, const char *source, const char *dest)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	uint32_t g[8], s = source_find(&t->r, source);
	size_t n = place_path(&t->r, s, addr(dest), g, ARRAY_SIZE(g));
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", t->r.gateway[g[i]].decl->o.name);
	return arena_strdup(&t->arena, buf_str(&b));
}

/* Whatever lies on a path carries the address. */
static void check_paths_carry(struct tree *t, const char *const *dest, size_t n)
{
	uint32_t g[8];
	for (uint32_t source = 0; source < t->r.nsources; source++)
		for (size_t i = 0; i < n; i++) {
			size_t found = place_path(&t->r, source, addr(dest[i]), g, ARRAY_SIZE(g));
			for (size_t j = 0; j < found; j++) {
				struct range *v;
				size_t nv = place_carry(&t->r, g[j], source, &t->arena, &v);
				bool carried = false;
				for (size_t k = 0; k < nv; k++)
					carried |= v[k].lo <= addr(dest[i]) && v[k].hi >= addr(dest[i]);
				assert_true(carried);
			}
		}
}

static void test_place(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	machine(&t, "Device", "far", 50, "tags: [x]\naddresses: [10.7.0.50]\nhome: lab");
	tree_resolve(&t);
	EXPECT_NONE(&t);
	/* The network's home is hq, whose name sorts first. */
	assert_string_equal(ranges_text(&t, t.r.site[0].homed, t.r.site[0].nhomed),
			    "10.7.0.0 10.7.0.3-10.7.0.49 10.7.0.51-10.7.0.255 192.168.9.0/24");
	assert_string_equal(carry_text(&t, "lab-1", "bob-laptop"), "10.2.0.0/16 10.7.0.2");
	assert_string_equal(carry_text(&t, "lab-1", "far"), "10.2.0.0/16 10.7.0.2 10.7.0.50");
	assert_string_equal(carry_text(&t, "lab-1", "alice-laptop"), ""); /* her plan */
	assert_string_equal(carry_text(&t, "lab-1", "carol-laptop"), "");
	assert_string_equal(carry_text(&t, "lab-1", "site:lab"), "10.7.0.2 10.7.0.50");
	assert_string_equal(carry_text(&t, "lab-1", "site:hq"), "");
	assert_string_equal(carry_text(&t, "lab-1", "gateway:lab-1"), "10.7.0.50");
	assert_string_equal(carry_text(&t, "lab-1", "gateway:hq-1"), "");
	assert_non_null(strstr(carry_text(&t, "hq-1", "alice-laptop"), "1.0.0.0-9.255.255.255"));
	assert_string_equal(path_text(&t, "bob-laptop", "10.2.3.4"), "lab-1");
	assert_string_equal(path_text(&t, "alice-laptop", "10.2.3.4"), "");
	assert_string_equal(path_text(&t, "bob-laptop", "1.1.1.1"), "hq-1");
	assert_string_equal(path_text(&t, "bob-laptop", "10.7.0.11"), "hq-1");
	assert_string_equal(path_text(&t, "bob-laptop", "192.168.9.77"), "hq-1");
	assert_string_equal(path_text(&t, "bob-laptop", "10.7.0.14"), ""); /* carol is disabled */
	assert_string_equal(path_text(&t, "bob-laptop", "10.7.0.50"), ""); /* another home */
	assert_string_equal(path_text(&t, "bob-laptop", "10.7.0.99"), ""); /* nobody's */
	assert_string_equal(path_text(&t, "bob-laptop", "10.7.0.2"), "lab-1");
	assert_string_equal(path_text(&t, "site:hq", "10.7.0.13"), "hq-1");
	assert_string_equal(path_text(&t, "site:hq", "10.7.0.50"), "");
	assert_string_equal(path_text(&t, "gateway:lab-1", "10.7.0.50"), "lab-1");
	static const char *const dest[] = { "10.1.0.5", "10.2.0.5", "10.7.0.1", "10.7.0.2", "10.7.0.11", "10.7.0.13", "10.7.0.14",
					    "10.7.0.15", "10.7.0.50", "10.7.0.99", "192.168.9.9", "1.1.1.1", "172.16.0.1", "2600::1" };
	check_paths_carry(&t, dest, ARRAY_SIZE(dest));
}

static void test_redundancy(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	char name[32], rest[128];
	doc(&t, "Network", "net", "pools: [10.7.0.0/16]");
	doc(&t, "Site", "hq", "networks: [10.1.0.0/16]\nredundancy: 2");
	static const char *const gstate[] = { "active", "active", "active", "draining", "maintenance" };
	for (unsigned int i = 0; i < ARRAY_SIZE(gstate); i++) {
		snprintf(name, sizeof(name), "g%u", i);
		snprintf(rest, sizeof(rest), "site: hq\nendpoint: 192.0.2.1:51820\naddresses: [10.7.9.%u]\nstate: %s\n%s", i + 1,
			 gstate[i], i == 1 ? "capacity: 5" : "");
		machine(&t, "Gateway", name, i + 1, rest);
	}
	enum { N = 300 };
	for (unsigned int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		snprintf(rest, sizeof(rest), "tags: [x]\naddresses: [10.7.%u.%u]", 1 + i / 200, 1 + i % 200);
		machine(&t, "Device", name, 100 + i, rest);
	}
	tree_resolve(&t);
	EXPECT(&t, "E_CAPACITY");
	size_t count[ARRAY_SIZE(gstate)] = { 0 };
	for (uint32_t d = 0; d < N; d++) {
		uint32_t g[8];
		size_t active = 0, n = place_gateways(&t.r, 0, d, g, ARRAY_SIZE(g));
		for (uint32_t i = 0; i < ARRAY_SIZE(gstate); i++) {
			count[i] += place_admits(&t.r, i, d);
			active += i < 3 && place_admits(&t.r, i, d);
		}
		assert_int_equal(active, 2);
		assert_in_range(n, 2, 3);
		if (n == 3)
			assert_int_equal(g[2], 3); /* draining comes last */
		uint32_t one;
		assert_int_equal(place_gateways(&t.r, 0, d, &one, 1), 1);
		assert_int_equal(one, g[0]);
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(count[i], N * 2 / 3 - 40, N * 2 / 3 + 40);
	assert_in_range(count[3], N / 2 - 40, N / 2 + 40);
	assert_int_equal(count[4], 0);
}

static void test_nothing(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	doc(&t, "User", "alice", "");
	machine(&t, "Device", "d", 11, "owner: alice\naddresses: [10.7.0.11]\nnetworks: [10.9.0.0/16]");
	doc(&t, "Policy", "p", "from: [any]\nto: [any, internet]");
	tree_resolve(&t); /* no network, no site: whatever is said, it is safe to read */
	assert_string_equal(from_text(&t, "any"), "device:d");
	assert_string_equal(path_text(&t, "d", "10.7.0.11"), "");
	assert_int_equal(t.r.npolicies, 1);
}

static void test_ports(void **state)
{
	(void)state;
	struct tree t TREE_CLEANUP = { .text = BUF_INIT };
	company(&t);
	doc(&t, "Policy", "p", "from: [any]\nto: ['site:hq']\nports: [tcp/443, udp, icmp, tcp/444, tcp/100-200, tcp/150-300]");
	doc(&t, "Test", "t",
	    "from: ['user:bob']\nallow:\n- {to: ['site:hq'], ports: [any]}\n- {to: ['resource:wiki']}\ndeny:\n- {to: ['self', 'site:lab']}");
	tree_resolve(&t);
	EXPECT(&t, "W_EMPTY_SELECTOR"); /* bob has one device */
	struct buf b BUF_CLEANUP = BUF_INIT;
	char text[SERVICE_TEXT_MAX];
	for (size_t i = 0; i < t.r.policy[0].nports; i++)
		buf_addf(&b, "%s ", service_format(t.r.policy[0].port[i], text));
	assert_string_equal(buf_str(&b), "icmp tcp/100-300 tcp/443-444 udp icmpv6 ");
	assert_int_equal(t.r.ntests, 1);
	assert_int_equal(t.r.test[0].nallow, 2);
	assert_int_equal(t.r.test[0].allow[0].nports, 1);
	assert_null(t.r.test[0].allow[1].port);
	assert_string_equal(dests_text(&t, t.r.test[0].allow[1].to, t.r.test[0].allow[1].nto), "10.1.0.5@tcp/80-90,tcp/443");
	assert_true(t.r.test[0].deny[0].to_self);
	assert_null(find_code(&t, "E_REF"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_broken_targets),
		cmocka_unit_test(test_empty_selectors),
		cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_deep_groups),
		cmocka_unit_test(test_too_deep_groups),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_internet),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_redundancy),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_ports),
	};
	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
