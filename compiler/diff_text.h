/* SPDX-License-Identifier: Apache-2.0 */
/* diff_text - the access that a change gives and takes, as people and programs read it. */
#pragma once

#include <jansson.h>

#include "access/diff.h"
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
const char *diff_text_who(const struct diff_text *t, const struct diff_group *g);
/* At most max lines; *left counts the destinations that they do not name. */
size_t diff_text_lines(const struct diff_text *t, const struct diff_grant *g, struct diff_line *out, size_t max,
		       size_t *left);
/* "ops-db (policies/ops.yaml:3)"; side 0: before, 1: after. */
const char *diff_text_policy(const struct diff_text *t, int side, const struct diff_grant *g);
/* One line for each, on standard output. */
void diff_text_print(const struct diff_text *t, int side, const struct diff_grant *v, size_t n);
/* All groups. */
json_t *diff_text_json(const struct diff_text *t, const struct access_diff *d);
