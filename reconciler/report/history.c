/* SPDX-License-Identifier: Apache-2.0 */
#include "report/history.h"

#include <string.h>

#include <jansson.h>

#include "report/status.h"
#include "state/durable.h"
#include "state/journal.h"

#define HISTORY_BYTES ((size_t)JOURNAL_BYTES_MAX * 2)

static json_t *line_json(const char *line, size_t len)
{
	json_t *o = json_loadb(line, len, 0, NULL);

	json_object_del(o, "patch");
	json_object_del(o, "base");
	return o;
}

/* Where the last n lines begin. */
static size_t tail(const char *text, size_t len, size_t n)
{
	size_t at = len;

	while (at > 0 && n > 0) {
		at--;
		while (at > 0 && text[at - 1] != '\n')
			at--;
		n--;
	}
	return at;
}

void history_json(int dirfd, struct buf *out)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	json_t *lines = json_array();
	int ret = durable_read(dirfd, JOURNAL_FILE, HISTORY_BYTES, &b);
	const char *text = buf_str(&b);

	for (size_t at = tail(text, b.len, HISTORY_LINES); ret == 0 && at < b.len;) {
		const char *end = memchr(text + at, '\n', b.len - at);
		size_t len = end != NULL ? (size_t)(end - text) - at : b.len - at;
		json_t *o = line_json(text + at, len);
		if (json_is_object(o))
			json_array_append_new(lines, o);
		else
			json_decref(o);
		at += len + 1;
	}
	status_put(out, json_pack("{sb ss so}", "ok", ret == 0, "text", ret == 0 ? "" : strerror(-ret), "lines", lines));
}
