/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/agree.h"

#include <stdlib.h>
#include <string.h>

#include "access/delta.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/vec.h"
#include "plan/owners.h"

enum { HAVE, WANT };

/* What two classes grant differently; found once for each pair. */
struct pair {
	uint32_t class[2]; /* NONE: nothing */
	struct access_window window; /* of the plan's side */
	bool v6;
	struct delta delta; /* [HAVE]: more, [WANT]: less */
};

/* One source range with one difference. */
struct finding {
	struct agree_who who;
	uint32_t pair;
	uint32_t ways, replies;
};

struct side {
	struct decompiled d;
	struct digest *part;  /* per part, from now on */
	struct digest *class; /* per class */
	struct owner_cells owner;
};

struct compare {
	const struct gw_plan *plan[2];
	struct side side[2];
	int64_t now;
	struct arena *a;
	VEC(struct pair) pair;
	uint32_t *slot; /* open addressing over pair, + 1 */
	size_t nslots;
	VEC(struct finding) finding;
	uint32_t ways, replies; /* of the sweep at hand */
};

/* --- both sides --- */

static struct digest class_digest(const struct side *s, uint32_t class)
{
	const struct access_class *c = &s->d.access.class[class];
	struct digest_ctx x;

	digest_begin(&x);
	for (size_t i = 0; i < c->nparts; i++)
		digest_add(&x, s->part[c->part[i]].b, DIGEST_BYTES);
	return digest_end(&x);
}

static void side_make(struct compare *c, int which)
{
	struct side *s = &c->side[which];
	const struct gw_plan *p = c->plan[which];

	decompile(&s->d, &p->nft, p->interface, c->a);
	s->part = arena_array(c->a, s->d.access.nparts, struct digest);
	for (size_t i = 0; i < s->d.access.nparts; i++)
		s->part[i] = delta_part_digest(&s->d.access.part[i], c->now);
	s->class = arena_array(c->a, s->d.access.nclasses, struct digest);
	for (uint32_t i = 0; i < s->d.access.nclasses; i++)
		s->class[i] = class_digest(s, i);
	s->owner = owners_make(p, c->now, c->a);
}

/* Why no peer of the found gateway comes in. */
static const char *link_fault(const struct gw_plan *have, const struct gw_plan *want, struct arena *a)
{
	if (!have->present)
		return arena_printf(a, "there is no WireGuard interface %s, so no peer comes in", want->interface);
	if (!have->up)
		return arena_printf(a, "the interface %s is down, so no peer comes in", want->interface);
	if (pubkey_cmp(&have->public_key, &want->public_key) != 0)
		return arena_printf(a, "the interface %s has another private key than the plan's, so no peer comes in",
				    want->interface);
	return NULL;
}

/* --- pairs of classes --- */

static const struct access_window always = { CLOCK_EVER, CLOCK_NEVER };

static bool same_pair(const struct pair *x, const struct pair *y)
{
	return x->class[HAVE] == y->class[HAVE] && x->class[WANT] == y->class[WANT] && x->v6 == y->v6 &&
	       x->window.from == y->window.from && x->window.until == y->window.until;
}

static size_t pair_hash(const struct pair *p)
{
	uint64_t h = ((uint64_t)p->class[HAVE] << 32 | p->class[WANT]) * 0x9e3779b97f4a7c15u;

	h ^= ((uint64_t)p->window.from ^ (uint64_t)p->window.until << 1 ^ p->v6) * 0xbf58476d1ce4e5b9u;
	return (size_t)(h >> 20);
}

static void slot_put(struct compare *c, uint32_t id)
{
	size_t i = pair_hash(&c->pair.v[id]) & (c->nslots - 1);

	while (c->slot[i] != 0)
		i = (i + 1) & (c->nslots - 1);
	c->slot[i] = id + 1;
}

static void slots_grow(struct compare *c)
{
	free(c->slot);
	c->nslots = c->nslots ? 2 * c->nslots : 1024;
	c->slot = calloc(c->nslots, sizeof(*c->slot));
	if (c->slot == NULL)
		BUG("out of memory");
	for (size_t i = 0; i < c->pair.n; i++)
		slot_put(c, (uint32_t)i);
}

