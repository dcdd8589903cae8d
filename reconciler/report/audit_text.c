/* SPDX-License-Identifier: Apache-2.0 */
#include "report/audit_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/bug.h"
#include "base/clock.h"
#include "config.h"
#include "state/audit_log.h"
#include "trust/trail.h"

struct wanted { /* a checkpoint */
	uint64_t seq;
	char hex[DIGEST_HEX_MAX];
	bool found, differs;
};

static bool read_checkpoint(const char *text, struct wanted *w)
{
	char *end;

	memset(w, 0, sizeof(*w));
	if (text == NULL)
		return true;
	errno = 0;
	w->seq = strtoull(text, &end, 10);
	size_t n = *end == ':' ? strlen(end + 1) : 0;
	if (errno != 0 || w->seq == 0 || n != 2 * DIGEST_BYTES || strspn(end + 1, "0123456789abcdef") != n)
		return false;
	snprintf(w->hex, sizeof(w->hex), "%s", end + 1);
	return true;
}

static int see(void *ctx, const struct trail *t, const struct trail_event *e, const char *line, size_t len)
{
	char hex[DIGEST_HEX_MAX];
	struct wanted *w = ctx;

	(void)e, (void)line, (void)len;
	if (t->seq != w->seq)
		return 0;
	w->found = true;
	w->differs = strcmp(digest_hex(&t->head, DIGEST_BYTES, hex), w->hex) != 0;
	return 0;
}

/* What is wrong with a trail that is whole in itself; NULL: nothing. */
static const char *judge(const struct wanted *w)
{
	if (w->seq == 0)
		return NULL;
	if (!w->found)
		return "the line of the checkpoint is not there: the trail was cut off, or is another one";
	return w->differs ? "the line of the checkpoint is another one: the trail was written anew" : NULL;
}

static int say(bool json, const char *wrong, const struct trail *t)
{
	char hex[DIGEST_HEX_MAX];

	digest_hex(&t->head, DIGEST_BYTES, hex);
	if (json) {
		json_t *o = json_pack("{sb sI sI ss ss}", "ok", (int)(wrong == NULL), "first", (json_int_t)t->first, "last", (json_int_t)t->seq,
				      "head", hex, "text", wrong ? wrong : "");
		json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(o);
	} else if (wrong != NULL) {
		fprintf(stderr, "yettctl: %s\n", wrong);
	} else {
		printf("%llu lines are whole and in order, numbers %llu to %llu\nhead %llu:%s\n",
		       (unsigned long long)(t->seq - t->first + (t->seq > 0)), (unsigned long long)t->first, (unsigned long long)t->seq,
		       (unsigned long long)t->seq, hex);
	}
	return wrong == NULL ? 0 : 1;
}

static int verify(const char *const *path, size_t n, const char *checkpoint, bool json)
{
	struct trail t = { .seq = 0 };
	struct wanted w;
	char err[1024] = "";

	if (!read_checkpoint(checkpoint, &w)) {
		fprintf(stderr, "yettctl: --checkpoint takes SEQ:HASH as \"audit checkpoint\" in the log tells it, not %s\n", checkpoint);
		return 2;
	}
	int ret = trail_walk_paths(&t, path, n, see, &w, err, sizeof(err));
	if (ret < 0 && ret != -EBADMSG) {
		fprintf(stderr, "yettctl: %s\n", err);
		return 2;
	}
	return say(json, ret < 0 ? err : judge(&w), &t);
}

static int show_line(void *ctx, const struct trail *t, const struct trail_event *e, const char *line, size_t len)
{
	char time[CLOCK_TEXT_MAX];

	(void)t;
	if (*(const bool *)ctx)
		printf("%.*s\n", (int)len, line);
	else
		printf("%s %-10s %-7.7s %s\n", clock_format(e->time, time), e->event, *e->commit ? e->commit : "-", e->text);
	return 0;
}

static int show(const char *const *path, size_t n, bool json)
{
	struct trail t = { .seq = 0 };
	char err[1024] = "";
	int ret = trail_walk_paths(&t, path, n, show_line, &json, err, sizeof(err));

	if (ret < 0)
		fprintf(stderr, "yettctl: %s\n", err);
	return ret == 0 ? 0 : ret == -EBADMSG ? 1 : 2;
}

int audit_command(const char *const *args, size_t n, const char *checkpoint, bool json)
{
	static const char *const here[] = { CONFIG_DEFAULT_STATE "/" AUDIT_DIR };
	const char *const *path = n > 1 ? args + 1 : here;
	size_t npaths = n > 1 ? n - 1 : 1;
	int status = 2;

	if (n > 0 && strcmp(args[0], "verify") == 0)
		status = verify(path, npaths, checkpoint, json);
	else if (n > 0 && strcmp(args[0], "show") == 0 && checkpoint == NULL)
		status = show(path, npaths, json);
	else
		fprintf(stderr, "yettctl: audit takes verify or show, and the files or folders of a trail (default %s)\n", here[0]);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "yettctl: cannot write the result\n");
		return 2;
	}
	return status;
}
