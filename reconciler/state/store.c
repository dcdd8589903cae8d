/* SPDX-License-Identifier: Apache-2.0 */
#include "state/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc.h"
#include "log.h"
#include "plan/gw_plan.h"
#include "state/durable.h"
#include "state/lock.h"
#include "state/patch.h"

#define GOOD_FILE "last-good"
#define PENDING_FILE "pending"

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
	struct digest d = digest_fast(data, len);
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

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

/* Read while files outside the folder can still be opened. */
static void read_boot(struct store *s)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	s->boot[0] = '\0';
	if (durable_read(AT_FDCWD, BOOT_ID_FILE, STORE_BOOT_MAX, &b) == 0)
		snprintf(s->boot, sizeof(s->boot), "%.*s", (int)strcspn(buf_str(&b), "\n"), buf_str(&b));
}

int store_open(struct store *s, const char *dir, char *err, size_t err_size)
{
	*s = (struct store){ .dirfd = -1, .plan_dirfd = -1, .lock_fd = -1, .journal.fd = -1, .audit = AUDIT_LOG_NONE };
	read_boot(s);
	int ret = open_dirs(s, dir, err, err_size);
	if (ret == 0)
		ret = take_lock(s, dir, err, err_size);
	if (ret == 0) {
		ret = journal_open(&s->journal, s->dirfd);
		if (ret < 0)
			snprintf(err, err_size, "cannot open %s/" JOURNAL_FILE ": %s", dir, strerror(-ret));
	}
	if (ret < 0) {
		store_close(s);
		return ret;
	}
	/* Enforcement matters more than being told of it: each line goes to the log instead. */
	int heard = audit_log_open(&s->audit, s->dirfd);
	if (heard < 0)
		log_at(LOG_ERROR, "cannot open the audit trail in %s/" AUDIT_DIR ": %s", dir, strerror(-heard));
	return ret;
}

void store_close(struct store *s)
{
	audit_log_close(&s->audit);
	journal_close(&s->journal);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->plan_dirfd >= 0)
		close(s->plan_dirfd);
	if (s->dirfd >= 0)
		close(s->dirfd);
	s->lock_fd = s->plan_dirfd = s->dirfd = -1;
}

/* Follows the journal from the file's plan on. */
struct replay {
	struct plan_ref now, next; /* next: about to be applied, when its line stopped */
	unsigned int behind;
};

static int patched(const struct plan_ref *from, const struct journal_line *l, struct plan_ref *to)
{
	struct buf bytes BUF_CLEANUP = BUF_INIT;
	const void *data;
	size_t len;
	int ret = ipc_map(from->fd, GW_PLAN_BYTES_MAX, &data, &len);

	if (ret < 0)
		return ret;
	ret = patch_apply(data, len, l->patch.p, l->patch.len, GW_PLAN_BYTES_MAX, &bytes);
	munmap((void *)(uintptr_t)data, len);
	int fd = ret < 0 ? ret : ipc_memfd("plan", buf_str(&bytes), bytes.len);
	ret = fd < 0 ? fd : plan_ref_take(to, fd, "");
	return ret == 0 && strcmp(to->digest, l->plan) != 0 ? -EBADMSG : ret;
}

static int replay_line(void *ctx, const struct journal_line *l)
{
	struct replay *r = ctx;

	if (strcmp(l->event, "applying") == 0) {
		plan_ref_release(&r->next);
		if (l->base != NULL && strcmp(l->base, r->now.digest) == 0)
			return patched(&r->now, l, &r->next);
	} else if (strcmp(l->event, "applied") == 0 && strcmp(l->plan, r->now.digest) != 0) {
		if (r->next.fd < 0 || strcmp(l->plan, r->next.digest) != 0)
			return -ESTALE; /* that plan went into a file that was lost */
		plan_ref_release(&r->now);
		r->now = r->next;
		r->next = (struct plan_ref)PLAN_REF_NONE;
		r->behind++;
	}
	return 0;
}

static int read_file(struct store *s, const char *name, struct plan_ref *p)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	int ret = durable_read(s->plan_dirfd, name, GW_PLAN_BYTES_MAX, &b);
	int fd = ret < 0 ? ret : ipc_memfd("plan", buf_str(&b), b.len);

	return fd < 0 ? fd : plan_ref_take(p, fd, "");
}

static int save_file(struct store *s, const char *name, const struct plan_ref *p)
{
	const void *data;
	size_t len;
	int ret = ipc_map(p->fd, GW_PLAN_BYTES_MAX, &data, &len);

	if (ret < 0)
		return ret;
	ret = durable_write(s->plan_dirfd, name, data, len);
	if (ret < 0 && reserve_let_go(&s->reserve, ret))
		ret = durable_write(s->plan_dirfd, name, data, len);
	munmap((void *)(uintptr_t)data, len);
	return ret;
}

