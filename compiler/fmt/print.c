/* SPDX-License-Identifier: Apache-2.0 */
/* Writes documents, entries and comments in canonical layout. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "fmt/fmt.h"
#include "fmt/layout.h"

#define RANK_UNKNOWN 1000 /* behind every field of the schema, in the order in which they stand */

/* What the schema says of the keys of a mapping: rows in two tables, in this order. */
struct shape {
	const struct field *rows[2];
};

struct printer {
	struct layout *l;
	struct buf *out;
	bool fresh; /* nothing of this document or collection is written yet: no blank line here */
};

static void begin_line(struct printer *p, size_t indent, bool gap)
{
	if (gap && !p->fresh)
		buf_addc(p->out, '\n');
	p->fresh = false;
	buf_addf(p->out, "%*s", (int)indent, "");
}

static void print_comments(struct printer *p, const struct comments *list, size_t indent)
{
	for (const struct comment *c = list->first; c; c = c->next) {
		begin_line(p, indent, c->gap);
		buf_add(p->out, c->text, c->len);
		buf_addc(p->out, '\n');
	}
}

static void end_line(struct printer *p, const struct comments *trail)
{
	if (trail->first)
		buf_addf(p->out, "  %.*s", (int)trail->first->len, trail->first->text);
	buf_addc(p->out, '\n');
}

static const struct field *find_field(const struct shape *shape, const struct element *key, size_t *rank)
{
	*rank = 0;
	for (size_t t = 0; t < ARRAY_SIZE(shape->rows); t++) {
		for (const struct field *f = shape->rows[t]; f && f->name; f++, ++*rank)
			if (strcmp(f->name, key->text) == 0)
				return f;
	}
	*rank = RANK_UNKNOWN;
	return NULL;
}

static int cmp_entry(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

static void order_mapping(struct element *map, const struct shape *shape);

/* f: the field that holds the element, or NULL. */
static void order_element(struct element *e, const struct field *f)
{
	if (e->kind == NODE_MAP)
		order_mapping(e, &(struct shape){ { f ? f->object : NULL, NULL } });
	for (size_t i = 0; e->kind == NODE_SEQ && i < e->n; i++) {
		e->entry[i].field = f;
		order_element(e->entry[i].value, f);
	}
}

static void order_mapping(struct element *map, const struct shape *shape)
{
	for (size_t i = 0; i < map->n; i++) {
		struct entry *e = &map->entry[i];
		e->field = find_field(shape, e->key, &e->rank);
		order_element(e->value, e->field);
	}
	if (map->n > 1)
		qsort(map->entry, map->n, sizeof(*map->entry), cmp_entry);
}

static void order_document(struct document *doc)
{
	struct shape shape = { { common_fields, NULL } };
	struct element *root = doc->root;
	for (size_t i = 0; root->kind == NODE_MAP && i < root->n; i++) {
		const struct entry *e = &root->entry[i];
		const struct kind_row *row = strcmp(e->key->text, "kind") == 0 && e->value->kind == NODE_SCALAR ?
						     kind_by_name(e->value->text) : NULL;
		if (row)
			shape.rows[1] = row->fields;
	}
	if (root->kind == NODE_MAP)
		order_mapping(root, &shape);
	else
		order_element(root, NULL);
}

/* On one line; what is in brackets here was so before. */
static void print_flow(struct buf *out, const struct element *e, const struct field *f)
{
	if (e->kind == NODE_SCALAR) {
		scalar_inline(out, e, f, true);
		return;
	}
	buf_addc(out, e->kind == NODE_MAP ? '{' : '[');
	for (size_t i = 0; i < e->n; i++) {
		const struct entry *in = &e->entry[i];
		if (i > 0)
			buf_adds(out, ", ");
		if (in->key) {
			scalar_inline(out, in->key, NULL, true);
			buf_adds(out, ": ");
		}
		print_flow(out, in->value, in->field);
	}
	buf_addc(out, e->kind == NODE_MAP ? '}' : ']');
}

/* The element in brackets, when it was so, holds no comment and fits the line that starts at column. */
static bool try_flow(struct buf *out, const struct element *e, const struct field *f, size_t column)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	if (!e->flow || (e->commented && e->n > 0))
		return false;
	print_flow(&text, e, f);
	if (e->n > 0 && column + scalar_columns(text.p, text.len) > FMT_COLUMNS)
		return false;
	buf_add(out, text.p, text.len);
	return true;
}

static void print_entries(struct printer *p, struct element *in, size_t indent, bool inline_first);

