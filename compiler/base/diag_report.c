/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of a diagnostic report that CI systems read. */
#include <stdlib.h>
#include <string.h>

#include "base/codes.h"
#include "base/diag_text.h"
#include "base/junit.h"
#include "base/vec.h"

/* ---- SARIF 2.1.0 (OASIS; ids of sections in the comments) ---- */

static json_t *sarif_text(const char *s)
{
	return json_pack("{s:o}", "text", diag_json_text(s));
}

/* RFC 3986: the path's bytes, unreserved characters and slashes as they are. */
static json_t *sarif_uri(const struct diag_style *style, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
	BUF_CLEANUP struct buf raw = BUF_INIT, uri = BUF_INIT;

	diag_path_add(&raw, style->root, path);
	for (const char *c = buf_str(&raw); *c; c++) {
		if (strchr(plain, *c))
			buf_addc(&uri, *c);
		else
			buf_addf(&uri, "%%%02X", (unsigned char)*c);
	}
	json_t *place = json_pack("{s:s}", "uri", buf_str(&uri));

	if (*buf_str(&uri) != '/')
		json_object_set_new(place, "uriBaseId", json_string("%SRCROOT%"));
	return place;
}

static json_t *sarif_location(const struct diags *d, const struct diag_style *style, struct loc loc)
{
	json_t *place = json_pack("{s:o}", "artifactLocation", sarif_uri(style, diag_file_of(d, loc)->path));

	if (loc.line) {
		json_t *region = json_pack("{s:I}", "startLine", (json_int_t)loc.line);
		if (loc.col)
			json_object_set_new(region, "startColumn", json_integer(loc.col));
		json_object_set_new(place, "region", region);
	}
	return json_pack("{s:o}", "physicalLocation", place);
}

static json_t *sarif_result(const struct diags *d, const struct diag_style *style, const struct diag *g, size_t rule)
{
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_adds(&text, g->message);
	if (g->hint)
		buf_addf(&text, "\n%s", g->hint);
	json_t *o = json_pack("{s:s, s:I, s:s, s:o}", "ruleId", g->code, "ruleIndex", (json_int_t)rule, "level",
			      diag_severity_text(g->severity), "message", sarif_text(buf_str(&text)));

	if (diag_file_of(d, g->loc))
		json_object_set_new(o, "locations", json_pack("[o]", sarif_location(d, style, g->loc)));
	return o;
}

static json_t *sarif_rule(const char *code)
{
	const struct code_row *r = code_find(code);
	json_t *o = json_pack("{s:s, s:{s:s}}", "id", code, "defaultConfiguration", "level",
			      diag_severity_text(code_severity(code)));

	if (r) {
		json_object_set_new(o, "shortDescription", sarif_text(r->title));
		json_object_set_new(o, "fullDescription", sarif_text(r->about));
		json_object_set_new(o, "help", sarif_text(r->about));
	}
	return o;
}

/* The rules are the codes that the results have, in the order in which they come. */
static size_t rule_index(json_t *rules, const char *code)
{
	size_t i;
	json_t *rule;

	json_array_foreach(rules, i, rule)
		if (strcmp(json_string_value(json_object_get(rule, "id")), code) == 0)
			return i;
	json_array_append_new(rules, sarif_rule(code));
	return i;
}

void diags_print_sarif(const struct diags *d, const struct diag_style *style, FILE *out)
{
	json_t *rules = json_array(), *results = json_array();

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(results, sarif_result(d, style, &d->v[i], rule_index(rules, d->v[i].code)));
	json_t *run = json_pack("{s:{s:{s:s, s:s, s:o}}, s:s, s:o}", "tool", "driver", "name", "yett", "version",
				YETT_VERSION, "rules", rules, "columnKind", "unicodeCodePoints", "results", results);
	json_t *log = json_pack("{s:s, s:s, s:[o]}", "$schema", "https://json.schemastore.org/sarif-2.1.0.json", "version",
				"2.1.0", "runs", run);
	char *text = json_dumps(log, JSON_INDENT(1) | JSON_PRESERVE_ORDER);

	json_decref(log);
	if (!text)
		arena_oom(SIZE_MAX);
	fprintf(out, "%s\n", text);
	free(text);
}

