/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links, packet by packet: random trees of linked sites, their plans and profiles as small models of WireGuard and of
 * the rules, and packets that walk through them. Each gets exactly as far as place_path() says, and its reply comes back.
 *
 * A model of WireGuard: an interface sends by the longest allowed prefix that holds the destination, and takes a packet
 * from a peer only when the longest one that holds the source is that peer's.
 */
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "access/outage.h"
#include "base/buf.h"
#include "base/bug.h"
#include "plan/plan.h"
#include "plan/trace.h"
#include "prop/prop.h"
#include "resolve/links.h"
#include "resolve/place.h"

enum { SITES_MAX = 4, GATEWAYS_MAX = 3, DEVICES = 7, HOPS_MAX = 8 };
#define NOW INT64_C(1800000000)
#define HTTPS SERVICE(6, 443)

struct world {
	struct arena arena;
	struct diags diags;
	struct source source;
	struct source_file file;
	struct model model;
	struct resolved r;
	struct access x;
	struct buf text;
	struct gw_plan *plan;           /* per gateway */
	struct device_profile *profile; /* per device */
	uint32_t nsites, ngateways;
};

/* ---- a tree ---- */

static void add_key(struct world *w, uint32_t n)
{
	struct pubkey k;
	char text[KEY_TEXT_MAX];

	memset(&k, 0x42, sizeof(k));
	memcpy(k.b, &n, sizeof(n));
	buf_addf(&w->text, "public_key: %s\n", pubkey_format(&k, text));
}

static void add_gateway(struct world *w, struct prng *p, uint32_t site)
{
	static const char *const states[] = { "draining", "maintenance" };
	uint32_t g = w->ngateways++;

	buf_addf(&w->text, "---\nkind: Gateway\nname: g%u\nsite: s%u\n", g, site);
	buf_addf(&w->text, "endpoint: 192.0.2.%u:51820\naddresses: [10.0.0.%u]\n", g + 1, g + 1);
	add_key(w, g);
	if (prng_chance(p, 20))
		buf_addf(&w->text, "state: %s\n", states[prng_below(p, 2)]);
}

static void add_sites(struct world *w, struct prng *p)
{
	w->nsites = 2 + prng_below(p, SITES_MAX - 1);
	for (uint32_t s = 0; s < w->nsites; s++) {
		buf_addf(&w->text, "---\nkind: Site\nname: s%u\nnetworks: [10.1.%u.0/24]\n", s, s);
		if (prng_chance(p, 40))
			buf_addf(&w->text, "redundancy: %u\n", 1 + prng_below(p, 2));
		for (uint32_t n = 1 + prng_below(p, GATEWAYS_MAX); n > 0; n--)
			add_gateway(w, p, s);
	}
}

static void add_plans(struct world *w, struct prng *p)
{
	for (uint32_t i = 0; i < 3; i++) {
		bool any = false;
		buf_addf(&w->text, "---\nkind: Plan\nname: p%u\nsites: [", i);
		for (uint32_t s = 0; s < w->nsites; s++)
			if (prng_chance(p, 45) || (s + 1 == w->nsites && !any)) {
				buf_addf(&w->text, "%ss%u", any ? ", " : "", s);
				any = true;
			}
		buf_addf(&w->text, "]\n---\nkind: User\nname: u%u\nplan: p%u\n", i, i);
	}
	buf_adds(&w->text, "---\nkind: User\nname: u3\n");
}

static void add_devices(struct world *w, struct prng *p)
{
	for (uint32_t d = 0; d < DEVICES; d++) {
		buf_addf(&w->text, "---\nkind: Device\nname: d%u\nowner: u%u\naddresses: [10.0.0.%u]\nhome: s%u\n", d,
			 prng_below(p, 4), 100 + d, prng_below(p, w->nsites));
		add_key(w, 1000 + d);
		if (prng_chance(p, 20))
			buf_addf(&w->text, "networks: [10.2.%u.0/24]\n", d);
		if (prng_chance(p, 5))
			buf_adds(&w->text, "enabled: false\n");
	}
}

