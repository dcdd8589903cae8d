/* SPDX-License-Identifier: Apache-2.0 */
/* local - a repository on this machine, held open, so that a look at its branch costs reading one reference. */
#pragma once

#include <git2.h>

#include "message.h"

struct local {
	git_repository *git; /* NULL: not open, or the repository is elsewhere */
};

void local_close(struct local *l);
/*
 * What the branch of the repository names: file:// and a path, or a path alone. False where it is elsewhere or anything is amiss: then a fetch
 * says what.
 */
bool local_tip(struct local *l, const char *repository, const char *branch, char commit[static COMMIT_TEXT_MAX]);
