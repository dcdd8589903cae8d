/* SPDX-License-Identifier: Apache-2.0 */
#include "model/decode.h"

#include <string.h>

#include "base/bug.h"
#include "model/suggest.h"

/* What every LIST() looks like. */
struct any_list {
	void *v;
	size_t n;
	struct loc *loc;
};

/* The mapping that is being decoded: its rows, in one table or two, and what to call it in messages. */
struct shape {
	const struct field *rows[2];
	const char *what; /* "Device", "dns" */
	bool document;
};

static bool decode_mapping(struct decoder *dec, const struct shape *shape, const struct node *map, char *base);

/* Sets what an absent field holds. */
static void fill_defaults(struct arena *a, const struct field *rows, char *base)
{
	for (const struct field *f = rows; f->name; f++) {
		const char *code, *why = NULL, *hint;
		if (f->object && !f->object_size)
			fill_defaults(a, f->object, base + f->offset);
		if (!f->fallback || f->words)
			continue; /* the first word is 0 */
		if (f->type->parse(a, f->fallback, strlen(f->fallback), base + f->offset, &code, &why, &hint) < 0)
			BUG("default of %s: %s", f->name, why);
	}
}

static struct object *new_object(struct decoder *dec, const struct kind_row *row)
{
	void **blank = &dec->blank[row->kind];
	if (!*blank) {
		*blank = arena_alloc(dec->arena, row->size);
		if (row->init)
			row->init(*blank);
		fill_defaults(dec->arena, row->fields, *blank);
	}
	return arena_dup(dec->arena, *blank, row->size);
}

static const struct field *find_field(const struct shape *shape, const char *name, unsigned int *bit)
{
	*bit = 0;
	for (size_t t = 0; t < ARRAY_SIZE(shape->rows); t++)
		for (const struct field *f = shape->rows[t]; f && f->name; f++, (*bit)++)
			if (strcmp(f->name, name) == 0)
				return f;
	return NULL;
}

/* What a message calls a value: the field, or an item of its list. */
static const char *value_name(struct decoder *dec, const struct field *f, bool item)
{
	return item ? arena_printf(dec->arena, "an item of %s", f->name) : f->name;
}

/* False after a message: a value that is a list or a mapping, holds nothing, or cannot be text. */
static bool want_scalar(struct decoder *dec, const struct field *f, const struct node *n)
{
	bool item = f->flags & FIELD_LIST;
	if (n->kind != NODE_SCALAR) {
		diag_add(dec->diags, "E_TYPE", n->loc, "%s holds one value, not a %s", value_name(dec, f, item),
			 n->kind == NODE_SEQ ? "list" : "mapping");
		if (!item && n->kind == NODE_SEQ && n->n == 1 && n->item[0]->kind == NODE_SCALAR)
			diag_hint(dec->diags, "write %s: %s", f->name, n->item[0]->text);
		return false;
	}
	if (n->null) {
		diag_add(dec->diags, "E_NULL", n->loc, "%s holds nothing", value_name(dec, f, item));
		diag_hint(dec->diags, "give it a value, or leave it out");
		return false;
	}
	if (memchr(n->text, '\0', n->len)) {
		diag_add(dec->diags, "E_BYTES", n->loc, "%s holds a NUL character", value_name(dec, f, item));
		return false;
	}
	return true;
}

static bool decode_word(struct decoder *dec, const struct field *f, const struct node *n, int *index)
{
	size_t count = 0;
	for (; f->words[count]; count++) {
		if (strcmp(f->words[count], n->text) == 0) {
			*index = (int)count;
			return true;
		}
	}
	diag_add(dec->diags, "E_TYPE", n->loc, "%s cannot be \"%.60s\"", f->name, n->text);
	const char *near = diag_nearest(n->text, f->words, count);
	if (near)
		diag_hint(dec->diags, "did you mean %s?", near);
	else
		diag_hint(dec->diags, "it is one of %s", suggest_words(dec->arena, f->words));
	return false;
}

