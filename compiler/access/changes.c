/* SPDX-License-Identifier: Apache-2.0 */
#include "access/changes.h"

#include <string.h>

#include "access/cond.h"
#include "base/buf.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/vec.h"
#include "resolve/links.h"
#include "resolve/place.h"

/* A field of one kind of thing as text; NULL or "": not there. */
struct row {
	const char *field;
	const char *(*text)(const struct resolved *r, uint32_t i, struct arena *a);
};

/* One kind of thing. */
struct subject {
	const struct row *row;
	size_t nrows;
	size_t (*count)(const struct resolved *r);
	const char *(*name)(const struct resolved *r, uint32_t i);
	const char *(*note)(const struct resolved *r, uint32_t i);
	bool (*exists)(const struct resolved *r, uint32_t i);
	/* Whether nothing can differ, without a text; may say false at any time. */
	bool (*surely_same)(const struct resolved *was, uint32_t i, const struct resolved *is, uint32_t j);
};

/* ---- lists as text ---- */

static const char *addresses_text(const addr_list *v, struct arena *a)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < v->n; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", addr_format(v->v[i], text));
	return arena_strdup(a, buf_str(&b));
}

static const char *ranges_text(const struct range *v, size_t n, struct arena *a)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", range_format(v[i], text));
	return arena_strdup(a, buf_str(&b));
}

static const char *prefixes_text(const prefix_list *v, struct arena *a)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < v->n; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", prefix_format(v->v[i], text));
	return arena_strdup(a, buf_str(&b));
}

static const char *key_text(const struct pubkey *k, struct arena *a)
{
	char text[KEY_TEXT_MAX];

	return arena_strdup(a, pubkey_format(k, text));
}

/* ---- peers ---- */

static size_t count_devices(const struct resolved *r)
{
	return r->ndevices;
}

static const char *device_name(const struct resolved *r, uint32_t i)
{
	return r->device[i].decl->o.name;
}

static const char *device_owner(const struct resolved *r, uint32_t i)
{
	return r->device[i].owner == NONE ? NULL : r->user[r->device[i].owner]->o.name;
}

static bool is_peer(const struct resolved *r, uint32_t i)
{
	return !r->device[i].dead;
}

static const char *peer_key(const struct resolved *r, uint32_t i, struct arena *a)
{
	return key_text(&r->device[i].decl->public_key, a);
}

static const char *peer_addresses(const struct resolved *r, uint32_t i, struct arena *a)
{
	return addresses_text(&r->device[i].decl->addresses, a);
}

static const char *peer_networks(const struct resolved *r, uint32_t i, struct arena *a)
{
	return prefixes_text(&r->device[i].decl->networks, a);
}

static const char *peer_dates(const struct resolved *r, uint32_t i, struct arena *a)
{
	return dates_text(r->device[i].not_before, r->device[i].expires, a);
}

static const char *peer_gateways(const struct resolved *r, uint32_t i, struct arena *a)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (uint32_t g = 0; g < r->ngateways; g++)
		if (place_has(r, g, i))
			buf_addf(&b, "%s%s", b.len ? ", " : "", r->gateway[g].decl->o.name);
	return arena_strdup(a, buf_str(&b));
}

static const struct row peer_row[] = {
	{ "public_key", peer_key },
	{ "addresses", peer_addresses },
	{ "networks", peer_networks },
	{ "dates", peer_dates },
	{ "gateways", peer_gateways },
};

/* ---- gateways ---- */

static size_t count_gateways(const struct resolved *r)
{
	return r->ngateways;
}

static const char *gateway_name(const struct resolved *r, uint32_t i)
{
	return r->gateway[i].decl->o.name;
}

static const char *gateway_site(const struct resolved *r, uint32_t i, struct arena *a)
{
	(void)a;
	return r->gateway[i].decl->site;
}

static const char *gateway_endpoint(const struct resolved *r, uint32_t i, struct arena *a)
{
	const struct endpoint *e = &r->gateway[i].decl->endpoint;

	return arena_printf(a, e->is_v6 ? "[%s]:%u" : "%s:%u", e->host, e->port);
}

static const char *gateway_key(const struct resolved *r, uint32_t i, struct arena *a)
{
	return key_text(&r->gateway[i].decl->public_key, a);
}

static const char *gateway_addresses(const struct resolved *r, uint32_t i, struct arena *a)
{
	return addresses_text(&r->gateway[i].decl->addresses, a);
}

static const char *gateway_interface(const struct resolved *r, uint32_t i, struct arena *a)
{
	(void)a;
	return r->gateway[i].decl->interface;
}

