/* SPDX-License-Identifier: Apache-2.0 */
/* Guardrails against a brute-force reading of random trees; mutations against trees that were changed in their text. */
#include "access/guardrails.h"
#include "access/mutate.h"
#include "base/vec.h"
#include "prop/world.h"

enum { RULES = 4, LEAVES = 3, POINTS = 400 };

struct w_leave {
	bool waiver, ended;
	int policy; /* index, or -1 */
	bool has_from, has_to;
	struct w_list from, to;
	struct w_ports ports;
};

enum w_kind { RULE_NEVER, RULE_ONLY, RULE_REQUIRE };

struct w_rule {
	enum w_kind kind;
	struct w_list from, to;
	bool has_from, has_to; /* require */
	struct w_ports ports;
	struct w_leave leave[LEAVES];
	size_t nleaves;
	int action; /* require: 0 any, 1 allow, 2 deny */
};

struct compiled {
	struct arena arena;
	struct diags diags;
	struct model model;
	struct resolved resolved;
	struct access access;
	struct buf yaml;
};

enum law {
	LAW_VALID, LAW_SOUND, LAW_COMPLETE, LAW_FIRST, LAW_REQUIRE, LAW_EMPTY, LAW_MUTANTS, LAW_COUNT
};

static const char *const law_name[LAW_COUNT] = {
	[LAW_VALID] = "random trees with guardrails compile",
	[LAW_SOUND] = "a counterexample is allowed, forbidden, not left out, and decided by the policy that is named",
	[LAW_COMPLETE] = "what is allowed and forbidden is found, whatever the moment, and counted",
	[LAW_FIRST] = "no breach by that policy comes before the counterexample",
	[LAW_REQUIRE] = "require speaks of exactly the policies that share a source and an address with it",
	[LAW_EMPTY] = "a guardrail that is called empty forbids nothing",
	[LAW_MUTANTS] = "what mutations change is what the changed tree changes",
};

/* ---- making and writing them ---- */

static struct w_leave make_leave(const struct world *w, struct prng *p, enum w_kind kind)
{
	struct w_leave l = { .waiver = kind != RULE_NEVER || prng_chance(p, 50), .policy = -1 };

	l.ended = l.waiver && prng_chance(p, 30);
	if (l.waiver && (kind == RULE_REQUIRE || prng_chance(p, 50)))
		l.policy = (int)prng_below(p, (uint32_t)w->npolicies);
	if (kind == RULE_REQUIRE)
		return l;
	l.has_from = prng_chance(p, 50);
	l.has_to = !l.has_from || prng_chance(p, 50);
	l.from = world_list(p, from_kinds, ARRAY_SIZE(from_kinds), GROUPS);
	l.to = world_list(p, to_kinds, ARRAY_SIZE(to_kinds), GROUPS);
	l.ports = world_ports(p);
	return l;
}

static struct w_rule make_rule(const struct world *w, struct prng *p)
{
	struct w_rule g = { .kind = (enum w_kind)prng_below(p, 3), .has_from = true, .has_to = true };

	g.from = world_list(p, from_kinds, ARRAY_SIZE(from_kinds), GROUPS);
	g.to = world_list(p, to_kinds, ARRAY_SIZE(to_kinds), GROUPS);
	if (g.kind == RULE_REQUIRE) {
		g.has_from = prng_chance(p, 70);
		g.has_to = prng_chance(p, 70);
		g.action = (int)prng_below(p, 3);
	} else {
		g.ports = world_ports(p);
	}
	for (g.nleaves = 0; g.nleaves < LEAVES && prng_chance(p, 45); g.nleaves++)
		g.leave[g.nleaves] = make_leave(w, p, g.kind);
	return g;
}

static void indent_from(struct buf *out, struct buf *part, const char *by)
{
	const char *s = buf_str(part);

	while (*s) {
		size_t n = strcspn(s, "\n");
		buf_addf(out, "%s%.*s\n", by, (int)n, s);
		s += n + (s[n] == '\n');
	}
	buf_reset(part);
}

