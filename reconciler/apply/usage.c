/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/usage.h"

#include <string.h>

#include "base/clock.h"

void usage_drop(struct usage *u)
{
	quota_release(&u->fresh);
	u->read = false;
	u->set = NULL;
	u->nsets = 0;
}

void usage_release(struct usage *u)
{
	usage_drop(u);
	quota_release(&u->state);
}

static bool has_quotas(const struct nft_table *t)
{
	for (size_t i = 0; i < t->nsets; i++)
		if (t->set[i].kind == NFT_SET_QUOTA)
			return true;
	return false;
}

static void copy(struct quota_state *to, const struct quota_state *from)
{
	quota_release(to);
	to->at = from->at;
	to->table = from->table;
	for (size_t i = 0; i < from->use.n; i++)
		vec_push(&to->use, from->use.v[i]);
}

int usage_look(struct usage *u, struct kernel *k, const struct gw_plan *have, const struct gw_plan *want, struct arena *a,
	       int64_t now, char *err, size_t err_size)
{
	int ret = 0;

	usage_drop(u);
	if (k->usage == NULL || (!has_quotas(&have->nft) && !has_quotas(&want->nft) && u->state.use.n == 0))
		return 0;
	if (has_quotas(&have->nft))
		ret = k->usage(k->ctx, a, &u->set, &u->nsets, err, err_size);
	if (ret < 0)
		return ret;
	copy(&u->fresh, &u->state);
	if (quota_read(&u->fresh, u->set, u->nsets, have->nft.present ? have->nft.handle : u->state.table, now))
		u->told = false;
	quota_seed(&u->fresh, want->nft.set, want->nft.nsets);
	u->read = true;
	return 0;
}

bool usage_concerns(const struct plan_delta *d)
{
	for (size_t i = 0; i < d->nops; i++) {
		const struct plan_op *op = &d->op[i];
		if (op->kind == OP_TABLE_ADD || op->kind == OP_TABLE_REMOVE ||
		    (op->set != NULL && op->set->kind == NFT_SET_QUOTA))
			return true;
	}
	return false;
}

static int tell(struct usage *u)
{
	int ret = u->tell != NULL ? u->tell(u->ctx, &u->state) : 0;

	u->told = ret == 0;
	return ret;
}

int usage_before(struct usage *u, const struct plan_delta *d)
{
	bool anew = false;

	for (size_t i = 0; i < d->nops; i++)
		anew |= d->op[i].kind == OP_TABLE_ADD;
	if (!anew || u->state.table == 0 || u->state.use.n == 0)
		return 0;
	/* Else whoever goes on after our death between the two would add the counters up. */
	u->state.table = 0;
	return tell(u);
}

static const struct nft_set *set_read(const struct usage *u, const char *name)
{
	for (size_t i = 0; i < u->nsets; i++)
		if (strcmp(u->set[i].name, name) == 0)
			return &u->set[i];
	return NULL;
}

/* Elements of both sides are in order of their numbers. */
static size_t wrong_counters(const struct nft_set *have, const struct nft_set *want, struct nft_elem **out)
{
	size_t n = 0;

	for (size_t i = 0, k = 0; i < have->nelems && k < want->nelems;) {
		int c = nft_elem_cmp(&have->elem[i], &want->elem[k]);
		if (c == 0 && have->elem[i].used != want->elem[k].used)
			out[n++] = &want->elem[k];
		i += c <= 0;
		k += c >= 0;
	}
	return n;
}

/* In one transaction: an element is taken out and put back, and no packet sees it missing. */
static int rewrite(struct kernel *k, const struct gw_plan *want, const struct nft_set *set, struct nft_elem **elem, size_t n,
		   struct arena *a, char *err, size_t err_size)
{
	struct plan_delta d = { .op = arena_array(a, 2 * n, struct plan_op), .nops = 2 * n, .want = want };

	for (size_t i = 0; i < n; i++) {
		d.op[i] = (struct plan_op){ .kind = OP_ELEM_REMOVE, .set = set, .elem = elem[i] };
		d.op[n + i] = (struct plan_op){ .kind = OP_ELEM_ADD, .set = set, .elem = elem[i] };
	}
	return k->apply(k->ctx, &d, NULL, NULL, err, err_size);
}

int usage_end(struct usage *u, struct kernel *k, const struct gw_plan *want, struct arena *a, char *err, size_t err_size)
{
	int ret = 0;

	if (!u->read)
		return 0;
	for (size_t i = 0; i < want->nft.nsets && ret == 0; i++) {
		const struct nft_set *w = &want->nft.set[i];
		const struct nft_set *h = w->kind == NFT_SET_QUOTA ? set_read(u, w->name) : NULL;
		if (h == NULL)
			continue;
		struct nft_elem **elem = arena_array(a, w->nelems, struct nft_elem *);
		size_t n = wrong_counters(h, w, elem);
		if (n > 0)
			ret = rewrite(k, want, w, elem, n, a, err, err_size);
	}
	if (ret == 0) {
		copy(&u->state, &u->fresh);
		if (!u->told)
			ret = tell(u);
	}
	usage_drop(u);
	return ret;
}

int64_t usage_next(const struct gw_plan *want, int64_t now)
{
	int64_t next = quota_next(want->nft.set, want->nft.nsets, now);

	return next != CLOCK_NEVER && next > now + USAGE_SECONDS ? now + USAGE_SECONDS : next;
}
