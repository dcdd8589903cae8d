/* SPDX-License-Identifier: Apache-2.0 */
#include "access/outage.h"

#include <stdlib.h>
#include <string.h>

#include "access/label.h"
#include "access/members.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/vec.h"
#include "resolve/place.h"

enum { PATH_MAX_GATEWAYS = 64 };

/* Sources of one key may reach the same by the same gateways, in the same order. */
struct candidate {
	uint32_t source;
	struct digest key;
};

/* What is missed of one source, before it has names. */
struct missing {
	const char *down, *instead;
	struct region region;
};

typedef VEC(struct missing) path_vec;

struct finder {
	const struct access *x;
	const struct resolved *r;
	const uint32_t *down;
	size_t ndown;
	int64_t from;
	bool once;
	struct arena *a;
	struct arena scratch;
	struct label_index *label;
	struct range_set *carried; /* per site */
};


/* ---- what may be reached ---- */

static bool is_active(const struct finder *f, uint32_t source, int64_t t)
{
	return f->x->window[source].from <= t && t < f->x->window[source].until;
}

static struct region permitted(struct finder *f, uint32_t source)
{
	struct region all = REGION_EMPTY;
	int64_t *moment = &f->from;
	size_t n = 1;

	if (!f->once)
		n = access_moments(f->x, &source, 1, f->from, &f->scratch, &moment);
	for (size_t i = 0; i < n; i++)
		if (is_active(f, source, moment[i]))
			all = region_union(&f->scratch, all,
					   class_allowed_at(f->x, f->x->class_of[source], moment[i], &f->scratch));
	return all;
}

static struct region at_addresses(struct finder *f, struct region x, struct range_set addr)
{
	const struct service any = { 0, SERVICE_LAST };

	return region_intersect(&f->scratch, x, region_product(&f->scratch, addr, &any, 1));
}

/* ---- one path ---- */

static bool is_down(const struct finder *f, uint32_t gateway)
{
	for (size_t i = 0; i < f->ndown; i++)
		if (f->down[i] == gateway)
			return true;
	return false;
}

static const char *name_of(const struct finder *f, uint32_t gateway)
{
	return f->r->gateway[gateway].decl->o.name;
}

static void add_path(struct finder *f, path_vec *out, const char *down, const char *instead, struct region region)
{
	for (size_t i = 0; i < out->n; i++) {
		struct missing *p = &out->v[i];
		if (strcmp(p->down, down) != 0 || strcmp(p->instead ? p->instead : "", instead ? instead : "") != 0)
			continue;
		p->region = region_union(&f->scratch, p->region, region);
		return;
	}
	vec_push(out, ((struct missing){ down, instead, region }));
}

/* Alternatives: one that profiles leave out is none, where there are others. */
static void judge_alternatives(struct finder *f, const uint32_t *gateway, size_t n, struct region region, path_vec *out)
{
	BUF_CLEANUP struct buf down = BUF_INIT;
	int state = f->r->gateway[gateway[0]].decl->state;
	const char *instead = NULL;

	for (size_t i = 0; i < n && instead == NULL && f->r->gateway[gateway[i]].decl->state == state; i++) {
		if (is_down(f, gateway[i]))
			buf_addf(&down, "%s%s", down.len ? ", " : "", name_of(f, gateway[i]));
		else
			instead = name_of(f, gateway[i]);
	}
	if (down.len)
		add_path(f, out, arena_strdup(f->a, buf_str(&down)), instead, region);
}

static void judge_chain(struct finder *f, const uint32_t *gateway, size_t n, struct region region, path_vec *out)
{
	BUF_CLEANUP struct buf down = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		if (is_down(f, gateway[i]))
			buf_addf(&down, "%s%s", down.len ? ", " : "", name_of(f, gateway[i]));
	if (down.len)
		add_path(f, out, arena_strdup(f->a, buf_str(&down)), NULL, region);
}

/* The part of `open` at these addresses, which one path leads to; takes it out of `open` where there is a path. */
static void judge(struct finder *f, uint32_t source, struct range_set addr, struct region *open, path_vec *out)
{
	uint32_t gateway[PATH_MAX_GATEWAYS];
	struct region here = at_addresses(f, *open, addr);

	if (region_is_empty(here))
		return;
	u128 at = region_first(here).addr.lo;
	size_t n = place_path(f->r, source, at, gateway, PATH_MAX_GATEWAYS);

	if (n == 0)
		return;
	if (place_is_chain(f->r, source, at))
		judge_chain(f, gateway, n, here, out);
	else
		judge_alternatives(f, gateway, n, here, out);
	*open = region_subtract(&f->scratch, *open, here);
}

/* ---- one source ---- */

