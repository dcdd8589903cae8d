/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "source/tree.h"

enum entry_kind { ENTRY_FILE, ENTRY_FOLDER, ENTRY_LINK, ENTRY_OTHER };

struct entry {
	char *name;
	enum entry_kind kind;
};

typedef VEC(struct entry) entry_list;

struct walk {
	struct tree t;
	const char *dir;
	char *err;
	size_t err_size;
};

static int fail(struct walk *w, int error)
{
	const char *sep = w->t.path.len ? "/" : "";
	snprintf(w->err, w->err_size, "cannot read %s%s%s: %s", w->dir, sep, buf_str(&w->t.path), strerror(error));
	return -error;
}

static void entries_release(entry_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	vec_release(l);
}

static enum entry_kind kind_of(int fd, const struct dirent *de)
{
	unsigned char type = de->d_type;
	struct stat st;
	if (type == DT_UNKNOWN && fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		type = (unsigned char)IFTODT(st.st_mode);
	switch (type) {
	case DT_REG: return ENTRY_FILE;
	case DT_DIR: return ENTRY_FOLDER;
	case DT_LNK: return ENTRY_LINK;
	default: return ENTRY_OTHER;
	}
}

/* The order of whole paths: a folder's name counts with the '/' that follows it. */
static int cmp_entry(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	size_t na = strlen(a->name), nb = strlen(b->name), n = na < nb ? na : nb;
	int c = memcmp(a->name, b->name, n);
	if (c)
		return c;
	int ca = na > n ? (unsigned char)a->name[n] : a->kind == ENTRY_FOLDER ? '/' : 0;
	int cb = nb > n ? (unsigned char)b->name[n] : b->kind == ENTRY_FOLDER ? '/' : 0;
	return ca - cb;
}

/* Takes fd over. */
static int list_folder(struct walk *w, int fd, entry_list *l)
{
	DIR *dir = fdopendir(fd);
	if (!dir) {
		int e = errno;
		close(fd);
		return fail(w, e);
	}
	struct dirent *de;
	while ((errno = 0, de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (!tree_count(&w->t))
			break;
		struct entry e = {strdup(de->d_name), kind_of(dirfd(dir), de)};
		if (!e.name)
			arena_oom(strlen(de->d_name));
		vec_push(l, e);
	}
	int rc = errno && !w->t.full ? fail(w, errno) : 0;
	closedir(dir);
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), cmp_entry);
	return rc;
}

/* Reads size bytes; a file that has another size by now is a file somebody is writing. */
static int read_all(struct walk *w, int fd, size_t size, char **out)
{
	char *data = arena_alloc(w->t.arena, size + 1);
	size_t n = 0;
	while (n <= size) {
		ssize_t got = read(fd, data + n, size + 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(w, errno);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n != size) {
		snprintf(w->err, w->err_size, "%s/%s changed while it was read", w->dir, w->t.path.p);
		return -EAGAIN;
	}
	data[size] = '\0';
	*out = data;
	return 0;
}

static int read_file(struct walk *w, int dir, const char *name)
{
	struct stat st;
	FD_CLEANUP int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(w, errno);
	if (!S_ISREG(st.st_mode)) {
		tree_report(&w->t, "E_TREE_MODE", "this is not a regular file");
		return 0;
	}
	if (!tree_has_room(&w->t, (uint64_t)st.st_size))
		return 0;
	char *data;
	int rc = read_all(w, fd, (size_t)st.st_size, &data);
	if (rc == 0)
		tree_add(&w->t, data, (size_t)st.st_size);
	return rc;
}

static int walk_folder(struct walk *w, int fd, bool reads);

static int open_folder(struct walk *w, int dir, const char *name, bool reads)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail(w, errno) : walk_folder(w, fd, reads);
}

/* Whether an entry is part of the policy tree. */
static bool is_wanted(const struct entry *e, bool reads)
{
	if (e->kind == ENTRY_FOLDER)
		return e->name[0] != '.';
	return e->kind == ENTRY_LINK || (reads && tree_is_policy(e->name));
}

