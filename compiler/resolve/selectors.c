/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors: what each may name, what it matches as a source and as a destination, and their text on a command line. */
#include <string.h>

#include "base/bug.h"
#include "field.h"
#include "resolve/resolver.h"

/* One row a selector: the object it names and the places it may stand in. */
static const struct {
	const char *word;
	enum kind kind; /* KIND_COUNT: names no object */
	bool side[3];   /* indexed by enum side */
} selector_rows[SEL_COUNT] = {
	[SEL_USER] = { "user", KIND_USER, { true, true, true } },
	[SEL_GROUP] = { "group", KIND_GROUP, { true, true, true } },
	[SEL_DEVICE] = { "device", KIND_DEVICE, { true, true, true } },
	[SEL_TAG] = { "tag", KIND_COUNT, { true, true, true } },
	[SEL_PLAN] = { "plan", KIND_PLAN, { true, false, false } },
	[SEL_SITE] = { "site", KIND_SITE, { true, true, false } },
	[SEL_GATEWAY] = { "gateway", KIND_GATEWAY, { true, true, false } },
	[SEL_RESOURCE] = { "resource", KIND_RESOURCE, { false, true, false } },
	[SEL_SELF] = { "self", KIND_COUNT, { false, true, false } },
	[SEL_ANY] = { "any", KIND_COUNT, { true, true, false } },
	[SEL_INTERNET] = { "internet", KIND_COUNT, { false, true, false } },
	[SEL_RANGE] = { NULL, KIND_COUNT, { true, true, false } },
};

static const struct {
	const char *where, *allowed;
} side_words[] = {
	[SIDE_FROM] = { "\"from\"",
			"user:, group:, device:, tag:, plan:, site:, gateway:, any, an address, a prefix or a range" },
	[SIDE_TO] = { "\"to\"",
		      "resource:, tag:, device:, user:, group:, site:, gateway:, self, internet, any, an address, "
		      "a prefix or a range" },
	[SIDE_MEMBER] = { "the members of a group", "user:, group:, device: or tag:" },
};

const char *selector_text(const struct selector *sel, struct arena *a)
{
	if (sel->kind == SEL_RANGE) {
		char text[ADDR_TEXT_MAX];
		return arena_strdup(a, range_format(sel->range, text));
	}
	const char *word = selector_rows[sel->kind].word;
	return sel->name ? arena_printf(a, "%s:%s", word, sel->name) : word;
}

/* Another selector under which that very name stands: group:alice where alice is a user. */
static const char *same_name_elsewhere(const struct resolved *r, struct arena *a, const char *name, enum side side)
{
	for (int k = 0; k < SEL_COUNT; k++) {
		enum kind kind = selector_rows[k].kind;
		if (kind != KIND_COUNT && selector_rows[k].side[side] && resolved_find(r, kind, name) != NONE)
			return arena_printf(a, "did you mean %s:%s?", selector_rows[k].word, name);
	}
	return NULL;
}

int selector_settle(const struct resolved *r, struct arena *a, const struct selector *sel, enum side side,
		    uint32_t *index, struct selector_error *e)
{
	enum kind kind = selector_rows[sel->kind].kind;
	*index = NONE;
	*e = (struct selector_error){ .kind = kind };
	if (!selector_rows[sel->kind].side[side]) {
		e->code = "E_SELECTOR";
		e->why = arena_printf(a, "%s cannot stand in %s", selector_text(sel, a), side_words[side].where);
		e->hint = arena_printf(a, "allowed there: %s", side_words[side].allowed);
		return -1;
	}
	if (sel->kind == SEL_TAG)
		*index = names_find(&r->lookup->tag, sel->name);
	if (kind == KIND_COUNT)
		return 0;
	*index = resolved_find(r, kind, sel->name);
	if (*index != NONE)
		return 0;
	e->code = "E_REF";
	e->missing = true;
	e->why = arena_printf(a, "there is no %s \"%s\"", kind_word[kind], sel->name);
	e->hint = same_name_elsewhere(r, a, sel->name, side);
	return -1;
}