static bool in_range(const struct field *f, const void *value)
{
	if (f->min == 0 && f->max == 0)
		return true;
	if (f->type == &type_degrees) {
		double d = *(const double *)value;
		return d >= (double)f->min && d <= (double)f->max;
	}
	int64_t v = *(const int64_t *)value;
	return v >= f->min && v <= f->max;
}

/* A bound as the field's own type writes it. */
static const char *bound_text(struct arena *a, const struct field *f, int64_t bound)
{
	double degrees = (double)bound;
	return f->type->print(a, f->type == &type_degrees ? (const void *)&degrees : (const void *)&bound);
}

static void report_range(struct decoder *dec, const struct field *f, const struct node *n)
{
	const char *min = bound_text(dec->arena, f, f->min);
	diag_add(dec->diags, "E_RANGE", n->loc, "%s cannot be %.60s", f->name, n->text);
	if (f->max == INT64_MAX)
		diag_hint(dec->diags, "it is at least %s", min);
	else
		diag_hint(dec->diags, "it is at least %s and at most %s", min, bound_text(dec->arena, f, f->max));
}

/* "user:alice" where a name of a User is meant. */
static const char *without_prefix(const struct field *f, const struct node *n)
{
	const char *colon = f->flags & FIELD_REF ? strchr(n->text, ':') : NULL;
	return colon && colon[1] ? colon + 1 : NULL;
}

static bool decode_typed(struct decoder *dec, const struct field *f, const struct node *n, void *out)
{
	const char *code = "E_TYPE", *why = NULL, *hint = NULL;
	if (f->type->parse(dec->arena, n->text, n->len, out, &code, &why, &hint) < 0) {
		diag_add(dec->diags, code, n->loc, "%s: %s", f->name, why);
		const char *bare = without_prefix(f, n);
		if (bare)
			diag_hint(dec->diags, "the name alone: %s", bare);
		else if (hint)
			diag_hint(dec->diags, "%s", hint);
		return false;
	}
	if (!in_range(f, out)) {
		report_range(dec, f, n);
		return false;
	}
	return true;
}

/* One scalar value, of a field or of an item of a list. */
static bool decode_scalar(struct decoder *dec, const struct field *f, const struct node *n, void *out)
{
	int index = 0;
	if (!want_scalar(dec, f, n))
		return false;
	if (!f->words)
		return decode_typed(dec, f, n, out);
	if (!decode_word(dec, f, n, &index))
		return false;
	if (f->words_as_bits)
		*(uint8_t *)out |= (uint8_t)(1u << index);
	else if (f->words_as_text)
		*(const char **)out = f->words[index];
	else
		*(int *)out = index;
	return true;
}

static bool decode_object(struct decoder *dec, const struct field *f, const struct node *n, char *out)
{
	if (n->kind == NODE_SCALAR && n->null) {
		diag_add(dec->diags, "E_NULL", n->loc, "%s holds nothing", f->name);
		diag_hint(dec->diags, "give it fields, or leave it out");
		return false;
	}
	if (n->kind != NODE_MAP) {
		diag_add(dec->diags, "E_TYPE", n->loc, "%s holds fields of its own: %s", f->name,
			 suggest_fields(dec->arena, f->object));
		return false;
	}
	if (f->flags & FIELD_SET)
		*(bool *)out = true;
	if (f->object_size)
		*(struct loc *)(void *)(out + f->object_loc) = n->loc;
	return decode_mapping(dec, &(struct shape){ { f->object, NULL }, f->name, false }, n, out);
}