static int walk_entry(struct walk *w, int dir, const struct entry *e, bool reads)
{
	struct tree *t = &w->t;
	bool is_dir = e->kind == ENTRY_FOLDER;
	if (ignore_matches(&t->ignore, t->path.p, is_dir))
		return 0;
	switch (e->kind) {
	case ENTRY_LINK:
		tree_report(t, "E_TREE_MODE", "symbolic links are not allowed in a policy tree");
		diag_hint(t->d, "put the file here itself, or name it in " IGNORE_FILE);
		return 0;
	case ENTRY_FOLDER: return open_folder(w, dir, e->name, reads && tree_reads_folder(t, e->name));
	case ENTRY_FILE:
	case ENTRY_OTHER:
		if (!tree_check_path(t) || tree_too_deep(t))
			return 0;
		return read_file(w, dir, e->name);
	}
	return 0;
}

static void check_case(struct walk *w, const entry_list *l, bool reads)
{
	VEC(const char *) names = VEC_INIT;
	for (size_t i = 0; i < l->n; i++) {
		size_t mark = tree_enter(&w->t, l->v[i].name);
		if (is_wanted(&l->v[i], reads) &&
		    !ignore_matches(&w->t.ignore, w->t.path.p, l->v[i].kind == ENTRY_FOLDER))
			vec_push(&names, l->v[i].name);
		tree_leave(&w->t, mark);
	}
	tree_check_case(&w->t, names.v, names.n);
	vec_release(&names);
}

/* Takes fd over. reads: policy files here are read; else only links are looked for. */
static int walk_folder(struct walk *w, int fd, bool reads)
{
	entry_list l = VEC_INIT;
	/* The stream that lists the folder ends with its descriptor. */
	FD_CLEANUP int dir = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (dir < 0) {
		close(fd);
		return fail(w, errno);
	}
	int rc = list_folder(w, fd, &l);
	if (rc == 0)
		check_case(w, &l, reads);
	for (size_t i = 0; rc == 0 && i < l.n && !w->t.full; i++) {
		if (!is_wanted(&l.v[i], reads))
			continue;
		size_t mark = tree_enter(&w->t, l.v[i].name);
		/* A folder at the limit could only hold what is too deep. */
		if (l.v[i].kind != ENTRY_FOLDER || !tree_too_deep(&w->t))
			rc = walk_entry(w, dir, &l.v[i], reads);
		if (rc == 0)
			tree_leave(&w->t, mark);
	}
	entries_release(&l);
	return rc;
}

static int read_ignore(struct walk *w, int root)
{
	struct tree *t = &w->t;
	struct stat st;
	ignore_parse(&t->ignore, t->arena, "", 0);
	FD_CLEANUP int fd = openat(root, IGNORE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	/* A link is reported by the walk. */
	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		return 0;
	size_t mark = tree_enter(t, IGNORE_FILE);
	char *data;
	int rc = fd < 0 || fstat(fd, &st) < 0 ? fail(w, errno) : 0;
	if (rc == 0 && !S_ISREG(st.st_mode))
		tree_report(t, "E_TREE_MODE", "this is not a regular file");
	else if (rc == 0 && st.st_size > IGNORE_BYTES_MAX)
		tree_report(t, "E_LIMIT_FILE", "the file has more than %u bytes", IGNORE_BYTES_MAX);
	else if (rc == 0 && (rc = read_all(w, fd, (size_t)st.st_size, &data)) == 0)
		ignore_parse(&t->ignore, t->arena, data, (size_t)st.st_size);
	tree_leave(t, mark);
	return rc;
}

int source_open_dir(struct source *s, const char *dir, const struct source_limits *lim, struct arena *a,
		    struct diags *d, char *err, size_t err_size)
{
	struct walk w = {.dir = dir, .err = err, .err_size = err_size};
	tree_begin(&w.t, s, lim, a, d);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? fail(&w, errno) : read_ignore(&w, fd);
	if (rc == 0)
		rc = walk_folder(&w, fd, true);
	else if (fd >= 0)
		close(fd);
	tree_end(&w.t);
	return rc;
}
