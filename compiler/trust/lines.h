/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines - the reader of what is signed as `key: value` lines in one order: records and ticks.
 *
 * A table of rows says which key stands on which line and how its value is read and written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct line_row {
	const char *key;
	size_t offset; /* of the value in the struct */
	/* Whether the text, NUL-terminated, of n bytes is such a value. Need not be strict: what is read is written again and compared. */
	bool (*read)(void *to, const char *text, size_t n);
	void (*write)(const void *from, struct buf *out);
};

/* The first line is `title`; rows end in {0}. 0, or -1 with a sentence in err; then *to is partly written. */
int lines_parse(const char *title, const struct line_row *rows, const char *text, size_t len, size_t max, void *to, char *err,
		size_t err_size);
void lines_write(const char *title, const struct line_row *rows, const void *from, struct buf *out);

/* Values that records and ticks share. */
bool lines_read_u64(void *to, const char *text, size_t n);  /* uint64_t, 1..9999999999 */
void lines_write_u64(const void *from, struct buf *out);
bool lines_read_u32(void *to, const char *text, size_t n);  /* uint32_t, 1..999999999 */
void lines_write_u32(const void *from, struct buf *out);
bool lines_read_time(void *to, const char *text, size_t n); /* int64_t, UTC seconds */
void lines_write_time(const void *from, struct buf *out);
bool lines_read_repo(void *to, const char *text, size_t n); /* 32 bytes as lower-case digits */
void lines_write_repo(const void *from, struct buf *out);
bool lines_read_digest(void *to, const char *text, size_t n); /* struct digest, "sha256:..." */
void lines_write_digest(const void *from, struct buf *out);
