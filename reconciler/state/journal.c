/* SPDX-License-Identifier: Apache-2.0 */
#include "state/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/clock.h"
#include "state/durable.h"

#define READ_MAX ((size_t)JOURNAL_BYTES_MAX * 2)

/* The newest whole line that says "applied" (of this plan, unless NULL), parsed; or NULL. */
static json_t *find_applied(const struct buf *b, const char *plan, size_t *from, size_t *len)
{
	const char *text = buf_str(b);

	for (size_t end = b->len; end > 0;) {
		size_t start = end - 1;
		while (start > 0 && text[start - 1] != '\n')
			start--;
		json_t *o = json_loadb(text + start, end - start, 0, NULL);
		const char *event = json_string_value(json_object_get(o, "event"));
		const char *of = json_string_value(json_object_get(o, "plan"));
		if (event != NULL && of != NULL && strcmp(event, "applied") == 0 &&
		    (plan == NULL || strcmp(of, plan) == 0)) {
			*from = start;
			*len = end - start;
			return o;
		}
		json_decref(o);
		end = start;
	}
	return NULL;
}

static uint64_t last_seq(const struct buf *b)
{
	const char *text = buf_str(b);
	size_t start = b->len;

	if (start > 0)
		start--;
	while (start > 0 && text[start - 1] != '\n')
		start--;
	json_t *o = json_loadb(text + start, b->len - start, 0, NULL);
	json_int_t seq = json_integer_value(json_object_get(o, "seq"));
	json_decref(o);
	return seq > 0 ? (uint64_t)seq : 0;
}

int journal_open(struct journal *j, int dirfd)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	*j = (struct journal){ .dirfd = dirfd, .fd = -1, .max = JOURNAL_BYTES_MAX };
	int ret = durable_read(dirfd, JOURNAL_FILE, READ_MAX, &b);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	j->fd = openat(dirfd, JOURNAL_FILE, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (j->fd < 0)
		return -errno;
	size_t whole = b.len;
	while (whole > 0 && b.p[whole - 1] != '\n')
		whole--;
	b.len = whole;
	j->size = (off_t)whole;
	j->seq = last_seq(&b) + 1;
	if (ftruncate(j->fd, j->size) < 0 || fsync(j->fd) < 0 || fsync(dirfd) < 0) {
		ret = -errno;
		journal_close(j);
		return ret;
	}
	return 0;
}

void journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
}

/* The file again with those bytes, written and synced as a new one. */
static int write_anew(struct journal *j, const char *data, size_t len)
{
	int ret = durable_write(j->dirfd, JOURNAL_FILE, data, len);

	if (ret < 0)
		return ret;
	int fd = openat(j->dirfd, JOURNAL_FILE, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(j->fd);
	j->fd = fd;
	j->size = (off_t)len;
	j->suspect = false;
	return 0;
}

static int begin_anew(struct journal *j)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	size_t from = 0, len = 0;
	int ret = durable_read(j->dirfd, JOURNAL_FILE, READ_MAX, &b);

	if (ret < 0)
		return ret;
	json_decref(find_applied(&b, NULL, &from, &len));
	return write_anew(j, buf_str(&b) + from, len);
}

/*
 * After a failed sync the same descriptor may say that all is well though it is not (the kernel forgets the failure once it was
 * told), so what counts as written is written anew.
 */
static int mend(struct journal *j)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	int ret = durable_read(j->dirfd, JOURNAL_FILE, READ_MAX, &b);

	if (ret < 0)
		return ret;
	return b.len < (size_t)j->size ? -EIO : write_anew(j, buf_str(&b), (size_t)j->size);
}

