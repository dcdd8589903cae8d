/* SPDX-License-Identifier: Apache-2.0 */
/* dns - servers that profiles name and gateways do not let through. */
#include "lint/checks.h"

#include "base/clock.h"
#include "base/vec.h"

#define PROTO_UDP 17
#define DNS_PORT 53

static const uint32_t dns_service = PROTO_UDP << 16 | DNS_PORT;

static bool holds_for_good(const struct cond *c, int64_t now)
{
	return c->not_before <= now && c->expires == CLOCK_NEVER && c->nweek == 0;
}

/* Whether a class may ask the server at some moment from now on. */
static bool may_ask(const struct lint *l, uint32_t class, u128 server)
{
	const struct access_class *c = &l->x->class[class];

	for (size_t i = 0; i < c->nparts; i++) {
		const struct access_part *p = &l->x->part[c->part[i]];
		if (p->cond.expires <= l->now || !region_contains(p->region, server, dns_service))
			continue;
		if (!p->deny)
			return true;
		if (holds_for_good(&p->cond, l->now))
			return false;
	}
	return false;
}

/* With a split tunnel what is not allowed goes beside the VPN, which is no way to a private address. */
static bool is_public(const struct resolved *r, u128 addr)
{
	for (size_t i = 0; i < r->ninternet; i++)
		if (r->internet[i].lo <= addr && addr <= r->internet[i].hi)
			return true;
	return false;
}

static bool is_own(const struct device *d, u128 addr)
{
	for (size_t i = 0; i < d->addresses.n; i++)
		if (d->addresses.v[i] == addr)
			return true;
	return false;
}

static void check_server(const struct lint *l, size_t server, bool *asks)
{
	const struct resolved *r = l->r;
	u128 addr = r->network->dns.servers.v[server];
	bool outside = is_public(r, addr);
	const char *first = NULL;
	char text[ADDR_TEXT_MAX];
	size_t n = 0;

	for (size_t c = 0; c < l->x->nclasses; c++)
		asks[c] = may_ask(l, (uint32_t)c, addr);
	for (size_t i = 0; i < r->ndevices; i++) {
		const struct r_device *d = &r->device[i];
		if (d->dead || d->not_before >= d->expires || d->expires <= l->now || asks[l->x->class_of[i]] ||
		    (outside && d->profile.tunnel != TUNNEL_FULL) || is_own(d->decl, addr))
			continue;
		first = first ? first : d->decl->o.name;
		n++;
	}
	if (n == 0)
		return;
	addr_format(addr, text);
	diag_add(l->d, "W_DNS_UNREACHABLE", r->network->dns.servers.loc[server],
		 n == 1 ? "%zu device may not reach the DNS server %s on udp/53: %s" :
			  "%zu devices may not reach the DNS server %s on udp/53, %s among them",
		 n, text, first);
	diag_hint(l->d, "their profiles name it; allow it: to: [%s], ports: [udp/53, tcp/53]", text);
}

void lint_dns(const struct lint *l)
{
	size_t n = l->r->network->dns.servers.n;
	bool *asks = arena_array(l->a, l->x->nclasses, bool);

	for (size_t i = 0; i < n; i++)
		check_server(l, i, asks);
}
