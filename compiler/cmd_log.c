/* SPDX-License-Identifier: Apache-2.0 */
/* yett log - the audit: what each commit did, who wrote and signed it; and who could ever reach something. */
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/clock.h"
#include "commit_text.h"
#include "diff_text.h"
#include "enforced_text.h"
#include "field.h"
#include "log/audit.h"
#include "log/reach.h"
#include "release_text.h"

enum {
	OBJECTS_SHOWN = 12, /* of one commit */
	FILES_SHOWN = 12,
	GROUPS_SHOWN = 12,
	ERRORS_SHOWN = 3,
	BOXES_SHOWN = 8,    /* of one stay */
	SHORT_ID = 12,
	PROGRESS_EVERY = 16,
};

struct log {
	const struct cmd *cmd;
	const struct cmd_common *common;
	struct source_repo repo;
	const char *range;
	bool merged;
	uint64_t most; /* 0: all */
	size_t shown;
	bool progress;
	char err[512];
};

/* ---- progress, on a terminal only ---- */

static void progress(size_t done, size_t all)
{
	if (done % PROGRESS_EVERY == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "\ryett: log: %zu of %zu commits", done, all);
}

static void progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\x1b[K", stderr);
}

/* ---- words ---- */

static const char *date_text(int64_t t, char out[static CLOCK_TEXT_MAX])
{
	if (t == CLOCK_NEVER)
		return NULL;
	return clock_format(t, out);
}

static const char *object_how(enum object_how how)
{
	switch (how) {
	case OBJECT_ADDED: return "added";
	case OBJECT_REMOVED: return "removed";
	case OBJECT_CHANGED: return "changed";
	}
	BUG("object change %d", (int)how);
}

static const char *file_how(enum commit_file_how how)
{
	switch (how) {
	case COMMIT_FILE_ADDED: return "added";
	case COMMIT_FILE_REMOVED: return "removed";
	case COMMIT_FILE_CHANGED: return "changed";
	}
	BUG("file change %d", (int)how);
}

static char mark_of(const char *how)
{
	return *how == 'a' ? '+' : *how == 'r' ? '-' : '~';
}

static struct diff_text diff_text_of(const struct audit_entry *e, struct arena *a)
{
	return (struct diff_text){ a, { &e->was->diags, &e->is->diags } };
}

/* ---- one commit as JSON ---- */

static json_t *claims_json(const struct commit *c)
{
	json_t *out = json_array();

	for (size_t i = 0; i < c->nclaims; i++)
		json_array_append_new(out, json_pack("{s:s, s:s}", "claim", c->claim[i].word, "who", c->claim[i].who));
	return out;
}

static json_t *objects_json(const struct object_changes *o)
{
	json_t *out = json_array();

	for (size_t i = 0; i < o->n; i++)
		json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "change", object_how(o->v[i].how), "kind",
						     kind_rows[o->v[i].kind].name, "name", o->v[i].name));
	return out;
}

static json_t *files_json(const struct audit_entry *e)
{
	json_t *out = json_array();

	for (size_t i = 0; i < e->nfiles; i++)
		json_array_append_new(out, json_pack("{s:s, s:s}", "change", file_how(e->file[i].how), "path",
						     e->file[i].path));
	return out;
}

static json_t *errors_json(const struct audit_entry *e, struct arena *a)
{
	json_t *out = json_array();

	if (!e->is)
		json_array_append_new(out, json_pack("{s:n, s:s, s:s}", "code", "where", "-", "message",
						     "the policy tree is gone"));
	for (size_t i = 0; e->is && i < e->is->diags.n; i++) {
		const struct diag *d = &e->is->diags.v[i];
		if (d->severity == DIAG_ERROR && json_array_size(out) < ERRORS_SHOWN)
			json_array_append_new(out, json_pack("{s:s, s:s, s:s}", "code", d->code, "where",
							     diag_loc_text(&e->is->diags, a, d->loc), "message",
							     d->message));
	}
	return out;
}

static json_t *entry_json(const struct audit_entry *e, struct arena *a)
{
	const struct commit *c = &e->commit;
	json_t *out = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:s?, s:b, s:o}", "commit", c->id, "subject", c->subject,
				"author", commit_text_person(&c->author), "committer", commit_text_person(&c->committer), "signature",
				commit_text_signature_json(c), "approvals", claims_json(c), "merge", c->nparents > 1, "compared_with", e->base,
				"broken", (int)e->broken, "files", files_json(e));

	if (e->broken) {
		json_object_set_new(out, "errors", errors_json(e, a));
		return out;
	}
	const struct diff_text t = diff_text_of(e, a);

	json_object_set_new(out, "objects", objects_json(&e->objects));
	json_object_set_new(out, "access", diff_text_json(&t, &e->access));
	return out;
}

