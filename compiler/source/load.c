/* SPDX-License-Identifier: Apache-2.0 */
#include "source/load.h"

#include <stdatomic.h>
#include <string.h>

#include "base/crew.h"

#define SHARE 64 /* files that a thread takes at a time */

struct load {
	const char *repository;
	const git_oid *id;
	uint64_t max_bytes;
	struct source *source;
	atomic_size_t next;
	_Atomic uint64_t bytes;
	atomic_bool failed;
	struct arena arena[CREW_MAX];
};

/* The size is asked first: an object may claim to be of any. */
static bool load_file(struct load *l, git_odb *odb, size_t i, struct arena *a)
{
	struct source_file *f = &l->source->file[i];
	git_odb_object *o = NULL;
	git_object_t type;
	size_t len;

	if (git_odb_read_header(&len, &type, odb, &l->id[i]) < 0 || type != GIT_OBJECT_BLOB || len > SOURCE_FILE_MAX ||
	    atomic_fetch_add(&l->bytes, len) + len > l->max_bytes || git_odb_read(&o, odb, &l->id[i]) < 0)
		return false;
	bool good = git_odb_object_size(o) == len;
	if (good) {
		f->data = arena_strndup(a, git_odb_object_data(o), len);
		f->len = len;
	}
	git_odb_object_free(o);
	return good;
}

static void load_shares(struct load *l, git_odb *odb, struct arena *a)
{
	for (;;) {
		size_t from = atomic_fetch_add(&l->next, SHARE), n = l->source->nfiles;
		for (size_t i = from; i < n && i < from + SHARE; i++) {
			if (!load_file(l, odb, i, a))
				atomic_store(&l->failed, true);
			if (atomic_load(&l->failed))
				return;
		}
		if (from >= n)
			return;
	}
}

/* Each with a door of its own to the repository: a shared one would be locked at every step. */
static void work(void *ctx, unsigned int member)
{
	struct load *l = ctx;
	git_repository *repo = NULL;
	git_odb *odb = NULL;

	if (git_repository_open(&repo, l->repository) < 0 || git_repository_odb(&odb, repo) < 0)
		atomic_store(&l->failed, true);
	else
		load_shares(l, odb, &l->arena[member]);
	git_odb_free(odb);
	git_repository_free(repo);
}

bool load_blobs(const struct source_repo *r, const git_oid *id, uint64_t max_bytes, unsigned int threads, struct source *s,
		struct arena *a)
{
	struct load l = { .repository = git_repository_path(r->git), .id = id, .max_bytes = max_bytes, .source = s };

	for (unsigned int i = 0; i < CREW_MAX; i++)
		arena_init(&l.arena[i]);
	crew_run(threads < CREW_MAX ? threads : CREW_MAX, work, &l);
	for (unsigned int i = 0; i < CREW_MAX; i++)
		arena_adopt(a, &l.arena[i]);
	s->bytes = l.bytes;
	return !l.failed;
}
