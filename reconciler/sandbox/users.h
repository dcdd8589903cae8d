/* SPDX-License-Identifier: Apache-2.0 */
/* users - who the processes run as, from the system's user database; and the folders that they own. */
#pragma once

#include "sandbox/sandbox.h"

struct users {
	bool separate; /* else all run as who started yettd */
	uid_t uid[SANDBOX_COUNT]; /* (uid_t)-1: stays */
	gid_t gid[SANDBOX_COUNT];
	char why[256]; /* not separate: the reason, in a sentence */
	bool missing;  /* ... which is that root started yettd and the users do not exist */
};

/* Looks them up. All of them or none: half a separation is not told from a whole one. */
void users_find(struct users *u);
/*
 * Makes state_dir, and the fetch role's folder in it, and gives them to their users. What root made there before is given along.
 * 0, or a negative errno and a sentence.
 */
int users_own(const struct users *u, const char *state_dir, char *err, size_t err_size);

#define USERS_FETCH_FOLDER "fetch" /* in state_dir */
