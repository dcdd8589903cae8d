/* SPDX-License-Identifier: Apache-2.0 */
/* wg_socket - the socket on which a userspace WireGuard listens for one interface. */
#pragma once

/* A connected socket with time limits on reading and writing, or a negative errno: -EINVAL when that is no interface's name. */
int wg_socket_connect(const char *interface);
