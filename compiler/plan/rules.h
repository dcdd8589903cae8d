/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules - a region, a condition and a verdict as nft rules.
 *
 * A rule matches the flow's original direction. Services become protocol and port matches, addresses a single match, a
 * few rules or an interval set; a region of more than RULES_SLABS_MAX service intervals becomes sets of boxes.
 */
#pragma once

#include "access/cond.h"
#include "access/region.h"
#include "plan/table.h"

#define RULES_SLABS_MAX 32 /* beyond, the tcp and udp part of a region is looked up in sets of boxes */
#define RULES_RANGES_MAX 3 /* address ranges of one family beyond which a service's addresses are an interval set */
#define COND_FORMS_MAX 64  /* 15 spans, each cut by at most seven midnights, merged per day */

/* One way for a condition to hold, as matches; a rule stands once for each. */
struct cond_form {
	struct nft_item item[4];
	size_t n;
};

/* At least one form, the empty one for cond_always. */
size_t cond_forms(const struct cond *c, struct cond_form out[static COND_FORMS_MAX]);

struct rule_verdict {
	bool deny;
	const char *log_prefix; /* NULL: not logged */
	const char *comment;    /* in the table's arena, or NULL */
};

struct rule_list {
	struct draft_rule *v;
	size_t n, cap;
};

void rules_release(struct rule_list *l);
/* One rule of these items (copied into items) with no verdict of its own. */
void rules_add(struct rule_list *l, struct arena *items, const struct nft_item *item, size_t n, const char *comment);
/* kept: items is the table's arena. */
void rules_render(struct rule_list *l, struct table *t, struct region r, const struct cond *c,
		  const struct rule_verdict *v, struct arena *items, bool kept);
/* How many rules rules_render() would make, makes no sets. */
size_t rules_count(struct region r, const struct cond *c, bool log);

struct nft_item item_name(enum nft_item_kind kind, const char *name);
struct nft_item item_match(enum nft_field field, enum nft_op op, u128 lo, u128 hi);
struct nft_item item_plain(enum nft_item_kind kind);
