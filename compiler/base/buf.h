/* SPDX-License-Identifier: Apache-2.0 */
/* buf - a growing byte string on the heap; always NUL-terminated at .len once non-empty. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

struct buf {
	char *p; /* NULL while empty */
	size_t len, cap;
};

#define BUF_INIT { NULL, 0, 0 }

void buf_release(struct buf *b); /* frees and re-initialises */
void buf_reset(struct buf *b);   /* len = 0, keeps the memory */
void buf_reserve(struct buf *b, size_t more);
static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	if (b->cap - b->len <= n) /* one more for the NUL */
		buf_reserve(b, n);
	if (n > 0)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
const char *buf_str(const struct buf *b); /* "" while empty; valid until the next change */

#define BUF_CLEANUP __attribute__((cleanup(buf_release)))
