/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/gate.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "plan/gate_peers.h"
#include "plan/limits.h"
#include "plan/rules.h"

#define OURS "ours"
#define DISPATCH "dispatch"
#define NEW_DISPATCH GATE_NEW DISPATCH
#define DENIED "denied"

struct gate {
	const struct nft_table *base, *next;
	struct arena *a;
	range_vec moved4, moved6;
	bool *set_new, *chain_new; /* of next: under a name of its own */
	bool same_numbers;         /* each number leads to the same chain in both */
	VEC(struct nft_set) set;
	VEC(struct nft_chain) chain;
	VEC(uint32_t) number;      /* what new maps lead to */
};

/* ---- names ---- */

static const char *new_name(struct gate *g, const char *name)
{
	return arena_printf(g->a, GATE_NEW "%s", name);
}

static bool is_map(enum nft_set_kind k)
{
	return k == NFT_MAP_CLASS4 || k == NFT_MAP_CLASS6 || k == NFT_MAP_NET4 || k == NFT_MAP_NET6 || k == NFT_MAP_CHAIN;
}

static bool is_class_map(enum nft_set_kind k)
{
	return k == NFT_MAP_CLASS4 || k == NFT_MAP_CLASS6;
}

static bool set_is_new(const struct gate *g, const char *name)
{
	const struct nft_set *s = name != NULL ? nft_find_set(g->next, name) : NULL;

	return s != NULL && g->set_new[s - g->next->set];
}

static bool chain_is_new(const struct gate *g, const char *name)
{
	const struct nft_chain *c = name != NULL ? nft_find_chain(g->next, name) : NULL;

	return c != NULL && g->chain_new[c - g->next->chain];
}

/* ---- what differs ---- */

static bool elems_equal(const struct nft_set *a, const struct nft_set *b)
{
	if (a->nelems != b->nelems)
		return false;
	for (size_t i = 0; i < a->nelems; i++)
		if (!nft_elem_equal(&a->elem[i], &b->elem[i]))
			return false;
	return true;
}

static bool rules_equal(const struct nft_chain *a, const struct nft_chain *b)
{
	if (a->nrules != b->nrules || a->hook != b->hook)
		return false;
	for (size_t i = 0; i < a->nrules; i++)
		if (!nft_rule_equal(&a->rule[i], &b->rule[i]))
			return false;
	return true;
}

static void find_new_sets(struct gate *g)
{
	for (size_t i = 0; i < g->next->nsets; i++) {
		const struct nft_set *s = &g->next->set[i], *b = nft_find_set(g->base, s->name);
		g->set_new[i] = !is_map(s->kind) && !limits_owns(s->name) && b != NULL &&
				(!nft_set_same_shape(s, b) || !elems_equal(s, b));
	}
}

static bool refers_to_new(const struct gate *g, const struct nft_chain *c)
{
	for (size_t i = 0; i < c->nrules; i++) {
		for (size_t k = 0; k < c->rule[i].nitems; k++) {
			const struct nft_item *it = &c->rule[i].item[k];
			if ((it->kind == NFT_JUMP || it->kind == NFT_GOTO) && chain_is_new(g, it->name))
				return true;
			if ((it->kind == NFT_DISPATCH || (it->kind == NFT_MATCH && it->op == NFT_IN_SET)) && set_is_new(g, it->name))
				return true;
		}
	}
	return false;
}

static bool chain_differs(const struct gate *g, const struct nft_chain *c)
{
	const struct nft_chain *b = nft_find_chain(g->base, c->name);

	if (b == NULL)
		return c->hook != NFT_HOOK_NONE;
	if (strcmp(c->name, OURS) == 0 && g->moved4.n + g->moved6.n > 0)
		return true;
	return !rules_equal(c, b);
}

/* Until nothing more follows from what was found. */
static void find_new_chains(struct gate *g)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < g->next->nchains; i++) {
			const struct nft_chain *c = &g->next->chain[i];
			if (g->chain_new[i] || limits_owns(c->name) || !(chain_differs(g, c) || refers_to_new(g, c)))
				continue;
			more = g->chain_new[i] = true;
		}
	}
}

