/* SPDX-License-Identifier: Apache-2.0 */
#include "lockdown.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "supervisor.h"

#define GUARDS_WANTED (GUARD_ALL & ~(uint32_t)GUARD_USER) /* users are looked at by themselves */

/* In the reader's words; what to do about it. */
static const struct {
	uint32_t guard;
	const char *lack;
} lacks[] = {
	{ GUARD_CAPS, "keeps its capabilities" },
	{ GUARD_LIMITS, "has no resource limits" },
	{ GUARD_LANDLOCK, "may open any file of its user, because this kernel has no Landlock (it comes with Linux 5.13; look for landlock in "
			  "/sys/kernel/security/lsm)" },
	{ GUARD_PORTS, "may connect to any TCP port, because this kernel's Landlock does not know ports (Linux 6.7 does)" },
	{ GUARD_SCOPES, "may reach abstract sockets of other processes, because this kernel's Landlock has no scopes (Linux 6.12 has)" },
	{ GUARD_SECCOMP, "may make any system call, because this kernel or this build has no seccomp filters" },
};

static const char *lack_of(uint32_t guard)
{
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++)
		if (lacks[i].guard == guard)
			return lacks[i].lack;
	BUG("no such guard");
}

void lockdown_supervisor(struct sandbox *s, const struct config *c, const struct users *u, const struct control *control)
{
	const char *notify = getenv("NOTIFY_SOCKET");

	sandbox_init(s, SANDBOX_SUPERVISOR);
	s->uid = u->uid[SANDBOX_SUPERVISOR];
	s->gid = u->gid[SANDBOX_SUPERVISOR];
	s->abstract = notify != NULL && *notify == '@';
	sandbox_allow(s, c->state_dir, PLACE_WRITE);
	if (control->fd >= 0)
		sandbox_allow(s, *control->folder ? control->folder : "/", PLACE_UNLINK); /* its socket, at the end */
}

void lockdown_rights(const struct sandbox *s, struct ipc_rights *r)
{
	*r = (struct ipc_rights){
		.guards = s->guards, .landlock_abi = s->landlock_abi, .cap_eff = s->seen.cap_eff, .uid = s->seen.uid,
		.no_new_privs = s->seen.no_new_privs, .seccomp = s->seen.seccomp, .known = s->seen.known,
	};
}

bool lockdown_allows(const struct config *c, const struct users *u, const char *process, const struct ipc_rights *r, char *why,
		     size_t why_size)
{
	uint32_t missing = GUARDS_WANTED & ~r->guards;
	const char *key = c->require_sandbox ? "require_sandbox" : "require_landlock";

	if (c->require_sandbox && u->missing) {
		snprintf(why, why_size, "%s; require_sandbox: true does not allow that [E_SANDBOX]", u->why);
		return false;
	}
	if (!c->require_sandbox)
		missing &= c->require_landlock ? GUARD_LANDLOCK : 0;
	if (missing == 0)
		return true;
	uint32_t first = missing & -missing;
	snprintf(why, why_size, "the %s process %s; %s: true does not allow that [E_SANDBOX]", process, lack_of(first), key);
	return false;
}

void lockdown_missing(const struct supervisor *s, struct buf *out)
{
	uint32_t missing = GUARDS_WANTED & ~s->rights.guards;

	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (s->role[i].ready)
			missing |= GUARDS_WANTED & ~s->role[i].rights.guards;
	if (s->users.missing)
		buf_adds(out, s->users.why);
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		if (!(missing & lacks[i].guard))
			continue;
		buf_addf(out, "%sa process %s", out->len > 0 ? "\n" : "", lacks[i].lack);
	}
}
