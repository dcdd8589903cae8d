/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_FIRST ((size_t)32 << 10)
#define BLOCK_LAST ((size_t)1 << 20)

struct arena_block {
	struct arena_block *next;
	size_t used, size; /* of bytes[] */
	alignas(max_align_t) char bytes[];
};

void arena_oom(size_t size)
{
	fprintf(stderr, "yett: out of memory (%zu bytes more)\n", size);
	exit(2);
}

void arena_init(struct arena *a)
{
	a->head = NULL;
	a->used = 0;
}

void arena_release(struct arena *a)
{
	struct arena_block *b = a->head;
	while (b) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
	arena_init(a);
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->head;

	if (b == NULL || b->size > BLOCK_LAST) {
		arena_release(a);
		return;
	}
	a->head = b->next;
	arena_release(a);
	memset(b->bytes, 0, b->used);
	b->used = 0;
	b->next = NULL;
	a->head = b;
}

void arena_adopt(struct arena *a, struct arena *from)
{
	struct arena_block **end = a->head ? &a->head->next : &a->head;

	/* Behind the head, so that its rest stays in use. */
	struct arena_block *after = *end;
	*end = from->head;
	while (*end)
		end = &(*end)->next;
	*end = after;
	a->used += from->used;
	arena_init(from);
}

static struct arena_block *block_new(size_t size)
{
	if (size > SIZE_MAX / 2)
		arena_oom(size);
	struct arena_block *b = calloc(1, sizeof(*b) + size);
	if (!b)
		arena_oom(size);
	b->size = size;
	return b;
}

/* What does not fit half a block gets one of its own, behind the head, so that the head's rest stays in use. */
static void *alloc_alone(struct arena *a, size_t size)
{
	struct arena_block *b = block_new(size);
	b->used = size;
	if (a->head) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		a->head = b;
	}
	return b->bytes;
}

/* Blocks come zeroed and are never used twice, so that nothing needs clearing here. */
static void *alloc_aligned(struct arena *a, size_t size, size_t align)
{
	if (size == 0)
		size = 1;
	a->used += size;
	struct arena_block *b = a->head;
	if (b) {
		size_t at = (b->used + align - 1) & ~(align - 1);
		if (at <= b->size && size <= b->size - at) {
			b->used = at + size;
			return b->bytes + at;
		}
	}
	size_t next = b ? b->size * 2 : BLOCK_FIRST;
	if (next > BLOCK_LAST)
		next = BLOCK_LAST;
	if (next < BLOCK_FIRST)
		next = BLOCK_FIRST;
	if (size > next / 2)
		return alloc_alone(a, size);
	b = block_new(next);
	b->used = size;
	b->next = a->head;
	a->head = b;
	return b->bytes;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return alloc_aligned(a, size, alignof(max_align_t));
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t all;
	if (__builtin_mul_overflow(n, size, &all))
		arena_oom(SIZE_MAX);
	return arena_alloc(a, all);
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, size);
	if (size > 0)
		memcpy(copy, p, size);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	if (n == SIZE_MAX)
		arena_oom(n);
	char *copy = alloc_aligned(a, n + 1, 1);
	if (n > 0)
		memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		arena_oom(SIZE_MAX);
	char *s = alloc_aligned(a, (size_t)n + 1, 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}
