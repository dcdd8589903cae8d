/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of the language, from the rows: what an editor can check before the compiler does. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bug.h"
#include "field.h"
#include "model/model.h"

static json_t *fields_schema(const struct field *first, const struct field *second);

/* Out of memory, or a row of ours that is no JSON. */
static json_t *must(json_t *j)
{
	if (!j)
		BUG("JSON Schema");
	return j;
}

static void put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, must(value)) < 0)
		BUG("JSON Schema: %s", key);
}

static void push(json_t *array, json_t *value)
{
	if (json_array_append_new(array, must(value)) < 0)
		BUG("JSON Schema");
}

static json_t *reference(const char *definition)
{
	return json_pack("{s:s+}", "$ref", "#/$defs/", definition);
}

static json_t *words_schema(const char *const *words)
{
	json_t *list = must(json_array());
	for (; *words; words++)
		push(list, json_string(*words));
	return json_pack("{s:o}", "enum", list);
}

/* Bounds hold for numbers; text (quoted, or with a unit) is left to the compiler. */
static void put_bounds(json_t *schema, const struct field *f)
{
	bool number = f->type == &type_int || f->type == &type_degrees || f->type == &type_all_or_int;
	if (!number || (f->min == 0 && f->max == 0))
		return;
	if (f->type != &type_all_or_int)
		put(schema, "minimum", json_integer(f->min));
	put(schema, "maximum", json_integer(f->max));
}

static json_t *value_schema(const struct field *f)
{
	if (f->flags & FIELD_LATER)
		return json_pack("{s:[b, s]}", "enum", 0, "false");
	if (f->object)
		return fields_schema(f->object, NULL);
	if (f->words)
		return words_schema(f->words);
	return reference(f->type->name);
}

static json_t *fallback_json(const struct field *f)
{
	if (f->type == &type_bool)
		return json_boolean(strcmp(f->fallback, "true") == 0);
	if (f->type == &type_int)
		return json_integer(strtoll(f->fallback, NULL, 10));
	return json_string(f->fallback);
}

static json_t *field_schema(const struct field *f)
{
	json_t *schema = must(value_schema(f));
	put_bounds(schema, f);
	if (f->flags & FIELD_LIST) {
		schema = must(json_pack("{s:s, s:o}", "type", "array", "items", schema));
		if (f->flags & FIELD_NONEMPTY)
			put(schema, "minItems", json_integer(1));
	}
	put(schema, "description", json_string(f->doc));
	if (f->fallback)
		put(schema, "default", fallback_json(f));
	return schema;
}

static void add_fields(json_t *properties, json_t *required, const struct field *rows)
{
	for (const struct field *f = rows; f && f->name; f++) {
		if (f->flags & FIELD_LATER && f->type != &type_bool)
			continue; /* unknown to this version, as far as an editor is concerned */
		put(properties, f->name, field_schema(f));
		if (f->flags & FIELD_REQUIRED)
			push(required, json_string(f->name));
	}
}

static json_t *fields_schema(const struct field *first, const struct field *second)
{
	json_t *properties = must(json_object()), *required = must(json_array());
	add_fields(properties, required, first);
	add_fields(properties, required, second);
	json_t *schema = must(json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
					"additionalProperties", 0));
	if (json_array_size(required) > 0)
		put(schema, "required", required);
	else
		json_decref(required);
	return schema;
}

static bool is_list(const struct field *rows, const char *name)
{
	for (; rows->name; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows->flags & FIELD_LIST;
	return false;
}

/* Of some fields one must be there, and hold something where it is a list. */
static json_t *one_of_schema(const struct kind_row *row)
{
	json_t *any = must(json_array());
	for (const char *const *name = row->one_of; *name; name++) {
		bool list = is_list(row->fields, *name) || is_list(common_fields, *name);
		json_t *need = must(json_pack("{s:[s]}", "required", *name));
		if (list)
			put(need, "properties", json_pack("{s:{s:i}}", *name, "minItems", 1));
		push(any, need);
	}
	return any;
}

static json_t *kind_schema(const struct kind_row *row)
{
	json_t *schema = must(fields_schema(common_fields, row->fields));
	json_t *kind = json_object_get(json_object_get(schema, "properties"), "kind");
	json_object_del(kind, "enum");
	put(kind, "const", json_string(row->name));
	put(schema, "description", json_string(row->doc));
	if (row->one_of)
		put(schema, row->one_only ? "oneOf" : "anyOf", one_of_schema(row));
	return schema;
}

static json_t *type_schema(const struct type *t)
{
	json_t *schema = must(json_loads(t->json_schema, 0, NULL));
	if (!json_object_get(schema, "description"))
		put(schema, "description", json_sprintf("For example %s.", t->examples));
	return schema;
}

static json_t *definitions(void)
{
	json_t *defs = must(json_object());
	for (enum kind k = 0; k < KIND_COUNT; k++)
		if (!kind_rows[k].later)
			put(defs, kind_rows[k].name, kind_schema(&kind_rows[k]));
	for (const struct type *const *t = types; *t; t++)
		put(defs, (*t)->name, type_schema(*t));
	return defs;
}

/* One `if` a kind, so that an editor complains about the kind that was meant and not about all of them. */
static void put_choice(json_t *schema)
{
	json_t *names = must(json_array()), *choices = must(json_array());
	for (enum kind k = 0; k < KIND_COUNT; k++) {
		const struct kind_row *row = &kind_rows[k];
		if (row->later)
			continue;
		push(names, json_string(row->name));
		push(choices, json_pack("{s:{s:{s:{s:s}}, s:[s]}, s:o}", "if", "properties", "kind", "const", row->name,
					"required", "kind", "then", must(reference(row->name))));
	}
	put(schema, "properties", json_pack("{s:{s:o}}", "kind", "enum", names));
	put(schema, "allOf", choices);
}

void model_json_schema(struct buf *out)
{
	json_t *schema = must(json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "$schema",
					"https://json-schema.org/draft/2020-12/schema", "title", "yett",
					"description", "One document of a yett policy tree.", "type", "object",
					"required", "kind", "name"));
	put_choice(schema);
	put(schema, "$defs", definitions());
	char *text = json_dumps(schema, JSON_INDENT(2));
	if (!text)
		BUG("JSON Schema");
	buf_adds(out, text);
	buf_addc(out, '\n');
	free(text);
	json_decref(schema);
}
