/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line by line, by indentation. Every function that returns bool says false where the file leaves the form; nothing has to be undone
 * then but the stack, since the arena's memory is not counted.
 */
#include "yaml/simple.h"

#include <string.h>

#include "base/vec.h"

#define KEYS_MAX 16 /* of one mapping: each is compared with all before it */

enum {
	C_KEY0 = 1,  /* begins a key */
	C_KEY = 2,   /* is in one */
	C_START = 4, /* begins a plain value: no indicator of YAML's is among them */
	C_BLOCK = 8, /* is in a plain value */
	C_FLOW = 16, /* is in a plain value between brackets */
	C_TEXT = 32, /* may stand in a line */
};

#define IN_TEXT (C_TEXT | C_BLOCK)
#define IN_PLAIN (IN_TEXT | C_FLOW)
#define IN_NAME (IN_PLAIN | C_START | C_KEY | C_KEY0)

/* : and # are looked at again where they stand. */
static const unsigned char class[256] = {
	[' '] = IN_PLAIN,
	['!'] = IN_PLAIN,
	['"'] = IN_PLAIN,
	['#'] = IN_PLAIN,
	['$'] = IN_PLAIN | C_START,
	['%'] = IN_PLAIN,
	['&'] = IN_PLAIN,
	['\''] = IN_PLAIN,
	['('] = IN_PLAIN | C_START,
	[')'] = IN_PLAIN | C_START,
	['*'] = IN_PLAIN,
	['+'] = IN_PLAIN | C_START,
	[','] = IN_TEXT,
	['-'] = IN_PLAIN | C_KEY,
	['.'] = IN_PLAIN | C_START,
	['/'] = IN_PLAIN | C_START,
	['0'... '9'] = IN_PLAIN | C_START | C_KEY,
	[':'] = IN_PLAIN,
	[';'] = IN_PLAIN | C_START,
	['<'] = IN_PLAIN,
	['='] = IN_PLAIN,
	['>'] = IN_PLAIN,
	['?'] = IN_TEXT,
	['@'] = IN_PLAIN,
	['A'... 'Z'] = IN_NAME,
	['['] = IN_TEXT,
	['\\'] = IN_PLAIN | C_START,
	[']'] = IN_TEXT,
	['^'] = IN_PLAIN | C_START,
	['_'] = IN_NAME,
	['`'] = IN_PLAIN,
	['a'... 'z'] = IN_NAME,
	['{'] = IN_TEXT,
	['|'] = IN_PLAIN,
	['}'] = IN_TEXT,
	['~'] = IN_PLAIN,
};

struct simple {
	struct arena *arena;
	uint32_t file;
	const char *p, *end;
	const char *start; /* of the line */
	uint32_t line;
	size_t indent;	   /* of the content line at p, when a line was just begun */
	bool over;	   /* no such line: the document or the file ends here */
	size_t depth;
	VEC(struct node *) stack; /* finished items of the open collections; of a map, key and value in turn */
};

static char here(const struct simple *s)
{
	return s->p < s->end ? *s->p : '\n';
}

static bool is(const struct simple *s, unsigned int what)
{
	return s->p < s->end && class[(unsigned char)*s->p] & what;
}

static struct node *new_node(struct simple *s, enum node_kind kind)
{
	struct node *n = arena_new(s->arena, struct node);

	n->kind = kind;
	n->loc = (struct loc){ s->file, s->line, (uint32_t)(s->p - s->start) + 1 };
	return n;
}

static void set_text(struct simple *s, struct node *n, const char *text, size_t len)
{
	n->text = arena_strndup(s->arena, text, len);
	n->len = (uint32_t)len;
}

static void skip_spaces(struct simple *s)
{
	while (s->p < s->end && *s->p == ' ')
		s->p++;
}

/* ---- lines ---- */

static void next_line(struct simple *s)
{
	const char *nl = memchr(s->p, '\n', (size_t)(s->end - s->p));

	s->p = nl != NULL ? nl + 1 : s->end;
	s->start = s->p;
	s->line += nl != NULL;
}

static bool at_mark(const struct simple *s)
{
	return s->end - s->p >= 3 && memcmp(s->p, "---", 3) == 0 && (s->p + 3 == s->end || s->p[3] == '\n');
}

/* From the start of a line to the next that says something, past empty ones and comments. */
static void find_content(struct simple *s)
{
	while (s->p < s->end) {
		skip_spaces(s);
		if (here(s) != '\n' && here(s) != '#')
			break;
		next_line(s);
	}
	s->indent = (size_t)(s->p - s->start);
	s->over = s->p == s->end || (s->indent == 0 && at_mark(s));
}

