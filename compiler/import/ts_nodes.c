/* SPDX-License-Identifier: Apache-2.0 */
/* ts_nodes - the nodes file: users, machines and the routes they carry. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/digest.h"
#include "base/key.h"
#include "import/ts.h"

struct node {
	const char *name, *user, *key;
	struct loc loc;
	u128 v4, v6; /* 0: none */
	const struct hujson_value *tags, *routes, *offered;
};

/* An approved route; more specific ones come first and keep what wider ones also hold. */
struct route {
	struct prefix prefix;
	struct loc loc;
};

typedef VEC(struct node) nodes;
typedef VEC(struct route) routes;

/* ---- reading ---- */

static const char *get_text(struct ts *ts, const struct hujson_value *object, const char *key, bool *ok)
{
	const struct hujson_member *m = hujson_find(object, key);

	if (m == NULL || m->value->kind == HUJSON_NULL)
		return NULL;
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_STRING, key);
	*ok &= v != NULL;
	return v != NULL && v->len > 0 ? v->text : NULL;
}

static const struct hujson_value *get_texts(struct ts *ts, const struct hujson_value *object, const char *key, bool *ok)
{
	const struct hujson_member *m = hujson_find(object, key);

	if (m == NULL || m->value->kind == HUJSON_NULL)
		return NULL;
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_ARRAY, key);
	for (size_t i = 0; v != NULL && i < v->n; i++)
		*ok &= ts_expect(ts, &v->member[i], HUJSON_STRING, key) != NULL;
	*ok &= v != NULL;
	return v;
}

static u128 get_address(struct ts *ts, const struct hujson_value *object, const char *key, bool v4, bool *ok)
{
	const char *text = get_text(ts, object, key, ok);
	u128 a = 0;

	if (text != NULL && (addr_parse(text, strlen(text), &a) != ADDR_OK || addr_is_v4(a) != v4))
		*ok = import_refuse(ts->im, hujson_find(object, key)->value->loc, "%s is not an %s address",
				    import_quote(ts->im, text, strlen(text)), v4 ? "IPv4" : "IPv6");
	return a;
}

static bool read_users(struct ts *ts, const struct hujson_value *root)
{
	const struct hujson_member *m = hujson_find(root, "users");
	const struct hujson_value *list = m ? ts_expect(ts, m, HUJSON_ARRAY, "users") : NULL;
	bool ok = m == NULL || list != NULL;

	for (size_t i = 0; ok && list != NULL && i < list->n; i++) {
		const struct hujson_value *v = ts_expect(ts, &list->member[i], HUJSON_OBJECT, "a user");
		if (v == NULL)
			return false;
		const char *name = get_text(ts, v, "name", &ok), *email = get_text(ts, v, "email", &ok);
		if (ok && name == NULL && email == NULL)
			return import_refuse(ts->im, v->loc, "a user has a name or an email");
		if (!ok)
			return false;
		ts_user_name(ts, email ? email : name, list->member[i].loc);
		if (name != NULL)
			strmap_add(&ts->user_by_name, name, strlen(name),
				   strmap_get(&ts->user_of, email ? email : name, strlen(email ? email : name)));
	}
	return ok;
}

static bool read_node(struct ts *ts, const struct hujson_member *m, nodes *out)
{
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_OBJECT, "a node");
	struct node n = {.loc = m->loc};
	bool ok = v != NULL;

	if (!ok)
		return false;
	n.name = get_text(ts, v, "hostname", &ok);
	if (n.name == NULL)
		n.name = m->key ? m->key : get_text(ts, v, "name", &ok);
	n.user = get_text(ts, v, "user", &ok);
	n.key = get_text(ts, v, "public_key", &ok);
	n.v4 = get_address(ts, v, "ipv4", true, &ok);
	n.v6 = get_address(ts, v, "ipv6", false, &ok);
	n.tags = get_texts(ts, v, "tags", &ok);
	n.routes = get_texts(ts, v, "approved_routes", &ok);
	n.offered = get_texts(ts, v, "routable_ips", &ok);
	if (ok && n.name == NULL)
		return import_refuse(ts->im, m->loc, "a node has a hostname");
	vec_push(out, n);
	return ok;
}

