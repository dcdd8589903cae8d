/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff - the access that a change gives and takes.
 *
 * Both trees are settled to classes; a source (matched by kind and name) is compared by the pair of its classes, each
 * pair once, and pairs of equal content not at all. Times count from `now` on. What is listed is exact: a destination,
 * service and second are gained when the new tree allows them and the old one does not, whatever field made it so.
 */
#pragma once

#include "access/access.h"

/* When it holds: from <= t < until, in these seconds of the week (nweek 0: all). CLOCK_EVER as from: by now. */
struct diff_span {
	int64_t from, until;
	const struct week_span *week;
	size_t nweek;
};

/* Destinations under one name: "resource:db", "internet", "10.0.0.0/8", "any except 10.0.0.0/8". */
struct diff_item {
	const char *label;
	bool is_object; /* the label is a document's name, so the addresses say more */
	struct range_set addr;
	const struct service *service; /* ascending, disjoint */
	size_t nservices;
};

/* What one policy allows on the one side and nothing allows on the other, in one set of spans. */
struct diff_grant {
	const char *policy;
	struct loc loc; /* in the tree that allows it */
	const char *denied_by; /* the policy that denies it on the other side; NULL: none, it is just not allowed there */
	struct loc denied_loc; /* in the other tree */
	struct region region;
	const struct diff_span *span;
	size_t nspans;
	const char *when; /* the spans as text: "always", "until 2026-12-31T00:00:00Z; ..."; NULL: two moments are compared */
	unsigned int risk; /* bits of enum risk; the greater the number, the earlier it stands */
	size_t order;      /* among grants of one policy */
	struct diff_item *item;
	size_t nitems;
};

struct diff_member {
	const char *user;    /* NULL: sources that nobody owns */
	const char **source; /* "device:alice-laptop", "site:hq"; sorted */
	size_t nsources;
	bool whole; /* all living devices of that user */
};

/* Sources with the same delta. */
struct diff_group {
	struct diff_member *member; /* by user; the one without a user last */
	size_t nmembers;
	struct diff_grant *gain, *loss;
	size_t ngains, nlosses;
};

struct diff_side {
	const struct access *access;
	const struct resolved *resolved;
};

struct access_diff {
	struct diff_group *group; /* by risk of what is gained, of what is lost, then by name */
	size_t ngroups;
};

void access_diff(struct access_diff *out, struct diff_side was, struct diff_side is, int64_t now, struct arena *a);
/* What is allowed at at[0] on the one side against what is at at[1] on the other. The grants have no spans. */
void access_diff_at(struct access_diff *out, struct diff_side was, struct diff_side is, const int64_t at[2], struct arena *a);

/* Ascending, disjoint intervals: "icmp, tcp/443", "any", "any except tcp/25". */
const char *services_text(const struct service *v, size_t n, struct arena *a);
