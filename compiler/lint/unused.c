/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unused - groups and resources that nothing speaks of. Whatever field of whatever kind holds selectors is found by the
 * schema's rows.
 */
#include "lint/checks.h"

#include <stdlib.h>
#include <string.h>

#include "access/region.h"
#include "base/vec.h"
#include "field.h"
#include "model/model.h"

/* The layout of every list in kinds.h, its items unknown. */
struct any_list {
	const char *v;
	size_t n;
	struct loc *loc;
};

struct uses {
	const struct lint *l;
	bool *group, *resource; /* per index */
	VEC(const char *) tag;  /* as somebody wrote them */
	struct range_set reached;
};

static void use_selector(struct uses *u, const struct selector *s)
{
	if (s->kind == SEL_TAG)
		vec_push(&u->tag, s->name);
	bool *used = s->kind == SEL_GROUP ? u->group : s->kind == SEL_RESOURCE ? u->resource : NULL;
	uint32_t i = used ? resolved_find(u->l->r, s->kind == SEL_GROUP ? KIND_GROUP : KIND_RESOURCE, s->name) : NONE;

	if (i != NONE)
		used[i] = true;
}

static void use_fields(struct uses *u, const struct field *rows, const char *base)
{
	for (const struct field *f = rows; f->name; f++) {
		const struct any_list *list = (const struct any_list *)(base + f->offset);
		if (f->object && (f->flags & FIELD_LIST)) {
			for (size_t i = 0; i < list->n; i++)
				use_fields(u, f->object, list->v + i * f->object_size);
		} else if (f->object) {
			use_fields(u, f->object, base + f->offset);
		} else if (f->type == &type_selector && (f->flags & FIELD_LIST)) {
			for (size_t i = 0; i < list->n; i++)
				use_selector(u, (const struct selector *)list->v + i);
		}
	}
}

/* Where allowing policies lead. */
static struct range_set reached(const struct lint *l)
{
	VEC(struct range) all = VEC_INIT;

	for (size_t i = 0; i < l->r->npolicies; i++) {
		const struct r_policy *p = &l->r->policy[i];
		if (!p->decl->enabled || p->decl->action != ACTION_ALLOW)
			continue;
		for (size_t k = 0; k < p->nto; k++)
			vec_push(&all, p->to[k].range);
	}
	struct range_set out = range_set_make(l->a, all.v, all.n);

	vec_release(&all);
	return out;
}

static bool is_reached(const struct uses *u, struct range range)
{
	size_t lo = 0, hi = u->reached.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (u->reached.v[mid].hi < range.lo)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < u->reached.n && u->reached.v[lo].lo <= range.hi;
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool resource_used(const struct uses *u, size_t i)
{
	const struct resource *res = u->l->r->resource[i].decl;

	if (u->resource[i])
		return true;
	for (size_t k = 0; k < res->o.tags.n; k++)
		if (u->tag.n && bsearch(&res->o.tags.v[k], u->tag.v, u->tag.n, sizeof(*u->tag.v), cmp_text))
			return true;
	for (size_t k = 0; k < res->addresses.n; k++)
		if (is_reached(u, res->addresses.v[k]))
			return true;
	return false;
}

static void read_tree(struct uses *u)
{
	const struct model *m = u->l->r->model;

	for (size_t k = 0; k < KIND_COUNT; k++)
		for (size_t i = 0; i < m->n[k]; i++)
			use_fields(u, kind_rows[k].fields, (const char *)m->object[k][i]);
	if (u->tag.n)
		qsort(u->tag.v, u->tag.n, sizeof(*u->tag.v), cmp_text);
	u->reached = reached(u->l);
}

void lint_unused(const struct lint *l)
{
	struct uses u = { .l = l };

	u.group = arena_array(l->a, l->r->ngroups, bool);
	u.resource = arena_array(l->a, l->r->nresources, bool);
	read_tree(&u);
	for (size_t i = 0; i < l->r->ngroups; i++)
		if (!u.group[i])
			diag_add(l->d, "W_UNUSED_GROUP", l->r->group[i]->o.loc, "nothing speaks of group %s",
				 l->r->group[i]->o.name);
	for (size_t i = 0; i < l->r->nresources; i++)
		if (!resource_used(&u, i))
			diag_add(l->d, "W_UNUSED_RESOURCE", l->r->resource[i].decl->o.loc, "no policy leads to resource %s",
				 l->r->resource[i].decl->o.name);
	vec_release(&u.tag);
}
