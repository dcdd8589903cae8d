/* SPDX-License-Identifier: Apache-2.0 */
/* enforced_text - yett log --audit: which gateway enforced which commit from when to when. */
#pragma once

#include "cmd.h"

/* The command's body: first and path are audit trails, files or folders. An exit status. */
int enforced_show(const struct cmd *cmd, const struct cmd_common *common, const char *first, const char *const *path,
		  size_t n);
