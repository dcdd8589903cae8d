/* SPDX-License-Identifier: Apache-2.0 */
/* resolver - what the steps of resolve() share; private to this folder. */
#pragma once

#include "base/vec.h"
#include "resolve/ranges.h"
#include "resolve/resolve.h"

/* Names to indices, in the order in which they were added. */
struct name_table {
	const char **name;
	size_t n;
	uint32_t *slot; /* index + 1; 0: free */
	uint32_t mask;
};

void names_init(struct name_table *t, struct arena *a, size_t room);
uint32_t names_intern(struct name_table *t, const char *name); /* at most `room` different ones */
uint32_t names_find(const struct name_table *t, const char *name);

/* Items by key. Items of one key come in ascending order; repeats are dropped. */
struct pair {
	uint32_t key, item;
};
struct pairs {
	struct pair *v;
	size_t n, cap;
};
struct source_set *pairs_index(struct arena *a, const struct pairs *p, size_t nkeys);

struct carrier {
	struct range range;
	uint32_t site;
};

struct lookup {
	struct name_table kind[KIND_COUNT];
	struct name_table tag;
	/* Per tag: devices that carry it; those or whose owner does; resources that carry it. */
	struct source_set *tag_own, *tag_from, *tag_resources;
	struct source_set *plan_devices;
	struct source_set every_device;
	struct carrier *carrier; /* the sites' carried ranges, ascending, disjoint */
	size_t ncarriers;
};

/* Destinations, growing on the heap. */
struct dests {
	struct r_dest *v;
	size_t n, cap;
};

/* Destinations of a group or tag, made at its first use and shared by all policies that name it. */
struct dest_list {
	struct r_dest *v;
	size_t n;
	bool ready;
};

struct dest_cache {
	struct dest_list *group, *tag;
};

/* A set of sources in the making. */
struct set_builder {
	uint64_t *bit;
	size_t nwords, first, last; /* the words that may hold bits: first <= last, or none */
	const struct source_set *whole; /* a set that was added as it is: shared when nothing joins it */
	bool mixed;
};

void set_builder_init(struct set_builder *b, size_t nsources);
void set_builder_release(struct set_builder *b);
void set_add(struct set_builder *b, uint32_t source);
void set_add_set(struct set_builder *b, const struct source_set *s); /* s must outlive the result */
struct source_set set_take(struct set_builder *b, struct arena *a);   /* and starts over */

struct resolver {
	struct resolved *r;
	const struct model *m;
	struct arena *a;
	struct diags *d;
	struct lookup *lookup;
	struct set_builder set;
	struct dest_cache cache;
	uint32_t *user_plan;    /* per user */
	size_t nearest_budget;  /* comparisons left for suggestions: a tree full of mistakes stays fast */
	bool hush;              /* no W_EMPTY_SELECTOR: the caller has something better to say */
	bool incomplete;        /* something that could have a device was left out: emptiness says nothing */
};

/* names.c */
extern const char *const kind_word[KIND_COUNT]; /* "user", ... for messages and selectors */
void resolver_index_names(struct resolver *s);
void resolver_index_tags(struct resolver *s);
/* E_REF where nothing has that name; silent where name is NULL or the target is merely broken. */
uint32_t resolver_ref(struct resolver *s, enum kind kind, const char *name, struct loc loc);
void resolver_hint_nearest(struct resolver *s, enum kind kind, const char *name);
bool loc_before(struct loc a, struct loc b);

/* addresses.c */
void resolver_keys(struct resolver *s);
void resolver_pools(struct resolver *s);
void resolver_addresses(struct resolver *s);

/* sites.c: resources, what sites carry, capacity */
void resolver_resources(struct resolver *s);
void resolver_carried(struct resolver *s);
void resolver_homed(struct resolver *s);
void resolver_capacity(struct resolver *s);

/* internet.c */
void resolver_internet(struct resolver *s);

/* groups.c */
void resolver_groups(struct resolver *s);

/* policies.c */
void resolver_policies(struct resolver *s);
void resolver_tests(struct resolver *s);
struct to_side {
	struct r_dest *v;
	size_t n;
	bool self;
};
/* A list of selectors settled as sources, as destinations; warns of those that match nothing. Whether all of them are right. */
bool resolver_from(struct resolver *s, const selector_list *l, struct source_set *out);
bool resolver_to(struct resolver *s, const selector_list *l, const struct source_set *from, bool from_good,
		 struct to_side *out);
/* Sorted and merged; NULL where nothing was said. */
struct service *resolver_ports(struct resolver *s, const port_list *ports, size_t *n);

/* meetings.c: r_gateway.meeting, r_device.meets */
void resolver_meetings(struct resolver *s);

/* guardrails.c */
void resolver_guardrails(struct resolver *s);

/* selectors.c */
enum side { SIDE_FROM, SIDE_TO, SIDE_MEMBER };

struct selector_error {
	const char *code, *why, *hint; /* hint may be NULL */
	bool missing;                  /* E_REF */
	enum kind kind;                /* of what is missing */
};

/* *index: the object or tag that is named, NONE where nothing is. 0, or -1 with *e filled. */
int selector_settle(const struct resolved *r, struct arena *a, const struct selector *sel, enum side side,
		    uint32_t *index, struct selector_error *e);
/* The same, complaining to the writer. */
bool resolver_selector(struct resolver *s, const struct selector *sel, struct loc loc, enum side side, uint32_t *index);
/* Both return whether the selector matched anything. cache may be NULL. */
bool selector_sources(const struct resolved *r, const struct selector *sel, uint32_t index, struct set_builder *out);
bool selector_dests(const struct resolved *r, struct arena *a, const struct selector *sel, uint32_t index,
		    struct dest_cache *cache, struct dests *out);
/* Whether some source has a fellow device of the same owner. */
bool sources_have_fellows(const struct resolved *r, const struct source_set *from);
const char *selector_text(const struct selector *sel, struct arena *a);

/* Sorted and merged; NULL and 0 where the list is empty or is all there is. */
const struct service *ports_merge(struct arena *a, const port_list *ports, size_t *n);
