/* SPDX-License-Identifier: Apache-2.0 */
/* caps - users and capabilities, by the raw system calls of capabilities(7). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Takes all others out of the bounding set, so that no exec can bring them back. What we may not take out stays. */
void caps_drop_bounds(uint64_t keep);
/* Leaves all groups, takes gid and uid for good, and keeps the capabilities that it has. 0 or a negative errno. */
int caps_become(uid_t uid, gid_t gid);
/* Gives up every capability but those; ambient: they survive an exec. Those that it lacks are not missed. 0 or a negative errno. */
int caps_keep(uint64_t keep, bool ambient);
/* What it may use now. */
uint64_t caps_permitted(void);