static bool want_list(struct decoder *dec, const struct field *f, const struct node *n)
{
	if (n->kind == NODE_SEQ) {
		if (n->n > 0 || !(f->flags & FIELD_NONEMPTY))
			return true;
		diag_add(dec->diags, "E_EMPTY", n->loc, "%s is empty; it would match nothing", f->name);
		diag_hint(dec->diags, "name somebody or something, or any");
		return false;
	}
	if (n->kind == NODE_SCALAR && n->null) {
		diag_add(dec->diags, "E_NULL", n->loc, "%s holds nothing", f->name);
		diag_hint(dec->diags, "an empty list is []; or leave the field out");
		return false;
	}
	diag_add(dec->diags, "E_LIST", n->loc, "%s is a list, also when it holds one thing", f->name);
	if (n->kind == NODE_SCALAR)
		diag_hint(dec->diags, "write %s: [%.80s]", f->name, n->text);
	else
		diag_hint(dec->diags, "write - before what belongs to one item, in a line below %s:", f->name);
	return false;
}

static size_t item_size(const struct field *f)
{
	return f->object ? f->object_size : f->type ? f->type->size : sizeof(const char *);
}

static bool decode_list(struct decoder *dec, const struct field *f, const struct node *n, char *out)
{
	if (!want_list(dec, f, n))
		return false;
	bool good = true, bits = f->words_as_bits;
	size_t size = item_size(f);
	struct any_list list = { NULL, n->n, NULL };
	if (n->n > 0 && !bits) {
		list.v = arena_calloc(dec->arena, n->n, size);
		list.loc = arena_array(dec->arena, n->n, struct loc);
	}
	for (size_t i = 0; i < n->n; i++) {
		char *item = bits ? out : (char *)list.v + i * size;
		if (!bits)
			list.loc[i] = n->item[i]->loc;
		good &= f->object ? decode_object(dec, f, n->item[i], item) : decode_scalar(dec, f, n->item[i], item);
	}
	if (!bits)
		memcpy(out, &list, sizeof(list));
	return good;
}

/* Fields that the language names and this version refuses; of a bool only `true` asks for something. */
static bool decode_later(struct decoder *dec, const struct field *f, const struct node *key, const struct node *n,
			 char *out)
{
	if (f->type == &type_bool) {
		if (!decode_scalar(dec, f, n, out))
			return false;
		if (!*(const bool *)out)
			return true;
	}
	diag_add(dec->diags, "E_LATER", key->loc, "%s%s is not supported by this version of yett", f->name,
		 f->type == &type_bool ? ": true" : "");
	diag_hint(dec->diags, "leave it out");
	return false;
}

static bool decode_field(struct decoder *dec, const struct field *f, const struct node_pair *pair, char *out)
{
	if (f->flags & FIELD_LATER)
		return decode_later(dec, f, pair->key, pair->value, out);
	if (f->flags & FIELD_LIST)
		return decode_list(dec, f, pair->value, out);
	if (f->object)
		return decode_object(dec, f, pair->value, out);
	return decode_scalar(dec, f, pair->value, out);
}

static void report_unknown(struct decoder *dec, const struct shape *shape, const struct node *key)
{
	diag_add(dec->diags, "E_UNKNOWN_FIELD", key->loc, "%s has no field \"%.60s\"", shape->what, key->text);
	const char *hint = suggest_field(dec->arena, shape->rows, key->text, shape->document);
	if (hint)
		diag_hint(dec->diags, "%s", hint);
}

static bool check_required(struct decoder *dec, const struct shape *shape, const struct node *map, uint64_t seen)
{
	bool good = true;
	unsigned int bit = 0;
	for (size_t t = 0; t < ARRAY_SIZE(shape->rows); t++) {
		for (const struct field *f = shape->rows[t]; f && f->name; f++, bit++) {
			if (!(f->flags & FIELD_REQUIRED) || seen & UINT64_C(1) << bit)
				continue;
			diag_add(dec->diags, "E_REQUIRED", map->loc, "%s needs a field \"%s\"", shape->what, f->name);
			diag_hint(dec->diags, "%s", suggest_value(dec->arena, f));
			good = false;
		}
	}
	return good;
}