/* Of flows of one family only what lies in that family. */
static size_t keep_family(struct compare *c, struct diff_grant *g, size_t n, bool v6)
{
	static const struct range v4 = { ADDR_V4_FIRST, ADDR_V4_LAST };
	static const struct range others[] = { { 0, ADDR_V4_FIRST - 1 }, { ADDR_V4_LAST + 1, ADDR_LAST } };
	const struct service any = { 0, SERVICE_LAST };
	struct range_set s = v6 ? (struct range_set){ others, 2 } : (struct range_set){ &v4, 1 };
	struct region family = region_product(c->a, s, &any, 1);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct diff_grant x = g[i];
		x.region = region_intersect(c->a, x.region, family);
		if (!region_is_empty(x.region))
			g[kept++] = x;
	}
	return kept;
}

static void pair_compute(struct compare *c, struct pair *p)
{
	const struct delta_side side[2] = {
		{ &c->side[HAVE].d.access, c->side[HAVE].part, p->class[HAVE], always },
		{ &c->side[WANT].d.access, c->side[WANT].part, p->class[WANT], delta_window(p->window, c->now) },
	};

	delta_compute(&p->delta, side, c->now, c->a);
	for (int s = 0; s < 2; s++)
		p->delta.n[s] = keep_family(c, p->delta.grant[s], p->delta.n[s], p->v6);
}

static uint32_t pair_find(struct compare *c, const struct pair *key)
{
	if (2 * (c->pair.n + 1) > c->nslots)
		slots_grow(c);
	for (size_t i = pair_hash(key) & (c->nslots - 1); c->slot[i] != 0; i = (i + 1) & (c->nslots - 1))
		if (same_pair(&c->pair.v[c->slot[i] - 1], key))
			return c->slot[i] - 1;
	struct pair p = *key;
	pair_compute(c, &p);
	vec_push(&c->pair, p);
	slot_put(c, (uint32_t)c->pair.n - 1);
	return (uint32_t)c->pair.n - 1;
}

static bool surely_equal(const struct compare *c, const struct pair *p)
{
	return p->class[HAVE] != NONE && p->class[WANT] != NONE && p->window.from == CLOCK_EVER &&
	       p->window.until == CLOCK_NEVER &&
	       memcmp(&c->side[HAVE].class[p->class[HAVE]], &c->side[WANT].class[p->class[WANT]], sizeof(struct digest)) == 0;
}

/* --- the sweep over sources --- */

