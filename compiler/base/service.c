/* SPDX-License-Identifier: Apache-2.0 */
#include "base/service.h"

#include <stdio.h>
#include <string.h>

#define ICMP 1
#define TCP 6
#define UDP 17
#define ICMPV6 58

static struct service whole(uint32_t proto)
{
	return (struct service){SERVICE(proto, 0), SERVICE(proto, 0xffff)};
}

/* A decimal number up to max without sign or padding, all of s. */
static bool number(const char *s, size_t n, uint32_t max, uint32_t *out)
{
	uint32_t v = 0;
	if (n == 0 || n > 5 || (n > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(s[i] - '0');
	}
	*out = v;
	return v <= max;
}

static size_t parse_ports(uint32_t proto, const char *s, size_t n, struct service *out)
{
	uint32_t lo, hi;
	const char *dash = memchr(s, '-', n);
	size_t first = dash ? (size_t)(dash - s) : n;
	if (!number(s, first, 0xffff, &lo))
		return 0;
	hi = lo;
	if (dash && !number(dash + 1, n - first - 1, 0xffff, &hi))
		return 0;
	if (hi < lo)
		return 0;
	*out = (struct service){SERVICE(proto, lo), SERVICE(proto, hi)};
	return 1;
}

static bool is(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(s, word, n) == 0;
}

static size_t parse_word(const char *s, size_t n, struct service out[static 2])
{
	if (is(s, n, "any")) {
		out[0] = (struct service){0, SERVICE_LAST};
		return 1;
	}
	if (is(s, n, "icmp")) {
		out[0] = whole(ICMP);
		out[1] = whole(ICMPV6);
		return 2;
	}
	if (!is(s, n, "tcp") && !is(s, n, "udp"))
		return 0;
	out[0] = whole(s[0] == 't' ? TCP : UDP);
	return 1;
}

size_t service_parse(const char *s, size_t n, struct service out[static 2])
{
	const char *slash = n ? memchr(s, '/', n) : NULL;
	if (!slash)
		return parse_word(s, n, out);
	size_t head = (size_t)(slash - s), tail = n - head - 1;
	if (is(s, head, "tcp"))
		return parse_ports(TCP, slash + 1, tail, &out[0]);
	if (is(s, head, "udp"))
		return parse_ports(UDP, slash + 1, tail, &out[0]);
	uint32_t proto;
	if (!is(s, head, "proto") || !number(slash + 1, tail, 0xff, &proto))
		return 0;
	out[0] = whole(proto);
	return 1;
}

static const char *proto_name(uint32_t proto)
{
	return proto == TCP ? "tcp" : proto == UDP ? "udp" : proto == ICMP ? "icmp" : proto == ICMPV6 ? "icmpv6" : NULL;
}

static bool has_ports(uint32_t proto)
{
	return proto == TCP || proto == UDP;
}

char *service_format(struct service s, char out[static SERVICE_TEXT_MAX])
{
	const size_t max = SERVICE_TEXT_MAX;
	uint32_t proto = SERVICE_PROTO(s.lo), last = SERVICE_PROTO(s.hi), lo = SERVICE_PORT(s.lo),
		 hi = SERVICE_PORT(s.hi);
	const char *name = proto_name(proto);
	bool all_ports = lo == 0 && hi == 0xffff;
	if (s.lo == 0 && s.hi == SERVICE_LAST)
		snprintf(out, max, "any");
	else if (proto == last && all_ports && name)
		snprintf(out, max, "%s", name);
	else if (proto == last && all_ports)
		snprintf(out, max, "proto/%u", proto);
	else if (proto == last && has_ports(proto) && lo == hi)
		snprintf(out, max, "%s/%u", name, lo);
	else if (proto == last && has_ports(proto))
		snprintf(out, max, "%s/%u-%u", name, lo, hi);
	else if (all_ports)
		snprintf(out, max, "proto/%u-%u", proto, last);
	else
		snprintf(out, max, "proto/%u:%u-proto/%u:%u", proto, lo, last, hi);
	return out;
}
