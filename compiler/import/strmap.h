/* SPDX-License-Identifier: Apache-2.0 */
/* strmap - bytes to a number, for names that files bring in any quantity. Keys are copied into the arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define STRMAP_NONE UINT32_MAX

struct strmap {
	struct arena *a;
	struct strmap_slot *slot;
	size_t n, cap;
	uint8_t secret[16]; /* of this process: who writes the names does not choose the buckets */
};

/* sodium_init() comes before. The order of a map shows nowhere. */
void strmap_init(struct strmap *m, struct arena *a);
uint32_t strmap_get(const struct strmap *m, const void *key, size_t len); /* STRMAP_NONE: not there */
/* false: it was there and keeps its number. */
bool strmap_add(struct strmap *m, const void *key, size_t len, uint32_t number);
