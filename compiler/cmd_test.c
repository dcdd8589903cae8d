/* SPDX-License-Identifier: Apache-2.0 */
/* yett test - each Test and Guardrail as one TAP line, the counterexample under a failing one; and how strong they are. */
#include <jansson.h>

#include "access/examples.h"
#include "access/guardrails.h"
#include "access/mutate.h"
#include "base/buf.h"
#include "base/junit.h"
#include "base/vec.h"
#include "cmd.h"

struct report {
	struct compile *c;
	struct example_result *test;
	struct guardrail_result *guardrail;
	size_t ntests, nguardrails;
	size_t failed; /* tests, and guardrails whose severity is error */
};

static bool only_warns(const struct guardrail_result *g)
{
	return g->decl->severity == SEVERITY_WARNING;
}

static void report_make(struct report *r, struct compile *c, int64_t now)
{
	*r = (struct report){ .c = c };
	r->ntests = examples_run(&c->access, &c->resolved, now, &c->arena, &r->test);
	r->nguardrails = guardrails_run(&c->access, &c->resolved, now, &c->arena, &r->guardrail);
	for (size_t i = 0; i < r->ntests; i++)
		r->failed += r->test[i].why != NULL;
	for (size_t i = 0; i < r->nguardrails; i++)
		r->failed += r->guardrail[i].nbreaches > 0 && !only_warns(&r->guardrail[i]);
}

static const char *where(struct report *r, struct loc loc)
{
	return diag_loc_text(&r->c->diags, &r->c->arena, loc);
}

/* ---- TAP ---- */

static void print_test(struct report *r, size_t i)
{
	const struct example_result *t = &r->test[i];

	printf("%sok %zu - %s\n", t->why != NULL ? "not " : "", i + 1, t->name);
	if (t->why != NULL)
		printf("# %s: %s\n", where(r, t->loc), t->why);
	if (t->why != NULL && t->policy != NULL)
		printf("# policy %s: %s\n", t->policy, where(r, t->policy_loc));
}

/* A failure that may fail is TODO in TAP. */
static void print_guardrail(struct report *r, size_t i)
{
	const struct guardrail_result *g = &r->guardrail[i];
	const struct object *o = &g->decl->o;

	printf("%sok %zu - guardrail %s%s\n", g->nbreaches > 0 ? "not " : "", r->ntests + i + 1, o->name,
	       g->nbreaches > 0 && only_warns(g) ? " # TODO severity: warning" : "");
	for (size_t k = 0; k < g->nbreaches; k++) {
		printf("# %s: %s\n", where(r, o->loc), g->breach[k].why);
		printf("# %s\n", guardrail_hint(&g->breach[k], &r->c->diags, &r->c->arena));
	}
	if (g->empty != NULL)
		printf("# %s: warning: no policy can break it, as %s\n", where(r, o->loc), g->empty);
	for (size_t k = 0; k < g->nnotes; k++)
		printf("# %s: warning: %s\n", where(r, g->note[k].loc), g->note[k].why);
}

static void print_tap(struct report *r)
{
	printf("TAP version 13\n1..%zu\n", r->ntests + r->nguardrails);
	for (size_t i = 0; i < r->ntests; i++)
		print_test(r, i);
	for (size_t i = 0; i < r->nguardrails; i++)
		print_guardrail(r, i);
}

/* ---- JSON ---- */

static void print_json(json_t *page)
{
	json_dumpf(page, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(page);
}

static json_t *test_json(struct report *r, const struct example_result *t)
{
	json_t *failures = json_array();

	if (t->why != NULL)
		json_array_append_new(failures, json_pack("{s:s, s:s?, s:s?}", "why", t->why, "policy", t->policy,
							  "policy_where",
							  t->policy != NULL ? where(r, t->policy_loc) : NULL));
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:o, s:[]}", "kind", "Test", "name", t->name, "holds", t->why == NULL,
			 "severity", "error", "where", where(r, t->loc), "failures", failures, "warnings");
}

