/* SPDX-License-Identifier: Apache-2.0 */
/* Guardrails: what each speaks of, as sets of sources and lists of destinations; what it leaves out. */
#include <string.h>

#include "resolve/resolver.h"

/* What the three rules have in common. */
struct rule {
	const selector_list *from, *to;
	const port_list *ports; /* NULL: has none */
};

static struct rule rule_of(const struct guardrail *g)
{
	if (g->never.set)
		return (struct rule){&g->never.from, &g->never.to, &g->never.ports};
	if (g->only.set)
		return (struct rule){&g->only.from, &g->only.to, &g->only.ports};
	return (struct rule){&g->require.policies.from, &g->require.policies.to, NULL};
}

static bool settle_sides(struct resolver *s, const struct rule *rule, struct r_guardrail *out)
{
	struct to_side to;
	bool from = resolver_from(s, rule->from, &out->from);
	bool good = resolver_to(s, rule->to, &out->from, from || !rule->from->n, &to) && from;
	out->any_from = !rule->from->n;
	out->any_to = !rule->to->n;
	out->to = to.v;
	out->nto = to.n;
	out->to_self = to.self;
	return good;
}

/*
 * A rule that speaks of nothing at all is one mistake, which the evaluation reports; a selector that matches nothing in
 * one that speaks of something is another.
 */
static bool settle_rule(struct resolver *s, const struct rule *rule, struct r_guardrail *out)
{
	s->hush = true;
	bool good = settle_sides(s, rule, out);
	s->hush = false;
	if (!good || (!out->any_from && !out->from.n && !out->decl->only.set) ||
	    (!out->any_to && !out->nto && !out->to_self))
		return good;
	return settle_sides(s, rule, out);
}

/* The fields that an exception and a waiver share. */
static bool settle_leave(struct resolver *s, const selector_list *from, const selector_list *to, const port_list *ports,
			 struct r_leave *out)
{
	struct to_side side = {.self = false};
	out->any_from = !from->n;
	out->any_to = !to->n;
	bool good = resolver_from(s, from, &out->from);
	good &= resolver_to(s, to, &out->from, good, &side);
	out->to = side.v;
	out->nto = side.n;
	out->to_self = side.self;
	out->port = resolver_ports(s, ports, &out->nports);
	return good;
}

static bool settle_except(struct resolver *s, const struct guardrail_case *c, struct r_leave *out)
{
	*out = (struct r_leave){.loc = c->loc};
	if (!c->from.n && !c->to.n && !c->ports.n) {
		diag_add(s->d, "E_REQUIRED", c->loc, "an exception needs from, to or ports");
		return false;
	}
	return settle_leave(s, &c->from, &c->to, &c->ports, out);
}

/* What a waiver of this rule can speak of. */
static bool check_waiver(struct resolver *s, const struct guardrail *g, const struct waiver *w)
{
	if (w->reason[strspn(w->reason, " \t\n")] == '\0') {
		diag_add(s->d, "E_WAIVER", w->loc, "the waiver's reason says nothing");
		return false;
	}
	bool area = w->from.n || w->to.n || w->ports.n;
	if (g->require.set ? w->policy && !area : w->policy || area)
		return true;
	diag_add(s->d, "E_WAIVER", w->loc,
		 g->require.set ? "a waiver of require names one policy" : "a waiver needs policy, from, to or ports");
	diag_hint(s->d, g->require.set ? "write policy: NAME, without from, to and ports"
				       : "a guardrail that may be broken altogether has severity: warning");
	return false;
}

static bool settle_waiver(struct resolver *s, const struct guardrail *g, const struct waiver *w, struct r_leave *out)
{
	*out = (struct r_leave){.waiver = w, .loc = w->loc};
	bool good = check_waiver(s, g, w);
	if (w->policy)
		good &= resolver_ref(s, KIND_POLICY, w->policy, w->loc) != NONE;
	return settle_leave(s, &w->from, &w->to, &w->ports, out) && good;
}

static bool settle_leaves(struct resolver *s, const struct guardrail *g, struct r_guardrail *out)
{
	bool good = true;
	out->leave = arena_array(s->a, g->never.except.n + g->waivers.n, struct r_leave);
	for (size_t i = 0; i < g->never.except.n; i++)
		good &= settle_except(s, &g->never.except.v[i], &out->leave[out->nleaves++]);
	for (size_t i = 0; i < g->waivers.n; i++)
		good &= settle_waiver(s, g, &g->waivers.v[i], &out->leave[out->nleaves++]);
	return good;
}

static bool check_require(struct resolver *s, const struct guardrail *g)
{
	if (!g->require.set || g->require.fields || g->require.expires_within)
		return true;
	diag_add(s->d, "E_REQUIRED", object_loc(&g->o, "require"), "require needs fields or expires_within");
	diag_hint(s->d, "for example fields: [description]");
	return false;
}

void resolver_guardrails(struct resolver *s)
{
	struct resolved *r = s->r;
	size_t n = s->m->n[KIND_GUARDRAIL];
	r->guardrail = arena_array(s->a, n, struct r_guardrail);
	for (size_t i = 0; i < n; i++) {
		const struct guardrail *g = (const struct guardrail *)s->m->object[KIND_GUARDRAIL][i];
		struct r_guardrail *out = &r->guardrail[r->nguardrails];
		struct rule rule = rule_of(g);
		*out = (struct r_guardrail){.decl = g};
		bool good = check_require(s, g) && settle_rule(s, &rule, out);
		if (rule.ports)
			out->port = resolver_ports(s, rule.ports, &out->nports);
		if (settle_leaves(s, g, out) && good)
			r->nguardrails++;
	}
}