/* One element of the list that the whole output is. */
static void print_json(const struct log *l, json_t *element)
{
	fputs(l->shown ? ",\n" : "[\n", stdout);
	json_dumpf(element, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(element);
}

static void print_json_end(const struct log *l)
{
	fputs(l->shown ? "\n]\n" : "[]\n", stdout);
}

/* ---- one commit as text ---- */

static void print_head(const struct audit_entry *e)
{
	const struct commit *c = &e->commit;
	struct buf signature BUF_CLEANUP = BUF_INIT;
	char date[CLOCK_TEXT_MAX];

	printf("commit %s%s\n", c->id, c->nparents > 1 ? " (merge)" : "");
	printf("date:      %s\n", clock_format(c->committer.date, date));
	printf("author:    %s <%s>\n", c->author.name, c->author.email);
	if (strcmp(c->author.name, c->committer.name) != 0 || strcmp(c->author.email, c->committer.email) != 0)
		printf("committer: %s <%s>\n", c->committer.name, c->committer.email);
	commit_text_signature(c, &signature);
	printf("signature: %s\n", buf_str(&signature));
	for (size_t i = 0; i < c->nclaims; i++)
		printf("message says: %s: %s\n", c->claim[i].word, c->claim[i].who);
	printf("\n    %s\n\n", c->subject);
}

static void print_more(size_t n, size_t shown)
{
	if (n > shown)
		printf("  and %zu more; see --format=json\n", n - shown);
}

static void print_files(const struct audit_entry *e)
{
	for (size_t i = 0; i < e->nfiles && i < FILES_SHOWN; i++)
		printf("  %c %s\n", mark_of(file_how(e->file[i].how)), e->file[i].path);
	print_more(e->nfiles, FILES_SHOWN);
}

static void print_broken(const struct audit_entry *e, struct arena *a)
{
	size_t shown = 0;

	print_files(e);
	if (!e->is) {
		printf("the policy tree is gone; gateways keep what they have\n");
		return;
	}
	printf("the tree has errors; gateways keep what they have\n");
	for (size_t i = 0; i < e->is->diags.n && shown < ERRORS_SHOWN; i++) {
		const struct diag *d = &e->is->diags.v[i];
		if (d->severity != DIAG_ERROR)
			continue;
		printf("  %s: %s [%s]\n", diag_loc_text(&e->is->diags, a, d->loc), d->message, d->code);
		shown++;
	}
	print_more(e->is->diags.errors, shown);
}

static void print_access(const struct audit_entry *e, struct arena *a)
{
	const struct diff_text t = diff_text_of(e, a);

	struct buf text BUF_CLEANUP = BUF_INIT;

	diff_text_groups(&t, e->access.group, e->access.ngroups < GROUPS_SHOWN ? e->access.ngroups : GROUPS_SHOWN, &text);
	printf("access\n%s", buf_str(&text));
	print_more(e->access.ngroups, GROUPS_SHOWN);
}

static void print_changes(const struct audit_entry *e, struct arena *a)
{
	if (!e->base_is_parent && e->base)
		printf("compared with %.*s, the last commit without errors\n", SHORT_ID, e->base);
	for (size_t i = 0; i < e->objects.n && i < OBJECTS_SHOWN; i++) {
		const struct object_change *o = &e->objects.v[i];
		printf("  %c %s %s\n", mark_of(object_how(o->how)), kind_rows[o->kind].name, o->name);
	}
	print_more(e->objects.n, OBJECTS_SHOWN);
	if (e->objects.n == 0)
		print_files(e);
	if (e->access.ngroups)
		print_access(e, a);
	else
		printf("access does not change\n");
}

static void print_text(const struct log *l, const struct audit_entry *e, struct arena *a)
{
	if (l->shown)
		printf("\n");
	print_head(e);
	if (e->broken)
		print_broken(e, a);
	else
		print_changes(e, a);
}

/* ---- the history ---- */

static int show_history(struct log *l)
{
	const struct source_limits lim = { .max_bytes = l->common->max_bytes };
	bool json = l->common->format == FORMAT_JSON;
	struct audit u;
	struct audit_entry e;
	int ret = audit_open(&u, &l->repo, &lim, l->range, l->merged, l->err, sizeof(l->err));

	while (ret == 0 && (l->most == 0 || l->shown < l->most)) {
		ret = audit_next(&u, &e, l->err, sizeof(l->err));
		if (ret <= 0)
			break;
		ret = 0;
		if (json)
			print_json(l, entry_json(&e, &u.arena));
		else
			print_text(l, &e, &u.arena);
		l->shown++;
		if (!isatty(STDOUT_FILENO))
			progress(u.next, u.history.n);
	}
	audit_close(&u);
	if (ret == 0 && json)
		print_json_end(l);
	return ret;
}

/* ---- who could ever reach it ---- */

static json_t *commit_json(const struct source_repo *repo, const struct history_commit *h, struct arena *a)
{
	struct commit c;
	char err[256];

	if (!h || commit_read(&c, repo, &h->id, NULL, a, err, sizeof(err)) < 0)
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:o}", "commit", c.id, "subject", c.subject, "author", commit_text_person(&c.author),
			 "committer", commit_text_person(&c.committer));
}

