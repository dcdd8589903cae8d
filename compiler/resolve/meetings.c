/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meetings: at which gateways of a site the devices meet whose home it is, and which devices have reason to.
 *
 * WireGuard takes a packet from the one peer whose allowed IPs hold its source, so two devices that each send by the
 * gateway of their own preference do not hear each other. What goes between devices of one home therefore has an order of
 * gateways that is the site's and not the device's.
 */
#include "resolve/place.h"
#include "resolve/resolver.h"

/* --- gateways --- */

static bool runs(const struct r_gateway *g)
{
	return g->decl->state != GATEWAY_MAINTENANCE;
}

/* Fewer than `redundancy` other active gateways of the site outweigh it: what is_chosen() of place.c is to devices. */
static bool is_meeting(const struct resolved *r, const struct r_site *site, uint32_t gateway)
{
	int64_t better = 0;
	for (size_t i = 0; i < site->ngateways; i++) {
		uint32_t other = site->gateway[i];
		if (other != gateway && r->gateway[other].decl->state == GATEWAY_ACTIVE &&
		    place_meets_before(r, other, gateway))
			better++;
	}
	return better < site->decl->redundancy;
}

static void settle_gateways(struct resolved *r, uint32_t s)
{
	const struct r_site *site = &r->site[s];
	uint64_t hash = place_name_hash(site->decl->o.name);
	for (size_t i = 0; i < site->ngateways; i++)
		r->gateway[site->gateway[i]].meeting_weight = place_weight(r->gateway[site->gateway[i]].name_hash, hash);
	for (size_t i = 0; i < site->ngateways; i++) {
		struct r_gateway *g = &r->gateway[site->gateway[i]];
		g->meeting = runs(g) && (place_admits_all(r, s) || is_meeting(r, site, site->gateway[i]));
	}
}

/* --- devices --- */

/* A policy's devices whose home is one site. */
struct company {
	uint32_t first; /* one of them, or NONE */
	bool from, to, more; /* the policy has some in `from`, in `to`; it has two at least */
};

struct meetings {
	struct resolved *r;
	bool *spread;             /* per site: it admits each device to some of its gateways only */
	VEC(uint32_t) from, to;   /* devices of the policy at hand whose homes are spread */
	struct company *company;  /* per site */
	size_t unmet;             /* devices of spread homes that are not known to meet others yet */
};

static bool is_spread(const struct meetings *m, uint32_t device)
{
	const struct r_device *d = &m->r->device[device];
	return !d->dead && d->home != NONE && m->spread[d->home];
}

static void collect_from(struct meetings *m, const struct r_policy *p)
{
	m->from.n = 0;
	for (size_t i = 0; i < p->from.n && p->from.v[i] < m->r->ndevices; i++)
		if (is_spread(m, p->from.v[i]))
			vec_push(&m->from, p->from.v[i]);
}

/* The owners of addresses are sorted and disjoint, so those in a range stand in a row. */
static void collect_to(struct meetings *m, const struct r_policy *p)
{
	const struct resolved *r = m->r;
	m->to.n = 0;
	for (size_t i = 0; i < p->nto; i++) {
		size_t lo = 0, hi = r->nowners;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			if (r->owner[mid].range.hi < p->to[i].range.lo)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (; lo < r->nowners && r->owner[lo].range.lo <= p->to[i].range.hi; lo++)
			if (r->owner[lo].source < r->ndevices && is_spread(m, r->owner[lo].source))
				vec_push(&m->to, r->owner[lo].source);
	}
}

static void join(struct meetings *m, uint32_t device, bool from)
{
	struct company *c = &m->company[m->r->device[device].home];
	c->more |= c->first != NONE && c->first != device;
	c->first = device;
	c->from |= from;
	c->to |= !from;
}

static void mark(struct meetings *m, uint32_t device)
{
	struct r_device *d = &m->r->device[device];
	m->unmet -= !d->meets;
	d->meets = true;
}

static void mark_some(struct meetings *m, const uint32_t *device, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct company *c = &m->company[m->r->device[device[i]].home];
		if (c->from && c->to && c->more)
			mark(m, device[i]);
	}
}

static void forget(struct meetings *m, const uint32_t *device, size_t n)
{
	for (size_t i = 0; i < n; i++)
		m->company[m->r->device[device[i]].home] = (struct company){ .first = NONE };
}

/* Devices of both sides at one home, if they are not one device alone. */
static void meet_by(struct meetings *m, const struct r_policy *p)
{
	collect_to(m, p);
	if (!m->to.n)
		return;
	collect_from(m, p);
	for (size_t i = 0; i < m->from.n; i++)
		join(m, m->from.v[i], true);
	for (size_t i = 0; i < m->to.n; i++)
		join(m, m->to.v[i], false);
	mark_some(m, m->from.v, m->from.n);
	mark_some(m, m->to.v, m->to.n);
	forget(m, m->from.v, m->from.n);
	forget(m, m->to.v, m->to.n);
}

/* `to: [self]`: the devices of an owner that share a home. */
static void meet_own(struct meetings *m, const struct r_policy *p)
{
	const struct resolved *r = m->r;
	for (size_t i = 0; i < p->from.n && p->from.v[i] < r->ndevices; i++) {
		uint32_t d = p->from.v[i];
		if (!is_spread(m, d) || r->device[d].owner == NONE)
			continue;
		const struct source_set *own = &r->user_devices[r->device[d].owner];
		for (size_t k = 0; k < own->n; k++)
			if (own->v[k] != d && is_spread(m, own->v[k]) && r->device[own->v[k]].home == r->device[d].home) {
				mark(m, d);
				mark(m, own->v[k]);
			}
	}
}

static void settle_devices(struct meetings *m)
{
	const struct resolved *r = m->r;
	for (uint32_t d = 0; d < r->ndevices; d++)
		m->unmet += is_spread(m, d);
	for (size_t i = 0; i < r->npolicies && m->unmet; i++) {
		if (r->policy[i].decl->action != ACTION_ALLOW)
			continue;
		meet_by(m, &r->policy[i]);
		if (r->policy[i].to_self)
			meet_own(m, &r->policy[i]);
	}
}

void resolver_meetings(struct resolver *s)
{
	struct resolved *r = s->r;
	struct meetings m = { .r = r, .from = VEC_INIT, .to = VEC_INIT };
	m.spread = arena_array(s->a, r->nsites, bool);
	m.company = arena_array(s->a, r->nsites, struct company);
	for (uint32_t i = 0; i < r->nsites; i++) {
		settle_gateways(r, i);
		m.spread[i] = !place_admits_all(r, i);
		m.company[i] = (struct company){ .first = NONE };
	}
	settle_devices(&m);
	vec_release(&m.from);
	vec_release(&m.to);
}
