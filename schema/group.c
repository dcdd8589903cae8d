/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

const struct field group_fields[] = {
	SCALAR(struct group, members, type_selector,
	       "Who belongs to the group: user:, group:, device: and tag: selectors.",
	       .flags = FIELD_REQUIRED | FIELD_LIST),
	END,
};
