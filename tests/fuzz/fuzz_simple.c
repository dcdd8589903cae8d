/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of everyday files against libyaml: what it takes gives the same nodes at the same places, and has no mistake. */
#include "fuzz.h"
#include "simple_agree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FUZZ_ASSERT(simple_agree((const char *)data, size) != AGREE_NOT);
	return 0;
}
