/* SPDX-License-Identifier: Apache-2.0 */
/* probe - whether an address takes a TCP connection from here. */
#pragma once

#include "message.h"

/* 0, or a negative errno. Nothing is sent over the connection. */
int probe_connect(const struct ipc_probe_req *req);