static const struct gw_peer *peer_by_key(const struct gw_plan *p, const struct pubkey *key)
{
	size_t lo = 0, hi = p->npeers;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int o = pubkey_cmp(&p->peer[mid].public_key, key);
		if (o == 0)
			return &p->peer[mid];
		if (o < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static void judge(struct compare *c, struct range r, const struct gw_peer *peer, const struct pair *key)
{
	if (surely_equal(c, key))
		return;
	uint32_t pair = pair_find(c, key);
	const struct delta *d = &c->pair.v[pair].delta;
	if (d->n[HAVE] + d->n[WANT] == 0)
		return;
	struct finding f = { .who = { .range = r }, .pair = pair, .ways = c->ways, .replies = c->replies };
	if (peer != NULL) {
		const struct gw_peer *planned = peer_by_key(c->plan[WANT], &peer->public_key);
		f.who.peer = planned != NULL ? planned : peer;
		f.who.strange = planned == NULL || planned->revoked;
	}
	vec_push(&c->finding, f);
}

/* Sources that one peer, or another, or none holds: class[] is what each side's table makes of them. */
static void judge_inside(struct compare *c, struct range r, const struct gw_peer *const peer[2], const uint32_t class[2])
{
	bool same = peer[HAVE] != NULL && peer[WANT] != NULL && pubkey_cmp(&peer[HAVE]->public_key, &peer[WANT]->public_key) == 0;
	struct pair key = { .class = { NONE, NONE }, .window = always, .v6 = !addr_is_v4(r.lo) };

	if (same) {
		key.class[HAVE] = class[HAVE];
		key.class[WANT] = class[WANT];
		key.window = (struct access_window){ peer[WANT]->not_before, peer[WANT]->expires };
		judge(c, r, peer[WANT], &key);
		return;
	}
	if (peer[HAVE] != NULL) {
		key.class[HAVE] = class[HAVE];
		judge(c, r, peer[HAVE], &key);
	}
	key.class[HAVE] = NONE;
	if (peer[WANT] != NULL && peer[WANT]->not_before <= c->now) { /* else it comes when it is due */
		key.class[WANT] = class[WANT];
		key.window = (struct access_window){ peer[WANT]->not_before, peer[WANT]->expires };
		judge(c, r, peer[WANT], &key);
	}
}

static const struct gw_peer *owner_at(const struct owner_cells *o, size_t *at, u128 addr, u128 *until)
{
	while (*at < o->n && o->v[*at].hi < addr)
		++*at;
	if (*at == o->n)
		return NULL;
	const struct owner_cell *cell = &o->v[*at];
	u128 last = cell->lo > addr ? cell->lo - 1 : cell->hi;
	*until = last < *until ? last : *until;
	return cell->lo > addr ? NULL : cell->peer;
}

static u128 family_end(u128 addr)
{
	return addr < ADDR_V4_FIRST ? ADDR_V4_FIRST - 1 : addr_is_v4(addr) ? ADDR_V4_LAST : ADDR_LAST;
}

/* Outside, replies alone to the address of a peer are left out: its flows do not begin there, and those that begin inside are judged inside. */
static void sweep(struct compare *c, const struct decompile_cells cells[2], bool inside)
{
	size_t at[2] = { 0, 0 }, owner[2] = { 0, 0 };

	for (u128 lo = 0;;) {
		u128 hi = family_end(lo);
		const struct gw_peer *peer[2] = { NULL, NULL };
		uint32_t class[2];
		for (int s = 0; s < 2; s++) {
			while (cells[s].v[at[s]].hi < lo)
				at[s]++;
			class[s] = cells[s].v[at[s]].class;
			hi = cells[s].v[at[s]].hi < hi ? cells[s].v[at[s]].hi : hi;
			peer[s] = owner_at(&c->side[s].owner, &owner[s], lo, &hi);
		}
		const struct range r = { lo, hi };
		const struct pair key = { .class = { class[HAVE], class[WANT] }, .window = always, .v6 = !addr_is_v4(lo) };
		if (inside)
			judge_inside(c, r, peer, class);
		else if (c->ways != 0 || (peer[HAVE] == NULL && peer[WANT] == NULL))
			judge(c, r, NULL, &key);
		if (hi == ADDR_LAST)
			return;
		lo = hi + 1;
	}
}

static bool is_inside(size_t way)
{
	return way == WAY_THROUGH || way == WAY_BETWEEN || way == WAY_TO_SELF;
}

/* Ways on which both sides go the same way as on others are swept once. */
static void sweep_ways(struct compare *c)
{
	enum { ALL = WAY_COUNT * 2 };
	bool done[ALL] = { false };

	for (size_t i = 0; i < ALL; i++) {
		struct decompile_cells cells[2];
		c->ways = c->replies = 0;
		for (int s = 0; s < 2; s++)
			cells[s] = c->side[s].d.way[i / 2][i % 2];
		for (size_t k = i; k < ALL; k++) {
			if (done[k] || is_inside(k / 2) != is_inside(i / 2) || c->side[HAVE].d.way[k / 2][k % 2].v != cells[HAVE].v ||
			    c->side[WANT].d.way[k / 2][k % 2].v != cells[WANT].v)
				continue;
			done[k] = true;
			*(k % 2 ? &c->replies : &c->ways) |= 1u << k / 2;
		}
		if (c->ways | c->replies)
			sweep(c, cells, is_inside(i / 2));
	}
}

/* --- findings to groups --- */

static int cmp_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	return strcmp(a, b);
}

static int cmp_who(const struct agree_who *x, const struct agree_who *y)
{
	int c = (x->peer == NULL) - (y->peer == NULL);

	if (c == 0 && x->peer != NULL)
		c = cmp_text(x->peer->name, y->peer->name);
	if (c == 0 && x->peer != NULL)
		c = pubkey_cmp(&x->peer->public_key, &y->peer->public_key);
	return c != 0 ? c : addr_cmp(x->range.lo, y->range.lo);
}

/* The same source and difference together, whatever the ways. */
static int cmp_source(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int c = cmp_who(&x->who, &y->who);

	if (c == 0)
		c = addr_cmp(x->who.range.hi, y->who.range.hi);
	return c != 0 ? c : (x->pair > y->pair) - (x->pair < y->pair);
}

/* The same difference by the same ways together, in order of sources. */
static int cmp_group(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int c = (x->pair > y->pair) - (x->pair < y->pair);

	if (c == 0)
		c = (x->ways > y->ways) - (x->ways < y->ways);
	if (c == 0)
		c = (x->replies > y->replies) - (x->replies < y->replies);
	return c != 0 ? c : cmp_who(&x->who, &y->who);
}

static void join_ways(struct compare *c)
{
	size_t n = 0;

	if (c->finding.n > 0)
		qsort(c->finding.v, c->finding.n, sizeof(*c->finding.v), cmp_source);
	for (size_t i = 0; i < c->finding.n; i++) {
		struct finding *last = n > 0 ? &c->finding.v[n - 1] : NULL;
		if (last != NULL && cmp_source(last, &c->finding.v[i]) == 0) {
			last->ways |= c->finding.v[i].ways;
			last->replies |= c->finding.v[i].replies;
			continue;
		}
		c->finding.v[n++] = c->finding.v[i];
	}
	c->finding.n = n;
}

static int cmp_first_who(const void *a, const void *b)
{
	const struct agree_group *x = a, *y = b;
	int c = cmp_who(&x->who[0], &y->who[0]);

	if (c == 0)
		c = (x->ways < y->ways) - (x->ways > y->ways);
	return c != 0 ? c : (x->replies < y->replies) - (x->replies > y->replies);
}

static void make_groups(struct compare *c, struct agreement *out)
{
	VEC(struct agree_group) group = VEC_INIT;

	join_ways(c);
	if (c->finding.n > 0)
		qsort(c->finding.v, c->finding.n, sizeof(*c->finding.v), cmp_group);
	for (size_t i = 0, end; i < c->finding.n; i = end) {
		const struct finding *f = &c->finding.v[i];
		const struct delta *d = &c->pair.v[f->pair].delta;
		for (end = i; end < c->finding.n && c->finding.v[end].pair == f->pair && c->finding.v[end].ways == f->ways &&
			      c->finding.v[end].replies == f->replies;)
			end++;
		struct agree_group g = { .nwho = end - i, .ways = f->ways, .replies = f->replies, .more = d->grant[HAVE],
					 .nmore = d->n[HAVE], .less = d->grant[WANT], .nless = d->n[WANT] };
		g.who = arena_array(c->a, g.nwho, struct agree_who);
		for (size_t k = i; k < end; k++)
			g.who[k - i] = c->finding.v[k].who;
		vec_push(&group, g);
	}
	if (group.n > 0)
		qsort(group.v, group.n, sizeof(*group.v), cmp_first_who);
	out->group = vec_freeze(&group, c->a);
	out->ngroups = group.n;
	vec_release(&group);
}

void agree_compare(struct agreement *out, const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct arena *a)
{
	struct compare c = { .plan = { have, want }, .now = now, .a = a };

	*out = (struct agreement){ .link = link_fault(have, want, a) };
	side_make(&c, HAVE);
	side_make(&c, WANT);
	if (out->link != NULL)
		c.side[HAVE].owner.n = 0;
	sweep_ways(&c);
	make_groups(&c, out);
	out->note = c.side[HAVE].d.note;
	out->nnotes = c.side[HAVE].d.nnotes;
	free(c.slot);
	vec_release(&c.pair);
	vec_release(&c.finding);
}

bool agree_holds(const struct agreement *x)
{
	return x->ngroups == 0 && x->nnotes == 0 && x->link == NULL;
}
