/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an audit trail; and what the kernel notifies. The first byte chooses. */
#include "fuzz.h"

#include <errno.h>

#include "kernel/monitor.h"
#include "trust/trail.h"

static int see(void *ctx, const struct trail *t, const struct trail_event *e, const char *line, size_t len)
{
	(void)ctx, (void)line;
	FUZZ_ASSERT(len > 0 && e->seq == t->seq && t->seq >= t->first && *e->event != '\0');
	return 0;
}

static void fuzz_trail(const uint8_t *data, size_t size)
{
	struct trail t = { .seq = 0 };
	char err[256] = "";
	size_t line;
	int ret = trail_walk(&t, (const char *)data, size, see, NULL, &line, err, sizeof(err));

	FUZZ_ASSERT(ret == 0 || (ret == -EBADMSG && err[0] != '\0' && line > 0));
}

static void fuzz_monitor(const uint8_t *data, size_t size)
{
	struct prefix p = { addr_from_v4(0x0a070001), 32 };
	const struct gw_plan want = { .interface = "wg0", .mtu = 1420, .address = &p, .naddresses = 1, .route = &p, .nroutes = 1 };
	const struct kernel_self self = { 1, 2, 3 };
	struct monitor m = { .touched = false };
	struct drift d = { .kinds = 0 };
	void *copy = malloc(size + 1); /* aligned, as a datagram is */

	if (copy == NULL)
		return;
	memcpy(copy, data, size);
	monitor_nft(&m, copy, size, &self, &d);
	monitor_rtnl(copy, size, &want, &self, &d);
	FUZZ_ASSERT(memchr(d.program, '\0', sizeof(d.program)) != NULL && d.kinds < 1u << DRIFT_KINDS);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || sodium_init() < 0)
		return 0;
	(data[0] % 2 ? fuzz_monitor : fuzz_trail)(data + 1, size - 1);
	return 0;
}
