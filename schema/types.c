/* SPDX-License-Identifier: Apache-2.0 */
#include "types.h"

const struct type *const types[] = {
	&type_address, &type_all_or_int, &type_bool, &type_bytes, &type_degrees, &type_domain, &type_duration,
	&type_endpoint, &type_hours, &type_int, &type_interface, &type_key, &type_name, &type_ports, &type_prefix,
	&type_range, &type_rate, &type_selector, &type_string, &type_switch, &type_tag, &type_text, &type_time,
	&type_timezone, &type_url, NULL,
};
