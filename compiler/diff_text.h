/* SPDX-License-Identifier: Apache-2.0 */
/* diff_text - the access that a change gives and takes, as people and programs read it. */
#pragma once

#include <jansson.h>

#include "access/diff.h"
#include "base/buf.h"
#include "base/diag.h"

#define DIFF_LINES_SHOWN 12 /* of one policy in one group */

struct diff_text {
	struct arena *arena;           /* what is returned lives here */
	const struct diags *diags[2]; /* whose places the grants name: before, after */
};

/* Destinations with the same services, as one line names them. */
struct diff_line {
	const char *destinations, *services;
};

/* "alice, bob (bob-phone), site:hq and 12 more" */
const char *diff_text_who(const struct diff_text *t, const struct diff_member *v, size_t n);
/* At most max lines; *left counts the destinations that they do not name. */
size_t diff_text_lines(const struct diff_text *t, const struct diff_item *item, size_t nitems, struct diff_line *out,
		       size_t max, size_t *left);
/* "ops-db (policies/ops.yaml:3:1)", and what denies it on the other side; side 0: before, 1: after. */
const char *diff_text_policy(const struct diff_text *t, int side, const struct diff_grant *g);
/* "internet, wide"; "" where nothing stands out. */
const char *diff_text_risk(const struct diff_text *t, const struct diff_grant *g);
/* Groups with all of their grants, as text. */
void diff_text_groups(const struct diff_text *t, const struct diff_group *v, size_t n, struct buf *out);
/* docs/diff.md has the form of both. */
json_t *diff_text_members_json(const struct diff_member *v, size_t n);
json_t *diff_text_items_json(const struct diff_item *v, size_t n);
json_t *diff_text_json(const struct diff_text *t, const struct access_diff *d); /* all groups */
