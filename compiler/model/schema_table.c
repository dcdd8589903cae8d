/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the reference, from the rows. */
#include <string.h>

#include "base/bug.h"
#include "base/buf.h"
#include "field.h"
#include "model/model.h"

#define ROW_PATH_MAX 128

/* Text of a cell: what would end it or mean something is escaped. */
static void add_cell(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			buf_addc(out, '\\');
		buf_addc(out, *text);
	}
}

static void add_words(struct buf *out, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		buf_addf(out, "%s`%s`", i ? ", " : "", words[i]);
}

static const char *bound_text(struct arena *a, const struct field *f, int64_t bound)
{
	double degrees = (double)bound;

	return f->type->print(a, f->type == &type_degrees ? (const void *)&degrees : (const void *)&bound);
}

static void add_bounds(struct buf *out, const struct field *f, struct arena *a)
{
	bool number = f->type == &type_int || f->type == &type_degrees || f->type == &type_duration;

	if (!number || (f->min == 0 && f->max == 0))
		return;
	if (f->max == INT64_MAX)
		buf_addf(out, ", at least %s", bound_text(a, f, f->min));
	else
		buf_addf(out, ", %s to %s", bound_text(a, f, f->min), bound_text(a, f, f->max));
}

static void add_value(struct buf *out, const struct field *f, struct arena *a)
{
	if (f->flags & FIELD_LIST)
		buf_adds(out, "list of ");
	if (f->words)
		add_words(out, f->words);
	else if (f->object)
		buf_adds(out, f->flags & FIELD_LIST ? "mappings" : "mapping");
	else if (f->flags & FIELD_REF)
		buf_addf(out, "name%s of a %s", f->flags & FIELD_LIST ? "s" : "", kind_rows[f->ref].name);
	else if (f->type)
		buf_adds(out, f->type->name);
	if (f->type && !(f->flags & FIELD_REF))
		add_bounds(out, f, a);
	if (f->flags & FIELD_NONEMPTY)
		buf_adds(out, ", not empty");
}

static void add_rows(struct buf *out, const struct field *fields, const char *prefix, struct arena *a)
{
	for (const struct field *f = fields; f->name; f++) {
		char path[ROW_PATH_MAX];
		bool required = f->flags & FIELD_REQUIRED, later = f->flags & FIELD_LATER;

		if (snprintf(path, sizeof(path), "%s%s%s", prefix, f->name, f->object_size ? "[]" : "") >= (int)sizeof(path))
			BUG("field %s%s", prefix, f->name);
		buf_addf(out, required ? "| **`%s%s`** | " : "| `%s%s` | ", prefix, f->name);
		if (!later)
			add_value(out, f, a);
		buf_addf(out, f->fallback && !later ? " | `%s` | " : " | %s| ", f->fallback && !later ? f->fallback : "");
		add_cell(out, f->doc);
		buf_adds(out, later ? " Refused by this version (`E_LATER`). |\n" : " |\n");
		if (f->object && !later) {
			size_t n = strlen(path);
			snprintf(path + n, sizeof(path) - n, ".");
			add_rows(out, f->object, path, a);
		}
	}
}

static void add_table(struct buf *out, const char *title, const char *doc, const struct field *fields, struct arena *a)
{
	buf_addf(out, "### %s\n\n%s\n\n| field | value | default | |\n| --- | --- | --- | --- |\n", title, doc);
	add_rows(out, fields, "", a);
	buf_addc(out, '\n');
}

static void add_types(struct buf *out)
{
	buf_adds(out, "### Types\n\nWhat one value looks like.\n\n| type | examples |\n| --- | --- |\n");
	for (const struct type *const *t = types; *t; t++) {
		buf_addf(out, "| %s | ", (*t)->name);
		add_cell(out, (*t)->examples);
		buf_adds(out, " |\n");
	}
	buf_addc(out, '\n');
}

void model_field_tables(struct buf *out)
{
	struct arena a;

	arena_init(&a);
	add_types(out);
	add_table(out, "Common", "What every document may have.", common_fields, &a);
	for (enum kind k = 0; k < KIND_COUNT; k++)
		add_table(out, kind_rows[k].name, kind_rows[k].doc, kind_rows[k].fields, &a);
	arena_release(&a);
}
