/* SPDX-License-Identifier: Apache-2.0 */
/* text - what the roles say about their work, in few words. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "message.h"

uint64_t text_clock_us(void); /* monotonic */
/* All diagnostics as text, bounded so that they fit a frame. */
void text_of_diags(struct diags *d, struct buf *out);
/* "+1 peer, -2 elements, 1 chain rewritten"; "nothing" for none. */
void text_of_counts(const struct change_counts *c, struct buf *out);
/* "12.3 ms" */
void text_of_us(uint64_t us, struct buf *out);
/* "1f2e3d4", or "a plan" for an unknown commit; out holds COMMIT_TEXT_MAX. */
const char *text_of_commit(const char *commit, char out[static COMMIT_TEXT_MAX]);
/* "nft (process 4711) changed the table"; "" when nothing was heard. */
void text_of_drift(const struct drift *d, struct buf *out);
/* "repaired in 1.2 ms after nft (process 4711) changed the table: +1 element; 1f2e3d4 is in force" */
void text_of_repair(const struct ipc_apply_res *res, const char *commit, struct buf *out);
