/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cells - all sources by what the steps of one way make of them.
 *
 * The steps are taken in order over the ranges of sources that are still undecided. What such a range has met so far is a path, shared between
 * ranges and ways; a path that is whole is a class.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "plan/flow.h"

/* A path one step longer than prev. */
struct path {
	uint32_t prev; /* 0: none before */
	enum step_kind kind;
	uint32_t index; /* STEP_PART: a part; STEP_MAP: a chain's list */
	bool sourced;   /* it or one before asks for the source */
	uint32_t class; /* + 1; 0: not made yet */
};

struct cell_draft {
	u128 lo, hi;
	uint32_t path;
};

typedef VEC(struct cell_draft) draft_vec;
typedef VEC(struct decompile_cell) cell_vec;

struct cells {
	struct flow *f;
	VEC(struct path) path; /* [0] is the empty one */
	uint32_t *slot;        /* open addressing over path, + 1 */
	size_t nslots;
	VEC(struct access_class) class;
	VEC(uint32_t) allow_of; /* per part that leaves: the same as an allowance, + 1 */
	draft_vec open, next;
	cell_vec done;
	VEC(uint32_t) id; /* of the path at hand */
	VEC(u128) cut;
};

struct cells *cells_open(struct flow *f)
{
	struct cells *x = arena_new(f->a, struct cells);

	x->f = f;
	vec_push(&x->path, (struct path){ .kind = STEP_PART });
	return x;
}

/* --- paths --- */

static size_t path_hash(uint32_t prev, enum step_kind kind, uint32_t index)
{
	uint64_t h = ((uint64_t)prev << 33 | (uint64_t)kind << 32 | index) * 0x9e3779b97f4a7c15u;

	return (size_t)(h >> 20);
}

static void slot_put(uint32_t *slot, size_t n, const struct path *p, uint32_t id)
{
	size_t i = path_hash(p->prev, p->kind, p->index) & (n - 1);

	while (slot[i] != 0)
		i = (i + 1) & (n - 1);
	slot[i] = id + 1;
}

static void slots_grow(struct cells *x)
{
	size_t n = x->nslots ? 2 * x->nslots : 1024;
	uint32_t *slot = calloc(n, sizeof(*slot));

	if (slot == NULL)
		BUG("out of memory");
	for (size_t i = 1; i < x->path.n; i++)
		slot_put(slot, n, &x->path.v[i], (uint32_t)i);
	free(x->slot);
	x->slot = slot;
	x->nslots = n;
}

static uint32_t path_longer(struct cells *x, uint32_t prev, enum step_kind kind, uint32_t index)
{
	if (2 * (x->path.n + 1) > x->nslots)
		slots_grow(x);
	for (size_t i = path_hash(prev, kind, index) & (x->nslots - 1); x->slot[i] != 0; i = (i + 1) & (x->nslots - 1)) {
		const struct path *p = &x->path.v[x->slot[i] - 1];
		if (p->prev == prev && p->kind == kind && p->index == index)
			return x->slot[i] - 1;
	}
	bool sourced = kind == STEP_PART ? !x->f->part.v[index].guard.any_source : x->f->list[index].sourced;
	const struct path p = { .prev = prev, .kind = kind, .index = index, .sourced = sourced || x->path.v[prev].sourced };
	vec_push(&x->path, p);
	slot_put(x->slot, x->nslots, &p, (uint32_t)x->path.n - 1);
	return (uint32_t)x->path.n - 1;
}

/* --- classes --- */

/* Who leaves a chain that nobody jumped to is accepted by the hook. */
static uint32_t as_decision(struct cells *x, uint32_t id)
{
	struct flow *f = x->f;

	if (f->part.v[id].end != PART_LEAVE)
		return id;
	while (x->allow_of.n <= id)
		vec_push(&x->allow_of, 0);
	if (x->allow_of.v[id] == 0) {
		struct flow_part p = f->part.v[id];
		p.end = PART_ALLOW;
		vec_push(&f->part, p);
		x->allow_of.v[id] = (uint32_t)f->part.n;
	}
	return x->allow_of.v[id] - 1;
}

static bool part_concerns(const struct flow_part *p, const u128 *source)
{
	return p->guard.any_source || source == NULL || range_set_contains(p->guard.source, *source);
}

/* False: the rest does not count. */
static bool gather_part(struct cells *x, uint32_t id, const u128 *source)
{
	if (!part_concerns(&x->f->part.v[id], source))
		return true;
	id = as_decision(x, id);
	vec_push(&x->id, id);
	return !x->f->part.v[id].total;
}

