/* SPDX-License-Identifier: Apache-2.0 */
/*
 * special_registry - what `internet` is not.
 *
 * The rows of the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190) whose "Globally
 * Reachable" is not True, that is False or N/A:
 *   https://www.iana.org/assignments/iana-ipv4-special-registry
 *   https://www.iana.org/assignments/iana-ipv6-special-registry
 * Rows that lie inside another are kept, so the table can be read against the registry line by line. Rows
 * that are True inside one that is not (192.0.0.9/32, 2001:20::/28, ...) stay out of `internet` with it.
 */
#pragma once

#include "base/addr.h"

#define SPECIAL_REGISTRY_DATE "2025-10-09" /* the registries' rows as of this day */

struct special_row {
	const char *name;
	const char *source;
	bool v4;
	uint32_t part[4]; /* IPv4: part[0]; IPv6: its first to last 32 bits; host byte order */
	uint8_t len;
};

#define V4(a, b, c, d) true, { (uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d), 0, 0, 0 }
#define V6(a, b, c, d) false, { a, b, c, d }

static const struct special_row special_registry[] = {
	{ "\"This network\"", "RFC 791", V4(0, 0, 0, 0), 8 },
	{ "\"This host on this network\"", "RFC 1122", V4(0, 0, 0, 0), 32 },
	{ "Private-Use", "RFC 1918", V4(10, 0, 0, 0), 8 },
	{ "Shared Address Space", "RFC 6598", V4(100, 64, 0, 0), 10 },
	{ "Loopback", "RFC 1122", V4(127, 0, 0, 0), 8 },
	{ "Link Local", "RFC 3927", V4(169, 254, 0, 0), 16 },
	{ "Private-Use", "RFC 1918", V4(172, 16, 0, 0), 12 },
	{ "IETF Protocol Assignments", "RFC 6890", V4(192, 0, 0, 0), 24 },
	{ "IPv4 Service Continuity Prefix", "RFC 7335", V4(192, 0, 0, 0), 29 },
	{ "IPv4 dummy address", "RFC 7600", V4(192, 0, 0, 8), 32 },
	{ "NAT64/DNS64 Discovery", "RFC 8880", V4(192, 0, 0, 170), 32 },
	{ "NAT64/DNS64 Discovery", "RFC 8880", V4(192, 0, 0, 171), 32 },
	{ "Documentation (TEST-NET-1)", "RFC 5737", V4(192, 0, 2, 0), 24 },
	{ "Deprecated (6to4 Relay Anycast)", "RFC 7526", V4(192, 88, 99, 0), 24 },
	{ "6a44-relay anycast address", "RFC 6751", V4(192, 88, 99, 2), 32 },
	{ "Private-Use", "RFC 1918", V4(192, 168, 0, 0), 16 },
	{ "Benchmarking", "RFC 2544", V4(198, 18, 0, 0), 15 },
	{ "Documentation (TEST-NET-2)", "RFC 5737", V4(198, 51, 100, 0), 24 },
	{ "Documentation (TEST-NET-3)", "RFC 5737", V4(203, 0, 113, 0), 24 },
	{ "Reserved", "RFC 1112", V4(240, 0, 0, 0), 4 },
	{ "Limited Broadcast", "RFC 8190", V4(255, 255, 255, 255), 32 },

	{ "Unspecified Address", "RFC 4291", V6(0, 0, 0, 0), 128 },
	{ "Loopback Address", "RFC 4291", V6(0, 0, 0, 1), 128 },
	/* IPv4-mapped Address, ::ffff:0:0/96 (RFC 4291): on our axis that is where IPv4 itself stands. */
	{ "IPv4-IPv6 Translat.", "RFC 8215", V6(0x0064ff9b, 0x00010000, 0, 0), 48 },
	{ "Discard-Only Address Block", "RFC 6666", V6(0x01000000, 0, 0, 0), 64 },
	{ "Dummy IPv6 Prefix", "RFC 9780", V6(0x01000000, 1, 0, 0), 64 },
	{ "IETF Protocol Assignments", "RFC 2928", V6(0x20010000, 0, 0, 0), 23 },
	{ "TEREDO", "RFC 4380", V6(0x20010000, 0, 0, 0), 32 },
	{ "Benchmarking", "RFC 5180", V6(0x20010002, 0, 0, 0), 48 },
	{ "Deprecated (previously ORCHID)", "RFC 4843", V6(0x20010010, 0, 0, 0), 28 },
	{ "Documentation", "RFC 3849", V6(0x20010db8, 0, 0, 0), 32 },
	{ "6to4", "RFC 3056", V6(0x20020000, 0, 0, 0), 16 },
	{ "Documentation", "RFC 9637", V6(0x3fff0000, 0, 0, 0), 20 },
	{ "Segment Routing (SRv6) SIDs", "RFC 9602", V6(0x5f000000, 0, 0, 0), 16 },
	{ "Unique-Local", "RFC 4193", V6(0xfc000000, 0, 0, 0), 7 },
	{ "Link-Local Unicast", "RFC 4291", V6(0xfe800000, 0, 0, 0), 10 },
};

#undef V4
#undef V6

static inline struct range special_row_range(const struct special_row *row)
{
	u128 base = row->v4 ? addr_from_v4(row->part[0]) :
			      (u128)row->part[0] << 96 | (u128)row->part[1] << 64 | (u128)row->part[2] << 32 |
				      row->part[3];
	unsigned int host_bits = (row->v4 ? 32u : 128u) - row->len;
	u128 hosts = host_bits == 128 ? ADDR_LAST : ((u128)1 << host_bits) - 1;
	return (struct range){ base, base | hosts };
}
