/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define TRIES 100

static int read_all(int fd, struct replace *r, struct arena *a)
{
	r->data = arena_alloc(a, r->len + 1);
	for (size_t n = 0; n < r->len;) {
		ssize_t got = read(fd, r->data + n, r->len - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EAGAIN;
		n += (size_t)got;
	}
	return 0;
}

static void note(struct replace *r, const struct stat *st)
{
	r->len = (size_t)st->st_size;
	r->mode = st->st_mode & 07777;
	r->uid = st->st_uid;
	r->gid = st->st_gid;
	r->dev = st->st_dev;
	r->ino = st->st_ino;
	r->mtime_sec = st->st_mtim.tv_sec;
	r->mtime_nsec = st->st_mtim.tv_nsec;
}

int replace_open(struct replace *r, const char *path, struct arena *a)
{
	struct stat st;
	const char *slash = strrchr(path, '/');
	*r = (struct replace){ .dirfd = -1 };
	r->name = slash ? slash + 1 : path;
	const char *dir = slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : ".";
	r->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dirfd < 0)
		return -errno;
	FD_CLEANUP int fd = openat(r->dirfd, r->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t)REPLACE_FILE_MAX)
		return -EFBIG;
	note(r, &st);
	return read_all(fd, r, a);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Its owner first: a change of owner takes the set-id bits away. Who may not give files away keeps the file. */
static int fill(int fd, const struct replace *r, const void *data, size_t len)
{
	int ret = write_all(fd, data, len);
	if (ret == 0 && fchown(fd, r->uid, r->gid) < 0 && errno != EPERM)
		ret = -errno;
	if (ret == 0 && (fchmod(fd, r->mode) < 0 || fsync(fd) < 0))
		ret = -errno;
	return ret;
}

static int create_beside(const struct replace *r, char *name, size_t size)
{
	for (int i = 0; i < TRIES; i++) {
		/* A dot first: it is no policy file while it is there. */
		snprintf(name, size, ".yett-fmt.%d.%d.tmp", (int)getpid(), i);
		int fd = openat(r->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

static int check_unchanged(const struct replace *r)
{
	struct stat st;
	if (fstatat(r->dirfd, r->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	bool same = st.st_dev == r->dev && st.st_ino == r->ino && st.st_size == (off_t)r->len &&
		    st.st_mtim.tv_sec == r->mtime_sec && st.st_mtim.tv_nsec == r->mtime_nsec;
	return same ? 0 : -EAGAIN;
}

int replace_write(struct replace *r, const void *data, size_t len)
{
	char name[64];
	int fd = create_beside(r, name, sizeof(name));
	if (fd < 0)
		return fd;
	int ret = fill(fd, r, data, len);
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret == 0)
		ret = check_unchanged(r);
	if (ret == 0 && renameat(r->dirfd, name, r->dirfd, r->name) < 0)
		ret = -errno;
	if (ret < 0)
		unlinkat(r->dirfd, name, 0);
	return ret;
}

void replace_close(struct replace *r)
{
	if (r->dirfd >= 0)
		close(r->dirfd);
	r->dirfd = -1;
}
