/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars: which quotes a value needs, and how text of several lines is written. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/utf8.h"
#include "fmt/fmt.h"
#include "fmt/layout.h"

#define DIGITS "0123456789"

size_t scalar_columns(const char *text, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Characters that a reader would not see; they are written as escapes. */
static bool is_invisible(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xad || cp == 0x61c || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || (cp >= 0xfff0 && cp <= 0xfffc) ||
	       cp == 0xfeff || (cp >= 0xe0000 && cp <= 0xe0fff);
}

static bool has_invisible(const struct element *e)
{
	for (size_t i = 0, n; i < e->len; i += n) {
		uint32_t cp;
		n = utf8_next(e->text + i, e->len - i, &cp);
		if (n == 0 || is_invisible(cp))
			return true;
	}
	return false;
}

static bool is_word(const char *text)
{
	static const char *const words[] = { "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<",
					     ".inf", "+.inf", "-.inf", ".nan" };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_date(const char *text)
{
	static const char form[] = "dddd-d";
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !strchr(DIGITS, text[i]) || !text[i] : text[i] != form[i])
			return false;
	return true;
}

/* Whether some reader of YAML takes the plain text for something else than a string: null, a bool, a number, a date. */
static bool looks_typed(const char *text)
{
	if (is_word(text))
		return true;
	const char *s = text + (*text == '+' || *text == '-');
	if (!*s || !strchr(DIGITS ".", *s))
		return false;
	char *end;
	(void)strtod(text, &end);
	if (*end == '\0' || is_date(text))
		return true;
	if (s[0] == '0' && (s[1] == 'o' || s[1] == 'b'))
		return s[2] && s[2 + strspn(s + 2, DIGITS "_")] == '\0';
	size_t n = strspn(s, DIGITS "_:");
	return s[n] == '\0' || (s[n] == '.' && memchr(s, '_', n));
}

static bool is_null(const char *text)
{
	return *text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* Types whose values are words of the writer's, so that a plain 0777 could be misread by another program. */
static bool is_free_text(const struct field *f)
{
	static const struct type *const types_of_text[] = { &type_name, &type_string, &type_text, &type_domain,
							    &type_url, &type_tag, &type_interface };
	for (size_t i = 0; f && i < ARRAY_SIZE(types_of_text); i++)
		if (f->type == types_of_text[i])
			return true;
	return !f || (!f->type && !f->words);
}

static bool may_start(const char *text, bool flow)
{
	if (strchr(",[]{}#&*!|>'\"%@` ", text[0]))
		return false;
	if (!strchr("-?:", text[0]))
		return true;
	return text[1] && text[1] != ' ' && !(flow && (text[0] != '-' || strchr(",[]{}", text[1])));
}

/* Whether the text can stand without quotes, as the rules of YAML are and a little narrower. */
static bool may_be_plain(const struct element *e, bool flow)
{
	const char *s = e->text;
	if (e->len == 0 || strlen(s) != e->len || !may_start(s, flow) || s[e->len - 1] == ' ' ||
	    s[e->len - 1] == ':' || has_invisible(e))
		return false;
	if (strstr(s, ": ") || strstr(s, " #") || strncmp(s, "---", 3) == 0 || strncmp(s, "...", 3) == 0)
		return false;
	return !flow || !s[strcspn(s, ",[]{}?")];
}

static bool wants_plain(const struct element *e, const struct field *f, bool flow)
{
	if (e->style == STYLE_PLAIN)
		return e->len == 0 || may_be_plain(e, flow);
	if (is_null(e->text) || (is_free_text(f) && looks_typed(e->text)))
		return false;
	return may_be_plain(e, flow);
}

static void add_single(struct buf *out, const struct element *e)
{
	buf_addc(out, '\'');
	for (size_t i = 0; i < e->len; i++) {
		if (e->text[i] == '\'')
			buf_addc(out, '\'');
		buf_addc(out, e->text[i]);
	}
	buf_addc(out, '\'');
}

static void add_double(struct buf *out, const struct element *e)
{
	buf_addc(out, '"');
	for (size_t i = 0, n; i < e->len; i += n) {
		uint32_t cp;
		n = utf8_next(e->text + i, e->len - i, &cp);
		if (n == 0)
			BUG("text of a YAML value that is not UTF-8");
		if (cp == '\n')
			buf_adds(out, "\\n");
		else if (cp == '\t')
			buf_adds(out, "\\t");
		else if (cp == '"' || cp == '\\')
			buf_addf(out, "\\%c", (char)cp);
		else if (is_invisible(cp))
			buf_addf(out, cp > 0xffff ? "\\U%08X" : "\\u%04X", cp);
		else
			buf_add(out, e->text + i, n);
	}
	buf_addc(out, '"');
}

void scalar_inline(struct buf *out, const struct element *e, const struct field *f, bool flow)
{
	if (wants_plain(e, f, flow))
		buf_add(out, e->text, e->len);
	else if (strpbrk(e->text, "\"\\") && !has_invisible(e))
		add_single(out, e);
	else
		add_double(out, e);
}

/* The end of a block scalar's value: with one line feed (clip), or none (strip); more are written as escapes. */
static const char *chomping(const struct element *e)
{
	size_t n = 0;
	while (n < e->len && e->text[e->len - 1 - n] == '\n')
		n++;
	return n == e->len || n > 1 ? NULL : n == 1 ? "" : "-";
}

static void add_header(struct buf *out, const char *style, const char *chomp, const struct comments *trail)
{
	buf_addf(out, "%s%s", style, chomp);
	if (trail->first)
		buf_addf(out, "  %.*s", (int)trail->first->len, trail->first->text);
	buf_addc(out, '\n');
}

static void add_line(struct buf *out, const char *text, size_t len, size_t indent)
{
	if (len > 0)
		buf_addf(out, "%*s", (int)indent, "");
	buf_add(out, text, len);
	buf_addc(out, '\n');
}

static bool literal(struct buf *out, const struct element *e, size_t indent, const struct comments *trail)
{
	const char *chomp = chomping(e);
	/* A first line that starts with a blank would need an indentation indicator. */
	if (!chomp || strchr(" \t\n", e->text[0]))
		return false;
	add_header(out, "|", chomp, trail);
	for (const char *s = e->text, *end = e->text + e->len; s < end;) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t n = nl ? (size_t)(nl - s) : (size_t)(end - s);
		add_line(out, s, n, indent);
		s += n + 1;
	}
	return true;
}

/* Where the last line ends that is more than the indentation. */
static const char *without_blank_lines(const char *s, const char *end, size_t indent)
{
	for (;;) {
		const char *line = end;
		while (line > s && line[-1] == ' ')
			line--;
		if (line == s || line[-1] != '\n' || (size_t)(end - line) > indent)
			return end;
		end = line - 1;
	}
}

/* The lines of a folded scalar as they stand, but for their indentation: where they break is the writer's choice. */
static bool folded(struct buf *out, const struct layout *l, const struct element *e, size_t indent,
		   const struct comments *trail)
{
	const char *chomp = chomping(e), *end = l->data + e->end;
	const char *s = memchr(l->data + e->start, '\n', e->end - e->start);
	if (!chomp || !s || strpbrk(arena_strndup(l->arena, l->data + e->start, 3), DIGITS) || strchr(" \t\n", e->text[0]))
		return false;
	size_t old = strspn(++s, " ");
	end = without_blank_lines(s, end, old);
	add_header(out, ">", chomp, trail);
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t n = nl ? (size_t)(nl - s) : (size_t)(end - s);
		size_t cut = n < old ? n : old;
		add_line(out, s + cut, n - cut, indent);
		s += n + 1;
	}
	return true;
}