/* Resources that are devices: they say a site, and are reached where the device is. */
static void add_resources(struct world *w, struct prng *p)
{
	for (uint32_t i = 0; i < 2; i++)
		buf_addf(&w->text, "---\nkind: Resource\nname: r%u\nsite: s%u\naddresses: [10.0.0.%u]\n", i,
			 prng_below(p, w->nsites), 100 + prng_below(p, DEVICES));
}

static void add_link(struct world *w, const char *name, const char *topology, uint32_t from, uint32_t n)
{
	buf_addf(&w->text, "---\nkind: Link\nname: %s\n%s\nsites: [", name, topology);
	for (uint32_t i = 0; i < n; i++)
		buf_addf(&w->text, "%ss%u", i ? ", " : "", from + i);
	buf_adds(&w->text, "]\n");
}

static void add_links(struct world *w, struct prng *p)
{
	char hub[64];
	uint32_t all = w->nsites, first = all > 2 ? 2 + prng_below(p, all - 1) : 2;

	snprintf(hub, sizeof(hub), "topology: hub\nhub: s%u", prng_below(p, first));
	switch (prng_below(p, 3)) {
	case 0: add_link(w, "one", "topology: mesh", 0, first); break;
	case 1: add_link(w, "one", hub, 0, first); break;
	case 2: add_link(w, "one", "topology: pair", 0, 2); first = 2; break;
	}
	if (first < all)
		add_link(w, "two", prng_chance(p, 50) ? "topology: pair" : "topology: mesh", first - 1, 2);
}

/* Some devices to some others; nothing else goes between devices. */
static void add_pairs(struct world *w, struct prng *p)
{
	for (uint32_t i = 0; i < 3; i++) {
		buf_addf(&w->text, "---\nkind: Policy\nname: pair%u\nfrom: ['device:d%u', 'device:d%u']\n", i,
			 prng_below(p, DEVICES), prng_below(p, DEVICES));
		if (prng_chance(p, 30))
			buf_adds(&w->text, "to: [self]\n");
		else
			buf_addf(&w->text, "to: ['device:d%u']\n", prng_below(p, DEVICES));
	}
	buf_adds(&w->text, "---\nkind: Policy\nname: rest\nfrom: [any]\nto: [10.1.0.0/16, 10.0.0.0/26]\n");
}

static void add_policy(struct world *w, struct prng *p)
{
	bool some = prng_chance(p, 40);

	if (some)
		add_pairs(w, p);
	buf_addf(&w->text, "---\nkind: Policy\nname: all\nto: [any]\nfrom:\n%s", some ? "" : "- any\n");
	for (uint32_t s = 0; s < w->nsites; s++)
		buf_addf(&w->text, "- site:s%u\n", s);
	for (uint32_t g = 0; g < w->ngateways; g++)
		buf_addf(&w->text, "- gateway:g%u\n", g);
}

static bool world_make(struct world *w, struct prng *p)
{
	*w = (struct world){ .text = BUF_INIT };
	arena_init(&w->arena);
	diags_init(&w->diags, &w->arena);
	buf_adds(&w->text, "kind: Network\nname: net\npools: [10.0.0.0/24]\n");
	add_sites(w, p);
	add_plans(w, p);
	add_devices(w, p);
	add_resources(w, p);
	add_links(w, p);
	add_policy(w, p);
	w->file = (struct source_file){ .path = "tree.yaml", .data = buf_str(&w->text), .len = w->text.len };
	w->file.diag_file = diags_add_file(&w->diags, w->file.path, w->file.data, w->file.len);
	w->source = (struct source){ .file = &w->file, .nfiles = 1, .bytes = w->file.len };
	model_read(&w->model, &w->source, &w->arena, &w->diags);
	resolve(&w->r, &w->model, &w->arena, &w->diags);
	if (w->diags.errors)
		return false;
	access_build(&w->x, &w->r, &w->arena, NULL);
	w->plan = arena_array(&w->arena, w->r.ngateways, struct gw_plan);
	w->profile = arena_array(&w->arena, w->r.ndevices, struct device_profile);
	for (uint32_t g = 0; g < w->r.ngateways; g++)
		plan_gateway(&w->plan[g], &w->x, &w->r, g, &w->arena);
	struct profiles *s = profiles_open(&w->x, &w->r);
	for (uint32_t d = 0; d < w->r.ndevices; d++)
		if (profiles_make(s, d, &w->arena, &w->profile[d]) < 0)
			w->profile[d] = (struct device_profile){ .npeers = 0 };
	profiles_close(s);
	return true;
}

