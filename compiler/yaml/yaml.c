/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/bug.h"
#include "base/vec.h"
#include "yaml/filter.h"
#include "yaml/simple.h"

#define FEW_KEYS 16
#define NO_DIRECTIVES "directives (%YAML, %TAG) are not allowed"
#define NO_TAGS "tags are not allowed; quote a value that starts with !"

/* A collection that is being read; what it holds lies on the reader's stack from base on. */
struct frame {
	struct node *node;
	size_t base;
};

struct reader {
	struct arena *arena;
	struct diags *d;
	uint32_t file;
	const char *data;
	size_t len;
	yaml_parser_t parser;
	VEC(struct node *) stack; /* finished items of the open collections; of a map, key and value in turn */
	struct frame frame[YAML_DEPTH_MAX];
	size_t depth;
	struct node *root; /* of the document, once it is there */
	bool spoiled;	   /* the document has a mistake */
	bool failed;	   /* the file has one */
};

static struct loc loc_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct loc){r->file, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* The file is read on after these mistakes, to find more, but the document that has one is dropped. */
static void spoil(struct reader *r)
{
	r->spoiled = true;
	r->failed = true;
}

static struct node *node_new(struct reader *r, enum node_kind kind, yaml_mark_t mark)
{
	struct node *n = arena_new(r->arena, struct node);
	n->kind = kind;
	n->loc = loc_of(r, mark);
	return n;
}

static struct frame *innermost(struct reader *r)
{
	return r->depth ? &r->frame[r->depth - 1] : NULL;
}

/* Whether what comes next is the key of a map. */
static bool at_key(struct reader *r)
{
	const struct frame *f = innermost(r);
	return f && f->node->kind == NODE_MAP && (r->stack.n - f->base) % 2 == 0;
}

static void put(struct reader *r, struct node *n)
{
	if (r->depth > 0)
		vec_push(&r->stack, n);
	else
		r->root = n;
}

static void check_extras(struct reader *r, struct loc loc, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor) {
		diag_add(r->d, "E_YAML_ALIAS", loc, "anchors are not allowed: &%s", (const char *)anchor);
		diag_hint(r->d, "write the value out where it is needed");
		spoil(r);
	}
	if (tag) {
		diag_add(r->d, "E_YAML_TAG", loc, "tags are not allowed: %s", (const char *)tag);
		diag_hint(r->d, "types come from the field's name; a value that starts with ! must be quoted");
		spoil(r);
	}
}

static void check_key(struct reader *r, const struct node *key)
{
	if (key->plain && key->len == 0)
		diag_add(r->d, "E_YAML_KEY", key->loc, "there is no key here");
	else if (key->plain && strcmp(key->text, "<<") == 0)
		diag_add(r->d, "E_YAML_ALIAS", key->loc, "merge keys (<<) are not allowed");
	else
		return;
	spoil(r);
}

