/* SPDX-License-Identifier: Apache-2.0 */
#include "import/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/utf8.h"

#define QUOTE_BYTES 60
#define DIGEST_CUT 4 /* bytes of a digest that tell two names apart */

void import_init(struct import *im, struct arena *a, struct diags *d)
{
	*im = (struct import){.a = a, .d = d};
	for (size_t k = 0; k < IMPORT_KINDS; k++) {
		strmap_init(&im->names[k].of, a);
		strmap_init(&im->names[k].taken, a);
	}
}

void import_release(struct import *im)
{
	for (size_t k = 0; k < IMPORT_KINDS; k++)
		vec_release(&im->names[k].name);
	vec_release(&im->file);
	buf_release(&im->kept);
}

/* ---- what is said ---- */

static const char *sentence(struct import *im, const char *fmt, va_list ap)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	buf_vaddf(&b, fmt, ap);
	return arena_strdup(im->a, buf_str(&b));
}

void import_note(struct import *im, struct loc loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_add(im->d, "W_IMPORT", loc, "%s", sentence(im, fmt, ap));
	va_end(ap);
}

bool import_refuse(struct import *im, struct loc loc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_add(im->d, "E_IMPORT", loc, "%s", sentence(im, fmt, ap));
	va_end(ap);
	return false;
}

const char *import_quote(struct import *im, const char *text, size_t len)
{
	size_t cut = len;

	if (cut > QUOTE_BYTES)
		for (cut = QUOTE_BYTES; cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80;)
			cut--;
	return arena_printf(im->a, "\"%.*s%s\"", (int)cut, text, cut < len ? "…" : "");
}

const char *import_place(struct import *im, struct loc loc)
{
	const char *path = loc.file < im->d->nfiles ? im->d->file[loc.file].path : "-";
	const char *slash = strrchr(path, '/');

	return arena_printf(im->a, "%s:%u", slash ? slash + 1 : path, loc.line);
}

/* ---- names ---- */

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Without the end's own rules; NUL-terminated, at most max characters. */
static size_t mangle(const char *s, char *out, size_t max)
{
	size_t n = 0;

	for (; *s && n < max; s++) {
		char c = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
		if (!is_alnum(c) && !strchr("._@+-", c))
			c = '-';
		if (!is_alnum(c) && (n == 0 || (c == '-' && out[n - 1] == '-')))
			continue;
		out[n++] = c;
	}
	while (n > 0 && !is_alnum(out[n - 1]))
		n--;
	out[n] = '\0';
	return n;
}

static void add_digest(char out[static IMPORT_NAME_MAX + 1], const char *original)
{
	struct digest g = digest_of(original, strlen(original));
	char hex[DIGEST_HEX_MAX];
	size_t n = strlen(out);

	digest_hex(&g, DIGEST_CUT, hex);
	if (n > IMPORT_NAME_MAX - 1 - strlen(hex))
		n = IMPORT_NAME_MAX - 1 - strlen(hex);
	while (n > 0 && !is_alnum(out[n - 1]))
		n--;
	snprintf(out + n, IMPORT_NAME_MAX + 1 - n, "%s%s", n ? "-" : "", hex);
}

const char *import_name_like(struct import *im, enum import_kind kind, const char *original, const char *like)
{
	struct import_names *names = &im->names[kind];
	size_t len = strlen(original);
	uint32_t known = strmap_get(&names->of, original, len);
	char text[IMPORT_NAME_MAX + 1];

	if (known != STRMAP_NONE)
		return names->name.v[known];
	if (mangle(like, text, IMPORT_NAME_MAX) == 0 || strlen(like) > IMPORT_NAME_MAX)
		add_digest(text, original);
	for (unsigned int round = 0; strmap_get(&names->taken, text, strlen(text)) != STRMAP_NONE; round++) {
		mangle(like, text, IMPORT_NAME_MAX);
		add_digest(text, round ? arena_printf(im->a, "%s %u", original, round) : original);
	}
	const char *name = arena_strdup(im->a, text);
	strmap_add(&names->taken, name, strlen(name), 0);
	strmap_add(&names->of, original, len, (uint32_t)names->name.n);
	vec_push(&names->name, name);
	return name;
}

const char *import_name(struct import *im, enum import_kind kind, const char *original)
{
	return import_name_like(im, kind, original, original);
}

/* ---- IMPORT.md ---- */

static bool must_hide(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
	       (cp >= 0xe0000 && cp <= 0xe0fff);
}

static void add_visible(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t len = utf8_next(s + i, n - i, &cp);
		if (len == 0)
			len = 1, cp = 0;
		if (cp == '\t')
			buf_addc(out, ' ');
		else if (must_hide(cp))
			buf_addc(out, '?');
		else
			buf_add(out, s + i, len);
		i += len;
	}
}

/* Each line indented by four: to Markdown that is text as it stands. */
static void add_block(struct buf *out, const char *s, size_t n)
{
	while (n > 0) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) : n;
		size_t shown = len > 0 && s[len - 1] == '\r' ? len - 1 : len;
		if (shown > 0) {
			buf_adds(out, "    ");
			add_visible(out, s, shown);
		}
		buf_addc(out, '\n');
		s += nl ? len + 1 : len;
		n -= nl ? len + 1 : len;
	}
}

void import_keep(struct import *im, const char *title, const char *text, size_t len)
{
	buf_addf(&im->kept, "\n`%s`, as it stood:\n\n", title);
	add_block(&im->kept, text, len);
}

static void report_off(struct import *im, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < im->file.n; i++) {
		const struct import_file *f = &im->file.v[i];
		if (f->off == NULL)
			continue;
		if (!any)
			buf_adds(out, "\n## Written as comments\n\nThese stand in the tree, and every line of them is "
				      "a comment:\n\n");
		any = true;
		const char *line = arena_printf(im->a, "%s (from %s): %s", f->path, import_place(im, f->from), f->off);
		add_block(out, line, strlen(line));
	}
}

void import_report(struct import *im, const char *what, struct buf *out)
{
	diags_sort(im->d);
	buf_addf(out, "# What was imported\n\nThis tree was made from %s. `yett check` says whether it holds.\n", what);
	if (im->d->n > 0)
		buf_adds(out, "\n## Not carried over\n\nEach with the line it stands at:\n\n");
	for (size_t i = 0; i < im->d->n; i++) {
		const struct diag *g = &im->d->v[i];
		const char *line = arena_printf(im->a, "%s: %s", import_place(im, g->loc), g->message);
		add_block(out, line, strlen(line));
	}
	if (im->d->errors + im->d->warnings > im->d->n)
		buf_addf(out, "\nand %zu more, which this list has no room for.\n",
			 im->d->errors + im->d->warnings - im->d->n);
	report_off(im, out);
	buf_add(out, buf_str(&im->kept), im->kept.len);
}

void import_file_text(const struct import_file *f, struct buf *out)
{
	if (f->off == NULL) {
		buf_add(out, f->text, f->len);
		return;
	}
	buf_adds(out, "# Every line is a comment: ");
	add_visible(out, f->off, strlen(f->off));
	buf_addc(out, '\n');
	for (const char *s = f->text, *end = f->text + f->len; s < end;) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		const char *stop = nl ? nl + 1 : end;
		buf_adds(out, s[0] == '\n' ? "#" : "# ");
		buf_add(out, s, (size_t)(stop - s));
		s = stop;
	}
}
