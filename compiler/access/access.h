/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access - settled to access classes; every answer is computed from the classes alone.
 *
 * A *part* is what one policy gives or takes: condition, verdict and region. A *class* is an ordered list of parts
 * (priority descending, deny before allow, then policy name); the first part that holds and contains a point decides
 * it. Sources with the same list share a class.
 */
#pragma once

#include "access/cond.h"
#include "access/region.h"
#include "resolve/resolve.h"

struct access_part {
	const char *policy; /* name */
	struct loc loc;     /* of the policy, for messages */
	bool deny, log;
	int32_t priority;
	struct cond cond;
	struct region region;
	uint32_t nclasses; /* how many classes use it */
};

struct access_class {
	const uint32_t *part; /* indices into access.part, in the order of decision */
	size_t nparts;
	const uint32_t *member; /* source indices, ascending; never empty */
	size_t nmembers;
};

struct access_window { /* when a source is active; from >= until: never */
	int64_t from, until;
};

struct access {
	struct access_part *part;
	size_t nparts;
	struct access_class *class;
	size_t nclasses;
	uint32_t *class_of; /* per source */
	struct access_window *window; /* per source */
	size_t nsources;
};

/* Warns (W_EMPTY_SELECTOR is resolve's; here W_NO_PATH) through d where d is not NULL. */
void access_build(struct access *x, const struct resolved *r, struct arena *a, struct diags *d);

struct verdict {
	bool allow;
	const struct access_part *part; /* what decided; NULL: no part did, or the source is inactive */
	bool inactive;
};

struct verdict access_eval(const struct access *x, uint32_t source, u128 addr, uint32_t service, int64_t t);

/* What a class allows at t, activity of sources aside. */
struct region class_allowed_at(const struct access *x, uint32_t class, int64_t t, struct arena *a);
/* What a class ever allows: conditional allows hold, conditional denies do not (for AllowedIPs). */
struct region class_allowed_ever(const struct access *x, uint32_t class, struct arena *a);

/*
 * A region query: is all of it allowed at t? First denied box and what decided otherwise. An empty region asks for
 * nothing and is denied, with a box of zeros and no part.
 */
struct answer {
	bool allow;
	struct box box;         /* the first denied box; when allowed the first box asked for */
	struct verdict verdict; /* at that box's lowest point */
};
struct answer access_ask(const struct access *x, uint32_t source, struct region asked, int64_t t, struct arena *a);

/*
 * The moments that matter: ascending times >= from such that between neighbours no condition or window of the
 * given sources' classes changes its truth except by the weekly pattern, which is sampled once in each distinct state
 * within each dated stretch. Evaluating at each of them is evaluating at every moment from `from` on.
 */
size_t access_moments(const struct access *x, const uint32_t *source, size_t n, int64_t from, struct arena *a,
		      int64_t **out);