static bool is_null(const char *text, size_t len)
{
	return len == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static void read_scalar(struct reader *r, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct node *n = node_new(r, NODE_SCALAR, e->start_mark);
	check_extras(r, n->loc, e->data.scalar.anchor, e->data.scalar.tag);
	if (len > YAML_SCALAR_MAX) {
		diag_add(r->d, "E_LIMIT_SCALAR", n->loc, "this value has %zu bytes; at most %u are allowed", len,
			 YAML_SCALAR_MAX);
		spoil(r);
		len = 0;
	}
	if (e->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE && !filter_scalar(value, len, n->loc, r->d)) {
		spoil(r);
		len = 0;
	}
	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = arena_strndup(r->arena, value, len);
	n->len = (uint32_t)len;
	n->null = n->plain && is_null(n->text, len);
	if (at_key(r))
		check_key(r, n);
	put(r, n);
}

static void read_alias(struct reader *r, const yaml_event_t *e)
{
	struct node *n = node_new(r, NODE_SCALAR, e->start_mark);
	diag_add(r->d, "E_YAML_ALIAS", n->loc, "aliases are not allowed: *%s", (const char *)e->data.alias.anchor);
	diag_hint(r->d, "write the value out; one that starts with * must be quoted");
	spoil(r);
	n->text = arena_strndup(r->arena, "", 0);
	put(r, n);
}

/* False when it is too deep to go on. */
static bool open_collection(struct reader *r, enum node_kind kind, const yaml_event_t *e)
{
	struct node *n = node_new(r, kind, e->start_mark);
	if (kind == NODE_MAP)
		check_extras(r, n->loc, e->data.mapping_start.anchor, e->data.mapping_start.tag);
	else
		check_extras(r, n->loc, e->data.sequence_start.anchor, e->data.sequence_start.tag);
	if (at_key(r)) {
		diag_add(r->d, "E_YAML_KEY", n->loc, "a key must be a plain word, not a %s",
			 kind == NODE_MAP ? "mapping" : "list");
		spoil(r);
	}
	if (r->depth == YAML_DEPTH_MAX) {
		diag_add(r->d, "E_YAML_DEPTH", n->loc, "lists and mappings are nested more than %d deep",
			 YAML_DEPTH_MAX);
		spoil(r);
		return false;
	}
	r->frame[r->depth++] = (struct frame){n, r->stack.n};
	return true;
}

static void report_dup(struct reader *r, const struct node *first, const struct node *again)
{
	diag_add(r->d, "E_YAML_DUP", again->loc, "key \"%s\" stands here again; it was first given in line %u",
		 again->text, first->loc.line);
	spoil(r);
}

/* By the key's bytes, then by place in the file. */
static int cmp_key(const void *pa, const void *pb)
{
	const struct node *a = *(const struct node *const *)pa, *b = *(const struct node *const *)pb;
	int c = strcmp(a->text, b->text);
	if (c == 0)
		c = a->loc.line < b->loc.line ? -1 : a->loc.line > b->loc.line;
	return c ? c : a->loc.col < b->loc.col ? -1 : a->loc.col > b->loc.col;
}

static void check_many_keys(struct reader *r, const struct node *map)
{
	const struct node **key = calloc(map->n, sizeof(*key));
	size_t n = 0;
	if (!key)
		arena_oom(map->n * sizeof(*key));
	for (size_t i = 0; i < map->n; i++) {
		if (map->pair[i].key->kind == NODE_SCALAR)
			key[n++] = map->pair[i].key;
	}
	qsort(key, n, sizeof(*key), cmp_key);
	for (size_t i = 1, first = 0; i < n; i++) {
		if (strcmp(key[i]->text, key[first]->text) == 0)
			report_dup(r, key[first], key[i]);
		else
			first = i;
	}
	free(key);
}

static void check_few_keys(struct reader *r, const struct node *map)
{
	for (size_t i = 1; i < map->n; i++) {
		const struct node *key = map->pair[i].key;
		if (key->kind != NODE_SCALAR)
			continue;
		for (size_t k = 0; k < i; k++) {
			const struct node *other = map->pair[k].key;
			if (other->kind == NODE_SCALAR && other->len == key->len &&
			    memcmp(other->text, key->text, key->len) == 0) {
				report_dup(r, other, key);
				break;
			}
		}
	}
}

static void close_collection(struct reader *r)
{
	struct frame *f = innermost(r);
	struct node *n = f->node;
	size_t count = r->stack.n - f->base;
	struct node **item = count ? r->stack.v + f->base : NULL;
	if (n->kind == NODE_SEQ) {
		n->n = (uint32_t)count;
		n->item = count ? arena_dup(r->arena, item, count * sizeof(*item)) : NULL;
	} else {
		n->n = (uint32_t)(count / 2);
		n->pair = n->n ? arena_array(r->arena, n->n, struct node_pair) : NULL;
		for (size_t i = 0; i < n->n; i++)
			n->pair[i] = (struct node_pair){item[2 * i], item[2 * i + 1]};
		if (n->n > FEW_KEYS)
			check_many_keys(r, n);
		else
			check_few_keys(r, n);
	}
	r->stack.n = f->base;
	r->depth--;
	put(r, n);
}

static void start_document(struct reader *r, const yaml_event_t *e)
{
	r->root = NULL;
	r->spoiled = false;
	if (!e->data.document_start.version_directive &&
	    e->data.document_start.tag_directives.start == e->data.document_start.tag_directives.end)
		return;
	diag_add(r->d, "E_YAML_DIRECTIVE", loc_of(r, e->start_mark), "%s", NO_DIRECTIVES);
	spoil(r);
}

/* The array's room is its length rounded up to a power of two, so that many files can append to one. */
void yaml_append(struct arena *a, struct node ***docs, size_t *ndocs, struct node *root)
{
	size_t n = *ndocs;
	if ((n & (n - 1)) == 0) {
		struct node **grown = arena_array(a, n ? 2 * n : 1, struct node *);
		if (n > 0)
			memcpy(grown, *docs, n * sizeof(*grown));
		*docs = grown;
	}
	(*docs)[(*ndocs)++] = root;
}

static void end_document(struct reader *r, struct node ***docs, size_t *ndocs)
{
	const struct node *root = r->root;
	bool empty = !root || (root->kind == NODE_SCALAR && root->plain && root->len == 0);
	if (!r->spoiled && !empty)
		yaml_append(r->arena, docs, ndocs, r->root);
	r->root = NULL;
}

/* clang-format off */
/*
 * libyaml's words and ours. A row holds where the problem and the context are libyaml's, or where
 * they are NULL; the first that holds decides. A message NULL is the problem itself. at_start: the
 * place is where the token starts that is at fault, not where its text went wrong.
 */
static const struct wording {
	const char *problem, *context, *code, *message;
	bool at_start;
} wordings[] = {
	{ NULL, "while scanning a directive", "E_YAML_DIRECTIVE", NO_DIRECTIVES, true },
	{ NULL, "while scanning a %YAML directive", "E_YAML_DIRECTIVE", NO_DIRECTIVES, true },
	{ NULL, "while scanning a %TAG directive", "E_YAML_DIRECTIVE", NO_DIRECTIVES, true },
	{ "found incompatible YAML document", NULL, "E_YAML_DIRECTIVE", NO_DIRECTIVES, false },
	{ "found duplicate %YAML directive", NULL, "E_YAML_DIRECTIVE", NO_DIRECTIVES, false },
	{ "found duplicate %TAG directive", NULL, "E_YAML_DIRECTIVE", NO_DIRECTIVES, false },
	{ NULL, "while scanning an anchor", "E_YAML_ALIAS", "anchors are not allowed; quote a value that starts with &", true },
	{ NULL, "while scanning an alias", "E_YAML_ALIAS", "aliases are not allowed; quote a value that starts with *", true },
	{ NULL, "while scanning a tag", "E_YAML_TAG", NO_TAGS, true },
	{ NULL, "while parsing a tag", "E_YAML_TAG", NO_TAGS, true },
	{ "found undefined tag handle", NULL, "E_YAML_TAG", NO_TAGS, false },
	{ "mapping values are not allowed in this context", NULL, "E_YAML_SYNTAX",
	  "a colon with a value is not expected here; quote a value that holds \": \", and check the indentation", false },
	{ "block sequence entries are not allowed in this context", NULL, "E_YAML_SYNTAX",
	  "a list item (\"- \") is not expected here; check the indentation", false },
	{ "mapping keys are not allowed in this context", NULL, "E_YAML_SYNTAX", "a key is not expected here", false },
	{ "did not find expected key", NULL, "E_YAML_SYNTAX", "a key was expected here; check the indentation", false },
	{ "did not find expected '-' indicator", NULL, "E_YAML_SYNTAX",
	  "a list item (\"- \") was expected here; check the indentation", false },
	{ "did not find expected ',' or ']'", NULL, "E_YAML_SYNTAX", "a list in [ ] needs a comma or its end here", false },
	{ "did not find expected ',' or '}'", NULL, "E_YAML_SYNTAX", "a mapping in { } needs a comma or its end here", false },
	{ "did not find expected node content", NULL, "E_YAML_SYNTAX", "a value was expected here", false },
	{ "did not find expected <document start>", NULL, "E_YAML_SYNTAX",
	  "nothing more was expected here; another document starts with a line \"---\"", false },
	{ "could not find expected ':'", NULL, "E_YAML_SYNTAX", "a key needs a colon after it", true },
	{ "found unexpected end of stream", NULL, "E_YAML_SYNTAX", "the file ends before a quoted value does", true },
	{ "found unexpected document indicator", NULL, "E_YAML_SYNTAX", "a document ends before a quoted value does", true },
	{ "found unknown escape character", NULL, "E_YAML_SYNTAX",
	  "this escape is not known; single quotes take a backslash as it is", false },
	{ NULL, NULL, "E_YAML_SYNTAX", NULL, false },
};
/* clang-format on */

static const struct wording *wording_of(const char *problem, const char *context)
{
	const struct wording *w = wordings;
	while ((w->problem && strcmp(w->problem, problem) != 0) ||
	       (w->context && strcmp(w->context, context ? context : "") != 0))
		w++;
	return w;
}

/* The byte at a mark; 0 at the end. libyaml's index counts characters, so the line is found from the start. */
static char byte_at(const struct reader *r, yaml_mark_t mark)
{
	const char *s = r->data, *end = r->data + r->len;
	for (size_t line = 0; s < end && line < mark.line; line++) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		s = nl ? nl + 1 : end;
	}
	for (size_t col = 0; s < end && col < mark.column; col++) {
		s++;
		while (s < end && ((unsigned char)*s & 0xc0) == 0x80)
			s++;
	}
	return s < end ? *s : '\0';
}

