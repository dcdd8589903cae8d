/* SPDX-License-Identifier: Apache-2.0 */
/* Which entry a comment belongs to. */
#include "fmt/layout.h"

static void add(struct comments *list, struct comment *c)
{
	c->next = NULL;
	if (list->last)
		list->last->next = c;
	else
		list->first = c;
	list->last = c;
}

void entry_add_above(struct entry *e, struct comment *c)
{
	c->gap = !e->before.first && e->gap;
	if (c->gap)
		e->gap = false;
	add(&e->before, c);
}

/* One comment has room on an entry's line; a second moves above it. */
static void add_trail(struct entry *e, struct comment *c)
{
	if (e->trail.first)
		entry_add_above(e, c);
	else
		add(&e->trail, c);
}

static bool is_block(const struct element *e)
{
	return e->kind != NODE_SCALAR && !e->flow;
}

/* The last entry that starts before a comment; NULL where none does. */
static struct entry *entry_before(const struct element *in, size_t at)
{
	size_t lo = 0, hi = in->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (in->entry[mid].start <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &in->entry[lo - 1] : NULL;
}

/* Between an entry's key, or dash, and its value. */
static void place_inside(struct entry *e, struct comment *c)
{
	struct element *v = e->value;
	bool above = !is_block(v) || (!e->key && !(c->own_line && v->kind == NODE_SEQ));
	/* On the line of a key whose value in brackets follows: there it stays. */
	if (v->flow && e->key && !c->own_line)
		above = false;
	if (above)
		entry_add_above(e, c);
	else if (!c->own_line)
		add_trail(e, c);
	else
		add(&v->entry[0].before, c);
}

/* At the end of an entry's line: it speaks of the innermost thing that ends there. */
static void place_at_end(struct entry *e, struct comment *c)
{
	while (is_block(e->value) && e->value->n > 0)
		e = &e->value->entry[e->value->n - 1];
	add_trail(e, c);
}

/* Items may stand no further to the right than their key; so may an item that somebody took out. */
static bool is_old_item(const struct comment *c)
{
	size_t i = 1;
	while (i < c->len && c->text[i] == ' ')
		i++;
	return i + 1 < c->len && c->text[i] == '-' && c->text[i + 1] == ' ' && !c->gap;
}

/*
 * On a line of its own behind an entry: by its column it belongs to what follows, or to the innermost collection that
 * ends here and whose entries do not stand further to the right.
 */
static void place_behind(struct element *in, struct entry *e, struct comment *c)
{
	struct entry *next = e + 1 < in->entry + in->n ? e + 1 : NULL;
	struct element *foot = NULL;
	for (struct element *v = e->value; is_block(v) && v->n > 0; v = v->entry[v->n - 1].value)
		if (v->col <= c->col)
			foot = v;
	if (foot && (!next || c->col > in->col || is_old_item(c)))
		add(&foot->foot, c);
	else if (next)
		add(&next->before, c);
	else
		add(&in->foot, c);
}

/* owner: the entry whose value `in` is; NULL for a document's root. */
static void place(struct element *in, struct entry *owner, struct comment *c)
{
	in->commented = true;
	struct entry *e = entry_before(in, c->at);
	if (!e && owner && (in->n == 0 || (owner->key && !c->own_line)))
		return add_trail(owner, c);
	if (!e)
		return add(in->n ? &in->entry[0].before : &in->foot, c);
	struct element *v = e->value;
	if (c->at < v->start)
		place_inside(e, c);
	else if (c->at < v->end && v->kind != NODE_SCALAR)
		place(v, e, c);
	else if (!c->own_line)
		place_at_end(e, c);
	else
		place_behind(in, e, c);
}

static void place_in_document(struct document *doc, struct comment *c)
{
	struct element *root = doc->root;
	if (c->at < root->start)
		add(&doc->head, c);
	else if (root->kind == NODE_SCALAR || (root->flow && c->at >= root->end))
		add(&doc->foot, c);
	else
		place(root, NULL, c);
}

/* What stands above the first entry speaks of the document, and stays there when the fields change places. */
static void settle_head(struct document *doc)
{
	if (doc->root->kind == NODE_SCALAR || doc->root->n == 0)
		return;
	struct entry *first = &doc->root->entry[0];
	for (struct comment *c = first->before.first, *next; c; c = next) {
		next = c->next;
		add(&doc->head, c);
	}
	first->before = (struct comments){ NULL, NULL };
	doc->gap = doc->head.first && first->gap;
	first->gap = false;
}

void layout_attach(struct layout *l)
{
	size_t d = 0;
	for (size_t i = 0; i < l->ncomments; i++) {
		struct comment *c = &l->comment[i];
		while (d + 1 < l->ndocs && l->doc[d + 1].boundary <= c->at)
			d++;
		if (l->ndocs == 0)
			add(&l->orphans, c);
		else
			place_in_document(&l->doc[d], c);
	}
	for (d = 0; d < l->ndocs; d++)
		settle_head(&l->doc[d]);
}
