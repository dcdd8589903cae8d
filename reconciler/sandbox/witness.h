/* SPDX-License-Identifier: Apache-2.0 */
/* witness - what the kernel says of this process's rights. Opened while files can be, read when they cannot. */
#pragma once

#include "sandbox/sandbox.h"

/* A descriptor, or -1 where there is no /proc. */
int witness_open(void);
void witness_read(int fd, struct witness *w);
/* From the text of /proc/PID/status. */
void witness_parse(const char *text, struct witness *w);
