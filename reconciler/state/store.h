/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - the state folder: lock, journal.jsonl, plan/last-good, and the mirror repo.git that the fetch role keeps there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/digest.h"
#include "state/journal.h"

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

struct store {
	int dirfd, plan_dirfd, lock_fd;
	struct journal journal;
};

/* 0, or a negative errno and a sentence; -EAGAIN: another yettd holds the lock. */
int store_open(struct store *s, const char *dir, char *err, size_t err_size);
void store_close(struct store *s);
/* The last good plan; -ENOENT: none yet. */
int store_load_good(struct store *s, struct plan_ref *p, char *err, size_t err_size);
/* Makes p the last good plan, durably. */
int store_save_good(struct store *s, const struct plan_ref *p);
