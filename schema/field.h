/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field - one fact about one field is one row, here.
 *
 * Decoding, defaults, spelling suggestions, canonical printing, the JSON Schema and the manual's
 * tables read these rows and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kinds.h"

struct node;

/* A scalar type: text in, value out; the row of schema/types.c. */
struct type {
	const char *name;   /* "duration", for messages and the manual */
	size_t size;        /* bytes of the value that parse() writes */
	/*
	 * Parses text (len bytes, NUL-terminated, no NUL inside) into *out; strings in *out may point into
	 * text, which must live as long. 0, or -1 with *code (E_TYPE when it sets none, E_RANGE, E_BYTES, E_IP_FORM,
	 * E_KEY_FORMAT, E_KEY_WEAK, E_ENDPOINT, E_IFNAME, E_NAME), a sentence in *why and perhaps a *hint, in arena a.
	 */
	int (*parse)(struct arena *a, const char *text, size_t len, void *out,
		     const char **code, const char **why, const char **hint);
	/* Canonical text of a value into the arena. */
	const char *(*print)(struct arena *a, const void *value);
	const char *json_schema; /* the JSON Schema of this type, one JSON object as text */
	const char *examples;    /* for messages and the manual: "25s, 10m, 24h, 90d" */
};

/*
 * Values: const char * (name, string, text, domain, url, tag, interface), bool, int64_t (int, all_or_int: 0 for
 * all, duration: seconds, bytes, rate: bits a second, time: UTC seconds), u128, struct prefix, struct range, struct
 * port_spec, struct pubkey, struct endpoint, struct selector, int32_t (timezone), struct hours, double (degrees);
 * type_switch is a bool that can also be left unset: an int, enum tristate.
 */
extern const struct type type_name, type_string, type_text, type_domain, type_url, type_bool, type_switch, type_int,
	type_duration, type_bytes, type_rate, type_time, type_address, type_prefix, type_range, type_ports,
	type_key, type_endpoint, type_selector, type_tag, type_interface, type_timezone, type_hours, type_degrees,
	type_all_or_int;
/* All of them, sorted by name, NULL at the end. */
extern const struct type *const types[];

/* "user", "group", ...: what stands before the colon, or the whole word; NULL for ranges. */
extern const char *const selector_words[SEL_COUNT];

enum field_flag {
	FIELD_REQUIRED = 1 << 0,
	FIELD_LIST = 1 << 1,
	FIELD_NONEMPTY = 1 << 2, /* a list that may not be empty */
	FIELD_LATER = 1 << 3,    /* named by the language, refused for now: E_LATER (a bool: only when true) */
	FIELD_REF = 1 << 4,      /* a name of an object of kind `ref` */
	FIELD_SET = 1 << 5,      /* a nested mapping whose struct starts with a bool: it is there */
};

struct field {
	const char *name;
	const struct type *type;     /* NULL: enum_words or object say what it is */
	size_t offset;               /* in the kind's (or sub-object's) struct */
	unsigned int flags;
	const char *doc;             /* one sentence for the manual and the JSON Schema */
	const char *fallback;        /* default, as text to parse; NULL: the struct is left as init() made it */
	int64_t min, max;            /* for type_int and those that yield an int64_t; both 0: any */
	const char *const *words;    /* NULL-terminated; value: int index, or const char * when words_as_text */
	bool words_as_text;
	bool words_as_bits;          /* a list of words into a uint8_t bit set (days) */
	enum kind ref;               /* FIELD_REF */
	const struct field *object;  /* rows of a nested mapping, ending in {0}; offset is the sub-struct's base */
	size_t object_size;          /* for a list of mappings (test cases) */
	size_t object_loc;           /* there: offset of a struct loc in each item, which gets its place */
};

struct kind_row {
	enum kind kind;
	const char *name;           /* "Device" */
	const char *doc;
	size_t size;                /* sizeof(struct device) */
	const struct field *fields; /* without the common ones; ends in {0} */
	void (*init)(void *object); /* sets what an absent field holds where text cannot say it */
	bool later;                 /* the whole kind is refused for now: E_LATER */
	const char *const *one_of;  /* NULL, or names of fields of which one must hold something: E_REQUIRED */
	const char *one_of_why;     /* "it needs an owner, or at least one tag" */
	bool one_only;              /* of one_of exactly one: E_ONE_OF */
};

extern const struct kind_row kind_rows[KIND_COUNT]; /* indexed by enum kind */
extern const struct field common_fields[];          /* kind, name, description, tags; ends in {0} */

const struct kind_row *kind_by_name(const char *name); /* NULL: no such kind */
