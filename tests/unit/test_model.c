/* SPDX-License-Identifier: Apache-2.0 */
/* model: documents into structs, one message for one mistake, places of fields, the JSON Schema's shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bug.h"
#include "base/buf.h"
#include "model/model.h"

#define KEY "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="
#define NET "kind: Network\nname: net\npools: [10.7.0.0/24]\n---\n"
#define FILES_MAX 4

struct tree {
	struct arena arena;
	struct diags diags;
	struct source_file file[FILES_MAX];
	struct model m;
};

#define TREE_CLEANUP __attribute__((cleanup(tree_release)))

static void tree_release(struct tree *t)
{
	diags_release(&t->diags);
	arena_release(&t->arena);
}

/* Reads texts as the files a.yaml, b.yaml ...; ends in NULL. */
static void tree_read(struct tree *t, const char *const *text)
{
	static const char *const path[FILES_MAX] = { "a.yaml", "b.yaml", "c.yaml", "d.yaml" };
	struct source s = { .file = t->file };
	arena_init(&t->arena);
	diags_init(&t->diags, &t->arena);
	for (; text[s.nfiles]; s.nfiles++) {
		struct source_file *f = &t->file[s.nfiles];
		*f = (struct source_file){ .path = path[s.nfiles], .data = text[s.nfiles], .len = strlen(text[s.nfiles]) };
		f->diag_file = diags_add_file(&t->diags, f->path, f->data, f->len);
	}
	model_read(&t->m, &s, &t->arena, &t->diags);
	diags_sort(&t->diags);
}

#define READ(t, ...) tree_read((t), (const char *const[]){ __VA_ARGS__, NULL })

static const char *all_codes(struct tree *t)
{
	const char *text = "";
	for (size_t i = 0; i < t->diags.n; i++)
		text = arena_printf(&t->arena, "%s%s%s@%u:%u", text, i ? " " : "", t->diags.v[i].code,
				    t->diags.v[i].loc.line, t->diags.v[i].loc.col);
	return text;
}

static void test_full(void **state)
{
	(void)state;
	TREE_CLEANUP struct tree t;
	READ(&t, "kind: Network\nname: net\npools: [10.7.0.0/24, fd00::/64]\nkeepalive: 0s\nmtu: \"1400\"\n"
		 "dns: {servers: [10.7.0.1], search: [corp.example]}\nprofile: {tunnel: full, kill_switch: true}\n"
		 "devices: {max_per_user: 3, max_key_age: 90d, require_preshared_key: false}\n",
	     "kind: Device\nname: no\ntags: [0777, \"prod\"]\npublic_key: " KEY "\naddresses: [10.7.0.2]\n"
	     "platform: ios\nexpires: 2026-12-31\n",
	     "kind: Policy\nname: p\nfrom: [any]\nto: [internet, \"10.0.0.0/8\"]\nports: [tcp/443, icmp]\naction: deny\n"
	     "when: {days: [mon, sun], hours: 22:00-06:00, timezone: \"+02:00\"}\n",
	     "kind: Test\nname: t\nfrom: [user:alice]\nallow:\n- to: [resource:db]\n  ports: [tcp/1]\ndeny: []\n");
	assert_string_equal(all_codes(&t), "");

	const struct network *n = (const void *)model_find(&t.m, KIND_NETWORK, "net");
	assert_int_equal(n->pools.n, 2);
	assert_int_equal(n->pools.loc[1].line, 3);
	assert_int_equal(n->pools.loc[1].col, 22);
	assert_int_equal(n->mtu, 1400);
	assert_int_equal(n->keepalive, 0);
	assert_int_equal(n->listen_port, 51820);
	assert_int_equal(n->devices.max_key_age, 90 * 86400);
	assert_int_equal(n->profile.tunnel, TUNNEL_FULL);
	assert_int_equal(n->profile.kill_switch, YES);
	assert_int_equal(n->profile.block_ipv6, UNSET);
	assert_string_equal(n->dns.search.v[0], "corp.example");

	const struct device *d = (const void *)model_find(&t.m, KIND_DEVICE, "no");
	assert_string_equal(d->o.tags.v[0], "0777");
	assert_string_equal(d->platform, "ios");
	assert_true(d->enabled);
	assert_false(d->revoked);
	assert_int_equal(d->expires, 1798675200);
	assert_true(d->not_before == CLOCK_EVER && d->key_created == CLOCK_EVER);
	assert_null(d->owner);

	const struct policy *p = (const void *)model_find(&t.m, KIND_POLICY, "p");
	assert_int_equal(p->action, ACTION_DENY);
	assert_int_equal(p->to.n, 2);
	assert_int_equal(p->to.v[1].kind, SEL_RANGE);
	assert_int_equal(p->ports.v[1].n, 2);
	assert_true(p->when.set && p->when.hours.set);
	assert_int_equal(p->when.days, 0x41);
	assert_int_equal(p->when.timezone, 7200);
	assert_true(p->expires == CLOCK_NEVER);

	const struct test *test = (const void *)model_find(&t.m, KIND_TEST, "t");
	assert_int_equal(test->allow.n, 1);
	assert_int_equal(test->allow.v[0].loc.line, 5);
	assert_int_equal(test->allow.v[0].to.v[0].kind, SEL_RESOURCE);
	assert_true(test->at == CLOCK_EVER);
	assert_int_equal(object_loc(&n->o, "dns.servers").line, 6);
	assert_int_equal(object_loc(&n->o, "dns.servers").col, 16);
	assert_int_equal(object_loc(&n->o, "dns.nothing").line, 1);
	assert_int_equal(object_loc(&n->o, "mtu").line, 5);
}

