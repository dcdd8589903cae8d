/* SPDX-License-Identifier: Apache-2.0 */
/* descent - which commits lie between two, by the commits that are there: missing ones lead nowhere. */
#pragma once

#include <stdbool.h>

#include "source/repo.h"

#define DESCENT_COMMITS_MAX 20000u

/* Whether is comes after was, or is it, within so many commits. */
bool descent_holds(const struct source_repo *r, const git_oid *is, const git_oid *was);
/*
 * Calls fn for each commit that the search for was from is on meets, is itself first, was last where it is met. 0, or what fn returned
 * where that is not 0.
 */
int descent_walk(const struct source_repo *r, const git_oid *is, const git_oid *was,
		 int (*fn)(void *ctx, const git_oid *id), void *ctx, bool *met);
