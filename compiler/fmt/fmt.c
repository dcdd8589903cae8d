/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/fmt.h"

#include <stdlib.h>
#include <string.h>

#include "fmt/layout.h"

static bool same_node(const struct node *a, const struct node *b);

/* The pair of a key; the search starts at *at, since most keys stand in the same order in both. */
static const struct node_pair *find_pair(const struct node *map, const char *key, size_t *at)
{
	for (size_t i = 0; i < map->n; i++) {
		size_t k = *at + i < map->n ? *at + i : *at + i - map->n;
		if (strcmp(map->pair[k].key->text, key) != 0)
			continue;
		*at = k + 1 < map->n ? k + 1 : 0;
		return &map->pair[k];
	}
	return NULL;
}

static bool same_mapping(const struct node *a, const struct node *b)
{
	size_t at = 0;
	for (size_t i = 0; i < a->n; i++) {
		const struct node_pair *other = find_pair(b, a->pair[i].key->text, &at);
		if (!other || !same_node(a->pair[i].value, other->value))
			return false;
	}
	return true;
}

/* Whether two nodes read alike: the order of a mapping's keys and the quotes of what is no null do not matter. */
static bool same_node(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->n != b->n)
		return false;
	switch (a->kind) {
	case NODE_SCALAR: return a->null == b->null && a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
	case NODE_MAP: return same_mapping(a, b);
	case NODE_SEQ:
		for (size_t i = 0; i < a->n; i++)
			if (!same_node(a->item[i], b->item[i]))
				return false;
		return true;
	}
	return false;
}

static int cmp_comment(const void *pa, const void *pb)
{
	const struct comment *a = pa, *b = pb;
	size_t n = a->len < b->len ? a->len : b->len;
	int c = memcmp(a->text, b->text, n);
	return c ? c : a->len < b->len ? -1 : a->len > b->len;
}

/* The same comments, in whatever order. */
static bool same_comments(struct layout *a, struct layout *b)
{
	if (a->ncomments != b->ncomments)
		return false;
	for (struct layout *l = a; a->ncomments > 1 && l; l = l == a ? b : NULL)
		qsort(l->comment, l->ncomments, sizeof(*l->comment), cmp_comment);
	for (size_t i = 0; i < a->ncomments; i++)
		if (cmp_comment(&a->comment[i], &b->comment[i]) != 0)
			return false;
	return true;
}

/* Whether the text holds what the documents and comments were. */
static bool reads_alike(struct layout *before, struct node *const *doc, size_t n, const struct buf *text)
{
	struct arena *a = before->arena;
	struct diags ignored;
	struct node **again = NULL;
	size_t nagain = 0;
	struct layout after;
	diags_init(&ignored, a);
	bool same = yaml_parse(a, 0, buf_str(text), text->len, &ignored, &again, &nagain) == 0 && n == nagain;
	diags_release(&ignored);
	for (size_t i = 0; same && i < n; i++)
		same = same_node(doc[i], again[i]);
	return same && layout_read(&after, a, buf_str(text), text->len) && same_comments(before, &after);
}

enum fmt_result fmt_text(struct arena *a, struct diags *d, uint32_t diag_file, const char *data, size_t len,
			 struct buf *out)
{
	struct node **doc = NULL;
	size_t ndocs = 0;
	struct layout l;
	if (yaml_parse(a, diag_file, data, len, d, &doc, &ndocs) < 0)
		return FMT_ERRORS;
	if (!layout_read(&l, a, data, len))
		return FMT_REFUSED;
	layout_attach(&l);
	layout_print(&l, out);
	return reads_alike(&l, doc, ndocs, out) ? FMT_DONE : FMT_REFUSED;
}