/* One document after a good Network, and the places of what is wrong with it. */
static const struct {
	const char *text, *codes;
} mistakes[] = {
	{ "kind: Divice\nname: d\n", "E_KIND@5:7" },
	{ "kind: device\nname: d\n", "E_KIND@5:7" },
	{ "name: d\n", "E_REQUIRED@5:1" },
	{ "kind: ~\nname: d\n", "E_NULL@5:7" },
	{ "kind: [User]\nname: d\n", "E_TYPE@5:7" },
	{ "- a\n", "E_TYPE@5:1" },
	{ "just text\n", "E_TYPE@5:1" },
	{ "kind: User\n", "E_REQUIRED@5:1" },
	{ "kind: User\nname:\n", "E_NULL@6:6" },
	{ "kind: User\nname: \"null\"\n", "" },
	{ "kind: User\nname: Bob\n", "E_NAME@6:7" },
	{ "kind: User\nname: b\nemial: x\n", "E_UNKNOWN_FIELD@7:1" },
	{ "kind: User\nname: b\nmembers: []\n", "E_UNKNOWN_FIELD@7:1" },
	{ "kind: User\nname: b\nenabled: no\n", "E_TYPE@7:10" },
	{ "kind: User\nname: b\nenabled: \"true\"\n", "" },
	{ "kind: User\nname: b\nplan: [basic]\n", "E_TYPE@7:7" },
	{ "kind: User\nname: b\nplan: plan:basic\n", "E_NAME@7:7" },
	{ "kind: User\nname: b\ntags: prod\n", "E_LIST@7:7" },
	{ "kind: User\nname: b\ntags: {a: b}\n", "E_LIST@7:7" },
	{ "kind: User\nname: b\ntags:\n", "E_NULL@7:6" },
	{ "kind: User\nname: b\ntags: [a, ~]\n", "E_NULL@7:11" },
	{ "kind: User\nname: b\ntags: [[a]]\n", "E_TYPE@7:8" },
	{ "kind: User\nname: b\ntags: []\n", "" },
	{ "kind: User\nname: b\nemail: \"a\\0b\"\n", "E_BYTES@7:8" },
	{ "kind: Group\nname: g\nmembers: []\n", "" },
	{ "kind: Group\nname: g\n", "E_REQUIRED@5:1" },
	{ "kind: Policy\nname: p\nfrom: []\nto: [any]\n", "E_EMPTY@7:7" },
	{ "kind: Policy\nname: p\nfrom: [any]\nto: any\n", "E_LIST@8:5" },
	{ "kind: Policy\nname: p\nfrom: [any]\nto: [any]\nports: []\n", "" },
	{ "kind: Policy\nname: p\nfrom: [any]\nto: [any]\npriority: 1001\n", "E_RANGE@9:11" },
	{ "kind: Policy\nname: p\nfrom: [any]\nto: [any]\npriority: 0o777\n", "E_TYPE@9:11" },
	{ "kind: Policy\nname: p\nfrom: [any]\nto: [any]\nwhen: {day: [mon]}\n", "E_UNKNOWN_FIELD@9:8" },
	{ "kind: Policy\nname: p\nfrom: [any]\nto: [any]\nwhen: {days: [monday]}\n", "E_TYPE@9:15" },
	{ "kind: Policy\nname: p\nfrom: [any]\nto: [any]\nwhen: mon\n", "E_TYPE@9:7" },
	{ "kind: Policy\nname: p\nfrom: [any]\nto: [any]\naction: permit\n", "E_TYPE@9:9" },
	{ "kind: Policy\nname: p\n", "E_REQUIRED@5:1 E_REQUIRED@5:1" },
	{ "kind: Device\nname: d\npublic_key: " KEY "\naddresses: [10.7.0.2]\n", "E_REQUIRED@5:1" },
	{ "kind: Device\nname: d\ntags: []\npublic_key: " KEY "\naddresses: [10.7.0.2]\n", "E_REQUIRED@5:1" },
	{ "kind: Device\nname: d\nowner: Bob\npublic_key: " KEY "\naddresses: [10.7.0.2]\n", "E_NAME@7:8" },
	{ "kind: Device\nname: d\nowner: b\npublic_key: abc\naddresses: [10.7.0]\n", "E_KEY_FORMAT@8:13 E_IP_FORM@9:13" },
	{ "kind: Device\nname: d\nowner: b\npublic_key: " KEY "\naddresses: [10.7.0.2]\npreshared_keys: {}\n", "E_LATER@10:1" },
	{ "kind: Plan\nname: p\nquota: {bytes: 1GB}\n", "E_REQUIRED@7:8" },
	{ "kind: Plan\nname: p\nmax_devices: 0\n", "E_RANGE@7:14" },
	{ "kind: Site\nname: s\nlocation: {latitude: 91}\n", "E_RANGE@7:22" },
	{ "kind: Site\nname: s\nlocation: {latitude: 51.5, longitude: -180}\nredundancy: 2\n", "" },
	{ "kind: Site\nname: s\nlocation: {country: NO}\nredundancy: 0\n", "E_RANGE@8:13" },
	{ "kind: Test\nname: t\nfrom: [any]\nallow: []\n", "E_REQUIRED@5:1" },
	{ "kind: Test\nname: t\nfrom: [any]\nallow: [{ports: [tcp]}]\n", "E_REQUIRED@8:9" },
	{ "kind: Test\nname: t\nfrom: [any]\nallow: [{to: []}]\n", "E_EMPTY@8:14" },
	{ "kind: Test\nname: t\nfrom: [any]\nallow: {to: [any]}\n", "E_LIST@8:8" },
	{ "kind: Test\nname: t\nfrom: [any]\nallow: [any]\n", "E_TYPE@8:9" },
	{ "kind: Link\nname: l\ntopology: mesh\nsites: [a]\nipsec: {}\n", "E_LATER@9:1" },
	{ "kind: Link\nname: g\ntopology: star\nsites: [a, b]\n", "E_TYPE@7:11" },
	{ "kind: Network\nname: other\npools: []\n", "E_NETWORK@6:7" },
	{ "kind: Network\nname: net\npools: []\n", "E_NETWORK@6:7" },
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		TREE_CLEANUP struct tree t;
		struct buf text = BUF_INIT;
		buf_addf(&text, "%s%s", NET, mistakes[i].text);
		READ(&t, buf_str(&text));
		if (strcmp(all_codes(&t), mistakes[i].codes) != 0)
			fail_msg("%s: %s instead of %s", mistakes[i].text, all_codes(&t), mistakes[i].codes);
		/* The Network is there whatever else is wrong. */
		assert_int_equal(t.m.n[KIND_NETWORK], 1);
		buf_release(&text);
	}
}

