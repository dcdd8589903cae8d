/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/load.h"
#include "source/repo.h"
#include "source/tree.h"

#define MODE_FOLDER 0040000u
#define MODE_FILE 0100644u
#define MODE_EXECUTABLE 0100755u
#define MODE_LINK 0120000u
#define MODE_SUBMODULE 0160000u

struct walk {
	struct tree t;
	const struct source_repo *repo;
	const struct source_blobs *blobs; /* or NULL */
	VEC(git_oid) later; /* of each file so far, when the bytes are read after the walk */
	bool defers;
	char *err;
	size_t err_size;
};

/* One line: what we wanted, and what libgit2 says about it. */
static int fail(struct walk *w, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int fail(struct walk *w, int error, const char *fmt, ...)
{
	const git_error *e = git_error_last();
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (error == ENOENT || !e || !e->message)
		snprintf(w->err, w->err_size, "%s", text);
	else
		snprintf(w->err, w->err_size, "%s: %s", text, e->message);
	return -error;
}

/* What stands at the path could not be had: rc is libgit2's. */
static int unread(struct walk *w, int rc, const char *path)
{
	if (rc == GIT_ENOTFOUND)
		return fail(w, ENOENT, "E_ODB_MISSING: the repository lacks the object of %s", path);
	return fail(w, EIO, "cannot read %s", path);
}

/* The bytes of a blob whose header promised len of them. */
static int load_blob(struct walk *w, const git_oid *id, size_t len, const char **data)
{
	git_odb_object *o = NULL;
	int rc = git_odb_read(&o, w->repo->odb, id);
	if (rc < 0)
		return unread(w, rc, w->t.path.p);
	if (git_odb_object_size(o) != len) {
		rc = fail(w, EBADMSG, "%s has another size than its header says", w->t.path.p);
	} else if (w->blobs) {
		*data = w->blobs->keep(w->blobs->ctx, id, git_odb_object_data(o), len);
	} else {
		char *copy = arena_alloc(w->t.arena, len + 1);
		memcpy(copy, git_odb_object_data(o), len);
		*data = copy;
	}
	git_odb_object_free(o);
	return rc;
}

/* Reads one blob of the size limit at most. */
static int read_blob(struct walk *w, const git_oid *id, uint64_t max, bool *fits, const char **data, size_t *len)
{
	git_object_t type;
	const char *known = w->blobs ? w->blobs->find(w->blobs->ctx, id, len) : NULL;
	*fits = false;
	int rc = known ? 0 : git_odb_read_header(len, &type, w->repo->odb, id);
	if (rc < 0)
		return unread(w, rc, w->t.path.p);
	if (!known && type != GIT_OBJECT_BLOB)
		return fail(w, EBADMSG, "%s is not stored as a file", w->t.path.p);
	if (max == 0 ? !tree_has_room(&w->t, *len) : *len > max)
		return 0;
	*data = known;
	rc = known ? 0 : load_blob(w, id, *len, data);
	*fits = rc == 0;
	return rc;
}

/* Of the file that was just added. */
static void note_id(struct walk *w, const git_tree_entry *e)
{
	_Static_assert(SOURCE_ID_BYTES == GIT_OID_RAWSZ, "ids of blobs");
	memcpy(w->t.file.v[w->t.file.n - 1].id, git_tree_entry_id(e)->id, SOURCE_ID_BYTES);
}

static int read_file(struct walk *w, const git_tree_entry *e)
{
	const char *data;
	size_t len;
	bool fits;
	if (git_tree_entry_filemode_raw(e) == (git_filemode_t)MODE_EXECUTABLE)
		tree_report(&w->t, "W_TREE_MODE", "a policy file does not need to be executable");
	if (w->defers) {
		if (tree_has_room(&w->t, 0)) {
			vec_push(&w->later, *git_tree_entry_id(e));
			tree_add(&w->t, NULL, 0);
			note_id(w, e);
		}
		return 0;
	}
	int rc = read_blob(w, git_tree_entry_id(e), 0, &fits, &data, &len);
	if (rc == 0 && fits) {
		tree_add(&w->t, data, len);
		note_id(w, e);
	}
	return rc;
}

static int walk_tree(struct walk *w, const git_oid *id, bool reads);

static const char *mode_name(unsigned int mode)
{
	return mode == MODE_LINK ? "symbolic links are" : mode == MODE_SUBMODULE ? "submodules are" : NULL;
}

/* One entry, t->path being its own. reads: policy files here are read; else it is only checked. */
static int walk_entry(struct walk *w, const git_tree_entry *e, bool reads)
{
	struct tree *t = &w->t;
	const char *name = git_tree_entry_name(e);
	unsigned int mode = (unsigned int)git_tree_entry_filemode_raw(e);
	bool is_dir = mode == MODE_FOLDER;
	if (!tree_check_name(t, name) || tree_too_deep(t))
		return 0;
	if (!is_dir && mode != MODE_FILE && mode != MODE_EXECUTABLE) {
		if (mode_name(mode))
			tree_report(t, "E_TREE_MODE", "%s not allowed in a policy tree", mode_name(mode));
		else
			tree_report(t, "E_TREE_MODE", "mode %06o is not that of a file or folder", mode);
		return 0;
	}
	reads = reads && !ignore_matches(&t->ignore, t->path.p, is_dir);
	if (is_dir)
		return walk_tree(w, git_tree_entry_id(e), reads && tree_reads_folder(t, name));
	return reads && tree_is_policy(name) ? read_file(w, e) : 0;
}

/* git's order: bytes, a folder's name counting with a '/' at its end. */
static int cmp_entries(const git_tree_entry *a, const git_tree_entry *b)
{
	const char *na = git_tree_entry_name(a), *nb = git_tree_entry_name(b);
	size_t la = strlen(na), lb = strlen(nb), n = la < lb ? la : lb;
	int c = memcmp(na, nb, n);
	if (c)
		return c;
	int ca = la > n ? (unsigned char)na[n] : git_tree_entry_type(a) == GIT_OBJECT_TREE ? '/' : 0;
	int cb = lb > n ? (unsigned char)nb[n] : git_tree_entry_type(b) == GIT_OBJECT_TREE ? '/' : 0;
	return ca - cb;
}

/* False when the entries do not stand as git sorts them: then a look-up by name may miss what a walk finds. */
static void check_order(struct walk *w, const git_tree *tree, size_t n)
{
	VEC(const char *) names = VEC_INIT;
	bool sorted = true;
	vec_reserve(&names, n);
	for (size_t i = 0; i < n; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);
		vec_push(&names, git_tree_entry_name(e));
		if (i == 0 || !sorted)
			continue;
		const git_tree_entry *before = git_tree_entry_byindex(tree, i - 1);
		/* Equal ones are found below, wherever they stand. */
		if (cmp_entries(before, e) > 0) {
			tree_report(&w->t, "E_TREE_ORDER",
				    "the entries of this folder are not sorted: \"%s\" before \"%s\"",
				    git_tree_entry_name(before), git_tree_entry_name(e));
			sorted = false;
		}
	}
	tree_check_case(&w->t, names.v, n);
	vec_release(&names);
}

