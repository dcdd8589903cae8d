/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walker of git trees: the input is a raw tree object, put into a repository as it is, under a commit. Two ids in it
 * that read "BLOB" and "TREE" repeated stand for a blob and a subtree that exist.
 */
#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

#include <git2.h>

#include "source/source.h"

#define RUNS_A_REPOSITORY 2000

static struct {
	char dir[64];
	git_repository *repo;
	git_odb *odb;
	git_oid blob, tree;
	unsigned int runs;
} f;

static void put(const void *data, size_t len, git_object_t type, git_oid *id)
{
	FUZZ_ASSERT(git_odb_write(id, f.odb, data, len, type) == 0);
}

static void start_over(void)
{
	char cmd[128];

	if (f.repo != NULL) {
		git_odb_free(f.odb);
		git_repository_free(f.repo);
		snprintf(cmd, sizeof(cmd), "rm -rf %s", f.dir);
		FUZZ_ASSERT(system(cmd) == 0);
	} else {
		git_libgit2_init();
	}
	snprintf(f.dir, sizeof(f.dir), "/dev/shm/yett-fuzz-XXXXXX");
	FUZZ_ASSERT(mkdtemp(f.dir) != NULL);
	FUZZ_ASSERT(git_repository_init(&f.repo, f.dir, 1) == 0 && git_repository_odb(&f.odb, f.repo) == 0);
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
	put("kind: User\nname: a\n", 19, GIT_OBJECT_BLOB, &f.blob);
	put("", 0, GIT_OBJECT_TREE, &f.tree);
	f.runs = 0;
}

static void end(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", f.dir);
	if (f.repo != NULL)
		(void)!system(cmd);
}

/* The placeholders become ids that exist. */
static void fill_in(uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 20 <= n; i++) {
		if (memcmp(p + i, "BLOBBLOBBLOBBLOBBLOB", 20) == 0)
			memcpy(p + i, f.blob.id, 20);
		else if (memcmp(p + i, "TREETREETREETREETREE", 20) == 0)
			memcpy(p + i, f.tree.id, 20);
	}
}

/* No part is empty, "." or "..". */
static bool stays_inside(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source s;
	struct arena a;
	struct diags d;
	git_oid tree, commit;
	char text[256], hex[GIT_OID_HEXSZ + 1], err[256];

	if (f.repo == NULL || ++f.runs > RUNS_A_REPOSITORY) {
		if (f.repo == NULL)
			atexit(end);
		start_over();
	}
	uint8_t *raw = malloc(size + 1);
	memcpy(raw, data, size);
	fill_in(raw, size);
	put(raw, size, GIT_OBJECT_TREE, &tree);
	free(raw);
	snprintf(text, sizeof(text), "tree %s\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n",
		 git_oid_tostr(hex, sizeof(hex), &tree));
	put(text, strlen(text), GIT_OBJECT_COMMIT, &commit);
	arena_init(&a);
	diags_init(&d, &a);
	if (source_open_commit(&s, f.dir, git_oid_tostr(hex, sizeof(hex), &commit), "", NULL, &a, &d, err,
			       sizeof(err)) == 0)
		for (size_t i = 0; i < s.nfiles; i++)
			FUZZ_ASSERT(stays_inside(s.file[i].path));
	diags_release(&d);
	arena_release(&a);
	return 0;
}
