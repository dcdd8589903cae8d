/* SPDX-License-Identifier: Apache-2.0 */
/* wireguard - the machines of a network to documents. */
#include "import/wireguard.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "import/wg_machines.h"

#define NETWORK_NAME "wireguard"
#define LONE_SITE "hub" /* the site of a network in which no gateway could be told */
#define MTU_MIN 1280u
#define MTU_MAX 9000u
#define NETWORKS_MAX 2000u

struct maker {
	struct machines *m;
	struct import *im;
	const struct wireguard_input *in;
	struct strmap owned;	     /* addresses that a machine has */
	struct ranges taken;	     /* networks that have an owner; canonical after each use */
	bool v4, v6;		     /* the families that the tree has */
	struct loc top;		     /* of the first file */
	VEC(const char *) site;	     /* with a gateway */
	VEC(const char *) networked; /* sites with networks */
	bool exit;
};

/* ---- families ---- */

static const struct wg_address *address_of(const struct machine *x, bool v4)
{
	for (size_t i = 0; i < x->address.n; i++)
		if (addr_is_v4(x->address.v[i].addr) == v4)
			return &x->address.v[i];
	return NULL;
}

/* A device needs an address of each family that the network has: a family that some lack is left out. */
static void choose_families(struct maker *k)
{
	size_t devices = 0, with[2] = {0, 0};

	for (size_t i = 0; i < k->m->v.n; i++) {
		const struct machine *x = &k->m->v.v[i];
		if (x->gateway || x->address.n == 0)
			continue;
		devices++;
		with[0] += address_of(x, false) != NULL;
		with[1] += address_of(x, true) != NULL;
	}
	bool pool4 = false, pool6 = false;
	for (size_t i = 0; i < k->m->pool.n; i++)
		*(addr_is_v4(k->m->pool.v[i].addr) ? &pool4 : &pool6) = true;
	k->v4 = pool4 && (!pool6 || with[1] == devices || with[1] >= with[0]);
	k->v6 = pool6 && (!pool4 || with[0] == devices || with[0] > with[1]);
	if (k->v4 && k->v6 && with[1] != devices)
		k->v4 = false;
}

static bool family(const struct maker *k, u128 addr)
{
	return addr_is_v4(addr) ? k->v4 : k->v6;
}

/* ---- small parts ---- */

/* Each once: what is said of a machine often stands in every file. */
static void comments(struct doc *d, const struct machine *x)
{
	struct strmap seen;

	strmap_init(&seen, d->im->a);
	for (size_t i = 0; i < x->comment.n; i++)
		if (strmap_add(&seen, x->comment.v[i].text, strlen(x->comment.v[i].text), 0))
			doc_comment(d, x->comment.v[i].text, strlen(x->comment.v[i].text));
}

static void from(struct maker *k, struct doc *d, struct loc loc)
{
	const char *text = arena_printf(k->im->a, "From %s", import_place(k->im, loc));
	doc_comment(d, text, strlen(text));
}

static void key_field(struct doc *d, const struct machine *x)
{
	char key[KEY_TEXT_MAX];
	doc_field(d, "public_key", pubkey_format(&x->key, key));
}

static void addresses(struct maker *k, struct doc *d, const struct machine *x)
{
	doc_list(d, "addresses", false);
	for (int v4 = 1; v4 >= 0; v4--) {
		const struct wg_address *a = address_of(x, v4);
		char text[ADDR_TEXT_MAX];
		if (a == NULL)
			continue;
		if (family(k, a->addr))
			doc_item(d, addr_format(a->addr, text), NULL);
		else
			import_note(k->im, a->loc,
				    "not every device has an %s address, so the network has no such pool; this "
				    "address is left out",
				    v4 ? "IPv4" : "IPv6");
	}
}

static size_t usable(const struct maker *k, const struct machine *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->address.n; i++)
		n += family(k, x->address.v[i].addr) && machines_in_pool(k->m, x->address.v[i].addr);
	return n;
}

/* Where an address of the machine is another's already, or the first or last of an IPv4 pool: says so, and it makes no
 * document. */
static bool claim(struct maker *k, const struct machine *x)
{
	for (size_t i = 0; i < x->address.n; i++) {
		const struct wg_address *a = &x->address.v[i];
		const char *why = machines_reserved(k->m, a->addr) ? "is the first or last of its network"
				  : strmap_get(&k->owned, &a->addr, sizeof(a->addr)) != STRMAP_NONE
					  ? "already belongs to another machine"
					  : NULL;
		if (why == NULL)
			continue;
		char text[ADDR_TEXT_MAX];
		import_note(k->im, a->loc, "%s makes no document: its address %s %s", x->id, addr_format(a->addr, text),
			    why);
		return false;
	}
	for (size_t i = 0; i < x->address.n; i++)
		strmap_add(&k->owned, &x->address.v[i].addr, sizeof(x->address.v[i].addr), 0);
	return true;
}

