/* SPDX-License-Identifier: Apache-2.0 */
/* ts_service - protocols and ports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "import/ts.h"

#define TCP 6
#define UDP 17
#define SCTP 132
#define PORT_LAST 65535

/* Names that a policy file may use for protocols (IANA protocol numbers). -1: ICMP and ICMPv6. */
static const struct {
	const char *name;
	int number;
} protocols[] = {
	{"icmp", -1}, {"igmp", 2}, {"ipv4", 4},  {"ip-in-ip", 4}, {"tcp", TCP},       {"egp", 8},     {"igp", 9},
	{"udp", UDP}, {"gre", 47}, {"esp", 50},  {"ah", 51},      {"ipv6-icmp", 58}, {"sctp", SCTP},
};

static bool read_number(const char *s, size_t n, unsigned long max, unsigned long *out)
{
	*out = 0;
	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*out = *out * 10 + (unsigned long)(s[i] - '0');
	}
	return *out <= max;
}

static bool read_protocol(const char *text, int *out)
{
	unsigned long number;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcasecmp(text, protocols[i].name) == 0) {
			*out = protocols[i].number;
			return true;
		}
	}
	if (!read_number(text, strlen(text), 255, &number))
		return false;
	*out = (int)number;
	return true;
}

static bool has_ports(int proto)
{
	return proto == TCP || proto == UDP || proto == SCTP;
}

static void add_word(ts_words *out, const char *word)
{
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->v[i], word) == 0)
			return;
	vec_push(out, word);
}

static void add_ports(struct ts *ts, const char *proto, unsigned long lo, unsigned long hi, ts_words *out)
{
	if (lo == 0 && hi == PORT_LAST)
		add_word(out, proto);
	else if (lo == hi)
		add_word(out, arena_printf(ts->im->a, "%s/%lu", proto, lo));
	else
		add_word(out, arena_printf(ts->im->a, "%s/%lu-%lu", proto, lo, hi));
}

static bool read_span(const char *s, size_t n, unsigned long *lo, unsigned long *hi)
{
	if (n == 1 && s[0] == '*') {
		*lo = 0;
		*hi = PORT_LAST;
		return true;
	}
	const char *dash = memchr(s, '-', n);
	if (dash == NULL)
		return read_number(s, n, PORT_LAST, lo) && (*hi = *lo, true);
	return read_number(s, (size_t)(dash - s), PORT_LAST, lo) &&
	       read_number(dash + 1, n - (size_t)(dash - s) - 1, PORT_LAST, hi) && *lo <= *hi;
}

/* One protocol that a rule names. */
static bool add_named(struct ts *ts, int proto, unsigned long lo, unsigned long hi, struct loc loc, ts_words *out)
{
	bool all = lo == 0 && hi == PORT_LAST;

	if (proto == TCP || proto == UDP) {
		add_ports(ts, proto == TCP ? "tcp" : "udp", lo, hi, out);
	} else if (has_ports(proto) && !all) {
		import_note(ts->im, loc, "ports of SCTP cannot be told apart here; this part of the rule is left out");
	} else if (!all) {
		return import_refuse(ts->im, loc, "a protocol without ports takes * for its ports");
	} else if (proto < 0) {
		add_word(out, "icmp");
	} else {
		add_word(out, arena_printf(ts->im->a, "proto/%d", proto));
	}
	return true;
}

bool ts_services(struct ts *ts, const char *proto, const char *ports, size_t len, struct loc loc, ts_words *out)
{
	int number = 0;

	if (proto != NULL && !read_protocol(proto, &number))
		return import_refuse(ts->im, loc, "%s is not a protocol", import_quote(ts->im, proto, strlen(proto)));
	for (const char *s = ports, *end = ports + len;;) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		size_t n = (size_t)((comma ? comma : end) - s);
		unsigned long lo, hi;
		if (!read_span(s, n, &lo, &hi))
			return import_refuse(ts->im, loc, "%s is not a port, a range of ports or *",
					     import_quote(ts->im, s, n));
		if (proto != NULL && !add_named(ts, number, lo, hi, loc, out))
			return false;
		if (proto == NULL) {
			add_ports(ts, "tcp", lo, hi, out);
			add_ports(ts, "udp", lo, hi, out);
			add_word(out, "icmp");
		}
		if (comma == NULL)
			return true;
		s = comma + 1;
	}
}

bool ts_service_of_grant(struct ts *ts, const char *text, struct loc loc, ts_words *out)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL)
		return ts_services(ts, NULL, text, strlen(text), loc, out);
	const char *proto = arena_strndup(ts->im->a, text, (size_t)(colon - text));
	return ts_services(ts, proto, colon + 1, strlen(colon + 1), loc, out);
}