bool resolver_selector(struct resolver *s, const struct selector *sel, struct loc loc, enum side side, uint32_t *index)
{
	struct selector_error e;
	if (!selector_settle(s->r, s->a, sel, side, index, &e))
		return true;
	if (e.missing && model_is_broken(s->m, e.kind, sel->name))
		return false;
	diag_add(s->d, e.code, loc, "%s", e.why);
	if (e.hint)
		diag_hint(s->d, "%s", e.hint);
	else if (e.missing)
		resolver_hint_nearest(s, e.kind, sel->name);
	return false;
}

static bool add_set(struct set_builder *out, const struct source_set *set)
{
	set_add_set(out, set);
	return set->n > 0;
}

/* Devices of which an address of their own lies in the range. */
static bool add_devices_in(const struct resolved *r, struct range range, struct set_builder *out)
{
	size_t lo = 0, hi = r->nowners;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->owner[mid].range.lo < range.lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	bool any = false;
	for (; lo < r->nowners && r->owner[lo].range.lo <= range.hi; lo++) {
		const struct addr_owner *o = &r->owner[lo];
		if (o->network || o->source >= r->ndevices)
			continue;
		set_add(out, o->source);
		any = true;
	}
	return any;
}

static bool add_ranges_in(const struct resolved *r, struct range range, struct set_builder *out)
{
	struct ranges parts RANGES_CLEANUP = VEC_INIT;
	ranges_add_written(&parts, range);
	bool any = false;
	for (size_t i = 0; i < parts.n; i++)
		any |= add_devices_in(r, parts.v[i], out);
	return any;
}

bool selector_sources(const struct resolved *r, const struct selector *sel, uint32_t index, struct set_builder *out)
{
	switch (sel->kind) {
	case SEL_USER: return add_set(out, &r->user_devices[index]);
	case SEL_GROUP: return add_set(out, &r->group_devices[index]);
	case SEL_DEVICE: set_add(out, index); return true;
	case SEL_TAG: return index != NONE && add_set(out, &r->lookup->tag_from[index]);
	case SEL_PLAN: return add_set(out, &r->lookup->plan_devices[index]);
	case SEL_SITE: set_add(out, (uint32_t)r->ndevices + index); return r->site[index].decl->networks.n > 0;
	case SEL_GATEWAY: set_add(out, (uint32_t)(r->ndevices + r->nsites) + index); return true;
	case SEL_ANY: return add_set(out, &r->lookup->every_device);
	case SEL_RANGE: return add_ranges_in(r, sel->range, out);
	case SEL_RESOURCE:
	case SEL_SELF:
	case SEL_INTERNET:
	case SEL_COUNT:
		break;
	}
	BUG("selector %d as a source", (int)sel->kind);
}

static void device_ranges(const struct device *d, struct ranges *out)
{
	if (d->revoked)
		return; /* its addresses are free, perhaps another's by now */
	for (size_t i = 0; i < d->addresses.n; i++)
		vec_push(out, ((struct range){ d->addresses.v[i], d->addresses.v[i] }));
	for (size_t i = 0; i < d->networks.n; i++)
		ranges_add_written(out, prefix_range(d->networks.v[i]));
}

static void dests_of_ranges(const struct range *v, size_t n, struct dests *out)
{
	for (size_t i = 0; i < n; i++)
		vec_push(out, ((struct r_dest){ .range = v[i] }));
}

static bool dests_of_devices(const struct resolved *r, const struct source_set *set, struct dests *out)
{
	struct ranges x RANGES_CLEANUP = VEC_INIT;
	for (size_t i = 0; i < set->n; i++)
		device_ranges(r->device[set->v[i]].decl, &x);
	ranges_merge(&x);
	dests_of_ranges(x.v, x.n, out);
	return x.n > 0;
}

static bool dests_of_resource(const struct resolved *r, uint32_t index, struct dests *out)
{
	const struct r_resource *res = &r->resource[index];
	struct ranges x RANGES_CLEANUP = VEC_INIT;
	for (size_t i = 0; i < res->decl->addresses.n; i++)
		ranges_add_written(&x, res->decl->addresses.v[i]);
	for (size_t i = 0; i < x.n; i++)
		vec_push(out, ((struct r_dest){ x.v[i], res->service, res->nservices }));
	return x.n > 0;
}

