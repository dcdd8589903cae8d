/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/decompile.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "plan/flow.h"

void flow_note(struct flow *f, const struct nft_chain *c, size_t rule, const char *what)
{
	vec_push(&f->note, ((struct decompile_note){ c != NULL ? c->name : NULL, rule, what }));
}

bool flow_take(struct flow *f, size_t ids)
{
	bool room = f->nids <= DECOMPILE_PARTS_MAX;

	f->nids += ids;
	if (room && f->nids > DECOMPILE_PARTS_MAX)
		flow_note(f, NULL, 0, "has more rules than can be told");
	return f->nids <= DECOMPILE_PARTS_MAX;
}

/* --- parts --- */

static enum part_end part_end(enum meaning_end e)
{
	return e == END_ALLOW ? PART_ALLOW : e == END_LEAVE ? PART_LEAVE : PART_DENY;
}

static uint32_t part_add(struct flow *f, const struct guard *g, enum part_end end, const char *policy)
{
	const struct flow_part p = { .guard = *g, .end = end, .policy = policy, .total = guard_is_all(g) };

	vec_push(&f->part, p);
	return (uint32_t)f->part.n - 1;
}

static const char *rule_place(struct flow *f, const struct nft_chain *c, size_t rule)
{
	const char *comment = c->rule[rule].comment;

	return comment != NULL ? comment : arena_printf(f->a, "rule %zu of chain %s", rule + 1, c->name);
}

/* The part of a rule by itself: made once, so that ways which meet the same rules are the same. */
static uint32_t part_of_rule(struct flow *f, const struct nft_chain *c, size_t rule, const struct meaning *m)
{
	size_t i = (size_t)(c - f->table->chain);

	if (f->of_rule[i] == NULL)
		f->of_rule[i] = arena_array(f->a, c->nrules, uint32_t);
	if (f->of_rule[i][rule] == 0)
		f->of_rule[i][rule] = 1 + part_add(f, &m->guard, part_end(m->end), rule_place(f, c, rule));
	return f->of_rule[i][rule] - 1;
}

/* --- chains, wherever they are reached from --- */

struct list_draft {
	const struct nft_chain *chain;
	size_t rule;
	VEC(uint32_t) id;
	bool done, leaves, sourced;
};

static void list_push(struct flow *f, struct list_draft *d, uint32_t id)
{
	const struct flow_part *p = &f->part.v[id];

	if (d->done || !flow_take(f, 1))
		return;
	vec_push(&d->id, id);
	d->leaves |= p->end == PART_LEAVE;
	d->sourced |= !p->guard.any_source;
	d->done = p->total;
}

/* Another chain's parts where this rule leads to it. */
static void list_splice(struct flow *f, struct list_draft *d, const struct flow_list *sub, const struct guard *g)
{
	const char *why = NULL;

	for (size_t i = 0; i < sub->n; i++) {
		struct guard both;
		uint32_t id = sub->part[i];
		if (guard_is_all(g)) {
			list_push(f, d, id);
			continue;
		}
		if (guard_meet(&f->part.v[id].guard, g, &both, f->a, &why))
			list_push(f, d, part_add(f, &both, f->part.v[id].end, f->part.v[id].policy));
	}
	if (why != NULL)
		flow_note(f, d->chain, d->rule, why);
}

static void list_lead(struct flow *f, struct list_draft *d, const struct meaning *m, int depth)
{
	const struct flow_list *sub = flow_list(f, m->name, depth + 1);
	bool jump = m->end == END_JUMP, all = guard_is_all(&m->guard);

	if (sub == NULL || sub->state == LIST_BUSY) {
		flow_note(f, d->chain, d->rule, sub == NULL ? "leads to a chain that is not there" : "leads in a circle");
		return;
	}
	if (jump && sub->leaves) {
		flow_note(f, d->chain, d->rule, "jumps to a chain that some packets leave early");
		return;
	}
	list_splice(f, d, sub, &m->guard);
	if (jump || sub->total || d->done)
		return;
	/* Who comes to the end there does not come back here. */
	list_push(f, d, part_add(f, &m->guard, PART_LEAVE, rule_place(f, d->chain, d->rule - 1)));
	d->done |= all;
}