static int walk_tree(struct walk *w, const git_oid *id, bool reads)
{
	git_tree *tree = NULL;
	int rc = git_tree_lookup(&tree, w->repo->git, id);
	if (rc < 0)
		return unread(w, rc, w->t.path.len ? w->t.path.p : "the top folder");
	size_t n = git_tree_entrycount(tree);
	check_order(w, tree, n);
	for (size_t i = 0; rc == 0 && i < n && !w->t.full && tree_count(&w->t); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);
		size_t mark = tree_enter(&w->t, git_tree_entry_name(e));
		rc = walk_entry(w, e, reads);
		tree_leave(&w->t, mark);
	}
	git_tree_free(tree);
	return rc;
}

static int read_ignore(struct walk *w, const git_oid *root)
{
	struct tree *t = &w->t;
	git_tree *tree = NULL;
	ignore_parse(&t->ignore, t->arena, "", 0);
	int rc = git_tree_lookup(&tree, w->repo->git, root);
	if (rc < 0)
		return unread(w, rc, "the top folder");
	const git_tree_entry *e = git_tree_entry_byname(tree, IGNORE_FILE);
	if (e && git_tree_entry_type(e) == GIT_OBJECT_BLOB &&
	    git_tree_entry_filemode_raw(e) != (git_filemode_t)MODE_LINK) {
		const char *data;
		size_t len;
		bool fits;
		size_t mark = tree_enter(t, IGNORE_FILE);
		rc = read_blob(w, git_tree_entry_id(e), IGNORE_BYTES_MAX, &fits, &data, &len);
		if (rc == 0 && fits)
			ignore_parse(&t->ignore, t->arena, data, len);
		else if (rc == 0)
			tree_report(t, "E_LIMIT_FILE", "the file has more than %u bytes", IGNORE_BYTES_MAX);
		tree_leave(t, mark);
	}
	git_tree_free(tree);
	return rc;
}