static void world_release(struct world *w)
{
	buf_release(&w->text);
	diags_release(&w->diags);
	arena_release(&w->arena);
}

/* ---- sources ---- */

static bool is_device(const struct world *w, uint32_t s)
{
	return s < w->r.ndevices;
}

static bool is_site(const struct world *w, uint32_t s)
{
	return s >= w->r.ndevices && s < w->r.ndevices + w->r.nsites;
}

static uint32_t gateway_of(const struct world *w, uint32_t s)
{
	return s - (uint32_t)(w->r.ndevices + w->r.nsites);
}

static uint32_t site_of(const struct world *w, uint32_t s)
{
	if (is_device(w, s))
		return w->r.device[s].home;
	return is_site(w, s) ? s - (uint32_t)w->r.ndevices : w->r.gateway[gateway_of(w, s)].site;
}

/* An address of the source's; where it has networks, now and then one of those. */
static u128 address_of(const struct world *w, uint32_t s, struct prng *p)
{
	if (is_site(w, s))
		return w->r.site[site_of(w, s)].decl->networks.v[0].addr + 5;
	if (!is_device(w, s))
		return w->r.gateway[gateway_of(w, s)].decl->addresses.v[0];
	const struct device *d = w->r.device[s].decl;
	return d->networks.n && prng_chance(p, 50) ? d->networks.v[0].addr + 7 : d->addresses.v[0];
}

/* ---- packets ---- */

struct flow {
	u128 from, to;
};

struct walk {
	uint32_t gateway[HOPS_MAX];
	size_t n;
	uint32_t arrived; /* the source whose it is now, or NONE */
};

static int best_match(const struct prefix *v, size_t n, u128 addr)
{
	int best = -1;

	for (size_t i = 0; i < n; i++)
		if (prefix_contains(v[i], addr) && v[i].len > best)
			best = v[i].len;
	return best;
}

/* The peer that the interface has for the address; NULL: none. */
static const struct gw_peer *peer_for(const struct gw_plan *p, u128 addr)
{
	const struct gw_peer *peer = NULL;
	int best = -1;

	for (size_t i = 0; i < p->npeers; i++) {
		int len = best_match(p->peer[i].allowed_ips, p->peer[i].nallowed, addr);
		if (len > best) {
			best = len;
			peer = &p->peer[i];
		}
	}
	return peer;
}

static uint32_t device_peer_for(const struct world *w, uint32_t device, u128 addr)
{
	const struct device_profile *f = &w->profile[device];
	const struct r_gateway *g = NULL;
	int best = -1;

	for (size_t i = 0; i < f->npeers; i++) {
		int len = best_match(f->peer[i].allowed_ips, f->peer[i].nallowed, addr);
		if (len > best) {
			best = len;
			g = f->peer[i].gateway;
		}
	}
	return g ? (uint32_t)(g - w->r.gateway) : NONE;
}

static bool rules_accept(const struct world *w, uint32_t gateway, const struct flow *f)
{
	const struct trace_flow t = { .source = f->from, .dest = f->to, .service = HTTPS, .at = NOW };
	struct trace_result res;

	nft_trace(&w->plan[gateway].nft, &t, &res);
	return res.accept;
}