static bool dests_of_tag(const struct resolved *r, uint32_t tag, struct dests *out)
{
	bool any = dests_of_devices(r, &r->lookup->tag_own[tag], out);
	const struct source_set *resources = &r->lookup->tag_resources[tag];
	for (size_t i = 0; i < resources->n; i++)
		any |= dests_of_resource(r, resources->v[i], out);
	return any;
}

static bool dests_of_site(const struct resolved *r, uint32_t site, struct dests *out)
{
	const prefix_list *l = &r->site[site].decl->networks;
	struct ranges x RANGES_CLEANUP = VEC_INIT;
	for (size_t i = 0; i < l->n; i++)
		ranges_add_written(&x, prefix_range(l->v[i]));
	dests_of_ranges(x.v, x.n, out);
	return x.n > 0;
}

static bool dests_of_gateway(const struct resolved *r, uint32_t gateway, struct dests *out)
{
	const addr_list *l = &r->gateway[gateway].decl->addresses;
	for (size_t i = 0; i < l->n; i++)
		vec_push(out, ((struct r_dest){ .range = { l->v[i], l->v[i] } }));
	return l->n > 0;
}

static bool dests_of_range(struct range range, struct dests *out)
{
	struct ranges x RANGES_CLEANUP = VEC_INIT;
	ranges_add_written(&x, range);
	dests_of_ranges(x.v, x.n, out);
	return true;
}

static bool dests_of_internet(const struct resolved *r, struct dests *out)
{
	dests_of_ranges(r->internet, r->ninternet, out);
	return r->ninternet > 0;
}

static bool dests_make(const struct resolved *r, const struct selector *sel, uint32_t index, struct dests *out)
{
	switch (sel->kind) {
	case SEL_USER: return dests_of_devices(r, &r->user_devices[index], out);
	case SEL_GROUP: return dests_of_devices(r, &r->group_devices[index], out);
	case SEL_DEVICE: return dests_of_devices(r, &(struct source_set){ &index, 1 }, out);
	case SEL_TAG: return index != NONE && dests_of_tag(r, index, out);
	case SEL_SITE: return dests_of_site(r, index, out);
	case SEL_GATEWAY: return dests_of_gateway(r, index, out);
	case SEL_RESOURCE: return dests_of_resource(r, index, out);
	case SEL_INTERNET: return dests_of_internet(r, out);
	case SEL_RANGE: return dests_of_range(sel->range, out);
	case SEL_ANY: vec_push(out, ((struct r_dest){ .range = { 0, ADDR_LAST } })); return true;
	case SEL_SELF: return true; /* depends on who asks: to_self */
	case SEL_PLAN:
	case SEL_COUNT:
		break;
	}
	BUG("selector %d as a destination", (int)sel->kind);
}

static struct dest_list *cached(struct dest_cache *cache, const struct selector *sel, uint32_t index)
{
	if (!cache || index == NONE)
		return NULL;
	return sel->kind == SEL_GROUP ? &cache->group[index] : sel->kind == SEL_TAG ? &cache->tag[index] : NULL;
}

bool selector_dests(const struct resolved *r, struct arena *a, const struct selector *sel, uint32_t index,
		    struct dest_cache *cache, struct dests *out)
{
	struct dest_list *list = cached(cache, sel, index);
	if (!list)
		return dests_make(r, sel, index, out);
	if (!list->ready) {
		struct dests fresh = VEC_INIT;
		dests_make(r, sel, index, &fresh);
		*list = (struct dest_list){ fresh.n ? vec_freeze(&fresh, a) : NULL, fresh.n, true };
		vec_release(&fresh);
	}
	vec_reserve(out, list->n);
	for (size_t i = 0; i < list->n; i++)
		out->v[out->n++] = list->v[i];
	return list->n > 0;
}

