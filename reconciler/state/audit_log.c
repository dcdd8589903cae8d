/* SPDX-License-Identifier: Apache-2.0 */
#include "state/audit_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "log.h"
#include "state/durable.h"
#include "trust/trail.h"

#define NAME_MAX_BYTES 16
#define TEXT_MAX 4096 /* of one event; more is cut off */

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *file_name(unsigned int number, char out[static NAME_MAX_BYTES])
{
	snprintf(out, NAME_MAX_BYTES, "%06u.log", number);
	return out;
}

/* ---- going on where it ended ---- */

static void read_boot(struct audit_log *a)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	if (durable_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &b) == 0)
		snprintf(a->boot, sizeof(a->boot), "%.*s", (int)strcspn(buf_str(&b), "\n"), buf_str(&b));
}

/* 0: the name is none of ours. */
static unsigned int number_of(const char *name)
{
	char again[NAME_MAX_BYTES];
	unsigned long n = strtoul(name, NULL, 10);

	return n > 0 && n <= 999999 && strcmp(file_name((unsigned int)n, again), name) == 0 ? (unsigned int)n : 0;
}

static int newest(struct audit_log *a)
{
	int fd = openat(a->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (d == NULL)
		return -errno;
	while ((e = readdir(d)) != NULL)
		if (number_of(e->d_name) > a->number)
			a->number = number_of(e->d_name);
	closedir(d);
	return 0;
}

/* The newest whole line says where to go on, whatever became of those before it: that is for others to find. */
static size_t take_newest(struct audit_log *a, const char *data, size_t len)
{
	const char *end = memrchr(data, '\n', len);
	struct trail_event e;
	char err[160];

	if (end == NULL)
		return 0;
	const char *before = memrchr(data, '\n', (size_t)(end - data));
	const char *line = before != NULL ? before + 1 : data;
	a->head = trail_hash(line, (size_t)(end - line));
	if (trail_parse(&e, line, (size_t)(end - line), err, sizeof(err)) == 0) {
		a->seq = e.seq;
		trail_event_release(&e);
	}
	return (size_t)(end - data) + 1;
}

static int open_file(struct audit_log *a)
{
	char name[NAME_MAX_BYTES];
	struct stat st;

	a->fd = openat(a->dirfd, file_name(a->number, name), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (a->fd < 0)
		return -errno;
	if (fstat(a->fd, &st) < 0)
		return -errno;
	a->size = st.st_size;
	return 0;
}

/* A file that has no whole line, or none that can be read, says nothing of the number before: the one before it does. */
static int read_newest(struct audit_log *a, size_t *torn)
{
	for (unsigned int n = a->number; n > 0 && n + 2 > a->number && a->seq == 0; n--) {
		struct buf b BUF_CLEANUP = BUF_INIT;
		char name[NAME_MAX_BYTES];
		int ret = durable_read(a->dirfd, file_name(n, name), TRAIL_FILE_MAX, &b);
		if (ret < 0 && ret != -ENOENT)
			return ret;
		size_t whole = ret == 0 ? take_newest(a, buf_str(&b), b.len) : 0;
		if (n == a->number)
			*torn = b.len - whole;
	}
	return 0;
}

int audit_log_open(struct audit_log *a, int state_dirfd)
{
	size_t torn = 0;

	*a = (struct audit_log){ .dirfd = durable_dir(state_dirfd, AUDIT_DIR), .fd = -1, .max = AUDIT_FILE_BYTES,
				 .head = trail_hash("", 0), .told_ms = clock_ms(CLOCK_MONOTONIC) };
	if (a->dirfd < 0)
		return a->dirfd;
	read_boot(a);
	int ret = newest(a);
	if (ret == 0 && a->number == 0)
		a->number = 1;
	if (ret == 0)
		ret = read_newest(a, &torn);
	if (ret == 0)
		ret = open_file(a);
	if (ret == 0 && torn > 0 && ftruncate(a->fd, a->size - (off_t)torn) < 0)
		ret = -errno;
	if (ret < 0) {
		audit_log_close(a);
		return ret;
	}
	a->size -= (off_t)torn;
	if (torn > 0) {
		char text[80];
		snprintf(text, sizeof(text), "a line of %zu bytes that was not whole is cut off", torn);
		audit_log_add(a, &(struct audit_entry_new){ .event = "torn", .text = text });
	}
	return 0;
}

void audit_log_close(struct audit_log *a)
{
	if (a->fd >= 0) {
		fdatasync(a->fd);
		close(a->fd);
	}
	if (a->dirfd >= 0)
		close(a->dirfd);
	a->fd = a->dirfd = -1;
}

/* ---- lines ---- */

static json_t *text_json(const char *text)
{
	size_t n = strnlen(text, TEXT_MAX);
	json_t *t = NULL;

	for (int i = 0; i < 4 && t == NULL; i++) /* not within a character */
		t = json_stringn(text, n > (size_t)i ? n - (size_t)i : 0);
	return t != NULL ? t : json_string("(not readable)");
}

static char *make_line(const struct audit_log *a, const struct audit_entry_new *e, uint64_t seq)
{
	char hex[DIGEST_HEX_MAX], time[CLOCK_TEXT_MAX];
	json_t *o = json_pack("{ss ss ss sI ss sI}", "boot", a->boot, "ev", e->event, "prev", digest_hex(&a->head, DIGEST_BYTES, hex),
			      "seq", (json_int_t)seq, "t", clock_format(clock_now(), time), "up",
			      (json_int_t)(clock_ms(CLOCK_BOOTTIME) / 1000));

	if (a->gateway != NULL)
		json_object_set_new(o, "gateway", json_string(a->gateway));
	if (e->commit != NULL && *e->commit)
		json_object_set_new(o, "commit", json_string(e->commit));
	if (e->plan != NULL && *e->plan)
		json_object_set_new(o, "plan", json_string(e->plan));
	if (e->text != NULL && *e->text)
		json_object_set_new(o, "text", text_json(e->text));
	if (a->missed > 0)
		json_object_set_new(o, "missed", json_integer((json_int_t)a->missed));
	char *line = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(o);
	return line;
}

/* The next file; the oldest of too many goes. */
static int rotate(struct audit_log *a)
{
	char name[NAME_MAX_BYTES];
	int old = a->fd;

	if (a->number >= 999999)
		return -EFBIG;
	if (fdatasync(old) < 0)
		return -errno;
	a->number++;
	int ret = open_file(a);
	if (ret < 0) {
		a->fd = old;
		a->number--;
		return ret;
	}
	close(old);
	if (a->number > AUDIT_FILES)
		unlinkat(a->dirfd, file_name(a->number - AUDIT_FILES, name), 0);
	return fsync(a->dirfd) < 0 ? -errno : 0;
}

/* Whole, or not at all. */
static int append(struct audit_log *a, const char *line, size_t len)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	if (a->fd < 0)
		return -EBADF;
	int ret = a->size > 0 && a->size + (off_t)len > a->max ? rotate(a) : 0;
	if (ret < 0)
		return ret;
	buf_add(&b, line, len);
	buf_addc(&b, '\n');
	ret = durable_write_all(a->fd, b.p, b.len);
	if (ret == 0)
		a->size += (off_t)b.len;
	else if (ftruncate(a->fd, a->size) < 0)
		log_at(LOG_ERROR, "the audit trail ends within a line: %s", strerror(errno));
	return ret;
}

int audit_log_add(struct audit_log *a, const struct audit_entry_new *e)
{
	char *line = make_line(a, e, a->seq + 1);
	int ret = line != NULL ? append(a, line, strlen(line)) : -ENOMEM;

	if (ret == 0) {
		a->seq++;
		a->head = trail_hash(line, strlen(line));
		a->missed = 0;
		if (!a->unsynced)
			a->unsynced_ms = clock_ms(CLOCK_MONOTONIC);
		a->unsynced = true;
	} else {
		a->missed++;
		log_at(LOG_ERROR, "the audit trail cannot be written (%s); instead here: %s", strerror(-ret), line ? line : e->event);
	}
	if (a->seen != NULL)
		a->seen(a->ctx, e->event, ret);
	free(line);
	return ret;
}

/* ---- now and then ---- */

static bool checkpoint_due(const struct audit_log *a, int64_t now_ms)
{
	return a->seq > a->told_seq && (a->seq - a->told_seq >= AUDIT_CHECKPOINT_LINES || now_ms - a->told_ms >= AUDIT_CHECKPOINT_MS);
}

void audit_log_work(struct audit_log *a, int64_t now_ms, bool idle)
{
	char hex[DIGEST_HEX_MAX];

	if (a->fd < 0)
		return;
	if (a->unsynced && (idle || now_ms - a->unsynced_ms >= AUDIT_SYNC_MS)) {
		/* A failed sync is final: what it was about is not known to be on the disk, and another try would say that it is. */
		if (fdatasync(a->fd) < 0)
			log_at(LOG_ERROR, "the audit trail cannot be synced: %s", strerror(errno));
		a->unsynced = false;
	}
	if (!checkpoint_due(a, now_ms))
		return;
	log_line("audit checkpoint %llu:%s", (unsigned long long)a->seq, digest_hex(&a->head, DIGEST_BYTES, hex));
	a->told_seq = a->seq;
	a->told_ms = now_ms;
}

int64_t audit_log_deadline(const struct audit_log *a)
{
	if (a->fd < 0)
		return INT64_MAX;
	if (a->unsynced)
		return a->unsynced_ms + AUDIT_SYNC_MS;
	return a->seq > a->told_seq ? a->told_ms + AUDIT_CHECKPOINT_MS : INT64_MAX;
}
