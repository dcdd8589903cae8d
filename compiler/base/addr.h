/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr - IP addresses on one axis.
 *
 * Both families live on one 128-bit axis: an IPv4 address a.b.c.d stands at
 * ::ffff:a.b.c.d. The language refuses IPv4-mapped IPv6 text, so nothing else
 * stands there and one ordered set algebra serves both families.
 *
 * An IPv6 prefix that lies around the IPv4 block (::/0 is the usual one) must not take IPv4 with it:
 * as a range it starts after the block, which leaves out ::/80 (the unspecified and the loopback
 * address and the deprecated IPv4-compatible ones). range_is_prefix(), range_format() and
 * range_to_prefixes() give such a range back as the prefix that it came from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 u128;

#define ADDR_V4_FIRST ((u128)0xffff << 32)
#define ADDR_V4_LAST (ADDR_V4_FIRST | 0xffffffffu)
#define ADDR_LAST (~(u128)0)
#define ADDR_TEXT_MAX 100 /* any result of the _format functions, with its NUL */

/* An inclusive range; lo <= hi. */
struct range {
	u128 lo, hi;
};

/* A prefix: len is in the family's own bits (0..32 or 0..128); host bits are zero. */
struct prefix {
	u128 addr;
	uint8_t len;
};

static inline bool addr_is_v4(u128 a)
{
	return a >= ADDR_V4_FIRST && a <= ADDR_V4_LAST;
}

static inline uint32_t addr_v4(u128 a) /* host byte order */
{
	return (uint32_t)a;
}

static inline u128 addr_from_v4(uint32_t host_order)
{
	return ADDR_V4_FIRST | host_order;
}

void addr_to_bytes(u128 a, uint8_t out[16]);         /* network order, IPv6 form */
u128 addr_from_bytes(const uint8_t in[16]);
/* Network-order bytes in the family's own length: 4 or 16, which is returned. */
size_t addr_to_wire(u128 a, uint8_t out[16]);

enum addr_error {
	ADDR_OK = 0,
	ADDR_SYNTAX,     /* not an address / prefix / range at all */
	ADDR_MAPPED,     /* IPv4-mapped IPv6 (RFC 4291 2.5.5.2) */
	ADDR_ZONE,       /* fe80::1%eth0 */
	ADDR_PADDED,     /* 010.0.0.1 */
	ADDR_HOST_BITS,  /* 10.0.0.1/8; *fixed holds the prefix that was meant */
	ADDR_LENGTH,     /* prefix length out of range */
	ADDR_ORDER,      /* range whose end is before its start */
	ADDR_FAMILY,     /* range over both families */
};

/* n is the text's length; text need not be NUL-terminated. */
enum addr_error addr_parse(const char *s, size_t n, u128 *out);
enum addr_error prefix_parse(const char *s, size_t n, struct prefix *out, struct prefix *fixed);
/* An address, a prefix or lo-hi; *fixed is set on ADDR_HOST_BITS. */
enum addr_error range_parse(const char *s, size_t n, struct range *out, struct prefix *fixed);

struct range prefix_range(struct prefix p);
bool range_is_prefix(struct range r, struct prefix *out);
bool prefix_contains(struct prefix outer, u128 a);

/* Canonical text (RFC 5952 for IPv6) into out[ADDR_TEXT_MAX]; returns out. */
char *addr_format(u128 a, char out[static ADDR_TEXT_MAX]);
char *prefix_format(struct prefix p, char out[static ADDR_TEXT_MAX]); /* always with /len */
char *range_format(struct range r, char out[static ADDR_TEXT_MAX]);   /* address, prefix or lo-hi */

/*
 * The minimal list of prefixes that covers exactly r, ascending, appended by calling
 * add(arg, prefix). r may span the IPv4 block; the parts of each family come out in
 * their own form.
 */
void range_to_prefixes(struct range r, void (*add)(void *arg, struct prefix p), void *arg);

int addr_cmp(u128 a, u128 b); /* -1, 0, 1 */
