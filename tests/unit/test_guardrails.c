/* SPDX-License-Identifier: Apache-2.0 */
/* Guardrails: cohorts, points, counts, waivers, self, sites as sources; what mutations show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "access/guardrails.h"
#include "access/mutate.h"
#include "base/buf.h"
#include "model/model.h"

#define NOW INT64_C(1893456000) /* 2030-01-01, a Tuesday */

struct tree {
	struct arena arena;
	struct diags diags;
	struct model model;
	struct resolved r;
	struct access x;
	struct buf text;
	struct guardrail_result *res;
	size_t nres;
};

#define TREE_CLEANUP __attribute__((cleanup(tree_release)))

static void tree_release(struct tree *t)
{
	buf_release(&t->text);
	diags_release(&t->diags);
	arena_release(&t->arena);
}

static const char base_tree[] =
	"kind: Network\nname: net\npools: [10.7.0.0/24]\n---\n"
	"kind: Site\nname: hq\nnetworks: [10.1.0.0/16]\n---\n"
	"kind: Gateway\nname: hq-1\nsite: hq\nendpoint: 192.0.2.1:51820\naddresses: [10.7.0.1]\n"
	"public_key: AUJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n---\n"
	"kind: User\nname: alice\n---\n"
	"kind: User\nname: bob\nexpires: 2031-01-01\n---\n"
	"kind: Device\nname: a1\nowner: alice\naddresses: [10.7.0.11]\n"
	"public_key: C0JCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n---\n"
	"kind: Device\nname: a2\nowner: alice\naddresses: [10.7.0.12]\n"
	"public_key: DEJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n---\n"
	"kind: Device\nname: b1\nowner: bob\naddresses: [10.7.0.13]\n"
	"public_key: DUJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n---\n"
	"kind: Resource\nname: db\naddresses: [10.1.0.5]\nports: [tcp/5432]\n";

/* The base tree and more; judged at NOW. */
static void judge(struct tree *t, const char *more)
{
	struct source_file file = { .path = "tree.yaml" };
	struct source source = { .file = &file, .nfiles = 1 };

	arena_init(&t->arena);
	diags_init(&t->diags, &t->arena);
	buf_addf(&t->text, "%s---\n%s", base_tree, more);
	file.data = buf_str(&t->text);
	file.len = source.bytes = t->text.len;
	file.diag_file = diags_add_file(&t->diags, file.path, file.data, file.len);
	model_read(&t->model, &source, &t->arena, &t->diags);
	resolve(&t->r, &t->model, &t->arena, &t->diags);
	for (size_t i = 0; i < t->diags.n; i++)
		if (t->diags.errors)
			print_message("%u: %s\n", t->diags.v[i].loc.line, t->diags.v[i].message);
	assert_int_equal(t->diags.errors, 0);
	access_build(&t->x, &t->r, &t->arena, NULL);
	t->nres = guardrails_run(&t->x, &t->r, NOW, &t->arena, &t->res);
}

static void expect_breach(const struct tree *t, size_t rail, const char *why, size_t nsources)
{
	assert_int_equal(t->res[rail].nbreaches, 1);
	assert_string_equal(t->res[rail].breach[0].why, why);
	assert_int_equal(t->res[rail].breach[0].nsources, nsources);
}

#define POLICY(name, rest) "kind: Policy\nname: " name "\n" rest "---\n"
#define RAIL(name, rest) "kind: Guardrail\nname: " name "\n" rest

static void test_cohorts(void **state)
{
	struct tree t TREE_CLEANUP = { .nres = 0 };
	struct cohorts k;
	(void)state;

	judge(&t, POLICY("p", "from: [any]\nto: [resource:db]\n") RAIL("g", "never: {from: [any], to: [10.9.9.9]}\n"));
	cohorts_make(&k, &t.x, &t.arena);
	/* alice's devices, bob's (who has an end), the site and the gateway. */
	assert_int_equal(k.n, 3);
	assert_int_equal(k.of[0], k.of[1]);
	assert_int_not_equal(k.of[0], k.of[2]);
	assert_int_equal(t.x.class_of[0], t.x.class_of[2]);
	size_t n = 0;
	for (size_t i = 0; i < k.n; i++)
		n += k.v[i].nmembers;
	assert_int_equal(n, t.x.nsources);
}