/* ---- routes ---- */

static bool read_prefix(const char *s, size_t n, struct prefix *out)
{
	struct prefix fixed;
	enum addr_error e = prefix_parse(s, n, out, &fixed);

	if (e == ADDR_HOST_BITS)
		*out = fixed;
	return e == ADDR_OK || e == ADDR_HOST_BITS;
}

static bool is_approved(const struct node *n, const char *text)
{
	for (size_t i = 0; n->routes != NULL && i < n->routes->n; i++)
		if (strcmp(n->routes->member[i].value->text, text) == 0)
			return true;
	return false;
}

static bool collect_routes(struct ts *ts, const struct node *n, routes *out)
{
	for (size_t i = 0; n->routes != NULL && i < n->routes->n; i++) {
		const struct hujson_value *v = n->routes->member[i].value;
		struct route r = {.loc = v->loc};
		if (!read_prefix(v->text, v->len, &r.prefix))
			return import_refuse(ts->im, v->loc, "%s is not a prefix",
					     import_quote(ts->im, v->text, v->len));
		if (r.prefix.len == 0)
			ts->exit = true;
		else
			vec_push(out, r);
	}
	for (size_t i = 0; n->offered != NULL && i < n->offered->n; i++) {
		const struct hujson_value *v = n->offered->member[i].value;
		if (!is_approved(n, v->text))
			import_note(ts->im, v->loc, "the route %s of %s is offered and not approved; no site has it",
				    import_quote(ts->im, v->text, v->len),
				    import_quote(ts->im, n->name, strlen(n->name)));
	}
	return true;
}

static unsigned int family_len(struct prefix p)
{
	return p.len + (addr_is_v4(p.addr) ? 96u : 0u);
}

static int cmp_route(const void *pa, const void *pb)
{
	const struct route *a = pa, *b = pb;

	if (family_len(a->prefix) != family_len(b->prefix))
		return family_len(a->prefix) > family_len(b->prefix) ? -1 : 1;
	int c = addr_cmp(a->prefix.addr, b->prefix.addr);
	return c			    ? c
	       : a->loc.line != b->loc.line ? (a->loc.line < b->loc.line ? -1 : 1)
	       : a->loc.col < b->loc.col    ? -1
					    : 1;
}

static bool same_route(const struct route *a, const struct route *b)
{
	return addr_cmp(a->prefix.addr, b->prefix.addr) == 0 && a->prefix.len == b->prefix.len;
}

static void add_prefix(void *arg, struct prefix p)
{
	char text[ADDR_TEXT_MAX];
	doc_item(arg, prefix_format(p, text), NULL);
}

static void write_site(struct ts *ts, const struct ts_site *s)
{
	struct doc d;

	doc_begin(&d, ts->im, IMPORT_SITE, s->name, s->loc);
	ts_from(ts, &d, s->loc);
	const char *text =
		arena_printf(ts->im->a, "Its gateways carry the route %s; they are for you to add", s->route);
	doc_comment(&d, text, strlen(text));
	doc_head(&d);
	doc_list(&d, "networks", false);
	for (size_t i = 0; i < s->nets.n; i++)
		range_to_prefixes(s->nets.v[i], add_prefix, &d);
	doc_end(&d, NULL);
}

#define ROUTES_MAX 1000u /* sites: each source * names them all */

