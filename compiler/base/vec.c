/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <stdint.h>

void *vec_grow(void *v, size_t *cap, size_t need, size_t size)
{
	size_t want = *cap < 8 ? 8 : *cap + *cap / 2;
	if (want < need)
		want = need;
	size_t bytes;
	if (__builtin_mul_overflow(want, size, &bytes))
		arena_oom(SIZE_MAX);
	void *grown = realloc(v, bytes);
	if (!grown)
		arena_oom(bytes);
	*cap = want;
	return grown;
}
