/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classes - policies to classes by partition refinement.
 *
 * All sources start in one class. Each policy, in the order of decision, splits the classes that it meets into those it
 * names and the rest; so the cost is the sum of memberships, and a class's list is a chain that its ancestors share.
 */
#include "access/access.h"

#include <stdlib.h>
#include <string.h>

#include "access/no_path.h"
#include "base/clock.h"
#include "base/vec.h"

/* One link of a class's list, newest first. */
struct link {
	uint32_t part, before; /* before: index of a link, or NONE */
};

/* A class while it is made. */
struct draft {
	uint32_t list, size;
	uint32_t step; /* of the split that wrote what follows */
	uint32_t hits, twin;
};

struct builder {
	struct access *x;
	const struct resolved *r;
	struct arena *a;
	VEC(struct access_part) part;
	VEC(struct link) link;
	VEC(struct draft) draft;
	uint32_t step;
};

/* ---- order and activity ---- */

static int policy_cmp(const void *px, const void *py)
{
	const struct policy *x = (*(const struct r_policy *const *)px)->decl;
	const struct policy *y = (*(const struct r_policy *const *)py)->decl;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (x->action != y->action)
		return x->action == ACTION_DENY ? -1 : 1;
	return strcmp(x->o.name, y->o.name);
}

static size_t policies_in_order(const struct resolved *r, struct arena *a, const struct r_policy ***out)
{
	const struct r_policy **v = arena_array(a, r->npolicies, const struct r_policy *);
	size_t n = 0;

	for (size_t i = 0; i < r->npolicies; i++)
		if (r->policy[i].decl->enabled)
			v[n++] = &r->policy[i];
	if (n)
		qsort(v, n, sizeof(*v), policy_cmp);
	*out = v;
	return n;
}

static struct access_window window_of(const struct resolved *r, uint32_t source)
{
	if (source >= r->ndevices)
		return (struct access_window){ CLOCK_EVER, CLOCK_NEVER };
	const struct r_device *d = &r->device[source];

	if (d->dead || d->not_before >= d->expires)
		return (struct access_window){ 0, 0 };
	return (struct access_window){ d->not_before, d->expires };
}

/* ---- regions ---- */

static int services_cmp(const struct service *x, size_t nx, const struct service *y, size_t ny)
{
	if ((x == NULL) != (y == NULL))
		return x ? 1 : -1;
	if (nx != ny)
		return nx < ny ? -1 : 1;
	return x == y || !nx ? 0 : memcmp(x, y, nx * sizeof(*x));
}

static int dest_cmp(const void *px, const void *py)
{
	const struct r_dest *x = *(const struct r_dest *const *)px, *y = *(const struct r_dest *const *)py;

	return services_cmp(x->service, x->nservices, y->service, y->nservices);
}

typedef VEC(struct slab) slab_vec;

/* addr × (own ∩ port), own NULL meaning any. */
static void add_slabs(slab_vec *out, struct range_set addr, const struct service *own, size_t nown,
		      const struct r_policy *p)
{
	const struct service any = { 0, SERVICE_LAST };

	if (!own) {
		own = &any;
		nown = 1;
	}
	for (size_t i = 0; i < nown; i++)
		for (size_t k = 0; k < p->nports; k++) {
			uint32_t lo = own[i].lo > p->port[k].lo ? own[i].lo : p->port[k].lo;
			uint32_t hi = own[i].hi < p->port[k].hi ? own[i].hi : p->port[k].hi;
			if (lo <= hi)
				vec_push(out, ((struct slab){ { lo, hi }, addr }));
		}
}

/* Destinations that narrow to the same services become one set of addresses. */
static struct region policy_region(const struct builder *b, const struct r_policy *p)
{
	VEC(const struct r_dest *) dest = VEC_INIT;
	VEC(struct range) range = VEC_INIT;
	slab_vec slab = VEC_INIT;

