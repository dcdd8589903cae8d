/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <linux/capability.h>

#include "base/bug.h"
#include "base/fd.h"
#include "sandbox/caps.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"
#include "sandbox/witness.h"

#define CAP(name) ((uint64_t)1 << CAP_##name)
#define MIB ((uint64_t)1 << 20)

/*
 * One row a process. Address space holds the largest network that yett takes (200 000 devices) with room to spare; it is there against
 * input that makes a library ask for more and more. `files` bounds memfds too. What a process may call is in syscalls.c.
 */
static const struct row {
	const char *name, *user;
	uint64_t caps;
	uint64_t address_space, file_size; /* bytes; 0: as it was */
	unsigned int files;                /* open descriptors; 0: as it was */
	unsigned int job_seconds;          /* of processor time for one job; 0: no limit */
	bool forks;
} rows[SANDBOX_COUNT] = {
	[SANDBOX_LAUNCHER] = { "launcher", NULL, CAP(NET_ADMIN) | CAP(SETUID) | CAP(SETGID), 0, 0, 0, 0, true },
	[SANDBOX_SUPERVISOR] = { "supervisor", "yett", 0, 2048 * MIB, 512 * MIB, 128, 0, false },
	[SANDBOX_FETCH] = { "fetch", "yett-fetch", 0, 640 * MIB, 2200 * MIB, 128, 120, false },
	[SANDBOX_JUDGE] = { "judge", "yett-judge", 0, 2048 * MIB, 1 * MIB, 32, 60, false },
	[SANDBOX_COMPILE] = { "compile", "yett-compile", 0, 3072 * MIB, 512 * MIB, 32, 60, false },
	[SANDBOX_APPLY] = { "apply", "yett-apply", CAP(NET_ADMIN), 2048 * MIB, 512 * MIB, 32, 0, false },
	[SANDBOX_STATUS] = { "status", "yett-status", 0, 512 * MIB, 1 * MIB, 256, 0, false },
};

static const struct {
	enum sandbox_guard guard;
	const char *name;
} guards[] = {
	{ GUARD_USER, "user" },   { GUARD_CAPS, "caps" },     { GUARD_LIMITS, "limits" },   { GUARD_LANDLOCK, "landlock" },
	{ GUARD_PORTS, "ports" }, { GUARD_SCOPES, "scopes" }, { GUARD_SECCOMP, "seccomp" },
};

void sandbox_init(struct sandbox *s, enum sandbox_who who)
{
	*s = (struct sandbox){ .who = who, .uid = (uid_t)-1, .gid = (gid_t)-1 };
}

void sandbox_allow(struct sandbox *s, const char *path, enum sandbox_access access)
{
	if (s->nplaces == SANDBOX_PLACES)
		BUG("too many places for the %s process", rows[s->who].name);
	s->place[s->nplaces++] = (struct sandbox_place){ path, access };
}

void sandbox_allow_port(struct sandbox *s, uint16_t port)
{
	if (s->nports == SANDBOX_PORTS)
		BUG("too many ports for the %s process", rows[s->who].name);
	s->port[s->nports++] = port;
}

const char *sandbox_name(enum sandbox_who who)
{
	return who < SANDBOX_COUNT ? rows[who].name : NULL;
}

const char *sandbox_user(enum sandbox_who who)
{
	return rows[who].user;
}

uint64_t sandbox_caps(enum sandbox_who who)
{
	return rows[who].caps;
}

const char *sandbox_guard_name(enum sandbox_guard g)
{
	for (size_t i = 0; i < ARRAY_SIZE(guards); i++)
		if (guards[i].guard == g)
			return guards[i].name;
	return NULL;
}

static bool wanted(const struct sandbox *s, enum sandbox_guard g)
{
	return (s->without & g) == 0;
}