static json_t *breach_json(struct report *r, const struct guardrail_breach *b)
{
	json_t *j = json_pack("{s:s, s:s, s:s}", "why", b->why, "policy", b->policy, "policy_where",
			      where(r, b->policy_loc));

	if (b->source != NONE) {
		char addr[ADDR_TEXT_MAX], when[CLOCK_TEXT_MAX];
		json_object_set_new(j, "counterexample",
				    json_pack("{s:s, s:s, s:i, s:i, s:s}", "source",
					      source_text(&r->c->resolved, b->source, &r->c->arena), "address",
					      addr_format(b->point.addr, addr), "protocol", (int)SERVICE_PROTO(b->point.service),
					      "port", (int)SERVICE_PORT(b->point.service), "at", clock_format(b->at, when)));
		json_object_set_new(j, "sources", json_integer((json_int_t)b->nsources));
	}
	if (b->ended != NULL)
		json_object_set_new(j, "ended_waiver", json_string(where(r, b->ended->loc)));
	return j;
}

static json_t *guardrail_json(struct report *r, const struct guardrail_result *g)
{
	json_t *failures = json_array(), *warnings = json_array();

	for (size_t i = 0; i < g->nbreaches; i++)
		json_array_append_new(failures, breach_json(r, &g->breach[i]));
	if (g->empty != NULL)
		json_array_append_new(warnings, json_pack("{s:s, s:s+}", "where", where(r, g->decl->o.loc), "why",
							  "no policy can break it, as ", g->empty));
	for (size_t i = 0; i < g->nnotes; i++)
		json_array_append_new(warnings, json_pack("{s:s, s:s}", "where", where(r, g->note[i].loc), "why",
							  g->note[i].why));
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:o, s:o}", "kind", "Guardrail", "name", g->decl->o.name, "holds",
			 g->nbreaches == 0, "severity", only_warns(g) ? "warning" : "error", "where",
			 where(r, g->decl->o.loc), "failures", failures, "warnings", warnings);
}

static void print_results(struct report *r)
{
	json_t *results = json_array();

	for (size_t i = 0; i < r->ntests; i++)
		json_array_append_new(results, test_json(r, &r->test[i]));
	for (size_t i = 0; i < r->nguardrails; i++)
		json_array_append_new(results, guardrail_json(r, &r->guardrail[i]));
	print_json(json_pack("{s:o, s:I}", "results", results, "failed", (json_int_t)r->failed));
}

/* ---- JUnit ---- */

static void add_place(struct report *r, struct loc loc, struct junit_case *out)
{
	if (loc.file < r->c->diags.nfiles) {
		out->file = r->c->diags.file[loc.file].path;
		out->line = loc.line;
	}
}

static struct junit_case test_junit(struct report *r, const struct example_result *t)
{
	struct junit_case out = { .name = t->name, .classname = "Test", .type = "E_TEST", .failure = t->why };

	add_place(r, t->loc, &out);
	if (t->why != NULL && t->policy != NULL)
		out.details = arena_printf(&r->c->arena, "%s\npolicy %s: %s", t->why, t->policy, where(r, t->policy_loc));
	return out;
}

/* One whose severity is warning passes, and says what it found. */
static struct junit_case guardrail_junit(struct report *r, const struct guardrail_result *g)
{
	BUF_CLEANUP struct buf said = BUF_INIT;
	struct junit_case out = { .name = g->decl->o.name, .classname = "Guardrail", .type = "E_GUARDRAIL" };

	add_place(r, g->decl->o.loc, &out);
	for (size_t i = 0; i < g->nbreaches; i++)
		buf_addf(&said, "%s\n%s\n", g->breach[i].why, guardrail_hint(&g->breach[i], &r->c->diags, &r->c->arena));
	if (g->empty != NULL)
		buf_addf(&said, "warning: no policy can break it, as %s\n", g->empty);
	for (size_t i = 0; i < g->nnotes; i++)
		buf_addf(&said, "%s: warning: %s\n", where(r, g->note[i].loc), g->note[i].why);
	if (g->nbreaches > 0 && !only_warns(g))
		out.failure = g->breach[0].why;
	if (said.len > 0)
		out.details = arena_strndup(&r->c->arena, said.p, said.len - 1);
	return out;
}

static void print_junit(struct report *r)
{
	VEC(struct junit_case) cases = VEC_INIT;

	for (size_t i = 0; i < r->ntests; i++)
		vec_push(&cases, test_junit(r, &r->test[i]));
	for (size_t i = 0; i < r->nguardrails; i++)
		vec_push(&cases, guardrail_junit(r, &r->guardrail[i]));
	junit_print("yett test", cases.v, cases.n, stdout);
	vec_release(&cases);
}

