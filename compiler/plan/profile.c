/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "plan/inbound.h"
#include "plan/plan.h"
#include "resolve/links.h"
#include "resolve/place.h"

#define SITE_GATEWAYS_MAX 64 /* gateways of one site in a profile */

struct carried {
	uint64_t key;
	uint32_t gateway;
	struct range_set set;
};

struct profiles {
	const struct access *x;
	const struct resolved *r;
	struct arena arena;
	struct range_set *out; /* per class: what it may ever reach */
	struct inbound *in;
	struct range_set everyone; /* all that packets come from: devices, their networks, gateways, networks of sites */
	VEC(struct carried) carried;
};

/* A device's profile in the making. */
struct draft_peer {
	uint32_t gateway, site;
	bool preferred, full;
	bool meeting; /* other devices of its home by this one */
	struct range_set carried, given;
};

struct draft {
	struct profiles *s;
	const struct r_device *device;
	uint32_t index;
	struct arena *a; /* scratch */
	VEC(struct draft_peer) peer;
	struct range_set wanted;
};

struct profiles *profiles_open(const struct access *x, const struct resolved *r)
{
	struct profiles *s = calloc(1, sizeof(*s));
	struct arena scratch;
	VEC(struct range) all = VEC_INIT;

	if (s == NULL)
		BUG("out of memory");
	s->x = x;
	s->r = r;
	arena_init(&s->arena);
	arena_init(&scratch);
	s->out = arena_array(&s->arena, x->nclasses, struct range_set);
	for (uint32_t c = 0; c < x->nclasses; c++) {
		struct range_set reach = region_addresses(&scratch, class_allowed_ever(x, c, &scratch));
		s->out[c] = (struct range_set){ arena_dup(&s->arena, reach.v, reach.n * sizeof(*reach.v)), reach.n };
		arena_release(&scratch);
	}
	for (size_t i = 0; i < r->nowners; i++)
		vec_push(&all, r->owner[i].range);
	for (size_t i = 0; i < r->nsites; i++)
		for (size_t k = 0; k < r->site[i].decl->networks.n; k++)
			vec_push(&all, prefix_range(r->site[i].decl->networks.v[k]));
	s->everyone = range_set_make(&s->arena, all.v, all.n);
	vec_release(&all);
	s->in = inbound_make(x, r, s->out, &s->arena);
	return s;
}

void profiles_close(struct profiles *s)
{
	if (s == NULL)
		return;
	vec_release(&s->carried);
	arena_release(&s->arena);
	free(s);
}

static struct range_set carried_by(struct profiles *s, uint32_t gateway, uint32_t device)
{
	uint64_t key = place_carry_key(s->r, gateway, device);
	struct carried c = { .key = key, .gateway = gateway };
	struct range *v;

	for (size_t i = 0; i < s->carried.n; i++)
		if (s->carried.v[i].gateway == gateway && s->carried.v[i].key == key)
			return s->carried.v[i].set;
	size_t n = place_carry(s->r, gateway, device, &s->arena, &v);
	c.set = range_set_make(&s->arena, v, n);
	n = links_senders(s->r, gateway, device, &s->arena, &v);
	if (n > 0)
		c.set = range_set_union(&s->arena, c.set, range_set_make(&s->arena, v, n));
	vec_push(&s->carried, c);
	return c.set;
}

/* --- who gets what --- */

/* The active ones of a list; those that the draft has already stay as they are. */
static void add_peers(struct draft *d, uint32_t site, const uint32_t *gateway, size_t n, bool first_preferred)
{
	bool first = first_preferred;

	for (size_t i = 0; i < n; i++) {
		bool has = false;
		for (size_t k = d->peer.n; k > 0 && !has && d->peer.v[k - 1].site == site; k--)
			has = d->peer.v[k - 1].gateway == gateway[i];
		if (has || d->s->r->gateway[gateway[i]].decl->state != GATEWAY_ACTIVE)
			continue;
		struct draft_peer p = { .gateway = gateway[i],
					.site = site,
					.preferred = first,
					.carried = carried_by(d->s, gateway[i], d->index) };
		vec_push(&d->peer, p);
		first = false;
	}
}