/* Steps from a tree to the folder that the next part of *path names; *path moves on. */
static int step_down(struct walk *w, const char **path, const char *whole, git_oid *id)
{
	char name[256];
	size_t n = strcspn(*path, "/");
	git_tree *tree = NULL;
	const git_tree_entry *e = NULL;
	if (n >= sizeof(name))
		return fail(w, ENOENT, "no folder \"%s\" in this revision", whole);
	memcpy(name, *path, n);
	name[n] = '\0';
	*path += n;
	if (n == 0 || strcmp(name, ".") == 0)
		return 0;
	if (git_tree_lookup(&tree, w->repo->git, id) < 0)
		return fail(w, EIO, "cannot read folder %s", whole);
	e = git_tree_entry_byname(tree, name);
	int rc = e && git_tree_entry_type(e) == GIT_OBJECT_TREE
			 ? 0
			 : fail(w, ENOENT, "no folder \"%s\" in this revision", whole);
	if (rc == 0)
		git_oid_cpy(id, git_tree_entry_id(e));
	git_tree_free(tree);
	return rc;
}

static int find_root(struct walk *w, const git_commit *commit, const char *path, git_oid *root)
{
	const char *s = path;
	git_oid_cpy(root, git_commit_tree_id(commit));
	for (;;) {
		int rc = step_down(w, &s, path, root);
		if (rc < 0 || *s == '\0')
			return rc;
		s++;
	}
}

/*
 * Who owns the repository does not matter: objects are read, hooks and filters never run. Nor may what
 * stands in the user's or the machine's configuration change what is read.
 */
static void set_up(void)
{
	static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
				     GIT_CONFIG_LEVEL_GLOBAL};
	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
}

/* Where a folder lies in its work tree, "" at the top and in a bare repository; into out. */
static int folder_in_work_tree(struct walk *w, const char *folder, char out[static PATH_MAX])
{
	char top[PATH_MAX], here[PATH_MAX];
	const char *work_tree = git_repository_workdir(w->repo->git);
	out[0] = '\0';
	if (work_tree == NULL)
		return 0;
	if (realpath(work_tree, top) == NULL || realpath(folder, here) == NULL)
		return fail(w, errno, "cannot find the folder %s", folder);
	size_t n = strlen(top);
	if (strncmp(top, here, n) == 0 && here[n] == '/')
		snprintf(out, PATH_MAX, "%s", here + n + 1);
	return 0;
}

int source_repo_open(struct source_repo *r, const char *repo, const char *path, char *err, size_t err_size)
{
	struct walk w = {.repo = r, .err = err, .err_size = err_size};
	char here[PATH_MAX];
	*r = (struct source_repo){.name = repo};
	set_up();
	int rc = git_repository_open_ext(&r->git, repo, 0, NULL);
	if (rc == GIT_ENOTFOUND)
		return fail(&w, ENOENT, "no git repository at %s", repo);
	if (rc < 0 || git_repository_odb(&r->odb, r->git) < 0)
		return fail(&w, EIO, "cannot open the git repository at %s", repo);
	rc = path == NULL ? folder_in_work_tree(&w, repo, here) : 0;
	if (rc == 0) {
		r->root = strdup(path != NULL ? path : here);
		if (r->root == NULL)
			arena_oom(strlen(path != NULL ? path : here));
	}
	return rc;
}

void source_repo_close(struct source_repo *r)
{
	free(r->root);
	git_odb_free(r->odb);
	git_repository_free(r->git);
	git_libgit2_shutdown();
	*r = (struct source_repo){.git = NULL};
}

/* Whether an object that libgit2 makes nothing of is stored as a commit. */
static bool is_commit(const struct source_repo *r, const char *hex)
{
	git_oid id;
	git_object_t type;
	size_t len;
	return strlen(hex) == GIT_OID_HEXSZ && git_oid_fromstr(&id, hex) == 0 &&
	       git_odb_read_header(&len, &type, r->odb, &id) == 0 && type == GIT_OBJECT_COMMIT;
}

