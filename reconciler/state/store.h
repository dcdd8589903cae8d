/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - the state folder: lock, journal.jsonl, plan/last-good, and the folder fetch/ with the mirror, which is the fetch role's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/digest.h"
#include "state/audit_log.h"
#include "state/journal.h"
#include "state/reserve.h"

/* An encoded plan in a sealed memfd, with where it comes from. */
struct plan_ref {
	int fd; /* -1: none */
	char digest[DIGEST_HEX_MAX];
	char commit[COMMIT_TEXT_MAX]; /* "" when not known */
};

#define PLAN_REF_NONE { .fd = -1 }

void plan_ref_release(struct plan_ref *p);
/* Takes fd (closed on failure); computes the digest. 0 or a negative errno. */
int plan_ref_take(struct plan_ref *p, int fd, const char *commit);

#define STORE_BOOT_MAX 40

struct store {
	int dirfd, plan_dirfd, lock_fd;
	char boot[STORE_BOOT_MAX]; /* the kernel's id of this boot; "": it does not say */
	struct journal journal;
	struct audit_log audit; /* each line of the journal but "applying" is one of it too */
	struct reserve reserve;
	/*
	 * A plan that differs little from the one before is kept as a patch in its "applying" line, which is synced before the kernel is touched;
	 * the file follows when there is time.
	 */
	unsigned int behind;            /* how many plans the file is behind */
	char patched[DIGEST_HEX_MAX];   /* the plan whose newest "applying" line has a patch; "" */
};

#define STORE_BEHIND_MAX 64 /* then the file is written at once */

/* 0, or a negative errno and a sentence; -EAGAIN: another yettd holds the lock. */
int store_open(struct store *s, const char *dir, char *err, size_t err_size);
void store_close(struct store *s);
/* The last good plan: the file's, and what the journal says was made of it since. -ENOENT: none yet. With another error p may be there all the same. */
int store_load_good(struct store *s, struct plan_ref *p, char *err, size_t err_size);
/* Whether there is room for another change: the reserve is there. 0 or a negative errno. */
int store_room(struct store *s);
/* Says in the journal that p is about to be applied where good is; with its patch when it is a small one. */
int store_begin(struct store *s, const struct plan_ref *good, const struct plan_ref *p);
/* Says that p is applied. It is durably the last good plan from here on: by the patch, else by the file, which is written first. */
int store_applied(struct store *s, const struct plan_ref *p, const char *text);
/* The plan of a window, in a file of its own. -ENOENT: there is none. */
int store_save_pending(struct store *s, const struct plan_ref *p);
int store_load_pending(struct store *s, struct plan_ref *p);
int store_drop_pending(struct store *s);
/* Any other line; good: what is in force now. */
int store_note(struct store *s, const struct plan_ref *good, const struct journal_entry *e);
/* Writes the file, when it is behind. */
int store_settle(struct store *s, const struct plan_ref *good);
