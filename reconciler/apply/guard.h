/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard - keys that stay out whatever a plan says, and whose way in stays open.
 *
 * A key that an accepted plan revoked never comes back: not by a rollback, not by the plan that is put in force at boot, not by another
 * tree. The supervisor keeps the list on the disk; the apply role takes it out of every plan.
 *
 * As text, one a line: "deny KEY", "except-key KEY", "except-network PREFIX".
 */
#pragma once

#include "base/buf.h"
#include "base/vec.h"
#include "plan/gate.h"

#define GUARD_BYTES_MAX ((size_t)16 << 20)

struct guard {
	VEC(struct pubkey) deny; /* sorted, unique */
	VEC(struct pubkey) key;  /* exempt */
	VEC(struct prefix) network;
};

void guard_release(struct guard *g);
/* In place of what g held. -EBADMSG: a line is none of these; g is empty then. */
int guard_parse(struct guard *g, const void *data, size_t len);
bool guard_denies(const struct guard *g, const struct pubkey *key);
struct gate_exempt guard_exempt(const struct guard *g);
/* Takes the peers of denied keys out of a plan of ours: marked as revoked, without addresses, and out of the maps to classes. How many. */
size_t guard_apply(const struct guard *g, struct gw_plan *p);
/* The keys that next revokes and g does not deny yet, as lines of "deny"; base (or NULL) says which addresses they had. How many. */
size_t guard_news(const struct guard *g, const struct gw_plan *base, const struct gw_plan *next, struct buf *out);
