/* SPDX-License-Identifier: Apache-2.0 */
/* The apply role's reader of plans: what it accepts is canonical, so encoding it again gives the same bytes. The checksum is mended first. */
#include "fuzz.h"

#include <sodium.h>

#include "base/digest.h"
#include "plan/gw_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes BUF_CLEANUP = BUF_INIT, again BUF_CLEANUP = BUF_INIT;
	struct gw_plan p;
	struct arena a;
	char err[256];

	if (size < DIGEST_BYTES || sodium_init() < 0)
		return 0;
	buf_add(&bytes, data, size);
	struct digest d = digest_fast(bytes.p, size - DIGEST_BYTES);
	memcpy(bytes.p + size - DIGEST_BYTES, d.b, DIGEST_BYTES);
	arena_init(&a);
	if (gw_plan_decode(&p, bytes.p, bytes.len, &a, err, sizeof(err)) == 0) {
		gw_plan_encode(&p, &again);
		FUZZ_ASSERT(again.len == bytes.len && memcmp(again.p, bytes.p, bytes.len) == 0);
	}
	arena_release(&a);
	return 0;
}