static const char *gateway_port(const struct resolved *r, uint32_t i, struct arena *a)
{
	return arena_printf(a, "%u", r->gateway[i].listen_port);
}

static const char *gateway_state(const struct resolved *r, uint32_t i, struct arena *a)
{
	(void)a;
	switch ((enum gateway_state)r->gateway[i].decl->state) {
	case GATEWAY_ACTIVE: return "active";
	case GATEWAY_DRAINING: return "draining";
	case GATEWAY_MAINTENANCE: return "maintenance";
	}
	BUG("gateway state %d", r->gateway[i].decl->state);
}

static const char *gateway_nat(const struct resolved *r, uint32_t i, struct arena *a)
{
	(void)a;
	return r->gateway[i].decl->nat == NAT_NONE ? "none" : "masquerade";
}

static const char *number_text(int64_t v, struct arena *a)
{
	return v ? arena_printf(a, "%lld", (long long)v) : NULL;
}

static const char *gateway_capacity(const struct resolved *r, uint32_t i, struct arena *a)
{
	return number_text(r->gateway[i].decl->capacity, a);
}

static const struct row gateway_row[] = {
	{ "site", gateway_site },
	{ "endpoint", gateway_endpoint },
	{ "public_key", gateway_key },
	{ "addresses", gateway_addresses },
	{ "interface", gateway_interface },
	{ "listen_port", gateway_port },
	{ "state", gateway_state },
	{ "nat", gateway_nat },
	{ "capacity", gateway_capacity },
};

/* ---- sites ---- */

static size_t count_sites(const struct resolved *r)
{
	return r->nsites;
}

static const char *site_name(const struct resolved *r, uint32_t i)
{
	return r->site[i].decl->o.name;
}

static const char *site_routes(const struct resolved *r, uint32_t i, struct arena *a)
{
	return ranges_text(r->site[i].carried, r->site[i].ncarried, a);
}

static const char *site_exit(const struct resolved *r, uint32_t i, struct arena *a)
{
	(void)a;
	return r->site[i].decl->exit ? "true" : NULL;
}

static const char *site_redundancy(const struct resolved *r, uint32_t i, struct arena *a)
{
	return number_text(r->site[i].decl->redundancy, a);
}

/* "lab (wan), store (wan, by hq)" */
static const char *site_links(const struct resolved *r, uint32_t i, struct arena *a)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (uint32_t other = 0; r->links != NULL && other < r->nsites; other++) {
		const struct link_way *w = links_way(r, i, other);
		if (w == NULL)
			continue;
		buf_addf(&b, "%s%s (%s", b.len ? ", " : "", site_name(r, other), r->links->link[w->link].decl->o.name);
		if (w->via != NONE)
			buf_addf(&b, ", by %s", site_name(r, w->via));
		buf_addc(&b, ')');
	}
	return arena_strdup(a, buf_str(&b));
}

static const struct row site_row[] = {
	{ "routes", site_routes },
	{ "exit", site_exit },
	{ "redundancy", site_redundancy },
	{ "links", site_links },
};

/* ---- comparing ---- */

static bool exists(const struct resolved *r, uint32_t i)
{
	(void)r;
	(void)i;
	return true;
}

static const char *no_note(const struct resolved *r, uint32_t i)
{
	(void)r;
	(void)i;
	return NULL;
}

static bool never_sure(const struct resolved *was, uint32_t i, const struct resolved *is, uint32_t j)
{
	(void)was;
	(void)i;
	(void)is;
	(void)j;
	return false;
}

static bool same_addresses(const addr_list *x, const addr_list *y)
{
	return x->n == y->n && (!x->n || memcmp(x->v, y->v, x->n * sizeof(*x->v)) == 0);
}

static const char *plan_of(const struct resolved *r, uint32_t i)
{
	return r->device[i].plan == NONE ? "" : r->plan[r->device[i].plan]->o.name;
}

static const char *home_of(const struct resolved *r, uint32_t i)
{
	return r->device[i].home == NONE ? "" : r->site[r->device[i].home].decl->o.name;
}

static bool same_peer(const struct resolved *was, uint32_t i, const struct resolved *is, uint32_t j)
{
	const struct r_device *x = &was->device[i], *y = &is->device[j];

	return x->dead == y->dead && x->meets == y->meets && pubkey_cmp(&x->decl->public_key, &y->decl->public_key) == 0 &&
	       same_addresses(&x->decl->addresses, &y->decl->addresses) && !x->decl->networks.n &&
	       !y->decl->networks.n && x->not_before == y->not_before && x->expires == y->expires &&
	       strcmp(plan_of(was, i), plan_of(is, j)) == 0 && strcmp(home_of(was, i), home_of(is, j)) == 0;
}

