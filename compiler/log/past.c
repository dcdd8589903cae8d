/* SPDX-License-Identifier: Apache-2.0 */
#include "log/past.h"

#include <stdio.h>

#include "base/clock.h"

int past_open(struct past *p, const char *dir, const char *path, const char *rev, const struct source_limits *lim, char *err,
	      size_t err_size)
{
	*p = (struct past){ .archive = NULL };
	p->archive = archive_open(&p->repo, lim);
	int ret = source_repo_open(&p->repo, dir, path, err, err_size);

	return ret < 0 ? ret : history_read(&p->history, &p->repo, rev, false, err, err_size);
}

void past_close(struct past *p)
{
	history_release(&p->history);
	archive_close(p->archive);
	source_repo_close(&p->repo);
}

const struct history_commit *past_commit(const struct past *p, int64_t t, char *err, size_t err_size)
{
	const struct history_commit *h = t < clock_now() ? history_at(&p->history, t) : p->history.v;
	char date[CLOCK_TEXT_MAX];

	if (!h)
		snprintf(err, err_size, "the history does not reach back to %s", clock_format(t, date));
	return h;
}

struct compile *past_tree(struct past *p, int64_t t, char *err, size_t err_size)
{
	const struct history_commit *h = past_commit(p, t, err, err_size);
	git_commit *commit = NULL;
	git_oid root;
	char hex[GIT_OID_HEXSZ + 1];

	archive_trim(p->archive);
	if (!h)
		return NULL;
	if (git_commit_lookup(&commit, p->repo.git, &h->id) < 0) {
		snprintf(err, err_size, "cannot read a commit of the history");
		return NULL;
	}
	int ret = source_repo_root(&p->repo, commit, &root, err, err_size);

	git_commit_free(commit);
	struct compile *c = ret < 0 ? NULL : archive_get(p->archive, &root, err, err_size);

	if (c && !c->ready) {
		snprintf(err, err_size, "the tree of commit %s, which was current then, has errors",
			 git_oid_tostr(hex, sizeof(hex), &h->id));
		return NULL;
	}
	return c;
}
