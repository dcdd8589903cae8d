/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "rows.h"

static const struct field location_fields[] = {
	{ .name = "city", .type = &type_string, .offset = SUB(struct site, location, city), .doc = "For people." },
	{ .name = "country", .type = &type_string, .offset = SUB(struct site, location, country), .doc = "For people." },
	{ .name = "region", .type = &type_string, .offset = SUB(struct site, location, region), .doc = "For people." },
	{ .name = "latitude", .type = &type_degrees, .offset = SUB(struct site, location, latitude), .min = -90, .max = 90,
	  .doc = "Degrees north of the equator." },
	{ .name = "longitude", .type = &type_degrees, .offset = SUB(struct site, location, longitude), .min = -180,
	  .max = 180, .doc = "Degrees east of Greenwich." },
	END,
};

const struct field site_fields[] = {
	{ .name = "location", .object = location_fields, .offset = offsetof(struct site, location),
	  .doc = "Where the site is." },
	SCALAR(struct site, networks, type_prefix, "Prefixes that lie behind the site.", .flags = FIELD_LIST),
	SCALAR(struct site, exit, type_bool, "Whether the site offers the internet.", .fallback = "false"),
	SCALAR(struct site, redundancy, type_all_or_int, "How many of the site's gateways admit each device.",
	       .fallback = "all", .min = 0, .max = 1000),
	{ .name = "dns", .object = dns_fields, .offset = offsetof(struct site, dns),
	  .doc = "What answers for names at this site." },
	END,
};

void site_init(void *object)
{
	struct site *s = object;
	s->location.latitude = NAN;
	s->location.longitude = NAN;
}