/* ---- GitHub's workflow commands ---- */

/* A command ends at its line's end; a property also at a colon or a comma. */
static void github_add(struct buf *out, const char *s, bool property)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\r' || *s == '\n' || (property && (*s == ':' || *s == ',')))
			buf_addf(out, "%%%02X", (unsigned char)*s);
		else
			buf_addc(out, *s);
	}
}

static void github_text(struct buf *out, const char *s)
{
	BUF_CLEANUP struct buf shown = BUF_INIT;

	diag_text_add(&shown, s);
	github_add(out, buf_str(&shown), false);
}

static void github_diag(struct buf *out, const struct diags *d, const struct diag_style *style, const struct diag *g)
{
	const struct diag_file *f = diag_file_of(d, g->loc);

	buf_addf(out, "::%s ", diag_severity_text(g->severity));
	if (f) {
		BUF_CLEANUP struct buf path = BUF_INIT, shown = BUF_INIT;
		diag_path_add(&path, style->root, f->path);
		diag_text_add(&shown, buf_str(&path));
		buf_adds(out, "file=");
		github_add(out, buf_str(&shown), true);
		buf_addf(out, ",line=%u,", g->loc.line ? g->loc.line : 1);
		if (g->loc.line && g->loc.col)
			buf_addf(out, "col=%u,", g->loc.col);
	}
	buf_addf(out, "title=%s::", g->code);
	github_text(out, g->message);
	if (g->hint) {
		buf_adds(out, "%0A");
		github_text(out, g->hint);
	}
	buf_addc(out, '\n');
}

static size_t left_out(const struct diags *d)
{
	return d->errors + d->warnings - d->n;
}

void diags_print_github(const struct diags *d, const struct diag_style *style, FILE *out)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (size_t i = 0; i < d->n; i++)
		github_diag(&b, d, style, &d->v[i]);
	if (left_out(d))
		buf_addf(&b, "::notice title=yett::and %zu more\n", left_out(d));
	fwrite(buf_str(&b), 1, b.len, out);
}

/* ---- JUnit: a case for each diagnostic, and one that passes when there is no error ---- */

static const char *joined(struct arena *a, const struct diag *g)
{
	return g->hint ? arena_printf(a, "%s\n%s", g->message, g->hint) : g->message;
}

static struct junit_case junit_diag(const struct diags *d, const struct diag_style *style, const struct diag *g,
				    struct arena *a)
{
	const struct diag_file *f = diag_file_of(d, g->loc);
	struct junit_case c = { .classname = g->code, .type = g->code, .line = g->loc.line, .details = joined(a, g) };

	if (f) {
		BUF_CLEANUP struct buf path = BUF_INIT;
		diag_path_add(&path, style->root, f->path);
		c.file = arena_strdup(a, buf_str(&path));
	}
	c.name = c.line ? arena_printf(a, "%s:%u: %s", c.file, c.line, g->message) :
		 c.file ? arena_printf(a, "%s: %s", c.file, g->message) :
			  g->message;
	c.failure = g->severity == DIAG_ERROR ? g->message : NULL;
	return c;
}

void diags_print_junit(const struct diags *d, const struct diag_style *style, FILE *out)
{
	VEC(struct junit_case) cases = VEC_INIT;
	struct arena a;

	arena_init(&a);
	if (d->errors == 0)
		vec_push(&cases, ((struct junit_case){ .name = "the tree has no errors", .classname = "check" }));
	for (size_t i = 0; i < d->n; i++)
		vec_push(&cases, junit_diag(d, style, &d->v[i], &a));
	if (left_out(d)) {
		const char *more = arena_printf(&a, "and %zu more", left_out(d));
		vec_push(&cases, ((struct junit_case){ .name = more, .classname = "check", .type = "more",
						       .failure = d->errors ? more : NULL }));
	}
	junit_print("yett check", cases.v, cases.n, out);
	vec_release(&cases);
	arena_release(&a);
}
