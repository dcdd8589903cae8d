/* SPDX-License-Identifier: Apache-2.0 */
/* layout - one file as documents, entries and comments with their places; private to fmt/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "field.h"
#include "yaml/yaml.h"

struct comment {
	struct comment *next;
	const char *text; /* from # to the end of its line, without blanks there */
	size_t len;
	size_t at, line, col; /* bytes and lines from 0 */
	bool own_line;        /* nothing but blanks stands before it */
	bool gap;             /* the line above is blank */
};

struct comments {
	struct comment *first, *last;
};

enum scalar_style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_LITERAL, STYLE_FOLDED };

struct element {
	enum node_kind kind;
	size_t start, end; /* bytes; a block collection ends where its last entry does */
	size_t line, end_line, col;

	const char *text; /* NODE_SCALAR */
	size_t len;
	enum scalar_style style;

	struct entry *entry; /* else */
	size_t n;
	bool flow;            /* written in [ ] or { } */
	bool commented;       /* and there are comments inside */
	struct comments foot; /* behind the last entry */
};

struct entry {
	struct element *key; /* NULL in a list */
	struct element *value;
	size_t start, line; /* of the key, or of the item's dash */
	bool gap;           /* the line above is blank */
	struct comments before, trail;
	const struct field *field; /* what the schema says of it, or NULL; set for printing */
	size_t rank;               /* among its mapping's keys; set for printing */
};

struct document {
	struct element *root;
	size_t boundary; /* what stands before it belongs to the document before */
	struct comments head, foot;
	bool gap; /* a blank line between head and the first entry */
};

struct layout {
	struct arena *arena;
	const char *data;
	size_t len;
	size_t *line_start;
	size_t nlines;
	struct document *doc;
	size_t ndocs;
	struct comment *comment; /* all of them, in the file's order */
	size_t ncomments;
	struct comments orphans; /* of a file without documents */
};

/* data is what yaml_parse() accepts. False when libyaml sees it otherwise. */
bool layout_read(struct layout *l, struct arena *a, const char *data, size_t len);
/* The comment goes above the entry, behind those that are there; a blank line above the entry goes above them all. */
void entry_add_above(struct entry *e, struct comment *c);
/* Puts every comment beside what it describes. */
void layout_attach(struct layout *l);
void layout_print(struct layout *l, struct buf *out);

/* Whether a line holds nothing but blanks; lines before the first do not. */
bool layout_line_blank(const struct layout *l, size_t line);

/* The length in columns; text is UTF-8. */
size_t scalar_columns(const char *text, size_t len);
/* A scalar on one line, in quotes where it needs them here. */
void scalar_inline(struct buf *out, const struct element *e, const struct field *f, bool flow);
/*
 * A scalar as a block (| or >) whose lines stand at indent, with trail after its first line; false, and nothing
 * written, when it is better on one line that starts at column.
 */
bool scalar_block(struct buf *out, const struct layout *l, const struct element *e, size_t indent, size_t column,
		  const struct comments *trail);
