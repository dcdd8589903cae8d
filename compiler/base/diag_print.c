/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/diag_text.h"
#include "base/utf8.h"

#define TEXT_MAX 16384
#define TAIL_ROOM 256 /* for the line that counts the rest, and the caller's summary */
#define WINDOW 120

/* Where the source line of the last diagnostic was: they come sorted, so the next one is further on. */
struct place {
	uint32_t file, line;
	size_t offset;
};

struct printer {
	const struct diags *d;
	const struct diag_style *style;
	struct place at;
};

struct line {
	const char *s;
	size_t n;
};

/* Characters that would let quoted text act on a terminal or read in another order than it stands. */
static bool must_escape(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
	       (cp >= 0xe0000 && cp <= 0xe0fff) || (cp >= 0xfff9 && cp <= 0xfffb) || (cp & 0xfffe) == 0xfffe;
}

/* Adds the character at s as it may be shown; gives its bytes, and the columns it takes in *width. */
static size_t add_char(struct buf *out, const char *s, size_t n, size_t *width)
{
	uint32_t cp;
	size_t len = utf8_next(s, n, &cp), before = out->len;
	*width = 1;
	if (len == 0) {
		buf_addf(out, "<%02X>", (unsigned char)*s);
		*width = out->len - before;
		return 1;
	}
	if (cp == '\t') {
		buf_addc(out, ' ');
	} else if (must_escape(cp)) {
		buf_addf(out, "<U+%04X>", cp);
		*width = out->len - before;
	} else {
		buf_add(out, s, len);
	}
	return len;
}

void diag_text_add(struct buf *out, const char *s)
{
	size_t n = strlen(s), width;
	for (size_t i = 0; i < n;)
		i += add_char(out, s + i, n - i, &width);
}

const struct diag_file *diag_file_of(const struct diags *d, struct loc loc)
{
	return loc.file < d->nfiles ? &d->file[loc.file] : NULL;
}

void diag_path_add(struct buf *out, const char *root, const char *path)
{
	size_t n = root ? strlen(root) : 0;
	if (n > 0 && strcmp(root, ".") != 0) {
		buf_adds(out, root);
		if (root[n - 1] != '/')
			buf_addc(out, '/');
	}
	buf_adds(out, path);
}

static void add_path(struct buf *out, const struct printer *p, const struct diag_file *f)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	diag_path_add(&path, p->style->root, f->path);
	diag_text_add(out, buf_str(&path));
}

const char *diag_severity_text(enum diag_severity severity)
{
	return severity == DIAG_ERROR ? "error" : "warning";
}

static bool find_line(struct printer *p, struct loc loc, struct line *out)
{
	const struct diag_file *f = diag_file_of(p->d, loc);
	if (!f || !f->data || loc.line == 0)
		return false;
	struct place *at = &p->at;
	if (at->file != loc.file || at->line > loc.line || at->line == 0)
		*at = (struct place){loc.file, 1, 0};
	while (at->line < loc.line) {
		const char *nl = memchr(f->data + at->offset, '\n', f->len - at->offset);
		if (!nl)
			return false;
		at->offset = (size_t)(nl - f->data) + 1;
		at->line++;
	}
	const char *s = f->data + at->offset;
	const char *nl = memchr(s, '\n', f->len - at->offset);
	*out = (struct line){s, nl ? (size_t)(nl - s) : f->len - at->offset};
	return true;
}

/* Drops the first `chars` characters of a line. */
static void skip_chars(struct line *l, size_t chars)
{
	while (chars-- > 0 && l->n > 0) {
		uint32_t cp;
		size_t len = utf8_next(l->s, l->n, &cp);
		len = len ? len : 1;
		l->s += len;
		l->n -= len;
	}
}

static void add_source(struct buf *out, struct line l, uint32_t line, uint32_t col)
{
	size_t target = col > 0 ? col - 1 : 0;
	/* A line that fits is shown whole; of a longer one, a window with the place in its middle. */
	size_t first = l.n > WINDOW && target > WINDOW / 2 ? target - WINDOW / 2 : 0;
	skip_chars(&l, first);
	char number[16];
	int digits = snprintf(number, sizeof(number), "%u", line);
	buf_addf(out, "  %s | ", number);
	size_t used = 0, caret = 0, i = first;
	bool found = false;
	if (first > 0) {
		buf_adds(out, "…");
		used = 1;
	}
	while (l.n > 0 && used < WINDOW - 9) {
		if (i++ == target) {
			caret = used;
			found = true;
		}
		size_t width, len = add_char(out, l.s, l.n, &width);
		l.s += len;
		l.n -= len;
		used += width;
	}
	if (l.n > 0)
		buf_adds(out, "…");
	buf_addf(out, "\n  %*s | ", digits, "");
	if (col == 0) {
		out->len -= 1; /* no caret, no blank at the end of the line */
	} else {
		buf_addf(out, "%*s^", (int)(found ? caret : used), "");
	}
	buf_addc(out, '\n');
}

