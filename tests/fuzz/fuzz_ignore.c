/* SPDX-License-Identifier: Apache-2.0 */
/* .yettignore: the last line is a path, the lines before it are patterns. */
#include "fuzz.h"

#include "source/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *last = memrchr(data, '\n', size);
	size_t patterns = last != NULL ? (size_t)(last - data) + 1 : 0;
	struct ignore ig;
	struct arena a;

	arena_init(&a);
	memset(&ig, 0, sizeof(ig));
	ignore_parse(&ig, &a, (const char *)data, patterns);
	const char *path = arena_strndup(&a, (const char *)data + patterns, size - patterns);
	bool file = ignore_matches(&ig, path, false), again = ignore_matches(&ig, path, false);
	FUZZ_ASSERT(file == again);
	(void)ignore_matches(&ig, path, true);
	arena_release(&a);
	return 0;
}
