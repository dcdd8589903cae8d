/* SPDX-License-Identifier: Apache-2.0 */
/* plans - the plans that the apply role holds: the newest it was given, the one in force before it, and the two behind a gate. */
#pragma once

#include "apply/guard.h"
#include "apply/mark.h"

struct plan_slot {
	struct arena arena;
	struct gw_plan plan;
	bool there;
	struct mark mark; /* that stands in it; not while it is the base, or is measured */
	size_t denied; /* peers that the guard took out of it */
};

struct plans {
	struct plan_slot next, base;
	struct plan_slot both; /* made when it is asked for */
	bool gated;            /* both: the kernel goes back by itself; else it is next with the peers of both */
	struct guard guard;
};

void plans_init(struct plans *p);
void plans_release(struct plans *p);
/* Takes an encoded plan as the newest; keep: what was the newest is its base. 0 or a negative errno and a sentence; then there is none. */
int plans_take(struct plans *p, int fd, bool keep, char *err, size_t err_size);
int plans_take_base(struct plans *p, int fd, char *err, size_t err_size);
/* Puts the mark, "" for none, into the newest, or into both. True: it is another one than before. */
bool plans_mark(struct plans *p, bool both, const char *text);
/* From now on the newest stands alone. */
void plans_settle(struct plans *p);
/* Whom to keep out, of the plans that are held too. */
int plans_guard(struct plans *p, const void *text, size_t len);
/* Both behind a gate that stays open for ms. NULL: there are not two. *why (or NULL) says why the kernel cannot go back by itself. */
const struct gw_plan *plans_both(struct plans *p, uint64_t ms, const char **why);
