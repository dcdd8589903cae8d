/* SPDX-License-Identifier: Apache-2.0 */
/* prop - random numbers that repeat from a seed, and TAP, for the property tests. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct prng {
	uint64_t s;
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t prng_u64(struct prng *p)
{
	uint64_t z = p->s += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static inline uint32_t prng_below(struct prng *p, uint32_t n)
{
	return (uint32_t)((prng_u64(p) >> 32) * n >> 32);
}

static inline bool prng_chance(struct prng *p, uint32_t percent)
{
	return prng_below(p, 100) < percent;
}

/* PROP_SEED and PROP_CASES change a run; what failed prints the seed to repeat it. */
static inline uint64_t prop_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

struct tap {
	unsigned int n, failed;
};

static inline void tap_ok(struct tap *t, bool ok, const char *name)
{
	t->n++;
	t->failed += !ok;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", t->n, name);
}

static inline int tap_done(const struct tap *t)
{
	printf("1..%u\n", t->n);
	return t->failed ? 1 : 0;
}
