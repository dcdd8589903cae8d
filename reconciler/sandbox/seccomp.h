/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp - system calls of a process as an allow-list in raw BPF, see seccomp(2).
 *
 * Another architecture's calls and the x32 ABI kill the process. So do the calls that syscalls.c says no process may make; any other
 * call that is not on the list ends the process too, but lets it first say which one it was, by the handler of seccomp_on_denied().
 */
#pragma once

#include <stdint.h>

#include "sandbox/sandbox.h"

/* An argument's low 32 bits under mask must equal value. mask 0: no condition. */
struct call_cond {
	uint8_t arg;
	bool self; /* value is this process's number */
	uint32_t mask, value;
};

enum call_verdict {
	CALL_ALLOW,
	CALL_ERRNO, /* it fails with EPERM or EAFNOSUPPORT, because a library asks and can do without */
	CALL_KILL,  /* at once */
};

struct call_row {
	const char *name;
	int nr;
	uint32_t who; /* 1 << enum sandbox_who */
	struct call_cond cond[2];
	enum call_verdict verdict;
	int error; /* of CALL_ERRNO */
	uint32_t when; /* enum call_when bits: only in a process of which these hold */
};

enum call_when { WHEN_UNIX = 1, WHEN_NO_UNIX = 2 };

/* The one table; the first row that fits decides. */
extern const struct call_row call_rows[];
extern const size_t call_rows_n;

/* "openat", or NULL when this architecture has no such number. */
const char *call_name(int nr);

/* 0 or a negative errno: -EINVAL or -ENOSYS where the kernel has no filters. */
int seccomp_enter(const struct sandbox *s);

/*
 * From now on a denied call is told before it ends the process: a role sends an IPC_DENIED frame, the supervisor writes a line to
 * standard error. Once in a process, before sandbox_close(). 0 or a negative errno.
 */
int seccomp_on_denied(enum sandbox_who who);
