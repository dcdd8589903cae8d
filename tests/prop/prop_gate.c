/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two plans behind a gate, against each of them alone, for random trees and packets: while the gate is open packets go by the new plan, after it by the old
 * one, but for addresses that changed hands. And what a change takes away is never weighed as nothing.
 */
#include "access/access.h"
#include "base/clock.h"
#include "base/service.h"
#include "base/vec.h"
#include "plan/gate.h"
#include "plan/plan.h"
#include "plan/weigh.h"
#include "prop/world.h"

enum law { LAW_OPEN, LAW_CLOSED, LAW_MOVED, LAW_PEERS, LAW_REVOKED, LAW_PLAIN, LAW_WEIGH, LAW_COUNT };

static const char *const law_name[LAW_COUNT] = {
	[LAW_OPEN] = "while the gate is open every packet goes by the new plan",
	[LAW_CLOSED] = "when it is closed every packet goes by the old plan, or is dropped because its address changed hands",
	[LAW_MOVED] = "an address that changed hands reaches nothing and is reached by nobody when the gate is closed",
	[LAW_PEERS] = "no address is two peers', and every peer of the new plan has all of its own",
	[LAW_REVOKED] = "no peer that the new plan revokes is there",
	[LAW_PLAIN] = "like tables need no gate",
	[LAW_WEIGH] = "what the new plan denies and the old one allows is weighed as a loss",
};

struct planned {
	struct arena arena;
	struct diags diags;
	struct model model;
	struct resolved resolved;
	struct access access;
	struct buf yaml;
	struct gw_plan plan;
};

static bool plan_world(struct planned *c, const struct world *w)
{
	struct source_file file = { .path = "tree.yaml" };
	struct source source = { .file = &file, .nfiles = 1 };

	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
	diags_init(&c->diags, &c->arena);
	world_yaml(w, &c->yaml);
	file.data = buf_str(&c->yaml);
	file.len = source.bytes = c->yaml.len;
	file.diag_file = diags_add_file(&c->diags, file.path, file.data, file.len);
	model_read(&c->model, &source, &c->arena, &c->diags);
	resolve(&c->resolved, &c->model, &c->arena, &c->diags);
	if (c->diags.errors == 0)
		access_build(&c->access, &c->resolved, &c->arena, &c->diags);
	if (c->diags.errors == 0)
		plan_gateway(&c->plan, &c->access, &c->resolved, 0, &c->arena);
	return c->diags.errors == 0;
}

static void planned_release(struct planned *c)
{
	diags_release(&c->diags);
	buf_release(&c->yaml);
	arena_release(&c->arena);
}

/* ---- a packet through a table, from its hook ---- */

struct packet {
	enum nft_hook hook;
	bool in, out; /* by our interface */
	bool reply, alive;
	u128 source, dest; /* of the flow's original direction */
	uint32_t service;
	int64_t at;
};

static const struct nft_elem *find_elem(const struct nft_set *s, u128 key)
{
	for (size_t i = 0; s != NULL && i < s->nelems; i++)
		if (key >= s->elem[i].lo && key <= s->elem[i].hi)
			return &s->elem[i];
	return NULL;
}

static bool in_boxes(const struct nft_set *s, const struct packet *p)
{
	uint32_t proto = SERVICE_PROTO(p->service), port = SERVICE_PORT(p->service);

	for (size_t i = 0; s != NULL && i < s->nelems; i++) {
		const struct nft_elem *e = &s->elem[i];
		if (p->dest >= e->lo && p->dest <= e->hi && proto >= e->proto_lo && proto <= e->proto_hi && port >= e->port_lo &&
		    port <= e->port_hi)
			return true;
	}
	return false;
}

static bool compare(const struct nft_table *t, const struct nft_item *it, u128 v)
{
	switch (it->op) {
	case NFT_EQ: return v == it->lo;
	case NFT_NEQ: return v != it->lo;
	case NFT_RANGE:
	case NFT_PREFIX: return v >= it->lo && v <= it->hi;
	case NFT_GE: return v >= it->lo;
	case NFT_LT: return v < it->lo;
	case NFT_IN_SET: return find_elem(nft_find_set(t, it->name), v) != NULL;
	}
	return false;
}

static bool matches(const struct nft_table *t, const struct nft_item *it, const struct packet *p)
{
	bool is_not = it->op == NFT_NEQ;

	switch (it->field) {
	case NFT_IIFNAME: return p->in != is_not;
	case NFT_OIFNAME: return p->out != is_not;
	case NFT_CT_INVALID: return false;
	case NFT_CT_DIRECTION: return (u128)p->reply == it->lo;
	case NFT_CT_L3PROTO: return compare(t, it, addr_is_v4(p->dest) ? 2 : 10);
	case NFT_CT_PROTO: return compare(t, it, SERVICE_PROTO(p->service));
	case NFT_CT_DPORT: return compare(t, it, SERVICE_PORT(p->service));
	case NFT_CT_SADDR: return compare(t, it, p->source);
	case NFT_CT_DADDR: return compare(t, it, p->dest);
	case NFT_CT_DBOX: return in_boxes(nft_find_set(t, it->name), p);
	case NFT_TIME: return compare(t, it, (u128)p->at);
	case NFT_DAY: return compare(t, it, (clock_week_second(p->at) / 86400 + 1) % 7);
	case NFT_HOUR: return compare(t, it, (u128)(clock_week_second(p->at) % 86400));
	case NFT_NFPROTO: return p->alive;
	}
	return false;
}

