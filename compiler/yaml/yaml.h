/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml - bytes to nodes with places, by libyaml's events; files of the everyday form are read without it (simple.h).
 *
 * YAML is read as plain data: no anchors, aliases, tags, merge keys, duplicate or complex keys,
 * directives; no CR, NEL, U+2028/2029, NUL, BOM, bidirectional controls or bytes that are not
 * UTF-8. A byte filter runs before the parser; depth and sizes are bounded in the event loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"

#define YAML_DEPTH_MAX 16
#define YAML_SCALAR_MAX (64u << 10)

enum node_kind { NODE_SCALAR, NODE_SEQ, NODE_MAP };

struct node_pair {
	struct node *key; /* a scalar */
	struct node *value;
};

struct node {
	enum node_kind kind;
	bool plain;      /* scalar: unquoted */
	bool null;       /* scalar: plain null, ~ or nothing */
	struct loc loc;
	/* There are as many as values in a tree: what one kind has, the others do not, and what it is must be asked first. */
	union {
		uint32_t len; /* NODE_SCALAR: bytes in text */
		uint32_t n;   /* NODE_SEQ, NODE_MAP: items or pairs */
	};
	union {
		const char *text;       /* NODE_SCALAR: NUL-terminated */
		struct node **item;     /* NODE_SEQ */
		struct node_pair *pair; /* NODE_MAP, in file order */
	};
};

/*
 * Appends the roots of all documents of one file to *docs (arena memory, *ndocs long; an empty
 * document gives none). Returns 0, or -1 when diagnostics were added (E_BYTES, E_YAML_SYNTAX,
 * E_YAML_ALIAS, E_YAML_TAG, E_YAML_DUP, E_YAML_KEY, E_YAML_DIRECTIVE, E_YAML_DEPTH,
 * E_LIMIT_SCALAR); then the documents without a mistake are there, up to the first syntax error. All
 * mistakes of a file but those behind a syntax error or too deep a nesting are found in one call.
 * *docs is NULL or what an earlier call left there: its room is known by *ndocs.
 */
int yaml_parse(struct arena *a, uint32_t diag_file, const char *data, size_t len, struct diags *d,
	       struct node ***docs, size_t *ndocs);

/* The value of a key of a map, or NULL. */
struct node *node_get(const struct node *map, const char *key);
