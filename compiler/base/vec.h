/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vec - a typed growing array on the heap.
 *
 *	VEC(uint32_t) ids = VEC_INIT;
 *	vec_push(&ids, 7);
 *	for (size_t i = 0; i < ids.n; i++) use(ids.v[i]);
 *	vec_release(&ids);
 *
 * A struct that keeps the result for long copies it into its arena (vec_freeze).
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>

#include "base/arena.h"

#define VEC(type) struct { type *v; size_t n, cap; }
#define VEC_INIT { NULL, 0, 0 }

void *vec_grow(void *v, size_t *cap, size_t need, size_t size); /* never returns NULL */

#define vec_reserve(vec, more) \
	((vec)->n + (more) > (vec)->cap ? \
	 (void)((vec)->v = vec_grow((vec)->v, &(vec)->cap, (vec)->n + (more), sizeof(*(vec)->v))) : (void)0)
#define vec_push(vec, val) \
	do { vec_reserve((vec), 1); (vec)->v[(vec)->n++] = (val); } while (0)
#define vec_release(vec) \
	do { free((vec)->v); (vec)->v = NULL; (vec)->n = (vec)->cap = 0; } while (0)
#define vec_freeze(vec, arena) \
	arena_dup((arena), (vec)->v, (vec)->n * sizeof(*(vec)->v))