/* A route becomes a site of what no more specific route holds. */
static bool make_sites(struct ts *ts, routes *all)
{
	struct ranges taken RANGES_CLEANUP = VEC_INIT;

	if (all->n > 1)
		qsort(all->v, all->n, sizeof(*all->v), cmp_route);
	ranges_add(&taken, ts->pools.v, ts->pools.n);
	for (size_t i = 0; i < all->n; i++) {
		struct ranges whole RANGES_CLEANUP = VEC_INIT;
		char text[ADDR_TEXT_MAX];
		if (i > 0 && same_route(&all->v[i - 1], &all->v[i]))
			continue; /* another router of it */
		if (ts->site.n >= ROUTES_MAX)
			return import_refuse(ts->im, all->v[i].loc, "the nodes have more than %u routes", ROUTES_MAX);
		struct ts_site s = {.loc = all->v[i].loc, .nets = VEC_INIT};
		s.route = arena_strdup(ts->im->a, prefix_format(all->v[i].prefix, text));
		s.name = import_name(ts->im, IMPORT_SITE, arena_printf(ts->im->a, "route-%s", s.route));
		ranges_add_written(&whole, prefix_range(all->v[i].prefix));
		ranges_merge(&whole);
		ranges_merge(&taken);
		ranges_subtract(&whole, &taken, &s.nets);
		ranges_merge(&s.nets);
		ranges_add(&taken, whole.v, whole.n);
		if (s.nets.n == 0) {
			import_note(ts->im, s.loc,
				    "the route %s lies in the tailnet's own addresses or in narrower routes; no site "
				    "has it",
				    s.route);
			continue;
		}
		vec_push(&ts->site, s);
		write_site(ts, &ts->site.v[ts->site.n - 1]);
	}
	return true;
}

/* ---- devices ---- */

/*
 * A point of which nobody knows the secret: the digest itself is the public key (every 32 bytes are one, RFC 7748
 * section 5), and no scalar was multiplied to get there.
 */
static const char *placeholder_key(struct ts *ts, const char *name)
{
	const char *seed = arena_printf(ts->im->a, "yett placeholder key of %s", name);
	struct digest g = digest_of(seed, strlen(seed));
	struct pubkey k;
	char text[KEY_TEXT_MAX];

	memcpy(k.b, g.b, sizeof(k.b));
	k.b[31] &= 0x7f;
	return arena_strdup(ts->im->a, pubkey_format(&k, text));
}

static const char *owner_of(struct ts *ts, const struct node *n)
{
	uint32_t i = strmap_get(&ts->user_by_name, n->user, strlen(n->user));

	return i != STRMAP_NONE ? ts->user.v[i].name : ts_user_name(ts, n->user, n->loc);
}

static bool has_tags(const struct node *n)
{
	return n->tags != NULL && n->tags->n > 0;
}

/* NULL where the node can be a Device. */
static const char *why_not(struct ts *ts, const struct node *n)
{
	struct pubkey k;

	if (!has_tags(n) && n->user == NULL)
		return "has neither a user nor a tag";
	if ((ts->v4 && !n->v4) || (ts->v6 && !n->v6))
		return ts->v4 && ts->v6 ? "does not have an address of each family" : "has no address";
	if (n->key == NULL && !ts->in->placeholder_keys)
		return "has no public_key; --placeholder-keys writes it with a key that nobody holds";
	if (n->key != NULL && pubkey_parse(n->key, strlen(n->key), &k) != KEY_OK)
		return "has a public_key that is no WireGuard key";
	return NULL;
}

static bool in_pools(struct ts *ts, const struct node *n)
{
	return (!ts->v4 || ranges_contain(ts->pools.v, ts->pools.n, n->v4)) &&
	       (!ts->v6 || ranges_contain(ts->pools.v, ts->pools.n, n->v6));
}