/* After a value: nothing but a comment may follow in its line. What is indented further than indent would go on with it. */
static bool end_line(struct simple *s, size_t indent)
{
	bool apart = here(s) == ' ';

	skip_spaces(s);
	if (here(s) != '\n' && !(here(s) == '#' && apart))
		return false;
	next_line(s);
	find_content(s);
	return s->over || s->indent <= indent;
}

/* ---- scalars ---- */

static bool is_null(const char *text, size_t len)
{
	return (len == 1 && *text == '~') || (len == 4 && memcmp(text, "null", 4) == 0);
}

/* Whether the colon at p ends a key, or could be taken for that. */
static bool splits(const char *p, const char *end, bool flow)
{
	if (p + 1 == end)
		return true;
	return p[1] == ' ' || p[1] == '\n' || p[1] == '\t' || (flow && memchr(",?[]{}", p[1], 6) != NULL);
}

static bool read_plain(struct simple *s, bool flow, struct node **out)
{
	unsigned int want = flow ? C_FLOW : C_BLOCK;
	const char *from = s->p, *p = from, *end = s->end;

	if (!is(s, C_START))
		return false;
	struct node *n = new_node(s, NODE_SCALAR);
	for (; p < end && class[(unsigned char)*p] & want; p++) {
		if (*p == ':' && splits(p, end, flow))
			return false;
		if (*p == '#' && p[-1] == ' ')
			break;
	}
	if (p < end && *p != '\n' && *p != '#' && !(flow && (*p == ',' || *p == ']' || *p == '}')))
		return false;
	if (flow && p < end && *p == '#')
		return false;
	while (p[-1] == ' ')
		p--;
	s->p = p;
	n->plain = true;
	set_text(s, n, from, (size_t)(p - from));
	n->null = is_null(n->text, n->len);
	*out = n;
	return n->len <= YAML_SCALAR_MAX;
}

/* Without escapes: a backslash between ", or '' between ', is not of the form. */
static bool read_quoted(struct simple *s, struct node **out)
{
	char quote = *s->p;
	struct node *n = new_node(s, NODE_SCALAR);
	const char *from = s->p + 1, *p = from;

	while (p < s->end && *p != quote && class[(unsigned char)*p] & C_TEXT && (quote == '\'' || *p != '\\'))
		p++;
	if (p == s->end || *p != quote || (p + 1 < s->end && p[1] == quote))
		return false;
	set_text(s, n, from, (size_t)(p - from));
	s->p = p + 1;
	*out = n;
	return n->len <= YAML_SCALAR_MAX;
}

/* A key and its colon. */
static bool read_key(struct simple *s, struct node **out)
{
	const char *from = s->p, *p = from;

	if (!is(s, C_KEY0))
		return false;
	struct node *n = new_node(s, NODE_SCALAR);
	while (p < s->end && class[(unsigned char)*p] & C_KEY)
		p++;
	if (p == s->end || *p != ':' || p - from > 64)
		return false;
	n->plain = true;
	set_text(s, n, from, (size_t)(p - from));
	n->null = is_null(n->text, n->len);
	s->p = p + 1;
	*out = n;
	return true;
}

/* ---- collections ---- */

static bool open_collection(struct simple *s, enum node_kind kind, struct node **out)
{
	*out = new_node(s, kind);
	return s->depth++ < YAML_DEPTH_MAX;
}

static void close_list(struct simple *s, struct node *n, size_t base)
{
	n->n = (uint32_t)(s->stack.n - base);
	n->item = n->n ? arena_dup(s->arena, s->stack.v + base, n->n * sizeof(*n->item)) : NULL;
	s->stack.n = base;
	s->depth--;
}

static bool close_map(struct simple *s, struct node *n, size_t base)
{
	struct node **v = s->stack.v + base;

	n->n = (uint32_t)((s->stack.n - base) / 2);
	if (n->n > KEYS_MAX)
		return false;
	n->pair = n->n ? arena_array(s->arena, n->n, struct node_pair) : NULL;
	for (size_t i = 0; i < n->n; i++) {
		n->pair[i] = (struct node_pair){ v[2 * i], v[2 * i + 1] };
		for (size_t k = 0; k < i; k++)
			if (v[2 * k]->len == v[2 * i]->len && memcmp(v[2 * k]->text, v[2 * i]->text, v[2 * i]->len) == 0)
				return false;
	}
	s->stack.n = base;
	s->depth--;
	return true;
}

static bool read_flow(struct simple *s, struct node **out);

static bool read_value(struct simple *s, bool flow, struct node **out)
{
	switch (here(s)) {
	case '"':
	case '\'': return read_quoted(s, out);
	case '[':
	case '{': return read_flow(s, out);
	default: return read_plain(s, flow, out);
	}
}

/* Between brackets a line may end anywhere between tokens. */
static bool skip_flow_space(struct simple *s)
{
	for (skip_spaces(s); s->p < s->end && *s->p == '\n'; skip_spaces(s))
		next_line(s);
	return s->p < s->end;
}

