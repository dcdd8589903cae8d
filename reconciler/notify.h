/* SPDX-License-Identifier: Apache-2.0 */
/* notify - sd_notify(3)'s protocol: one datagram to $NOTIFY_SOCKET. */
#pragma once

#include <stdint.h>

/* "READY=1\nSTATUS=...". Does nothing when nobody listens. */
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * How often the service manager wants to hear that we live: a third of what it waits for (sd_watchdog_enabled(3)), in milliseconds; 0: never,
 * or another process is meant.
 */
int64_t notify_watchdog_ms(void);