static void report_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	if (p->error == YAML_MEMORY_ERROR)
		arena_oom(r->len);
	const char *problem = p->problem ? p->problem : "this is not YAML";
	struct loc loc = loc_of(r, p->problem_mark);
	char c = byte_at(r, p->problem_mark);
	if (p->error == YAML_READER_ERROR)
		diag_add(r->d, "E_YAML_SYNTAX", (struct loc){r->file, 0, 0}, "%s", problem);
	else if (c == '\t' && p->error == YAML_SCANNER_ERROR)
		diag_add(r->d, "E_YAML_SYNTAX", loc, "a tab cannot indent; use spaces");
	else if (strcmp(problem, "found character that cannot start any token") == 0)
		diag_add(r->d, "E_YAML_SYNTAX", loc, "a value cannot start with %c; quote it", c);
	else {
		const struct wording *w = wording_of(problem, p->context);
		bool at_start = w->at_start && p->context;
		if (at_start)
			loc = loc_of(r, p->context_mark);
		diag_add(r->d, w->code, loc, "%s", w->message ? w->message : problem);
		if (!at_start && p->context && p->context_mark.line != p->problem_mark.line)
			diag_hint(r->d, "what it belongs to starts in line %zu", p->context_mark.line + 1);
	}
	r->failed = true;
}

