/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge's inputs: lists of objects, trees, the high-water mark's file and its kernel copy. The first byte chooses. Objects are judged as tip
 * and base in turn.
 */
#include "fuzz.h"

#include <sodium.h>

#include "state/hwm.h"
#include "trust/chain.h"

static void judge_pair(const struct objects *o, size_t i, size_t k, struct arena *a)
{
	struct chain_verdict v;
	struct chain_case c = { .objects = o, .path = i & 1 ? "net" : "", .base = o->v[i].id, .tip = o->v[k].id, .now = 1000 };

	chain_judge(&c, &v, a);
	FUZZ_ASSERT(v.j.accepted || (v.j.code != NULL && v.j.why != NULL));
	FUZZ_ASSERT(!v.j.accepted || (v.root.len == o->id_len && v.j.code == NULL));
}

static void fuzz_objects(const uint8_t *data, size_t size)
{
	struct objects o;
	struct arena a;

	arena_init(&a);
	if (objects_open(&o, data, size, &a) == 0) {
		for (size_t i = 0; i < o.n && i < 4; i++) {
			struct source s;
			struct diags d;
			struct object_error e = { NULL, NULL };
			diags_init(&d, &a);
			if (objects_source(&o, &o.v[i].id, &s, &a, &d, &e) < 0)
				FUZZ_ASSERT(e.code != NULL && e.why != NULL);
			diags_release(&d);
			for (size_t k = 0; k < o.n && k < 4; k++) {
				const char **path;
				size_t n;
				judge_pair(&o, i, k, &a);
				if (objects_diff(&o, &o.v[i].id, &o.v[k].id, &path, &n, &a, &e) < 0)
					FUZZ_ASSERT(e.code != NULL);
			}
		}
	}
	arena_release(&a);
}

/* A tree's own bytes, with itself as what its folders are: none can be found, so it ends. */
static void fuzz_tree(const uint8_t *data, size_t size)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	const char *p = (const char *)data, *end = p + size;
	struct object_entry e;

	while (object_entry_next(&p, end, 20, &e) == 1)
		FUZZ_ASSERT(e.name + strlen(e.name) < end && e.name[0] != '\0');
	objects_begin(&b, 20);
	objects_add(&b, OBJECT_TREE, data, size);
	objects_add(&b, OBJECT_TREE, "", 0);
	fuzz_objects((const uint8_t *)b.p, b.len);
}

static void fuzz_hwm(const uint8_t *data, size_t size)
{
	struct hwm h;
	struct buf again BUF_CLEANUP = BUF_INIT;

	if (hwm_decode(&h, data, size) < 0) {
		FUZZ_ASSERT(h.serial == 0);
		return;
	}
	hwm_encode(&h, &again);
	FUZZ_ASSERT(again.len == size && memcmp(again.p, data, size) == 0);
}

static void fuzz_mark(const uint8_t *data, size_t size)
{
	char text[MARK_TEXT_MAX], again[MARK_TEXT_MAX];
	struct hwm h;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!hwm_mark_parse(&h, text))
		return;
	hwm_mark(&h, again);
	FUZZ_ASSERT(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const target[])(const uint8_t *, size_t) = { fuzz_objects, fuzz_tree, fuzz_hwm, fuzz_mark };

	if (size < 1 || sodium_init() < 0)
		return 0;
	target[data[0] % 4](data + 1, size - 1);
	return 0;
}