/* The parts of a path in order; source: NULL where the path does not ask for it. */
static void gather(struct cells *x, uint32_t path, const u128 *source)
{
	VEC(uint32_t) step = VEC_INIT;
	bool on = true;

	x->id.n = 0;
	for (; path != 0; path = x->path.v[path].prev)
		vec_push(&step, path);
	for (size_t i = step.n; i-- > 0 && on;) {
		const struct path p = x->path.v[step.v[i]];
		if (p.kind == STEP_PART) {
			on = gather_part(x, p.index, source);
			continue;
		}
		const struct flow_list *l = &x->f->list[p.index];
		for (size_t k = 0; k < l->n && on; k++)
			on = gather_part(x, l->part[k], source);
		if (on) { /* goes off the end of a chain that was gone to */
			vec_push(&x->id, x->f->policy_part);
			on = false;
		}
	}
	vec_release(&step);
}

static uint32_t class_add(struct cells *x)
{
	size_t n = x->id.n;

	while (n > 0 && x->f->part.v[x->id.v[n - 1]].end == PART_DENY)
		n--; /* whatever nothing allows is denied */
	if (!flow_take(x->f, n))
		n = 0;
	vec_push(&x->class, ((struct access_class){ .part = arena_dup(x->f->a, x->id.v, n * sizeof(uint32_t)), .nparts = n }));
	return (uint32_t)x->class.n - 1;
}

static uint32_t class_of_path(struct cells *x, uint32_t path)
{
	if (x->path.v[path].class == 0) {
		gather(x, path, NULL);
		x->path.v[path].class = class_add(x) + 1;
	}
	return x->path.v[path].class - 1;
}

static void done_push(struct cells *x, u128 lo, u128 hi, uint32_t class)
{
	vec_push(&x->done, ((struct decompile_cell){ lo, hi, class }));
}

/* Where in lo..hi, after lo, a part begins or ends to concern the source. */
static void cuts_of_part(struct cells *x, const struct flow_part *p, u128 lo, u128 hi)
{
	for (size_t i = 0; !p->guard.any_source && i < p->guard.source.n; i++) {
		struct range r = p->guard.source.v[i];
		if (r.lo > lo && r.lo <= hi)
			vec_push(&x->cut, r.lo);
		if (r.hi >= lo && r.hi < hi)
			vec_push(&x->cut, r.hi + 1);
	}
}

static void cuts_of_path(struct cells *x, uint32_t path, u128 lo, u128 hi)
{
	const struct flow *f = x->f;

	x->cut.n = 0;
	for (; path != 0; path = x->path.v[path].prev) {
		const struct path *p = &x->path.v[path];
		if (p->kind == STEP_PART) {
			cuts_of_part(x, &f->part.v[p->index], lo, hi);
			continue;
		}
		for (size_t i = 0; i < f->list[p->index].n; i++)
			cuts_of_part(x, &f->part.v[f->list[p->index].part[i]], lo, hi);
	}
}

static int cmp_addr(const void *a, const void *b)
{
	return addr_cmp(*(const u128 *)a, *(const u128 *)b);
}

/* A range whose path asks for the source: cut where the answer may change. */
static void settle_cut(struct cells *x, u128 lo, u128 hi, uint32_t path)
{
	cuts_of_path(x, path, lo, hi);
	if (x->cut.n > 0)
		qsort(x->cut.v, x->cut.n, sizeof(*x->cut.v), cmp_addr);
	for (size_t i = 0; i <= x->cut.n; i++) {
		u128 last = i < x->cut.n ? x->cut.v[i] - 1 : hi;
		if (last < lo)
			continue;
		gather(x, path, &lo);
		done_push(x, lo, last, class_add(x));
		lo = last + 1;
	}
}

static void settle(struct cells *x, u128 lo, u128 hi, uint32_t path)
{
	if (x->path.v[path].sourced)
		settle_cut(x, lo, hi, path);
	else
		done_push(x, lo, hi, class_of_path(x, path));
}

/* --- steps --- */

static void take_part(struct cells *x, uint32_t part)
{
	bool total = x->f->part.v[part].total;

	for (size_t i = 0; i < x->open.n; i++) {
		struct cell_draft *c = &x->open.v[i];
		c->path = path_longer(x, c->path, STEP_PART, part);
		if (total)
			settle(x, c->lo, c->hi, c->path);
	}
	if (total)
		x->open.n = 0;
}

