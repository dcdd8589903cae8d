/* SPDX-License-Identifier: Apache-2.0 */
/* Release records, ticks, trust files, lists of plans, and whether a change only revokes. The first byte chooses. */
#include "fuzz.h"

#include <sodium.h>

#include "release/plans.h"
#include "trust/record.h"
#include "trust/revocation.h"
#include "trust/tick.h"
#include "trust/trust_file.h"

/* What parses is written as the same bytes. */
static void fuzz_record(const uint8_t *data, size_t size)
{
	struct buf again = BUF_INIT;
	struct record r;
	char err[200] = "";

	if (record_parse(&r, (const char *)data, size, err, sizeof(err)) == 0) {
		record_write(&r, &again);
		FUZZ_ASSERT(again.len == size && memcmp(again.p, data, size) == 0);
		FUZZ_ASSERT(r.serial > 0 && r.serial <= RECORD_SERIAL_MAX && size <= RECORD_MAX);
	} else {
		FUZZ_ASSERT(err[0] != '\0' && r.serial == 0);
	}
	buf_release(&again);
}

static void fuzz_tick(const uint8_t *data, size_t size)
{
	struct buf again = BUF_INIT;
	struct tick t;
	char err[200] = "";

	if (tick_parse(&t, (const char *)data, size, err, sizeof(err)) == 0) {
		tick_write(&t, &again);
		FUZZ_ASSERT(again.len == size && memcmp(again.p, data, size) == 0);
		(void)tick_state_at(&t, TRUST_TICK_TTL, 1800000000);
	} else {
		FUZZ_ASSERT(err[0] != '\0' && t.serial == 0);
	}
	buf_release(&again);
}

/* Roles that rules and effects name exist, and may sign releases. */
static void fuzz_trust_file(const uint8_t *data, size_t size)
{
	struct arena a;
	struct diags d;
	struct trust_file t;

	arena_init(&a);
	diags_init(&d, &a);
	uint32_t file = diags_add_file(&d, "t", (const char *)data, size);
	if (trust_file_parse(&t, file, (const char *)data, size, &a, &d) == 0) {
		FUZZ_ASSERT(t.root.threshold > 0 && t.root.threshold <= t.root.nmembers && t.tick_ttl > 0);
		for (size_t i = 0; i < t.nrules; i++)
			for (size_t k = 0; k < t.rule[i].nroles; k++)
				FUZZ_ASSERT(t.role[t.rule[i].role[k]].may & TRUST_MAY_RELEASE);
		(void)trust_rule_of(&t, "policies/a.yaml");
		FUZZ_ASSERT(!trust_ignores(&t, "policies/a.yaml") && !trust_ignores(&t, "trust/x"));
	} else {
		FUZZ_ASSERT(d.n > 0);
	}
	diags_release(&d);
	arena_release(&a);
}

/* Two files, parted by a NUL. */
static void fuzz_revocation(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, '\0', size);

	if (nul == NULL)
		(void)revocation_only((const char *)data, size, NULL, 0);
	else
		(void)revocation_only((const char *)data, (size_t)(nul - data), (const char *)nul + 1, size - 1 - (size_t)(nul - data));
}

static void fuzz_plans(const uint8_t *data, size_t size)
{
	struct buf again = BUF_INIT;
	struct arena a;
	struct plans p;

	arena_init(&a);
	if (plans_parse(&p, (const char *)data, size, &a) == 0) {
		plans_write(&p, &again);
		FUZZ_ASSERT(again.len == size && memcmp(again.p, data, size) == 0);
	} else {
		FUZZ_ASSERT(p.n == 0);
	}
	buf_release(&again);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const target[])(const uint8_t *, size_t) = { fuzz_record, fuzz_tick, fuzz_trust_file, fuzz_revocation,
								 fuzz_plans };

	if (size < 1 || sodium_init() < 0)
		return 0;
	target[data[0] % 5](data + 1, size - 1);
	return 0;
}
