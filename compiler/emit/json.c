/* SPDX-License-Identifier: Apache-2.0 */
#include "emit/json.h"

#include <string.h>

#include "base/bug.h"
#include "base/clock.h"

static void dump(struct buf *out, json_t *v, size_t flags)
{
	char *text = v != NULL ? json_dumps(v, flags | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;

	if (text == NULL)
		BUG("out of memory");
	buf_adds(out, text);
	free(text);
	json_decref(v);
}

void json_line(struct buf *out, json_t *v)
{
	dump(out, v, 0);
}

void json_page(struct buf *out, json_t *v)
{
	dump(out, v, JSON_INDENT(2));
	buf_addc(out, '\n');
}

void json_text(struct buf *out, const char *ascii)
{
	buf_addc(out, '"');
	while (*ascii != '\0') {
		size_t n = strcspn(ascii, "\"\\");
		buf_add(out, ascii, n);
		ascii += n;
		if (*ascii != '\0') {
			buf_addc(out, '\\');
			buf_addc(out, *ascii++);
		}
	}
	buf_addc(out, '"');
}

json_t *json_prefixes(const struct prefix *v, size_t n)
{
	json_t *list = json_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, json_string(prefix_format(v[i], text))) < 0)
			BUG("out of memory");
	return list;
}

json_t *json_time(int64_t utc)
{
	char text[CLOCK_TEXT_MAX];

	if (utc == CLOCK_EVER || utc == CLOCK_NEVER)
		return json_null();
	return json_string(clock_format(utc, text));
}

void json_put(json_t *object, const char *key, json_t *v)
{
	if (json_object_set_new(object, key, v) < 0)
		BUG("out of memory");
}