static const char *first_hint(const char *text)
{
	static char hint[400];
	TREE_CLEANUP struct tree t;
	READ(&t, text);
	assert_int_equal(t.diags.n, 1);
	snprintf(hint, sizeof(hint), "%s", t.diags.v[0].hint ? t.diags.v[0].hint : "");
	return hint;
}

static void test_hints(void **state)
{
	(void)state;
	assert_string_equal(first_hint(NET "kind: Divice\nname: d\n"), "did you mean Device?");
	assert_string_equal(first_hint(NET "kind: User\nname: d\nemial: x\n"), "did you mean email?");
	assert_string_equal(first_hint(NET "kind: User\nname: d\nmembers: []\n"), "members is a field of Group");
	assert_string_equal(first_hint(NET "kind: Site\nname: d\nsearch: []\n"), "search stands below dns");
	assert_string_equal(first_hint(NET "kind: Plan\nname: d\nquota: {bytes: 1GB, period: 1d, tags: []}\n"),
			    "tags stands at the top of a document");
	assert_string_equal(first_hint(NET "kind: User\nname: d\ntags: prod\n"), "write tags: [prod]");
	assert_string_equal(first_hint(NET "kind: User\nname: d\nplan: [basic]\n"), "write plan: basic");
	assert_string_equal(first_hint(NET "kind: User\nname: d\nplan: plan:basic\n"), "the name alone: basic");
	assert_string_equal(first_hint(NET "kind: Plan\nname: d\nmax_devices: 0\n"), "it is at least 1 and at most 1000000");
	assert_string_equal(first_hint("kind: Network\nname: d\npools: []\nkeepalive: 1d\n"),
			    "it is at least 0s and at most 65535s");
	assert_string_equal(first_hint("kind: Network\nname: d\n"), "for example pools: [10.7.0.0/24]");
}

