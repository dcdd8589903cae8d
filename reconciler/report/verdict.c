/* SPDX-License-Identifier: Apache-2.0 */
#include "report/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* Names in the kernel may be anything; what is no UTF-8 was made '?' when it was decoded. */
static void add_text(json_t *array, const char *s, size_t n)
{
	json_t *text = json_stringn(s, n);

	json_array_append_new(array, text != NULL ? text : json_string("(not readable)"));
}

static json_t *lines_json(const char *text)
{
	json_t *a = json_array();

	for (size_t i = 0; *text != '\0' && i < VERDICT_LINES_MAX; i++) {
		size_t n = strcspn(text, "\n");
		add_text(a, text, n);
		text += n + (text[n] == '\n');
	}
	return a;
}

bool verdict_write(const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct buf *out)
{
	struct plan_delta d;
	struct buf lines BUF_CLEANUP = BUF_INIT;
	struct arena a;

	arena_init(&a);
	gw_plan_diff(have, want, now, &a, &d);
	plan_delta_print(&d, &lines);
	size_t objects = d.nops > 0 || d.link == 0 ? d.nops : 1;
	bool equal = objects == 0;
	json_t *o = json_pack("{sb sI so}", "equal", (int)equal, "objects", (json_int_t)objects, "object",
			      lines_json(buf_str(&lines)));
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (text == NULL)
		BUG("out of memory");
	buf_adds(out, text);
	free(text);
	json_decref(o);
	arena_release(&a);
	return equal;
}

static const char *string_of(const json_t *o, const char *member)
{
	const char *text = json_string_value(json_object_get(o, member));

	return text != NULL ? text : "";
}

static void print_lines(const json_t *lines, const char *indent)
{
	size_t i;
	json_t *line;

	json_array_foreach(lines, i, line)
		printf("%s%s\n", indent, json_string_value(line) != NULL ? json_string_value(line) : "");
}

static void print_grants(const json_t *grants, const char *word)
{
	size_t i;
	json_t *g;

	json_array_foreach(grants, i, g) {
		const char *by = string_of(g, "policy"), *when = string_of(g, "when");
		printf("    %s %s %s", word, string_of(g, "to"), string_of(g, "ports"));
		printf("%s%s", strcmp(when, "always") == 0 ? "" : ", ", strcmp(when, "always") == 0 ? "" : when);
		printf("%s%s%s\n", *by ? " (" : "", by, *by ? ")" : "");
	}
}

static void print_who(const json_t *who)
{
	size_t i;
	json_t *name;

	json_array_foreach(who, i, name)
		printf("%s%s", i > 0 ? ", " : "  ", json_string_value(name) != NULL ? json_string_value(name) : "");
}

void verdict_print_access(const json_t *v)
{
	const json_t *access = json_object_get(v, "access"), *unknown = json_object_get(v, "unknown");
	size_t i;
	json_t *o;

	if (json_array_size(access) > 0)
		printf("access that differs (+ the kernel lets through what the plan does not, - the plan lets through what the kernel does not):\n");
	json_array_foreach(access, i, o) {
		print_who(json_object_get(o, "who"));
		printf("%s%s\n", *string_of(o, "way") ? ", " : "", string_of(o, "way"));
		print_grants(json_object_get(o, "more"), "+");
		print_grants(json_object_get(o, "less"), "-");
	}
	if (json_array_size(unknown) > 0)
		printf("what access these give is not known:\n");
	json_array_foreach(unknown, i, o)
		printf("  %s: %s\n", string_of(o, "where"), string_of(o, "what"));
}

void verdict_print(const json_t *v)
{
	long long n = (long long)json_integer_value(json_object_get(v, "objects"));
	const json_t *lines = json_object_get(v, "object");

	verdict_print_access(v);
	if (n > 0)
		printf("objects that differ (yettd repairs them in its next turn when they differ from what is in force):\n");
	print_lines(lines, "  ");
	if (n > (long long)json_array_size(lines))
		printf("  … and %lld more\n", n - (long long)json_array_size(lines));
}
