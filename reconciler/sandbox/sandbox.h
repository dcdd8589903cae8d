/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - what each process of yettd may do, and how it gives up everything else before the first foreign byte.
 *
 * In two parts, because libraries open files between them: sandbox_become() changes user and capabilities, sandbox_close() sets
 * limits, Landlock and seccomp. Nothing is ever given back. A guard that this machine lacks is left out and told, never an error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_who {
	SANDBOX_LAUNCHER, /* starts the others; see launcher.h */
	SANDBOX_SUPERVISOR,
	SANDBOX_FETCH,
	SANDBOX_JUDGE,
	SANDBOX_COMPILE,
	SANDBOX_APPLY,
	SANDBOX_STATUS,
	SANDBOX_COUNT
};

enum sandbox_guard {
	GUARD_USER = 1,      /* a user of its own */
	GUARD_CAPS = 2,      /* no capability but those of its row; no new privileges; no dump, no debugger */
	GUARD_LIMITS = 4,    /* resource limits */
	GUARD_LANDLOCK = 8,  /* files */
	GUARD_PORTS = 16,    /* Landlock's TCP rules; from ABI 4 on */
	GUARD_SCOPES = 32,   /* Landlock's scopes: signals and abstract sockets; from ABI 6 on */
	GUARD_SECCOMP = 64,
	GUARD_ALL = 127,
};

enum sandbox_access { PLACE_READ, PLACE_WRITE, PLACE_UNLINK /* take files away, nothing else */ };

struct sandbox_place { /* a folder with all beneath it, or a file */
	const char *path; /* one that does not exist is left out */
	enum sandbox_access access;
};

#define SANDBOX_PLACES 24
#define SANDBOX_PORTS 12

/* What the kernel says of a process in /proc/self/status, after it closed the door behind it. */
struct witness {
	uint64_t cap_eff;
	uint32_t uid, no_new_privs, seccomp; /* 2: filters */
	uint32_t known;                      /* 0: no /proc; the rest is 0 then */
};

struct sandbox {
	enum sandbox_who who;
	uid_t uid; /* (uid_t)-1: stays who it is */
	gid_t gid;
	struct sandbox_place place[SANDBOX_PLACES];
	size_t nplaces;
	uint16_t port[SANDBOX_PORTS]; /* to connect to by TCP, host order */
	size_t nports;
	bool unix_sockets; /* may connect to them, for an SSH agent */
	bool abstract;     /* ... to abstract ones of processes outside too */
	uint32_t without;  /* enum sandbox_guard bits to leave out; for the probes */
	/* Filled by the two functions. */
	uint32_t guards;  /* enum sandbox_guard bits in force */
	int landlock_abi; /* 0: the kernel has none */
	struct witness seen;
};

void sandbox_init(struct sandbox *s, enum sandbox_who who);
/* BUG() when there are too many. path must live until sandbox_close(). */
void sandbox_allow(struct sandbox *s, const char *path, enum sandbox_access access);
void sandbox_allow_port(struct sandbox *s, uint16_t port);

/* Takes s->uid and gives up capabilities. 0, or a negative errno and a sentence when the kernel refuses what it must not refuse. */
int sandbox_become(struct sandbox *s, char *err, size_t err_size);
/* ... and compares with what the kernel then says; -EPERM when it is not what was asked for. */
int sandbox_close(struct sandbox *s, char *err, size_t err_size);

/* "fetch" and so on; NULL past the last. */
const char *sandbox_name(enum sandbox_who who);
/* The user that a process runs as where the system has it: "yett-fetch". */
const char *sandbox_user(enum sandbox_who who);
/* Capability bits (1 << CAP_NET_ADMIN) that the process may keep. */
uint64_t sandbox_caps(enum sandbox_who who);
const char *sandbox_guard_name(enum sandbox_guard g);

/* Processor seconds that this process may use from now on; one more ends it with SIGXCPU. For a process with a limit in its row. */
void sandbox_job(enum sandbox_who who);
/* What sandbox_job() grants; 0: no limit. */
unsigned int sandbox_job_seconds(enum sandbox_who who);
