/* SPDX-License-Identifier: Apache-2.0 */
/* devices - keys that are old, and tunnels that leak. */
#include "lint/checks.h"

#include "base/bug.h"
#include "model/model.h"

#define DAY 86400

/* ---- keys ---- */

static void warn_unknown_age(const struct lint *l, size_t n, const char *first)
{
	if (n == 0)
		return;
	diag_add(l->d, "W_KEY_AGE", object_loc(&l->r->network->o, "devices.max_key_age"),
		 n == 1 ? "the age of one device's key is not known: %s does not say key_created" :
			  "the age of some devices' keys is not known: %s and %zu more do not say key_created",
		 first, n - 1);
}

void lint_keys(const struct lint *l)
{
	int64_t max = l->r->network->devices.max_key_age;
	const char *first = NULL;
	size_t unknown = 0;

	for (size_t i = 0; max > 0 && i < l->r->ndevices; i++) {
		const struct device *d = l->r->device[i].decl;
		if (l->r->device[i].dead)
			continue;
		if (d->key_created == CLOCK_EVER) {
			first = first ? first : d->o.name;
			unknown++;
		} else if (l->now > d->key_created && l->now - d->key_created > max) {
			diag_add(l->d, "W_KEY_AGE", object_loc(&d->o, "key_created"),
				 "the key of device %s is %lld days old, and the network wants a new one after %lld", d->o.name,
				 (long long)((l->now - d->key_created) / DAY), (long long)(max / DAY));
			diag_hint(l->d, "make a new key pair on the device, and write its public_key and key_created");
		}
	}
	warn_unknown_age(l, unknown, first);
}

/* ---- full tunnels ---- */

static bool has_pool(const struct network *n, bool v4)
{
	for (size_t i = 0; i < n->pools.n; i++)
		if (addr_is_v4(n->pools.v[i].addr) == v4)
			return true;
	return false;
}

static bool lacks_dns(const struct network *n, const struct profile_settings *p)
{
	return p->tunnel == TUNNEL_FULL && n->dns.servers.n == 0;
}

static bool leaks_ipv6(const struct network *n, const struct profile_settings *p)
{
	return p->tunnel == TUNNEL_FULL && p->block_ipv6 != YES && p->kill_switch != YES && has_pool(n, true) &&
	       !has_pool(n, false);
}

static const struct leak {
	const char *code, *what, *hint;
	bool (*found)(const struct network *n, const struct profile_settings *p);
} leaks[] = {
	{ "W_FULL_TUNNEL_DNS", "everything through the VPN, and names no DNS server there",
	  "say dns: {servers: [...]} in the Network", lacks_dns },
	{ "W_FULL_TUNNEL_IPV6", "IPv4 through the VPN, and IPv6 goes around it",
	  "say block_ipv6: true or kill_switch: true, or give the network an IPv6 pool", leaks_ipv6 },
};

/* Said once at the Network when its defaults make it so, else at each device that makes it so by itself. */
static void check_leak(const struct lint *l, const struct leak *leak)
{
	const struct network *n = l->r->network;
	bool by_default = leak->found(n, &n->profile);

	for (size_t i = 0; i < l->r->ndevices; i++) {
		const struct r_device *d = &l->r->device[i];
		const struct object *o = &d->decl->o;
		if (d->dead || !leak->found(n, &d->profile))
			continue;
		if (by_default)
			diag_add(l->d, leak->code, object_loc(&n->o, "profile.tunnel"),
				 "the default profile sends %s", leak->what);
		else
			diag_add(l->d, leak->code, object_loc(o, "profile"), "the profile of %s sends %s", o->name,
				 leak->what);
		diag_hint(l->d, "%s", leak->hint);
		if (by_default)
			return;
	}
}

void lint_tunnels(const struct lint *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(leaks); i++)
		check_leak(l, &leaks[i]);
}