	if (!p->nto)
		return REGION_EMPTY;
	vec_reserve(&dest, p->nto);
	for (size_t i = 0; i < p->nto; i++)
		dest.v[dest.n++] = &p->to[i];
	qsort(dest.v, dest.n, sizeof(*dest.v), dest_cmp);
	for (size_t i = 0; i < dest.n;) {
		const struct r_dest *first = dest.v[i];
		range.n = 0;
		for (; i < dest.n && dest_cmp(&dest.v[i], &first) == 0; i++)
			vec_push(&range, dest.v[i]->range);
		add_slabs(&slab, range_set_make(b->a, range.v, range.n), first->service, first->nservices, p);
	}
	struct region out = region_from_slabs(b->a, slab.v, slab.n);

	vec_release(&dest);
	vec_release(&range);
	vec_release(&slab);
	return out;
}

/* The other devices of the same owner; a revoked one has given its addresses back. */
static struct region self_region(const struct builder *b, const struct r_policy *p, uint32_t device)
{
	const struct resolved *r = b->r;
	VEC(struct range) range = VEC_INIT;
	slab_vec slab = VEC_INIT;
	struct source_set mine = { NULL, 0 };

	if (device < r->ndevices && r->device[device].owner != NONE)
		mine = r->user_devices[r->device[device].owner];
	for (size_t i = 0; i < mine.n; i++) {
		const struct device *d = r->device[mine.v[i]].decl;
		if (mine.v[i] == device || d->revoked)
			continue;
		for (size_t k = 0; k < d->addresses.n; k++)
			vec_push(&range, ((struct range){ d->addresses.v[k], d->addresses.v[k] }));
		for (size_t k = 0; k < d->networks.n; k++)
			vec_push(&range, prefix_range(d->networks.v[k]));
	}
	struct region out = REGION_EMPTY;

	if (range.n) {
		add_slabs(&slab, range_set_make(b->a, range.v, range.n), NULL, 0, p);
		out = region_from_slabs(b->a, slab.v, slab.n);
	}
	vec_release(&range);
	vec_release(&slab);
	return out;
}

/* ---- refinement ---- */

static bool takes_part(const struct builder *b, uint32_t source)
{
	return b->x->window[source].from < b->x->window[source].until;
}

static uint32_t add_part(struct builder *b, const struct access_part *like, struct region region)
{
	vec_push(&b->part, *like);
	b->part.v[b->part.n - 1].region = region;
	return (uint32_t)(b->part.n - 1);
}

static uint32_t add_link(struct builder *b, uint32_t part, uint32_t before)
{
	vec_push(&b->link, ((struct link){ part, before }));
	return (uint32_t)(b->link.n - 1);
}

/* Where the members of class c that the part names go: c itself when it names them all. */
static uint32_t twin_of(struct builder *b, uint32_t c, uint32_t part)
{
	struct draft *d = &b->draft.v[c];

	if (d->twin != NONE)
		return d->twin;
	uint32_t list = add_link(b, part, d->list);

	if (d->hits == d->size) {
		d->list = list;
		d->twin = c;
		return c;
	}
	d->twin = (uint32_t)b->draft.n;
	vec_push(&b->draft, ((struct draft){ .list = list, .size = 0, .step = 0, .hits = 0, .twin = NONE }));
	return b->draft.v[c].twin;
}

/* Appends the part to the lists of these sources. */
static void give(struct builder *b, const uint32_t *source, size_t n, uint32_t part)
{
	uint32_t *class_of = b->x->class_of;

	b->step++;
	for (size_t i = 0; i < n; i++) {
		if (!takes_part(b, source[i]))
			continue;
		struct draft *d = &b->draft.v[class_of[source[i]]];
		if (d->step != b->step) {
			d->step = b->step;
			d->hits = 0;
			d->twin = NONE;
		}
		d->hits++;
	}
	for (size_t i = 0; i < n; i++) {
		if (!takes_part(b, source[i]))
			continue;
		uint32_t from = class_of[source[i]], to = twin_of(b, from, part);
		if (to == from)
			continue;
		class_of[source[i]] = to;
		b->draft.v[to].size++;
		b->draft.v[from].hits--;
		b->draft.v[from].size--;
	}
}