static void write_leave(const struct world *w, struct buf *b, const struct w_leave *l)
{
	struct buf part BUF_CLEANUP = BUF_INIT;

	if (l->has_from)
		write_list(&part, "from", &l->from);
	if (l->has_to)
		write_list(&part, "to", &l->to);
	write_ports(&part, &l->ports);
	if (l->policy >= 0)
		buf_addf(&part, "policy: %s\n", w->policy[l->policy].name);
	if (l->waiver)
		buf_addf(&part, "reason: known\nexpires: %s\n", l->ended ? "2020-01-01" : "2039-01-01");
	buf_addf(b, "%s-\n", l->waiver ? "  " : "    ");
	indent_from(b, &part, l->waiver ? "    " : "      ");
}

static void write_leaves(const struct world *w, struct buf *b, const struct w_rule *g, bool waivers)
{
	bool begun = false;

	for (size_t i = 0; i < g->nleaves; i++) {
		if (g->leave[i].waiver != waivers)
			continue;
		if (!begun)
			buf_adds(b, waivers ? "waivers:\n" : "  except:\n");
		begun = true;
		write_leave(w, b, &g->leave[i]);
	}
}

static void write_rule(const struct world *w, struct buf *b, const struct w_rule *g, size_t index)
{
	static const char *const action[] = { "any", "allow", "deny" };
	struct buf part BUF_CLEANUP = BUF_INIT;

	buf_addf(b, "---\nkind: Guardrail\nname: rail%zu\n", index);
	if (g->kind == RULE_REQUIRE)
		buf_addf(b, "require:\n  fields: [description]\n  policies:\n    action: %s\n", action[g->action]);
	else
		buf_addf(b, "%s:\n", g->kind == RULE_NEVER ? "never" : "only");
	if (g->has_from)
		write_list(&part, "from", &g->from);
	if (g->has_to)
		write_list(&part, "to", &g->to);
	write_ports(&part, &g->ports);
	indent_from(b, &part, g->kind == RULE_REQUIRE ? "    " : "  ");
	write_leaves(w, b, g, false);
	write_leaves(w, b, g, true);
}

static bool compile_world(struct compiled *c, const struct world *w, const struct w_rule *g, size_t n)
{
	struct source_file file = { .path = "tree.yaml" };
	struct source source = { .file = &file, .nfiles = 1 };

	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
	diags_init(&c->diags, &c->arena);
	world_yaml(w, &c->yaml);
	for (size_t i = 0; i < n; i++)
		write_rule(w, &c->yaml, &g[i], i);
	file.data = buf_str(&c->yaml);
	file.len = source.bytes = c->yaml.len;
	file.diag_file = diags_add_file(&c->diags, file.path, file.data, file.len);
	model_read(&c->model, &source, &c->arena, &c->diags);
	resolve(&c->resolved, &c->model, &c->arena, &c->diags);
	if (c->diags.errors)
		return false;
	access_build(&c->access, &c->resolved, &c->arena, &c->diags);
	return !c->diags.errors;
}

static void release(struct compiled *c)
{
	diags_release(&c->diags);
	buf_release(&c->yaml);
	arena_release(&c->arena);
}

/* ---- what they mean ---- */

static bool from_list(const struct world *w, const struct w_list *l, struct w_source s)
{
	for (size_t i = 0; i < l->n; i++)
		if (from_matches(w, &l->v[i], s))
			return true;
	return false;
}

/* own: a resource is its own ports; else its addresses with any. */
static bool to_list(const struct world *w, const struct w_list *l, const struct w_question *q, bool own)
{
	for (size_t i = 0; i < l->n; i++)
		if (to_matches(w, &l->v[i], q))
			return true;
	for (uint32_t i = 0; !own && i < RESOURCES; i++)
		for (size_t k = 0; k < l->n; k++)
			if (((l->v[k].kind == SEL_RESOURCE && l->v[k].index == i) ||
			     (l->v[k].kind == SEL_TAG && w->resource[i].tags & 1u << l->v[k].index)) &&
			    q->addr >= V4(10, 1, w->resource[i].site, w->resource[i].lo) &&
			    q->addr <= V4(10, 1, w->resource[i].site, w->resource[i].hi))
				return true;
	return false;
}

