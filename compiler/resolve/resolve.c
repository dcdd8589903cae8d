/* SPDX-License-Identifier: Apache-2.0 */
/* The line of steps: each fills its part of struct resolved from what the earlier ones settled. */
#include <string.h>

#include "resolve/links.h"
#include "resolve/place.h"
#include "resolve/resolver.h"

#define NEAREST_BUDGET 4000000 /* name comparisons in all */
#define LISTEN_PORT_DEFAULT 51820

/* Tables of pointers with the kind's own type. */
static void *objects(struct resolver *s, enum kind kind, size_t *n)
{
	*n = s->m->n[kind];
	return arena_dup(s->a, s->m->object[kind], *n * sizeof(struct object *));
}

static void settle_tables(struct resolver *s)
{
	struct resolved *r = s->r;
	r->network = s->m->n[KIND_NETWORK] ? (const struct network *)s->m->object[KIND_NETWORK][0] : NULL;
	r->user = objects(s, KIND_USER, &r->nusers);
	r->group = objects(s, KIND_GROUP, &r->ngroups);
	r->plan = objects(s, KIND_PLAN, &r->nplans);
	r->ndevices = s->m->n[KIND_DEVICE];
	r->nsites = s->m->n[KIND_SITE];
	r->ngateways = s->m->n[KIND_GATEWAY];
	r->nresources = s->m->n[KIND_RESOURCE];
	r->nsources = r->ndevices + r->nsites + r->ngateways;
	r->device = arena_array(s->a, r->ndevices, struct r_device);
	r->site = arena_array(s->a, r->nsites, struct r_site);
	r->gateway = arena_array(s->a, r->ngateways, struct r_gateway);
	r->resource = arena_array(s->a, r->nresources, struct r_resource);
	r->group_devices = arena_array(s->a, r->ngroups, struct source_set);
	s->user_plan = arena_array(s->a, r->nusers, uint32_t);
	s->cache.group = arena_array(s->a, r->ngroups, struct dest_list);
	for (size_t i = 0; i < r->nresources; i++)
		r->resource[i].decl = (const struct resource *)s->m->object[KIND_RESOURCE][i];
	resolver_index_names(s);
}

static uint32_t ref_field(struct resolver *s, const struct object *o, const char *field, enum kind kind,
			  const char *name)
{
	/* Where it stands is looked for only when something is to be said. */
	uint32_t i = name ? names_find(&s->lookup->kind[kind], name) : NONE;
	return name && i == NONE ? resolver_ref(s, kind, name, object_loc(o, field)) : i;
}

/* Users and plans. */

static void settle_plans(struct resolver *s)
{
	struct resolved *r = s->r;
	r->plan_sites = arena_array(s->a, r->nplans, struct source_set);
	for (size_t i = 0; i < r->nplans; i++) {
		const struct plan *p = r->plan[i];
		for (size_t j = 0; j < p->sites.n; j++) {
			uint32_t site = resolver_ref(s, KIND_SITE, p->sites.v[j], p->sites.loc[j]);
			if (site != NONE)
				set_add(&s->set, site);
		}
		r->plan_sites[i] = set_take(&s->set, s->a);
	}
}

static void settle_users(struct resolver *s)
{
	struct resolved *r = s->r;
	for (size_t i = 0; i < r->nusers; i++) {
		s->user_plan[i] = ref_field(s, &r->user[i]->o, "plan", KIND_PLAN, r->user[i]->plan);
		s->incomplete |= r->user[i]->plan && s->user_plan[i] == NONE;
	}
}

/* Sites and gateways. */

static void settle_home(struct resolver *s)
{
	const struct network *net = s->r->network;
	if (net && net->home)
		s->r->home = ref_field(s, &net->o, "home", KIND_SITE, net->home);
	else
		s->r->home = s->r->nsites ? 0 : NONE;
}

static uint16_t listen_port(const struct resolved *r, const struct gateway *g)
{
	if (g->listen_port)
		return (uint16_t)g->listen_port;
	return r->network ? (uint16_t)r->network->listen_port : LISTEN_PORT_DEFAULT;
}

static void settle_gateways(struct resolver *s)
{
	struct resolved *r = s->r;
	struct pairs by_site = VEC_INIT;
	for (uint32_t i = 0; i < r->ngateways; i++) {
		const struct gateway *g = (const struct gateway *)s->m->object[KIND_GATEWAY][i];
		r->gateway[i] = (struct r_gateway){
			.decl = g,
			.site = ref_field(s, &g->o, "site", KIND_SITE, g->site),
			.listen_port = listen_port(r, g),
			.name_hash = place_name_hash(g->o.name),
		};
		if (r->gateway[i].site != NONE)
			vec_push(&by_site, ((struct pair){ r->gateway[i].site, i }));
	}
	struct source_set *set = pairs_index(s->a, &by_site, r->nsites);
	for (size_t i = 0; i < r->nsites; i++) {
		r->site[i].decl = (const struct site *)s->m->object[KIND_SITE][i];
		r->site[i].gateway = set[i].v;
		r->site[i].ngateways = set[i].n;
	}
	vec_release(&by_site);
}

/* Devices. */

static int either(int own, int inherited, int fallback)
{
	return own != UNSET ? own : inherited != UNSET ? inherited : fallback;
}

static struct profile_settings settle_profile(const struct resolved *r, const struct device *d)
{
	struct profile_settings none = { TUNNEL_UNSET, UNSET, UNSET };
	struct profile_settings up = r->network ? r->network->profile : none;
	return (struct profile_settings){
		.tunnel = either(d->profile.tunnel, up.tunnel, TUNNEL_SPLIT),
		.kill_switch = either(d->profile.kill_switch, up.kill_switch, NO),
		.block_ipv6 = either(d->profile.block_ipv6, up.block_ipv6, NO),
	};
}

