/* SPDX-License-Identifier: Apache-2.0 */
/* change - whether a new plan may be carried out as it is, told before anything is touched. */
#pragma once

#include "apply/plans.h"
#include "message.h"

/* What would have to come first. News for the guard go to sock before this returns; a supervisor that is gone shows at the next receive. */
enum apply_verdict change_judge(const struct plans *p, const struct ipc_apply_req *req, int64_t now, int sock, struct weight *w);
