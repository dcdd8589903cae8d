/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor - the one process that decides: starts the roles, runs turns, answers yettctl. It parses no policy and touches no kernel table. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "keepout.h"
#include "launcher.h"
#include "publish.h"
#include "report/control.h"
#include "turn.h"
#include "watch.h"

/* Exit statuses of yettd; sysexits.h's EX_SOFTWARE when a process of ours is lost, EX_TEMPFAIL for the lock. */
enum { YETTD_OK = 0, YETTD_REJECTED = 1, YETTD_CANNOT = 2, YETTD_BROKEN = 70, YETTD_LOCKED = 75 };

struct supervisor {
	const struct config *config;
	const char *repository; /* as it may be printed */
	bool once;
	bool boot; /* once: only what held before, by the apply role alone */
	struct store store;
	struct users users;
	struct launcher launcher;
	struct ipc_rights rights; /* of this process itself */
	struct role role[ROLE_COUNT];
	struct turn turn;
	struct watch watch;
	struct publish publish;
	struct control control;
	int signal_fd;
	int quota_fd;           /* what is used of quotas, as the apply role said last; -1: nothing yet */
	bool stopping, announced;
	bool reloading;         /* the service manager waits for the turn that SIGHUP asked for */
	int64_t watchdog_ms, lived_ms; /* how often it is told that we live, 0: never; when it was told last */
	bool enforced;          /* that the plan is in force was written in the audit trail */
	int status;             /* what it ends with */
	/* When the next turn begins. */
	int64_t next_ms;        /* monotonic */
	int64_t next_enforce_ms; /* not before, when dates pass */
	int64_t settle_ms;      /* when the file of the last good plan is written, if it is behind */
	unsigned int unfetched; /* full turns in a row that got nothing from the git host */
	bool forced;            /* somebody asked */
	bool retry;             /* and for what is held too */
	bool in_turn;           /* one was started and its end is not settled */
	enum turn_kind running; /* of the turn that runs */
	uint64_t started;       /* full turns so far */
	uint64_t diffs;         /* comparisons so far */
	uint64_t windows;       /* looks at an open window so far */
	int64_t alarm_ms;       /* the next time that waiting removals are told of */
	struct keepout keepout;
	uint64_t verifies;      /* the same with a commit */
	/* What yettctl is told about the newest turn. */
	enum turn_outcome outcome;
	struct buf text, error, changes;
	int64_t ended_at, error_at; /* UTC seconds, 0: never */
	uint64_t took_us;
};

enum supervisor_for { RUN_DAEMON, RUN_ONCE, RUN_BOOT };

/* Runs until the turn ends (once, boot) or a signal comes; an exit status. */
int supervisor_run(const struct config *c, enum supervisor_for what);
