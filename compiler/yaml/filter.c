/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/filter.h"

#include <string.h>

#include "base/bug.h"
#include "base/utf8.h"

#define REPORTED_MAX 16 /* a file of another encoding would otherwise be one long complaint */

/* clang-format off */
/* Ranges of code points that are not allowed, ascending, and what people call them. */
static const struct refused {
	uint32_t lo, hi;
	const char *name, *hint;
} refused[] = {
	{ 0x00, 0x00, "a NUL byte", NULL },
	{ 0x01, 0x08, "a control character", NULL },
	{ 0x0b, 0x0c, "a control character", NULL },
	{ 0x0d, 0x0d, "a carriage return", "save the file with line feeds alone as line ends (LF, not CRLF)" },
	{ 0x0e, 0x1f, "a control character", NULL },
	{ 0x7f, 0x84, "a control character", NULL },
	{ 0x85, 0x85, "a next-line character", NULL },
	{ 0x86, 0x9f, "a control character", NULL },
	{ 0x61c, 0x61c, "a bidirectional control", NULL },
	{ 0x200e, 0x200f, "a bidirectional control", NULL },
	{ 0x2028, 0x2028, "a line separator", NULL },
	{ 0x2029, 0x2029, "a paragraph separator", NULL },
	{ 0x202a, 0x202e, "a bidirectional control", NULL },
	{ 0x2066, 0x2069, "a bidirectional control", NULL },
	{ 0xfeff, 0xfeff, "a byte-order mark", "save the file as UTF-8 without a byte-order mark" },
	{ 0xfffe, 0xffff, "a noncharacter", NULL },
};
/* clang-format on */

static const struct refused *find_refused(uint32_t cp)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused) && refused[i].lo <= cp; i++) {
		if (cp <= refused[i].hi)
			return &refused[i];
	}
	return NULL;
}

bool filter_allows(uint32_t cp)
{
	return find_refused(cp) == NULL;
}

static void report(struct diags *d, struct loc loc, uint32_t cp, const struct refused *r)
{
	diag_add(d, "E_BYTES", loc, "U+%04X is not allowed: it is %s", cp, r->name);
	if (r->hint)
		diag_hint(d, "%s", r->hint);
}

static bool is_plain_ascii(unsigned char c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t';
}

/* Eight bytes at a time, for as long as all are printable ASCII or line feeds; *at follows. How many those were. */
static size_t skip_plain(const char *data, size_t len, struct loc *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	size_t i = 0, begin = 0; /* begin: of the line */
	for (; len - i >= 8; i += 8) {
		uint64_t w;
		memcpy(&w, data + i, sizeof(w));
		/* A byte below 0x20, of 0x7f or above leaves its high bit; where there is one it is a line feed or the end. */
		uint64_t odd = ((w - ones * 0x20) | (w + ones) | w) & high;
		if (odd == 0)
			continue;
		size_t k = i;
		for (; k < i + 8 && (data[k] == '\n' || ((unsigned char)data[k] >= 0x20 && (unsigned char)data[k] < 0x7f)); k++) {
			if (data[k] == '\n') {
				at->line++;
				begin = k + 1;
			}
		}
		if (k < i + 8) {
			i = k;
			break;
		}
	}
	at->col = (uint32_t)(i - begin) + 1;
	return i;
}

bool filter_file(uint32_t diag_file, const char *data, size_t len, struct diags *d)
{
	struct loc at = {diag_file, 1, 1};
	uint32_t seen[REPORTED_MAX];
	size_t nseen = 0;
	for (size_t i = skip_plain(data, len, &at); i < len;) {
		uint32_t cp;
		if (is_plain_ascii((unsigned char)data[i])) {
			i++;
			at.col++;
			continue;
		}
		if (data[i] == '\n') {
			i++;
			at.line++;
			at.col = 1;
			continue;
		}
		size_t n = utf8_next(data + i, len - i, &cp);
		if (n == 0) {
			diag_add(d, "E_BYTES", at, "byte 0x%02X is not UTF-8", (unsigned char)data[i]);
			diag_hint(d, "save the file as UTF-8");
			return false;
		}
		const struct refused *r = find_refused(cp);
		bool again = false;
		for (size_t k = 0; k < nseen; k++)
			again |= seen[k] == cp;
		if (r && !again) {
			report(d, at, cp, r);
			seen[nseen++] = cp;
			if (nseen == REPORTED_MAX)
				return false;
		}
		i += n;
		at.col++;
	}
	return nseen == 0;
}

bool filter_scalar(const char *text, size_t len, struct loc loc, struct diags *d)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t n = utf8_next(text + i, len - i, &cp);
		if (n == 0) {
			diag_add(d, "E_BYTES", loc, "this value holds an escape that is no character");
			return false;
		}
		const struct refused *r = find_refused(cp);
		if (r) {
			report(d, loc, cp, r);
			return false;
		}
		i += n;
	}
	return true;
}
