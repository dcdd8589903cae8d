/* SPDX-License-Identifier: Apache-2.0 */
/* yett diff - who gains and loses access to what between two trees or two situations, and what else changes. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "cmd.h"
#include "diff_report.h"

/* What is compared, as it was asked for. */
struct question {
	const char *base, *head; /* NULL: the working folder (or --rev) */
	bool one_tree;           /* no BASE: the tree as it is, with itself in the other situation */
	const char *at;
	int64_t now, then;
	struct option_list down;
};

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One side: what is a folder is read as a folder, NULL is the working folder, anything else is a revision. */
static int load(const struct cmd *cmd, const struct cmd_common *common, const char *text, const struct compile *base,
		struct compile *c)
{
	struct cmd_common own = *common;
	BUF_CLEANUP struct buf dir = BUF_INIT;

	if (text && !is_folder(text))
		return cmd_load_after(cmd, &own, text, base, c);
	buf_adds(&dir, text ? text : common->dir);
	if (!text && common->path)
		buf_addf(&dir, "/%s", common->path);
	own.dir = buf_str(&dir);
	own.path = NULL;
	return cmd_load(cmd, &own, NULL, c);
}

/* ---- situations ---- */

static int no_gateway(const struct cmd *cmd, const struct resolved *r, const char *name)
{
	VEC(const char *) names = VEC_INIT;

	for (size_t i = 0; i < r->ngateways; i++)
		vec_push(&names, r->gateway[i].decl->o.name);
	const char *near = diag_nearest(name, names.v, names.n);
	vec_release(&names);
	if (near != NULL)
		return cmd_fail(cmd, "there is no gateway \"%s\"; did you mean \"%s\"?", name, near);
	return cmd_fail(cmd, "there is no gateway \"%s\"", name);
}

static int find_outage(const struct cmd *cmd, const struct question *q, struct diff_report *r)
{
	const struct compile *c = r->tree[1];
	VEC(uint32_t) down = VEC_INIT;

	for (size_t i = 0; i < q->down.n; i++) {
		const char *name = strncmp(q->down.v[i], "gateway:", 8) == 0 ? q->down.v[i] + 8 : q->down.v[i];
		uint32_t g = resolved_find(&c->resolved, KIND_GATEWAY, name);
		if (g == NONE) {
			vec_release(&down);
			return no_gateway(cmd, &c->resolved, name);
		}
		vec_push(&down, g);
	}
	r->down = q->down.v;
	r->ndown = q->down.n;
	if (down.n)
		outage_find(&r->outage, &c->access, &c->resolved, down.v, down.n, q->then, q->at != NULL, r->arena);
	vec_release(&down);
	return EXIT_HOLDS;
}

static void find_changes(const struct question *q, struct diff_report *r)
{
	const int64_t at[2] = { q->now, q->then };
	struct diff_side side[2];

	for (int s = 0; s < 2; s++)
		side[s] = (struct diff_side){ &r->tree[s]->access, &r->tree[s]->resolved };
	r->moments = q->one_tree && q->at != NULL;
	if (r->moments)
		access_diff_at(&r->access, side[0], side[1], at, r->arena);
	else if (!q->one_tree)
		access_diff(&r->access, side[0], side[1], q->then, r->arena);
	if (!q->one_tree)
		changes_between(&r->changes, side[0].resolved, side[1].resolved, r->arena);
}

static void print_report(const struct diff_report *r, enum cmd_format format)
{
	struct buf out BUF_CLEANUP = BUF_INIT;

	if (format == FORMAT_JSON) {
		json_t *json = diff_report_json(r);
		json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(json);
		return;
	}
	if (format == FORMAT_MARKDOWN)
		diff_report_markdown(r, &out);
	else
		diff_report_text(r, &out);
	fputs(buf_str(&out), stdout);
}

static int report(const struct cmd *cmd, const struct cmd_common *common, const struct question *q, struct compile *base,
		  struct compile *head)
{
	struct diff_report r = { .tree = { base, head }, .at = q->at, .arena = &head->arena };

	if (!base->ready || !head->ready)
		return EXIT_FAILS;
	r.name[1] = q->head ? q->head : common->dir;
	r.name[0] = q->one_tree ? r.name[1] : q->base;
	r.text = (struct diff_text){ r.arena, { &base->diags, &head->diags } };
	int status = find_outage(cmd, q, &r);
	if (status != EXIT_HOLDS)
		return status;
	find_changes(q, &r);
	print_report(&r, common->format);
	return EXIT_HOLDS;
}

static int compare(const struct cmd *cmd, const struct cmd_common *common, const struct question *q)
{
	struct cmd_common without_warnings = *common;
	struct compile tree[2];
	int status = EXIT_CANNOT;

	memset(tree, 0, sizeof(tree)); /* what is not loaded is released too */
	/* What is wrong with the base besides errors is not this change's matter. */
	without_warnings.quiet = true;
	if (q->one_tree) {
		if (load(cmd, &without_warnings, q->head, NULL, &tree[1]) == 0)
			status = report(cmd, common, q, &tree[1], &tree[1]);
	} else if (load(cmd, &without_warnings, q->base, NULL, &tree[0]) == 0 && load(cmd, common, q->head, &tree[0], &tree[1]) == 0) {
		status = report(cmd, common, q, &tree[0], &tree[1]);
	}
	compile_release(&tree[1]);
	compile_release(&tree[0]); /* the other may point into it */
	return status;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct question q = { .base = NULL };
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "access from this time on; without BASE, then against now", &q.at },
		{ "down", 0, OPTION_LIST, "GATEWAY", "what is out of reach while this gateway is down; may be repeated", &q.down },
		{ 0 },
	};
	struct cmd_common common;
	int npos = cmd_parse(cmd, argc, argv, own, &common), status = EXIT_CANNOT;

	if (npos < 0)
		return cmd_parse_status(npos);
	q.one_tree = npos == 0;
	q.base = npos > 0 ? argv[0] : NULL;
	q.head = npos > 1 ? argv[1] : common.rev;
	if (npos > 2 || (npos == 0 && q.at == NULL && q.down.n == 0))
		cmd_fail(cmd, "it takes BASE and at most one HEAD, or a situation; see yett diff --help");
	else if (cmd_time(cmd, NULL, &q.now) == 0 && cmd_time(cmd, q.at, &q.then) == 0)
		status = compare(cmd, &common, &q);
	free(q.down.v);
	return status;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "[BASE [HEAD]]",
	.summary = "Who gains and loses access to what, and which peers and routes change",
	.help = "BASE and HEAD are revisions of the repository in -C, or existing folders. Without HEAD (and\n"
		"without --rev) the folder itself is compared, with what is not committed yet. Access is\n"
		"compared from now on, or from --at. Without BASE one tree is compared with itself in another\n"
		"situation: now with --at TIME, everything up with --down GATEWAY. What has the greatest risk\n"
		"comes first. Nothing is printed where nothing changes.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON | 1u << FORMAT_MARKDOWN,
	.run = run,
};