static void test_duplicates(void **state)
{
	(void)state;
	TREE_CLEANUP struct tree t;
	READ(&t, NET "kind: User\nname: b\n---\nkind: User\nname: a\n", "kind: Group\nname: b\nmembers: []\n",
	     "kind: User\nname: b\n---\nkind: User\nname: c\ntags: x\n---\nkind: User\nname: c\n");
	assert_int_equal(t.diags.n, 3);
	assert_string_equal(t.diags.v[0].code, "E_DUP_NAME");
	assert_int_equal(t.diags.v[0].loc.file, 2);
	assert_string_equal(t.diags.v[0].message, "there is another User \"b\" at a.yaml:6:7");
	assert_string_equal(t.diags.v[1].code, "E_LIST");
	assert_string_equal(t.diags.v[2].code, "E_DUP_NAME");
	assert_int_equal(t.m.n[KIND_USER], 2);
	assert_string_equal(t.m.object[KIND_USER][0]->name, "a");
	assert_int_equal(t.m.object[KIND_USER][1]->loc.file, 0);
	assert_true(model_is_broken(&t.m, KIND_USER, "c"));
	assert_false(model_is_broken(&t.m, KIND_USER, "b"));
	assert_null(model_find(&t.m, KIND_USER, "c"));
}

/* Names in files that are not YAML, or under a kind that is misspelt, are known to be declared. */
static void test_broken(void **state)
{
	(void)state;
	TREE_CLEANUP struct tree t;
	READ(&t, "kind: Netwrok\nname: net\npools: []\n---\nkind: Divice\nname: laptop\n",
	     "kind: User\nname: \"alice\" # first\nplan: a: b\n---\nname: bob\nkind: User\n---\nkind: User\n---\nname: carol\n");
	assert_string_equal(all_codes(&t), "E_KIND@1:7 E_KIND@5:7 E_YAML_SYNTAX@3:8");
	assert_true(model_is_broken(&t.m, KIND_DEVICE, "laptop"));
	assert_true(model_is_broken(&t.m, KIND_NETWORK, "net"));
	assert_true(model_is_broken(&t.m, KIND_USER, "alice"));
	assert_true(model_is_broken(&t.m, KIND_USER, "bob"));
	assert_false(model_is_broken(&t.m, KIND_USER, "carol"));
}

static void test_no_network(void **state)
{
	(void)state;
	TREE_CLEANUP struct tree t;
	READ(&t, "kind: User\nname: a\n");
	assert_string_equal(all_codes(&t), "E_NETWORK@0:0");
	TREE_CLEANUP struct tree none;
	READ(&none, "");
	assert_string_equal(all_codes(&none), "E_NETWORK@0:0");
}

static void test_schema(void **state)
{
	(void)state;
	struct buf out = BUF_INIT, again = BUF_INIT;
	model_json_schema(&out);
	model_json_schema(&again);
	assert_string_equal(buf_str(&out), buf_str(&again));
	json_t *schema = json_loads(buf_str(&out), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(schema);
	json_t *device = json_object_get(json_object_get(schema, "$defs"), "Device");
	assert_true(json_is_false(json_object_get(device, "additionalProperties")));
	assert_null(json_object_get(json_object_get(device, "properties"), "preshared_keys"));
	json_t *link = json_object_get(json_object_get(schema, "$defs"), "Link");
	assert_null(json_object_get(json_object_get(link, "properties"), "ipsec"));
	json_decref(schema);
	buf_release(&out);
	buf_release(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),	   cmocka_unit_test(test_mistakes), cmocka_unit_test(test_hints),
		cmocka_unit_test(test_duplicates), cmocka_unit_test(test_broken),   cmocka_unit_test(test_no_network),
		cmocka_unit_test(test_schema),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
