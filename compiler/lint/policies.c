/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies - those that decide nothing.
 *
 * A policy is shadowed when, in each class that has it, others decide all that it speaks of. Policies are asked from
 * the last in the order of decision to the first, and one that was found out shadows no other; so of two that say the
 * same, one is named.
 */
#include "lint/checks.h"

#include "base/vec.h"
#include "model/model.h"

#define STEPS_MAX 5000000 /* parts and slabs looked at, all policies together */
#define NAMED_MAX 3

/* ---- expired, or without ports ---- */

static bool services_meet(const struct service *x, size_t nx, const struct service *y, size_t ny)
{
	for (size_t i = 0; i < nx; i++)
		for (size_t k = 0; k < ny; k++)
			if (x[i].lo <= y[k].hi && y[k].lo <= x[i].hi)
				return true;
	return false;
}

static bool has_ports(const struct r_policy *p)
{
	if (p->nto == 0 || p->to_self)
		return true; /* a selector that matches nothing has its own warning */
	for (size_t i = 0; i < p->nto; i++)
		if (p->to[i].service == NULL ||
		    services_meet(p->to[i].service, p->to[i].nservices, p->port, p->nports))
			return true;
	return false;
}

void lint_dead_policies(const struct lint *l)
{
	char text[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < l->r->npolicies; i++) {
		const struct r_policy *p = &l->r->policy[i];
		const struct policy *decl = p->decl;
		if (!decl->enabled || decl->expires <= decl->not_before)
			continue;
		if (decl->expires <= l->now) {
			diag_add(l->d, "W_DEAD_POLICY", object_loc(&decl->o, "expires"),
				 "policy %s has expired at %s and decides nothing any more", decl->o.name,
				 clock_format(decl->expires, text));
			diag_hint(l->d, "delete it, or move the date");
		} else if (!has_ports(p)) {
			diag_add(l->d, "W_DEAD_POLICY", object_loc(&decl->o, "ports"),
				 "policy %s decides nothing: none of its ports is one of its destinations'", decl->o.name);
			diag_hint(l->d, "a policy's ports are narrowed by each resource's own");
		}
	}
}

/* ---- shadowed ---- */

/* One policy's parts, which stand together in access.part; one part each but for `self`. */
struct unit {
	size_t first, end;
	bool shadowed;
};

struct place {
	uint32_t class, at; /* at: index into the class's parts */
};

struct shadows {
	const struct lint *l;
	VEC(struct unit) unit;
	uint32_t *unit_of;   /* per part */
	struct place *place; /* of part p: place[start[p]] to place[start[p + 1] - 1] */
	size_t *start;
	size_t steps;
	struct arena scratch;
	VEC(uint32_t) by;    /* units that decide for the one at hand, each once */
};

static void make_units(struct shadows *s)
{
	const struct access *x = s->l->x;

	s->unit_of = arena_array(s->l->a, x->nparts, uint32_t);
	for (size_t i = 0; i < x->nparts; i++) {
		if (i == 0 || x->part[i].policy != x->part[i - 1].policy)
			vec_push(&s->unit, ((struct unit){ .first = i }));
		s->unit.v[s->unit.n - 1].end = i + 1;
		s->unit_of[i] = (uint32_t)(s->unit.n - 1);
	}
}

static void make_places(struct shadows *s)
{
	const struct access *x = s->l->x;
	size_t *next = arena_array(s->l->a, x->nparts, size_t);

	s->start = arena_array(s->l->a, x->nparts + 1, size_t);
	for (size_t i = 0; i < x->nparts; i++)
		s->start[i + 1] = s->start[i] + x->part[i].nclasses;
	for (size_t i = 0; i < x->nparts; i++)
		next[i] = s->start[i];
	s->place = arena_array(s->l->a, s->start[x->nparts], struct place);
	for (size_t c = 0; c < x->nclasses; c++)
		for (size_t k = 0; k < x->class[c].nparts; k++)
			s->place[next[x->class[c].part[k]]++] = (struct place){ (uint32_t)c, (uint32_t)k };
}

static bool week_covers(const struct cond *q, const struct cond *p)
{
	if (q->nweek == 0 || p->nweek == 0)
		return q->nweek == 0;
	for (uint32_t i = 0, k = 0; i < p->nweek; i++) {
		while (k < q->nweek && q->week[k].until < p->week[i].until)
			k++;
		if (k == q->nweek || q->week[k].from > p->week[i].from)
			return false;
	}
	return true;
}

