/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail - the audit trail of a gateway, read and judged: lines of JSON, each with the hash of the line before it.
 *
 *	{"boot":"…","commit":"…","ev":"applied","gateway":"fra-1","plan":"…","prev":"…","seq":7,"t":"2026-01-02T03:04:05Z","text":"…","up":12345}
 *
 * prev is BLAKE2b-256 (RFC 7693) of "yett-audit-v1", a zero byte and the line before without its newline; of nothing before the first.
 * So no line can be changed, left out, put in or moved without the next one telling; that lines at the end are gone is told
 * only by a checkpoint that was kept elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

#define TRAIL_LINE_MAX 16384
#define TRAIL_FILE_MAX ((size_t)64 << 20)

struct digest trail_hash(const char *line, size_t len); /* of len 0: what the first line has as prev */

/* One line; the texts live until trail_event_release(), "" where the line has none. */
struct trail_event {
	uint64_t seq;  /* from 1 */
	int64_t time;  /* UTC seconds */
	const char *event, *gateway, *boot, *commit, *plan, *text;
	struct digest prev;
	void *json;
};

/* 0, or -EBADMSG and one sentence. */
int trail_parse(struct trail_event *e, const char *line, size_t len, char *err, size_t err_size);
void trail_event_release(struct trail_event *e);

/* How far a walk has come; {0} to begin with. */
struct trail {
	struct digest head; /* hash of the newest line */
	uint64_t first, seq; /* of the first line that was read, and of the newest */
};

/* Called for each line that is right; a negative errno ends the walk. */
typedef int (*trail_fn)(void *ctx, const struct trail *t, const struct trail_event *e, const char *line, size_t len);

/*
 * Goes on over the lines of one file. The first line of a walk may be any: older files may be gone. 0; -EBADMSG with the number of the first line
 * that is wrong and a sentence; or fn's errno.
 */
int trail_walk(struct trail *t, const char *data, size_t len, trail_fn fn, void *ctx, size_t *line, char *err, size_t err_size);

/*
 * The same over files, or folders whose *.log are taken in the order of their names. err begins with "FILE:LINE: ". 0, -EBADMSG, or another
 * negative errno when a file cannot be read; -ENOENT: a folder without one.
 */
int trail_walk_paths(struct trail *t, const char *const *path, size_t n, trail_fn fn, void *ctx, char *err, size_t err_size);