static json_t *region_json(struct region r)
{
	char addr[ADDR_TEXT_MAX], service[SERVICE_TEXT_MAX];
	json_t *out = json_array();

	for (size_t i = 0; i < r.n; i++) {
		json_t *list = json_array();
		for (size_t k = 0; k < r.v[i].addr.n; k++)
			json_array_append_new(list, json_string(range_format(r.v[i].addr.v[k], addr)));
		json_array_append_new(out, json_pack("{s:s, s:o}", "port", service_format(r.v[i].service, service),
						     "addresses", list));
	}
	return out;
}

static json_t *stay_json(const struct log *l, const struct reach_stay *s, struct arena *a)
{
	char from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
	json_t *week = json_array();

	for (size_t i = 0; i < s->nweek; i++)
		json_array_append_new(week, json_pack("[i, i]", (int)s->week[i].from, (int)s->week[i].until));
	return json_pack("{s:s, s:s?, s:o, s:o, s:s, s:s, s:s?, s:s, s:o, s:o}", "source", s->source, "user", s->user, "to",
			 region_json(s->region), "week", week, "when", s->when, "from", clock_format(s->from, from), "until",
			 date_text(s->until, until), "policy", s->policy, "by", commit_json(&l->repo, s->by, a), "ended_by",
			 commit_json(&l->repo, s->ended, a));
}

static void print_region(struct region r)
{
	char addr[ADDR_TEXT_MAX], service[SERVICE_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < r.n; i++)
		for (size_t k = 0; k < r.v[i].addr.n; k++)
			if (n++ < BOXES_SHOWN)
				printf("%s%s %s", n > 1 ? ", " : "", range_format(r.v[i].addr.v[k], addr),
				       service_format(r.v[i].service, service));
	if (n > BOXES_SHOWN)
		printf(" and %zu more", n - BOXES_SHOWN);
}

static void print_cause(const struct log *l, const char *word, int64_t t, const struct history_commit *h, struct arena *a)
{
	char date[CLOCK_TEXT_MAX], err[256];
	struct commit c;

	printf("    %s %s", word, clock_format(t, date));
	if (h && commit_read(&c, &l->repo, &h->id, NULL, a, err, sizeof(err)) == 0)
		printf("  %.*s %s (%s)", SHORT_ID, c.id, c.subject, c.author.name);
}

static void print_stay(const struct log *l, const struct reach_stay *s, bool again, struct arena *a)
{
	if (!again)
		printf("%s%s%s%s\n", s->source, s->user ? " (user:" : "", s->user ? s->user : "", s->user ? ")" : "");
	printf("  ");
	print_region(s->region);
	printf("%s%s\n", *s->when ? "  " : "", s->when);
	print_cause(l, "from ", s->from, s->by, a);
	printf(", policy %s\n", s->policy);
	if (s->until == CLOCK_NEVER) {
		printf("    still\n");
		return;
	}
	print_cause(l, "until", s->until, s->ended, a);
	printf("%s\n", s->ended ? "" : "  by its dates");
}