int sandbox_become(struct sandbox *s, char *err, size_t err_size)
{
	const struct row *row = &rows[s->who];
	bool change = wanted(s, GUARD_USER) && s->uid != (uid_t)-1;

	if (wanted(s, GUARD_CAPS))
		caps_drop_bounds(row->caps);
	int ret = change ? caps_become(s->uid, s->gid) : 0;
	if (ret == 0 && change)
		s->guards |= GUARD_USER;
	if (ret == 0 && wanted(s, GUARD_CAPS)) {
		ret = caps_keep(row->caps, row->forks);
		if (ret == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
			ret = -errno;
		if (ret == 0)
			s->guards |= GUARD_CAPS;
	}
	if (ret < 0)
		snprintf(err, err_size, "the %s process cannot give up its rights: %s", row->name, strerror(-ret));
	return ret;
}

static int limit(int what, uint64_t n, bool soft_only)
{
	struct rlimit now, l = { n, n };

	if (getrlimit(what, &now) < 0)
		return -errno;
	if (now.rlim_max < n) /* somebody gave less */
		l.rlim_cur = l.rlim_max = now.rlim_max;
	if (soft_only)
		l.rlim_max = now.rlim_max;
	return setrlimit(what, &l) < 0 ? -errno : 0;
}

static int set_limits(const struct row *row)
{
	int ret = limit(RLIMIT_CORE, 0, false);

#ifndef YETT_SANITIZED /* whose shadow memory takes terabytes of addresses */
	if (ret == 0 && row->address_space > 0)
		ret = limit(RLIMIT_AS, row->address_space, false);
#endif
	if (ret == 0 && row->file_size > 0)
		ret = limit(RLIMIT_FSIZE, row->file_size, false);
	if (ret == 0 && row->files > 0)
		ret = limit(RLIMIT_NOFILE, row->files, false);
	if (ret == 0 && !row->forks)
		ret = limit(RLIMIT_NPROC, 0, false);
	return ret;
}

void sandbox_job(enum sandbox_who who)
{
	struct rusage u;

	/* The soft limit alone: the next job gets its own. Who subverts the process may raise it; the supervisor's clock still runs. */
	if (rows[who].job_seconds > 0 && getrusage(RUSAGE_SELF, &u) == 0)
		(void)limit(RLIMIT_CPU, (uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec + 1 + rows[who].job_seconds, true);
}

unsigned int sandbox_job_seconds(enum sandbox_who who)
{
	return rows[who].job_seconds;
}

/* What was asked for and what is must be the same. */
static int check(const struct sandbox *s, char *err, size_t err_size)
{
	const struct row *row = &rows[s->who];
	const struct witness *w = &s->seen;

	if (!w->known)
		return 0;
	if (s->guards & GUARD_CAPS && (w->no_new_privs != 1 || (w->cap_eff & ~row->caps) != 0))
		snprintf(err, err_size, "the %s process still has capabilities %llx, or may gain some", row->name,
			 (unsigned long long)w->cap_eff);
	else if (s->guards & GUARD_USER && w->uid != s->uid)
		snprintf(err, err_size, "the %s process is still user %u", row->name, w->uid);
	else if (s->guards & GUARD_SECCOMP && w->seccomp != 2)
		snprintf(err, err_size, "the %s process still may make any system call", row->name);
	else
		return 0;
	return -EPERM;
}

int sandbox_close(struct sandbox *s, char *err, size_t err_size)
{
	const struct row *row = &rows[s->who];
	const char *what = "set its limits";
	FD_CLEANUP int status = witness_open();
	int ret = 0;

	/* What libraries open once when they are first used: Jansson's first object the random device, a Date header the time zone. */
	json_object_seed(0);
	tzset();
	if (wanted(s, GUARD_LIMITS)) {
		ret = set_limits(row);
		s->guards |= ret == 0 ? GUARD_LIMITS : 0;
	}
	if (ret == 0) {
		what = "set up Landlock";
		ret = landlock_enter(s);
	}
	if (ret == 0 && wanted(s, GUARD_SECCOMP)) {
		what = "set up seccomp";
		ret = seccomp_enter(s);
		s->guards |= ret == 0 ? GUARD_SECCOMP : 0;
		if (ret == -EINVAL || ret == -ENOSYS) /* a kernel without it */
			ret = 0;
	}
	if (ret < 0)
		snprintf(err, err_size, "the %s process cannot %s: %s", row->name, what, strerror(-ret));
	if (ret < 0)
		return ret;
	witness_read(status, &s->seen);
	return check(s, err, err_size);
}