static void list_rule(struct flow *f, struct list_draft *d, int depth)
{
	struct meaning m;

	meaning_of(&m, &d->chain->rule[d->rule - 1], NULL, &f->sets, f->a);
	switch (m.end) {
	case END_ON:
		return;
	case END_ALLOW:
	case END_DENY:
	case END_LEAVE:
		list_push(f, d, part_of_rule(f, d->chain, d->rule - 1, &m));
		return;
	case END_JUMP:
	case END_GOTO:
		list_lead(f, d, &m, depth);
		return;
	case END_DISPATCH:
		flow_note(f, d->chain, d->rule, "looks the source up where yett never does");
		return;
	case END_UNKNOWN:
		flow_note(f, d->chain, d->rule, m.why);
		return;
	}
}

struct flow_list *flow_list(struct flow *f, const char *name, int depth)
{
	const struct nft_chain *c = nft_find_chain(f->table, name);

	if (c == NULL)
		return NULL;
	struct flow_list *l = &f->list[c - f->table->chain];
	if (l->state != LIST_NEW)
		return l;
	l->state = LIST_BUSY;
	struct list_draft d = { .chain = c };
	if (depth > DECOMPILE_DEPTH_MAX)
		flow_note(f, c, 0, "lies deeper inside other chains than a kernel follows");
	for (size_t i = 0; i < c->nrules && !d.done && depth <= DECOMPILE_DEPTH_MAX; i++) {
		d.rule = i + 1;
		list_rule(f, &d, depth);
	}
	l->part = vec_freeze(&d.id, f->a);
	l->n = d.id.n;
	l->total = d.done;
	l->leaves = d.leaves;
	l->sourced = d.sourced;
	l->state = LIST_DONE;
	vec_release(&d.id);
	return l;
}

/* --- the way from a hook to the classes --- */

struct walk {
	struct flow *f;
	struct crossing crossing;
	step_vec step;
	size_t budget;
	bool maps; /* some source is looked up */
};

#define WALK_RULES_MAX 10000 /* that a packet may pass before its class is known: ours are about ten */

static void step_part(struct walk *w, uint32_t part)
{
	vec_push(&w->step, ((struct flow_step){ .kind = STEP_PART, .part = part }));
}

/* g: where the rule is reached, met with its own guard. Reached by everybody it is the same part on every way. */
static void step_decide(struct walk *w, const struct nft_chain *c, size_t rule, const struct meaning *m,
			const struct guard *around, const struct guard *g)
{
	struct flow *f = w->f;

	if (guard_is_all(around))
		step_part(w, part_of_rule(f, c, rule, m));
	else
		step_part(w, part_add(f, g, part_end(m->end), rule_place(f, c, rule)));
}

static void step_map(struct walk *w, const struct nft_chain *c, size_t rule, const struct meaning *m, const struct guard *g)
{
	const struct nft_set *map = nft_find_set(w->f->table, m->name), *chains = nft_find_set(w->f->table, m->name2);

	if (map == NULL || chains == NULL || map->kind > NFT_MAP_NET6 || chains->kind != NFT_MAP_CHAIN) {
		flow_note(w->f, c, rule + 1, "looks the source up in a map that is not there");
		return;
	}
	if (!guard_is_all(g)) {
		flow_note(w->f, c, rule + 1, "looks only some sources up");
		return;
	}
	vec_push(&w->step, ((struct flow_step){ .kind = STEP_MAP, .map = map, .chains = chains }));
	w->maps = true;
}

static bool walk_chain(struct walk *w, const struct nft_chain *c, const struct guard *g, bool jumped, int depth);

/* True: nothing goes on after the rule. */
static bool walk_lead(struct walk *w, const struct nft_chain *c, size_t rule, const struct meaning *m, const struct guard *g,
		      bool jumped, int depth)
{
	const struct nft_chain *to = nft_find_chain(w->f->table, m->name);
	bool jump = m->end == END_JUMP, all = guard_is_all(&m->guard);

	if (to == NULL || depth >= DECOMPILE_DEPTH_MAX) {
		flow_note(w->f, c, rule + 1, to == NULL ? "leads to a chain that is not there" : "leads deeper than a kernel follows");
		return false;
	}
	bool ended = walk_chain(w, to, g, jumped || jump, depth + 1);
	if (!jump && jumped && !ended && !all)
		flow_note(w->f, c, rule + 1, "leads some packets past the rest of this chain");
	return all && (ended || !jump);
}

