/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_log - the audit trail that this gateway writes: audit/NNNNNN.log in the state folder, lines as trust/trail.h has them.
 *
 * A line is written at once, whole or not at all, and synced by audit_log_work(), which is called when no turn waits. What cannot be written goes
 * to the log instead, and the next line says how many are missing. A file of AUDIT_FILE_BYTES is followed by the next number; the newest
 * AUDIT_FILES are kept. Nothing here is ever read to decide what to enforce.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"

#define AUDIT_DIR "audit"
#define AUDIT_FILE_BYTES (1 << 20)
#define AUDIT_FILES 64
#define AUDIT_CHECKPOINT_LINES 256
#define AUDIT_CHECKPOINT_MS 3600000
#define AUDIT_SYNC_MS 5000

struct audit_log {
	int dirfd, fd;       /* -1: none */
	const char *gateway; /* the caller's; NULL: not known */
	unsigned int number; /* of the file */
	off_t size, max;
	uint64_t seq;        /* of the newest line; 0: none */
	struct digest head;  /* its hash */
	char boot[40];
	uint64_t missed;     /* lines that could not be written since the newest */
	bool unsynced;
	int64_t unsynced_ms; /* since when; monotonic */
	uint64_t told_seq;   /* of the newest checkpoint */
	int64_t told_ms;
	/* Told of each event; NULL: nobody. */
	void (*seen)(void *ctx, const char *event, int ret);
	void *ctx;
};

#define AUDIT_LOG_NONE { .dirfd = -1, .fd = -1 }

struct audit_entry_new {
	const char *event;
	const char *commit, *plan, *text; /* or NULL */
};

/* Opens or makes the folder and goes on after the newest line; a torn one is cut off, and that is written. 0 or a negative errno. */
int audit_log_open(struct audit_log *a, int state_dirfd);
void audit_log_close(struct audit_log *a);
/* One event, from anywhere in the supervisor. 0 or a negative errno, and then the line went to the log. */
int audit_log_add(struct audit_log *a, const struct audit_entry_new *e);
/* Syncs and tells checkpoints. idle: nobody waits. */
void audit_log_work(struct audit_log *a, int64_t now_ms, bool idle);
/* When audit_log_work() has something to do; INT64_MAX: nothing. */
int64_t audit_log_deadline(const struct audit_log *a);
