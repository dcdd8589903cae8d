/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <string.h>

#include "base/utf8.h"

bool text_is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void text_add_safe(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = utf8_next(s + i, n - i, &c);
		if (len == 0 || text_is_unsafe(c))
			buf_adds(out, "\xef\xbf\xbd");
		else
			buf_add(out, s + i, len);
		i += len ? len : 1;
	}
}

static void add_words(struct buf *out, const char *words, size_t n, size_t column, size_t indent)
{
	bool first = true;

	for (size_t i = 0; i < n;) {
		size_t skip = strspn(words + i, " \n");
		size_t len = strcspn(words + i + skip, " \n");
		i += skip;
		if (i >= n || len == 0)
			break;
		if (!first && column + 1 + len > TEXT_WIDTH) {
			buf_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			buf_addc(out, ' ');
			column++;
		}
		buf_add(out, words + i, len);
		column += len;
		i += len;
		first = false;
	}
}

void text_add_wrapped(struct buf *out, const char *words, size_t column, size_t indent)
{
	add_words(out, words, strlen(words), column, indent);
}

void text_add_paragraphs(struct buf *out, const char *text)
{
	while (*text != '\0') {
		if (*text == '\n' || *text == ' ') {
			size_t n = strcspn(text, "\n");
			buf_addf(out, "%.*s\n", (int)n, text);
			text += n + (text[n] == '\n');
			continue;
		}
		size_t n = 0;
		while (text[n] != '\0' && !(text[n] == '\n' && (text[n + 1] == '\n' || text[n + 1] == ' ' || text[n + 1] == '\0')))
			n++;
		add_words(out, text, n, 0, 0);
		buf_addc(out, '\n');
		text += n + (text[n] == '\n');
	}
}
