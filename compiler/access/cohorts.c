/* SPDX-License-Identifier: Apache-2.0 */
#include "access/cohorts.h"

#include <stdlib.h>

#include "base/vec.h"

static int window_cmp(const struct access_window *x, const struct access_window *y)
{
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->until < y->until ? -1 : x->until > y->until;
}

static int member_cmp(const void *px, const void *py, void *arg)
{
	const struct access_window *window = arg;
	uint32_t x = *(const uint32_t *)px, y = *(const uint32_t *)py;
	int c = window_cmp(&window[x], &window[y]);

	return c ? c : x < y ? -1 : x > y;
}

void cohorts_make(struct cohorts *c, const struct access *x, struct arena *a)
{
	VEC(struct cohort) all = VEC_INIT;

	*c = (struct cohorts){.of = arena_array(a, x->nsources, uint32_t)};
	for (uint32_t k = 0; k < x->nclasses; k++) {
		size_t n = x->class[k].nmembers;
		uint32_t *member = arena_dup(a, x->class[k].member, n * sizeof(*member));

		qsort_r(member, n, sizeof(*member), member_cmp, x->window);
		for (size_t i = 0; i < n; i++) {
			struct cohort *last = i ? &all.v[all.n - 1] : NULL;
			if (!last || window_cmp(&last->window, &x->window[member[i]]) != 0) {
				vec_push(&all, ((struct cohort){k, x->window[member[i]], &member[i], 0}));
				last = &all.v[all.n - 1];
			}
			last->nmembers++;
			c->of[member[i]] = (uint32_t)(all.n - 1);
		}
	}
	c->n = all.n;
	c->v = all.n ? vec_freeze(&all, a) : NULL;
	vec_release(&all);
}