static bool decode_mapping(struct decoder *dec, const struct shape *shape, const struct node *map, char *base)
{
	bool good = true;
	uint64_t seen = 0;
	for (size_t i = 0; i < map->n; i++) {
		unsigned int bit;
		const struct field *f = find_field(shape, map->pair[i].key->text, &bit);
		if (!f) {
			report_unknown(dec, shape, map->pair[i].key);
			good = false;
			continue;
		}
		seen |= UINT64_C(1) << bit;
		good &= decode_field(dec, f, &map->pair[i], base + f->offset);
	}
	return check_required(dec, shape, map, seen) && good;
}

/* Of some fields one must hold something, and of some only one may. */
static bool check_one_of(struct decoder *dec, const struct kind_row *row, const struct node *doc)
{
	if (!row->one_of)
		return true;
	const char *first = NULL;
	for (const char *const *name = row->one_of; *name; name++) {
		const struct node *n = node_get(doc, *name);
		if (!n || (n->kind == NODE_SEQ && n->n == 0))
			continue;
		if (first && row->one_only) {
			diag_add(dec->diags, "E_ONE_OF", n->loc, "%s has %s and %s", row->name, first, *name);
			diag_hint(dec->diags, "it %s: write two documents", row->one_of_why);
			return false;
		}
		first = first ? first : *name;
	}
	if (first)
		return true;
	diag_add(dec->diags, "E_REQUIRED", doc->loc, "%s %s", row->name, row->one_of_why);
	return false;
}

/* The document's kind; NULL after a message. */
static const struct kind_row *find_kind(struct decoder *dec, const struct node *doc, struct decoded *out)
{
	const struct node *n = node_get(doc, "kind");
	const struct field *field = &common_fields[0];
	if (!n) {
		diag_add(dec->diags, "E_REQUIRED", doc->loc, "a document needs a field \"kind\"");
		diag_hint(dec->diags, "it is one of %s", suggest_kinds(dec->arena));
		return NULL;
	}
	if (!want_scalar(dec, field, n))
		return NULL;
	const struct kind_row *row = kind_by_name(n->text);
	if (!row) {
		const struct kind_row *near = suggest_kind(n->text);
		diag_add(dec->diags, "E_KIND", n->loc, "there is no kind \"%.60s\"", n->text);
		if (near)
			diag_hint(dec->diags, "did you mean %s?", near->name);
		else
			diag_hint(dec->diags, "it is one of %s", suggest_kinds(dec->arena));
		out->kind = near ? near->kind : KIND_COUNT;
		return NULL;
	}
	out->kind = row->kind;
	if (!row->later)
		return row;
	diag_add(dec->diags, "E_LATER", n->loc, "%s is not supported by this version of yett", row->name);
	return NULL;
}

static void find_name(const struct node *doc, struct decoded *out)
{
	const struct node *n = node_get(doc, "name");
	if (!n || n->kind != NODE_SCALAR || n->null || n->len == 0 || memchr(n->text, '\0', n->len))
		return;
	out->name = n->text;
	out->name_loc = n->loc;
}

struct decoded decode_document(struct decoder *dec, const struct node *doc)
{
	struct decoded out = { .kind = KIND_COUNT };
	if (doc->kind != NODE_MAP) {
		diag_add(dec->diags, "E_TYPE", doc->loc, "a document holds fields, not %s",
			 doc->kind == NODE_SEQ ? "a list" : "one value");
		diag_hint(dec->diags, "start it with kind: and name:; documents are separated by a line ---");
		return out;
	}
	find_name(doc, &out);
	const struct kind_row *row = find_kind(dec, doc, &out);
	if (!row)
		return out;
	struct object *o = new_object(dec, row);
	o->loc = doc->loc;
	o->node = doc;
	bool good = decode_mapping(dec, &(struct shape){ { row->fields, common_fields }, row->name, true }, doc, (void *)o);
	good &= check_one_of(dec, row, doc);
	out.object = good ? o : NULL;
	return out;
}