static void settle_owner(struct resolver *s, struct r_device *x)
{
	const struct device *d = x->decl;
	x->owner = ref_field(s, &d->o, "owner", KIND_USER, d->owner);
	s->incomplete |= d->owner && x->owner == NONE;
	if (x->owner == NONE)
		return;
	const struct user *u = s->r->user[x->owner];
	x->plan = s->user_plan[x->owner];
	x->dead |= !u->enabled;
	if (u->not_before > x->not_before)
		x->not_before = u->not_before;
	if (u->expires < x->expires)
		x->expires = u->expires;
}

static void settle_device(struct resolver *s, uint32_t i)
{
	const struct device *d = (const struct device *)s->m->object[KIND_DEVICE][i];
	struct r_device *x = &s->r->device[i];
	*x = (struct r_device){
		.decl = d,
		.plan = NONE,
		.home = d->home ? ref_field(s, &d->o, "home", KIND_SITE, d->home) : s->r->home,
		.dead = d->revoked || !d->enabled,
		.not_before = d->not_before,
		.expires = d->expires,
		.profile = settle_profile(s->r, d),
		.name_hash = place_name_hash(d->o.name),
	};
	settle_owner(s, x);
}

static void settle_devices(struct resolver *s)
{
	struct resolved *r = s->r;
	struct pairs by_owner = VEC_INIT, by_plan = VEC_INIT;
	uint32_t *every = arena_array(s->a, r->ndevices, uint32_t);
	for (uint32_t i = 0; i < r->ndevices; i++) {
		settle_device(s, i);
		every[i] = i;
		if (r->device[i].owner != NONE)
			vec_push(&by_owner, ((struct pair){ r->device[i].owner, i }));
		if (r->device[i].plan != NONE)
			vec_push(&by_plan, ((struct pair){ r->device[i].plan, i }));
	}
	r->user_devices = pairs_index(s->a, &by_owner, r->nusers);
	s->lookup->plan_devices = pairs_index(s->a, &by_plan, r->nplans);
	s->lookup->every_device = (struct source_set){ every, r->ndevices };
	vec_release(&by_owner);
	vec_release(&by_plan);
}

static int object_order(const void *pa, const void *pb)
{
	const struct object *a = *(const struct object *const *)pa, *b = *(const struct object *const *)pb;
	return loc_before(a->loc, b->loc) ? -1 : loc_before(b->loc, a->loc);
}

/* The device, in the order of the files, that is one too many. */
static const struct object *one_too_many(struct resolver *s, const struct source_set *devices, size_t limit)
{
	const struct object **live = arena_array(s->a, devices->n, const struct object *);
	size_t n = 0;
	for (size_t i = 0; i < devices->n; i++)
		if (!s->r->device[devices->v[i]].decl->revoked)
			live[n++] = &s->r->device[devices->v[i]].decl->o;
	qsort(live, n, sizeof(*live), object_order);
	return live[limit];
}

static size_t count_kept(const struct resolved *r, const struct source_set *devices)
{
	size_t n = 0;
	for (size_t i = 0; i < devices->n; i++)
		n += !r->device[devices->v[i]].decl->revoked;
	return n;
}

static void check_device_counts(struct resolver *s)
{
	const struct resolved *r = s->r;
	int64_t per_user = r->network ? r->network->devices.max_per_user : 0;
	for (size_t i = 0; i < r->nusers; i++) {
		const struct source_set *devices = &r->user_devices[i];
		const struct plan *plan = s->user_plan[i] == NONE ? NULL : r->plan[s->user_plan[i]];
		int64_t by_plan = plan ? plan->max_devices : 0;
		if (!by_plan && !per_user)
			continue;
		size_t n = count_kept(r, devices);
		if (by_plan && (int64_t)n > by_plan)
			diag_add(s->d, "E_PLAN_DEVICES", one_too_many(s, devices, (size_t)by_plan)->loc,
				 "user \"%s\" has %zu devices, and plan \"%s\" allows %lld", r->user[i]->o.name, n,
				 plan->o.name, (long long)by_plan);
		if (per_user && (int64_t)n > per_user)
			diag_add(s->d, "E_USER_DEVICES", one_too_many(s, devices, (size_t)per_user)->loc,
				 "user \"%s\" has %zu devices, and the network allows %lld for each user",
				 r->user[i]->o.name, n, (long long)per_user);
	}
}

static void settle_tags(struct resolver *s)
{
	resolver_index_tags(s);
	s->cache.tag = arena_array(s->a, s->lookup->tag.n, struct dest_list);
}

/* In this order: each step reads what the steps above it have settled. */
static void (*const steps[])(struct resolver *) = {
	settle_plans,
	settle_users,
	settle_home,
	settle_gateways,
	settle_devices,
	check_device_counts,
	settle_tags,
	resolver_keys,
	resolver_pools,
	resolver_addresses,
	resolver_resources,
	resolver_carried,
	resolver_homed,
	resolver_links,
	resolver_internet,
	resolver_groups,
	resolver_policies,
	resolver_meetings,
	resolver_capacity,
	resolver_tests,
	resolver_guardrails,
};

void resolve(struct resolved *r, const struct model *m, struct arena *a, struct diags *d)
{
	struct resolver s = { .r = r, .m = m, .a = a, .d = d, .nearest_budget = NEAREST_BUDGET };
	*r = (struct resolved){ .model = m, .home = NONE };
	s.lookup = arena_new(a, struct lookup);
	r->lookup = s.lookup;
	settle_tables(&s);
	set_builder_init(&s.set, r->nsources);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		steps[i](&s);
	set_builder_release(&s.set);
}
