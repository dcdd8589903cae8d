/* SPDX-License-Identifier: Apache-2.0 */
/* attempts - what the probes try: one row an attempt. Run in a process that is locked down already. */
#pragma once

#include <sys/un.h>

#include "sandbox/sandbox.h"

struct ground {
	char top[32], own[64], outside[64]; /* folders; own is the one that the process may use, if it may any */
	uint16_t open_port, other_port;     /* of listeners on 127.0.0.1; open: the one that it may connect to, if any */
	struct sockaddr_un abstract, path_socket;
	pid_t victim; /* a process of the same user, outside */
	int fd[4];    /* the listeners; the prober's */
};

struct attempt {
	const char *name; /* "may" or "may not" comes before it */
	int (*fn)(const struct ground *g, const struct sandbox *s); /* 0: it got through, or a positive errno */
	uint32_t may; /* 1 << enum sandbox_who: for them it must work */
};

extern const struct attempt attempts[];
extern const size_t attempts_n;
