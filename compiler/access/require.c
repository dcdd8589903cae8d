/* SPDX-License-Identifier: Apache-2.0 */
/* require - what a guardrail asks of the policies that touch something. */
#include <string.h>

#include "access/examples.h"
#include "access/guardrails.h"
#include "base/vec.h"
#include "field.h"

struct asker {
	const struct resolved *r;
	const struct r_guardrail *g;
	struct range_set to; /* the addresses, self aside */
	int64_t now;
	struct arena *a;    /* results */
	struct arena brief; /* what is asked of one policy */
};

/* ---- which policies ---- */

static bool has_range(struct range_set x, struct range r)
{
	size_t lo = 0, hi = x.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (x.v[mid].hi < r.lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < x.n && x.v[lo].lo <= r.hi;
}

static bool dests_meet(const struct r_dest *v, size_t n, struct range_set x)
{
	for (size_t i = 0; i < n; i++)
		if (has_range(x, v[i].range))
			return true;
	return false;
}

static bool sets_meet(const struct source_set *x, const struct source_set *y)
{
	for (size_t i = 0, k = 0; i < x->n && k < y->n;) {
		if (x->v[i] == y->v[k])
			return true;
		if (x->v[i] < y->v[k])
			i++;
		else
			k++;
	}
	return false;
}

static bool set_has(const struct source_set *x, uint32_t source)
{
	return sets_meet(x, &(struct source_set){&source, 1});
}

/* Where `self` stands on one side or the other, it is the same source's self. */
static bool selves_meet(struct asker *q, const struct r_policy *p)
{
	const struct r_guardrail *g = q->g;
	bool meet = false;

	for (size_t i = 0; i < p->from.n && !meet; i++) {
		if (!g->any_from && !set_has(&g->from, p->from.v[i]))
			continue;
		struct range_set mine = other_devices(q->r, p->from.v[i], &q->brief);
		meet = (p->to_self && mine.n && (g->any_to || g->to_self)) ||
		       (g->to_self && dests_meet(p->to, p->nto, mine)) ||
		       (p->to_self && range_set_intersect(&q->brief, mine, q->to).n > 0);
		arena_release(&q->brief);
	}
	return meet;
}

static bool touches(struct asker *q, const struct r_policy *p)
{
	const struct r_guardrail *g = q->g;
	int action = g->decl->require.policies.action;

	if (action != REQUIRE_ANY && (action == REQUIRE_DENY) != (p->decl->action == ACTION_DENY))
		return false;
	if (!g->any_from && !sets_meet(&g->from, &p->from))
		return false;
	return g->any_to || dests_meet(p->to, p->nto, q->to) || ((g->to_self || p->to_self) && selves_meet(q, p));
}

/* ---- what they must say ---- */

/* In the order of enum require_field. */
static const char *const field_name[REQUIRE_COUNT] = {
	[REQUIRE_DESCRIPTION] = "description",
	[REQUIRE_TAGS] = "tags",
	[REQUIRE_PORTS] = "ports",
	[REQUIRE_WHEN] = "when",
	[REQUIRE_NOT_BEFORE] = "not_before",
	[REQUIRE_EXPIRES] = "expires",
	[REQUIRE_LOG] = "log: true",
};

static bool has_field(const struct policy *p, enum require_field f)
{
	switch (f) {
	case REQUIRE_DESCRIPTION: return p->o.description && p->o.description[strspn(p->o.description, " \t\n")];
	case REQUIRE_TAGS: return p->o.tags.n > 0;
	case REQUIRE_PORTS: return p->ports.n > 0;
	case REQUIRE_WHEN: return p->when.set;
	case REQUIRE_NOT_BEFORE: return p->not_before != CLOCK_EVER;
	case REQUIRE_EXPIRES: return p->expires != CLOCK_NEVER;
	case REQUIRE_LOG: return p->log;
	case REQUIRE_COUNT: break;
	}
	return false;
}

static const char *also(struct arena *a, const char *text, const char *more)
{
	return text ? arena_printf(a, "%s, %s", text, more) : more;
}

/* What a policy lacks, as "has no description, no expires"; NULL: nothing. */
static const char *lacks(struct asker *q, const struct policy *p)
{
	uint8_t wanted = q->g->decl->require.fields;
	int64_t within = q->g->decl->require.expires_within;
	const char *text = NULL;
	char when[CLOCK_TEXT_MAX];

	for (int f = 0; f < REQUIRE_COUNT; f++)
		if (wanted & 1u << f && !has_field(p, (enum require_field)f))
			text = also(q->a, text, arena_printf(q->a, "%sno %s", text ? "" : "has ", field_name[f]));
	if (!within)
		return text;
	if (p->expires == CLOCK_NEVER && !(wanted & 1u << REQUIRE_EXPIRES))
		text = also(q->a, text, text ? "no expires" : "has no expires");
	else if (p->expires != CLOCK_NEVER && p->expires > q->now && p->expires - q->now > within)
		text = also(q->a, text,
			    arena_printf(q->a, "expires at %s, later than %s from now", clock_format(p->expires, when),
					 type_duration.print(q->a, &within)));
	return text;
}

/* ---- the rule ---- */

/* The waiver that excuses a policy; a living one before one that has ended. */
static const struct waiver *waiver_of(const struct asker *q, const struct policy *p, bool *used)
{
	const struct waiver *ended = NULL;

	for (size_t i = 0; i < q->g->nleaves; i++) {
		const struct waiver *w = q->g->leave[i].waiver;
		if (strcmp(w->policy, p->o.name) != 0)
			continue;
		used[i] = true;
		if (w->expires > q->now)
			return w;
		ended = w;
	}
	return ended;
}

static const char *emptiness(const struct r_guardrail *g)
{
	if (!g->any_from && !g->from.n)
		return "the from of its policies matches no source";
	if (!g->any_to && !g->nto && !g->to_self)
		return "the to of its policies matches no destination";
	return NULL;
}

static struct range_set addresses(const struct r_guardrail *g, struct arena *a)
{
	VEC(struct range) v = VEC_INIT;

	for (size_t i = 0; i < g->nto; i++)
		vec_push(&v, g->to[i].range);
	struct range_set out = range_set_make(a, v.v, v.n);
	vec_release(&v);
	return out;
}

void require_judge(const struct resolved *r, const struct r_guardrail *g, int64_t now, struct arena *a,
		   struct guardrail_result *out)
{
	struct asker q = {.r = r, .g = g, .now = now, .a = a, .to = addresses(g, a)};
	bool *used = arena_array(a, g->nleaves, bool);

	*out = (struct guardrail_result){.decl = g->decl, .empty = emptiness(g)};
	if (out->empty)
		return;
	arena_init(&q.brief);
	out->breach = arena_array(a, r->npolicies, struct guardrail_breach);
	for (size_t i = 0; i < r->npolicies; i++) {
		const struct policy *p = r->policy[i].decl;
		const char *missing = touches(&q, &r->policy[i]) ? lacks(&q, p) : NULL;
		const struct waiver *w = missing ? waiver_of(&q, p, used) : NULL;
		if (!missing || (w && w->expires > now))
			continue;
		out->breach[out->nbreaches++] = (struct guardrail_breach){
			.policy = p->o.name,
			.policy_loc = p->o.loc,
			.source = NONE,
			.ended = w,
			.why = arena_printf(a, "policy %s %s", p->o.name, missing),
		};
	}
	arena_release(&q.brief);
	guardrail_add_notes(g, used, now, a, out);
}
