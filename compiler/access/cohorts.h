/* SPDX-License-Identifier: Apache-2.0 */
/* cohorts - sources of one class that are active in the same window: whatever is asked about time, they get one answer.
 */
#pragma once

#include "access/access.h"

struct cohort {
	uint32_t class;
	struct access_window window;
	const uint32_t *member; /* ascending, never empty */
	size_t nmembers;
};

struct cohorts {
	struct cohort *v; /* by class, then window */
	size_t n;
	uint32_t *of; /* per source */
};

void cohorts_make(struct cohorts *c, const struct access *x, struct arena *a);
