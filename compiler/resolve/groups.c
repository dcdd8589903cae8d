/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups are settled from the innermost outwards by a depth-first walk that keeps its own stack, each once:
 * the work grows with the memberships that are written, not with the ways that lead through them.
 */
#include <string.h>

#include "resolve/resolver.h"

#define GROUP_DEPTH_MAX 8
#define CYCLE_SHOWN 12 /* groups of a cycle that a message names */

enum color { WHITE, GRAY, BLACK };

struct member {
	const struct selector *selector;
	uint32_t index;
	struct loc loc;
};

struct frame {
	uint32_t group;
	size_t next; /* member to look at */
};

struct walk {
	struct resolver *s;
	struct member **member; /* per group, those that are settled */
	size_t *nmembers;
	uint8_t *color;
	bool *reported; /* stands in a cycle that was printed */
	uint32_t *depth; /* of the settled ones: 1 without groups in it */
	bool cyclic;     /* a cycle was printed: depths mean little until it is mended */
	struct { struct frame *v; size_t n, cap; } stack;
};

static void settle_members(struct walk *w, uint32_t g)
{
	struct resolver *s = w->s;
	const selector_list *l = &s->r->group[g]->members;
	struct member *m = arena_array(s->a, l->n, struct member);
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++) {
		m[n] = (struct member){ .selector = &l->v[i], .loc = l->loc[i] };
		if (!resolver_selector(s, &l->v[i], l->loc[i], SIDE_MEMBER, &m[n].index)) {
			s->incomplete = true;
			continue;
		}
		if (l->v[i].kind == SEL_TAG && m[n].index == NONE) {
			if (!s->incomplete)
				diag_add(s->d, "W_EMPTY_SELECTOR", l->loc[i],
					 "%s matches nothing: no device or user carries this tag",
					 selector_text(&l->v[i], s->a));
			continue;
		}
		n++;
	}
	w->member[g] = m;
	w->nmembers[g] = n;
}

/* Where group `from` names group `to` as a member. */
static struct loc member_loc(const struct walk *w, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < w->nmembers[from]; i++) {
		const struct member *m = &w->member[from][i];
		if (m->selector->kind == SEL_GROUP && m->index == to)
			return m->loc;
	}
	return w->s->r->group[from]->o.loc;
}

static const char *cycle_text(const struct walk *w, const struct frame *cycle, size_t n, size_t start)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		if (i == CYCLE_SHOWN && n > CYCLE_SHOWN + 1) {
			buf_addf(&text, "(%zu more) -> ", n - CYCLE_SHOWN);
			break;
		}
		buf_addf(&text, "%s -> ", w->s->r->group[cycle[(start + i) % n].group]->o.name);
	}
	buf_adds(&text, w->s->r->group[cycle[start].group]->o.name);
	return arena_strdup(w->s->a, buf_str(&text));
}

/* The innermost frames from group `to` on are a cycle; it is told once, from the name that sorts first. */
static void report_cycle(struct walk *w, uint32_t to)
{
	size_t first = w->stack.n;
	while (w->stack.v[--first].group != to)
		;
	const struct frame *cycle = &w->stack.v[first];
	size_t n = w->stack.n - first, start = 0;
	bool known = true;
	w->cyclic = true;
	for (size_t i = 0; i < n; i++) {
		known &= w->reported[cycle[i].group];
		w->reported[cycle[i].group] = true;
		if (cycle[i].group < cycle[start].group)
			start = i;
	}
	if (known)
		return;
	uint32_t head = cycle[start].group;
	diag_add(w->s->d, "E_CYCLE", member_loc(w, head, cycle[(start + 1) % n].group), "groups contain each other: %s",
		 cycle_text(w, cycle, n, start));
	diag_hint(w->s->d, "take one of these memberships out");
}

/* Told where the limit is passed, not again for each group around that. */
static void check_depth(struct walk *w, uint32_t g, uint32_t deepest)
{
	if (w->depth[g] != GROUP_DEPTH_MAX + 1 || w->cyclic)
		return;
	diag_add(w->s->d, "E_LIMIT_DEPTH", member_loc(w, g, deepest), "groups are nested more than %d deep at \"%s\"",
		 GROUP_DEPTH_MAX, w->s->r->group[g]->o.name);
	diag_hint(w->s->d, "name the members themselves instead of groups of groups");
}

static void expand(struct walk *w, uint32_t g)
{
	struct resolver *s = w->s;
	uint32_t deepest = NONE;
	w->depth[g] = 1;
	for (size_t i = 0; i < w->nmembers[g]; i++) {
		const struct member *m = &w->member[g][i];
		if (m->selector->kind == SEL_GROUP && w->color[m->index] != BLACK)
			continue;
		selector_sources(s->r, m->selector, m->index, &s->set);
		if (m->selector->kind == SEL_GROUP && w->depth[m->index] >= w->depth[g]) {
			w->depth[g] = w->depth[m->index] + 1;
			deepest = m->index;
		}
	}
	check_depth(w, g, deepest);
	s->r->group_devices[g] = set_take(&s->set, s->a);
}

/* The next member group of the top frame that was not visited yet, or NONE. */
static uint32_t descend(struct walk *w)
{
	struct frame *top = &w->stack.v[w->stack.n - 1];
	while (top->next < w->nmembers[top->group]) {
		const struct member *m = &w->member[top->group][top->next++];
		if (m->selector->kind != SEL_GROUP)
			continue;
		if (w->color[m->index] == WHITE)
			return m->index;
		if (w->color[m->index] == GRAY)
			report_cycle(w, m->index);
	}
	return NONE;
}

static void visit(struct walk *w, uint32_t root)
{
	for (uint32_t g = root; g != NONE || w->stack.n;) {
		if (g != NONE) {
			w->color[g] = GRAY;
			vec_push(&w->stack, ((struct frame){ g, 0 }));
		}
		g = descend(w);
		if (g == NONE) {
			uint32_t done = w->stack.v[--w->stack.n].group;
			expand(w, done);
			w->color[done] = BLACK;
		}
	}
}

void resolver_groups(struct resolver *s)
{
	size_t n = s->r->ngroups;
	struct walk w = {
		.s = s,
		.member = arena_array(s->a, n, struct member *),
		.nmembers = arena_array(s->a, n, size_t),
		.color = arena_array(s->a, n, uint8_t),
		.reported = arena_array(s->a, n, bool),
		.depth = arena_array(s->a, n, uint32_t),
		.stack = VEC_INIT,
	};
	for (uint32_t g = 0; g < n; g++)
		settle_members(&w, g);
	for (uint32_t g = 0; g < n; g++)
		if (w.color[g] == WHITE)
			visit(&w, g);
	vec_release(&w.stack);
}
