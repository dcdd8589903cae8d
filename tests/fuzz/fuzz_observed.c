/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compile role's reader of what a kernel was found with, and the decompiler behind it: whatever table that is, it is told as access or what
 * of it is not understood is named, and it agrees with itself. The checksum is mended first.
 */
#include "fuzz.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/digest.h"
#include "plan/agree.h"

/* A kernel's peers have no dates. */
static void forget_dates(struct gw_plan *p)
{
	for (size_t i = 0; i < p->npeers; i++) {
		p->peer[i].revoked = false;
		p->peer[i].not_before = CLOCK_EVER;
		p->peer[i].expires = CLOCK_NEVER;
	}
}

static void try_agree(const struct gw_plan *p, struct arena *a)
{
	const struct gw_plan none = { .gateway = "", .interface = p->interface, .present = true, .up = true, .public_key = p->public_key };
	struct agreement x;

	agree_compare(&x, p, p, 0, a);
	FUZZ_ASSERT(x.ngroups == 0);
	agree_compare(&x, p, &none, 0, a);
	agree_compare(&x, &none, p, 0, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes BUF_CLEANUP = BUF_INIT, again BUF_CLEANUP = BUF_INIT, third BUF_CLEANUP = BUF_INIT;
	struct gw_plan p, q;
	struct arena a;
	char err[256];

	if (size < DIGEST_BYTES || size > 16384 || sodium_init() < 0)
		return 0;
	buf_add(&bytes, data, size);
	struct digest d = digest_fast(bytes.p, size - DIGEST_BYTES);
	memcpy(bytes.p + size - DIGEST_BYTES, d.b, DIGEST_BYTES);
	arena_init(&a);
	if (gw_plan_decode_observed(&p, bytes.p, bytes.len, &a, err, sizeof(err)) == 0) {
		/* Put in order once, it is in order. */
		gw_plan_encode_observed(&p, &again);
		FUZZ_ASSERT(gw_plan_decode_observed(&q, again.p, again.len, &a, err, sizeof(err)) == 0);
		gw_plan_encode_observed(&q, &third);
		FUZZ_ASSERT(third.len == again.len && memcmp(third.p, again.p, third.len) == 0);
		forget_dates(&p);
		try_agree(&p, &a);
	}
	arena_release(&a);
	return 0;
}
