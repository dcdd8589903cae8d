/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal - what was done to the kernel, one JSON object a line, each synced before the next step.
 *
 *	{"commit":"…","event":"applying","plan":"…","seq":7,"text":"…","time":"2026-01-02T03:04:05Z"}
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "message.h"

#define JOURNAL_FILE "journal.jsonl"
#define JOURNAL_BYTES_MAX (4 << 20) /* then it begins anew, with the newest "applied" line kept */

struct journal {
	int dirfd; /* not owned */
	int fd;
	uint64_t seq; /* of the next line */
	off_t size;
	bool suspect; /* a sync failed: what the kernel still shows of the file may not be on the disk */
	off_t max;
};

/* How a plan differs from the one before, as patch.h writes it: enough to make it again from that one. */
struct journal_patch {
	const char *base; /* the digest of the plan before */
	const void *data;
	size_t len;
};

struct journal_entry {
	const char *event;  /* "applying", "applied", "failed", "repaired", "rejected" */
	const char *commit; /* hex, may be "" */
	const char *plan;   /* hex digest, may be "" */
	const char *text;   /* or NULL */
	const struct journal_patch *patch; /* or NULL; of "applying" */
};

/* Opens or makes the file; a torn last line is cut off. 0 or a negative errno. */
int journal_open(struct journal *j, int dirfd);
void journal_close(struct journal *j);
/* Appends and syncs. 0 or a negative errno; a line that could not be written whole is cut off again. */
int journal_append(struct journal *j, const struct journal_entry *e);
/* The commit of the newest "applied" line of this plan; false: none. */
bool journal_applied(const struct journal *j, const char *plan, char commit[static COMMIT_TEXT_MAX]);
/* Whether the next line begins the file anew: older patches are lost then. */
bool journal_full(const struct journal *j);

/* A line that was read back; the texts live until the next. */
struct journal_line {
	const char *event, *plan;
	const char *base; /* NULL: no patch */
	struct buf patch;
};

typedef int (*journal_fn)(void *ctx, const struct journal_line *l);

/* Calls fn for each line after the newest "applied" one of that plan, in order; fn's negative errno ends it. -ENOENT: there is none. */
int journal_since(const struct journal *j, const char *plan, journal_fn fn, void *ctx);