static void test_counts(void **state)
{
	struct tree t TREE_CLEANUP = { .nres = 0 };
	(void)state;

	judge(&t, POLICY("p", "from: [any]\nto: [resource:db]\n")
		  RAIL("g", "never: {from: [any], to: [resource:db]}\n---\n")
		  RAIL("h", "only: {to: [resource:db], from: [user:alice]}\n---\n")
		  RAIL("i", "never: {from: [any], to: [resource:db], ports: [udp]}\n"));
	expect_breach(&t, 0, "device:a1 reaches 10.1.0.5 tcp/5432 at 2030-01-01T00:00:00Z, by policy p", 3);
	expect_breach(&t, 1, "device:b1 reaches 10.1.0.5 tcp/5432 at 2030-01-01T00:00:00Z, by policy p", 1);
	assert_int_equal(t.res[2].nbreaches, 0);
	assert_null(t.res[2].empty);
}

static void test_time(void **state)
{
	struct tree t TREE_CLEANUP = { .nres = 0 };
	(void)state;

	judge(&t, POLICY("over", "from: [user:alice]\nto: [resource:db]\nexpires: 2030-01-01\n")
		  POLICY("soon", "from: [user:alice]\nto: [10.1.0.6]\nnot_before: 2035-01-01\nwhen: {days: [wed], hours: '22:00-02:00'}\n")
		  POLICY("gone", "from: [user:bob]\nto: [10.1.0.7]\nnot_before: 2031-01-01\n")
		  RAIL("g", "never: {from: [any], to: [resource:db]}\n---\n")
		  RAIL("h", "never: {from: [any], to: [10.1.0.6]}\n---\n")
		  RAIL("i", "never: {from: [any], to: [10.1.0.7]}\n"));
	assert_int_equal(t.res[0].nbreaches, 0); /* it expires at this very moment */
	expect_breach(&t, 1, "device:a1 reaches 10.1.0.6 tcp/443 at 2035-01-03T22:00:00Z, by policy soon", 2);
	assert_int_equal(t.res[2].nbreaches, 0); /* bob's time ends when the policy's begins */
}

static void test_priorities(void **state)
{
	struct tree t TREE_CLEANUP = { .nres = 0 };
	(void)state;

	judge(&t, POLICY("p", "from: [any]\nto: [site:hq]\n")
		  POLICY("closed", "action: deny\nfrom: [any]\nto: [resource:db]\npriority: 5\n")
		  POLICY("night", "action: deny\nfrom: [any]\nto: [10.1.0.8]\npriority: 5\nwhen: {hours: '00:00-23:59'}\n")
		  RAIL("g", "never: {from: [any], to: [resource:db], ports: [tcp/5432]}\n---\n")
		  RAIL("h", "never: {from: [any], to: [10.1.0.8]}\n"));
	assert_int_equal(t.res[0].nbreaches, 0);
	expect_breach(&t, 1, "device:a1 reaches 10.1.0.8 tcp/443 at 2030-01-01T23:59:00Z, by policy p", 3);
}

static void test_self(void **state)
{
	struct tree t TREE_CLEANUP = { .nres = 0 };
	(void)state;

	judge(&t, POLICY("own", "from: [any]\nto: [self]\n") POLICY("down", "from: [user:bob]\nto: [device:a1]\nports: [tcp/22]\n")
		  RAIL("g", "never: {from: [any], to: [self]}\n---\n")
		  RAIL("h", "never: {from: [any], to: [10.7.0.0/24], except: [{to: [self]}]}\n---\n")
		  RAIL("i", "only: {to: [10.7.0.0/24], from: [user:alice]}\nwaivers:\n- {to: [self], reason: x, expires: 2040-01-01}\n---\n")
		  RAIL("j", "never: {from: [user:bob], to: [self]}\n"));
	expect_breach(&t, 0, "device:a1 reaches 10.7.0.12 tcp/443 at 2030-01-01T00:00:00Z, by policy own", 2);
	expect_breach(&t, 1, "device:b1 reaches 10.7.0.11 tcp/22 at 2030-01-01T00:00:00Z, by policy down", 1);
	assert_int_equal(t.res[2].nbreaches, 1);
	assert_int_equal(t.res[2].nnotes, 1); /* bob has no other device */
	assert_string_equal(t.res[3].empty, "its to matches no destination");
}

static void test_sites_as_sources(void **state)
{
	struct tree t TREE_CLEANUP = { .nres = 0 };
	(void)state;

	judge(&t, POLICY("in", "from: [site:hq]\nto: [device:a1]\n")
		  RAIL("g", "never: {from: [any], to: [device:a1]}\n---\n")
		  RAIL("h", "never: {from: [any, site:hq], to: [device:a1]}\n---\n")
		  RAIL("i", "only: {from: [any], to: [device:a1]}\n"));
	assert_int_equal(t.res[0].nbreaches, 0); /* any device */
	expect_breach(&t, 1, "site:hq reaches 10.7.0.11 tcp/443 at 2030-01-01T00:00:00Z, by policy in", 1);
	expect_breach(&t, 2, "site:hq reaches 10.7.0.11 tcp/443 at 2030-01-01T00:00:00Z, by policy in", 1);
}

