/* SPDX-License-Identifier: Apache-2.0 */
#include "log/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define HEX_SHA1 40
#define HEX_SHA256 64

typedef VEC(struct history_commit) commit_vec;

static int fail(char *err, size_t err_size, const char *what)
{
	const git_error *e = git_error_last();

	snprintf(err, err_size, "%s: %s", what, e && e->message ? e->message : "no reason given");
	return -EIO;
}

static int push(git_revwalk *walk, const struct source_repo *repo, const char *rev, bool hide, char *err, size_t err_size)
{
	git_commit *c = NULL;
	int ret = source_repo_commit(repo, *rev ? rev : "HEAD", &c, err, err_size);

	if (ret < 0)
		return ret;
	if ((hide ? git_revwalk_hide : git_revwalk_push)(walk, git_commit_id(c)) < 0)
		ret = fail(err, err_size, "cannot walk the history");
	git_commit_free(c);
	return ret;
}

static int push_range(git_revwalk *walk, const struct source_repo *repo, const char *range, char *err, size_t err_size)
{
	const char *dots = strstr(range, "..");

	if (!dots)
		return push(walk, repo, range, false, err, err_size);
	if (dots[2] == '.') {
		snprintf(err, err_size, "a range is written BASE..TIP, not %s", range);
		return -EINVAL;
	}
	char *base = strndup(range, (size_t)(dots - range));
	if (!base)
		arena_oom(strlen(range));
	int ret = push(walk, repo, base, true, err, err_size);

	free(base);
	return ret < 0 ? ret : push(walk, repo, dots + 2, false, err, err_size);
}

static int collect(git_revwalk *walk, const struct source_repo *repo, commit_vec *out, char *err, size_t err_size)
{
	git_oid id;
	int ret;

	while ((ret = git_revwalk_next(&id, walk)) == 0) {
		git_commit *c = NULL;
		if (git_commit_lookup(&c, repo->git, &id) < 0)
			return fail(err, err_size, "cannot read a commit");
		vec_push(out, ((struct history_commit){ id, git_commit_time(c), 0 }));
		git_commit_free(c);
	}
	return ret == GIT_ITEROVER ? 0 : fail(err, err_size, "cannot walk the history");
}

int history_read(struct history *h, const struct source_repo *repo, const char *range, bool merged, char *err,
		 size_t err_size)
{
	commit_vec v = VEC_INIT;
	git_revwalk *walk = NULL;

	*h = (struct history){ NULL, 0 };
	if (git_revwalk_new(&walk, repo->git) < 0)
		return fail(err, err_size, "cannot walk the history");
	git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | (merged ? GIT_SORT_TIME : 0));
	if (!merged)
		git_revwalk_simplify_first_parent(walk);
	int ret = push_range(walk, repo, range, err, err_size);

	if (ret == 0)
		ret = collect(walk, repo, &v, err, err_size);
	git_revwalk_free(walk);
	h->v = v.v;
	h->n = v.n;
	for (size_t i = h->n; i-- > 0;) {
		bool later = i + 1 == h->n || h->v[i].date > h->v[i + 1].since;
		h->v[i].since = later ? h->v[i].date : h->v[i + 1].since;
	}
	return ret;
}

void history_release(struct history *h)
{
	free(h->v);
	*h = (struct history){ NULL, 0 };
}

const struct history_commit *history_at(const struct history *h, int64_t t)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].since <= t)
			return &h->v[i];
	return NULL;
}

bool history_is_commit_id(const char *rev)
{
	size_t n = strspn(rev, "0123456789abcdefABCDEF");

	return rev[n] == '\0' && (n == HEX_SHA1 || n == HEX_SHA256);
}
