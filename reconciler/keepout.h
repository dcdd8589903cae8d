/* SPDX-License-Identifier: Apache-2.0 */
/* keepout - the supervisor's part in keeping revoked keys out: it keeps the list, and the apply role takes them out of plans. */
#pragma once

#include "config.h"
#include "role.h"
#include "state/store.h"

struct keepout {
	struct buf denied; /* lines of "deny" */
	size_t n;
};

void keepout_release(struct keepout *k);
/* From the open store; a negative errno: what it says cannot be read, and is not overwritten. */
int keepout_load(struct keepout *k, const struct store *s);
/* Tells the apply role, with whom the local configuration exempts. */
int keepout_send(const struct keepout *k, const struct config *c, const struct role *apply);
/* What the apply role found revoked: kept, without exempt keys. 0 or a negative errno; -EBADMSG: it is no such list. */
int keepout_take(struct keepout *k, const struct config *c, const struct store *s, int fd);