/* ---- --mutate ---- */

static void print_mutants(struct report *r, const struct mutate_report *m)
{
	size_t idle = 0;

	for (size_t i = 0; i < m->nsurvivors; i++) {
		const struct mutant *s = &m->survivor[i];
		idle += s->effect == NULL;
		if (s->effect != NULL)
			printf("%s: nothing notices when policy %s %s: %s\n", where(r, s->policy->o.loc),
			       s->policy->o.name, mutation_text[s->how], s->effect);
	}
	for (size_t i = 0; i < m->nsurvivors; i++) {
		const struct mutant *s = &m->survivor[i];
		if (s->effect == NULL)
			printf("%s: no access changes when policy %s %s\n", where(r, s->policy->o.loc), s->policy->o.name,
			       mutation_text[s->how]);
	}
	printf("%zu mutations: %zu noticed, %zu unnoticed, %zu without effect\n", m->tried, m->noticed,
	       m->nsurvivors - idle, idle);
}

static void print_mutants_json(struct report *r, const struct mutate_report *m)
{
	json_t *survivors = json_array();

	for (size_t i = 0; i < m->nsurvivors; i++) {
		const struct mutant *s = &m->survivor[i];
		json_array_append_new(survivors, json_pack("{s:s, s:s, s:s, s:s?}", "policy", s->policy->o.name, "mutation",
							   mutation_word[s->how], "where", where(r, s->policy->o.loc),
							   "effect", s->effect));
	}
	print_json(json_pack("{s:I, s:I, s:o}", "mutations", (json_int_t)m->tried, "noticed", (json_int_t)m->noticed,
			     "survivors", survivors));
}

/* ---- the command ---- */

static int run_mutate(const struct cmd *cmd, const struct cmd_common *common, struct report *r, int64_t now)
{
	struct mutate_report m;

	if (r->failed > 0) {
		cmd_fail(cmd, "%zu of the tests and guardrails fail as it is; --mutate asks how strong those are that hold",
			 r->failed);
		return EXIT_FAILS;
	}
	mutate_run(&r->c->access, &r->c->resolved, now, &r->c->arena, &m);
	if (common->format == FORMAT_JSON)
		print_mutants_json(r, &m);
	else
		print_mutants(r, &m);
	return EXIT_HOLDS;
}

static int run_tests(const struct cmd_common *common, struct report *r)
{
	if (common->format == FORMAT_JSON)
		print_results(r);
	else if (common->format == FORMAT_JUNIT)
		print_junit(r);
	else
		print_tap(r);
	return r->failed > 0 ? EXIT_FAILS : EXIT_HOLDS;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	struct compile c;
	struct report report;
	const char *at = NULL;
	bool mutate = false;
	int64_t now;
	int status = EXIT_FAILS;
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "the moment taken for now (default: the clock)", &at },
		{ "mutate", 0, OPTION_FLAG, NULL, "remove and widen each policy; list what nothing notices", &mutate },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos > 0)
		return cmd_fail(cmd, "it takes no arguments; name the folder with -C");
	if (mutate && common.format != FORMAT_TEXT && common.format != FORMAT_JSON)
		return cmd_fail(cmd, "--mutate is printed as text or json");
	if (cmd_time(cmd, at, &now) < 0)
		return EXIT_CANNOT;
	if (cmd_load(cmd, &common, common.rev, &c) < 0) {
		status = EXIT_CANNOT;
	} else if (c.ready) {
		report_make(&report, &c, now);
		status = mutate ? run_mutate(cmd, &common, &report, now) : run_tests(&common, &report);
	}
	compile_release(&c);
	return status;
}

const struct cmd cmd_test = {
	.name = "test",
	.args = "",
	.summary = "Run the tests and guardrails of a tree, one TAP line each",
	.help = "With --mutate each policy is removed and widened in turn (every device, every destination, every port, at any\n"
		"time), and what no Test and no Guardrail notices is listed; the exit status is then 0 whatever it finds.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_TAP | 1u << FORMAT_JSON | 1u << FORMAT_JUNIT,
	.run = run,
};
