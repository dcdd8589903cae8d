/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bug.h"
#include "resolve/resolver.h"
#include "special_registry.h"

/* IPv4 unicast (1.0.0.0-223.255.255.255) and 2000::/3 (RFC 4291 section 2.4, RFC 3587). */
static const struct range unicast[] = {
	{ ADDR_V4_FIRST | 0x01000000u, ADDR_V4_FIRST | 0xdfffffffu },
	{ (u128)0x2 << 124, ((u128)0x4 << 124) - 1 },
};

void resolver_internet(struct resolver *s)
{
	struct resolved *r = s->r;
	struct ranges all RANGES_CLEANUP = VEC_INIT, not RANGES_CLEANUP = VEC_INIT, left RANGES_CLEANUP = VEC_INIT;
	ranges_add(&all, unicast, ARRAY_SIZE(unicast));
	ranges_add(&not, r->pools, r->npools);
	for (size_t i = 0; i < ARRAY_SIZE(special_registry); i++)
		vec_push(&not, special_row_range(&special_registry[i]));
	for (size_t i = 0; i < r->nsites; i++) {
		const prefix_list *l = &r->site[i].decl->networks;
		for (size_t j = 0; j < l->n; j++)
			ranges_add_written(&not, prefix_range(l->v[j]));
	}
	ranges_merge(&not);
	ranges_subtract(&all, &not, &left);
	r->internet = ranges_freeze(&left, s->a, &r->ninternet);
}