/* ---- maps: where an address leads ---- */

static const char *leads_to(const struct nft_table *t, uint32_t number)
{
	const struct nft_set *d = nft_find_set(t, DISPATCH);
	size_t lo = 0, hi = d != NULL ? d->nelems : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (d->elem[mid].lo < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return d != NULL && lo < d->nelems && d->elem[lo].lo == number ? d->elem[lo].chain : NULL;
}

static bool leads_alike(const struct gate *g, uint32_t base, uint32_t next)
{
	if (g->same_numbers)
		return base == next;
	const char *b = leads_to(g->base, base), *n = leads_to(g->next, next);
	return b != NULL && n != NULL && strcmp(b, n) == 0 && !chain_is_new(g, n);
}

static bool find_same_numbers(const struct gate *g)
{
	const struct nft_set *d = nft_find_set(g->next, DISPATCH);

	for (size_t i = 0; d != NULL && i < d->nelems; i++) {
		const char *b = leads_to(g->base, (uint32_t)d->elem[i].lo);
		if (chain_is_new(g, d->elem[i].chain) || (b != NULL && strcmp(b, d->elem[i].chain) != 0))
			return false;
	}
	return true;
}

typedef VEC(struct nft_elem) elem_vec;

static void overlay_add(elem_vec *out, const struct nft_elem *e, uint32_t number)
{
	const struct nft_elem o = { .lo = e->lo, .hi = e->hi, .value = number };

	vec_push(out, o);
}

/* The keys that lead elsewhere; those that are gone lead to 0, which is denied. */
static void overlay_make(const struct gate *g, const struct nft_set *b, const struct nft_set *n, elem_vec *out)
{
	size_t nb = b != NULL ? b->nelems : 0;

	for (size_t i = 0, k = 0; i < nb || k < n->nelems;) {
		int c = i == nb ? 1 : k == n->nelems ? -1 : nft_elem_cmp(&b->elem[i], &n->elem[k]);
		if (c < 0)
			overlay_add(out, &b->elem[i], 0);
		else if (c > 0 || !leads_alike(g, b->elem[i].value, n->elem[k].value))
			overlay_add(out, &n->elem[k], n->elem[k].value);
		i += c <= 0;
		k += c >= 0;
	}
}

static bool net_map_differs(const struct gate *g, const struct nft_set *b, const struct nft_set *n)
{
	if (b == NULL || b->nelems != n->nelems)
		return true;
	for (size_t i = 0; i < n->nelems; i++)
		if (nft_elem_cmp(&b->elem[i], &n->elem[i]) != 0 || !leads_alike(g, b->elem[i].value, n->elem[i].value))
			return true;
	return false;
}

static void set_add(struct gate *g, const struct nft_set *s, const char *name)
{
	struct nft_set mine = *s;

	mine.name = name;
	vec_push(&g->set, mine);
}

static void overlay_set_add(struct gate *g, const struct nft_set *s, const elem_vec *e)
{
	const struct nft_set mine = { .name = new_name(g, s->name), .kind = s->kind, .nelems = e->n, .elem = vec_freeze(e, g->a) };

	vec_push(&g->set, mine);
	for (size_t i = 0; i < e->n; i++)
		vec_push(&g->number, e->v[i].value);
}

static void add_new_maps(struct gate *g)
{
	for (size_t i = 0; i < g->next->nsets; i++) {
		const struct nft_set *n = &g->next->set[i], *b = nft_find_set(g->base, n->name);
		elem_vec e = VEC_INIT;
		if (!is_map(n->kind) || n->kind == NFT_MAP_CHAIN || limits_owns(n->name))
			continue;
		if (is_class_map(n->kind))
			overlay_make(g, b, n, &e);
		else if (net_map_differs(g, b, n))
			for (size_t k = 0; k < n->nelems; k++)
				vec_push(&e, n->elem[k]);
		g->set_new[i] = e.n > 0 || (!is_class_map(n->kind) && net_map_differs(g, b, n));
		if (g->set_new[i])
			overlay_set_add(g, n, &e);
		vec_release(&e);
	}
}

static int cmp_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static const char *new_chain_name(struct gate *g, const char *name)
{
	return chain_is_new(g, name) ? new_name(g, name) : name;
}

static void add_new_dispatch(struct gate *g)
{
	elem_vec e = VEC_INIT;

	if (g->number.n > 0)
		qsort(g->number.v, g->number.n, sizeof(*g->number.v), cmp_number);
	for (size_t i = 0; i < g->number.n; i++) {
		uint32_t n = g->number.v[i];
		const char *chain = n != 0 ? leads_to(g->next, n) : NULL;
		if (i > 0 && n == g->number.v[i - 1])
			continue;
		const struct nft_elem mine = { .lo = n, .hi = n, .chain = new_chain_name(g, chain != NULL ? chain : DENIED) };
		vec_push(&e, mine);
	}
	const struct nft_set s = { .name = NEW_DISPATCH, .kind = NFT_MAP_CHAIN, .nelems = e.n, .elem = vec_freeze(&e, g->a) };
	vec_push(&g->set, s);
	vec_release(&e);
}

/* ---- sets ---- */

static void moved_set_add(struct gate *g, const char *name, enum nft_set_kind kind, const range_vec *moved)
{
	struct nft_set s = { .name = name, .kind = kind, .nelems = moved->n, .elem = arena_array(g->a, moved->n, struct nft_elem) };

	for (size_t i = 0; i < moved->n; i++)
		s.elem[i] = (struct nft_elem){ .lo = moved->v[i].lo, .hi = moved->v[i].hi };
	if (moved->n > 0)
		vec_push(&g->set, s);
}

static void add_plain_sets(struct gate *g)
{
	for (size_t i = 0; i < g->base->nsets; i++)
		if (!limits_owns(g->base->set[i].name))
			set_add(g, &g->base->set[i], g->base->set[i].name);
	for (size_t i = 0; i < g->next->nsets; i++) {
		const struct nft_set *s = &g->next->set[i];
		if (limits_owns(s->name) || nft_find_set(g->base, s->name) == NULL)
			set_add(g, s, s->name);
		else if (g->set_new[i] && !is_map(s->kind))
			set_add(g, s, new_name(g, s->name));
	}
	moved_set_add(g, GATE_MOVED4, NFT_SET_ADDR4, &g->moved4);
	moved_set_add(g, GATE_MOVED6, NFT_SET_ADDR6, &g->moved6);
}

/* ---- chains ---- */

struct rule_draft {
	VEC(struct nft_rule) rule;
};

static void draft_add(struct gate *g, struct rule_draft *d, const struct nft_item *item, size_t n, const char *comment)
{
	const struct nft_rule r = { .item = arena_dup(g->a, item, n * sizeof(*item)), .nitems = n, .comment = comment };

	vec_push(&d->rule, r);
}

static void chain_add(struct gate *g, struct rule_draft *d, const struct nft_chain *as, const char *name, enum nft_hook hook)
{
	const struct nft_chain c = { .name = name, .hook = hook, .class_chain = as->class_chain, .nrules = d->rule.n,
				     .rule = vec_freeze(&d->rule, g->a) };

	vec_push(&g->chain, c);
	vec_release(&d->rule);
}

static void draft_rules(struct rule_draft *d, const struct nft_chain *c)
{
	for (size_t i = 0; i < c->nrules; i++)
		vec_push(&d->rule, c->rule[i]);
}

/* While the gate is open: what the verdict says. */
static void draft_gate(struct gate *g, struct rule_draft *d, struct nft_item verdict)
{
	struct nft_item item[2] = { item_match(NFT_NFPROTO, NFT_IN_SET, 0, 0), verdict };

	item[0].name = GATE_ALIVE;
	draft_add(g, d, item, 2, NULL);
}

static void draft_moved(struct gate *g, struct rule_draft *d, const char *set, bool v6)
{
	static const enum nft_field fields[] = { NFT_CT_SADDR, NFT_CT_DADDR };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct nft_item item[] = { item_match(fields[i], NFT_IN_SET, 0, 0), item_plain(NFT_COUNTER), item_name(NFT_GOTO, DENIED) };
		item[0].name = set;
		item[0].v6 = v6;
		draft_add(g, d, item, 3, NULL);
	}
}