static bool left_out(const struct world *w, const struct w_leave *l, const struct w_question *q, const char *policy)
{
	if (l->ended || (l->policy >= 0 && strcmp(w->policy[l->policy].name, policy) != 0))
		return false;
	if (l->has_from && !from_list(w, &l->from, q->source))
		return false;
	/* Ports that are said replace the destination's own. */
	return (!l->has_to || to_list(w, &l->to, q, l->ports.n == 0)) && port_matches(&l->ports, q->proto, q->port);
}

/* Whether this access, which there is by that policy, breaks the rule. */
static bool breaks(const struct world *w, const struct w_rule *g, const struct w_question *q, const char *policy)
{
	if (from_list(w, &g->from, q->source) != (g->kind == RULE_NEVER))
		return false;
	if (!to_list(w, &g->to, q, false) || !port_matches(&g->ports, q->proto, q->port))
		return false;
	for (size_t i = 0; i < g->nleaves; i++)
		if (left_out(w, &g->leave[i], q, policy))
			return false;
	return true;
}

static const char *const source_word[SEL_COUNT] = {
	[SEL_DEVICE] = "device:d", [SEL_SITE] = "site:s", [SEL_GATEWAY] = "gateway:gw",
};

static uint32_t source_index(const struct compiled *c, struct w_source s)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%u", source_word[s.kind], s.index);
	return source_find(&c->resolved, text);
}

static struct w_source nth_source(uint32_t i)
{
	if (i < DEVICES)
		return (struct w_source){ SEL_DEVICE, i };
	return i < DEVICES + SITES ? (struct w_source){ SEL_SITE, i - DEVICES } :
				     (struct w_source){ SEL_GATEWAY, i - DEVICES - SITES };
}

/* A revoked device has given its addresses back, so a range does not name it. */
static bool names(const struct world *w, const struct w_list *l, struct w_source s)
{
	bool revoked = s.kind == SEL_DEVICE && w->device[s.index].revoked;

	for (size_t i = 0; i < l->n; i++)
		if (from_matches(w, &l->v[i], s) && !(revoked && l->v[i].kind == SEL_RANGE))
			return true;
	return false;
}

/* ---- the laws ---- */

static const struct guardrail_breach *breach_by(const struct guardrail_result *res, const char *policy)
{
	for (size_t i = 0; i < res->nbreaches; i++)
		if (!strcmp(res->breach[i].policy, policy))
			return &res->breach[i];
	return NULL;
}

static bool breach_is_true(const struct compiled *c, const struct world *w, const struct w_rule *g,
			   const struct guardrail_breach *b)
{
	struct w_question q = { .addr = b->point.addr, .proto = SERVICE_PROTO(b->point.service),
				.port = SERVICE_PORT(b->point.service), .t = b->at };
	uint32_t i = 0;

	while (i < DEVICES + 2 * SITES && source_index(c, nth_source(i)) != b->source)
		i++;
	q.source = nth_source(i);
	struct w_verdict v = world_access(w, &q);
	struct verdict ours = access_eval(&c->access, b->source, q.addr, b->point.service, q.t);

	/* The world knows two public addresses only. */
	if (q.addr != PUBLIC_V4 && q.addr != PUBLIC_V6 && addr_is_v4(q.addr) && q.addr >> 24 == V4(10, 0, 0, 0) >> 24 &&
	    (!v.allow || strcmp(v.policy, b->policy) != 0 || !breaks(w, g, &q, b->policy)))
		return false;
	return b->at >= WORLD_NOW && ours.allow && ours.part && !strcmp(ours.part->policy, b->policy);
}

static void judge(struct compiled *c, const struct world *w, const struct w_rule *g, const struct guardrail_result *res,
		  struct prng *p, bool ok[LAW_COUNT])
{
	uint64_t found[POLICIES] = { 0 };

