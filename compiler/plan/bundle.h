/* SPDX-License-Identifier: Apache-2.0 */
/* bundle - the parts that the same classes use and that decide alike, as one. Private to plan/. */
#pragma once

#include "access/access.h"
#include "base/vec.h"

struct bundle {
	bool deny, log;
	int32_t priority;
	const struct cond *cond;
	uint32_t first; /* lowest part index */
	uint32_t *part; /* indices into access.part, ascending */
	uint32_t nparts;
	uint32_t nclasses; /* how many of the classes looked at use it */
	struct region region;
	const char *policy; /* that sorts first */
	uint32_t npolicies;
};

struct bundles {
	struct bundle *v; /* in an order of decision that is right for each class */
	size_t n;
	uint32_t *of_part; /* bundle of each part, or NONE */
};

/* Of the parts of these classes (indices, unique). Everything lives in a. */
void bundles_make(struct bundles *b, const struct access *x, const uint32_t *class, size_t n, struct arena *a);
/* The bundles of a class in the order of decision, into out (room for the class's nparts); returns their number. */
size_t bundles_of_class(const struct bundles *b, const struct access *x, uint32_t class, uint32_t *out);
