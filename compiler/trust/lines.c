/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/lines.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

#define DIGEST_WORD "sha256:"
#define VALUE_MAX 256

static int refuse(char *err, size_t err_size, unsigned int line, const char *what, const char *key)
{
	snprintf(err, err_size, "line %u: %s%s", line, what, key);
	return -1;
}

/* One row from the line at *p; false when it is none. */
static bool take(const struct line_row *row, const char **p, const char *end, void *to)
{
	const char *lf = memchr(*p, '\n', (size_t)(end - *p));
	size_t key = strlen(row->key);
	char value[VALUE_MAX];

	if (lf == NULL || (size_t)(lf - *p) < key + 2 || memcmp(*p, row->key, key) != 0 || memcmp(*p + key, ": ", 2) != 0)
		return false;
	const char *v = *p + key + 2;
	size_t n = (size_t)(lf - v);
	if (n == 0 || n >= sizeof(value) || memchr(v, '\0', n) != NULL)
		return false;
	memcpy(value, v, n);
	value[n] = '\0';
	*p = lf + 1;
	return row->read((char *)to + row->offset, value, n);
}

int lines_parse(const char *title, const struct line_row *rows, const char *text, size_t len, size_t max, void *to, char *err,
		size_t err_size)
{
	struct buf again BUF_CLEANUP = BUF_INIT;
	const char *p = text, *end = text + len;
	unsigned int line = 1;

	if (len > max)
		return refuse(err, err_size, line, "more bytes than such a text may have", "");
	if (len <= strlen(title) || memcmp(p, title, strlen(title)) != 0 || p[strlen(title)] != '\n')
		return refuse(err, err_size, line, "the first line is not ", title);
	p += strlen(title) + 1;
	for (const struct line_row *row = rows; row->key != NULL; row++) {
		line++;
		if (!take(row, &p, end, to))
			return refuse(err, err_size, line, "here stands one line with a value of ", row->key);
	}
	if (p != end)
		return refuse(err, err_size, line + 1, "nothing follows the last line", "");
	lines_write(title, rows, to, &again);
	if (again.len != len || memcmp(again.p, text, len) != 0)
		return refuse(err, err_size, 1, "a value is not written in its one form", "");
	return 0;
}

void lines_write(const char *title, const struct line_row *rows, const void *from, struct buf *out)
{
	buf_addf(out, "%s\n", title);
	for (; rows->key != NULL; rows++) {
		buf_addf(out, "%s: ", rows->key);
		rows->write((const char *)from + rows->offset, out);
		buf_addc(out, '\n');
	}
}

static bool read_number(uint64_t *to, const char *text, size_t n, size_t digits)
{
	*to = 0;
	if (n == 0 || n > digits || strspn(text, "0123456789") != n)
		return false;
	for (size_t i = 0; i < n; i++)
		*to = 10 * *to + (uint64_t)(text[i] - '0');
	return *to > 0;
}

bool lines_read_u64(void *to, const char *text, size_t n)
{
	return read_number(to, text, n, 10);
}

void lines_write_u64(const void *from, struct buf *out)
{
	buf_addf(out, "%llu", (unsigned long long)*(const uint64_t *)from);
}

bool lines_read_u32(void *to, const char *text, size_t n)
{
	uint64_t v;

	if (!read_number(&v, text, n, 9))
		return false;
	*(uint32_t *)to = (uint32_t)v;
	return true;
}

void lines_write_u32(const void *from, struct buf *out)
{
	buf_addf(out, "%u", *(const uint32_t *)from);
}

bool lines_read_time(void *to, const char *text, size_t n)
{
	return clock_parse(text, n, to);
}

void lines_write_time(const void *from, struct buf *out)
{
	char text[CLOCK_TEXT_MAX];

	buf_adds(out, clock_format(*(const int64_t *)from, text));
}

/* Lower case is seen to by writing it again. */
static bool read_hex(uint8_t to[static 32], const char *text, size_t n)
{
	size_t got = 0;

	return n == 64 && sodium_hex2bin(to, 32, text, n, NULL, &got, NULL) == 0 && got == 32;
}

static void write_hex(const uint8_t *b, struct buf *out)
{
	char text[65];

	buf_adds(out, sodium_bin2hex(text, sizeof(text), b, 32));
}

bool lines_read_repo(void *to, const char *text, size_t n)
{
	return read_hex(to, text, n);
}

void lines_write_repo(const void *from, struct buf *out)
{
	write_hex(from, out);
}

bool lines_read_digest(void *to, const char *text, size_t n)
{
	const size_t word = sizeof(DIGEST_WORD) - 1;

	return n == word + 64 && memcmp(text, DIGEST_WORD, word) == 0 && read_hex(((struct digest *)to)->b, text + word, n - word);
}

void lines_write_digest(const void *from, struct buf *out)
{
	buf_adds(out, DIGEST_WORD);
	write_hex(((const struct digest *)from)->b, out);
}