static void set_patch(json_t *o, const struct journal_patch *p)
{
	size_t size = sodium_base64_encoded_len(p->len, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(size);

	if (text == NULL)
		return; /* the line is then one without a patch, and says so to who reads it */
	sodium_bin2base64(text, size, p->data, p->len, sodium_base64_VARIANT_ORIGINAL);
	json_object_set_new(o, "base", json_string(p->base));
	json_object_set_new(o, "patch", json_string(text));
	free(text);
}

static int entry_text(const struct journal *j, const struct journal_entry *e, struct buf *out)
{
	char now[CLOCK_TEXT_MAX];
	json_t *o = json_pack("{ss ss ss sI ss}", "commit", e->commit, "event", e->event, "plan", e->plan, "seq",
			      (json_int_t)j->seq, "time", clock_format(clock_now(), now));

	if (o != NULL && e->text != NULL)
		json_object_set_new(o, "text", json_string(e->text));
	if (o != NULL && e->patch != NULL)
		set_patch(o, e->patch);
	char *line = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(o);
	if (line == NULL)
		return -ENOMEM;
	buf_adds(out, line);
	buf_addc(out, '\n');
	free(line);
	return 0;
}

bool journal_full(const struct journal *j)
{
	return j->size >= j->max;
}

int journal_append(struct journal *j, const struct journal_entry *e)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	int ret = journal_full(j) ? begin_anew(j) : j->suspect ? mend(j) : 0;

	if (ret == 0)
		ret = entry_text(j, e, &b);
	if (ret < 0)
		return ret;
	ret = durable_write_all(j->fd, buf_str(&b), b.len);
	if (ret == 0 && fdatasync(j->fd) < 0)
		ret = -errno;
	if (ret < 0) {
		j->suspect = true;
		if (ftruncate(j->fd, j->size) < 0)
			return ret; /* the next open cuts it off */
		return ret;
	}
	j->size += (off_t)b.len;
	j->seq++;
	return 0;
}

bool journal_applied(const struct journal *j, const char *plan, char commit[static COMMIT_TEXT_MAX])
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	size_t from, len;

	if (durable_read(j->dirfd, JOURNAL_FILE, READ_MAX, &b) < 0)
		return false;
	json_t *o = find_applied(&b, plan, &from, &len);
	const char *text = json_string_value(json_object_get(o, "commit"));
	char copy[COMMIT_TEXT_MAX] = "";
	bool found = text != NULL && strlen(text) < sizeof(copy);
	if (found)
		memcpy(copy, text, strlen(text) + 1);
	json_decref(o);
	if (!found || !commit_text_ok(copy))
		return false;
	memcpy(commit, copy, sizeof(copy));
	return true;
}

static int get_patch(const json_t *o, struct journal_line *l)
{
	const char *text = json_string_value(json_object_get(o, "patch"));
	size_t len = text != NULL ? strlen(text) : 0, got = 0;

	l->base = json_string_value(json_object_get(o, "base"));
	buf_reset(&l->patch);
	if (text == NULL || l->base == NULL) {
		l->base = NULL;
		return 0;
	}
	unsigned char *bytes = malloc(len + 1);
	if (bytes == NULL)
		return -ENOMEM;
	int ret = sodium_base642bin(bytes, len, text, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 ? 0 : -EBADMSG;
	if (ret == 0)
		buf_add(&l->patch, bytes, got);
	free(bytes);
	return ret;
}

static int give_line(const char *text, size_t len, journal_fn fn, void *ctx)
{
	json_t *o = json_loadb(text, len, 0, NULL);
	struct journal_line l = { .event = json_string_value(json_object_get(o, "event")),
				  .plan = json_string_value(json_object_get(o, "plan")), .patch = BUF_INIT };
	int ret = l.event != NULL && l.plan != NULL ? get_patch(o, &l) : -EBADMSG;

	if (ret == 0)
		ret = fn(ctx, &l);
	buf_release(&l.patch);
	json_decref(o);
	return ret;
}

int journal_since(const struct journal *j, const char *plan, journal_fn fn, void *ctx)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	size_t from = 0, len = 0;
	int ret = durable_read(j->dirfd, JOURNAL_FILE, READ_MAX, &b);

	json_t *o = ret < 0 ? NULL : find_applied(&b, plan, &from, &len);
	if (o == NULL)
		return ret < 0 ? ret : -ENOENT;
	json_decref(o);
	for (from += len; from < b.len && ret == 0; from += len) {
		const char *end = memchr(b.p + from, '\n', b.len - from);
		len = end != NULL ? (size_t)(end - (b.p + from)) + 1 : b.len - from;
		ret = give_line(b.p + from, len, fn, ctx);
	}
	return ret;
}