	for (size_t i = 0; i < res->nbreaches; i++)
		ok[LAW_SOUND] &= breach_is_true(c, w, g, &res->breach[i]);
	for (int i = 0; i < POINTS; i++) {
		struct w_question q = world_question(w, p);
		if (q.t < WORLD_NOW)
			q.t = WORLD_NOW + (WORLD_NOW - q.t);
		struct w_verdict v = world_access(w, &q);
		if (res->empty && names(w, &g->from, q.source) == from_list(w, &g->from, q.source))
			ok[LAW_EMPTY] &= !breaks(w, g, &q, "");
		if (!v.allow || !breaks(w, g, &q, v.policy))
			continue;
		const struct guardrail_breach *b = breach_by(res, v.policy);
		ok[LAW_COMPLETE] &= b != NULL;
		ok[LAW_FIRST] &= !b || b->at <= q.t;
		for (size_t k = 0; k < w->npolicies; k++)
			if (!strcmp(w->policy[k].name, v.policy))
				found[k] |= UINT64_C(1) << source_index(c, q.source);
	}
	for (size_t k = 0; k < w->npolicies; k++) {
		const struct guardrail_breach *b = breach_by(res, w->policy[k].name);
		ok[LAW_COMPLETE] &= !b || (size_t)__builtin_popcountll(found[k]) <= b->nsources;
	}
}

/* Addresses that between them lie in every overlap of two selectors. */
static size_t all_addresses(u128 *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i < 32; i++)
		out[n++] = V4(10, 0, 0, i);
	for (uint32_t s = 0; s < SITES; s++) {
		out[n++] = gateway_addr(s);
		for (uint32_t i = 0; i < 24; i++)
			out[n++] = V4(10, 1, s, i);
	}
	for (uint32_t d = 0; d < DEVICES; d++)
		out[n++] = V4(172, 16, d, 1);
	out[n++] = PUBLIC_V4;
	return n;
}

static bool share_address(const struct world *w, const struct w_policy *x, const struct w_rule *g, struct w_source s)
{
	u128 addr[160];
	size_t n = all_addresses(addr);

	for (size_t i = 0; i < n; i++) {
		struct w_question q = { .source = s, .addr = addr[i] };
		if (to_list(w, &x->to, &q, false) && to_list(w, &g->to, &q, false))
			return true;
	}
	return false;
}

static bool touched(const struct world *w, const struct w_policy *x, const struct w_rule *g)
{
	if (!x->enabled || (g->action == 1 && x->deny) || (g->action == 2 && !x->deny))
		return false;
	if (!g->has_from && !g->has_to)
		return true;
	/* Without `from` whatever the policy names will do, if it names nothing too. */
	if (!g->has_from && share_address(w, x, g, (struct w_source){ SEL_SITE, 0 }))
		return true;
	for (uint32_t i = 0; i < DEVICES + 2 * SITES; i++) {
		struct w_source s = nth_source(i);
		if (s.kind == SEL_DEVICE && !w->device[s.index].there)
			continue;
		if (names(w, &x->from, s) && (!g->has_from || names(w, &g->from, s)) &&
		    (!g->has_to || share_address(w, x, g, s)))
			return true;
	}
	return false;
}

static bool require_holds(const struct world *w, const struct w_rule *g, const struct guardrail_result *res)
{
	for (size_t k = 0; k < w->npolicies; k++) {
		bool want = touched(w, &w->policy[k], g), waived = false;
		for (size_t i = 0; i < g->nleaves; i++)
			waived |= !g->leave[i].ended && g->leave[i].policy == (int)k;
		if ((breach_by(res, w->policy[k].name) != NULL) != (want && !waived))
			return false;
	}
	return true;
}

/* ---- mutations ---- */