static uint32_t source_named(const struct world *w, const struct pubkey *key)
{
	for (uint32_t i = 0; i < w->r.ndevices; i++)
		if (pubkey_cmp(&w->r.device[i].decl->public_key, key) == 0)
			return i;
	for (uint32_t i = 0; i < w->r.ngateways; i++)
		if (pubkey_cmp(&w->r.gateway[i].decl->public_key, key) == 0)
			return (uint32_t)(w->r.ndevices + w->r.nsites) + i;
	BUG("a peer that nobody is");
}

/* Takes the packet on from a gateway that has it; src and dst are the packet's, f its flow's. */
static void from_gateway(const struct world *w, uint32_t g, u128 src, u128 dst, const struct flow *f, struct walk *out)
{
	for (out->arrived = NONE; out->n < HOPS_MAX;) {
		const struct gw_plan *p = &w->plan[g];
		out->gateway[out->n++] = g;
		if (!rules_accept(w, g, f))
			return;
		if (dst == w->r.gateway[g].decl->addresses.v[0]) {
			out->arrived = (uint32_t)(w->r.ndevices + w->r.nsites) + g;
			return;
		}
		if (best_match(p->route, p->nroutes, dst) < 0) { /* the LAN */
			if (place_site(&w->r, dst) == w->r.gateway[g].site)
				out->arrived = (uint32_t)w->r.ndevices + w->r.gateway[g].site;
			return;
		}
		const struct gw_peer *peer = peer_for(p, dst);
		if (!peer)
			return;
		uint32_t next = source_named(w, &peer->public_key);
		if (is_device(w, next)) {
			out->arrived = device_peer_for(w, next, src) == g ? next : NONE;
			return;
		}
		uint32_t there = gateway_of(w, next);
		const struct gw_peer *back = peer_for(&w->plan[there], src);
		if (!back || pubkey_cmp(&back->public_key, &w->r.gateway[g].decl->public_key) != 0)
			return;
		g = there;
	}
}

static void from_device(const struct world *w, uint32_t device, u128 src, u128 dst, const struct flow *f,
			struct walk *out)
{
	uint32_t g = device_peer_for(w, device, dst);

	out->n = 0;
	out->arrived = NONE;
	if (g == NONE)
		return;
	const struct gw_peer *back = peer_for(&w->plan[g], src);
	if (back && pubkey_cmp(&back->public_key, &w->r.device[device].decl->public_key) == 0)
		from_gateway(w, g, src, dst, f, out);
}

/* via: where a packet of a site's host enters. */
static void send_packet(const struct world *w, uint32_t from, uint32_t via, u128 src, u128 dst, const struct flow *f,
			struct walk *out)
{
	out->n = 0;
	if (is_device(w, from))
		from_device(w, from, src, dst, f, out);
	else
		from_gateway(w, is_site(w, from) ? via : gateway_of(w, from), src, dst, f, out);
}

/* ---- laws ---- */

enum law { LAW_VALID, LAW_DISJOINT, LAW_CODEC, LAW_CARRY, LAW_FORWARD, LAW_BACK, LAW_NOWHERE, LAW_SYMMETRY, LAW_MEET, LAW_OUTAGE, LAW_COUNT };
static const char *const law_name[LAW_COUNT] = {
	[LAW_VALID] = "each tree compiles",
	[LAW_DISJOINT] = "no prefix stands on two peers of a gateway",
	[LAW_CODEC] = "plans come back from their bytes as they were",
	[LAW_CARRY] = "a gateway's rules accept exactly what has it on its path",
	[LAW_FORWARD] = "a packet passes the gateways of its path and arrives",
	[LAW_BACK] = "its reply comes back",
	[LAW_NOWHERE] = "a packet without a path arrives nowhere",
	[LAW_MEET] = "two devices that attach to their home and may reach each other do",
	[LAW_OUTAGE] = "what is said to be out of reach without some gateways is what has no path without them",
	[LAW_SYMMETRY] = "two devices use the same gateways both ways",
};

static bool meet(const struct gw_peer *x, const struct gw_peer *y)
{
	for (size_t i = 0; i < x->nallowed; i++)
		for (size_t k = 0; k < y->nallowed; k++)
			if (prefix_contains(x->allowed_ips[i], y->allowed_ips[k].addr) ||
			    prefix_contains(y->allowed_ips[k], x->allowed_ips[i].addr))
				return true;
	return false;
}