static void add_diag(struct buf *out, struct printer *p, const struct diag *g)
{
	static const struct {
		const char *word, *color;
	} severity[] = {[DIAG_ERROR] = {"error", "\033[1;31m"}, [DIAG_WARNING] = {"warning", "\033[1;33m"}};
	bool color = p->style->color;
	const struct diag_file *f = diag_file_of(p->d, g->loc);
	if (f) {
		buf_adds(out, color ? "\033[1m" : "");
		add_path(out, p, f);
		if (g->loc.line)
			buf_addf(out, ":%u", g->loc.line);
		if (g->loc.line && g->loc.col)
			buf_addf(out, ":%u", g->loc.col);
		buf_addf(out, ":%s ", color ? "\033[0m" : "");
	}
	buf_addf(out, "%s%s:%s ", color ? severity[g->severity].color : "", severity[g->severity].word,
		 color ? "\033[0m" : "");
	diag_text_add(out, g->message);
	buf_addf(out, " [%s]\n", g->code);
	struct line l;
	if (find_line(p, g->loc, &l))
		add_source(out, l, g->loc.line, g->loc.col);
	if (g->hint) {
		buf_adds(out, "  hint: ");
		diag_text_add(out, g->hint);
		buf_addc(out, '\n');
	}
}

static void print_text(struct printer *p, FILE *out)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	size_t max = p->style->max_bytes ? p->style->max_bytes : TEXT_MAX;
	size_t room = max > TAIL_ROOM ? max - TAIL_ROOM : 0, printed = 0;
	for (; printed < p->d->n; printed++) {
		buf_reset(&b);
		add_diag(&b, p, &p->d->v[printed]);
		if (b.len > room)
			break;
		fwrite(b.p, 1, b.len, out);
		room -= b.len;
	}
	size_t more = p->d->errors + p->d->warnings - printed;
	if (more > 0)
		fprintf(out, "… and %zu more (--max-errors N shows up to N)\n", more);
}

json_t *diag_json_text(const char *s)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	size_t n = strlen(s);
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t len = utf8_next(s + i, n - i, &cp);
		if (len)
			buf_add(&b, s + i, len);
		else
			buf_adds(&b, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
	return json_string(buf_str(&b));
}

static json_t *json_path(const struct printer *p, const struct diag_file *f)
{
	if (!f)
		return json_null();
	BUF_CLEANUP struct buf b = BUF_INIT;
	add_path(&b, p, f);
	return diag_json_text(buf_str(&b));
}

static json_t *json_number(uint32_t v)
{
	return v ? json_integer(v) : json_null();
}

static void print_json(const struct printer *p, FILE *out)
{
	fputs("[", out);
	for (size_t i = 0; i < p->d->n; i++) {
		const struct diag *g = &p->d->v[i];
		json_t *o = json_object();
		json_object_set_new(o, "code", json_string(g->code));
		json_object_set_new(o, "severity", json_string(diag_severity_text(g->severity)));
		json_object_set_new(o, "file", json_path(p, diag_file_of(p->d, g->loc)));
		json_object_set_new(o, "line", json_number(g->loc.line));
		json_object_set_new(o, "column", json_number(g->loc.line ? g->loc.col : 0));
		json_object_set_new(o, "message", diag_json_text(g->message));
		json_object_set_new(o, "hint", g->hint ? diag_json_text(g->hint) : json_null());
		char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
		json_decref(o);
		if (!text)
			arena_oom(SIZE_MAX);
		fprintf(out, "%s\n%s", i ? "," : "", text);
		free(text);
	}
	fputs(p->d->n ? "\n]\n" : "]\n", out);
}

void diags_print(const struct diags *d, const struct diag_style *style, FILE *out)
{
	struct printer p = {d, style, {UINT32_MAX, 0, 0}};
	switch (style->format) {
	case DIAG_TEXT: print_text(&p, out); break;
	case DIAG_JSON: print_json(&p, out); break;
	case DIAG_SARIF: diags_print_sarif(d, style, out); break;
	case DIAG_GITHUB: diags_print_github(d, style, out); break;
	case DIAG_JUNIT: diags_print_junit(d, style, out); break;
	}
}
