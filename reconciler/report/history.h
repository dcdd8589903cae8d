/* SPDX-License-Identifier: Apache-2.0 */
/* history - the newest lines of the journal, without the bytes of plans in them. */
#pragma once

#include "base/buf.h"

#define HISTORY_LINES 50

/* {"ok":true,"lines":[...]}, oldest first. */
void history_json(int dirfd, struct buf *out);