int store_room(struct store *s)
{
	s->reserve.dirfd = s->dirfd;
	return reserve_take(&s->reserve);
}

int store_save_pending(struct store *s, const struct plan_ref *p)
{
	/* A patch of it may be lost with older lines of the journal before it is confirmed: the file is written then. */
	s->patched[0] = '\0';
	return save_file(s, PENDING_FILE, p);
}

int store_load_pending(struct store *s, struct plan_ref *p)
{
	return read_file(s, PENDING_FILE, p);
}

int store_drop_pending(struct store *s)
{
	if (unlinkat(s->plan_dirfd, PENDING_FILE, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(s->plan_dirfd) < 0 ? -errno : 0;
}

static int save_good(struct store *s, const struct plan_ref *p)
{
	int ret = save_file(s, GOOD_FILE, p);

	if (ret == 0)
		s->behind = 0;
	return ret;
}

/* Whatever the journal lacks, what was reached is a plan that was in force: patches begin anew from it. */
static int begin_here(struct store *s, const struct plan_ref *p, char *err, size_t err_size)
{
	const struct journal_entry e = { "applied", p->commit, p->digest, "taken from the disk", NULL };
	int ret = s->behind > 0 ? save_good(s, p) : 0;

	if (ret == 0)
		ret = journal_append(&s->journal, &e);
	if (ret < 0)
		snprintf(err, err_size, "cannot write down which plan is in force: %s", strerror(-ret));
	return ret;
}

int store_load_good(struct store *s, struct plan_ref *p, char *err, size_t err_size)
{
	struct replay r = { .now = PLAN_REF_NONE, .next = PLAN_REF_NONE };
	char commit[COMMIT_TEXT_MAX] = "";
	int ret = read_file(s, GOOD_FILE, &r.now);

	if (ret < 0) {
		if (ret != -ENOENT)
			snprintf(err, err_size, "cannot read the last good plan: %s", strerror(-ret));
		return ret;
	}
	ret = journal_since(&s->journal, r.now.digest, replay_line, &r);
	plan_ref_release(&r.next);
	plan_ref_release(p);
	*p = r.now;
	s->behind = r.behind;
	if (journal_applied(&s->journal, p->digest, commit))
		memcpy(p->commit, commit, sizeof(commit));
	return ret < 0 ? begin_here(s, p, err, err_size) : 0;
}

int store_settle(struct store *s, const struct plan_ref *good)
{
	return s->behind > 0 && good->fd >= 0 ? save_good(s, good) : 0;
}

int store_note(struct store *s, const struct plan_ref *good, const struct journal_entry *e)
{
	int ret = journal_full(&s->journal) ? store_settle(s, good) : 0;

	if (ret == 0)
		ret = journal_append(&s->journal, e);
	if (ret < 0 && reserve_let_go(&s->reserve, ret))
		ret = journal_append(&s->journal, e);
	if (strcmp(e->event, "applying") != 0) {
		const struct audit_entry_new line = { e->event, e->commit, e->plan, e->text };
		audit_log_add(&s->audit, &line);
	}
	return ret;
}

static int make_patch(const struct plan_ref *from, const struct plan_ref *to, struct buf *out)
{
	const void *old, *new;
	size_t old_len, new_len;
	int ret = ipc_map(from->fd, GW_PLAN_BYTES_MAX, &old, &old_len);

	if (ret < 0)
		return ret;
	ret = ipc_map(to->fd, GW_PLAN_BYTES_MAX, &new, &new_len);
	if (ret == 0) {
		ret = patch_make(old, old_len, new, new_len, out);
		munmap((void *)(uintptr_t)new, new_len);
	}
	munmap((void *)(uintptr_t)old, old_len);
	return ret;
}

int store_begin(struct store *s, const struct plan_ref *good, const struct plan_ref *p)
{
	struct buf patch BUF_CLEANUP = BUF_INIT;
	bool small = good->fd >= 0 && s->behind < STORE_BEHIND_MAX && make_patch(good, p, &patch) == 0;
	const struct journal_patch with = { good->digest, patch.p, patch.len };
	const struct journal_entry e = { "applying", p->commit, p->digest, NULL, small ? &with : NULL };
	int ret = store_note(s, good, &e);

	snprintf(s->patched, sizeof(s->patched), "%s", ret == 0 && small ? p->digest : "");
	return ret;
}

int store_applied(struct store *s, const struct plan_ref *p, const char *text)
{
	const struct journal_entry e = { "applied", p->commit, p->digest, text, NULL };
	bool by_patch = strcmp(s->patched, p->digest) == 0;
	int ret = by_patch ? 0 : save_good(s, p);

	s->patched[0] = '\0';
	if (ret < 0)
		return ret;
	s->behind += by_patch;
	return store_note(s, p, &e);
}
