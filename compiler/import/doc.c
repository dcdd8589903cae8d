/* SPDX-License-Identifier: Apache-2.0 */
/* doc - YAML out. Everything that comes from elsewhere passes doc_scalar() or add_comment_text(). */
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/utf8.h"
#include "import/import.h"
#include "source/source.h"

static const struct {
	const char *word, *folder;
} kind_rows[IMPORT_KINDS] = {
	[IMPORT_NETWORK] = {"Network", NULL},
	[IMPORT_SITE] = {"Site", "sites"},
	[IMPORT_GATEWAY] = {"Gateway", "gateways"},
	[IMPORT_USER] = {"User", "users"},
	[IMPORT_GROUP] = {"Group", "groups"},
	[IMPORT_DEVICE] = {"Device", "devices"},
	[IMPORT_RESOURCE] = {"Resource", "resources"},
	[IMPORT_POLICY] = {"Policy", "policies"},
	[IMPORT_TEST] = {"Test", "tests"},
	[IMPORT_LINK] = {"Link", "links"},
	[IMPORT_TAG] = {NULL, NULL},
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Text that YAML, in any version and by any reader, takes for a string or a number of the same spelling. */
static bool is_plain(const char *s, size_t n)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};

	if (n == 0 || n > 200 || !is_word(s[0]) || s[n - 1] == ':')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_word(s[i]) && !strchr("._@+-/:", s[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(s, words[i]) == 0)
			return false;
	return true;
}

/* What a document may not hold, escaped or not, and what hides in text. */
static bool is_bad(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || (cp >= 0xfff0 && cp <= 0xffff) ||
	       cp == 0xfeff || (cp >= 0xe0000 && cp <= 0xe0fff);
}

static void add_safe(struct buf *b, const char *s, size_t n, bool quoted)
{
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t len = utf8_next(s + i, n - i, &cp);
		if (len == 0)
			len = 1, cp = 0;
		if (is_bad(cp)) {
			buf_addc(b, cp == '\t' || cp == '\n' ? ' ' : '?');
		} else {
			if (quoted && (cp == '"' || cp == '\\'))
				buf_addc(b, '\\');
			buf_add(b, s + i, len);
		}
		i += len;
	}
}

static void doc_scalar(struct buf *b, const char *s)
{
	size_t n = strlen(s);

	if (is_plain(s, n)) {
		buf_add(b, s, n);
		return;
	}
	buf_addc(b, '"');
	add_safe(b, s, n, true);
	buf_addc(b, '"');
}

static void indent(struct doc *d)
{
	for (int i = 0; i < d->depth; i++)
		buf_adds(&d->text, "  ");
}

void doc_begin(struct doc *d, struct import *im, enum import_kind kind, const char *name, struct loc from)
{
	*d = (struct doc){.im = im, .kind = kind, .name = name, .from = from};
}

void doc_comment(struct doc *d, const char *text, size_t len)
{
	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len, first = 0, end = n;
		while (first < end && strchr(" \t\r*", text[first]) && text[first])
			first++;
		while (end > first && strchr(" \t\r", text[end - 1]) && text[end - 1])
			end--;
		if (end > first) {
			indent(d);
			buf_adds(&d->text, "# ");
			add_safe(&d->text, text + first, end - first, false);
			buf_addc(&d->text, '\n');
		}
		text += nl ? n + 1 : n;
		len -= nl ? n + 1 : n;
	}
}

void doc_head(struct doc *d)
{
	buf_addf(&d->text, "kind: %s\nname: ", kind_rows[d->kind].word);
	doc_scalar(&d->text, d->name);
	buf_addc(&d->text, '\n');
}

void doc_field(struct doc *d, const char *key, const char *value)
{
	indent(d);
	buf_addf(&d->text, "%s: ", key);
	doc_scalar(&d->text, value);
	buf_addc(&d->text, '\n');
}

void doc_flag(struct doc *d, const char *key, bool value)
{
	indent(d);
	buf_addf(&d->text, "%s: %s\n", key, value ? "true" : "false");
}

void doc_list(struct doc *d, const char *key, bool empty)
{
	indent(d);
	buf_addf(&d->text, "%s:%s\n", key, empty ? " []" : "");
}

void doc_item(struct doc *d, const char *value, const char *comment)
{
	indent(d);
	buf_adds(&d->text, "  - ");
	doc_scalar(&d->text, value);
	if (comment != NULL && comment[0]) {
		buf_adds(&d->text, " # ");
		add_safe(&d->text, comment, strlen(comment), false);
	}
	buf_addc(&d->text, '\n');
}

void doc_open(struct doc *d, const char *key)
{
	indent(d);
	buf_addf(&d->text, "%s:\n", key);
	d->depth++;
}

void doc_close(struct doc *d)
{
	if (d->depth < 1)
		BUG("a mapping closed that was not open");
	d->depth--;
}

void doc_close_item(struct doc *d)
{
	doc_close(d);
	doc_close(d);
}

void doc_open_item(struct doc *d, const char *key)
{
	indent(d);
	buf_addf(&d->text, "  - %s:\n", key);
	d->depth += 2;
}

void doc_end(struct doc *d, const char *off)
{
	struct import *im = d->im;
	const char *folder = kind_rows[d->kind].folder;
	const char *path = folder ? arena_printf(im->a, "%s/%s.yaml", folder, d->name) : "network.yaml";

	if (im->full || im->file.n >= IMPORT_FILES_MAX || d->text.len > SOURCE_FILE_MAX ||
	    im->bytes + d->text.len > IMPORT_BYTES_MAX) {
		if (!im->full)
			import_refuse(
				im, d->from,
				"this makes more documents than a tree may hold (%u files, 4 MiB each, %zu MiB in all)",
				IMPORT_FILES_MAX, IMPORT_BYTES_MAX >> 20);
		im->full = true;
	} else {
		im->bytes += d->text.len;
		struct import_file f = {.path = path,
					.text = arena_strndup(im->a, buf_str(&d->text), d->text.len),
					.len = d->text.len,
					.from = d->from,
					.kind = d->kind,
					.off = off};
		vec_push(&im->file, f);
	}
	buf_release(&d->text);
}
