/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - protocol and port on one axis: protocol << 16 | port, 24 bits.
 *
 * tcp/443 is [6<<16|443, same], tcp is [6<<16, 6<<16|65535], any is [0, SERVICE_LAST]; icmp is two
 * intervals (1 and 58). A protocol without ports stands on its whole 16-bit run.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_LAST 0xffffffu
#define SERVICE(proto, port) ((uint32_t)(proto) << 16 | (uint32_t)(port))
#define SERVICE_PROTO(s) ((s) >> 16)
#define SERVICE_PORT(s) ((s) & 0xffffu)
#define SERVICE_TEXT_MAX 64

/* An inclusive interval of services. */
struct service {
	uint32_t lo, hi;
};

/* Parses one `ports` item of the language ("tcp/443", "udp/5000-5100", "icmp", "proto/47", "any") into 1 or 2 intervals; returns their number, 0 on bad text. */
size_t service_parse(const char *s, size_t n, struct service out[static 2]);
/* One interval as the language writes it ("tcp/443", "tcp/80-90", "tcp", "icmp" for 1, "icmpv6" for 58, "proto/47", "any"); wider ones as "proto/2-5" or "proto/6:443-proto/17:53". Returns out. */
char *service_format(struct service s, char out[static SERVICE_TEXT_MAX]);
