/* SPDX-License-Identifier: Apache-2.0 */
#include "access/point.h"

/* Services that people know, the commonest first. */
static const uint32_t telling[] = {SERVICE(6, 443), SERVICE(6, 22), SERVICE(6, 80), SERVICE(17, 53)};

#define TELLING_ADDR addr_from_v4(0x01010101)

struct point point_of(struct region r)
{
	struct box lowest = region_first(r);

	for (size_t i = 1; i < r.n; i++) {
		struct box b = region_first((struct region){&r.v[i], 1});
		if (b.addr.lo < lowest.addr.lo)
			lowest = b;
	}
	struct point p = {lowest.addr.lo, lowest.service.lo};

	if (p.addr == 0 && lowest.addr.hi >= TELLING_ADDR)
		p.addr = TELLING_ADDR;
	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++)
		if (region_contains(r, p.addr, telling[i]))
			return (struct point){p.addr, telling[i]};
	return p;
}

const char *point_text(struct point p, struct arena *a)
{
	char addr[ADDR_TEXT_MAX], service[SERVICE_TEXT_MAX];
	uint32_t proto = SERVICE_PROTO(p.service);
	bool ports = proto == 6 || proto == 17;
	struct service s = {ports ? p.service : SERVICE(proto, 0), ports ? p.service : SERVICE(proto, 0xffff)};

	return arena_printf(a, "%s %s", addr_format(p.addr, addr), service_format(s, service));
}