static bool differs(const char *x, const char *y)
{
	return strcmp(x ? x : "", y ? y : "") != 0;
}

/* Either of was and is may be NULL: then the other's fields are all new, or all gone. */
static struct change compare(const struct subject *s, const struct resolved *was, uint32_t i, const struct resolved *is,
			     uint32_t j, struct arena *a)
{
	VEC(struct change_field) field = VEC_INIT;
	struct change c = { .how = !was ? CHANGE_ADDED : !is ? CHANGE_REMOVED : CHANGE_CHANGED };

	c.name = is ? s->name(is, j) : s->name(was, i);
	c.note = is ? s->note(is, j) : s->note(was, i);
	for (size_t k = 0; k < s->nrows; k++) {
		const char *x = was ? s->row[k].text(was, i, a) : NULL, *y = is ? s->row[k].text(is, j, a) : NULL;
		if (differs(x, y))
			vec_push(&field, ((struct change_field){ s->row[k].field, x && *x ? x : NULL,
								 y && *y ? y : NULL }));
	}
	c.field = vec_freeze(&field, a);
	c.nfields = field.n;
	vec_release(&field);
	return c;
}

typedef VEC(struct change) change_vec;

static void compare_both(const struct subject *s, const struct resolved *was, uint32_t i, const struct resolved *is,
			 uint32_t j, change_vec *out, struct arena *a)
{
	bool x = s->exists(was, i), y = s->exists(is, j);

	if ((!x && !y) || (x && y && s->surely_same(was, i, is, j)))
		return;
	struct change c = compare(s, x ? was : NULL, i, y ? is : NULL, j, a);

	if (c.nfields || x != y)
		vec_push(out, c);
}

static struct change_list compare_all(const struct subject *s, const struct resolved *was, const struct resolved *is,
				      struct arena *a)
{
	change_vec out = VEC_INIT;
	uint32_t i = 0, j = 0;

	while (i < s->count(was) || j < s->count(is)) {
		int cmp = i == s->count(was) ? 1 : j == s->count(is) ? -1 : strcmp(s->name(was, i), s->name(is, j));
		if (!cmp)
			compare_both(s, was, i, is, j, &out, a);
		else if (cmp < 0 && s->exists(was, i))
			vec_push(&out, compare(s, was, i, NULL, 0, a));
		else if (cmp > 0 && s->exists(is, j))
			vec_push(&out, compare(s, NULL, 0, is, j, a));
		i += cmp <= 0;
		j += cmp >= 0;
	}
	struct change_list list = { vec_freeze(&out, a), out.n };

	vec_release(&out);
	return list;
}

/* What decides which gateways admit a device, the device itself aside. */
static struct digest placement(const struct resolved *r)
{
	struct digest_ctx c;

	digest_begin(&c);
	for (size_t i = 0; i < r->ngateways; i++) {
		digest_add_str(&c, r->gateway[i].decl->o.name);
		digest_add_str(&c, r->gateway[i].decl->site);
		digest_add_u32(&c, (uint32_t)r->gateway[i].decl->state);
	}
	for (size_t i = 0; i < r->nsites; i++) {
		digest_add_str(&c, r->site[i].decl->o.name);
		digest_add_u64(&c, (uint64_t)r->site[i].decl->redundancy);
	}
	for (size_t i = 0; i < r->nplans; i++) {
		digest_add_str(&c, r->plan[i]->o.name);
		for (size_t k = 0; k < r->plan[i]->sites.n; k++)
			digest_add_str(&c, r->plan[i]->sites.v[k]);
		digest_add_u32(&c, UINT32_MAX);
	}
	return digest_end(&c);
}

void changes_between(struct changes *out, const struct resolved *was, const struct resolved *is, struct arena *a)
{
	struct digest x = placement(was), y = placement(is);
	const struct subject peers = {
		peer_row, ARRAY_SIZE(peer_row), count_devices, device_name, device_owner, is_peer,
		memcmp(&x, &y, sizeof(x)) == 0 ? same_peer : never_sure
	};
	const struct subject gateways = {
		gateway_row, ARRAY_SIZE(gateway_row), count_gateways, gateway_name, no_note, exists, never_sure
	};
	const struct subject sites = {
		site_row, ARRAY_SIZE(site_row), count_sites, site_name, no_note, exists, never_sure
	};

	out->peers = compare_all(&peers, was, is, a);
	out->gateways = compare_all(&gateways, was, is, a);
	out->sites = compare_all(&sites, was, is, a);
}
