/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/blobs.h"

#include <stdlib.h>
#include <string.h>

#define GARBAGE_MAX ((size_t)4 << 20) /* besides as much as the newest tree has */
#define PLACES_MIN 1024

void blobs_init(struct blobs *b)
{
	memset(b, 0, sizeof(*b));
	arena_init(&b->arena);
}

void blobs_release(struct blobs *b)
{
	arena_release(&b->arena);
	free(b->table);
	blobs_init(b);
}

void blobs_begin(struct blobs *b)
{
	if (b->bytes > 2 * b->used + GARBAGE_MAX)
		blobs_release(b);
	b->used = b->read = 0;
}

/* The place of that id, or the free one where it would go. */
static struct blob *place_of(const struct blobs *b, const git_oid *id)
{
	size_t h;

	memcpy(&h, id->id, sizeof(h)); /* as good as random already */
	for (size_t i = h & (b->places - 1);; i = (i + 1) & (b->places - 1))
		if (b->table[i].data == NULL || git_oid_equal(&b->table[i].id, id))
			return &b->table[i];
}

static void grow(struct blobs *b)
{
	struct blob *old = b->table;
	size_t n = b->places;

	b->places = n > 0 ? 2 * n : PLACES_MIN;
	b->table = calloc(b->places, sizeof(*b->table));
	if (b->table == NULL)
		arena_oom(b->places * sizeof(*b->table));
	for (size_t i = 0; i < n; i++)
		if (old[i].data != NULL)
			*place_of(b, &old[i].id) = old[i];
	free(old);
}

static const char *find(void *ctx, const git_oid *id, size_t *len)
{
	struct blobs *b = ctx;
	const struct blob *place = b->n > 0 ? place_of(b, id) : NULL;

	if (place == NULL || place->data == NULL)
		return NULL;
	*len = place->len;
	b->used += place->len;
	return place->data;
}

static const char *keep(void *ctx, const git_oid *id, const void *data, size_t len)
{
	struct blobs *b = ctx;

	if (2 * (b->n + 1) > b->places)
		grow(b);
	struct blob *place = place_of(b, id);
	b->used += len;
	b->read++;
	if (place->data == NULL) {
		char *copy = arena_alloc(&b->arena, len + 1);
		if (len > 0)
			memcpy(copy, data, len);
		*place = (struct blob){ *id, copy, len };
		b->bytes += len;
		b->n++;
	}
	return place->data;
}

struct source_blobs blobs_door(struct blobs *b)
{
	return (struct source_blobs){ .ctx = b, .find = find, .keep = keep };
}