/* Whether q holds whenever p does, from now on. */
static bool cond_covers(const struct cond *q, const struct cond *p, int64_t now)
{
	int64_t from = p->not_before > now ? p->not_before : now;

	return q->not_before <= from && q->expires >= p->expires && week_covers(q, p);
}

/*
 * Whether q takes from p what both speak of: it decides earlier, or it says the same at the same height, so that it
 * does not matter which of the two decides.
 */
static bool may_take(const struct shadows *s, const struct access_part *q, const struct access_part *p, bool earlier)
{
	bool same = q->priority == p->priority && q->deny == p->deny && q->log == p->log;

	return (earlier || same) && cond_covers(&q->cond, &p->cond, s->l->now);
}

static void note_taker(struct shadows *s, uint32_t unit)
{
	for (size_t i = 0; i < s->by.n; i++)
		if (s->by.v[i] == unit)
			return;
	vec_push(&s->by, unit);
}

static bool covered_in(struct shadows *s, size_t part, struct place at)
{
	const struct access *x = s->l->x;
	const struct access_class *c = &x->class[at.class];
	const struct access_part *p = &x->part[part];
	struct region rest = p->region;

	for (size_t k = 0; k < c->nparts && !region_is_empty(rest); k++) {
		const struct access_part *q = &x->part[c->part[k]];
		uint32_t unit = s->unit_of[c->part[k]];
		s->steps++;
		if (k > at.at && (q->priority != p->priority || q->deny != p->deny))
			break;
		if (unit == s->unit_of[part] || s->unit.v[unit].shadowed || !may_take(s, q, p, k < at.at))
			continue;
		s->steps += q->region.n + rest.n;
		if (!region_overlaps(rest, q->region))
			continue;
		rest = region_subtract(&s->scratch, rest, q->region);
		note_taker(s, unit);
	}
	return region_is_empty(rest);
}

static bool is_shadowed(struct shadows *s, const struct unit *u)
{
	bool covered = true, met = false;

	s->by.n = 0;
	if (s->l->x->part[u->first].cond.expires <= s->l->now)
		return false;
	for (size_t i = u->first; i < u->end && covered; i++)
		for (size_t k = s->start[i]; k < s->start[i + 1] && covered; k++) {
			met = true;
			covered = s->steps < STEPS_MAX && covered_in(s, i, s->place[k]);
			arena_release(&s->scratch);
		}
	return covered && met;
}

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static const char *takers_text(struct shadows *s)
{
	const char *out = "";

	qsort(s->by.v, s->by.n, sizeof(*s->by.v), cmp_u32);
	for (size_t i = 0; i < s->by.n && i < NAMED_MAX; i++)
		out = arena_printf(s->l->a, "%s%s%s", out, i == 0 ? "" : i + 1 == s->by.n ? " and " : ", ",
				   s->l->x->part[s->unit.v[s->by.v[i]].first].policy);
	return s->by.n <= NAMED_MAX ? out : arena_printf(s->l->a, "%s and %zu more", out, s->by.n - NAMED_MAX);
}

static void warn_shadowed(struct shadows *s, const struct unit *u)
{
	const struct access_part *p = &s->l->x->part[u->first];
	const char *takers = takers_text(s), *plural = s->by.n == 1 ? "s" : "";
	bool same = true;

	for (size_t i = 0; i < s->by.n; i++)
		same = same && s->l->x->part[s->unit.v[s->by.v[i]].first].deny == p->deny;
	if (same) {
		diag_add(s->l->d, "W_SHADOWED", p->loc, "policy %s changes nothing: what it %s, %s %s%s already", p->policy,
			 p->deny ? "denies" : "allows", takers, p->deny ? s->by.n == 1 ? "denie" : "deny" : "allow", plural);
		diag_hint(s->l->d, "delete it, or narrow what stands above it");
	} else {
		diag_add(s->l->d, "W_SHADOWED", p->loc, "policy %s never decides anything: %s always decide%s first",
			 p->policy, takers, plural);
		diag_hint(s->l->d, "give it a priority above theirs, or delete it");
	}
}

void lint_shadowed_policies(const struct lint *l)
{
	struct shadows s = { .l = l };

	arena_init(&s.scratch);
	make_units(&s);
	make_places(&s);
	for (size_t i = s.unit.n; i-- > 0;) {
		s.unit.v[i].shadowed = is_shadowed(&s, &s.unit.v[i]);
		if (s.unit.v[i].shadowed)
			warn_shadowed(&s, &s.unit.v[i]);
	}
	vec_release(&s.unit);
	vec_release(&s.by);
	arena_release(&s.scratch);
}
