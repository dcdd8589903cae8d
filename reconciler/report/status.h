/* SPDX-License-Identifier: Apache-2.0 */
/* status - what the supervisor answers to yettctl, as JSON. */
#pragma once

#include "base/buf.h"

struct supervisor;

void status_json(const struct supervisor *s, struct buf *out);
void status_sync_json(const struct supervisor *s, struct buf *out);
void status_diff_json(const struct supervisor *s, struct buf *out);
void status_verify_json(const struct supervisor *s, struct buf *out);
