/* SPDX-License-Identifier: Apache-2.0 */
#include "enforced_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <git2.h>
#include <jansson.h>

#include "base/bug.h"
#include "base/clock.h"
#include "log/commit.h"
#include "log/enforced.h"

#define SHORT_ID 12

/* False: this repository has no such commit. */
static bool find(const struct source_repo *repo, const char *id, struct commit *c, struct arena *a)
{
	git_oid oid;
	char err[256];

	return strlen(id) == GIT_OID_HEXSZ && git_oid_fromstr(&oid, id) == 0 && commit_read(c, repo, &oid, NULL, a, err, sizeof(err)) == 0;
}

static const char *end_word(enum enforced_end end)
{
	switch (end) {
	case ENFORCED_STILL: return "still";
	case ENFORCED_REPLACED: return "replaced";
	case ENFORCED_BACK: return "taken-back";
	case ENFORCED_DOWN: return "down";
	}
	BUG("end %d", (int)end);
}

static json_t *stay_json(const struct source_repo *repo, const struct enforced_stay *s, struct arena *a)
{
	char since[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
	struct commit c;
	bool found = find(repo, s->commit, &c, a);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:s?, s:s?}", "gateway", s->gateway, "commit", s->commit, "plan", s->plan,
			 "since", clock_format(s->since, since), "until", clock_format(s->until, until), "end", end_word(s->end), "repairs",
			 (json_int_t)s->repairs, "found", (int)found, "subject", found ? c.subject : NULL, "author",
			 found ? c.author.name : NULL);
}

static void print_stay(const struct source_repo *repo, const struct enforced_stay *s, struct arena *a)
{
	char since[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
	struct commit c;

	printf("  %s to %s%s  %.*s  ", clock_format(s->since, since), clock_format(s->until, until),
	       s->end == ENFORCED_STILL ? " (the newest line)" : s->end == ENFORCED_DOWN ? " (then started anew)" : s->end == ENFORCED_BACK ? " (taken back)" : "", SHORT_ID,
	       *s->commit ? s->commit : "-");
	if (find(repo, s->commit, &c, a))
		printf("%s (%s)", c.subject, c.author.name);
	else
		printf("not a commit of this repository");
	if (s->repairs > 0)
		printf(", %llu repair%s", (unsigned long long)s->repairs, s->repairs == 1 ? "" : "s");
	putchar('\n');
}

static void print_all(const struct source_repo *repo, struct enforced *e, bool json)
{
	json_t *all = json ? json_array() : NULL;

	for (size_t i = 0; i < e->stay.n; i++) {
		const struct enforced_stay *s = &e->stay.v[i];
		if (json) {
			json_array_append_new(all, stay_json(repo, s, &e->a));
			continue;
		}
		if (i == 0 || strcmp(s->gateway, s[-1].gateway) != 0)
			printf("%s%s\n", i > 0 ? "\n" : "", *s->gateway ? s->gateway : "(no gateway named)");
		print_stay(repo, s, &e->a);
	}
	if (json) {
		json_dumpf(all, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(all);
	} else if (e->stay.n == 0) {
		printf("nothing was enforced\n");
	}
}

int enforced_show(const struct cmd *cmd, const struct cmd_common *common, const char *first, const char *const *path, size_t n)
{
	char err[1024] = "", broken[1024] = "";
	struct source_repo repo;
	struct enforced e;

	enforced_init(&e);
	int ret = source_repo_open(&repo, common->dir, common->path, err, sizeof(err));
	for (size_t i = 0; i <= n && ret == 0; i++) {
		ret = enforced_read(&e, i == 0 ? first : path[i - 1], err, sizeof(err));
		if (ret == -EBADMSG) { /* what stands before it is shown */
			snprintf(broken, sizeof(broken), "%s", err);
			ret = 0;
		}
	}
	enforced_sort(&e);
	if (ret == 0)
		print_all(&repo, &e, common->format == FORMAT_JSON);
	source_repo_close(&repo);
	enforced_release(&e);
	if (ret < 0 || broken[0])
		return cmd_fail(cmd, "%s", ret < 0 ? err : broken);
	return EXIT_HOLDS;
}
