/* SPDX-License-Identifier: Apache-2.0 */
#include "base/junit.h"

#include <string.h>

#include "base/buf.h"
#include "base/diag_text.h"

/* newlines: kept as they are in text; in an attribute a newline would be read as a blank. */
static void xml_add_line(struct buf *out, const char *s, size_t n)
{
	BUF_CLEANUP struct buf line = BUF_INIT, shown = BUF_INIT;

	buf_add(&line, s, n);
	diag_text_add(&shown, buf_str(&line));
	for (const char *c = buf_str(&shown); *c; c++) {
		switch (*c) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		case '"': buf_adds(out, "&quot;"); break;
		default: buf_addc(out, *c);
		}
	}
}

static void xml_add(struct buf *out, const char *s, const char *newline)
{
	for (;;) {
		size_t n = strcspn(s, "\n");
		xml_add_line(out, s, n);
		if (s[n] == '\0')
			return;
		buf_adds(out, newline);
		s += n + 1;
	}
}

static void add_attribute(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, " %s=\"", name);
	xml_add(out, value, "&#10;");
	buf_addc(out, '"');
}

static void add_case(struct buf *out, const struct junit_case *c)
{
	buf_adds(out, "    <testcase");
	add_attribute(out, "name", c->name);
	add_attribute(out, "classname", c->classname);
	if (c->file)
		add_attribute(out, "file", c->file);
	if (c->line)
		buf_addf(out, " line=\"%u\"", c->line);
	if (!c->failure && !c->details) {
		buf_adds(out, "/>\n");
		return;
	}
	const char *element = c->failure ? "failure" : "system-out";

	buf_addf(out, ">\n      <%s", element);
	if (c->failure) {
		add_attribute(out, "type", c->type);
		add_attribute(out, "message", c->failure);
	}
	buf_addc(out, '>');
	xml_add(out, c->details ? c->details : c->failure, "\n");
	buf_addf(out, "</%s>\n    </testcase>\n", element);
}

void junit_print(const char *suite, const struct junit_case *v, size_t n, FILE *out)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	size_t failures = 0;

	for (size_t i = 0; i < n; i++)
		failures += v[i].failure != NULL;
	buf_adds(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite");
	add_attribute(&b, "name", suite);
	buf_addf(&b, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\">\n", n, failures);
	for (size_t i = 0; i < n; i++)
		add_case(&b, &v[i]);
	buf_adds(&b, "  </testsuite>\n</testsuites>\n");
	fwrite(buf_str(&b), 1, b.len, out);
}