static void add_site(struct draft *d, uint32_t site)
{
	const struct resolved *r = d->s->r;
	uint32_t gateway[SITE_GATEWAYS_MAX];
	size_t from = d->peer.n, n = place_gateways(r, site, d->index, gateway, SITE_GATEWAYS_MAX);

	add_peers(d, site, gateway, n, true);
	if (site != d->device->home)
		return;
	n = place_meeting(r, d->index, d->index, gateway, SITE_GATEWAYS_MAX);
	add_peers(d, site, gateway, n, false);
	for (size_t i = from; n > 0 && i < d->peer.n; i++)
		d->peer.v[i].meeting = d->peer.v[i].gateway == gateway[0];
}

static void find_wanted(struct draft *d)
{
	const struct device *decl = d->device->decl;
	struct range_set w = d->s->out[d->s->x->class_of[d->index]];
	VEC(struct range) own = VEC_INIT;

	for (size_t i = 0; i < decl->networks.n; i++)
		vec_push(&own, prefix_range(decl->networks.v[i]));
	size_t nnetworks = own.n;
	for (size_t i = 0; i < decl->addresses.n; i++)
		vec_push(&own, ((struct range){ decl->addresses.v[i], decl->addresses.v[i] }));
	for (size_t i = 0; i < own.n && !range_set_subset(d->s->everyone, w); i++) {
		struct range_set from = inbound_of(d->s->in, own.v[i], d->a);
		if (from.n > 0)
			w = range_set_union(d->a, w, from);
	}
	if (nnetworks > 0)
		w = range_set_subtract(d->a, w, range_set_make(d->a, own.v, nnetworks));
	d->wanted = w;
	vec_release(&own);
}

static void give(struct draft *d, struct draft_peer *p, struct range_set carried)
{
	struct range_set given = range_set_intersect(d->a, d->wanted, carried);

	if (given.n == 0)
		return;
	p->given = range_set_union(d->a, p->given, given);
	d->wanted = range_set_subtract(d->a, d->wanted, given);
}

/* What goes between devices of one home passes one gateway for all of them, whichever they prefer otherwise. */
static void give_homed(struct draft *d)
{
	for (size_t i = 0; i < d->peer.n; i++) {
		const struct r_site *site = &d->s->r->site[d->peer.v[i].site];
		if (d->peer.v[i].meeting)
			give(d, &d->peer.v[i], (struct range_set){ site->homed, site->nhomed });
	}
}

/* The home site's gateways first, so that it is the exit where it is one; then by name. Preferred before standby. */
static void give_all(struct draft *d)
{
	give_homed(d);
	for (int pass = 0; pass < 4; pass++) {
		bool preferred = pass < 2, home = pass % 2 == 0;
		for (size_t i = 0; i < d->peer.n; i++) {
			struct draft_peer *p = &d->peer.v[i];
			if (p->preferred == preferred && (p->site == d->device->home) == home)
				give(d, p, p->carried);
		}
	}
}

static bool is_exit(const struct draft *d, const struct draft_peer *p)
{
	return p->preferred && d->s->r->site[p->site].decl->exit;
}

static void choose_exit(struct draft *d)
{
	struct draft_peer *chosen = NULL;

	if (d->device->profile.tunnel != TUNNEL_FULL)
		return;
	for (size_t i = 0; i < d->peer.n; i++) {
		struct draft_peer *p = &d->peer.v[i];
		if (is_exit(d, p) &&
		    (chosen == NULL || (p->site == d->device->home && chosen->site != d->device->home)))
			chosen = p;
	}
	if (chosen != NULL)
		chosen->full = true;
}

/* --- ranges to AllowedIPs --- */

struct prefix_sink {
	VEC(struct prefix) out;
	bool skip4, skip6;
};

