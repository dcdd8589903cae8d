/* SPDX-License-Identifier: Apache-2.0 */
#include "model/suggest.h"

#include <string.h>

#include "base/bug.h"
#include "base/diag.h"

#define FIELDS_MAX 64 /* of one kind, with the common ones */

static const char *join(struct arena *a, const char *text, const char *more)
{
	return text ? arena_printf(a, "%s, %s", text, more) : more;
}

const char *suggest_words(struct arena *a, const char *const *words)
{
	const char *text = NULL;
	for (; *words; words++)
		text = join(a, text, *words);
	return text;
}

const char *suggest_fields(struct arena *a, const struct field *rows)
{
	const char *text = NULL;
	for (; rows->name; rows++)
		text = join(a, text, rows->name);
	return text;
}

const char *suggest_kinds(struct arena *a)
{
	const char *text = NULL;
	for (size_t k = 0; k < KIND_COUNT; k++)
		if (!kind_rows[k].later)
			text = join(a, text, kind_rows[k].name);
	return text;
}

const struct kind_row *suggest_kind(const char *word)
{
	const char *names[KIND_COUNT];
	for (size_t k = 0; k < KIND_COUNT; k++) {
		names[k] = kind_rows[k].name;
		if (strcasecmp(word, names[k]) == 0)
			return &kind_rows[k];
	}
	const char *near = diag_nearest(word, names, KIND_COUNT);
	return near ? kind_by_name(near) : NULL;
}

static bool has_field(const struct field *rows, const char *name)
{
	for (; rows && rows->name; rows++)
		if (strcmp(rows->name, name) == 0)
			return true;
	return false;
}

/* Where a field of that very name stands: in another kind, or below a field of this one. */
static const char *elsewhere(struct arena *a, const struct field *const rows[2], const char *name, bool document)
{
	const char *kinds = NULL;
	for (const struct field *f = rows[0]; f && f->name; f++)
		if (f->object && has_field(f->object, name))
			return arena_printf(a, "%s stands below %s", name, f->name);
	for (size_t k = 0; k < KIND_COUNT; k++)
		if (has_field(kind_rows[k].fields, name))
			kinds = join(a, kinds, kind_rows[k].name);
	if (!document && has_field(common_fields, name))
		return arena_printf(a, "%s stands at the top of a document", name);
	return kinds ? arena_printf(a, "%s is a field of %s", name, kinds) : NULL;
}

const char *suggest_field(struct arena *a, const struct field *const rows[2], const char *name, bool document)
{
	const char *names[FIELDS_MAX];
	size_t n = 0;
	for (size_t t = 0; t < 2; t++)
		for (const struct field *f = rows[t]; f && f->name && n < FIELDS_MAX; f++)
			names[n++] = f->name;
	const char *near = diag_nearest(name, names, n);
	if (near)
		return arena_printf(a, "did you mean %s?", near);
	const char *there = elsewhere(a, rows, name, document);
	return there || document ? there : arena_printf(a, "it has %s", suggest_fields(a, rows[0]));
}

/* The first of a type's examples. */
static const char *example(struct arena *a, const struct type *type)
{
	size_t n = strcspn(type->examples, ",");
	return arena_strndup(a, type->examples, n);
}

const char *suggest_value(struct arena *a, const struct field *f)
{
	if (f->flags & FIELD_REF)
		return arena_printf(a, "the name of a %s", kind_rows[f->ref].name);
	const char *value = f->words ? f->words[0] : f->type ? example(a, f->type) : "...";
	return arena_printf(a, f->flags & FIELD_LIST ? "for example %s: [%s]" : "for example %s: %s", f->name, value);
}