/* Machines before sites: of what both have, the machine is what is reached. */
static void find_paths(struct finder *f, uint32_t source, bool alone, path_vec *out)
{
	const struct resolved *r = f->r;
	struct region open = permitted(f, source);
	struct range_set addr = region_addresses(&f->scratch, open);
	size_t at = 0;

	for (size_t i = 0; i < r->nowners; i++) {
		const struct addr_owner *o = &r->owner[i];
		while (at < addr.n && addr.v[at].hi < o->range.lo)
			at++;
		if (at < addr.n && addr.v[at].lo <= o->range.hi && !(alone && o->source == source))
			judge(f, source, (struct range_set){ (struct range *)&o->range, 1 }, &open, out);
	}
	for (uint32_t i = 0; i < r->nsites; i++) {
		uint32_t gateway;
		if (source >= r->ndevices || place_gateways(r, i, source, &gateway, 1)) /* else exits may have some of it */
			judge(f, source, f->carried[i], &open, out);
	}
	if (source < r->ndevices)
		judge(f, source, (struct range_set){ r->internet, r->ninternet }, &open, out);
}

/* ---- grouping ---- */

static struct digest key_of(struct finder *f, uint32_t source)
{
	const struct access_window *w = &f->x->window[source];
	struct digest_ctx c;
	uint32_t best;

	digest_begin(&c);
	digest_add_u32(&c, f->x->class_of[source]);
	digest_add_u64(&c, (uint64_t)w->from);
	digest_add_u64(&c, (uint64_t)w->until);
	if (source >= f->r->ndevices)
		digest_add_u32(&c, source);
	else
		digest_add_u32(&c, f->r->device[source].home);
	for (uint32_t g = 0; g < f->r->ngateways; g++)
		digest_add_u64(&c, place_carry_key(f->r, g, source));
	for (uint32_t s = 0; source < f->r->ndevices && s < f->r->nsites; s++)
		digest_add_u32(&c, place_gateways(f->r, s, source, &best, 1) ? best : NONE);
	return digest_end(&c);
}

static int candidate_cmp(const void *px, const void *py)
{
	const struct candidate *x = px, *y = py;
	int ret = memcmp(&x->key, &y->key, sizeof(x->key));

	return ret ? ret : x->source < y->source ? -1 : x->source > y->source;
}

/* One destination that the members of one set of candidates miss. */
struct entry {
	const char *down, *instead, *services;
	struct diff_item item;
	size_t set;
};

/* Sources of one key: sources v[first..first + n) of the list of all. */
struct set {
	size_t first, n;
};

/* Entries that differ in nothing but the set, and all their sets. */
struct missed {
	size_t first, n;
	struct digest sets;
};

typedef VEC(struct entry) entry_vec;
typedef VEC(struct set) set_vec;
typedef VEC(struct member_source) source_vec;
typedef VEC(struct missed) missed_vec;

struct found {
	entry_vec entry;
	set_vec set;
	source_vec source;
	missed_vec missed;
};

static int what_cmp(const struct entry *x, const struct entry *y)
{
	if (!x->instead != !y->instead)
		return x->instead ? 1 : -1;
	int ret = strcmp(x->down, y->down);
	if (ret == 0 && x->instead != NULL)
		ret = strcmp(x->instead, y->instead);
	if (ret == 0)
		ret = addr_cmp(x->item.addr.v[0].lo, y->item.addr.v[0].lo);
	if (ret == 0)
		ret = strcmp(x->item.label, y->item.label);
	return ret != 0 ? ret : strcmp(x->services, y->services);
}

static int entry_cmp(const void *px, const void *py)
{
	const struct entry *x = px, *y = py;
	int ret = what_cmp(x, y);

	return ret != 0 ? ret : x->set < y->set ? -1 : x->set > y->set;
}

static int missed_cmp(const void *px, const void *py)
{
	const struct missed *x = px, *y = py;
	int ret = memcmp(&x->sets, &y->sets, sizeof(x->sets));

	return ret != 0 ? ret : x->first < y->first ? -1 : x->first > y->first;
}

/* What is labelled lives in f->a: its addresses are the index's own, or were cut there. */
static void add_entries(struct finder *f, const struct missing *p, struct found *out)
{
	struct diff_item *item;
	size_t n = label_region(f->label, p->region, f->a, &item);

	for (size_t i = 0; i < n; i++) {
		struct entry e = { p->down, p->instead, services_text(item[i].service, item[i].nservices, f->a), item[i],
				   out->set.n };
		struct range_set *addr = &e.item.addr;
		addr->v = arena_dup(f->a, addr->v, addr->n * sizeof(*addr->v));
		vec_push(&out->entry, e);
	}
}

static void try_candidates(struct finder *f, const struct candidate *v, size_t n, struct found *out)
{
	path_vec path = VEC_INIT;

	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && memcmp(&v[end].key, &v[i].key, sizeof(v->key)) == 0;)
			end++;
		path.n = 0;
		find_paths(f, v[i].source, end - i == 1, &path);
		for (size_t k = 0; k < path.n; k++)
			add_entries(f, &path.v[k], out);
		if (path.n > 0) {
			vec_push(&out->set, ((struct set){ out->source.n, end - i }));
			for (size_t k = i; k < end; k++)
				vec_push(&out->source, member_source_of(f->r, v[k].source, f->a));
		}
		arena_release(&f->scratch);
	}
	vec_release(&path);
}

