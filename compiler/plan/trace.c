/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/trace.h"

#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/service.h"

#define DAY_SECONDS 86400
#define L3_IPV4 2  /* NFPROTO_IPV4 */
#define L3_IPV6 10 /* NFPROTO_IPV6 */

static bool elem_holds(const struct nft_elem *e, const struct nft_item *it, const struct trace_flow *f)
{
	uint32_t proto = SERVICE_PROTO(f->service), port = SERVICE_PORT(f->service);

	if (f->dest < e->lo || f->dest > e->hi)
		return false;
	return it->field != NFT_CT_DBOX || (proto >= e->proto_lo && proto <= e->proto_hi && port >= e->port_lo &&
					    port <= e->port_hi);
}

static bool in_set(const struct nft_table *t, const struct nft_item *it, const struct trace_flow *f)
{
	const struct nft_set *s = nft_find_set(t, it->name);

	for (size_t i = 0; s != NULL && i < s->nelems; i++)
		if (elem_holds(&s->elem[i], it, f))
			return true;
	return false;
}

static bool compare(const struct nft_item *it, u128 v)
{
	switch (it->op) {
	case NFT_EQ: return v == it->lo;
	case NFT_NEQ: return v != it->lo;
	case NFT_RANGE:
	case NFT_PREFIX: return v >= it->lo && v <= it->hi;
	case NFT_GE: return v >= it->lo;
	case NFT_LT: return v < it->lo;
	case NFT_IN_SET: break;
	}
	BUG("a set is no number");
}

static bool matches(const struct nft_table *t, const struct nft_item *it, const struct trace_flow *f)
{
	if (it->op == NFT_IN_SET)
		return in_set(t, it, f);
	switch (it->field) {
	case NFT_CT_L3PROTO: return compare(it, addr_is_v4(f->dest) ? L3_IPV4 : L3_IPV6);
	case NFT_CT_PROTO: return compare(it, SERVICE_PROTO(f->service));
	case NFT_CT_DPORT: return compare(it, SERVICE_PORT(f->service));
	case NFT_CT_SADDR: return compare(it, f->source);
	case NFT_CT_DADDR: return compare(it, f->dest);
	case NFT_TIME: return compare(it, (u128)f->at);
	case NFT_DAY: return compare(it, (clock_week_second(f->at) / DAY_SECONDS + 1) % 7);
	case NFT_HOUR: return compare(it, (u128)(clock_week_second(f->at) % DAY_SECONDS));
	case NFT_CT_DBOX:
	case NFT_IIFNAME:
	case NFT_OIFNAME:
	case NFT_CT_INVALID:
	case NFT_CT_DIRECTION:
	case NFT_NFPROTO: break;
	}
	BUG("a class chain matches no such field");
}

/* ON: the next rule, or after a chain's last one its caller's next. LEFT: the same without the rest of the chain. */
enum verdict { DENIED, ACCEPTED, ON, LEFT };

static enum verdict walk(const struct nft_table *t, const struct nft_chain *c, const struct trace_flow *f,
			 struct trace_result *out);

static enum verdict walk_rule(const struct nft_table *t, const struct nft_chain *c, const struct nft_rule *r,
			      const struct trace_flow *f, struct trace_result *out)
{
	for (size_t i = 0; i < r->nitems; i++) {
		const struct nft_item *it = &r->item[i];
		if (it->kind == NFT_MATCH && !matches(t, it, f))
			return ON;
		if (it->kind == NFT_ACCEPT || it->kind == NFT_DROP ||
		    (it->kind == NFT_GOTO && strcmp(it->name, "denied") == 0)) {
			out->chain = c;
			out->rule = r;
			return it->kind == NFT_ACCEPT ? ACCEPTED : DENIED;
		}
		if (it->kind == NFT_RETURN)
			return LEFT;
		if (it->kind != NFT_JUMP && it->kind != NFT_GOTO)
			continue;
		enum verdict v = walk(t, nft_find_chain(t, it->name), f, out);
		if (v != ON)
			return v;
		return it->kind == NFT_GOTO ? LEFT : ON;
	}
	return ON;
}

static enum verdict walk(const struct nft_table *t, const struct nft_chain *c, const struct trace_flow *f,
			 struct trace_result *out)
{
	for (size_t i = 0; c != NULL && i < c->nrules; i++) {
		enum verdict v = walk_rule(t, c, &c->rule[i], f, out);
		if (v != ON)
			return v == LEFT ? ON : v;
	}
	return ON;
}

static const struct nft_elem *lookup(const struct nft_set *s, u128 key)
{
	for (size_t i = 0; s != NULL && i < s->nelems; i++)
		if (key >= s->elem[i].lo && key <= s->elem[i].hi)
			return &s->elem[i];
	return NULL;
}

void nft_trace(const struct nft_table *t, const struct trace_flow *f, struct trace_result *out)
{
	static const char *const maps[][2] = {
		{ "class4", "class6" },
		{ "network4", "network6" },
		{ "outside4", "outside6" },
	};
	const struct nft_elem *number = NULL;

	*out = (struct trace_result){ .accept = false };
	for (size_t i = 0; number == NULL && i < ARRAY_SIZE(maps); i++)
		number = lookup(nft_find_set(t, maps[i][!addr_is_v4(f->source)]), f->source);
	if (number == NULL)
		return;
	out->class_number = number->value;
	const struct nft_elem *chain = lookup(nft_find_set(t, "dispatch"), number->value);
	if (chain != NULL)
		out->accept = walk(t, nft_find_chain(t, chain->chain), f, out) != DENIED; /* who falls off its end is accepted by the hook */
}
