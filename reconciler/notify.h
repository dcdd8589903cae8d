/* SPDX-License-Identifier: Apache-2.0 */
/* notify - sd_notify(3)'s protocol: one datagram to $NOTIFY_SOCKET. */
#pragma once

/* "READY=1\nSTATUS=...". Does nothing when nobody listens. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
