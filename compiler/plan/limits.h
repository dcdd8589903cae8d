/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits - the rates and quotas of plans, as the kernel keeps them for each device.
 *
 * A device under a limit has a number, the same for all its addresses and networks, that its name and the other devices
 * have no part in. Maps lead from addresses to numbers; each direction's rates are one set of such numbers, each element with its
 * own limit, and each (bytes, period) of quotas is one set, each element with what is used of it. So another device, or another plan
 * for it, is a few elements, and the rules stay as they are.
 *
 * A chain of its own hook asks them, after all else has accepted: what is denied uses up nothing.
 */
#pragma once

#include "plan/table.h"
#include "resolve/resolve.h"

/* The kernel counts a limit in nanoseconds times bytes, in 64 bits. What is faster is not limited. */
#define LIMITS_RATE_MAX 18000000000u /* bytes a second */

/* What the names of sets of quotas begin with; then bytes, '_' and period, both hexadecimal. */
#define LIMITS_QUOTA_PREFIX "quota_"

/* Whether a set or chain of that name is one of those that limit, and decide about no access. */
bool limits_owns(const char *name);
/* Adds nothing where none of the devices (ascending) is under a limit. */
void limits_build(struct table *t, const struct resolved *r, const uint32_t *device, size_t n, const char *interface);
