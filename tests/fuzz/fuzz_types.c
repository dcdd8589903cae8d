/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar types: what parses prints, what is printed parses to the same text again. The first byte chooses the type. */
#include "fuzz.h"

#include <sodium.h>

#include "field.h"

static const char *print_of(const struct type *t, struct arena *a, const char *text, size_t len)
{
	const char *code = NULL, *why = NULL, *hint = NULL;
	void *value = arena_alloc(a, t->size);

	if (t->parse(a, text, len, value, &code, &why, &hint) != 0) {
		FUZZ_ASSERT(why != NULL);
		return NULL;
	}
	return t->print(a, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	size_t n = 0;

	if (size < 1 || sodium_init() < 0)
		return 0;
	while (types[n] != NULL)
		n++;
	const struct type *t = types[data[0] % n];
	arena_init(&a);
	const char *text = arena_strndup(&a, (const char *)data + 1, size - 1);
	if (strlen(text) == size - 1) { /* the reader of YAML lets no NUL through */
		const char *once = print_of(t, &a, text, size - 1);
		if (once != NULL) {
			const char *twice = print_of(t, &a, once, strlen(once));
			FUZZ_ASSERT(twice != NULL && strcmp(once, twice) == 0);
		}
	}
	arena_release(&a);
	return 0;
}
