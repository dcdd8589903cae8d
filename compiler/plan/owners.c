/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/owners.h"

#include "base/vec.h"

struct claim {
	struct range range;
	const struct gw_peer *peer;
};

typedef VEC(struct claim) claim_vec;
typedef VEC(struct owner_cell) cell_vec;

/* Outer prefixes before the inner ones that begin where they do. */
static int cmp_claim(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int c = addr_cmp(x->range.lo, y->range.lo);

	if (c == 0)
		c = addr_cmp(y->range.hi, x->range.hi);
	return c != 0 ? c : pubkey_cmp(&x->peer->public_key, &y->peer->public_key);
}

static void cell_push(cell_vec *v, u128 lo, u128 hi, const struct gw_peer *peer)
{
	struct owner_cell *last = v->n > 0 ? &v->v[v->n - 1] : NULL;

	if (last != NULL && last->peer == peer && last->hi + 1 == lo)
		last->hi = hi;
	else
		vec_push(v, ((struct owner_cell){ lo, hi, peer }));
}

/* Gives what is left of the prefixes that end before lo, innermost first. */
static void close_until(claim_vec *stack, cell_vec *out, u128 *at, u128 lo, bool all)
{
	while (stack->n > 0 && (all || stack->v[stack->n - 1].range.hi < lo)) {
		const struct claim *top = &stack->v[--stack->n];
		if (*at <= top->range.hi) {
			cell_push(out, *at, top->range.hi, top->peer);
			*at = top->range.hi + 1; /* wraps after the last address, when nothing follows */
			if (*at == 0)
				stack->n = 0;
		}
	}
}

struct owner_cells owners_make(const struct gw_plan *p, int64_t now, struct arena *a)
{
	claim_vec claim = VEC_INIT, stack = VEC_INIT;
	cell_vec out = VEC_INIT;
	u128 at = 0;

	for (size_t i = 0; i < p->npeers; i++) {
		const struct gw_peer *peer = &p->peer[i];
		if (peer->revoked || peer->expires <= now)
			continue;
		for (size_t k = 0; k < peer->nallowed; k++)
			vec_push(&claim, ((struct claim){ prefix_range(peer->allowed_ips[k]), peer }));
	}
	if (claim.n > 0)
		qsort(claim.v, claim.n, sizeof(*claim.v), cmp_claim);
	for (size_t i = 0; i < claim.n; i++) {
		const struct claim *c = &claim.v[i];
		close_until(&stack, &out, &at, c->range.lo, false);
		if (stack.n > 0 && at < c->range.lo)
			cell_push(&out, at, c->range.lo - 1, stack.v[stack.n - 1].peer);
		at = c->range.lo;
		vec_push(&stack, *c);
	}
	close_until(&stack, &out, &at, 0, true);
	struct owner_cells cells = { vec_freeze(&out, a), out.n };
	vec_release(&claim);
	vec_release(&stack);
	vec_release(&out);
	return cells;
}