static void write_device(struct ts *ts, const struct node *n)
{
	static const char warning[] =
		"A placeholder: nobody holds this key's secret. Put the machine's own public key here";
	struct doc d;
	char text[ADDR_TEXT_MAX];

	doc_begin(&d, ts->im, IMPORT_DEVICE,
		  import_name_like(ts->im, IMPORT_DEVICE,
				   arena_printf(ts->im->a, "%s\n%s", n->name, import_place(ts->im, n->loc)), n->name),
		  n->loc);
	ts_from(ts, &d, n->loc);
	doc_head(&d);
	if (has_tags(n)) {
		doc_list(&d, "tags", false);
		for (size_t i = 0; i < n->tags->n; i++) {
			const struct hujson_value *v = n->tags->member[i].value;
			doc_item(&d, ts_tag_add(ts, v->text, v->len), NULL);
		}
	} else {
		doc_field(&d, "owner", owner_of(ts, n));
	}
	if (n->key == NULL)
		doc_comment(&d, warning, strlen(warning));
	doc_field(&d, "public_key", n->key ? n->key : placeholder_key(ts, d.name));
	doc_list(&d, "addresses", false);
	if (ts->v4)
		doc_item(&d, addr_format(n->v4, text), NULL);
	if (ts->v6)
		doc_item(&d, addr_format(n->v6, text), NULL);
	doc_end(&d, NULL);
}

/* Two of one address, or of one key, would be no tree: the first keeps it. */
static bool claim(struct strmap *owned, const void *p, size_t n)
{
	return n == 0 || strmap_add(owned, p, n, 0);
}

static void write_devices(struct ts *ts, const nodes *all)
{
	struct strmap owned;

	strmap_init(&owned, ts->im->a);
	for (size_t i = 0; i < all->n; i++) {
		const struct node *n = &all->v[i];
		const char *why = why_not(ts, n);
		if (why == NULL && !in_pools(ts, n))
			why = "has an address outside 100.64.0.0/10 and fd7a:115c:a1e0::/48";
		if (why == NULL && (!claim(&owned, &n->v4, n->v4 ? sizeof(n->v4) : 0) ||
				    !claim(&owned, &n->v6, n->v6 ? sizeof(n->v6) : 0) ||
				    !claim(&owned, n->key, n->key ? strlen(n->key) : 0)))
			why = "has an address or a key that another node has";
		if (why == NULL)
			write_device(ts, n);
		else
			import_note(ts->im, n->loc, "the node %s %s; it makes no device",
				    import_quote(ts->im, n->name, strlen(n->name)), why);
	}
}

/* ---- all of it ---- */

static bool read_nodes(struct ts *ts, const struct hujson_value *root, nodes *all, routes *routed)
{
	const struct hujson_member *m = hujson_find(root, "nodes");
	bool v4 = false, v6 = false;

	if (m != NULL && m->value->kind != HUJSON_OBJECT && m->value->kind != HUJSON_ARRAY)
		return import_refuse(ts->im, m->value->loc, "nodes must be an object or an array");
	for (size_t i = 0; m != NULL && i < m->value->n; i++) {
		if (!read_node(ts, &m->value->member[i], all) || !collect_routes(ts, &all->v[all->n - 1], routed))
			return false;
		v4 |= all->v[all->n - 1].v4 != 0;
		v6 |= all->v[all->n - 1].v6 != 0;
	}
	if (v4 || v6) { /* a tailnet of one family has pools of one */
		ts->v4 = v4;
		ts->v6 = v6;
	}
	return true;
}

bool ts_nodes_read(struct ts *ts)
{
	const struct hujson_value *root = ts->in->nodes->root;
	const struct hujson_member *inner = hujson_find(root, "topology");
	nodes all = VEC_INIT;
	routes routed = VEC_INIT;

	if (inner != NULL)
		root = inner->value;
	bool ok = root->kind == HUJSON_OBJECT ? read_users(ts, root) && read_nodes(ts, root, &all, &routed)
					      : import_refuse(ts->im, root->loc, "a nodes file is an object");
	if (ok) {
		ts_set_pools(ts);
		ok = make_sites(ts, &routed);
		write_devices(ts, &all);
	}
	vec_release(&all);
	vec_release(&routed);
	return ok;
}
