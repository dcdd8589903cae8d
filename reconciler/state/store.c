/* SPDX-License-Identifier: Apache-2.0 */
#include "state/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc.h"
#include "plan/gw_plan.h"
#include "state/durable.h"
#include "state/lock.h"

#define GOOD_FILE "last-good"

void plan_ref_release(struct plan_ref *p)
{
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct plan_ref)PLAN_REF_NONE;
}

int plan_ref_take(struct plan_ref *p, int fd, const char *commit)
{
	const void *data;
	size_t len;
	int ret = ipc_map(fd, GW_PLAN_BYTES_MAX, &data, &len);

	if (ret < 0) {
		close(fd);
		return ret;
	}
	struct digest d = digest_of(data, len);
	munmap((void *)(uintptr_t)data, len);
	plan_ref_release(p);
	p->fd = fd;
	digest_hex(&d, DIGEST_BYTES, p->digest);
	snprintf(p->commit, sizeof(p->commit), "%s", commit);
	return 0;
}

static int open_dirs(struct store *s, const char *dir, char *err, size_t err_size)
{
	s->dirfd = durable_dir(AT_FDCWD, dir);
	if (s->dirfd < 0) {
		snprintf(err, err_size, "cannot use the state folder %s: %s", dir, strerror(-s->dirfd));
		return s->dirfd;
	}
	s->plan_dirfd = durable_dir(s->dirfd, "plan");
	if (s->plan_dirfd < 0) {
		snprintf(err, err_size, "cannot use %s/plan: %s", dir, strerror(-s->plan_dirfd));
		return s->plan_dirfd;
	}
	return 0;
}

static int take_lock(struct store *s, const char *dir, char *err, size_t err_size)
{
	pid_t holder = 0;

	s->lock_fd = lock_take(s->dirfd, &holder);
	if (s->lock_fd >= 0)
		return 0;
	if (s->lock_fd != -EAGAIN)
		snprintf(err, err_size, "cannot lock %s/lock: %s", dir, strerror(-s->lock_fd));
	else if (holder > 0)
		snprintf(err, err_size, "another yettd, process %ld, works in %s", (long)holder, dir);
	else
		snprintf(err, err_size, "another yettd works in %s", dir);
	return s->lock_fd;
}

int store_open(struct store *s, const char *dir, char *err, size_t err_size)
{
	*s = (struct store){ .dirfd = -1, .plan_dirfd = -1, .lock_fd = -1, .journal.fd = -1 };
	int ret = open_dirs(s, dir, err, err_size);
	if (ret == 0)
		ret = take_lock(s, dir, err, err_size);
	if (ret == 0) {
		ret = journal_open(&s->journal, s->dirfd);
		if (ret < 0)
			snprintf(err, err_size, "cannot open %s/" JOURNAL_FILE ": %s", dir, strerror(-ret));
	}
	if (ret < 0)
		store_close(s);
	return ret;
}

void store_close(struct store *s)
{
	journal_close(&s->journal);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->plan_dirfd >= 0)
		close(s->plan_dirfd);
	if (s->dirfd >= 0)
		close(s->dirfd);
	s->lock_fd = s->plan_dirfd = s->dirfd = -1;
}

int store_load_good(struct store *s, struct plan_ref *p, char *err, size_t err_size)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	char commit[COMMIT_TEXT_MAX] = "";
	int ret = durable_read(s->plan_dirfd, GOOD_FILE, GW_PLAN_BYTES_MAX, &b);

	if (ret == -ENOENT)
		return ret;
	int fd = ret < 0 ? ret : ipc_memfd("plan", buf_str(&b), b.len);
	ret = fd < 0 ? fd : plan_ref_take(p, fd, "");
	if (ret < 0) {
		snprintf(err, err_size, "cannot read the last good plan: %s", strerror(-ret));
		return ret;
	}
	if (journal_applied(&s->journal, p->digest, commit))
		memcpy(p->commit, commit, sizeof(commit));
	return 0;
}

int store_save_good(struct store *s, const struct plan_ref *p)
{
	const void *data;
	size_t len;
	int ret = ipc_map(p->fd, GW_PLAN_BYTES_MAX, &data, &len);

	if (ret < 0)
		return ret;
	ret = durable_write(s->plan_dirfd, GOOD_FILE, data, len);
	munmap((void *)(uintptr_t)data, len);
	return ret;
}