static struct prefix network_of(const struct wg_address *a)
{
	struct prefix p, fixed;
	char text[ADDR_TEXT_MAX + 8], addr[ADDR_TEXT_MAX];

	addr_format(a->addr, addr);
	snprintf(text, sizeof(text), "%s/%u", addr, a->len);
	enum addr_error e = prefix_parse(text, strlen(text), &p, &fixed);
	if (e != ADDR_OK && e != ADDR_HOST_BITS)
		BUG("an address that was read does not read again");
	return e == ADDR_OK ? p : fixed;
}

/* The networks that nobody has yet; empty: nothing is written. */
static size_t networks(struct maker *k, struct doc *d, const struct machine *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->network.n; i++) {
		struct prefix p = network_of(&x->network.v[i]);
		struct range r = prefix_range(p);
		char text[ADDR_TEXT_MAX];
		size_t at = ranges_seek(k->taken.v, k->taken.n, r.lo);
		if (at < k->taken.n && k->taken.v[at].lo <= r.hi) {
			import_note(k->im, x->network.v[i].loc,
				    "%s overlaps what another machine has, or the network itself; it is left out",
				    prefix_format(p, text));
			continue;
		}
		if (k->taken.n > NETWORKS_MAX) {
			import_refuse(k->im, x->network.v[i].loc, "the files route more than %u networks",
				      NETWORKS_MAX);
			return n;
		}
		if (n++ == 0)
			doc_list(d, "networks", false);
		doc_item(d, prefix_format(p, text), NULL);
		ranges_add(&k->taken, &r, 1);
		ranges_merge(&k->taken);
	}
	return n;
}

/* ---- gateways and their sites ---- */

static const char *endpoint_of(struct maker *k, const struct machine *x, bool *given)
{
	*given = false;
	if (x->host != NULL)
		return arena_printf(k->im->a, "%s:%u", x->host, x->port);
	if (k->in->endpoint == NULL)
		return NULL;
	*given = true;
	if (strrchr(k->in->endpoint, ':') != NULL && k->in->endpoint[strlen(k->in->endpoint) - 1] != ']')
		return k->in->endpoint;
	uint32_t port = x->conf != NULL && x->conf->listen_port.set ? x->conf->listen_port.value : 51820;
	return arena_printf(k->im->a, "%s:%u", k->in->endpoint, port);
}

static const char *write_site(struct maker *k, const struct machine *x)
{
	const char *name = import_name_like(k->im, IMPORT_SITE, x->id, x->id);
	struct doc d;

	doc_begin(&d, k->im, IMPORT_SITE, name, x->loc);
	from(k, &d, x->loc);
	doc_head(&d);
	if (networks(k, &d, x) > 0)
		vec_push(&k->networked, name);
	if (x->exit)
		doc_flag(&d, "exit", true);
	k->exit |= x->exit;
	doc_end(&d, NULL);
	return name;
}

static const char *why_no_gateway(struct maker *k, const struct machine *x, const char *endpoint)
{
	if (endpoint == NULL)
		return "no file gives its Endpoint; fill it in, or import again with --endpoint";
	if (usable(k, x) == 0)
		return "no file gives its address in the network; fill it in, or import its own file too";
	return NULL;
}

static void write_gateway(struct maker *k, const struct machine *x)
{
	bool given;
	const char *site = write_site(k, x), *endpoint = endpoint_of(k, x, &given);
	const char *off = why_no_gateway(k, x, endpoint);
	struct doc d;

	if (off == NULL && !claim(k, x))
		off = "its address is another machine's";
	doc_begin(&d, k->im, IMPORT_GATEWAY, x->id, x->loc);
	comments(&d, x);
	from(k, &d, x->loc);
	doc_head(&d);
	doc_field(&d, "site", site);
	doc_field(&d, "endpoint", endpoint ? endpoint : "FILL-IN:51820");
	key_field(&d, x);
	if (usable(k, x) > 0)
		addresses(k, &d, x);
	else
		doc_list(&d, "addresses", true);
	if (x->conf != NULL && x->conf->listen_port.set && x->conf->listen_port.value > 0)
		doc_field(&d, "listen_port", arena_printf(k->im->a, "%u", x->conf->listen_port.value));
	doc_end(&d, off);
	if (off != NULL)
		import_note(k->im, x->loc, "the gateway %s is written as a comment: %s", x->id, off);
	else
		vec_push(&k->site, site);
}

/* ---- devices ---- */

