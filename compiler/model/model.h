/* SPDX-License-Identifier: Apache-2.0 */
/* model - what a tree declares: every document decoded by the rows of schema/, nothing resolved yet. */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "kinds.h"
#include "source/source.h"

struct model {
	/* Per kind, sorted by name, unique (E_DUP_NAME is reported at the later). [KIND_NETWORK] has 0 or 1. */
	struct object **object[KIND_COUNT];
	size_t n[KIND_COUNT];
	/* Names of documents that were left out, sorted, so that a reference to one is no second mistake. */
	const char **broken[KIND_COUNT];
	size_t nbroken[KIND_COUNT];
	struct model_part *const *part; /* what it was joined from, one of each file */
};

/*
 * Parses and decodes every file of the source. Never fails as a whole: mistakes go to diags, and what
 * could not be decoded is left out, so later stages add no second message for it.
 */
void model_read(struct model *m, const struct source *s, struct arena *a, struct diags *d);
/* The same to the byte, with up to that many threads. */
void model_read_crew(struct model *m, const struct source *s, unsigned int threads, struct arena *a, struct diags *d);

/*
 * The same in two steps, for trees that share files: a part is what one file declares. Parts live in the reader's arena; a model
 * joined from them points into them. model_join() takes them in the order of the files; torn: the source lacks something, which has
 * been said.
 */
struct model_reader;
struct model_part;
struct model_reader *model_reader_make(struct arena *a, struct diags *d);
struct model_part *model_reader_part(struct model_reader *r, const struct source_file *file);
/* Whether something was said about the file when it was read: it would go unsaid where the part is used again. */
bool model_part_spoke(const struct model_part *part);
void model_join(struct model *m, struct model_part *const *part, size_t n, bool torn, struct arena *a, struct diags *d);

/* NULL where there is none. Binary search. */
struct object *model_find(const struct model *m, enum kind kind, const char *name);
/* True when a document of this kind and name exists but was left out as broken. */
bool model_is_broken(const struct model *m, enum kind kind, const char *name);

/* Place of a field's value ("owner", or "dns.servers" with dots), else of the object. */
struct loc object_loc(const struct object *o, const char *field);

/* The JSON Schema (2020-12) of the language, made from the rows; into out. */
struct buf;
void model_json_schema(struct buf *out);
/* The field tables of the reference in Markdown: the types, the common fields, each kind under a heading of its name. */
void model_field_tables(struct buf *out);