static int walk(const struct nft_table *t, const struct nft_chain *c, const struct packet *p);

/* The chain that a dispatch leads to, or NULL. */
static const struct nft_chain *dispatched(const struct nft_table *t, const struct nft_item *it, const struct packet *p)
{
	const struct nft_elem *number =
		addr_is_v4(p->source) == !it->v6 ? find_elem(nft_find_set(t, it->name), p->source) : NULL;
	const struct nft_elem *chain = number != NULL ? find_elem(nft_find_set(t, it->name2), number->value) : NULL;

	return chain != NULL ? nft_find_chain(t, chain->chain) : NULL;
}

/* 1 accepted, 0 dropped, -1 the next rule, -2 the end of the chain */
static int walk_rule(const struct nft_table *t, const struct nft_rule *r, const struct packet *p)
{
	for (size_t i = 0; i < r->nitems; i++) {
		const struct nft_item *it = &r->item[i];
		const struct nft_chain *to = NULL;
		switch (it->kind) {
		case NFT_MATCH:
			if (!matches(t, it, p))
				return -1;
			break;
		case NFT_ACCEPT: return 1;
		case NFT_DROP: return 0;
		case NFT_RETURN: return -2;
		case NFT_JUMP:
		case NFT_GOTO:
			to = nft_find_chain(t, it->name);
			if (to == NULL)
				return 2; /* a chain that is not there */
			int verdict = walk(t, to, p);
			if (verdict >= 0 || it->kind == NFT_GOTO)
				return verdict >= 0 ? verdict : -2;
			break;
		case NFT_DISPATCH:
			to = dispatched(t, it, p);
			if (to == NULL)
				return -1;
			verdict = walk(t, to, p);
			return verdict >= 0 ? verdict : -2;
		case NFT_METER: return -1;
		case NFT_CLEAR_MARK:
		case NFT_MSS_CLAMP:
		case NFT_COUNTER:
		case NFT_LIMIT:
		case NFT_LOG:
		case NFT_MASQUERADE:
		case NFT_FOREIGN: break;
		}
	}
	return -1;
}

static int walk(const struct nft_table *t, const struct nft_chain *c, const struct packet *p)
{
	for (size_t i = 0; i < c->nrules; i++) {
		int verdict = walk_rule(t, &c->rule[i], p);
		if (verdict >= 0)
			return verdict;
		if (verdict == -2)
			return -1;
	}
	return -1;
}

static bool passes(const struct gw_plan *plan, const struct packet *p)
{
	for (size_t i = 0; i < plan->nft.nchains; i++)
		if (plan->nft.chain[i].hook == p->hook && walk(&plan->nft, &plan->nft.chain[i], p) != 1 &&
		    walk(&plan->nft, &plan->nft.chain[i], p) != -1)
			return false;
	return true; /* the hooks' policy */
}

/* ---- laws ---- */

static struct packet random_packet(const struct world *w, struct prng *p)
{
	static const enum nft_hook hooks[] = { NFT_HOOK_FORWARD, NFT_HOOK_FORWARD, NFT_HOOK_INPUT, NFT_HOOK_OUTPUT };
	struct w_question q = world_question(w, p);
	struct packet k = { .hook = hooks[prng_below(p, ARRAY_SIZE(hooks))], .reply = prng_chance(p, 30) };

	k.in = k.hook == NFT_HOOK_INPUT || (k.hook == NFT_HOOK_FORWARD && prng_chance(p, 70));
	k.out = k.hook == NFT_HOOK_OUTPUT || (k.hook == NFT_HOOK_FORWARD && prng_chance(p, 40));
	k.dest = q.addr;
	k.service = SERVICE(q.proto, q.port);
	k.at = q.t;
	k.source = prng_chance(p, 80) ? device_addr(prng_below(p, DEVICES)) : gateway_addr(0);
	if (prng_chance(p, 30))
		k.dest = device_addr(prng_below(p, DEVICES));
	return k;
}

static bool is_moved(const struct gw_plan *both, u128 a)
{
	return find_elem(nft_find_set(&both->nft, addr_is_v4(a) ? GATE_MOVED4 : GATE_MOVED6), a) != NULL;
}