/* Where a line of a folded scalar may end: at one blank between two other characters. */
static bool may_break(const struct element *e, size_t i)
{
	return e->text[i] == ' ' && i > 0 && i + 1 < e->len && !strchr(" \t", e->text[i - 1]) &&
	       !strchr(" \t", e->text[i + 1]);
}

/* Plain or quoted text of several lines that is too long for one. */
static bool wrapped(struct buf *out, const struct element *e, size_t indent, const struct comments *trail)
{
	if (strchr(" \t", e->text[0]) || strchr(" \t", e->text[e->len - 1]) || has_invisible(e))
		return false;
	add_header(out, ">", "-", trail);
	for (size_t from = 0; from < e->len;) {
		size_t at = from, last = e->len;
		for (size_t i = from; i < e->len; i++) {
			if (!may_break(e, i))
				continue;
			if (last != e->len && indent + scalar_columns(e->text + from, i - from) > FMT_COLUMNS)
				break;
			last = i;
		}
		if (indent + scalar_columns(e->text + at, e->len - at) <= FMT_COLUMNS)
			last = e->len;
		add_line(out, e->text + from, last - from, indent);
		from = last + 1;
	}
	return true;
}

bool scalar_block(struct buf *out, const struct layout *l, const struct element *e, size_t indent, size_t column,
		  const struct comments *trail)
{
	switch (e->style) {
	case STYLE_LITERAL: return literal(out, e, indent, trail);
	case STYLE_FOLDED: return folded(out, l, e, indent, trail);
	case STYLE_PLAIN:
	case STYLE_SINGLE:
	case STYLE_DOUBLE:
		return e->line != e->end_line && !memchr(e->text, '\n', e->len) && e->len > 0 &&
		       column + scalar_columns(e->text, e->len) > FMT_COLUMNS && wrapped(out, e, indent, trail);
	}
	return false;
}