/* The list that a number leads to; NULL: a miss. */
static const struct flow_list *dispatched(struct cells *x, const struct nft_set *chains, uint32_t number)
{
	size_t lo = 0, hi = chains->nelems;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (chains->elem[mid].lo < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == chains->nelems || chains->elem[lo].lo != number)
		return NULL;
	const struct flow_list *l = flow_list(x->f, chains->elem[lo].chain, 0);
	if (l == NULL)
		flow_note(x->f, NULL, 0, "sends sources to a chain that is not there");
	return l;
}

static void keep_open(struct cells *x, u128 lo, u128 hi, uint32_t path)
{
	vec_push(&x->next, ((struct cell_draft){ lo, hi, path }));
}

/* One open range against the map's elements from *at on, which ascend as the ranges do. */
static void take_cell(struct cells *x, const struct cell_draft *c, const struct flow_step *s, size_t *at)
{
	const struct nft_elem *e = s->map->elem;
	u128 from = c->lo;
	bool rest = true;

	while (*at < s->map->nelems && e[*at].hi < c->lo)
		++*at;
	for (size_t i = *at; i < s->map->nelems && e[i].lo <= c->hi && rest; i++) {
		u128 lo = e[i].lo > from ? e[i].lo : from, hi = e[i].hi < c->hi ? e[i].hi : c->hi;
		const struct flow_list *l = lo <= hi ? dispatched(x, s->chains, e[i].value) : NULL;
		if (l == NULL)
			continue;
		if (lo > from)
			keep_open(x, from, lo - 1, c->path);
		settle(x, lo, hi, path_longer(x, c->path, STEP_MAP, (uint32_t)(l - x->f->list)));
		rest = hi < c->hi;
		from = hi + 1;
	}
	if (rest)
		keep_open(x, from, c->hi, c->path);
}

static void take_map(struct cells *x, const struct flow_step *s)
{
	size_t at = 0;

	x->next.n = 0;
	for (size_t i = 0; i < x->open.n; i++)
		take_cell(x, &x->open.v[i], s, &at);
	draft_vec old = x->open;
	x->open = x->next;
	x->next = old;
}

static int cmp_cell(const void *a, const void *b)
{
	const struct decompile_cell *x = a, *y = b;

	return addr_cmp(x->lo, y->lo);
}

struct decompile_cells cells_make(struct cells *x, const struct flow_step *step, size_t n)
{
	size_t kept = 0;

	x->open.n = x->done.n = 0;
	vec_push(&x->open, ((struct cell_draft){ 0, ADDR_LAST, 0 }));
	for (size_t i = 0; i < n && x->open.n > 0; i++) {
		if (step[i].kind == STEP_PART)
			take_part(x, step[i].part);
		else
			take_map(x, &step[i]);
	}
	for (size_t i = 0; i < x->open.n; i++) /* there is none: the last step decides all */
		settle(x, x->open.v[i].lo, x->open.v[i].hi, x->open.v[i].path);
	qsort(x->done.v, x->done.n, sizeof(*x->done.v), cmp_cell);
	for (size_t i = 0; i < x->done.n; i++) {
		if (kept > 0 && x->done.v[kept - 1].class == x->done.v[i].class)
			x->done.v[kept - 1].hi = x->done.v[i].hi;
		else
			x->done.v[kept++] = x->done.v[i];
	}
	return (struct decompile_cells){ arena_dup(x->f->a, x->done.v, kept * sizeof(*x->done.v)), kept };
}

void cells_close(struct cells *x, struct access *out)
{
	const struct flow *f = x->f;

	*out = (struct access){ .nparts = f->part.n, .nclasses = x->class.n };
	out->part = arena_array(f->a, f->part.n, struct access_part);
	for (size_t i = 0; i < f->part.n; i++) {
		const struct flow_part *p = &f->part.v[i];
		struct region target = p->guard.any_target ? region_all(f->a) : p->guard.target;
		out->part[i] = (struct access_part){ .policy = p->policy, .deny = p->end == PART_DENY, .cond = p->guard.cond,
						     .region = target };
	}
	out->class = vec_freeze(&x->class, f->a);
	free(x->slot);
	vec_release(&x->path);
	vec_release(&x->class);
	vec_release(&x->allow_of);
	vec_release(&x->open);
	vec_release(&x->next);
	vec_release(&x->done);
	vec_release(&x->id);
	vec_release(&x->cut);
}