static bool walk_rule(struct walk *w, const struct nft_chain *c, size_t rule, const struct guard *around, bool jumped, int depth)
{
	struct meaning m;
	struct guard g;
	const char *why = NULL;
	struct flow *f = w->f;

	meaning_of(&m, &c->rule[rule], &w->crossing, &f->sets, f->a);
	if (m.end == END_UNKNOWN)
		flow_note(f, c, rule + 1, m.why);
	if (m.end == END_ON || m.end == END_UNKNOWN)
		return false;
	if (!guard_meet(&m.guard, around, &g, f->a, &why)) {
		if (why != NULL)
			flow_note(f, c, rule + 1, why);
		return false;
	}
	bool all = guard_is_all(&m.guard);
	if (m.end == END_JUMP || m.end == END_GOTO)
		return walk_lead(w, c, rule, &m, &g, jumped, depth);
	if (m.end == END_DISPATCH)
		step_map(w, c, rule, &m, &g);
	else if (m.end != END_LEAVE || !jumped)
		step_decide(w, c, rule, &m, around, &g);
	else if (!all)
		flow_note(f, c, rule + 1, "lets some packets past the rest of this chain");
	return all && m.end != END_DISPATCH;
}

/* True: nobody comes to its end. Who does is accepted by the hook, unless the chain was jumped to. */
static bool walk_chain(struct walk *w, const struct nft_chain *c, const struct guard *g, bool jumped, int depth)
{
	for (size_t i = 0; i < c->nrules; i++) {
		if (w->budget == 0) {
			flow_note(w->f, c, i + 1, "comes after more rules than can be told");
			return true;
		}
		w->budget--;
		if (walk_rule(w, c, i, g, jumped, depth))
			return true;
	}
	if (!jumped)
		step_part(w, guard_is_all(g) ? w->f->policy_part : part_add(w->f, g, PART_ALLOW, "no rule decides"));
	return !jumped;
}

/* --- all that is at one hook --- */

static const struct way_row {
	struct {
		unsigned int hooks; /* bits of enum nft_hook */
		bool in, out;
	} flow, reply;
} ways[WAY_COUNT] = {
#define BIT(h) (1u << (h))
#define FORWARD (BIT(NFT_HOOK_FORWARD) | BIT(NFT_HOOK_FORWARD_AFTER))
#define NAT BIT(NFT_HOOK_POSTROUTING_NAT) /* sees the first packet of a flow alone */
	[WAY_THROUGH] = { { FORWARD | NAT, true, false }, { FORWARD, false, true } },
	[WAY_BETWEEN] = { { FORWARD | NAT, true, true }, { FORWARD, true, true } },
	[WAY_TO_SELF] = { { BIT(NFT_HOOK_INPUT), true, false }, { BIT(NFT_HOOK_OUTPUT), false, true } },
	[WAY_TOWARDS] = { { FORWARD | NAT, false, true }, { FORWARD, true, false } },
	[WAY_FROM_SELF] = { { BIT(NFT_HOOK_OUTPUT) | NAT, false, true }, { BIT(NFT_HOOK_INPUT), true, false } },
};

/* Denials and then nothing but acceptance: it only takes away. */
static bool only_denies(const struct flow *f, const struct walk *w)
{
	bool allowed = false;

	for (size_t i = 0; i < w->step.n && !w->maps; i++) {
		enum part_end end = f->part.v[w->step.v[i].part].end;
		if (end == PART_DENY && allowed)
			return false;
		allowed |= end != PART_DENY;
	}
	return !w->maps;
}

