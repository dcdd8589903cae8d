/* SPDX-License-Identifier: Apache-2.0 */
#include "log/objects.h"

#include <string.h>

#include "base/vec.h"
#include "yaml/yaml.h"

typedef VEC(struct object_change) change_vec;

static bool same_node(const struct node *x, const struct node *y);

static bool same_items(const struct node *x, const struct node *y)
{
	for (size_t i = 0; i < x->n; i++)
		if (!same_node(x->item[i], y->item[i]))
			return false;
	return true;
}

/* The order of a mapping's keys says nothing. */
static bool same_pairs(const struct node *x, const struct node *y)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct node *other = y->pair[i].key;
		bool here = strcmp(x->pair[i].key->text, other->text) == 0;
		const struct node *value = here ? y->pair[i].value : node_get(y, x->pair[i].key->text);
		if (!value || !same_node(x->pair[i].value, value))
			return false;
	}
	return true;
}

static bool same_node(const struct node *x, const struct node *y)
{
	if (x->kind != y->kind)
		return false;
	switch (x->kind) {
	case NODE_SCALAR: return x->len == y->len && memcmp(x->text, y->text, x->len) == 0;
	case NODE_SEQ: return x->n == y->n && same_items(x, y);
	case NODE_MAP: return x->n == y->n && same_pairs(x, y);
	}
	return false;
}

bool object_same(const struct object *x, const struct object *y)
{
	return x == y || same_node(x->node, y->node);
}

static void compare_kind(enum kind kind, const struct model *was, const struct model *is, change_vec *out)
{
	size_t i = 0, j = 0;

	while (i < was->n[kind] || j < is->n[kind]) {
		const struct object *x = i < was->n[kind] ? was->object[kind][i] : NULL;
		const struct object *y = j < is->n[kind] ? is->object[kind][j] : NULL;
		int c = !x ? 1 : !y ? -1 : strcmp(x->name, y->name);
		i += c <= 0;
		j += c >= 0;
		if (c < 0)
			vec_push(out, ((struct object_change){ OBJECT_REMOVED, kind, x->name }));
		else if (c > 0)
			vec_push(out, ((struct object_change){ OBJECT_ADDED, kind, y->name }));
		else if (!object_same(x, y))
			vec_push(out, ((struct object_change){ OBJECT_CHANGED, kind, y->name }));
	}
}

void objects_between(struct object_changes *out, const struct model *was, const struct model *is, struct arena *a)
{
	change_vec v = VEC_INIT;

	for (enum kind k = 0; k < KIND_COUNT; k++)
		compare_kind(k, was, is, &v);
	out->v = vec_freeze(&v, a);
	out->n = v.n;
	vec_release(&v);
}