static void test_waivers(void **state)
{
	struct tree t TREE_CLEANUP = { .nres = 0 };
	(void)state;

	judge(&t, POLICY("p", "from: [any]\nto: [resource:db]\n") POLICY("q", "from: [user:bob]\nto: [site:hq]\n")
		  RAIL("g", "never: {from: [any], to: [resource:db]}\nwaivers:\n"
			    "- {policy: p, reason: x, expires: 2030-01-01T00:00:01Z}\n"
			    "- {from: [device:b1], ports: [tcp], reason: y, expires: 2030-01-01}\n"
			    "- {policy: p, from: [user:alice], reason: z, expires: 2040-01-01}\n"));
	/* p is excused for one second more; q is not, and the waiver for bob has ended. */
	expect_breach(&t, 0, "device:b1 reaches 10.1.0.5 tcp/443 at 2030-01-01T00:00:00Z, by policy q", 1);
	assert_non_null(t.res[0].breach[0].ended);
	assert_string_equal(t.res[0].breach[0].ended->reason, "y");
	assert_int_equal(t.res[0].nnotes, 0); /* the third is needed as much as the first */
}

static void test_point(void **state)
{
	struct arena a;
	struct service tcp = { SERVICE(6, 0), SERVICE(6, 0xffff) }, icmp = { SERVICE(1, 0), SERVICE(1, 0xffff) };
	struct range r = { addr_from_v4(0x0a000005), addr_from_v4(0x0a0000ff) };
	struct box box[2] = { { r, icmp }, { { r.lo - 1, r.lo }, tcp } };
	(void)state;

	arena_init(&a);
	assert_string_equal(point_text(point_of(region_make(&a, box, 1)), &a), "10.0.0.5 icmp");
	assert_string_equal(point_text(point_of(region_make(&a, box, 2)), &a), "10.0.0.4 tcp/443");
	assert_string_equal(point_text(point_of(region_all(&a)), &a), "1.1.1.1 tcp/443");
	arena_release(&a);
}

static const struct mutant *find_mutant(const struct mutate_report *m, const char *policy, enum mutation how)
{
	for (size_t i = 0; i < m->nsurvivors; i++)
		if (!strcmp(m->survivor[i].policy->o.name, policy) && m->survivor[i].how == how)
			return &m->survivor[i];
	return NULL;
}

static void test_mutations(void **state)
{
	struct tree t TREE_CLEANUP = { .nres = 0 };
	struct mutate_report m;
	(void)state;

	judge(&t, POLICY("p", "from: [user:alice]\nto: [resource:db]\nports: [tcp/5432]\nwhen: {days: [mon]}\n")
		  POLICY("shut", "action: deny\nfrom: [any]\nto: [10.1.0.9]\n")
		  "kind: Test\nname: t\nfrom: [user:alice]\nallow: [{to: [resource:db]}]\n---\n"
		  RAIL("g", "only: {to: [resource:db], from: [user:alice]}\n---\n")
		  RAIL("h", "require: {fields: [when], policies: {action: allow}}\n"));
	mutate_run(&t.x, &t.r, NOW, &t.arena, &m);
	assert_int_equal(m.tried, 1 + MUTATION_COUNT);
	assert_null(find_mutant(&m, "p", MUTATION_REMOVE)); /* the test */
	assert_null(find_mutant(&m, "p", MUTATION_FROM));   /* only */
	assert_null(find_mutant(&m, "p", MUTATION_TIME));   /* require */
	const struct mutant *to = find_mutant(&m, "p", MUTATION_TO), *ports = find_mutant(&m, "p", MUTATION_PORTS),
			    *shut = find_mutant(&m, "shut", MUTATION_REMOVE);
	assert_non_null(to);
	assert_string_equal(to->effect, "device:a1 gains 1.1.1.1 tcp/5432 at 2030-01-07T00:00:00Z");
	assert_non_null(ports);
	assert_null(ports->effect); /* the resource has that port only */
	assert_non_null(shut);
	assert_null(shut->effect); /* nothing opens it */
	assert_int_equal(m.noticed + m.nsurvivors, m.tried);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cohorts),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_sites_as_sources),
		cmocka_unit_test(test_waivers),
		cmocka_unit_test(test_point),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