static void try_packets(const struct world *w, struct prng *p, const struct gw_plan *base, const struct gw_plan *next,
			const struct gw_plan *both, bool ok[static LAW_COUNT])
{
	struct weight weight;
	bool lost = false;

	weigh(base, next, 0, 0, &weight);
	for (int i = 0; i < 60; i++) {
		struct packet k = random_packet(w, p);
		bool old = passes(base, &k), new = passes(next, &k);
		bool moved = is_moved(both, k.source) || is_moved(both, k.dest);
		k.alive = true;
		ok[LAW_OPEN] &= passes(both, &k) == new;
		k.alive = false;
		ok[LAW_CLOSED] &= passes(both, &k) == (old && !(moved && (k.in || k.out)));
		ok[LAW_MOVED] &= !(moved && (k.in || k.out) && passes(both, &k));
		lost = lost || (old && !new);
	}
	ok[LAW_WEIGH] &= !lost || (weight.removals && weight.losing + (weight.risk & WEIGH_RULES) > 0);
}

static const struct gw_peer *peer_of(const struct gw_plan *p, const struct pubkey *key)
{
	for (size_t i = 0; i < p->npeers; i++)
		if (pubkey_cmp(&p->peer[i].public_key, key) == 0)
			return &p->peer[i];
	return NULL;
}

static bool has_address(const struct gw_peer *p, struct prefix a)
{
	for (size_t i = 0; p != NULL && i < p->nallowed; i++)
		if (p->allowed_ips[i].addr == a.addr && p->allowed_ips[i].len == a.len)
			return true;
	return false;
}

static void try_peers(const struct gw_plan *next, const struct gw_plan *both, bool ok[static LAW_COUNT])
{
	for (size_t i = 0; i < both->npeers; i++) {
		const struct gw_peer *b = &both->peer[i];
		for (size_t k = 0; k < b->nallowed; k++)
			for (size_t m = 0; m < both->npeers; m++)
				ok[LAW_PEERS] &= m == i || !has_address(&both->peer[m], b->allowed_ips[k]);
	}
	for (size_t i = 0; i < next->npeers; i++) {
		const struct gw_peer *n = &next->peer[i], *b = peer_of(both, &n->public_key);
		ok[LAW_REVOKED] &= b != NULL && (!n->revoked || (b->revoked && b->nallowed == 0));
		for (size_t k = 0; k < n->nallowed; k++)
			ok[LAW_PEERS] &= has_address(b, n->allowed_ips[k]);
	}
}

/* Two devices swap their addresses, as far as WireGuard is concerned. */
static void swap_addresses(struct gw_plan *p, struct prng *r)
{
	if (p->npeers < 2)
		return;
	struct gw_peer *a = &p->peer[prng_below(r, (uint32_t)p->npeers)], *b = &p->peer[prng_below(r, (uint32_t)p->npeers)];
	struct prefix *v = a->allowed_ips;
	size_t n = a->nallowed;

	if (a->revoked || b->revoked)
		return;
	a->allowed_ips = b->allowed_ips;
	a->nallowed = b->nallowed;
	b->allowed_ips = v;
	b->nallowed = n;
}

static void try(struct prng *p, bool ok[static LAW_COUNT])
{
	struct world w;
	struct planned old, new;
	struct gw_plan both;
	struct arena a;
	const struct gate_exempt nobody = { .nkeys = 0 };

	world_make(&w, p);
	bool good = plan_world(&old, &w);
	for (uint32_t i = prng_below(p, 4); i > 0; i--)
		world_change(&w, p);
	good = plan_world(&new, &w) && good;
	arena_init(&a);
	if (good) {
		if (prng_chance(p, 20))
			swap_addresses(&new.plan, p);
		bool built = gate_plan(&old.plan, &new.plan, &nobody, &a, &both) == NULL;
		ok[LAW_OPEN] &= built;
		if (built) {
			try_packets(&w, p, &old.plan, &new.plan, &both, ok);
			try_peers(&new.plan, &both, ok);
		}
		struct gw_plan same;
		ok[LAW_PLAIN] &= gate_plan(&new.plan, &new.plan, &nobody, &a, &same) == NULL && nft_find_set(&same.nft, GATE_ALIVE) == NULL &&
				 same.nft.nchains == new.plan.nft.nchains && same.nft.nsets == new.plan.nft.nsets;
	}
	arena_release(&a);
	planned_release(&old);
	planned_release(&new);
}

int main(void)
{
	uint64_t seed = prop_env("PROP_SEED", 1), cases = prop_env("PROP_CASES", 1500);
	bool ok[LAW_COUNT], was[LAW_COUNT];
	struct tap t = { 0, 0 };

	for (int i = 0; i < LAW_COUNT; i++)
		ok[i] = was[i] = true;
	for (uint64_t c = 0; c < cases; c++) {
		struct prng p = { (seed + c) * 0x9e3779b9u };
		try(&p, ok);
		for (int i = 0; i < LAW_COUNT; i++) {
			if (was[i] && !ok[i])
				printf("# %s: PROP_SEED=%llu PROP_CASES=1\n", law_name[i], (unsigned long long)(seed + c));
			was[i] = ok[i];
		}
	}
	for (int i = 0; i < LAW_COUNT; i++)
		tap_ok(&t, ok[i], law_name[i]);
	return tap_done(&t);
}