static bool disjoint(const struct gw_plan *p)
{
	for (size_t i = 0; i < p->npeers; i++)
		for (size_t k = i + 1; k < p->npeers; k++)
			if (meet(&p->peer[i], &p->peer[k]))
				return false;
	return true;
}

static bool codec_holds(const struct gw_plan *p, struct arena *a)
{
	struct buf one BUF_CLEANUP = BUF_INIT, two BUF_CLEANUP = BUF_INIT;
	struct gw_plan again;
	struct plan_delta delta;
	char err[256];

	gw_plan_encode(p, &one);
	if (gw_plan_decode(&again, one.p, one.len, a, err, sizeof(err)) < 0)
		return false;
	gw_plan_encode(&again, &two);
	gw_plan_diff(p, &again, NOW, a, &delta);
	return delta.nops == 0 && one.len == two.len && memcmp(one.p, two.p, one.len) == 0;
}

static bool is_in(uint32_t g, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == g)
			return true;
	return false;
}

/* Whether a device's side of the path hangs on a gateway that profiles leave out. */
static bool device_knows(const struct world *w, uint32_t s, uint32_t gateway)
{
	return !is_device(w, s) || w->r.gateway[gateway].decl->state == GATEWAY_ACTIVE;
}

static bool is_dead(const struct world *w, uint32_t s)
{
	return is_device(w, s) && w->r.device[s].dead;
}

struct trial {
	const struct world *w;
	uint32_t from, to;
	bool near; /* both at one site */
	struct flow f;
	uint32_t path[16];
	size_t n;
	bool chain;
	bool allowed;
};

/* Whether the device is a peer of some gateway of its home. */
static bool is_at_home(const struct world *w, uint32_t device)
{
	uint32_t gateway;

	return place_meeting(&w->r, device, device, &gateway, 1) > 0;
}

/*
 * At its own site a gateway's rules carry whatever has its home there, though it is no peer of it: for the LAN and
 * for itself, and for devices what is off or may not attach at its home.
 */
static bool carry_holds(const struct trial *t)
{
	bool exact = !t->near || (is_device(t->w, t->from) && (!is_device(t->w, t->to) || is_at_home(t->w, t->to)));

	for (uint32_t g = 0; g < t->w->r.ngateways; g++) {
		bool accepted = rules_accept(t->w, g, &t->f), expected = t->allowed && is_in(g, t->path, t->n);
		if (exact ? accepted != expected : expected && !accepted)
			return false;
	}
	return true;
}

static bool nowhere_holds(const struct trial *t)
{
	const struct r_site *site = &t->w->r.site[site_of(t->w, t->from)];
	struct walk out;

	for (size_t i = 0; i < site->ngateways; i++) {
		if (t->allowed && is_in(site->gateway[i], t->path, t->n))
			continue;
		if (t->allowed && t->n && !is_site(t->w, t->from))
			continue;
		send_packet(t->w, t->from, site->gateway[i], t->f.from, t->f.to, &t->f, &out);
		if (out.arrived != NONE)
			return false;
	}
	return true;
}

static bool can_attach(const struct world *w, uint32_t device)
{
	uint32_t home = w->r.device[device].home;

	return !w->r.device[device].dead && place_plan_allows(&w->r, device, home) && place_best(&w->r, home, 0) != NONE;
}

/* Whatever the redundancy, and whichever gateways the two have at their home. */
static bool meet_holds(const struct trial *t)
{
	if (!t->near || !is_device(t->w, t->from) || !is_device(t->w, t->to) || !t->allowed)
		return true;
	return t->n > 0 || !can_attach(t->w, t->from) || !can_attach(t->w, t->to);
}

