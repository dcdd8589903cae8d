/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/revocation.h"

#include <string.h>

#include "base/diag.h"
#include "yaml/yaml.h"

struct documents {
	struct node **v;
	size_t n;
};

static bool read_file(struct documents *out, const char *data, size_t len, struct arena *a, struct diags *d)
{
	*out = (struct documents){ NULL, 0 };
	uint32_t file = diags_add_file(d, "file", data, len);
	return yaml_parse(a, file, data, len, d, &out->v, &out->n) == 0 && out->n > 0;
}

static bool text_is(const struct node *n, const char *text)
{
	return n != NULL && n->kind == NODE_SCALAR && !n->null && strcmp(n->text, text) == 0;
}

/* Documents that only ever give: without one, nobody gains. */
static bool only_gives(const struct node *doc)
{
	if (doc->kind != NODE_MAP)
		return false;
	return text_is(node_get(doc, "kind"), "Device") || text_is(node_get(doc, "kind"), "User");
}

static bool same(const struct node *x, const struct node *y)
{
	if (x->kind != y->kind || x->n != y->n)
		return false;
	if (x->kind == NODE_SCALAR)
		return x->null == y->null && x->len == y->len && memcmp(x->text, y->text, x->len) == 0;
	for (size_t i = 0; i < x->n; i++) {
		if (x->kind == NODE_SEQ && !same(x->item[i], y->item[i]))
			return false;
		const struct node *other = x->kind == NODE_MAP ? node_get(y, x->pair[i].key->text) : NULL;
		if (x->kind == NODE_MAP && (other == NULL || !same(x->pair[i].value, other)))
			return false;
	}
	return true;
}

static bool is_switch(const char *key)
{
	return strcmp(key, "revoked") == 0 || strcmp(key, "disabled") == 0;
}

/* Every member of x but the switches stands in y as it is. */
static bool rest_stands(const struct node *x, const struct node *y)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct node_pair *p = &x->pair[i];
		const struct node *other = node_get(y, p->key->text);
		if (!is_switch(p->key->text) && (other == NULL || !same(p->value, other)))
			return false;
	}
	return true;
}

/* No switch is taken back. */
static bool switches_hold(const struct node *was, const struct node *is)
{
	static const char *const key[] = { "revoked", "disabled" };

	for (size_t i = 0; i < 2; i++) {
		const struct node *old = node_get(was, key[i]), *new = node_get(is, key[i]);
		bool unchanged = old == NULL ? new == NULL : new != NULL && same(old, new);
		if (!unchanged && !text_is(new, "true"))
			return false;
	}
	return true;
}

static bool document_only_loses(const struct node *was, const struct node *is)
{
	if (same(was, is))
		return true;
	return only_gives(was) && is->kind == NODE_MAP && rest_stands(was, is) && rest_stands(is, was) && switches_hold(was, is);
}

static bool judge(const struct documents *was, const struct documents *is)
{
	if (is == NULL) {
		for (size_t i = 0; i < was->n; i++)
			if (!only_gives(was->v[i]))
				return false;
		return true;
	}
	if (was->n != is->n)
		return false;
	for (size_t i = 0; i < was->n; i++)
		if (!document_only_loses(was->v[i], is->v[i]))
			return false;
	return true;
}

bool revocation_only(const char *was, size_t was_len, const char *is, size_t is_len)
{
	struct documents old, new;
	struct arena a;
	struct diags d;

	if (was == NULL)
		return false;
	arena_init(&a);
	diags_init(&d, &a);
	bool only = read_file(&old, was, was_len, &a, &d) && (is == NULL || read_file(&new, is, is_len, &a, &d)) &&
		    judge(&old, is != NULL ? &new : NULL);
	diags_release(&d);
	arena_release(&a);
	return only;
}
