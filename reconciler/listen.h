/* SPDX-License-Identifier: Apache-2.0 */
/* listen - the supervisor's part in HTTP: it opens the socket and reads the secret, and hands both to the role that answers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "message.h"

struct listen_at {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* "192.0.2.1:9469", "[2001:db8::1]:9469"; no names, and a port above 0. */
bool listen_parse(const char *text, struct listen_at *at);
/* A socket that listens there, whether the address is there yet or not (ip(7) IP_FREEBIND); or a negative errno and a sentence. */
int listen_open(const char *text, char *err, size_t err_size);
/* Reads the webhook's secret into m: one line of HOOK_SECRET_MIN to HOOK_SECRET_MAX bytes, in a file that only we can read. */
int listen_secret(const char *path, struct ipc_listen *m, char *err, size_t err_size);