static void note_left_out(struct maker *k, const struct machine *x)
{
	if (x->host != NULL)
		import_note(k->im, x->endpoint_loc,
			    "Endpoint is left out: %s is a device, and devices call the gateway", x->id);
	if (x->conf != NULL && x->conf->listen_port.set)
		import_note(k->im, x->conf->listen_port.loc,
			    "ListenPort is left out: %s is a device, and devices call the gateway", x->id);
}

/* false: it makes none, and a note says why. */
static bool write_device(struct maker *k, const struct machine *x)
{
	struct doc d;
	size_t want = (size_t)k->v4 + (size_t)k->v6;

	if (usable(k, x) < want || want == 0) {
		import_note(k->im, x->loc,
			    "%s makes no device: its files give it no address of each family in the network", x->id);
		return false;
	}
	if (!claim(k, x))
		return false;
	note_left_out(k, x);
	doc_begin(&d, k->im, IMPORT_DEVICE, x->id, x->loc);
	comments(&d, x);
	from(k, &d, x->loc);
	doc_head(&d);
	doc_list(&d, "tags", false);
	doc_item(&d, "imported", "give it an owner instead");
	key_field(&d, x);
	addresses(k, &d, x);
	networks(k, &d, x);
	if (x->full_tunnel) {
		doc_open(&d, "profile");
		doc_field(&d, "tunnel", "full");
		doc_close(&d);
	}
	doc_end(&d, NULL);
	return true;
}

/* ---- the network ---- */

static void network_dns(struct maker *k, struct doc *d)
{
	struct strmap seen;
	size_t first = SIZE_MAX;

	strmap_init(&seen, k->im->a);
	for (int search = 0; search < 2; search++) {
		bool any = false;
		for (size_t i = 0; i < k->in->n; i++) {
			const struct wg_conf *c = &k->in->conf[i];
			size_t n = search ? c->search.n : c->dns.n;
			for (size_t j = 0; j < n; j++) {
				char addr[ADDR_TEXT_MAX];
				const char *text = search ? c->search.v[j].text : addr_format(c->dns.v[j].addr, addr);
				if (!strmap_add(&seen, text, strlen(text), 0))
					continue;
				if (first == SIZE_MAX)
					doc_open(d, "dns");
				if (first != SIZE_MAX && first != i)
					import_note(k->im, search ? c->search.v[j].loc : c->dns.v[j].loc,
						    "other files have other DNS; the network has that of all");
				first = first == SIZE_MAX ? i : first;
				if (!any)
					doc_list(d, search ? "search" : "servers", false);
				any = true;
				doc_item(d, text, NULL);
			}
		}
	}
	if (first != SIZE_MAX)
		doc_close(d);
}

/* The first number that some file gives; others that differ are named. */
static void network_number(struct maker *k, struct doc *d, const char *key, const struct wg_number *const *v, size_t n,
			   uint32_t lo, uint32_t hi, const char *unit)
{
	const struct wg_number *kept = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!v[i]->set || v[i]->value == 0)
			continue;
		if (v[i]->value < lo || v[i]->value > hi)
			import_note(k->im, v[i]->loc, "%s takes %u to %u; this one is left out", key, lo, hi);
		else if (kept == NULL)
			kept = v[i];
		else if (kept->value != v[i]->value)
			import_note(k->im, v[i]->loc,
				    "the network has one %s, and another file came first; this one is left out", key);
	}
	if (kept != NULL)
		doc_field(d, key, arena_printf(k->im->a, "%u%s", kept->value, unit));
}

static void network_numbers(struct maker *k, struct doc *d)
{
	size_t nconf = k->in->n, nmachines = k->m->v.n;
	const struct wg_number **v = arena_array(k->im->a, nconf + nmachines, const struct wg_number *);

	for (size_t i = 0; i < nconf; i++)
		v[i] = &k->in->conf[i].mtu;
	network_number(k, d, "mtu", v, nconf, MTU_MIN, MTU_MAX, "");
	for (size_t i = 0; i < nmachines; i++)
		v[i] = &k->m->v.v[i].keepalive;
	network_number(k, d, "keepalive", v, nmachines, 1, 65535, "s");
}

static const char *home_site(struct maker *k)
{
	const struct machine *best = NULL;

	for (size_t i = 0; i < k->m->v.n; i++) {
		const struct machine *x = &k->m->v.v[i];
		if (x->gateway && (best == NULL || x->npeers > best->npeers))
			best = x;
	}
	return best ? import_name_like(k->im, IMPORT_SITE, best->id, best->id) : LONE_SITE;
}