int source_repo_commit(const struct source_repo *r, const char *rev, git_commit **commit, char *err, size_t err_size)
{
	struct walk w = {.repo = r, .err = err, .err_size = err_size};
	git_object *o = NULL;
	int rc = git_revparse_single(&o, r->git, rev);
	if (rc == GIT_ENOTFOUND || rc == GIT_EINVALIDSPEC || rc == GIT_EUNBORNBRANCH)
		return fail(&w, ENOENT, "no revision \"%s\" in repository %s", rev, r->name);
	if (rc == GIT_EAMBIGUOUS) {
		git_error_clear();
		return fail(&w, EINVAL, "no revision \"%s\" in repository %s; to begin a commit's id with, it is too short", rev, r->name);
	}
	if (rc < 0)
		return fail(&w, EIO, "%scannot find revision \"%s\" in repository %s", is_commit(r, rev) ? "E_HDR: " : "", rev,
			    r->name);
	rc = git_object_peel((git_object **)commit, o, GIT_OBJECT_COMMIT);
	git_object_free(o);
	return rc < 0 ? fail(&w, EINVAL, "revision \"%s\" is no commit", rev) : 0;
}

int source_repo_root(const struct source_repo *r, const git_commit *commit, git_oid *root, char *err, size_t err_size)
{
	struct walk w = {.repo = r, .err = err, .err_size = err_size};
	return find_root(&w, commit, r->root, root);
}

static int walk_root(struct walk *w, const git_oid *root, const struct source_limits *lim, struct source *s, struct arena *a,
		     struct diags *d)
{
	tree_begin(&w->t, s, lim, a, d);
	int rc = read_ignore(w, root);
	if (rc == 0)
		rc = walk_tree(w, root, true);
	tree_end(&w->t);
	return rc;
}

int source_repo_read(const struct source_repo *r, const git_oid *root, const struct source_limits *lim,
		     const struct source_blobs *blobs, struct source *s, struct arena *a, struct diags *d, char *err,
		     size_t err_size)
{
	struct walk w = {.repo = r, .blobs = blobs, .err = err, .err_size = err_size};
	return walk_root(&w, root, lim, s, a, d);
}

/* The bytes came apart from the walk. */
static void show_bytes(const struct source *s, struct diags *d)
{
	for (size_t i = 0; i < s->nfiles; i++) {
		struct diag_file *f = &d->file[s->file[i].diag_file];
		f->data = s->file[i].data;
		f->len = s->file[i].len;
	}
}

int source_repo_read_crew(const struct source_repo *r, const git_oid *root, const struct source_limits *lim,
			  unsigned int threads, struct source *s, struct arena *a, struct diags *d, char *err, size_t err_size)
{
	struct walk w = {.repo = r, .defers = true, .err = err, .err_size = err_size};
	size_t nfiles = d->nfiles, said = d->errors + d->warnings;
	if (threads < 2 || said > 0)
		return source_repo_read(r, root, lim, NULL, s, a, d, err, err_size);
	int rc = walk_root(&w, root, lim, s, a, d);
	if (rc == 0 && d->errors == 0 && load_blobs(r, w.later.v, w.t.max_bytes, threads, s, a)) {
		show_bytes(s, d);
	} else {
		/* Of what is wrong the first counts, and all that was not read by then stays unsaid. */
		diags_clear(d, nfiles);
		rc = source_repo_read(r, root, lim, NULL, s, a, d, err, err_size);
	}
	vec_release(&w.later);
	return rc;
}

int source_open_commit(struct source *s, const char *repo, const char *rev, const char *path,
		       const struct source_limits *lim, struct arena *a, struct diags *d, char *err, size_t err_size)
{
	struct source_repo r;
	git_commit *commit = NULL;
	git_oid root;
	*s = (struct source){0};
	int rc = source_repo_open(&r, repo, path, err, err_size);
	if (rc == 0)
		rc = source_repo_commit(&r, rev, &commit, err, err_size);
	if (rc == 0)
		rc = source_repo_root(&r, commit, &root, err, err_size);
	if (rc == 0)
		rc = source_repo_read_crew(&r, &root, lim, lim ? lim->threads : 0, s, a, d, err, err_size);
	if (rc == 0) {
		char hex[GIT_OID_HEXSZ + 1];
		s->commit = arena_strdup(a, git_oid_tostr(hex, sizeof(hex), git_commit_id(commit)));
	}
	git_commit_free(commit);
	source_repo_close(&r);
	return rc;
}