/* Behind "key:" or "-", which ends at column; what hangs below stands at indent. */
static void print_value(struct printer *p, struct entry *e, size_t column, size_t indent)
{
	struct element *v = e->value;
	struct buf *out = p->out;
	if (v->kind == NODE_SCALAR) {
		size_t before = out->len;
		buf_addc(out, ' ');
		if (scalar_block(out, p->l, v, indent, column + 1, &e->trail))
			return;
		scalar_inline(out, v, e->field, false);
		if (out->len == before + 1)
			out->len = before; /* a null that is nothing */
		end_line(p, &e->trail);
		return;
	}
	struct buf text BUF_CLEANUP = BUF_INIT;
	if (try_flow(&text, v, e->field, column + 1)) {
		buf_addf(out, " %s", buf_str(&text));
		end_line(p, &e->trail);
		return;
	}
	if (!e->key && v->kind == NODE_MAP) {
		buf_addc(out, ' ');
		print_entries(p, v, indent, true);
		return;
	}
	end_line(p, &e->trail);
	p->fresh = true;
	print_entries(p, v, indent, false);
}

static bool becomes_block(const struct entry *e, size_t column)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	return e->value->kind != NODE_SCALAR && !try_flow(&text, e->value, e->field, column);
}

/*
 * The first entry of a mapping in a list stands behind the dash. So what is said above it is said above the
 * dash, and so is what stood behind a bracket that is gone.
 */
static void raise_comments(struct entry *item)
{
	struct comments *from[] = { &item->trail, &item->value->entry[0].before };
	size_t n = item->value->kind == NODE_MAP ? 2 : 1;
	for (size_t i = 0; i < n; i++) {
		for (struct comment *c = from[i]->first, *next; c; c = next) {
			next = c->next;
			entry_add_above(item, c);
		}
		*from[i] = (struct comments){ NULL, NULL };
	}
}

static void print_item(struct printer *p, struct entry *e, size_t indent)
{
	if (becomes_block(e, indent + FMT_INDENT))
		raise_comments(e);
	print_comments(p, &e->before, indent);
	begin_line(p, indent, e->gap);
	buf_addc(p->out, '-');
	print_value(p, e, indent + 1, indent + FMT_INDENT);
}

static void print_pair(struct printer *p, struct entry *e, size_t indent, bool inlined)
{
	if (!inlined) {
		print_comments(p, &e->before, indent);
		begin_line(p, indent, e->gap);
	}
	size_t from = p->out->len;
	scalar_inline(p->out, e->key, NULL, false);
	buf_addc(p->out, ':');
	print_value(p, e, indent + scalar_columns(p->out->p + from, p->out->len - from), indent + FMT_INDENT);
}

static void print_entries(struct printer *p, struct element *in, size_t indent, bool inline_first)
{
	for (size_t i = 0; i < in->n; i++) {
		if (in->kind == NODE_SEQ)
			print_item(p, &in->entry[i], indent);
		else
			print_pair(p, &in->entry[i], indent, inline_first && i == 0);
	}
	print_comments(p, &in->foot, indent);
}

/* A field that has come to the top takes no blank line with it, and leaves none. */
static void settle_top(struct document *doc)
{
	struct entry *first = &doc->root->entry[0];
	if (first->before.first)
		first->before.first->gap = doc->gap;
	else
		first->gap = doc->gap;
}

static void print_root(struct printer *p, struct document *doc)
{
	struct element *root = doc->root;
	if (root->kind != NODE_SCALAR && root->n > 0) {
		settle_top(doc);
		print_entries(p, root, 0, false);
		return;
	}
	begin_line(p, 0, false);
	if (root->kind == NODE_SCALAR)
		scalar_inline(p->out, root, NULL, false);
	else
		buf_adds(p->out, root->kind == NODE_MAP ? "{}" : "[]");
	buf_addc(p->out, '\n');
	print_comments(p, &root->foot, 0);
}

void layout_print(struct layout *l, struct buf *out)
{
	struct printer p = { .l = l, .out = out, .fresh = true };
	print_comments(&p, &l->orphans, 0);
	for (size_t i = 0; i < l->ndocs; i++) {
		if (i > 0)
			buf_adds(out, "---\n");
		order_document(&l->doc[i]);
		p.fresh = true;
		print_comments(&p, &l->doc[i].head, 0);
		print_root(&p, &l->doc[i]);
		print_comments(&p, &l->doc[i].foot, 0);
	}
}
