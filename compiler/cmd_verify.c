/* SPDX-License-Identifier: Apache-2.0 */
/* yett verify - whether a commit may follow another, by the signatures that the older tree asks for. */
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/vec.h"
#include "cmd.h"
#include "source/change.h"
#include "trust/judge.h"

#define TRUST_BYTES_MAX ((size_t)128 << 10)

struct verify {
	const struct cmd *cmd;
	const struct cmd_common *common;
	struct source_repo repo;
	struct arena arena;
	struct diags diags;
	struct trust_file trust;
	struct signers signers;
	struct source_change change;
	const char **judged; /* the changed paths less those that the trust file ignores */
	size_t njudged;
	char err[512];
};

/* What the older tree says of trust. */
static int read_trust(struct verify *v, const char *base)
{
	const char *data;
	size_t len;

	if (source_file_read(&v->repo, base, "trust/trust.yaml", TRUST_BYTES_MAX, &v->arena, &data, &len, v->err,
			     sizeof(v->err)) < 0)
		return -1;
	uint32_t file = diags_add_file(&v->diags, "trust/trust.yaml", data, len);
	if (trust_file_parse(&v->trust, file, data, len, &v->arena, &v->diags) < 0) {
		snprintf(v->err, sizeof(v->err), "trust/trust.yaml of %s has mistakes", base);
		return -1;
	}
	if (source_file_read(&v->repo, base, "trust/allowed_signers", SIGNERS_BYTES_MAX, &v->arena, &data, &len, v->err,
			     sizeof(v->err)) < 0)
		return -1;
	char why[256];
	if (signers_parse(&v->signers, data, len, &v->arena, why, sizeof(why)) < 0) {
		snprintf(v->err, sizeof(v->err), "trust/allowed_signers of %s: %s", base, why);
		return -1;
	}
	return 0;
}

static void choose_paths(struct verify *v)
{
	v->judged = arena_array(&v->arena, v->change.npaths, const char *);
	for (size_t i = 0; i < v->change.npaths; i++)
		if (!trust_ignores(&v->trust, v->change.path[i]))
			v->judged[v->njudged++] = v->change.path[i];
}

static void judge(struct verify *v, int64_t now, struct judgement *j)
{
	const struct judge_case c = {
		.trust = &v->trust, .signers = &v->signers, .commit = v->change.object,
		.commit_len = v->change.object_len, .changed = v->judged, .nchanged = v->njudged, .now = now,
	};

	judge_commit(&c, j, &v->arena);
	if (j->accepted && !v->change.descends) {
		j->accepted = false;
		j->code = "E_ROLLBACK";
		j->why = arena_printf(&v->arena, "%.12s does not come after %.12s, which is in force", v->change.new_id,
				      v->change.old_id);
	}
}

static void print_judgement(const struct verify *v, const struct judgement *j)
{
	if (v->common->format == FORMAT_JSON) {
		json_t *out = json_pack("{s:b, s:s?, s:s?, s:s?, s:s, s:s, s:i, s:b}", "accepted", j->accepted, "code",
					j->code, "why", j->why, "signer", j->principal, "key", j->fingerprint, "commit",
					v->change.new_id, "paths", (int)v->njudged, "pending", j->pending);
		json_dumpf(out, stdout, JSON_COMPACT | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(out);
		return;
	}
	printf("%s: %.12s, %zu changed path%s\n", j->accepted ? "accepted" : j->pending ? "pending" : "rejected",
	       v->change.new_id, v->njudged, v->njudged == 1 ? "" : "s");
	if (j->principal != NULL)
		printf("signed by: %s (%s)\n", j->principal, j->fingerprint);
	if (!j->accepted)
		printf("%s: %s\n", j->code, j->why);
}

static int verify(struct verify *v, const char *base, const char *head, int64_t now)
{
	struct judgement j;
	const struct diag_style style = { .color = v->common->color };
	int ret = source_repo_open(&v->repo, v->common->dir, v->common->path, v->err, sizeof(v->err));

	if (ret == 0)
		ret = read_trust(v, base);
	if (v->diags.n > 0)
		diags_print(&v->diags, &style, stderr);
	if (ret == 0 && v->trust.mode != TRUST_MODE_COMMIT) {
		snprintf(v->err, sizeof(v->err), "the tree asks for release mode, which this version does not have");
		ret = -ENOTSUP;
	}
	if (ret == 0)
		ret = source_change_read(&v->change, &v->repo, base, head, &v->arena, v->err, sizeof(v->err));
	if (ret != 0)
		return cmd_fail(v->cmd, "%s", v->err);
	choose_paths(v);
	judge(v, now, &j);
	print_judgement(v, &j);
	return j.accepted ? EXIT_HOLDS : EXIT_FAILS;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	const char *at = NULL;
	int64_t now;
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "the moment for keys that are valid for a time (default: now)", &at },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos < 1 || npos > 2)
		return cmd_fail(cmd, "it takes BASE [HEAD]; see yett verify --help");
	if (cmd_time(cmd, at, &now) < 0)
		return EXIT_CANNOT;
	struct verify v = { .cmd = cmd, .common = &common };
	arena_init(&v.arena);
	diags_init(&v.diags, &v.arena);
	int status = verify(&v, argv[0], npos == 2 ? argv[1] : "HEAD", now);
	source_repo_close(&v.repo);
	diags_release(&v.diags);
	arena_release(&v.arena);
	return status;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "BASE [HEAD]",
	.summary = "Say whether a commit is signed by somebody who may change what it changes",
	.help = "BASE is the tree in force; its trust/trust.yaml and trust/allowed_signers judge. HEAD has to come after it and\n"
		"to carry an SSH signature (git commit -S) of a member of every role that its changed paths ask for.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run,
};