/* False at the end of the file or of what can be made of it. */
static bool read_event(struct reader *r, const yaml_event_t *e, struct node ***docs, size_t *ndocs)
{
	switch (e->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_END_EVENT: return false;
	case YAML_STREAM_START_EVENT: return true;
	case YAML_DOCUMENT_START_EVENT: start_document(r, e); return true;
	case YAML_DOCUMENT_END_EVENT: end_document(r, docs, ndocs); return true;
	case YAML_ALIAS_EVENT: read_alias(r, e); return true;
	case YAML_SCALAR_EVENT: read_scalar(r, e); return true;
	case YAML_SEQUENCE_START_EVENT: return open_collection(r, NODE_SEQ, e);
	case YAML_MAPPING_START_EVENT: return open_collection(r, NODE_MAP, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: close_collection(r); return true;
	}
	BUG("libyaml event %d", (int)e->type);
}

static int read_events(struct arena *a, uint32_t diag_file, const char *data, size_t len, struct diags *d, struct node ***docs,
		       size_t *ndocs)
{
	struct reader r = {.arena = a, .d = d, .file = diag_file, .data = data, .len = len};
	if (!yaml_parser_initialize(&r.parser))
		arena_oom(sizeof(r.parser));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)data, len);
	for (bool more = true; more;) {
		yaml_event_t e;
		if (!yaml_parser_parse(&r.parser, &e)) {
			report_syntax(&r);
			break;
		}
		more = read_event(&r, &e, docs, ndocs);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&r.parser);
	vec_release(&r.stack);
	return r.failed ? -1 : 0;
}

int yaml_parse_full(struct arena *a, uint32_t diag_file, const char *data, size_t len, struct diags *d, struct node ***docs,
		    size_t *ndocs)
{
	if (!filter_file(diag_file, data, len, d))
		return -1;
	if (len == 0)
		return 0;
	return read_events(a, diag_file, data, len, d, docs, ndocs);
}

int yaml_parse(struct arena *a, uint32_t diag_file, const char *data, size_t len, struct diags *d, struct node ***docs,
	       size_t *ndocs)
{
	if (!filter_file(diag_file, data, len, d))
		return -1;
	if (len == 0 || simple_read(a, diag_file, data, len, docs, ndocs))
		return 0;
	return read_events(a, diag_file, data, len, d, docs, ndocs);
}

struct node *node_get(const struct node *map, const char *key)
{
	if (map->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++) {
		const struct node *k = map->pair[i].key;
		if (k->kind == NODE_SCALAR && strcmp(k->text, key) == 0)
			return map->pair[i].value;
	}
	return NULL;
}
