/* SPDX-License-Identifier: Apache-2.0 */
/* check_trust - what yett check says of trust/: a mistake there would be a tree that nobody can follow. */
#pragma once

#include "cmd.h"

/* Where there is no trust/trust.yaml there is nothing to say. Mistakes go to c->diags. */
void check_trust(const struct cmd_common *common, struct compile *c);