static void add_policy(struct builder *b, const struct r_policy *p)
{
	struct access_part like = {
		.policy = p->decl->o.name,
		.loc = p->decl->o.loc,
		.deny = p->decl->action == ACTION_DENY,
		.log = p->decl->log,
		.priority = (int32_t)p->decl->priority,
	};

	cond_of_policy(p->decl, &like.cond);
	if (cond_is_never(&like.cond))
		return;
	struct region region = policy_region(b, p);

	if (!region_is_empty(region))
		give(b, p->from.v, p->from.n, add_part(b, &like, region));
	for (size_t i = 0; p->to_self && i < p->from.n; i++) {
		uint32_t source = p->from.v[i];
		struct region mine = takes_part(b, source) ? self_region(b, p, source) : REGION_EMPTY;
		if (!region_is_empty(mine))
			give(b, &source, 1, add_part(b, &like, mine));
	}
}

/* ---- the result ---- */

static void spell_out(struct builder *b, struct access_class *c, uint32_t list)
{
	size_t n = 0;

	for (uint32_t i = list; i != NONE; i = b->link.v[i].before)
		n++;
	uint32_t *part = arena_array(b->a, n, uint32_t);

	c->part = part;
	c->nparts = n;
	for (uint32_t i = list; i != NONE; i = b->link.v[i].before) {
		part[--n] = b->link.v[i].part;
		b->part.v[b->link.v[i].part].nclasses++;
	}
}

/* Classes are numbered by their first source, so their order owes nothing to how they came about. */
static void number_classes(struct builder *b)
{
	struct access *x = b->x;
	uint32_t *number = arena_array(b->a, b->draft.n, uint32_t);
	uint32_t *member = arena_array(b->a, x->nsources, uint32_t), *next = member;

	memset(number, 0xff, b->draft.n * sizeof(*number));
	x->class = arena_array(b->a, b->draft.n, struct access_class);
	for (size_t s = 0; s < x->nsources; s++) {
		uint32_t draft = x->class_of[s];
		if (number[draft] == NONE) {
			struct access_class *c = &x->class[x->nclasses];
			number[draft] = (uint32_t)x->nclasses++;
			spell_out(b, c, b->draft.v[draft].list);
			c->member = next;
			next += b->draft.v[draft].size;
		}
		struct access_class *c = &x->class[number[draft]];
		member[(size_t)(c->member - member) + c->nmembers++] = (uint32_t)s;
		x->class_of[s] = number[draft];
	}
}

void access_build(struct access *x, const struct resolved *r, struct arena *a, struct diags *d)
{
	struct builder b = { .x = x, .r = r, .a = a };
	const struct r_policy **policy;
	size_t npolicies = policies_in_order(r, a, &policy);

	*x = (struct access){ .nsources = r->nsources };
	x->class_of = arena_array(a, r->nsources, uint32_t);
	x->window = arena_array(a, r->nsources, struct access_window);
	for (size_t s = 0; s < r->nsources; s++)
		x->window[s] = window_of(r, (uint32_t)s);
	vec_push(&b.draft, ((struct draft){ .list = NONE, .size = (uint32_t)r->nsources, .twin = NONE }));
	for (size_t i = 0; i < npolicies; i++)
		add_policy(&b, policy[i]);
	number_classes(&b);
	x->nparts = b.part.n;
	x->part = b.part.n ? vec_freeze(&b.part, a) : NULL;
	vec_release(&b.part);
	vec_release(&b.link);
	vec_release(&b.draft);
	if (d)
		no_path_warn(r, d);
}