static bool read_flow_item(struct simple *s, bool map)
{
	struct node *n = NULL;

	if (map) {
		if (!read_key(s, &n) || here(s) != ' ')
			return false;
		vec_push(&s->stack, n);
		skip_spaces(s);
	}
	if (!read_value(s, true, &n))
		return false;
	vec_push(&s->stack, n);
	return skip_flow_space(s);
}

static bool read_flow(struct simple *s, struct node **out)
{
	bool map = *s->p == '{';
	char last = map ? '}' : ']';
	size_t base = s->stack.n;

	if (!open_collection(s, map ? NODE_MAP : NODE_SEQ, out))
		return false;
	s->p++;
	if (!skip_flow_space(s))
		return false;
	while (*s->p != last) {
		if (!read_flow_item(s, map) || (*s->p != ',' && *s->p != last))
			return false;
		if (*s->p == last)
			break;
		s->p++;
		if (!skip_flow_space(s) || *s->p == last)
			return false;
	}
	s->p++;
	if (map)
		return close_map(s, *out, base);
	close_list(s, *out, base);
	return true;
}

static bool read_list(struct simple *s, size_t indent, struct node **out);
static bool read_map(struct simple *s, size_t indent, struct node **out);

static bool at_item(const struct simple *s)
{
	return s->end - s->p >= 2 && s->p[0] == '-' && s->p[1] == ' ';
}

/* What stands in the lines below a key that ends its own. */
static bool read_below(struct simple *s, size_t indent, struct node **out)
{
	if (s->over || s->indent < indent)
		return false;
	if (at_item(s))
		return read_list(s, s->indent, out);
	return s->indent > indent && read_map(s, s->indent, out);
}

static bool read_pair(struct simple *s, size_t indent)
{
	struct node *key, *value;
	bool inside = false;

	if (!read_key(s, &key))
		return false;
	vec_push(&s->stack, key);
	bool apart = here(s) == ' ';
	skip_spaces(s);
	if (here(s) == '\n' || (here(s) == '#' && apart)) {
		next_line(s);
		find_content(s);
		inside = true;
	} else if (!apart) {
		return false;
	}
	if (inside ? !read_below(s, indent, &value) : !read_value(s, false, &value) || !end_line(s, indent))
		return false;
	vec_push(&s->stack, value);
	return true;
}

/* Begins at its first key, in column indent of whatever line. */
static bool read_map(struct simple *s, size_t indent, struct node **out)
{
	size_t base = s->stack.n;

	if (!open_collection(s, NODE_MAP, out))
		return false;
	do {
		if (!read_pair(s, indent))
			return false;
	} while (!s->over && s->indent == indent);
	return (s->over || s->indent < indent) && close_map(s, *out, base);
}

/* Whether a key begins here: else the same bytes are a plain value. */
static bool at_key(const struct simple *s)
{
	const char *p = s->p;

	if (!is(s, C_KEY0))
		return false;
	while (p < s->end && class[(unsigned char)*p] & C_KEY)
		p++;
	return p < s->end && *p == ':' && splits(p, s->end, false);
}

static bool read_item(struct simple *s, size_t indent)
{
	struct node *n;

	s->p++;
	skip_spaces(s);
	size_t column = (size_t)(s->p - s->start);
	if (at_key(s) ? !read_map(s, column, &n) : !read_value(s, false, &n) || !end_line(s, indent))
		return false;
	vec_push(&s->stack, n);
	return true;
}

static bool read_list(struct simple *s, size_t indent, struct node **out)
{
	size_t base = s->stack.n;

	if (!open_collection(s, NODE_SEQ, out))
		return false;
	do {
		if (!read_item(s, indent))
			return false;
	} while (!s->over && s->indent == indent && at_item(s));
	if (!s->over && s->indent > indent)
		return false;
	close_list(s, *out, base);
	return true;
}

/* ---- documents ---- */

static bool read_documents(struct simple *s)
{
	for (find_content(s); s->p < s->end; find_content(s)) {
		struct node *root;
		if (s->over) {
			next_line(s);
			continue;
		}
		size_t base = s->stack.n;
		if (s->indent != 0 || !read_map(s, 0, &root) || !s->over)
			return false;
		s->stack.n = base;
		vec_push(&s->stack, root);
	}
	return true;
}

bool simple_read(struct arena *a, uint32_t diag_file, const char *data, size_t len, struct node ***docs, size_t *ndocs)
{
	struct simple s = { .arena = a, .file = diag_file, .p = data, .end = data + len, .start = data, .line = 1 };
	bool good = read_documents(&s);

	for (size_t i = 0; good && i < s.stack.n; i++)
		yaml_append(a, docs, ndocs, s.stack.v[i]);
	vec_release(&s.stack);
	return good;
}
