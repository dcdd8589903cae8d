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

#include "message.h"

#define JOURNAL_FILE "journal.jsonl"
#define JOURNAL_BYTES_MAX (4 << 20) /* then it begins anew, with the newest "applied" line kept */

struct journal {
	int dirfd; /* not owned */
	int fd;
	uint64_t seq; /* of the next line */
	off_t size;
	off_t max;
};

struct journal_entry {
	const char *event;  /* "applying", "applied", "failed", "repaired", "rejected" */
	const char *commit; /* hex, may be "" */
	const char *plan;   /* hex digest, may be "" */
	const char *text;   /* or NULL */
};

/* Opens or makes the file; a torn last line is cut off. 0 or a negative errno. */
int journal_open(struct journal *j, int dirfd);
void journal_close(struct journal *j);
/* Appends and syncs. 0 or a negative errno; a line that could not be written whole is cut off again. */
int journal_append(struct journal *j, const struct journal_entry *e);
/* The commit of the newest "applied" line of this plan; false: none. */
bool journal_applied(const struct journal *j, const char *plan, char commit[static COMMIT_TEXT_MAX]);
