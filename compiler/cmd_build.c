/* SPDX-License-Identifier: Apache-2.0 */
/* yett build: every artifact, all or nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/outdir.h"
#include "base/vec.h"
#include "cmd.h"
#include "emit/emit.h"

struct build {
	const struct cmd *cmd;
	struct cmd_common common;
	const char *out;
	struct option_list gateway;
	struct compile compile;
	VEC(uint32_t) only;
};

static void fail_gateway(const struct build *b, const char *name)
{
	const struct model *m = &b->compile.model;
	VEC(const char *) names = VEC_INIT;

	for (size_t i = 0; i < m->n[KIND_GATEWAY]; i++)
		vec_push(&names, m->object[KIND_GATEWAY][i]->name);
	const char *near = diag_nearest(name, names.v, names.n);
	vec_release(&names);
	cmd_fail(b->cmd, "there is no gateway %s in the tree%s%s%s", name, near != NULL ? "; did you mean " : "",
		 near != NULL ? near : "", near != NULL ? "?" : "");
}

static int find_gateways(struct build *b)
{
	const struct resolved *r = &b->compile.resolved;

	for (size_t i = 0; i < b->gateway.n; i++) {
		uint32_t g = resolved_find(r, KIND_GATEWAY, b->gateway.v[i]);
		bool known = false;
		if (g == NONE) {
			fail_gateway(b, b->gateway.v[i]);
			return -1;
		}
		for (size_t k = 0; k < b->only.n; k++)
			known |= b->only.v[k] == g;
		if (!known)
			vec_push(&b->only, g);
	}
	return 0;
}

/* Diagnostics of the last stage; those of the others are printed already. */
static void print_new(struct build *b, struct diags *d)
{
	const struct diag_style style = {
		.format = b->common.format == FORMAT_JSON ? DIAG_JSON : DIAG_TEXT,
		.color = b->common.color,
		.max_bytes = b->common.max_errors != 0 ? SIZE_MAX : 0,
	};

	diags_sort(d);
	if (d->n > 0)
		diags_print(d, &style, stderr);
}

static int write_all(struct build *b)
{
	struct compile *c = &b->compile;
	struct diags late = c->diags; /* the same files, no diagnostics yet */
	struct outdir *o;
	char err[512] = "";

	late.v = NULL;
	late.n = late.cap = late.errors = late.warnings = 0;
	if (outdir_open(b->out, &o, err, sizeof(err)) < 0)
		return cmd_fail(b->cmd, "%s", err);
	int ret = emit_all(o, &c->access, &c->resolved, c->source.commit, b->only.v, b->only.n, &c->arena, &late, err,
			   sizeof(err));
	print_new(b, &late);
	size_t errors = late.errors;
	free(late.v);
	if (ret < 0 || errors > 0) {
		outdir_abort(o);
		return ret < 0 ? cmd_fail(b->cmd, "%s", err) : EXIT_FAILS;
	}
	ret = outdir_commit(o);
	if (ret < 0)
		return cmd_fail(b->cmd, "cannot put the new folder in the place of %s: %s", b->out, strerror(-ret));
	return EXIT_HOLDS;
}

static int build(struct build *b)
{
	if (cmd_load(b->cmd, &b->common, b->common.rev, &b->compile) < 0)
		return EXIT_CANNOT;
	if (!b->compile.ready)
		return EXIT_FAILS;
	if (find_gateways(b) < 0)
		return EXIT_CANNOT;
	return write_all(b);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct build b = { .cmd = cmd };
	const struct cmd_option own[] = {
		{ "output", 'o', OPTION_TEXT, "DIR", "the folder to write; it is replaced as a whole", &b.out },
		{ "gateway", 0, OPTION_LIST, "NAME", "only this gateway, and no profiles; may be repeated",
		  &b.gateway },
		{ 0 },
	};
	int n = cmd_parse(cmd, argc, argv, own, &b.common);

	if (n < 0)
		return cmd_parse_status(n);
	if (n > 0)
		return cmd_fail(cmd, "it takes no argument such as %s; the tree is named with -C", argv[0]);
	if (b.out == NULL || *b.out == '\0')
		return cmd_fail(cmd, "name the folder to write with -o DIR");
	int status = build(&b);
	compile_release(&b.compile);
	vec_release(&b.only);
	free(b.gateway.v);
	return status;
}

const struct cmd cmd_build = {
	.name = "build",
	.args = "",
	.summary = "Write every artifact into a folder: rulesets, WireGuard configurations, profiles, the manifest",
	.help = "The folder is made anew and takes the place of the old one only when everything was written. A folder that is not\n"
		"empty and was not written by yett build is refused.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run,
};