static void add_base_chain(struct gate *g, const struct nft_chain *c)
{
	struct rule_draft d = { VEC_INIT };
	const struct nft_chain *n = nft_find_chain(g->next, c->name);

	if (c->hook != NFT_HOOK_NONE && n == NULL)
		draft_gate(g, &d, item_plain(NFT_ACCEPT));
	else if (c->hook != NFT_HOOK_NONE && chain_is_new(g, c->name))
		draft_gate(g, &d, item_name(NFT_GOTO, new_name(g, c->name)));
	if (strcmp(c->name, OURS) == 0 && g->moved4.n > 0)
		draft_moved(g, &d, GATE_MOVED4, false);
	if (strcmp(c->name, OURS) == 0 && g->moved6.n > 0)
		draft_moved(g, &d, GATE_MOVED6, true);
	draft_rules(&d, c);
	chain_add(g, &d, c, c->name, c->hook);
}

static struct nft_item renamed(struct gate *g, const struct nft_item *it)
{
	struct nft_item mine = *it;

	if (it->kind == NFT_JUMP || it->kind == NFT_GOTO)
		mine.name = new_chain_name(g, it->name);
	else if (it->kind == NFT_MATCH && it->op == NFT_IN_SET && set_is_new(g, it->name))
		mine.name = new_name(g, it->name);
	return mine;
}

