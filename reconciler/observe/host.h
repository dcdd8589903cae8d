/* SPDX-License-Identifier: Apache-2.0 */
/* host - what the machine around our table does, read and never changed: forwarding, the kernel's time zone. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "plan/gw_plan.h"

struct host { /* files that are read again and again by a process that may open none; -1: not there */
	int forwarding[2];
};

#define HOST_NONE { { -1, -1 } }

/* root: "" or a folder in place of /. */
void host_open(struct host *h, const char *root);
void host_close(struct host *h);

/* enum host_warning bits: forwarding is off for a family that the plan has addresses of. */
uint32_t host_forwarding(const struct gw_plan *p, const struct host *h);
struct ipc_apply_res;
/* One line to print for one bit of r->warnings, with the command to type. */
void host_warning_print(uint32_t bit, const struct ipc_apply_res *r, struct buf *out);

/* Minutes west of UTC that the kernel itself uses (settimeofday(2)); `meta hour` and `meta day` are shifted by it. */
int host_minutes_west(void);
/* 0, or -ENOTSUP and "E_KERNEL_TZ ...": the plan has windows of hours or days, and the kernel's time zone is not UTC. */
int host_check_zone(const struct gw_plan *p, int minutes_west, char *err, size_t err_size);
