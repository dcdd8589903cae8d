/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/fd.h"

struct outdir {
	char name[NAME_MAX + 1]; /* the target, in parent */
	char temp[NAME_MAX + 1]; /* the new folder, in parent */
	int parent, root;	 /* the folder of both; the new folder */
	bool exists;		 /* the target did when we looked */
	char cached[PATH_MAX];	 /* the folder of the last file, and its descriptor or -1 */
	int cached_fd;
};

static int remove_tree(int parent, const char *name);

static int remove_entries(int fd)
{
	DIR *dir = fdopendir(fd);
	if (!dir) {
		int e = -errno;
		close(fd);
		return e;
	}
	int rc = 0;
	struct dirent *de;
	while (rc == 0 && (errno = 0, de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		rc = remove_tree(dirfd(dir), de->d_name);
	}
	if (rc == 0 && errno)
		rc = -errno;
	closedir(dir);
	return rc;
}

/* Removes a file, or a folder with all that is in it; symbolic links are not followed. */
static int remove_tree(int parent, const char *name)
{
	if (unlinkat(parent, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = remove_entries(fd);
	if (rc == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		rc = -errno;
	return rc;
}

/* Whether manifest.json in the folder starts with an object whose first member is "yett". */
static bool has_our_manifest(int dir)
{
	FD_CLEANUP int fd = openat(dir, "manifest.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[64] = "";
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 || text[0] != '{')
		return false;
	const char *key = text + 1 + strspn(text + 1, " \t\n");
	return strncmp(key, "\"yett\"", 6) == 0;
}

static bool is_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool empty = true;
	struct dirent *de;
	while (empty && (de = readdir(d)))
		empty = strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0;
	closedir(d);
	return empty;
}

/* Says whether what stands at the target may be replaced; sets o->exists. */
static int check_target(struct outdir *o)
{
	FD_CLEANUP int fd = openat(o->parent, o->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	o->exists = fd >= 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return is_empty(fd) || has_our_manifest(fd) ? 0 : -ENOTEMPTY;
}

/* Opens the folder that the target stands in and notes the target's name there. */
static int open_parent(struct outdir *o, const char *target)
{
	char path[PATH_MAX], real[PATH_MAX];
	if (target[0] == '\0')
		return -ENOENT;
	if (snprintf(path, sizeof(path), "%s", target) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	/* A link to a folder, "." and ".." stand for the folder itself: that is what gets exchanged. */
	const char *full = realpath(path, real) ? real : path;
	size_t n = strlen(full);
	while (n > 1 && full[n - 1] == '/')
		n--;
	const char *slash = memrchr(full, '/', n);
	const char *base = slash ? slash + 1 : full;
	size_t len = n - (size_t)(base - full);
	if (len == 0)
		return -EBUSY; /* "/" has no place beside it */
	if (len > NAME_MAX - 32)
		return -ENAMETOOLONG;
	memcpy(o->name, base, len);
	if (strcmp(o->name, "..") == 0 || strcmp(o->name, ".") == 0)
		return -EINVAL;
	char parent[PATH_MAX];
	size_t plen = slash ? (size_t)(slash - full) + 1 : 0;
	snprintf(parent, sizeof(parent), "%.*s", (int)plen, full);
	o->parent = open(plen ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return o->parent < 0 ? -errno : 0;
}

static int open_dir_0755(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0755) < 0) {
		int e = -errno;
		close(fd);
		return e;
	}
	return fd;
}

static int make_temp(struct outdir *o)
{
	for (int attempt = 0; attempt < 100; attempt++) {
		uint64_t random;
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		/* Only so much of the name as leaves room: it is there to be recognised. */
		snprintf(o->temp, sizeof(o->temp), ".%.200s.%012llx", o->name, (unsigned long long)(random >> 16));
		if (mkdirat(o->parent, o->temp, 0700) == 0) {
			o->root = open_dir_0755(o->parent, o->temp);
			return o->root < 0 ? o->root : 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static void outdir_free(struct outdir *o)
{
	int fds[] = {o->cached_fd, o->root, o->parent};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(o);
}

int outdir_open(const char *target, struct outdir **out, char *err, size_t err_size)
{
	struct outdir *o = calloc(1, sizeof(*o));
	if (!o)
		arena_oom(sizeof(*o));
	o->parent = o->root = o->cached_fd = -1;
	*out = NULL;
	int rc = open_parent(o, target);
	if (rc == 0)
		rc = check_target(o);
	if (rc == 0)
		rc = make_temp(o);
	if (rc == 0) {
		*out = o;
		return 0;
	}
	if (rc == -ENOTEMPTY)
		snprintf(err, err_size, "%s is not empty and was not written by yett build", target);
	else
		snprintf(err, err_size, "cannot write to %s: %s", target, strerror(-rc));
	if (o->temp[0] && o->root >= 0)
		remove_tree(o->parent, o->temp);
	outdir_free(o);
	return rc;
}

/* Checks a path of ours: relative, of plain components. */
static void check_path(const char *path)
{
	const char *s = path;
	for (;;) {
		size_t n = strcspn(s, "/");
		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			BUG("artifact path \"%s\"", path);
		if (s[n] == '\0')
			return;
		s += n + 1;
	}
}

/* Opens (and makes) the folder of the first n bytes of path, which is kept open for the next file. */
static int open_folder(struct outdir *o, const char *path, size_t n)
{
	if (n >= sizeof(o->cached))
		return -ENAMETOOLONG;
	if (o->cached_fd >= 0 && strlen(o->cached) == n && memcmp(o->cached, path, n) == 0)
		return o->cached_fd;
	if (o->cached_fd >= 0)
		close(o->cached_fd);
	o->cached_fd = -1;
	memcpy(o->cached, path, n);
	o->cached[n] = '\0';
	int fd = openat(o->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t at = 0; fd >= 0 && at < n;) {
		size_t len = strcspn(o->cached + at, "/");
		char part[NAME_MAX + 1];
		int next = -ENAMETOOLONG;
		if (snprintf(part, sizeof(part), "%.*s", (int)len, o->cached + at) < (int)sizeof(part)) {
			int made = mkdirat(fd, part, 0700);
			next = made < 0 && errno != EEXIST ? -errno : open_dir_0755(fd, part);
		}
		close(fd);
		if (next < 0)
			return next;
		fd = next;
		at += len + 1;
	}
	o->cached_fd = fd;
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int outdir_write(struct outdir *o, const char *path, const void *data, size_t len)
{
	check_path(path);
	const char *slash = strrchr(path, '/');
	int dir = slash ? open_folder(o, path, (size_t)(slash - path)) : o->root;
	if (dir < 0)
		return dir;
	int fd = openat(dir, slash ? slash + 1 : path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = fchmod(fd, 0644) < 0 ? -errno : write_all(fd, data, len);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

/* Puts the new folder at the target's place; o->temp then names the old one, if there was one. */
static int take_place(struct outdir *o)
{
	if (!o->exists)
		return renameat2(o->parent, o->temp, o->parent, o->name, RENAME_NOREPLACE) == 0 ||
				       (errno == EINVAL && renameat(o->parent, o->temp, o->parent, o->name) == 0)
			       ? 0
			       : -errno;
	if (renameat2(o->parent, o->temp, o->parent, o->name, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* This file system can not exchange: there is a moment without the target. */
	char old[NAME_MAX + 1];
	snprintf(old, sizeof(old), "%.240s.old", o->temp);
	if (renameat(o->parent, o->name, o->parent, old) < 0)
		return -errno;
	if (renameat(o->parent, o->temp, o->parent, o->name) < 0) {
		int e = -errno;
		renameat(o->parent, old, o->parent, o->name);
		return e;
	}
	memcpy(o->temp, old, sizeof(old));
	return 0;
}

int outdir_commit(struct outdir *o)
{
	int rc = take_place(o);
	/* What is left at the temporary name is the old folder, or after a failure the new one. */
	int removed = rc == 0 && !o->exists ? 0 : remove_tree(o->parent, o->temp);
	outdir_free(o);
	return rc ? rc : removed;
}

void outdir_abort(struct outdir *o)
{
	if (!o)
		return;
	remove_tree(o->parent, o->temp);
	outdir_free(o);
}
