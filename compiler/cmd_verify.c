/* SPDX-License-Identifier: Apache-2.0 */
/* yett verify - whether a commit may follow another, by the signatures that the older tree asks for. */
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "release_text.h"
#include "source/proof.h"
#include "trust/chain.h"

struct verify {
	const struct cmd *cmd;
	const struct cmd_common *common;
	struct source_repo repo;
	struct arena arena;
	struct buf proof;
	struct objects objects;
	struct object_id base, head;
	char err[512];
};

static int find_commit(struct verify *v, const char *rev, struct object_id *id)
{
	git_commit *commit = NULL;
	int ret = source_repo_commit(&v->repo, rev, &commit, v->err, sizeof(v->err));

	if (ret == 0) {
		*id = (struct object_id){ .len = GIT_OID_RAWSZ };
		memcpy(id->b, git_commit_id(commit)->id, GIT_OID_RAWSZ);
	}
	git_commit_free(commit);
	return ret;
}

/* The same bytes that a gateway's fetch role hands to its judge. */
static int collect(struct verify *v, const char *base, const char *head)
{
	char was[OBJECT_ID_TEXT_MAX], is[OBJECT_ID_TEXT_MAX];
	int ret = source_repo_open(&v->repo, v->common->dir, v->common->path, v->err, sizeof(v->err));

	if (ret == 0)
		ret = find_commit(v, base, &v->base);
	if (ret == 0)
		ret = find_commit(v, head, &v->head);
	if (ret == 0)
		ret = source_proof(&v->repo, object_id_text(&v->base, was), object_id_text(&v->head, is), &v->proof, v->err,
				   sizeof(v->err));
	if (ret == 0 && objects_open(&v->objects, v->proof.p, v->proof.len, &v->arena) < 0) {
		snprintf(v->err, sizeof(v->err), "the objects of the repository cannot be judged: there are too many");
		ret = -E2BIG;
	}
	return ret;
}

static void print_json(const struct chain_verdict *r, const char *head)
{
	char tree[OBJECT_ID_TEXT_MAX];
	const struct judgement *j = &r->j;
	json_t *out = json_pack("{s:b, s:s?, s:s?, s:s?, s:s, s:s, s:i, s:b, s:s?, s:i}", "accepted", j->accepted, "code",
				j->code, "why", j->why, "signer", j->principal, "key", j->fingerprint, "commit", head,
				"paths", (int)r->nchanged, "pending", j->pending, "could_sign", j->could_sign, "steps",
				(int)r->steps);

	if (j->accepted)
		json_object_set_new(out, "tree", json_string(object_id_text(&r->root, tree)));
	json_dumpf(out, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(out);
}

static void print_text(const struct chain_verdict *r, const char *head)
{
	const struct judgement *j = &r->j;

	printf("%s: %.12s, %zu changed path%s\n", j->accepted ? "accepted" : j->pending ? "pending" : "rejected", head,
	       r->nchanged, r->nchanged == 1 ? "" : "s");
	if (j->principal != NULL)
		printf("signed by: %s (%s)\n", j->principal, j->fingerprint);
	if (!j->accepted)
		printf("%s: %s\n", j->code, j->why);
	if (j->could_sign == NULL)
		return;
	if (*j->could_sign != '\0')
		printf("could sign all of it: %s\ntype: " JUDGE_WHAT_TO_TYPE "\n", j->could_sign);
	else
		printf("nobody may sign all of it: split the change, or let a root member change trust/\n");
}

static int verify(struct verify *v, const char *base, const char *head, int64_t now)
{
	struct chain_verdict r;
	char id[OBJECT_ID_TEXT_MAX];
	int ret = collect(v, base, head);

	if (ret < 0)
		return cmd_fail(v->cmd, "%s", v->err);
	const struct chain_case c = { .objects = &v->objects, .path = v->repo.root, .base = v->base, .tip = v->head, .now = now };
	chain_judge(&c, &r, &v->arena);
	if (r.base_unread)
		return cmd_fail(v->cmd, "%s [%s]", r.j.why, r.j.code);
	object_id_text(&v->head, id);
	if (v->common->format == FORMAT_JSON)
		print_json(&r, id);
	else
		print_text(&r, id);
	return r.j.accepted ? EXIT_HOLDS : EXIT_FAILS;
}

/* BASE..HEAD as one argument; base is cut off at the dots, in place. */
static const char *split_range(char *base)
{
	char *dots = strstr(base, "..");

	if (dots == NULL)
		return NULL;
	*dots = '\0';
	return dots[2] != '\0' ? dots + 2 : "HEAD";
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	const char *at = NULL;
	struct release_options o = { .remote = NULL };
	bool release = false;
	int64_t now;
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "the moment for keys that are valid for a time (default: now)", &at },
		{ "release", 0, OPTION_FLAG, NULL, "judge the log of releases, and what REV still needs to be one", &release },
		{ "remote", 0, OPTION_TEXT, "NAME", "with --release: where the log is (default: origin; \"\" for this repository alone)", &o.remote },
		{ "log", 0, OPTION_TEXT, "REF", "with --release: its ref (default: " LEDGER_REF ", else " LEDGER_BRANCH ")", &o.ref },
		{ "anchor", 0, OPTION_TEXT, "SERIAL:DIGEST", "with --release: one that is known to be good (default: the first)", &o.anchor },
		{ "offline", 0, OPTION_FLAG, NULL, "with --release: the log as it was fetched last", &o.offline },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (release) {
		if (npos > 1)
			return cmd_fail(cmd, "with --release it takes one REV at most");
		return cmd_time(cmd, at, &now) < 0 ? EXIT_CANNOT : release_verify(cmd, &common, &o, npos == 1 ? argv[0] : common.rev, now);
	}
	const char *head = npos == 1 ? split_range(argv[0]) : npos == 2 ? argv[1] : NULL;
	if (npos < 1 || npos > 2 || *argv[0] == '\0')
		return cmd_fail(cmd, "it takes BASE [HEAD] or BASE..HEAD; see yett verify --help");
	if (cmd_time(cmd, at, &now) < 0)
		return EXIT_CANNOT;
	struct verify v = { .cmd = cmd, .common = &common };
	arena_init(&v.arena);
	int status = verify(&v, argv[0], head != NULL ? head : "HEAD", now);
	source_repo_close(&v.repo);
	buf_release(&v.proof);
	arena_release(&v.arena);
	return status;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "BASE[..HEAD] | --release [REV]",
	.summary = "Say whether a commit is signed by somebody who may change what it changes",
	.help = "BASE is the tree in force; its trust/trust.yaml and trust/allowed_signers judge. HEAD has to come after it and\n"
		"to carry an SSH signature (git commit -S) of a member of every role that its changed paths ask for. Signed commits between\n"
		"the two are judged in their turn, as a gateway does that sees them only now.\n"
		"With --release the log of releases is fetched and judged; with a REV too, which approvals that commit still needs.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run,
};
