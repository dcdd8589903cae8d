/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutate - the strength of the tests: each policy is removed and widened in turn, and what no Test and no Guardrail
 * notices is listed.
 *
 * A policy of action deny is only removed. What is as wide as it can be is not widened.
 */
#pragma once

#include "access/access.h"

enum mutation { MUTATION_REMOVE, MUTATION_FROM, MUTATION_TO, MUTATION_PORTS, MUTATION_TIME, MUTATION_COUNT };

/* "is removed", "speaks of every device", ...: what follows the policy's name. */
extern const char *const mutation_text[MUTATION_COUNT];
/* The same as one word for programs: "remove", "from", ... */
extern const char *const mutation_word[MUTATION_COUNT];

struct mutant {
	const struct policy *policy;
	enum mutation how;
	const char *effect; /* one point of access that it changes; NULL: it changes none, so nobody can notice */
};

struct mutate_report {
	size_t tried, noticed;
	struct mutant *survivor; /* unnoticed, by policy name, then mutation; those without an effect too */
	size_t nsurvivors;
};

/* What does not hold to begin with notices nothing. */
void mutate_run(const struct access *x, const struct resolved *r, int64_t now, struct arena *a,
		struct mutate_report *out);