static void sink_add(void *arg, struct prefix p)
{
	struct prefix_sink *s = arg;

	if (addr_is_v4(p.addr) ? s->skip4 : s->skip6)
		return;
	vec_push(&s->out, p);
}

static int cmp_prefix(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int c = addr_cmp(x->addr, y->addr);

	return c != 0 ? c : x->len - y->len;
}

static bool has_pool(const struct resolved *r, bool v4)
{
	for (size_t i = 0; i < r->network->pools.n; i++)
		if (addr_is_v4(r->network->pools.v[i].addr) == v4)
			return true;
	return false;
}

static void fill_allowed(const struct draft *d, const struct draft_peer *p, struct profile_peer *out, struct arena *a)
{
	const struct profile_settings *set = &d->device->profile;
	bool both = set->kill_switch == YES || set->block_ipv6 == YES;
	struct prefix_sink sink = { .skip4 = p->full && (both || has_pool(d->s->r, true)),
				    .skip6 = p->full && (both || has_pool(d->s->r, false)) };

	if (sink.skip4)
		vec_push(&sink.out, ((struct prefix){ ADDR_V4_FIRST, 0 }));
	if (sink.skip6)
		vec_push(&sink.out, ((struct prefix){ 0, 0 }));
	for (size_t i = 0; i < p->given.n; i++)
		range_to_prefixes(p->given.v[i], sink_add, &sink);
	if (sink.out.n > 0)
		qsort(sink.out.v, sink.out.n, sizeof(*sink.out.v), cmp_prefix);
	out->allowed_ips = vec_freeze(&sink.out, a);
	out->nallowed = sink.out.n;
	vec_release(&sink.out);
}

static void fill_device(const struct draft *d, struct device_profile *p, struct arena *a)
{
	const struct network *n = d->s->r->network;
	const struct device *decl = d->device->decl;

	*p = (struct device_profile){
		.device = d->device,
		.naddresses = decl->addresses.n,
		.dns = n->dns.servers.v,
		.ndns = n->dns.servers.n,
		.search = n->dns.search.v,
		.nsearch = n->dns.search.n,
		.mtu = (uint32_t)n->mtu,
		.keepalive = (uint32_t)n->keepalive,
		.settings = d->device->profile,
	};
	p->address = arena_array(a, decl->addresses.n, struct prefix);
	for (size_t i = 0; i < decl->addresses.n; i++)
		p->address[i] = (struct prefix){ decl->addresses.v[i], addr_is_v4(decl->addresses.v[i]) ? 32 : 128 };
	if (p->naddresses > 0)
		qsort(p->address, p->naddresses, sizeof(*p->address), cmp_prefix);
}

int profiles_make(struct profiles *s, uint32_t device, struct arena *a, struct device_profile *p)
{
	struct arena scratch;
	struct draft d = { .s = s, .device = &s->r->device[device], .index = device, .a = &scratch };

	if (d.device->dead)
		return -1;
	arena_init(&scratch);
	for (uint32_t i = 0; i < s->r->nsites; i++)
		add_site(&d, i);
	find_wanted(&d);
	give_all(&d);
	choose_exit(&d);
	fill_device(&d, p, a);
	p->npeers = d.peer.n;
	p->peer = arena_array(a, d.peer.n, struct profile_peer);
	for (size_t i = 0; i < d.peer.n; i++) {
		p->peer[i].gateway = &s->r->gateway[d.peer.v[i].gateway];
		p->peer[i].preferred = d.peer.v[i].preferred;
		fill_allowed(&d, &d.peer.v[i], &p->peer[i], a);
	}
	vec_release(&d.peer);
	arena_release(&scratch);
	return 0;
}

int plan_profile(struct device_profile *p, const struct access *x, const struct resolved *r, uint32_t device,
		 struct arena *a)
{
	struct profiles *s = profiles_open(x, r);
	int ret = profiles_make(s, device, a, p);

	profiles_close(s);
	return ret;
}
