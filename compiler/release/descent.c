/* SPDX-License-Identifier: Apache-2.0 */
#include "release/descent.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define PLACES 65536u /* over DESCENT_COMMITS_MAX; a power of two */

struct walk {
	const struct source_repo *r;
	const git_oid *was;
	VEC(git_oid) queue; /* met, in order; those before `next` are looked at */
	size_t next;
	uint32_t *place; /* open addressing over queue, 1 + index */
	bool met;
};

/* False when it was met before, or there were too many. */
static void meet(struct walk *w, const git_oid *id)
{
	size_t h;

	memcpy(&h, id->id, sizeof(h));
	for (h &= PLACES - 1; w->place[h] != 0; h = (h + 1) & (PLACES - 1))
		if (git_oid_equal(&w->queue.v[w->place[h] - 1], id))
			return;
	if (w->queue.n == DESCENT_COMMITS_MAX)
		return;
	vec_push(&w->queue, *id);
	w->place[h] = (uint32_t)w->queue.n;
}

static void look_at(struct walk *w, const git_oid *id)
{
	git_commit *commit = NULL;

	w->met = git_oid_equal(id, w->was);
	if (w->met || git_commit_lookup(&commit, w->r->git, id) < 0)
		return;
	for (unsigned int i = 0; i < git_commit_parentcount(commit); i++)
		meet(w, git_commit_parent_id(commit, i));
	git_commit_free(commit);
}

int descent_walk(const struct source_repo *r, const git_oid *is, const git_oid *was,
		 int (*fn)(void *ctx, const git_oid *id), void *ctx, bool *met)
{
	struct walk w = { .r = r, .was = was, .place = calloc(PLACES, sizeof(uint32_t)) };
	int ret = 0;

	if (w.place == NULL)
		arena_oom(PLACES * sizeof(uint32_t));
	meet(&w, is);
	while (ret == 0 && !w.met && w.next < w.queue.n) {
		git_oid id = w.queue.v[w.next++];
		if (fn != NULL)
			ret = fn(ctx, &id);
		look_at(&w, &id);
	}
	*met = w.met;
	free(w.place);
	vec_release(&w.queue);
	return ret;
}

bool descent_holds(const struct source_repo *r, const git_oid *is, const git_oid *was)
{
	bool met;

	(void)descent_walk(r, is, was, NULL, NULL, &met);
	return met;
}
