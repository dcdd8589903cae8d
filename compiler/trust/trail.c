/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/trail.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/vec.h"

static const char domain[] = "yett-audit-v1"; /* with its zero byte */

struct digest trail_hash(const char *line, size_t len)
{
	crypto_generichash_state s;
	struct digest d;

	crypto_generichash_init(&s, NULL, 0, sizeof(d.b));
	crypto_generichash_update(&s, (const unsigned char *)domain, sizeof(domain));
	crypto_generichash_update(&s, (const unsigned char *)line, len);
	crypto_generichash_final(&s, d.b, sizeof(d.b));
	return d;
}

/* ---- one line ---- */

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : "";
}

static bool take_digest(const char *hex, struct digest *d)
{
	size_t n = 0;

	return strlen(hex) == 2 * sizeof(d->b) && sodium_hex2bin(d->b, sizeof(d->b), hex, 2 * sizeof(d->b), NULL, &n, NULL) == 0 &&
	       n == sizeof(d->b);
}

static int wrong(char *err, size_t err_size, const char *why)
{
	snprintf(err, err_size, "%s", why);
	return -EBADMSG;
}

static bool is_hex(const char *text)
{
	return strspn(text, "0123456789abcdef") == strlen(text);
}

int trail_parse(struct trail_event *e, const char *line, size_t len, char *err, size_t err_size)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	memset(e, 0, sizeof(*e));
	e->json = o;
	if (!json_is_object(o)) {
		trail_event_release(e);
		return wrong(err, err_size, "this line is no JSON object");
	}
	const json_t *seq = json_object_get(o, "seq");
	const char *time = text_of(o, "t");
	e->seq = json_is_integer(seq) && json_integer_value(seq) > 0 ? (uint64_t)json_integer_value(seq) : 0;
	e->event = text_of(o, "ev");
	e->gateway = text_of(o, "gateway");
	e->boot = text_of(o, "boot");
	e->commit = text_of(o, "commit");
	e->plan = text_of(o, "plan");
	e->text = text_of(o, "text");
	if (e->seq > 0 && *e->event && is_hex(e->commit) && is_hex(e->plan) && clock_parse(time, strlen(time), &e->time) &&
	    take_digest(text_of(o, "prev"), &e->prev))
		return 0;
	trail_event_release(e);
	return wrong(err, err_size, "this line is no line of an audit trail");
}

void trail_event_release(struct trail_event *e)
{
	json_decref(e->json);
	memset(e, 0, sizeof(*e));
}

/* ---- many ---- */

static int judge(const struct trail *t, const struct trail_event *e, char *err, size_t err_size)
{
	const struct digest none = trail_hash("", 0);
	bool begins = t->seq == 0;

	if (!begins && e->seq != t->seq + 1) {
		snprintf(err, err_size, "this line has number %llu and follows number %llu: lines are missing, double or moved",
			 (unsigned long long)e->seq, (unsigned long long)t->seq);
		return -EBADMSG;
	}
	const struct digest *want = begins ? &none : &t->head;
	if ((!begins || e->seq == 1) && memcmp(want->b, e->prev.b, sizeof(want->b)) != 0)
		return wrong(err, err_size, begins ? "the first line does not begin a trail" :
						     "the line before this one was changed, or this one does not belong after it");
	return 0;
}

static int take_line(struct trail *t, const char *line, size_t len, trail_fn fn, void *ctx, char *err, size_t err_size)
{
	struct trail_event e;
	int ret = len > TRAIL_LINE_MAX ? wrong(err, err_size, "this line is too long") : trail_parse(&e, line, len, err, err_size);

	if (ret < 0)
		return ret;
	ret = judge(t, &e, err, err_size);
	if (ret == 0) {
		t->first = t->seq == 0 ? e.seq : t->first;
		t->seq = e.seq;
		t->head = trail_hash(line, len);
		ret = fn != NULL ? fn(ctx, t, &e, line, len) : 0;
	}
	trail_event_release(&e);
	return ret;
}

int trail_walk(struct trail *t, const char *data, size_t len, trail_fn fn, void *ctx, size_t *line, char *err, size_t err_size)
{
	int ret = 0;

	*line = 0;
	for (size_t at = 0; at < len && ret == 0;) {
		const char *end = memchr(data + at, '\n', len - at);
		++*line;
		if (end == NULL)
			return wrong(err, err_size, "the last line is cut off");
		ret = take_line(t, data + at, (size_t)(end - data) - at, fn, ctx, err, err_size);
		at = (size_t)(end - data) + 1;
	}
	return ret;
}

/* ---- files ---- */

static int read_file(const char *path, struct buf *out)
{
	char block[65536];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return -errno;
	while ((n = fread(block, 1, sizeof(block), f)) > 0 && out->len <= TRAIL_FILE_MAX)
		buf_add(out, block, n);
	int ret = ferror(f) ? -EIO : out->len > TRAIL_FILE_MAX ? -EFBIG : 0;
	fclose(f);
	return ret;
}

static int walk_file(struct trail *t, const char *path, trail_fn fn, void *ctx, char *err, size_t err_size)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	char why[256] = "";
	size_t line;
	int ret = read_file(path, &b);

	if (ret < 0) {
		snprintf(err, err_size, "cannot read %s: %s", path, strerror(-ret));
		return ret;
	}
	ret = trail_walk(t, buf_str(&b), b.len, fn, ctx, &line, why, sizeof(why));
	if (ret == -EBADMSG)
		snprintf(err, err_size, "%s:%zu: %s", path, line, why);
	return ret;
}

static int is_log(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && dot != NULL && strcmp(dot, ".log") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk_folder(struct trail *t, const char *path, trail_fn fn, void *ctx, char *err, size_t err_size)
{
	struct dirent **v = NULL;
	int n = scandir(path, &v, is_log, by_name), ret = n < 0 ? -errno : n == 0 ? -ENOENT : 0;

	if (ret < 0)
		snprintf(err, err_size, n < 0 ? "cannot read %s: %s" : "%s has no audit trail, that is no *.log%.0s", path, strerror(-ret));
	for (int i = 0; i < n; i++) {
		struct buf file BUF_CLEANUP = BUF_INIT;
		buf_addf(&file, "%s/%s", path, v[i]->d_name);
		if (ret == 0)
			ret = walk_file(t, buf_str(&file), fn, ctx, err, err_size);
		free(v[i]);
	}
	free(v);
	return ret;
}

int trail_walk_paths(struct trail *t, const char *const *path, size_t n, trail_fn fn, void *ctx, char *err, size_t err_size)
{
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++) {
		struct stat st;
		bool folder = stat(path[i], &st) == 0 && S_ISDIR(st.st_mode);
		ret = folder ? walk_folder(t, path[i], fn, ctx, err, err_size) : walk_file(t, path[i], fn, ctx, err, err_size);
	}
	return ret;
}