static void mutate_world(struct world *w, size_t k, enum mutation how)
{
	static const struct w_list any_to = { .v = { { .kind = SEL_ANY } }, .n = 1 };
	struct w_policy *x = &w->policy[k];

	switch (how) {
	case MUTATION_REMOVE: x->enabled = false; return;
	case MUTATION_FROM: {
		for (size_t i = 0; i < x->from.n; i++) /* sites and gateways stay */
			if (x->from.v[i].kind != SEL_SITE && x->from.v[i].kind != SEL_GATEWAY)
				x->from.v[i] = (struct w_selector){ .kind = SEL_ANY };
		return;
	}
	case MUTATION_TO: x->to = any_to; return;
	case MUTATION_PORTS: x->ports.n = 0; return;
	case MUTATION_TIME: x->when = false; x->dates = (struct w_dates){ CLOCK_EVER, CLOCK_NEVER }; return;
	case MUTATION_COUNT: return;
	}
}

/* Without tests and guardrails each mutation is listed, and says whether it changes something. */
static bool mutants_hold(struct compiled *c, const struct world *w, struct prng *p)
{
	struct mutate_report m;

	mutate_run(&c->access, &c->resolved, WORLD_NOW, &c->arena, &m);
	if (m.noticed != 0 || m.tried != m.nsurvivors)
		return false;
	for (size_t i = 0; i < m.nsurvivors; i++) {
		const struct mutant *s = &m.survivor[i];
		struct world changed = *w;
		size_t k = 0;
		while (strcmp(w->policy[k].name, s->policy->o.name) != 0)
			k++;
		bool some_device = false;
		for (size_t n = 0; n < w->policy[k].from.n; n++)
			some_device |= w->policy[k].from.v[n].kind != SEL_SITE && w->policy[k].from.v[n].kind != SEL_GATEWAY;
		if (s->effect || (s->how == MUTATION_FROM && !some_device))
			continue;
		mutate_world(&changed, k, s->how);
		for (int n = 0; n < 60; n++) {
			struct w_question q = world_question(w, p);
			if (q.t < WORLD_NOW)
				q.t = WORLD_NOW + (WORLD_NOW - q.t);
			if (world_access(w, &q).allow != world_access(&changed, &q).allow)
				return false;
		}
	}
	return true;
}

/* ---- the run ---- */

static void try(struct prng *p, bool ok[LAW_COUNT])
{
	struct world w;
	struct w_rule g[RULES];
	struct compiled c;
	struct guardrail_result *res;

	world_make(&w, p);
	for (size_t i = 0; i < RULES; i++)
		g[i] = make_rule(&w, p);
	if (!compile_world(&c, &w, g, RULES)) {
		if (ok[LAW_VALID])
			printf("# %s\n", c.diags.n ? c.diags.v[0].message : "?");
		ok[LAW_VALID] = false;
	} else {
		size_t n = guardrails_run(&c.access, &c.resolved, WORLD_NOW, &c.arena, &res);
		ok[LAW_VALID] &= n == RULES;
		for (size_t i = 0; i < n; i++) {
			if (g[i].kind == RULE_REQUIRE)
				ok[LAW_REQUIRE] &= require_holds(&w, &g[i], &res[i]);
			else
				judge(&c, &w, &g[i], &res[i], p, ok);
		}
		c.resolved.nguardrails = 0;
		ok[LAW_MUTANTS] &= mutants_hold(&c, &w, p);
	}
	release(&c);
}

int main(void)
{
	uint64_t seed = prop_env("PROP_SEED", 1), cases = prop_env("PROP_CASES", 4000);
	bool ok[LAW_COUNT], was[LAW_COUNT];
	struct tap t = { 0, 0 };

	for (int i = 0; i < LAW_COUNT; i++)
		ok[i] = was[i] = true;
	for (uint64_t c = 0; c < cases; c++) {
		struct prng p = { (seed + c) * 0x9e3779b9u };
		try(&p, ok);
		for (int i = 0; i < LAW_COUNT; i++) {
			if (was[i] && !ok[i])
				printf("# %s: PROP_SEED=%llu PROP_CASES=1\n", law_name[i],
				       (unsigned long long)(seed + c));
			was[i] = ok[i];
		}
	}
	for (int i = 0; i < LAW_COUNT; i++)
		tap_ok(&t, ok[i], law_name[i]);
	return tap_done(&t);
}
