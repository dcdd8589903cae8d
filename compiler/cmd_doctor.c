/* SPDX-License-Identifier: Apache-2.0 */
/* yett doctor - what keeps you from signing, approving or deploying, and what to type. */
#include <string.h>

#include <jansson.h>

#include "base/bug.h"
#include "doctor.h"

static const char *level_word(enum finding_level level)
{
	switch (level) {
	case FINDING_OK: return "ok";
	case FINDING_NOTE: return "note";
	case FINDING_WARN: return "warn";
	case FINDING_BAD: return "bad";
	}
	BUG("finding %d", (int)level);
}

static void print_text(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i];
		if (d->common->quiet && f->level <= FINDING_NOTE)
			continue;
		printf("%-4s  %s: %s\n", level_word(f->level), f->about, f->what);
		if (f->type != NULL)
			printf("      type: %s\n", f->type);
	}
}

static void print_json(const struct doctor *d)
{
	json_t *out = json_array();

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s?}", "level", level_word(d->v[i].level), "about", d->v[i].about,
						     "what", d->v[i].what, "type", d->v[i].type));
	json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(out);
}

static int report(const struct doctor *d)
{
	bool bad = false;

	for (size_t i = 0; i < d->n; i++)
		bad |= d->v[i].level == FINDING_BAD;
	if (d->common->format == FORMAT_JSON)
		print_json(d);
	else
		print_text(d);
	return bad ? EXIT_FAILS : EXIT_HOLDS;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	struct doctor d = { .common = &common };
	const char *remote = NULL, *config = NULL, *key = NULL;
	bool try = false;
	char err[512];
	const struct cmd_option own[] = {
		{ "key", 0, OPTION_TEXT, "FILE", "the key to look at (default: git's user.signingkey)", &key },
		{ "remote", 0, OPTION_TEXT, "NAME", "the remote to ask (default: origin)", &remote },
		{ "try", 0, OPTION_FLAG, NULL, "push a ref of its own to the remote, rewrite it, and take it away", &try },
		{ "config", 0, OPTION_TEXT, "FILE", "look at a gateway's configuration alone, such as /etc/yett/yettd.yaml", &config },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos > 0)
		return cmd_fail(cmd, "it takes no argument; see yett doctor --help");
	arena_init(&d.arena);
	if (config != NULL) {
		doctor_gateway(&d, config);
	} else if (source_repo_open(&d.repo, common.dir, common.path, err, sizeof(err)) < 0) {
		doctor_add(&d, FINDING_BAD, "clone", err, "git init, or -C DIR");
		source_repo_close(&d.repo);
	} else {
		doctor_clone(&d);
		doctor_key(&d, key);
		doctor_forge(&d, remote, try);
		source_repo_close(&d.repo);
	}
	int status = report(&d);
	free(d.v);
	arena_release(&d.arena);
	return status;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "Look for what keeps you from signing, approving or deploying, and say what to type",
	.help = "Looks at the clone and its trust files, at the key that would sign, and at the remote. Nothing is changed; with --try the\n"
		"remote is tried with a ref of its own. Ends with 1 when anything is bad.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run,
};
