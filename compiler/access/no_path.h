/* SPDX-License-Identifier: Apache-2.0 */
/* no_path - permissions that nothing carries. */
#pragma once

#include "resolve/resolve.h"

/* W_NO_PATH for each selector of an allowing policy's `to` that no gateway carries for any of the policy's sources. */
void no_path_warn(const struct resolved *r, struct diags *d);
