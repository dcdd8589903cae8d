/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare - a plan beside what the kernel holds, in the compile role: it has no rights, and the apply role reads no plan of others.
 *
 * The result is a document (report/verdict.h says what is in it).
 */
#pragma once

#include "ipc.h"
#include "message.h"
#include "plan/gw_plan.h"

struct compare {
	struct arena arena; /* of plan */
	struct gw_plan plan;
	bool has_plan;
	char err[512]; /* why not */
};

void compare_init(struct compare *c);
void compare_release(struct compare *c);
/* Takes one half; the second is answered on sock. 0, or a negative errno when the role must end. */
int compare_request(struct compare *c, int sock, const struct ipc_frame *f);