/* A changed map is asked first, and a class map's shared part after it. */
static void draft_dispatch(struct gate *g, struct rule_draft *d, const struct nft_rule *r, const struct nft_item *it)
{
	struct nft_item mine = *it;
	const struct nft_set *s = nft_find_set(g->next, it->name);

	mine.name = new_name(g, it->name);
	mine.name2 = NEW_DISPATCH;
	draft_add(g, d, &mine, 1, r->comment);
	if (s != NULL && is_class_map(s->kind))
		draft_add(g, d, it, 1, r->comment);
}

static void draft_renamed(struct gate *g, struct rule_draft *d, const struct nft_chain *c)
{
	for (size_t i = 0; i < c->nrules; i++) {
		const struct nft_rule *r = &c->rule[i];
		struct nft_rule mine = *r;
		if (r->nitems == 1 && r->item[0].kind == NFT_DISPATCH && set_is_new(g, r->item[0].name)) {
			draft_dispatch(g, d, r, &r->item[0]);
			continue;
		}
		mine.item = arena_array(g->a, r->nitems, struct nft_item);
		for (size_t k = 0; k < r->nitems; k++)
			mine.item[k] = renamed(g, &r->item[k]);
		vec_push(&d->rule, mine);
	}
}

static void add_next_chain(struct gate *g, const struct nft_chain *c, bool is_new)
{
	bool both = nft_find_chain(g->base, c->name) != NULL;
	struct rule_draft d = { VEC_INIT };

	if (limits_owns(c->name) || (!both && !is_new)) {
		draft_rules(&d, c);
		chain_add(g, &d, c, c->name, c->hook);
		return;
	}
	if (!is_new)
		return;
	if (!both && c->hook != NFT_HOOK_NONE) {
		draft_gate(g, &d, item_name(NFT_GOTO, new_name(g, c->name)));
		chain_add(g, &d, c, c->name, c->hook);
	}
	draft_renamed(g, &d, c);
	chain_add(g, &d, c, new_name(g, c->name), NFT_HOOK_NONE);
}

static void add_chains(struct gate *g)
{
	for (size_t i = 0; i < g->base->nchains; i++)
		if (!limits_owns(g->base->chain[i].name))
			add_base_chain(g, &g->base->chain[i]);
	for (size_t i = 0; i < g->next->nchains; i++)
		add_next_chain(g, &g->next->chain[i], g->chain_new[i]);
}

static int cmp_set(const void *a, const void *b)
{
	return strcmp(((const struct nft_set *)a)->name, ((const struct nft_set *)b)->name);
}