static bool forward_holds(const struct trial *t, struct walk *out)
{
	send_packet(t->w, t->from, t->path[0], t->f.from, t->f.to, &t->f, out);
	if (out->arrived != t->to)
		return false;
	if (!t->chain)
		return out->n == 1 && is_in(out->gateway[0], t->path, t->n);
	return out->n == t->n && memcmp(out->gateway, t->path, t->n * sizeof(*t->path)) == 0;
}

static bool back_holds(const struct trial *t, const struct walk *there)
{
	struct walk out;

	send_packet(t->w, t->to, there->gateway[there->n - 1], t->f.to, t->f.from, &t->f, &out);
	if (out.arrived != t->from || out.n != there->n)
		return false;
	for (size_t i = 0; i < out.n; i++)
		if (out.gateway[i] != there->gateway[there->n - 1 - i])
			return false;
	return true;
}

static bool symmetric(const struct trial *t)
{
	uint32_t back[16];
	size_t n = place_path(&t->w->r, t->to, t->f.from, back, 16);

	if (n != t->n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (back[i] != t->path[t->chain ? n - 1 - i : i])
			return false;
	return true;
}

/* How often a path was that long: the test is worth nothing without long ones. */
static void try_pair(const struct world *w, uint32_t from, uint32_t to, struct prng *p, bool ok[LAW_COUNT],
		     size_t seen[5])
{
	struct trial t = { .w = w, .from = from, .to = to, .f = { address_of(w, from, p), address_of(w, to, p) } };
	struct walk out;

	/* What is one machine or stands on one LAN no gateway sees; the dead are no sources. */
	t.near = site_of(w, from) == site_of(w, to);
	if (from == to || (t.near && !is_device(w, from) && !is_device(w, to)) || is_dead(w, from))
		return;
	if (!is_device(w, from) && !is_site(w, from) &&
	    w->r.gateway[gateway_of(w, from)].decl->state == GATEWAY_MAINTENANCE)
		return;
	t.n = place_path(&w->r, from, t.f.to, t.path, 16);
	t.chain = place_is_chain(&w->r, from, t.f.to);
	seen[t.n < 3 ? t.n : 3]++;
	t.allowed = access_eval(&w->x, from, t.f.to, HTTPS, NOW).allow;
	ok[LAW_MEET] &= meet_holds(&t);
	ok[LAW_CARRY] &= carry_holds(&t);
	ok[LAW_NOWHERE] &= nowhere_holds(&t);
	if (is_device(w, from) && is_device(w, to))
		ok[LAW_SYMMETRY] &= is_dead(w, to) ? t.n == 0 : symmetric(&t);
	if (!t.n || !t.allowed || !device_knows(w, from, t.path[0]) || !device_knows(w, to, t.chain ? t.path[t.n - 1] : t.path[0]))
		return;
	bool arrives = forward_holds(&t, &out);
	seen[4] += t.near && is_device(w, from) && is_device(w, to);
	ok[LAW_FORWARD] &= arrives;
	if (arrives)
		ok[LAW_BACK] &= back_holds(&t, &out);
}

/* ---- outages ---- */

struct outage_trial {
	const struct world *w;
	uint32_t down[2];
	size_t n;
	struct outage o;
};

enum fate { FATE_STAYS, FATE_MOVES, FATE_LOST };

static enum fate fate_of(const struct outage_trial *t, uint32_t from, u128 to)
{
	uint32_t path[16];
	size_t n = place_path(&t->w->r, from, to, path, 16), others = 0;

	if (!n || !access_eval(&t->w->x, from, to, HTTPS, NOW).allow)
		return FATE_STAYS;
	for (size_t i = 0; i < n; i++) {
		if (place_is_chain(&t->w->r, from, to) && is_in(path[i], t->down, t->n))
			return FATE_LOST;
		others += !is_in(path[i], t->down, t->n) &&
			  t->w->r.gateway[path[i]].decl->state == t->w->r.gateway[path[0]].decl->state;
	}
	if (place_is_chain(&t->w->r, from, to) || !is_in(path[0], t->down, t->n))
		return FATE_STAYS;
	return others ? FATE_MOVES : FATE_LOST;
}

static bool names_it(const struct diff_member *v, size_t n, const char *source)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i].nsources; k++)
			if (!strcmp(v[i].source[k], source))
				return true;
	return false;
}