static void write_network(struct maker *k, const char *home)
{
	struct doc d;

	doc_begin(&d, k->im, IMPORT_NETWORK, NETWORK_NAME, k->top);
	from(k, &d, k->top);
	doc_head(&d);
	doc_field(&d, "home", home);
	doc_list(&d, "pools", false);
	for (size_t i = 0; i < k->m->pool.n; i++) {
		char text[ADDR_TEXT_MAX];
		if (family(k, k->m->pool.v[i].addr))
			doc_item(&d, prefix_format(k->m->pool.v[i], text), NULL);
	}
	network_dns(k, &d);
	network_numbers(k, &d);
	doc_end(&d, NULL);
}

/* ---- what WireGuard does not say ---- */

static void write_policy(struct maker *k)
{
	static const char why[] = "As it was: whoever is in the network reaches all of it. Narrow it, and take it away";
	struct doc d;

	import_note(
		k->im, k->top,
		"WireGuard does not say who may reach what: the policy imported-everything lets every device reach all "
		"that the files route, as it was; narrow it");
	doc_begin(&d, k->im, IMPORT_POLICY, import_name(k->im, IMPORT_POLICY, "imported-everything"), k->top);
	doc_comment(&d, why, strlen(why));
	doc_head(&d);
	doc_list(&d, "from", false);
	doc_item(&d, "any", NULL);
	for (size_t i = 0; i < k->networked.n; i++)
		doc_item(&d, arena_printf(k->im->a, "site:%s", k->networked.v[i]), NULL);
	doc_list(&d, "to", false);
	for (size_t i = 0; i < k->m->pool.n; i++) {
		char text[ADDR_TEXT_MAX];
		if (family(k, k->m->pool.v[i].addr))
			doc_item(&d, prefix_format(k->m->pool.v[i], text), NULL);
	}
	for (size_t i = 0; i < k->networked.n; i++)
		doc_item(&d, arena_printf(k->im->a, "site:%s", k->networked.v[i]), NULL);
	for (size_t i = 0; i < k->m->v.n; i++)
		if (k->m->v.v[i].written && k->m->v.v[i].network.n > 0)
			doc_item(&d, arena_printf(k->im->a, "device:%s", k->m->v.v[i].id), NULL);
	if (k->exit)
		doc_item(&d, "internet", NULL);
	doc_end(&d, NULL);
}

static void write_link(struct maker *k)
{
	struct doc d;

	if (k->site.n < 2)
		return;
	doc_begin(&d, k->im, IMPORT_LINK, import_name(k->im, IMPORT_LINK, "imported"), k->top);
	doc_head(&d);
	doc_field(&d, "topology", k->site.n == 2 ? "pair" : "mesh");
	doc_list(&d, "sites", false);
	for (size_t i = 0; i < k->site.n; i++)
		doc_item(&d, k->site.v[i], NULL);
	doc_end(&d, NULL);
}

static void write_lone_site(struct maker *k)
{
	static const char why[] = "No file tells which machine is the gateway; it is for you to add";
	struct doc d;

	import_note(k->im, k->top, "no file tells which machine is the gateway; the site " LONE_SITE " has none");
	doc_begin(&d, k->im, IMPORT_SITE, LONE_SITE, k->top);
	doc_comment(&d, why, strlen(why));
	doc_head(&d);
	doc_end(&d, NULL);
}

bool wireguard_import(struct import *im, const struct wireguard_input *in)
{
	struct machines m;
	struct maker k = {.m = &m, .im = im, .in = in, .top = in->conf[0].loc};
	size_t errors = im->d->errors, gateways = 0;

	strmap_init(&k.owned, im->a);
	machines_init(&m, im);
	bool ok = machines_collect(&m, in);
	choose_families(&k);
	for (size_t i = 0; i < m.pool.n; i++)
		ranges_add_written(&k.taken, prefix_range(m.pool.v[i]));
	ranges_merge(&k.taken);
	if (ok && !k.v4 && !k.v6)
		import_refuse(im, k.top, "no file gives an address in the network");
	for (size_t i = 0; i < m.v.n && im->d->errors == errors; i++)
		if (m.v.v[i].gateway && ++gateways)
			write_gateway(&k, &m.v.v[i]);
	for (size_t i = 0; i < m.v.n && im->d->errors == errors; i++)
		if (!m.v.v[i].gateway)
			m.v.v[i].written = write_device(&k, &m.v.v[i]);
	if (im->d->errors == errors) {
		if (gateways == 0)
			write_lone_site(&k);
		write_network(&k, home_site(&k));
		write_policy(&k);
		write_link(&k);
	}
	vec_release(&k.site);
	vec_release(&k.networked);
	ranges_release(&k.taken);
	machines_release(&m);
	return im->d->errors == errors;
}
