/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hujson - JSON with comments and trailing commas (the form of Tailscale policy files), to values with places.
 *
 * Plain JSON (RFC 8259) is HuJSON too. Refused, each at its place: bytes that are not UTF-8, a NUL in a string, a key
 * twice in one object, nesting past HUJSON_DEPTH_MAX, more than HUJSON_VALUES_MAX values or comments.
 *
 * Comments are kept in the order of the file. Each member and item owns those that stand before it (after what belongs
 * to the one before), inside it, and behind it on its last line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"

#define HUJSON_BYTES_MAX (4u << 20)
#define HUJSON_DEPTH_MAX 64
#define HUJSON_VALUES_MAX 200000u

enum hujson_kind { HUJSON_NULL, HUJSON_BOOL, HUJSON_NUMBER, HUJSON_STRING, HUJSON_ARRAY, HUJSON_OBJECT };

/* Comments first .. end-1 of the file. */
struct hujson_span {
	uint32_t first, end;
};

struct hujson_value {
	enum hujson_kind kind;
	bool truth;	   /* HUJSON_BOOL */
	struct loc loc;	   /* its first character */
	size_t begin, end; /* its bytes in the file */
	const char *text;  /* HUJSON_STRING: what it says, NUL-terminated UTF-8; HUJSON_NUMBER: as written */
	size_t len;
	struct hujson_member *member; /* HUJSON_ARRAY: without keys; HUJSON_OBJECT: in file order */
	size_t n;
	struct hujson_span tail; /* arrays, objects: comments between the last of them and the bracket */
};

struct hujson_member {
	const char *key; /* NULL in an array */
	struct loc loc;	 /* of the key, or of the item */
	size_t begin;	 /* its first byte in the file */
	struct hujson_value *value;
	struct hujson_span comments;
};

struct hujson_comment {
	size_t begin, bytes; /* in the file, with its marks */
	const char *text;    /* without its marks; lines of a block comment are separated by '\n' */
	size_t len;
};

struct hujson {
	struct hujson_value *root;
	struct hujson_comment *comment;
	size_t ncomments;
};

/* All of it in the arena. -1: one E_IMPORT was added to d. data may go away afterwards. */
int hujson_parse(struct hujson *h, struct arena *a, uint32_t file, const char *data, size_t len, struct diags *d);

/* The member of that name in any case of ASCII letters (as Go's decoder reads it), or NULL. */
const struct hujson_member *hujson_find(const struct hujson_value *object, const char *key);
const char *hujson_kind_word(enum hujson_kind kind); /* "a string" */