/* A packet passes when every chain at its hooks lets it: the denials of the simple ones, then the one that is not. */
static void walk_way(struct flow *f, const struct crossing *c, unsigned int hooks, step_vec *out)
{
	step_vec main = VEC_INIT;
	bool found = false;

	out->n = 0;
	for (size_t i = 0; i < f->table->nchains; i++) {
		const struct nft_chain *chain = &f->table->chain[i];
		struct walk w = { .f = f, .crossing = *c, .budget = WALK_RULES_MAX };
		if (chain->hook == NFT_HOOK_NONE || !(hooks & BIT(chain->hook)))
			continue;
		walk_chain(&w, chain, &guard_all, false, 0);
		bool simple = only_denies(f, &w);
		if (!simple && found)
			flow_note(f, chain, 0, "is a second chain at its hook that decides more than what to drop");
		for (size_t k = 0; k < w.step.n && (simple || !found); k++)
			if (!simple)
				vec_push(&main, w.step.v[k]);
			else if (f->part.v[w.step.v[k].part].end == PART_DENY)
				vec_push(out, w.step.v[k]);
		found |= !simple;
		vec_release(&w.step);
	}
	for (size_t i = 0; i < main.n; i++)
		vec_push(out, main.v[i]);
	if (!found)
		vec_push(out, ((struct flow_step){ .kind = STEP_PART, .part = f->policy_part }));
	vec_release(&main);
}

static bool same_steps(const step_vec *x, const step_vec *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		const struct flow_step *p = &x->v[i], *q = &y->v[i];
		if (p->kind != q->kind || p->part != q->part || p->map != q->map || p->chains != q->chains)
			return false;
	}
	return true;
}

static void decompile_ways(struct flow *f, struct decompiled *out)
{
	enum { ALL = WAY_COUNT * 2 };
	step_vec step[ALL] = { VEC_INIT };
	struct cells *x = cells_open(f);

	for (size_t i = 0; i < ALL; i++) {
		const struct way_row *row = &ways[i / 2];
		bool reply = i % 2 == 1;
		const struct crossing c = { .interface = f->interface, .reply = reply,
					    .in = reply ? row->reply.in : row->flow.in,
					    .out = reply ? row->reply.out : row->flow.out };
		size_t same = 0;
		walk_way(f, &c, reply ? row->reply.hooks : row->flow.hooks, &step[i]);
		while (same < i && !same_steps(&step[same], &step[i]))
			same++;
		out->way[i / 2][reply] = same < i ? out->way[same / 2][same % 2] : cells_make(x, step[i].v, step[i].n);
	}
	cells_close(x, &out->access);
	for (size_t i = 0; i < ALL; i++)
		vec_release(&step[i]);
}

static int cmp_note(const void *a, const void *b)
{
	const struct decompile_note *x = a, *y = b;
	int c = strcmp(x->chain != NULL ? x->chain : "", y->chain != NULL ? y->chain : "");

	if (c == 0)
		c = (x->rule > y->rule) - (x->rule < y->rule);
	return c != 0 ? c : strcmp(x->what, y->what);
}

static void settle_notes(struct flow *f, struct decompiled *out)
{
	size_t n = 0;

	if (f->note.n > 0)
		qsort(f->note.v, f->note.n, sizeof(*f->note.v), cmp_note);
	for (size_t i = 0; i < f->note.n; i++)
		if (n == 0 || cmp_note(&f->note.v[n - 1], &f->note.v[i]) != 0)
			f->note.v[n++] = f->note.v[i];
	out->note = arena_dup(f->a, f->note.v, n * sizeof(*f->note.v));
	out->nnotes = n;
	vec_release(&f->note);
}

void decompile(struct decompiled *out, const struct nft_table *t, const char *interface, struct arena *a)
{
	struct flow f = { .table = t, .interface = interface, .a = a };

	*out = (struct decompiled){ .nnotes = 0 };
	meaning_sets_make(&f.sets, t, a);
	f.list = arena_array(a, t->nchains, struct flow_list);
	f.of_rule = arena_array(a, t->nchains, uint32_t *);
	f.policy_part = part_add(&f, &guard_all, PART_ALLOW, "no rule decides");
	if (t->foreign > 0)
		flow_note(&f, NULL, 0, arena_printf(a, "has %zu %s that yett never makes (a dormant flag, chains, sets, objects or flow tables)",
						    t->foreign, t->foreign == 1 ? "thing" : "things"));
	decompile_ways(&f, out);
	settle_notes(&f, out);
	vec_release(&f.part);
}

uint32_t decompile_class(const struct decompile_cells *c, u128 source)
{
	size_t lo = 0, hi = c->n;

	while (lo + 1 < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->v[mid].lo <= source)
			lo = mid;
		else
			hi = mid;
	}
	return c->v[lo].class;
}
