/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role - the processes of yettd: a table of {name, main}, started by fork and re-exec of /proc/self/exe with a
 * SOCK_SEQPACKET pair on descriptor 3, and started again when one is lost.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "message.h"
#include "sandbox/users.h"

#define ROLE_SOCKET 3
#define ROLE_DOOR 4 /* of a role that may ask the launcher for something */

struct launcher;

/* Supervisor's side. */
struct role {
	enum role_id id;
	pid_t pid;   /* 0: not running */
	int sock;    /* -1 */
	bool ready;  /* has answered the hello */
	uint32_t jobs; /* done in this life, of the kind that wears it */
	bool worn;   /* to be replaced when no turn runs */
	uint32_t starts;
	int64_t started_ms, retry_ms; /* monotonic */
	int64_t wait_ms;              /* before the next start, doubling up to ROLE_WAIT_MAX_MS */
	struct launcher *launcher;    /* that started it */
	struct ipc_rights rights;     /* what it said of its lock-down in its hello */
	int denied;                   /* the system call that it was refused and ended for; -1: none */
};

#define ROLE_JOBS_MAX 256 /* compiles in one life */
#define ROLE_SPARE_BYTES ((size_t)4 << 20) /* of free memory that a role may sit on */
#define ROLE_QUIET_MS 3000
#define ROLE_BIG_MS 10 /* a request that takes less has not used much */
#define ROLE_WAIT_MIN_MS 100
#define ROLE_WAIT_MAX_MS 10000
#define ROLE_HEALTHY_MS 60000 /* after so long a life the wait begins anew */

int64_t role_clock_ms(void);
const char *role_name(enum role_id id);
/* Whether the configuration has work for it; others are not started. */
bool role_wanted(enum role_id id, const struct config *c);
void role_init(struct role *r, enum role_id id);
/* Has the process started, its settings on the way. 0 or a negative errno; -EPIPE: the launcher is gone. */
int role_start(struct role *r, struct launcher *l);
/*
 * The process must go, or is gone: kills it if need be, closes the socket, sets retry_ms. Its wait(2) status, -1 when there is none.
 */
int role_lost(struct role *r);
/* Why it ended, in words, by that status. */
void role_describe_end(const struct role *r, int status, char *why, size_t why_size);
/* Ends it for good: closes the socket, which tells it to go, and reaps it (kills it after wait_ms). */
void role_stop(struct role *r, int wait_ms);

enum sandbox_who role_sandbox(enum role_id id);
/*
 * The launcher's side: forks and executes the role with its settings in its socket. Its process, the other end of its
 * socket, and that of its door (-1: it has none). 0 or a negative errno.
 */
int role_spawn(enum role_id id, const struct config *c, const struct users *u, pid_t *pid, int *sock, int *door);

/* Role's side: what `--role=NAME` runs; an exit status. */
int role_main(const char *name);

#define ROLE_POLLS 4 /* at most, besides the supervisor */

/* One job or hello at a time, until the supervisor is gone. A handler that returns non-zero ends the role. */
struct role_ops {
	enum role_id id;
	/*
	 * With the launcher's rights still: reads what its own user may not, and says which places it needs. May be NULL.
	 * Settings come from the launcher, so what they name was chosen by who wrote the configuration.
	 */
	int (*prepare)(void *ctx, const struct ipc_hello_req *req, struct sandbox *s, char *err, size_t err_size);
	/* As its own user, without capabilities it does not need; files can still be opened. Afterwards the door is closed behind it. */
	int (*hello)(void *ctx, int sock, const struct ipc_hello_req *req, char *err, size_t err_size);
	int (*request)(void *ctx, int sock, struct ipc_frame *f);
	/* What else is waited for between jobs; NULL: nothing. How many, and the time after which work() is called anyhow (-1: none). */
	size_t (*polls)(void *ctx, struct pollfd p[static ROLE_POLLS], int *wait_ms);
	/* One of those is ready, or the time has passed. */
	int (*work)(void *ctx, int sock, const struct pollfd *p, size_t n);
};

int role_serve(const struct role_ops *ops, void *ctx, int sock);
