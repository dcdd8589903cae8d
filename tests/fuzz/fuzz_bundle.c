/* SPDX-License-Identifier: Apache-2.0 */
/* The compile role's reader of bundles. */
#include "fuzz.h"

#include "source/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf again BUF_CLEANUP = BUF_INIT;
	struct source s;
	struct diags d;
	struct arena a;

	arena_init(&a);
	diags_init(&d, &a);
	if (source_open_bundle(&s, data, size, &a, &d) == 0 && d.n == 0) {
		source_to_bundle(&s, &again);
		FUZZ_ASSERT(again.len == size && memcmp(again.p, data, size) == 0);
	}
	diags_release(&d);
	arena_release(&a);
	return 0;
}
