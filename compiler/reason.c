/* SPDX-License-Identifier: Apache-2.0 */
#include "reason.h"

#include <string.h>

#include "base/vec.h"
#include "emit/emit.h"
#include "plan/trace.h"

/* One selector in one group's list that takes the device in. */
struct membership {
	const char *group;
	const char *by; /* "user:alice" */
	struct loc loc;
};

/* One policy that speaks of the source, and what it says to the question. */
struct consideration {
	const struct access_part *part;
	const char *says;
	bool decides;
};

struct chain {
	VEC(struct membership) membership;
	VEC(struct consideration) policy;
	const char *rule;  /* as nft writes it; NULL: no gateway, or nothing rendered */
	const char *nft_chain;
};

static bool set_has(const struct source_set *s, uint32_t source)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i] == source)
			return true;
	return false;
}

static bool list_has(const string_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], name) == 0)
			return true;
	return false;
}

static bool member_takes_in(const struct resolved *r, const struct selector *m, uint32_t device)
{
	const struct r_device *d = &r->device[device];
	const struct user *owner = d->owner != NONE ? r->user[d->owner] : NULL;

	if (m->kind == SEL_USER)
		return owner != NULL && strcmp(owner->o.name, m->name) == 0;
	if (m->kind == SEL_DEVICE)
		return strcmp(d->decl->o.name, m->name) == 0;
	if (m->kind == SEL_TAG)
		return list_has(&d->decl->o.tags, m->name) || (owner != NULL && list_has(&owner->o.tags, m->name));
	if (m->kind != SEL_GROUP)
		return false;
	uint32_t g = resolved_find(r, KIND_GROUP, m->name);
	return g != NONE && set_has(&r->group_devices[g], device);
}

static void find_memberships(struct compile *c, uint32_t source, struct chain *out)
{
	static const char *const prefix[SEL_COUNT] = {
		[SEL_USER] = "user:", [SEL_GROUP] = "group:", [SEL_DEVICE] = "device:", [SEL_TAG] = "tag:",
	};
	const struct resolved *r = &c->resolved;

	if (source >= r->ndevices)
		return;
	for (size_t g = 0; g < r->ngroups; g++) {
		const selector_list *l = &r->group[g]->members;
		if (!set_has(&r->group_devices[g], source))
			continue;
		for (size_t i = 0; i < l->n; i++) {
			if (!member_takes_in(r, &l->v[i], source))
				continue;
			struct membership m = { r->group[g]->o.name,
						arena_printf(&c->arena, "%s%s", prefix[l->v[i].kind], l->v[i].name),
						l->loc[i] };
			vec_push(&out->membership, m);
		}
	}
}

static const char *what_it_says(struct compile *c, const struct access_part *p, const struct reason_question *q,
				bool decided)
{
	if (!region_contains(p->region, q->addr, q->service))
		return "does not speak of this address and port";
	if (!cond_holds(&p->cond, q->at))
		return arena_printf(&c->arena, "does not hold then, but %s", cond_text(&p->cond, &c->arena));
	if (decided)
		return "would, but one before it has decided";
	return p->deny ? "decides: deny" : "decides: allow";
}

static void find_policies(struct compile *c, const struct reason_question *q, struct chain *out)
{
	const struct access_class *class = &c->access.class[c->access.class_of[q->source]];
	bool decided = false;

	for (size_t i = 0; i < class->nparts; i++) {
		const struct access_part *p = &c->access.part[class->part[i]];
		bool applies = region_contains(p->region, q->addr, q->service) && cond_holds(&p->cond, q->at);
		struct consideration k = { p, what_it_says(c, p, q, decided), applies && !decided };
		vec_push(&out->policy, k);
		decided |= applies;
	}
}

static bool address_of(const struct resolved *r, uint32_t source, bool v4, u128 *out)
{
	const addr_list *l;

	if (source < r->ndevices)
		l = &r->device[source].decl->addresses;
	else if (source >= r->ndevices + r->nsites)
		l = &r->gateway[source - r->ndevices - r->nsites].decl->addresses;
	else
		return false;
	for (size_t i = 0; i < l->n; i++) {
		if (addr_is_v4(l->v[i]) != v4)
			continue;
		*out = l->v[i];
		return true;
	}
	return false;
}

