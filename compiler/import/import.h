/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import - what an import makes: documents of a policy tree, and every line that could not be carried over.
 *
 * Pure: bytes in, documents and diagnostics out. What cannot be carried over is a W_IMPORT at its line; an input that
 * cannot be read or would be refused by its own system is an E_IMPORT, and then the documents mean nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/vec.h"
#include "import/hujson.h"
#include "import/strmap.h"

#define IMPORT_BYTES_MAX ((size_t)48 << 20) /* of all documents: below what a tree may hold */
#define IMPORT_FILES_MAX 100000u
#define IMPORT_NAME_MAX 63

enum import_kind {
	IMPORT_NETWORK,
	IMPORT_SITE,
	IMPORT_GATEWAY,
	IMPORT_USER,
	IMPORT_GROUP,
	IMPORT_DEVICE,
	IMPORT_RESOURCE,
	IMPORT_POLICY,
	IMPORT_TEST,
	IMPORT_LINK,
	IMPORT_TAG, /* a tag has a name but no document */
	IMPORT_KINDS
};

/* One document in a file of its own. */
struct import_file {
	const char *path; /* "policies/acl-1.yaml" */
	const char *text;
	size_t len;
	struct loc from; /* what it was made of */
	enum import_kind kind;
	const char *off; /* NULL, or why every line of it is a comment */
};

/* Names of the language for names of elsewhere, one space of names a kind. */
struct import_names {
	struct strmap of; /* the original -> index into name */
	struct strmap taken;
	VEC(const char *) name;
};

struct import {
	struct arena *a;
	struct diags *d;
	VEC(struct import_file) file;
	size_t bytes;
	bool full; /* a limit was passed; said once */
	struct import_names names[IMPORT_KINDS];
	struct buf kept; /* source text for IMPORT.md, as it stood */
};

void import_init(struct import *im, struct arena *a, struct diags *d); /* sodium_init() comes before */
void import_release(struct import *im);

/* W_IMPORT: what stands at loc has no counterpart. */
void import_note(struct import *im, struct loc loc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* E_IMPORT: nothing is imported. Returns false. */
bool import_refuse(struct import *im, struct loc loc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Somebody's text for a message: cut to 60 bytes, in double quotes. */
const char *import_quote(struct import *im, const char *text, size_t len);

/*
 * The name for an original: lower case, what a name may not hold turned into '-', cut to 63 with a digest where longer.
 * The same original of a kind always gets the same name; another original never does (a digest of it tells them apart).
 */
const char *import_name(struct import *im, enum import_kind kind, const char *original);
/* The same, where the name is made of `like` and the original only says which thing it is. */
const char *import_name_like(struct import *im, enum import_kind kind, const char *original, const char *like);

/* "policy.hujson:12": the last part of the file's path, and the line. */
const char *import_place(struct import *im, struct loc loc);

/* Puts text into IMPORT.md as it stands, under a title; control characters are taken out. */
void import_keep(struct import *im, const char *title, const char *text, size_t len);
/* The whole of IMPORT.md. Sorts the diagnostics. */
void import_report(struct import *im, const char *what, struct buf *out);
/* What is written for a file: its text, or the same as comments. */
void import_file_text(const struct import_file *f, struct buf *out);

/*
 * doc - one document being written. Text is quoted where YAML would read it otherwise; what no document may hold
 * (controls, bidirectional marks) becomes '?'.
 */
struct doc {
	struct import *im;
	enum import_kind kind;
	const char *name;
	struct loc from;
	struct buf text;
	int depth;
};

void doc_begin(struct doc *d, struct import *im, enum import_kind kind, const char *name, struct loc from);
void doc_comment(struct doc *d, const char *text, size_t len); /* before doc_head(), or between fields */
void doc_head(struct doc *d);				       /* kind and name */
void doc_field(struct doc *d, const char *key, const char *value);
void doc_flag(struct doc *d, const char *key, bool value);
void doc_list(struct doc *d, const char *key, bool empty);	      /* empty: "key: []" */
void doc_item(struct doc *d, const char *value, const char *comment); /* comment: NULL, or what stands behind it */
void doc_open(struct doc *d, const char *key);			      /* a mapping under key: until doc_close() */
void doc_close(struct doc *d);
void doc_open_item(struct doc *d, const char *key); /* "- key:" and then doc_item()s; doc_close_item() */
void doc_close_item(struct doc *d);
void doc_end(struct doc *d, const char *off);
