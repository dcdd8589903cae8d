/* SPDX-License-Identifier: Apache-2.0 */
#include "import/strmap.h"

#include <string.h>

#include <sodium.h>

struct strmap_slot {
	const char *key; /* NULL: free */
	size_t len;
	uint32_t number;
};

void strmap_init(struct strmap *m, struct arena *a)
{
	_Static_assert(sizeof(m->secret) == crypto_shorthash_KEYBYTES, "the key of SipHash");
	*m = (struct strmap){.a = a};
	randombytes_buf(m->secret, sizeof(m->secret));
}

static struct strmap_slot *find(const struct strmap *m, const void *key, size_t len)
{
	uint64_t h;

	crypto_shorthash((unsigned char *)&h, key, len, m->secret);
	size_t i = (size_t)h & (m->cap - 1);
	while (m->slot[i].key != NULL && (m->slot[i].len != len || memcmp(m->slot[i].key, key, len) != 0))
		i = (i + 1) & (m->cap - 1);
	return &m->slot[i];
}

static void grow(struct strmap *m)
{
	struct strmap old = *m;

	m->cap = old.cap ? old.cap * 2 : 64;
	m->slot = arena_array(m->a, m->cap, struct strmap_slot);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].key != NULL)
			*find(m, old.slot[i].key, old.slot[i].len) = old.slot[i];
}

uint32_t strmap_get(const struct strmap *m, const void *key, size_t len)
{
	if (m->cap == 0)
		return STRMAP_NONE;
	const struct strmap_slot *s = find(m, key, len);
	return s->key != NULL ? s->number : STRMAP_NONE;
}

bool strmap_add(struct strmap *m, const void *key, size_t len, uint32_t number)
{
	if (m->n * 2 >= m->cap)
		grow(m);
	struct strmap_slot *s = find(m, key, len);
	if (s->key != NULL)
		return false;
	*s = (struct strmap_slot){arena_strndup(m->a, key, len), len, number};
	m->n++;
	return true;
}
