/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launcher - the one process that keeps rights: it starts and ends roles when the supervisor asks, and connects to a userspace WireGuard
 * when the apply role asks. It reads fixed messages from these two and nothing else; the configuration it has from before it
 * was made, so that nobody can tell it another repository or another key file.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "message.h"
#include "sandbox/users.h"

struct launcher { /* the supervisor's side */
	pid_t pid; /* 0: none */
	int sock;  /* -1 */
};

/* Forks it. Before the supervisor gives up its own rights and while it has no descriptors worth passing on. 0 or a negative errno. */
int launcher_start(struct launcher *l, const struct config *c, const struct users *u);
/* Ends it, and with it each role that is left. */
void launcher_stop(struct launcher *l);
/*
 * Starts a role with its settings sent: its process and our end of its socket. 0 or a negative errno; -EPIPE: the launcher is
 * gone, and the daemon should go too.
 */
int launcher_role(struct launcher *l, enum role_id id, pid_t *pid, int *sock);
/* Waits so long for a role to end by itself, kills it after that, and gives its wait(2) status. 0 or a negative errno. */
int launcher_end(struct launcher *l, enum role_id id, int wait_ms, int *status);

/* The apply role's side, by its door: a connected socket of the userspace WireGuard of that interface, or a negative errno. */
int launcher_wireguard(int door, const char *interface);