static void print_stays(struct log *l, const struct reach *r, struct arena *a)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct reach_stay *s = &r->v[i];
		if (l->common->format == FORMAT_JSON)
			print_json(l, stay_json(l, s, a));
		else
			print_stay(l, s, i > 0 && strcmp(s->source, s[-1].source) == 0, a);
		l->shown++;
	}
	if (l->common->format == FORMAT_JSON)
		print_json_end(l);
	else if (r->n == 0)
		printf("nobody ever could\n");
}

static int show_reach(struct log *l, const char *dest)
{
	const struct source_limits lim = { .max_bytes = l->common->max_bytes };
	struct archive *archive = archive_open(&l->repo, &lim);
	struct history history;
	struct arena a;
	struct reach r;

	arena_init(&a);
	int ret = history_read(&history, &l->repo, l->range, false, l->err, sizeof(l->err));
	if (ret == 0)
		ret = reach_read(&r, &l->repo, archive, &history, dest, progress, &a, l->err, sizeof(l->err));
	progress_end();
	if (ret == 0) {
		print_stays(l, &r, &a);
		if (r.broken && !l->common->quiet)
			fprintf(stderr, "yett: log: %zu commit%s with errors in the tree changed nothing\n", r.broken,
				r.broken == 1 ? "" : "s");
	}
	archive_close(archive);
	history_release(&history);
	arena_release(&a);
	return ret;
}

/* ---- the command ---- */

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct log l = { .cmd = cmd };
	struct cmd_common common;
	struct release_options o = { .remote = NULL };
	const char *dest = NULL, *trail = NULL;
	bool pending = false;
	const struct cmd_option own[] = {
		{ "access", 0, OPTION_TEXT, "SELECTOR", "who could ever reach this, from when to when, and by which commits", &dest },
		{ "audit", 0, OPTION_TEXT, "PATH", "which gateway enforced which commit when: its audit trail, a folder or file; more may follow", &trail },
		{ "merged", 0, OPTION_FLAG, NULL, "also the commits that merges brought in, each against its first parent", &l.merged },
		{ "max-count", 'n', OPTION_SIZE, "N", "the newest N commits (default: all)", &l.most },
		{ "pending", 0, OPTION_FLAG, NULL, "which release waits, who signed it, who is missing and what to type", &pending },
		{ "remote", 0, OPTION_TEXT, "NAME", "with --pending: where the log of releases is (default: origin)", &o.remote },
		{ "log", 0, OPTION_TEXT, "REF", "with --pending: its ref (default: " LEDGER_REF ", else " LEDGER_BRANCH ")", &o.ref },
		{ "anchor", 0, OPTION_TEXT, "SERIAL:DIGEST", "with --pending: one that is known to be good (default: the first)", &o.anchor },
		{ "offline", 0, OPTION_FLAG, NULL, "with --pending: the log as it was fetched last", &o.offline },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (pending && npos == 0 && common.rev == NULL)
		return release_pending(cmd, &common, &o, clock_now());
	if (pending)
		return cmd_fail(cmd, "--pending looks at the log of releases, not at a revision");
	if (trail != NULL)
		return enforced_show(cmd, &common, trail, (const char *const *)argv, (size_t)npos);
	if (npos > 1 || (npos == 1 && common.rev != NULL))
		return cmd_fail(cmd, "it takes one REV-RANGE at most; see yett log --help");
	l.common = &common;
	l.range = npos == 1 ? argv[0] : common.rev != NULL ? common.rev : "HEAD";
	if (dest != NULL && (strstr(l.range, "..") != NULL || l.merged || l.most != 0))
		return cmd_fail(cmd, "--access reads the whole history of one revision: no range, no --merged and no --max-count");
	int ret = source_repo_open(&l.repo, common.dir, common.path, l.err, sizeof(l.err));
	if (ret == 0)
		ret = dest != NULL ? show_reach(&l, dest) : show_history(&l);
	progress_end();
	source_repo_close(&l.repo);
	return ret < 0 ? cmd_fail(cmd, "%s", l.err) : EXIT_HOLDS;
}

const struct cmd cmd_log = {
	.name = "log",
	.args = "[REV-RANGE]",
	.summary = "The audit: for each commit who wrote and signed it, and what access it gave and took",
	.help = "REV-RANGE is a revision (default HEAD) or BASE..TIP. Of its history the first parents are read: what was\n"
		"current on that branch, each change where it came into force. Commits that leave the policy tree (-C, --path)\n"
		"as it was are passed over. A commit is current from its committer date on, but never before its parent.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run,
};
