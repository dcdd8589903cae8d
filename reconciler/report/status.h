/* SPDX-License-Identifier: Apache-2.0 */
/* status - what the supervisor answers to yettctl, as JSON. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

struct supervisor;

/* An answer as one line; takes o. */
void status_put(struct buf *out, json_t *o);

void status_json(const struct supervisor *s, struct buf *out);
void status_sync_json(const struct supervisor *s, struct buf *out);
void status_diff_json(const struct supervisor *s, struct buf *out);
void status_verify_json(const struct supervisor *s, struct buf *out);
