/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/bug.h"
#include "resolve/resolver.h"

const char *const kind_word[KIND_COUNT] = {
	[KIND_NETWORK] = "network", [KIND_USER] = "user",         [KIND_GROUP] = "group",
	[KIND_DEVICE] = "device",   [KIND_SITE] = "site",         [KIND_GATEWAY] = "gateway",
	[KIND_RESOURCE] = "resource", [KIND_PLAN] = "plan",       [KIND_POLICY] = "policy",
	[KIND_TEST] = "test",       [KIND_LINK] = "link",         [KIND_GUARDRAIL] = "guardrail",
};

bool loc_before(struct loc a, struct loc b)
{
	if (a.file != b.file)
		return a.file < b.file;
	if (a.line != b.line)
		return a.line < b.line;
	return a.col < b.col;
}

/* FNV-1a. Only where a name is found depends on it, never what is found. */
static uint32_t name_hash(const char *name)
{
	uint32_t h = 2166136261u;
	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	return h ^ h >> 15;
}

void names_init(struct name_table *t, struct arena *a, size_t room)
{
	size_t slots = 8;
	while (slots < 2 * room)
		slots *= 2;
	t->name = arena_array(a, room, const char *);
	t->n = 0;
	t->slot = arena_array(a, slots, uint32_t);
	t->mask = (uint32_t)(slots - 1);
}

static uint32_t *names_slot(const struct name_table *t, const char *name)
{
	for (uint32_t i = name_hash(name) & t->mask;; i = (i + 1) & t->mask) {
		if (!t->slot[i] || !strcmp(t->name[t->slot[i] - 1], name))
			return &t->slot[i];
	}
}

uint32_t names_intern(struct name_table *t, const char *name)
{
	uint32_t *slot = names_slot(t, name);
	if (!*slot) {
		t->name[t->n++] = name;
		*slot = (uint32_t)t->n;
	}
	return *slot - 1;
}

uint32_t names_find(const struct name_table *t, const char *name)
{
	if (!t->slot)
		return NONE;
	uint32_t slot = *names_slot(t, name);
	return slot ? slot - 1 : NONE;
}

struct source_set *pairs_index(struct arena *a, const struct pairs *p, size_t nkeys)
{
	struct source_set *set = arena_array(a, nkeys, struct source_set);
	uint32_t *item = arena_array(a, p->n, uint32_t);
	for (size_t i = 0; i < p->n; i++)
		set[p->v[i].key].n++;
	for (size_t k = 0; k < nkeys; k++) {
		set[k].v = item;
		item += set[k].n;
		set[k].n = 0;
	}
	for (size_t i = 0; i < p->n; i++) {
		struct source_set *s = &set[p->v[i].key];
		if (!s->n || s->v[s->n - 1] != p->v[i].item)
			s->v[s->n++] = p->v[i].item;
	}
	return set;
}

void resolver_index_names(struct resolver *s)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		struct name_table *t = &s->lookup->kind[kind];
		names_init(t, s->a, s->m->n[kind]);
		for (size_t i = 0; i < s->m->n[kind]; i++)
			if (names_intern(t, s->m->object[kind][i]->name) != i)
				BUG("%s names are not unique", kind_word[kind]);
		s->incomplete |= s->m->nbroken[kind] > 0;
	}
}

static size_t count_tags(const struct model *m)
{
	static const enum kind kinds[] = { KIND_USER, KIND_DEVICE, KIND_RESOURCE };
	size_t n = 0;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < m->n[kinds[k]]; i++)
			n += m->object[kinds[k]][i]->tags.n;
	return n;
}

static void tag_pairs(struct resolver *s, const struct object *o, uint32_t item, struct pairs *out)
{
	for (size_t i = 0; i < o->tags.n; i++)
		vec_push(out, ((struct pair){ names_intern(&s->lookup->tag, o->tags.v[i]), item }));
}

