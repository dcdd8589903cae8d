/* SPDX-License-Identifier: Apache-2.0 */
/* yett check - parse, validate, resolve, and judge the tests and guardrails of a tree. */
#include "access/examples.h"
#include "access/guardrails.h"
#include "cmd.h"
#include "check_trust.h"
#include "lint/lint.h"

static void report_failures(struct compile *c, int64_t now)
{
	struct example_result *res;
	size_t n = examples_run(&c->access, &c->resolved, now, &c->arena, &res);

	for (size_t i = 0; i < n; i++) {
		if (res[i].why == NULL)
			continue;
		diag_add(&c->diags, "E_TEST", res[i].loc, "test %s fails: %s", res[i].name, res[i].why);
		if (res[i].policy != NULL)
			diag_hint(&c->diags, "policy %s is at %s", res[i].policy,
				  diag_loc_text(&c->diags, &c->arena, res[i].policy_loc));
	}
}

static void report_guardrail(struct compile *c, const struct guardrail_result *g)
{
	const struct object *o = &g->decl->o;
	const char *code = g->decl->severity == SEVERITY_WARNING ? "W_GUARDRAIL" : "E_GUARDRAIL";

	for (size_t i = 0; i < g->nbreaches; i++) {
		diag_add(&c->diags, code, o->loc, "guardrail %s: %s", o->name, g->breach[i].why);
		diag_hint(&c->diags, "%s", guardrail_hint(&g->breach[i], &c->diags, &c->arena));
	}
	if (g->empty != NULL)
		diag_add(&c->diags, "W_GUARDRAIL_EMPTY", o->loc, "guardrail %s: no policy can break it, as %s", o->name,
			 g->empty);
	for (size_t i = 0; i < g->nnotes; i++)
		diag_add(&c->diags, "W_WAIVER", g->note[i].loc, "guardrail %s: %s", o->name, g->note[i].why);
}

static void report_guardrails(struct compile *c, int64_t now)
{
	struct guardrail_result *res;
	size_t n = guardrails_run(&c->access, &c->resolved, now, &c->arena, &res);

	for (size_t i = 0; i < n; i++)
		report_guardrail(c, &res[i]);
}

static size_t documents(const struct model *m)
{
	size_t n = 0;

	for (size_t k = 0; k < KIND_COUNT; k++)
		n += m->n[k];
	return n;
}

static void summary(const struct compile *c)
{
	const struct resolved *r = &c->resolved;

	if (c->diags.errors > 0) {
		printf("%zu error%s, %zu warning%s\n", c->diags.errors, c->diags.errors == 1 ? "" : "s",
		       c->diags.warnings, c->diags.warnings == 1 ? "" : "s");
		return;
	}
	printf("ok: %zu documents, %zu devices, %zu policies in force, %zu access classes, %zu tests hold",
	       documents(&c->model), r->ndevices, r->npolicies, c->access.nclasses, r->ntests);
	if (r->nguardrails > 0)
		printf(", %zu guardrails stand", r->nguardrails);
	if (c->diags.warnings > 0)
		printf("; %zu warning%s", c->diags.warnings, c->diags.warnings == 1 ? "" : "s");
	putchar('\n');
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	struct compile c;
	const char *at = NULL;
	int64_t now;
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "the moment that tests and guardrails take for now (default: the clock)", &at },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos > 0)
		return cmd_fail(cmd, "it takes no arguments; name the folder with -C");
	if (cmd_time(cmd, at, &now) < 0)
		return EXIT_CANNOT;
	if (cmd_compile(cmd, &common, common.rev, &c) < 0) {
		compile_release(&c);
		return EXIT_CANNOT;
	}
	check_trust(&common, &c);
	if (c.ready) {
		report_failures(&c, now);
		report_guardrails(&c, now);
		if (!common.quiet)
			lint_warn(&c.access, &c.resolved, now, &c.diags);
	}
	cmd_report_diags(&common, &c);
	if (common.format == FORMAT_TEXT && !common.quiet)
		summary(&c);
	int status = c.diags.errors > 0 ? EXIT_FAILS : EXIT_HOLDS;
	compile_release(&c);
	return status;
}

const struct cmd cmd_check = {
	.name = "check",
	.args = "",
	.summary = "Validate a policy tree, its tests and guardrails",
	.help = "As text, diagnostics go to standard error and the summary to standard output; every other format is the list of\n"
		"diagnostics on standard output: json, sarif (2.1.0, for code scanning), github (workflow commands), junit.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON | 1u << FORMAT_SARIF | 1u << FORMAT_GITHUB | 1u << FORMAT_JUNIT,
	.run = run,
};