bool sources_have_fellows(const struct resolved *r, const struct source_set *from)
{
	for (size_t i = 0; i < from->n && from->v[i] < r->ndevices; i++) {
		uint32_t owner = r->device[from->v[i]].owner;
		if (owner != NONE && r->user_devices[owner].n > 1)
			return true;
	}
	return false;
}

/* Command lines. */

/* A bare word is the name of a device or, as a destination, of a resource. */
static int bare_word(const struct resolved *r, const char *text, struct arena *a, enum side side, struct selector *sel,
		     const char **why)
{
	bool device = resolved_find(r, KIND_DEVICE, text) != NONE;
	bool resource = resolved_find(r, KIND_RESOURCE, text) != NONE;
	if (device && resource && side == SIDE_TO) {
		*why = arena_printf(a, "\"%s\" is a device and a resource; say device:%s or resource:%s", text, text,
				    text);
		return -1;
	}
	if (device || resource) {
		*sel = (struct selector){ .kind = device ? SEL_DEVICE : SEL_RESOURCE, .name = text };
		return 0;
	}
	const struct name_table *t = &r->lookup->kind[KIND_DEVICE], *u = &r->lookup->kind[KIND_RESOURCE];
	const char *near = side == SIDE_TO ? diag_nearest(text, u->name, u->n) : NULL;
	if (!near)
		near = diag_nearest(text, t->name, t->n);
	*why = arena_printf(a, "there is no device%s \"%s\"%s%s%s", side == SIDE_TO ? " or resource" : "", text,
			    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return -1;
}

static int parse_text(const struct resolved *r, const char *text, struct arena *a, enum side side, struct selector *sel,
		      const char **why)
{
	const char *code = NULL, *hint = NULL;
	*why = NULL;
	if (!type_selector.parse(a, text, strlen(text), sel, &code, why, &hint))
		return 0;
	/* What looks like an address or a "word:name" is a selector that went wrong; all else may be a name. */
	if (!strpbrk(text, ":/")) {
		struct selector named;
		const char *unknown;
		int ret = bare_word(r, text, a, side, &named, &unknown);
		if (!ret)
			*sel = named;
		else
			*why = unknown;
		return ret;
	}
	if (hint)
		*why = arena_printf(a, "%s (%s)", *why, hint);
	return -1;
}

static int settle_text(const struct resolved *r, const char *text, struct arena *a, enum side side,
		       struct selector *sel, uint32_t *index, const char **why)
{
	if (parse_text(r, text, a, side, sel, why))
		return -1;
	struct selector_error e;
	if (!selector_settle(r, a, sel, side, index, &e))
		return 0;
	const char *near = NULL;
	if (e.missing && !e.hint)
		near = diag_nearest(sel->name, r->lookup->kind[e.kind].name, r->lookup->kind[e.kind].n);
	if (near)
		e.hint = arena_printf(a, "did you mean \"%s\"?", near);
	*why = e.hint ? arena_printf(a, "%s; %s", e.why, e.hint) : e.why;
	return -1;
}

int resolve_sources_text(const struct resolved *r, const char *text, struct arena *a, struct source_set *out,
			 const char **why)
{
	struct selector sel;
	uint32_t index;
	if (settle_text(r, text, a, SIDE_FROM, &sel, &index, why))
		return -1;
	struct set_builder set;
	set_builder_init(&set, r->nsources);
	selector_sources(r, &sel, index, &set);
	*out = set_take(&set, a);
	set_builder_release(&set);
	return 0;
}

int resolve_dests_text(const struct resolved *r, const char *text, struct arena *a, struct r_dest **out, size_t *n,
		       bool *to_self, const char **why)
{
	struct selector sel;
	uint32_t index;
	if (settle_text(r, text, a, SIDE_TO, &sel, &index, why))
		return -1;
	struct dests d = VEC_INIT;
	selector_dests(r, a, &sel, index, NULL, &d);
	*to_self = sel.kind == SEL_SELF;
	*out = d.n ? vec_freeze(&d, a) : NULL;
	*n = d.n;
	vec_release(&d);
	return 0;
}