void resolver_index_tags(struct resolver *s)
{
	struct resolved *r = s->r;
	struct pairs own = VEC_INIT, from = VEC_INIT, resources = VEC_INIT;
	names_init(&s->lookup->tag, s->a, count_tags(s->m));
	for (uint32_t i = 0; i < r->ndevices; i++) {
		const struct r_device *dev = &r->device[i];
		tag_pairs(s, &dev->decl->o, i, &own);
		tag_pairs(s, &dev->decl->o, i, &from);
		if (dev->owner != NONE)
			tag_pairs(s, &r->user[dev->owner]->o, i, &from);
	}
	for (uint32_t i = 0; i < r->nresources; i++)
		tag_pairs(s, &r->resource[i].decl->o, i, &resources);
	size_t n = s->lookup->tag.n;
	s->lookup->tag_own = pairs_index(s->a, &own, n);
	s->lookup->tag_from = pairs_index(s->a, &from, n);
	s->lookup->tag_resources = pairs_index(s->a, &resources, n);
	vec_release(&own);
	vec_release(&from);
	vec_release(&resources);
}

void resolver_hint_nearest(struct resolver *s, enum kind kind, const char *name)
{
	const struct name_table *t = &s->lookup->kind[kind];
	if (s->nearest_budget < t->n)
		return;
	s->nearest_budget -= t->n;
	const char *near = diag_nearest(name, t->name, t->n);
	if (near)
		diag_hint(s->d, "did you mean \"%s\"?", near);
}

uint32_t resolver_ref(struct resolver *s, enum kind kind, const char *name, struct loc loc)
{
	if (!name)
		return NONE;
	uint32_t i = names_find(&s->lookup->kind[kind], name);
	if (i != NONE || model_is_broken(s->m, kind, name))
		return i;
	diag_add(s->d, "E_REF", loc, "there is no %s \"%s\"", kind_word[kind], name);
	resolver_hint_nearest(s, kind, name);
	return NONE;
}

uint32_t resolved_find(const struct resolved *r, enum kind kind, const char *name)
{
	if (kind != KIND_POLICY && kind != KIND_TEST)
		return names_find(&r->lookup->kind[kind], name);
	/* Of these some are left out, so their places in the model are not ours. */
	size_t lo = 0, hi = kind == KIND_POLICY ? r->npolicies : r->ntests;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct object *o = kind == KIND_POLICY ? &r->policy[mid].decl->o : &r->test[mid].decl->o;
		int c = strcmp(o->name, name);
		if (!c)
			return (uint32_t)mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NONE;
}

static const struct {
	const char *word;
	enum kind kind;
} source_kind[] = { { "device:", KIND_DEVICE }, { "site:", KIND_SITE }, { "gateway:", KIND_GATEWAY } };

/* Where the sources of a kind begin. */
static uint32_t source_base(const struct resolved *r, enum kind kind)
{
	return (uint32_t)(kind == KIND_DEVICE ? 0 : kind == KIND_SITE ? r->ndevices : r->ndevices + r->nsites);
}

uint32_t source_find(const struct resolved *r, const char *text)
{
	for (size_t k = 0; k < ARRAY_SIZE(source_kind); k++) {
		size_t n = strlen(source_kind[k].word);
		if (strncmp(text, source_kind[k].word, n))
			continue;
		uint32_t i = resolved_find(r, source_kind[k].kind, text + n);
		return i == NONE ? NONE : source_base(r, source_kind[k].kind) + i;
	}
	return resolved_find(r, KIND_DEVICE, text);
}

const char *source_text(const struct resolved *r, uint32_t source, struct arena *a)
{
	if (source < r->ndevices)
		return arena_printf(a, "device:%s", r->device[source].decl->o.name);
	size_t i = source - r->ndevices;
	if (i < r->nsites)
		return arena_printf(a, "site:%s", r->site[i].decl->o.name);
	i -= r->nsites;
	if (i >= r->ngateways)
		BUG("source %u of %zu", source, r->nsources);
	return arena_printf(a, "gateway:%s", r->gateway[i].decl->o.name);
}
