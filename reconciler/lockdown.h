/* SPDX-License-Identifier: Apache-2.0 */
/* lockdown - what the whole daemon's processes gave up, and whether that is what the configuration asks for. */
#pragma once

#include "base/buf.h"
#include "config.h"
#include "message.h"
#include "report/control.h"
#include "sandbox/users.h"

struct supervisor;

/* What the supervisor needs after its start. The paths live as long as c. */
void lockdown_supervisor(struct sandbox *s, const struct config *c, const struct users *u, const struct control *control);
/* What came out of sandbox_close(). */
void lockdown_rights(const struct sandbox *s, struct ipc_rights *r);

/* False, and a sentence, when require_sandbox or require_landlock asks for more than this process has. */
bool lockdown_allows(const struct config *c, const struct users *u, const char *process, const struct ipc_rights *r, char *why,
		     size_t why_size);

/*
 * What is missing, one reason a line and no newline at the end: "" when all guards are in force for all processes that have answered.
 * Roles that share one user by the way yettd was started are no lack and are told by u->why.
 */
void lockdown_missing(const struct supervisor *s, struct buf *out);
