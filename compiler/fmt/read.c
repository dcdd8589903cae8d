/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file into entries with places, by libyaml's events, and finds the comments that those do not tell of. */
#include <string.h>

#include <yaml.h>

#include "base/bug.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "fmt/layout.h"

struct reader {
	struct layout *l;
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event, failed;
	size_t depth;
	VEC(struct element *) scalars; /* in file order: what is inside them is no comment */
	VEC(struct document) docs;
	VEC(struct comment) comments;
};

bool layout_line_blank(const struct layout *l, size_t line)
{
	if (line >= l->nlines)
		return false;
	for (size_t i = l->line_start[line]; i < l->len && l->data[i] != '\n'; i++)
		if (l->data[i] != ' ' && l->data[i] != '\t')
			return false;
	return true;
}

static void find_lines(struct layout *l)
{
	VEC(size_t) start = VEC_INIT;
	vec_push(&start, 0);
	for (size_t i = 0; i < l->len; i++)
		if (l->data[i] == '\n')
			vec_push(&start, i + 1);
	if (start.v[start.n - 1] == l->len)
		start.n--;
	l->nlines = start.n;
	l->line_start = vec_freeze(&start, l->arena);
	vec_release(&start);
}

/* libyaml's columns count characters. */
static size_t offset(const struct layout *l, yaml_mark_t mark)
{
	size_t at = mark.line < l->nlines ? l->line_start[mark.line] : l->len;
	for (size_t col = 0; col < mark.column && at < l->len; col++) {
		at++;
		while (at < l->len && ((unsigned char)l->data[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

static bool next_event(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = !r->failed && yaml_parser_parse(&r->parser, &r->event);
	r->failed = !r->has_event;
	return r->has_event;
}

static struct element *element_new(struct reader *r, enum node_kind kind)
{
	struct element *e = arena_new(r->l->arena, struct element);
	e->kind = kind;
	e->start = offset(r->l, r->event.start_mark);
	e->end = offset(r->l, r->event.end_mark);
	e->line = r->event.start_mark.line;
	e->end_line = r->event.end_mark.line;
	e->col = r->event.start_mark.column;
	return e;
}

static enum scalar_style style_of(yaml_scalar_style_t style)
{
	switch (style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE: return STYLE_SINGLE;
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE: return STYLE_DOUBLE;
	case YAML_LITERAL_SCALAR_STYLE: return STYLE_LITERAL;
	case YAML_FOLDED_SCALAR_STYLE: return STYLE_FOLDED;
	case YAML_ANY_SCALAR_STYLE:
	case YAML_PLAIN_SCALAR_STYLE: return STYLE_PLAIN;
	}
	return STYLE_PLAIN;
}

static struct element *read_scalar(struct reader *r)
{
	struct element *e = element_new(r, NODE_SCALAR);
	e->text = arena_strndup(r->l->arena, (const char *)r->event.data.scalar.value, r->event.data.scalar.length);
	e->len = r->event.data.scalar.length;
	e->style = style_of(r->event.data.scalar.style);
	vec_push(&r->scalars, e);
	return e;
}

/* The dash of an item, between the end of the one before and its value; comments may stand there too. */
static size_t find_dash(const struct layout *l, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (l->data[i] == '-')
			return i;
		if (l->data[i] == '#')
			while (i < to && l->data[i] != '\n')
				i++;
	}
	return to;
}

static size_t line_of(const struct layout *l, size_t at)
{
	size_t lo = 0, hi = l->nlines;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->line_start[mid] <= at)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static struct element *read_element(struct reader *r);

static bool read_entry(struct reader *r, const struct element *in, size_t before, struct entry *e)
{
	struct element *first = read_element(r);
	if (!first)
		return false;
	*e = (struct entry){ .value = first, .start = first->start, .line = first->line };
	if (in->kind == NODE_MAP) {
		e->key = first;
		if (first->kind != NODE_SCALAR || !next_event(r) || !(e->value = read_element(r)))
			return false;
	} else if (!in->flow) {
		e->start = find_dash(r->l, before, first->start);
		e->line = line_of(r->l, e->start);
	}
	e->gap = e->line > 0 && layout_line_blank(r->l, e->line - 1);
	return true;
}

static struct element *read_collection(struct reader *r)
{
	bool map = r->event.type == YAML_MAPPING_START_EVENT;
	struct element *c = element_new(r, map ? NODE_MAP : NODE_SEQ);
	c->flow = map ? r->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE :
			r->event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	VEC(struct entry) entries = VEC_INIT;
	size_t before = c->start;
	while (next_event(r) && r->event.type != YAML_MAPPING_END_EVENT && r->event.type != YAML_SEQUENCE_END_EVENT) {
		struct entry e;
		if (!read_entry(r, c, before, &e)) {
			r->failed = true;
			break;
		}
		before = e.value->end;
		vec_push(&entries, e);
	}
	if (!r->failed && c->flow) {
		c->end = offset(r->l, r->event.end_mark);
		c->end_line = r->event.end_mark.line;
	} else if (entries.n > 0) {
		c->end = entries.v[entries.n - 1].value->end;
		c->end_line = entries.v[entries.n - 1].value->end_line;
	}
	c->n = entries.n;
	c->entry = entries.n ? vec_freeze(&entries, r->l->arena) : NULL;
	vec_release(&entries);
	return r->failed ? NULL : c;
}

/* Of the event that is there; it is used up. */
static struct element *read_element(struct reader *r)
{
	if (r->event.type == YAML_SCALAR_EVENT)
		return read_scalar(r);
	if (r->event.type != YAML_MAPPING_START_EVENT && r->event.type != YAML_SEQUENCE_START_EVENT)
		return NULL;
	if (r->depth == YAML_DEPTH_MAX)
		return NULL;
	r->depth++;
	struct element *e = read_collection(r);
	r->depth--;
	return e;
}

static void read_document(struct reader *r)
{
	struct document doc = { .boundary = r->docs.n ? offset(r->l, r->event.start_mark) : 0 };
	if (!next_event(r) || !(doc.root = read_element(r)) || !next_event(r) ||
	    r->event.type != YAML_DOCUMENT_END_EVENT) {
		r->failed = true;
		return;
	}
	if (doc.root->kind != NODE_SCALAR || doc.root->style != STYLE_PLAIN || doc.root->len > 0)
		vec_push(&r->docs, doc);
}

static void read_stream(struct reader *r)
{
	while (next_event(r) && r->event.type != YAML_STREAM_END_EVENT) {
		if (r->event.type == YAML_DOCUMENT_START_EVENT)
			read_document(r);
	}
}

static size_t end_of_line(const struct layout *l, size_t at)
{
	const char *nl = memchr(l->data + at, '\n', l->len - at);
	return nl ? (size_t)(nl - l->data) : l->len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The comment that starts at a #; returns where its line ends. */
static size_t add_comment(struct reader *r, size_t at)
{
	const struct layout *l = r->l;
	size_t line = line_of(l, at), end = end_of_line(l, at), text_end = end, i = l->line_start[line];
	while (text_end > at && is_blank(l->data[text_end - 1]))
		text_end--;
	while (i < at && is_blank(l->data[i]))
		i++;
	vec_push(&r->comments, ((struct comment){
				       .text = l->data + at,
				       .len = text_end - at,
				       .at = at,
				       .line = line,
				       .col = scalar_columns(l->data + l->line_start[line], at - l->line_start[line]),
				       .own_line = i == at,
				       .gap = line > 0 && layout_line_blank(l, line - 1),
			       }));
	return end;
}

/* After the | or > of a block scalar a comment may stand, and nothing else. */
static void find_header_comment(struct reader *r, const struct element *e)
{
	const char *hash = memchr(r->l->data + e->start, '#', end_of_line(r->l, e->start) - e->start);
	if (hash)
		add_comment(r, (size_t)(hash - r->l->data));
}

static void find_comments(struct reader *r)
{
	const struct layout *l = r->l;
	size_t next = 0;
	for (size_t at = 0; at < l->len;) {
		while (next < r->scalars.n && r->scalars.v[next]->end <= at)
			next++;
		const struct element *e = next < r->scalars.n ? r->scalars.v[next] : NULL;
		if (e && e->start <= at) {
			if (e->style == STYLE_LITERAL || e->style == STYLE_FOLDED)
				find_header_comment(r, e);
			at = e->end;
		} else if (l->data[at] == '#') {
			at = add_comment(r, at);
		} else {
			at++;
		}
	}
}

bool layout_read(struct layout *l, struct arena *a, const char *data, size_t len)
{
	*l = (struct layout){ .arena = a, .data = data, .len = len };
	struct reader r = { .l = l };
	if (len == 0)
		return true;
	find_lines(l);
	if (!yaml_parser_initialize(&r.parser))
		arena_oom(sizeof(r.parser));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)data, len);
	read_stream(&r);
	if (r.has_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (!r.failed)
		find_comments(&r);
	l->ndocs = r.docs.n;
	l->doc = r.docs.n ? vec_freeze(&r.docs, a) : NULL;
	l->ncomments = r.comments.n;
	l->comment = r.comments.n ? vec_freeze(&r.comments, a) : NULL;
	vec_release(&r.docs);
	vec_release(&r.scalars);
	vec_release(&r.comments);
	return !r.failed;
}