static int cmp_chain(const void *a, const void *b)
{
	return strcmp(((const struct nft_chain *)a)->name, ((const struct nft_chain *)b)->name);
}

static bool has_gate(const struct gate *g)
{
	for (size_t i = 0; i < g->chain.n; i++)
		for (size_t k = 0; g->chain.v[i].hook != NFT_HOOK_NONE && k < g->chain.v[i].nrules; k++)
			if (g->chain.v[i].rule[k].item[0].kind == NFT_MATCH && g->chain.v[i].rule[k].item[0].field == NFT_NFPROTO)
				return true;
	return false;
}

static void finish(struct gate *g, struct nft_table *out)
{
	const struct nft_set alive = { .name = GATE_ALIVE, .kind = NFT_SET_ALIVE };

	if (has_gate(g))
		vec_push(&g->set, alive);
	if (g->set.n > 0)
		qsort(g->set.v, g->set.n, sizeof(*g->set.v), cmp_set);
	if (g->chain.n > 0)
		qsort(g->chain.v, g->chain.n, sizeof(*g->chain.v), cmp_chain);
	*out = (struct nft_table){ .present = true, .set = vec_freeze(&g->set, g->a), .nsets = g->set.n,
				   .chain = vec_freeze(&g->chain, g->a), .nchains = g->chain.n };
}

static const char *cannot(const struct gw_plan *base, const struct gw_plan *next)
{
	const struct nft_table *b = &base->nft, *n = &next->nft;

	if (strcmp(base->interface, next->interface) != 0)
		return "the interface gets another name, and the old rules know only the old one";
	if (!b->present || !n->present || nft_find_chain(b, OURS) == NULL || nft_find_chain(n, OURS) == NULL)
		return "one of the plans has no table to go back to";
	for (size_t i = 0; i < n->nchains; i++) {
		const struct nft_chain *c = nft_find_chain(b, n->chain[i].name);
		if (c != NULL && c->hook != n->chain[i].hook)
			return "a chain moves to another hook";
	}
	return NULL;
}

const char *gate_plan(const struct gw_plan *base, const struct gw_plan *next, const struct gate_exempt *exempt, struct arena *a,
		      struct gw_plan *out)
{
	struct gate g = { .base = &base->nft, .next = &next->nft, .a = a };
	const char *why = cannot(base, next);

	if (why != NULL)
		return why;
	g.set_new = arena_array(a, g.next->nsets, bool);
	g.chain_new = arena_array(a, g.next->nchains, bool);
	gate_moved(base, next, exempt, a, &g.moved4, &g.moved6);
	find_new_sets(&g);
	find_new_chains(&g);
	g.same_numbers = find_same_numbers(&g);
	add_new_maps(&g);
	find_new_chains(&g);
	add_plain_sets(&g);
	if (g.number.n > 0 || set_is_new(&g, "network4") || set_is_new(&g, "network6") || set_is_new(&g, "outside4") ||
	    set_is_new(&g, "outside6"))
		add_new_dispatch(&g);
	add_chains(&g);
	*out = *next;
	gate_peers(base, next, exempt, a, out);
	finish(&g, &out->nft);
	vec_release(&g.moved4);
	vec_release(&g.moved6);
	vec_release(&g.set);
	vec_release(&g.chain);
	vec_release(&g.number);
	return NULL;
}

void gate_open(struct gw_plan *gated, uint64_t ms, struct arena *a)
{
	static const uint8_t families[] = { 2, 10 }; /* NFPROTO_IPV4, NFPROTO_IPV6 */

	for (size_t i = 0; i < gated->nft.nsets; i++) {
		struct nft_set *s = &gated->nft.set[i];
		if (s->kind != NFT_SET_ALIVE)
			continue;
		s->nelems = ms > 0 ? sizeof(families) : 0;
		s->elem = arena_array(a, s->nelems, struct nft_elem);
		for (size_t k = 0; k < s->nelems; k++)
			s->elem[k] = (struct nft_elem){ .lo = families[k], .hi = families[k], .used = ms };
	}
}
