/* SPDX-License-Identifier: Apache-2.0 */
/* suspend - until when nothing new is applied, on a person's word; kept over restarts in suspended.json. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SUSPEND_FILE "suspended.json"
#define SUSPEND_DEFAULT_S (2 * 3600)
#define SUSPEND_MAX_S (24 * 3600)

struct suspend {
	int64_t until; /* UTC seconds; 0: not suspended */
	uid_t by;
};

/* 0, also when there is no file. One that cannot be read suspends nothing: a negative errno. */
int suspend_load(struct suspend *s, int dirfd);
/* until 0 resumes. 0 or a negative errno; in memory it is done all the same. */
int suspend_set(struct suspend *s, int dirfd, int64_t until, uid_t by);
/* Whether it is so at that moment. A clock that was set back makes no suspension longer than SUSPEND_MAX_S. */
bool suspend_holds(const struct suspend *s, int64_t now);