/* *fates: a bit for each that is said. */
static enum fate said(const struct outage_trial *t, const char *source, u128 to, unsigned int *fates)
{
	enum fate fate = FATE_STAYS;

	for (size_t i = 0; i < t->o.ngroups; i++) { /* two resources of one address are both named */
		const struct outage_group *g = &t->o.group[i];
		if (!names_it(g->member, g->nmembers, source))
			continue;
		for (size_t k = 0; k < g->npaths; k++)
			for (size_t m = 0; m < g->path[k].nitems; m++)
				if (range_set_contains(g->path[k].item[m].addr, to)) {
					fate = g->path[k].instead ? FATE_MOVES : FATE_LOST;
					*fates |= 1u << fate;
				}
	}
	return fate;
}

static void try_outage(struct world *w, struct prng *p, bool ok[LAW_COUNT])
{
	struct outage_trial t = { .w = w, .n = 1 + prng_below(p, 2) };

	for (size_t i = 0; i < t.n; i++)
		t.down[i] = prng_below(p, w->ngateways);
	outage_find(&t.o, &w->x, &w->r, t.down, t.n, NOW, prng_chance(p, 50), &w->arena);
	for (uint32_t from = 0; from < w->r.nsources; from++) {
		const char *name = source_text(&w->r, from, &w->arena);
		for (uint32_t to = 0; to < w->r.nsources; to++) {
			u128 addr = address_of(w, to, p);
			enum fate want = from == to || is_dead(w, from) ? FATE_STAYS : fate_of(&t, from, addr);
			unsigned int fates = want == FATE_STAYS;
			if (from != to && (said(&t, name, addr, &fates) != want || fates != 1u << want))
				ok[LAW_OUTAGE] = false;
		}
	}
}

static void try(struct prng *p, bool ok[LAW_COUNT], size_t seen[5])
{
	struct world w;

	if (!world_make(&w, p)) {
		printf("# %s\n", w.diags.n ? w.diags.v[0].message : "?");
		ok[LAW_VALID] = false;
		world_release(&w);
		return;
	}
	for (uint32_t g = 0; g < w.r.ngateways; g++) {
		ok[LAW_DISJOINT] &= disjoint(&w.plan[g]);
		ok[LAW_CODEC] &= codec_holds(&w.plan[g], &w.arena);
	}
	for (uint32_t from = 0; from < w.r.nsources; from++)
		for (uint32_t to = 0; to < w.r.nsources; to++)
			try_pair(&w, from, to, p, ok, seen);
	try_outage(&w, p, ok);
	world_release(&w);
}

int main(void)
{
	uint64_t seed = prop_env("PROP_SEED", 1), cases = prop_env("PROP_CASES", 400);
	bool ok[LAW_COUNT], was[LAW_COUNT];
	size_t seen[5] = { 0 };
	struct tap t = { 0, 0 };

	for (int i = 0; i < LAW_COUNT; i++)
		ok[i] = was[i] = true;
	for (uint64_t c = 0; c < cases; c++) {
		struct prng p = { (seed + c) * 0x9e3779b9u };
		try(&p, ok, seen);
		for (int i = 0; i < LAW_COUNT; i++) {
			if (was[i] && !ok[i])
				printf("# %s: PROP_SEED=%llu PROP_CASES=1\n", law_name[i],
				       (unsigned long long)(seed + c));
			was[i] = ok[i];
		}
	}
	printf("# paths of 0, 1, 2 and 3 gateways: %zu, %zu, %zu, %zu; between devices of one home: %zu\n", seen[0], seen[1], seen[2],
	       seen[3], seen[4]);
	for (int i = 0; i < LAW_COUNT; i++)
		tap_ok(&t, ok[i], law_name[i]);
	tap_ok(&t, cases < 100 || (seen[0] && seen[1] && seen[2] && seen[3] && seen[4]), "there are paths of every length");
	return tap_done(&t);
}