/* What the first gateway of the path does with the flow, by the rules it would get. */
static void find_rule(struct compile *c, const struct reason_question *q, struct chain *out)
{
	struct trace_flow f = { .dest = q->addr, .service = q->service, .at = q->at };
	struct trace_result res;
	struct gw_plan plan;
	struct buf text BUF_CLEANUP = BUF_INIT;

	if (q->ngateways == 0 || !address_of(&c->resolved, q->source, addr_is_v4(q->addr), &f.source))
		return;
	plan_gateway(&plan, &c->access, &c->resolved, q->gateway[0], &c->arena);
	nft_trace(&plan.nft, &f, &res);
	if (res.rule == NULL)
		return;
	emit_nft_rule(res.rule, &text);
	out->rule = arena_strdup(&c->arena, buf_str(&text));
	out->nft_chain = res.chain->name;
}

static void chain_make(struct compile *c, const struct reason_question *q, struct chain *out)
{
	memset(out, 0, sizeof(*out));
	find_memberships(c, q->source, out);
	find_policies(c, q, out);
	find_rule(c, q, out);
}

static void chain_release(struct chain *x)
{
	vec_release(&x->membership);
	vec_release(&x->policy);
}

static const char *place(struct compile *c, struct loc loc)
{
	return diag_loc_text(&c->diags, &c->arena, loc);
}

/* "from 2026-01-01T00:00:00Z until ..." of the source, or "always". */
static const char *activity(struct compile *c, uint32_t source)
{
	const struct access_window *w = &c->access.window[source];
	char from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];

	if (w->from >= w->until)
		return "never: it or its owner is disabled or revoked";
	if (w->from == CLOCK_EVER && w->until == CLOCK_NEVER)
		return "always";
	return arena_printf(&c->arena, "from %s until %s", clock_format(w->from, from), clock_format(w->until, until));
}

static const struct user *owner_of(const struct resolved *r, uint32_t source)
{
	return source < r->ndevices && r->device[source].owner != NONE ? r->user[r->device[source].owner] : NULL;
}

void reason_text(struct compile *c, const struct reason_question *q, struct buf *out)
{
	const struct resolved *r = &c->resolved;
	const struct user *owner = owner_of(r, q->source);
	struct chain x;

	chain_make(c, q, &x);
	if (q->source < r->ndevices)
		buf_addf(out, "device: %s (%s)\n", r->device[q->source].decl->o.name,
			 place(c, r->device[q->source].decl->o.loc));
	if (owner != NULL)
		buf_addf(out, "owner: %s (%s)\n", owner->o.name, place(c, owner->o.loc));
	buf_addf(out, "active: %s\n", activity(c, q->source));
	for (size_t i = 0; i < x.membership.n; i++)
		buf_addf(out, "member of %s: by %s (%s)\n", x.membership.v[i].group, x.membership.v[i].by,
			 place(c, x.membership.v[i].loc));
	buf_addf(out, "policies that name it, in the order of decision:%s\n", x.policy.n == 0 ? " none" : "");
	for (size_t i = 0; i < x.policy.n; i++) {
		const struct access_part *p = x.policy.v[i].part;
		buf_addf(out, "%c %s: %s, priority %d (%s): %s\n", x.policy.v[i].decides ? '>' : ' ', p->policy,
			 p->deny ? "deny" : "allow", p->priority, place(c, p->loc), x.policy.v[i].says);
	}
	if (x.rule != NULL)
		buf_addf(out, "rule on %s: chain %s: %s\n", r->gateway[q->gateway[0]].decl->o.name, x.nft_chain, x.rule);
	chain_release(&x);
}

json_t *reason_json(struct compile *c, const struct reason_question *q)
{
	const struct resolved *r = &c->resolved;
	const struct user *owner = owner_of(r, q->source);
	json_t *groups = json_array(), *policies = json_array();
	struct chain x;

	chain_make(c, q, &x);
	for (size_t i = 0; i < x.membership.n; i++)
		json_array_append_new(groups, json_pack("{s:s, s:s, s:s}", "group", x.membership.v[i].group, "by",
							x.membership.v[i].by, "where",
							place(c, x.membership.v[i].loc)));
	for (size_t i = 0; i < x.policy.n; i++) {
		const struct access_part *p = x.policy.v[i].part;
		json_array_append_new(policies,
				      json_pack("{s:s, s:s, s:i, s:s, s:s, s:b}", "policy", p->policy, "action",
						p->deny ? "deny" : "allow", "priority", (int)p->priority, "where",
						place(c, p->loc), "says", x.policy.v[i].says, "decides",
						x.policy.v[i].decides));
	}
	json_t *out = json_pack("{s:s, s:s?, s:s, s:o, s:o, s:s?, s:s?}", "source", source_text(r, q->source, &c->arena),
				"owner", owner != NULL ? owner->o.name : NULL, "active", activity(c, q->source), "groups",
				groups, "policies", policies, "chain", x.nft_chain, "rule", x.rule);
	chain_release(&x);
	return out;
}