static void find_missed(struct found *f)
{
	if (f->entry.n > 0)
		qsort(f->entry.v, f->entry.n, sizeof(*f->entry.v), entry_cmp);
	for (size_t i = 0, end; i < f->entry.n; i = end) {
		struct digest_ctx c;
		digest_begin(&c);
		for (end = i; end < f->entry.n && what_cmp(&f->entry.v[end], &f->entry.v[i]) == 0; end++)
			digest_add_u64(&c, f->entry.v[end].set);
		vec_push(&f->missed, ((struct missed){ i, end - i, digest_end(&c) }));
	}
	if (f->missed.n > 0)
		qsort(f->missed.v, f->missed.n, sizeof(*f->missed.v), missed_cmp);
}

/* ---- the result ---- */

static int source_cmp(const void *x, const void *y)
{
	return member_source_cmp(x, y);
}

static void add_members(struct finder *f, const struct found *found, const struct missed *m, struct outage_group *g)
{
	const struct resolved *const r[2] = { f->r, f->r };
	source_vec source = VEC_INIT;

	for (size_t i = 0; i < m->n; i++) {
		const struct set *s = &found->set.v[found->entry.v[m->first + i].set];
		for (size_t k = 0; k < s->n; k++)
			vec_push(&source, found->source.v[s->first + k]);
	}
	qsort(source.v, source.n, sizeof(*source.v), source_cmp);
	g->nmembers = members_make(r, source.v, source.n, f->a, &g->member);
	vec_release(&source);
}

/* Destinations that are missed in the same way are one path. */
static void add_paths(struct finder *f, const struct found *found, const struct missed *m, size_t n, struct outage_group *g)
{
	VEC(struct outage_path) path = VEC_INIT;
	VEC(struct diff_item) item = VEC_INIT;

	for (size_t i = 0; i < n;) {
		const struct entry *first = &found->entry.v[m[i].first];
		struct outage_path p = { .down = first->down, .instead = first->instead };
		item.n = 0;
		for (; i < n; i++) {
			const struct entry *e = &found->entry.v[m[i].first];
			if (strcmp(e->down, p.down) != 0 || !e->instead != !p.instead ||
			    (p.instead != NULL && strcmp(e->instead, p.instead) != 0))
				break;
			vec_push(&item, e->item);
		}
		p.item = arena_dup(f->a, item.v, item.n * sizeof(*item.v));
		p.nitems = item.n;
		vec_push(&path, p);
	}
	g->path = vec_freeze(&path, f->a);
	g->npaths = path.n;
	vec_release(&path);
	vec_release(&item);
}

/* Who loses something first; then by the first member. */
static int group_cmp(const void *px, const void *py)
{
	const struct outage_group *x = px, *y = py;

	if (!x->path->instead != !y->path->instead)
		return x->path->instead ? 1 : -1;
	int ret = members_cmp(x->member, y->member);
	if (ret == 0)
		ret = (x->nmembers < y->nmembers) - (x->nmembers > y->nmembers);
	return ret != 0 ? ret : strcmp(x->path->item->label, y->path->item->label);
}

static void make_groups(struct finder *f, const struct found *found, struct outage *out)
{
	VEC(struct outage_group) group = VEC_INIT;

	for (size_t i = 0, end; i < found->missed.n; i = end) {
		const struct missed *m = &found->missed.v[i];
		struct outage_group g = { 0 };
		for (end = i; end < found->missed.n && memcmp(&found->missed.v[end].sets, &m->sets, sizeof(m->sets)) == 0;)
			end++;
		add_members(f, found, m, &g);
		add_paths(f, found, m, end - i, &g);
		vec_push(&group, g);
	}
	if (group.n)
		qsort(group.v, group.n, sizeof(*group.v), group_cmp);
	out->group = vec_freeze(&group, f->a);
	out->ngroups = group.n;
	vec_release(&group);
}

void outage_find(struct outage *out, const struct access *x, const struct resolved *r, const uint32_t *down, size_t n,
		 int64_t from, bool once, struct arena *a)
{
	struct finder f = { .x = x, .r = r, .down = down, .ndown = n, .from = from, .once = once, .a = a };
	VEC(struct candidate) candidate = VEC_INIT;
	struct found found = { .entry = VEC_INIT };

	arena_init(&f.scratch);
	f.label = label_index_make(r, a);
	f.carried = arena_array(a, r->nsites, struct range_set);
	for (size_t i = 0; i < r->nsites; i++)
		f.carried[i] = (struct range_set){ r->site[i].carried, r->site[i].ncarried };
	for (uint32_t s = 0; s < r->nsources; s++)
		if (x->window[s].from < x->window[s].until && x->window[s].until > from)
			vec_push(&candidate, ((struct candidate){ s, key_of(&f, s) }));
	if (candidate.n)
		qsort(candidate.v, candidate.n, sizeof(*candidate.v), candidate_cmp);
	try_candidates(&f, candidate.v, candidate.n, &found);
	find_missed(&found);
	make_groups(&f, &found, out);
	vec_release(&candidate);
	vec_release(&found.entry);
	vec_release(&found.set);
	vec_release(&found.source);
	vec_release(&found.missed);
	arena_release(&f.scratch);
}
