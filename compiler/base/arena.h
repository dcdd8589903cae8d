/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena - memory that dies together.
 *
 * Everything one compile allocates comes from one arena and is released by
 * arena_release(). Allocation never fails: out of memory ends the process with
 * a message (a compile runs in a process of its own).
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena {
	struct arena_block *head; /* newest first */
	size_t used;              /* bytes handed out, for statistics */
};

void arena_init(struct arena *a);
void arena_release(struct arena *a); /* frees all; the arena is usable again */
/* The same, keeping one block for what comes next. */
void arena_reset(struct arena *a);
/* Moves all that from holds into a: it lives as long as a does from here on, and from is empty. */
void arena_adopt(struct arena *a, struct arena *from);

/* Zeroed memory, aligned for any type; size 0 gives a unique pointer. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_calloc(struct arena *a, size_t n, size_t size); /* checks n * size */
void *arena_dup(struct arena *a, const void *p, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Ends the process: size more bytes were not to be had. */
void arena_oom(size_t size) __attribute__((noreturn));

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, n, type) ((type *)arena_calloc((a), (n), sizeof(type)))
