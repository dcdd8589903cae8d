/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

const struct field resource_fields[] = {
	SCALAR(struct resource, addresses, type_range, "Addresses, prefixes and ranges of addresses.",
	       .flags = FIELD_REQUIRED | FIELD_LIST),
	SCALAR(struct resource, ports, type_ports, "What it offers there (default: any).", .flags = FIELD_LIST),
	SCALAR(struct resource, site, type_name, "The Site that carries it (default: the site whose networks hold it).",
	       .flags = FIELD_REF, .ref = KIND_SITE),
	END,
};
