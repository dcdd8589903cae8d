/* SPDX-License-Identifier: Apache-2.0 */
/* plan: encoding, difference, class chains, profiles. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bug.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/vec.h"
#include "compile.h"
#include "plan/trace.h"
#include "plan/rules.h"
#include "resolve/place.h"

/* --- trees as text --- */

struct tree {
	struct buf text;
	struct compile c;
};

static void doc(struct tree *t, const char *kind, const char *name, const char *rest)
{
	buf_addf(&t->text, "---\nkind: %s\nname: %s\n%s\n", kind, name, rest);
}

static void machine(struct tree *t, const char *kind, const char *name, unsigned int key, const char *rest)
{
	struct pubkey k;
	char text[KEY_TEXT_MAX];

	memset(&k, 0x42, sizeof(k));
	memcpy(k.b, &key, sizeof(key));
	buf_addf(&t->text, "---\nkind: %s\nname: %s\npublic_key: %s\n%s\n", kind, name, pubkey_format(&k, text), rest);
}

static void compile_text(struct tree *t)
{
	struct source_file file = { .path = "tree.yaml", .data = buf_str(&t->text), .len = t->text.len };
	struct source s = { .file = &file, .nfiles = 1, .bytes = file.len };
	struct buf bundle = BUF_INIT;
	char err[200] = "";

	source_to_bundle(&s, &bundle);
	compile_init(&t->c);
	char *copy = arena_dup(&t->c.arena, bundle.p, bundle.len);
	const struct compile_input in = { .bundle = copy, .bundle_len = bundle.len };
	int ret = compile_run(&t->c, &in, err, sizeof(err));
	buf_release(&bundle);
	for (size_t i = 0; i < t->c.diags.n; i++)
		if (t->c.diags.v[i].severity == DIAG_ERROR)
			print_message("%s: %s\n", t->c.diags.v[i].code, t->c.diags.v[i].message);
	assert_int_equal(ret, 0);
	assert_true(t->c.ready);
}

static void tree_release(struct tree *t)
{
	buf_release(&t->text);
	compile_release(&t->c);
}

static struct gw_plan *plan_of(struct tree *t, const char *gateway)
{
	struct gw_plan *p = arena_new(&t->c.arena, struct gw_plan);
	uint32_t g = resolved_find(&t->c.resolved, KIND_GATEWAY, gateway);

	assert_int_not_equal(g, NONE);
	plan_gateway(p, &t->c.access, &t->c.resolved, g, &t->c.arena);
	return p;
}

/* Two sites, dates, a deny, windows, networks, many ports. */
static void company(struct tree *t)
{
	doc(t, "Network", "net", "pools: [10.7.0.0/24, 'fd07::/64']\nhome: hq");
	doc(t, "Site", "hq", "networks: [10.1.0.0/16, 'fd01::/48']\nexit: true");
	doc(t, "Site", "lab", "networks: [10.2.0.0/16]");
	machine(t, "Gateway", "hq-1", 1, "site: hq\nendpoint: 192.0.2.1:51820\naddresses: [10.7.0.1, 'fd07::1']");
	machine(t, "Gateway", "hq-2", 2, "site: hq\nendpoint: 192.0.2.2:51820\naddresses: [10.7.0.2, 'fd07::2']");
	machine(t, "Gateway", "lab-1", 3, "site: lab\nendpoint: 192.0.2.3:51820\naddresses: [10.7.0.3, 'fd07::3']");
	doc(t, "User", "alice", "tags: [staff]");
	doc(t, "User", "bob", "expires: 2030-01-01");
	machine(t, "Device", "alice-laptop", 11, "owner: alice\naddresses: [10.7.0.11, 'fd07::11']");
	machine(t, "Device", "alice-phone", 12, "owner: alice\naddresses: [10.7.0.12, 'fd07::12']");
	machine(t, "Device", "bob-laptop", 13, "owner: bob\naddresses: [10.7.0.13, 'fd07::13']");
	machine(t, "Device", "lost", 14, "owner: bob\naddresses: [10.7.0.14, 'fd07::14']\nrevoked: true");
	machine(t, "Device", "router", 15,
		"tags: [branch]\naddresses: [10.7.0.15, 'fd07::15']\nnetworks: [10.99.0.0/24]");
	doc(t, "Group", "ops", "members: ['user:alice']");
	doc(t, "Resource", "wiki", "addresses: [10.1.0.80]\nports: [tcp/443]");
	doc(t, "Policy", "wiki", "from: [any]\nto: ['resource:wiki']");
	doc(t, "Policy", "office", "from: ['user:bob']\nto: ['site:hq']\nwhen: {days: [mon, fri], hours: 08:00-18:00}");
	doc(t, "Policy", "ops", "from: ['group:ops']\nto: [10.1.0.0/24, 'fd01::/64']\nports: [tcp, icmp]");
	doc(t, "Policy", "no-db", "action: deny\npriority: 10\nfrom: [any]\nto: [10.1.0.5-10.1.0.9]\nlog: true");
	doc(t, "Policy", "branch", "from: ['tag:branch']\nto: ['site:lab', internet]\nports: [tcp/443, udp/53]");
	doc(t, "Policy", "back", "from: ['site:hq']\nto: ['device:router']\nports: [tcp/22]");
	doc(t, "Policy", "mine", "from: ['tag:staff']\nto: [self]\nports: [udp]");
}

/* Forty services, so that their boxes go into sets. */
static void many_services(struct tree *t)
{
	buf_adds(&t->text, "---\nkind: Policy\nname: many\nfrom: ['group:ops']\nto: [10.1.1.0-10.1.1.77]\nports:\n");
	for (int i = 0; i < 40; i++)
		buf_addf(&t->text, "- tcp/%d\n- udp/%d\n", 1000 + 2 * i, 2000 + 3 * i);
}

/* --- encoding --- */

static void encode_decode_round_trip(void **state)
{
	(void)state;
	struct tree t = { .text = BUF_INIT };
	company(&t);
	many_services(&t);
	compile_text(&t);
	for (size_t g = 0; g < t.c.resolved.ngateways; g++) {
		struct buf one = BUF_INIT, two = BUF_INIT;
		struct gw_plan back, *p = plan_of(&t, t.c.resolved.gateway[g].decl->o.name);
		char err[200] = "";
		gw_plan_encode(p, &one);
		int ret = gw_plan_decode(&back, one.p, one.len, &t.c.arena, err, sizeof(err));
		assert_string_equal(err, "");
		assert_int_equal(ret, 0);
		gw_plan_encode(&back, &two);
		assert_int_equal(one.len, two.len);
		assert_memory_equal(one.p, two.p, one.len);
		struct plan_delta d;
		gw_plan_diff(p, &back, 0, &t.c.arena, &d);
		for (size_t i = 0; i < d.nops; i++) /* only peers outside their dates at 0 may differ */
			assert_int_equal(d.op[i].kind, OP_PEER_REMOVE);
		buf_release(&one);
		buf_release(&two);
	}
	tree_release(&t);
}

static void rehash(uint8_t *p, size_t len)
{
	struct digest d = digest_fast(p, len - DIGEST_BYTES);

	memcpy(p + len - DIGEST_BYTES, d.b, DIGEST_BYTES);
}

static void damage_is_found(void **state)
{
	(void)state;
	struct tree t = { .text = BUF_INIT };
	company(&t);
	compile_text(&t);
	struct buf bytes = BUF_INIT;
	gw_plan_encode(plan_of(&t, "hq-1"), &bytes);
	uint8_t *copy = malloc(bytes.len + 1);
	struct gw_plan back;
	struct arena a;
	char err[200];

	arena_init(&a);
	for (size_t i = 0; i < bytes.len; i += 7) { /* a flipped bit never passes the checksum */
		memcpy(copy, bytes.p, bytes.len);
		copy[i] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(gw_plan_decode(&back, copy, bytes.len, &a, err, sizeof(err)), -EBADMSG);
		arena_release(&a);
	}
	for (size_t i = 8; i < bytes.len - DIGEST_BYTES;
	     i++) { /* with a right checksum: refused, or another plan that encodes as it came */
		memcpy(copy, bytes.p, bytes.len);
		copy[i] ^= (uint8_t)(1u << (i % 8));
		rehash(copy, bytes.len);
		err[0] = '\0';
		if (gw_plan_decode(&back, copy, bytes.len, &a, err, sizeof(err)) == 0) {
			struct buf again = BUF_INIT;
			gw_plan_encode(&back, &again);
			assert_int_equal(again.len, bytes.len);
			assert_memory_equal(again.p, copy, bytes.len);
			buf_release(&again);
		} else {
			assert_memory_equal(err, "the plan is damaged: ", 21);
		}
		arena_release(&a);
	}
	for (size_t len = 0; len < bytes.len; len += 11) {
		memcpy(copy, bytes.p, len);
		if (len >= DIGEST_BYTES)
			rehash(copy, len);
		assert_int_equal(gw_plan_decode(&back, copy, len, &a, err, sizeof(err)), -EBADMSG);
		arena_release(&a);
	}
	memcpy(copy, bytes.p, bytes.len);
	copy[bytes.len] = 0;
	assert_int_equal(gw_plan_decode(&back, copy, bytes.len + 1, &a, err, sizeof(err)), -EBADMSG);
	arena_release(&a);
	free(copy);
	buf_release(&bytes);
	tree_release(&t);
}

/* --- difference: a model of the kernel that refuses what nf_tables would --- */

struct model_chain {
	const char *name;
	enum nft_hook hook;
	const struct nft_chain *rules; /* NULL: empty */
};

struct model_set {
	struct nft_set shape;
	VEC(struct nft_elem) elem;
};

struct model_peer {
	const struct gw_peer *p;
};

struct prefixes {
	struct prefix *v;
	size_t n, cap;
};

struct machine_model {
	bool table, link;
	VEC(struct model_chain) chain;
	VEC(struct model_set) set;
	struct prefixes address, route;
	VEC(struct model_peer) peer;
	int phase; /* of plan_delta.op's order */
};

static struct model_chain *chain_at(struct machine_model *m, const char *name)
{
	for (size_t i = 0; i < m->chain.n; i++)
		if (strcmp(m->chain.v[i].name, name) == 0)
			return &m->chain.v[i];
	return NULL;
}

static struct model_set *set_at(struct machine_model *m, const char *name)
{
	for (size_t i = 0; i < m->set.n; i++)
		if (strcmp(m->set.v[i].shape.name, name) == 0)
			return &m->set.v[i];
	return NULL;
}

static bool item_names(const struct nft_item *i, const char *name, bool chain)
{
	if (chain)
		return (i->kind == NFT_JUMP || i->kind == NFT_GOTO) && strcmp(i->name, name) == 0;
	if (i->kind == NFT_DISPATCH)
		return strcmp(i->name, name) == 0 || strcmp(i->name2, name) == 0;
	return i->kind == NFT_MATCH && i->op == NFT_IN_SET && strcmp(i->name, name) == 0;
}

static bool is_named(struct machine_model *m, const char *name, bool chain)
{
	for (size_t i = 0; i < m->chain.n; i++) {
		const struct nft_chain *c = m->chain.v[i].rules;
		for (size_t k = 0; c != NULL && k < c->nrules; k++)
			for (size_t j = 0; j < c->rule[k].nitems; j++)
				if (item_names(&c->rule[k].item[j], name, chain))
					return true;
	}
	for (size_t i = 0; chain && i < m->set.n; i++)
		for (size_t k = 0; k < m->set.v[i].elem.n; k++)
			if (m->set.v[i].elem.v[k].chain != NULL && strcmp(m->set.v[i].elem.v[k].chain, name) == 0)
				return true;
	return false;
}

static void check_names(struct machine_model *m, const struct nft_chain *c)
{
	for (size_t k = 0; k < c->nrules; k++) {
		for (size_t j = 0; j < c->rule[k].nitems; j++) {
			const struct nft_item *i = &c->rule[k].item[j];
			if (i->kind == NFT_JUMP || i->kind == NFT_GOTO)
				assert_non_null(chain_at(m, i->name));
			if (i->kind == NFT_DISPATCH) {
				assert_non_null(set_at(m, i->name));
				assert_non_null(set_at(m, i->name2));
			}
			if (i->kind == NFT_MATCH && i->op == NFT_IN_SET)
				assert_non_null(set_at(m, i->name));
		}
	}
}

static int phase_of(const struct plan_op *op)
{
	switch (op->kind) {
	case OP_PEER_REMOVE:
		return op->early ? 1 : 13;
	case OP_TABLE_REMOVE:
		return 2;
	case OP_TABLE_ADD:
		return 3;
	case OP_RULES_FLUSH:
		return 4;
	case OP_ELEM_REMOVE:
		return 5;
	case OP_SET_REMOVE:
		return 6;
	case OP_CHAIN_REMOVE:
		return 7;
	case OP_SET_ADD:
	case OP_CHAIN_ADD:
		return 8;
	case OP_ELEM_ADD:
		return 9;
	case OP_RULES_ADD:
		return 10;
	case OP_LINK:
	case OP_ADDRESS_ADD:
	case OP_ADDRESS_REMOVE:
	case OP_ROUTE_ADD:
	case OP_ROUTE_REMOVE:
		return 11;
	case OP_PEER_ADD:
	case OP_PEER_UPDATE:
		return 12;
	}
	return 0;
}

static void elem_change(struct machine_model *m, const struct plan_op *op)
{
	struct model_set *s = set_at(m, op->set->name);
	size_t at = 0;

	assert_non_null(s);
	while (at < s->elem.n && nft_elem_cmp(&s->elem.v[at], op->elem) != 0)
		at++;
	if (op->kind == OP_ELEM_REMOVE) {
		assert_true(at < s->elem.n);
		s->elem.v[at] = s->elem.v[--s->elem.n];
		return;
	}
	for (size_t i = 0; s->shape.kind < NFT_SET_BOX4 && i < s->elem.n; i++)
		assert_true(s->elem.v[i].hi < op->elem->lo || op->elem->hi < s->elem.v[i].lo);
	if (op->elem->chain != NULL)
		assert_non_null(chain_at(m, op->elem->chain));
	vec_push(&s->elem, *op->elem);
	assert_true(s->shape.size == 0 || s->elem.n <= s->shape.size);
}

static void prefix_change(struct prefixes *l, const struct prefix *p, bool add)
{
	size_t at = 0;

	while (at < l->n && (l->v[at].addr != p->addr || l->v[at].len != p->len))
		at++;
	assert_true(add == (at == l->n));
	if (add)
		vec_push(l, *p);
	else
		l->v[at] = l->v[--l->n];
}

static void peer_change(struct machine_model *m, const struct plan_op *op)
{
	size_t at = 0;

	while (at < m->peer.n && pubkey_cmp(&m->peer.v[at].p->public_key, &op->peer->public_key) != 0)
		at++;
	assert_true((op->kind == OP_PEER_ADD) == (at == m->peer.n));
	if (op->kind == OP_PEER_REMOVE)
		m->peer.v[at] = m->peer.v[--m->peer.n];
	else if (op->kind == OP_PEER_UPDATE)
		m->peer.v[at].p = op->peer;
	else
		vec_push(&m->peer, (struct model_peer){ op->peer });
}

static void model_set_add(struct machine_model *m, const struct nft_set *s)
{
	struct model_set one = { .shape = *s };

	assert_null(set_at(m, s->name));
	vec_push(&m->set, one);
}

static void model_op(struct machine_model *m, const struct plan_op *op)
{
	struct model_chain *c;
	struct model_set *s;

	assert_true(phase_of(op) >= m->phase);
	m->phase = phase_of(op);
	switch (op->kind) {
	case OP_LINK:
		m->link = true;
		return;
	case OP_TABLE_ADD:
		assert_false(m->table);
		m->table = true;
		return;
	case OP_TABLE_REMOVE:
		assert_true(m->table);
		m->table = false;
		m->chain.n = 0;
		for (size_t i = 0; i < m->set.n; i++)
			vec_release(&m->set.v[i].elem);
		m->set.n = 0;
		return;
	case OP_SET_ADD:
		assert_true(m->table);
		model_set_add(m, op->set);
		return;
	case OP_SET_REMOVE:
		s = set_at(m, op->set->name);
		assert_non_null(s);
		assert_false(is_named(m, op->set->name, false));
		vec_release(&s->elem);
		*s = m->set.v[--m->set.n];
		return;
	case OP_ELEM_ADD:
	case OP_ELEM_REMOVE:
		elem_change(m, op);
		return;
	case OP_CHAIN_ADD:
		assert_true(m->table);
		assert_null(chain_at(m, op->chain->name));
		vec_push(&m->chain, ((struct model_chain){ op->chain->name, op->chain->hook, NULL }));
		return;
	case OP_CHAIN_REMOVE:
		c = chain_at(m, op->chain->name);
		assert_non_null(c);
		assert_null(c->rules);
		assert_false(is_named(m, op->chain->name, true));
		*c = m->chain.v[--m->chain.n];
		return;
	case OP_RULES_FLUSH:
		c = chain_at(m, op->chain->name);
		assert_non_null(c);
		c->rules = NULL;
		return;
	case OP_RULES_ADD:
		c = chain_at(m, op->chain->name);
		assert_non_null(c);
		assert_null(c->rules);
		check_names(m, op->chain);
		c->rules = op->chain;
		return;
	case OP_ADDRESS_ADD:
	case OP_ADDRESS_REMOVE:
		prefix_change(&m->address, op->prefix, op->kind == OP_ADDRESS_ADD);
		return;
	case OP_ROUTE_ADD:
	case OP_ROUTE_REMOVE:
		prefix_change(&m->route, op->prefix, op->kind == OP_ROUTE_ADD);
		return;
	case OP_PEER_ADD:
	case OP_PEER_UPDATE:
	case OP_PEER_REMOVE:
		peer_change(m, op);
		return;
	}
}

static void model_run(struct machine_model *m, const struct gw_plan *have, const struct gw_plan *want, int64_t now,
		      struct arena *a)
{
	struct plan_delta d;

	gw_plan_diff(have, want, now, a, &d);
	m->phase = 0;
	for (size_t i = 0; i < d.nops; i++)
		model_op(m, &d.op[i]);
}

/* The model as the plan that a kernel would show, in whatever order it holds things. */
static struct gw_plan *model_observe(struct machine_model *m, const struct gw_plan *like, struct arena *a)
{
	struct gw_plan *p = arena_new(a, struct gw_plan);

	*p = *like;
	p->gateway = "";
	p->present = p->up = m->link;
	p->address = m->address.v;
	p->naddresses = m->address.n;
	p->route = m->route.v;
	p->nroutes = m->route.n;
	p->npeers = m->peer.n;
	p->peer = arena_array(a, m->peer.n, struct gw_peer);
	for (size_t i = 0; i < m->peer.n; i++) {
		p->peer[i] = *m->peer.v[i].p;
		p->peer[i].name = NULL;
		p->peer[i].not_before = CLOCK_EVER;
		p->peer[i].expires = CLOCK_NEVER;
	}
	p->nft = (struct nft_table){ .present = m->table, .nsets = m->set.n, .nchains = m->chain.n };
	p->nft.set = arena_array(a, m->set.n, struct nft_set);
	for (size_t i = 0; i < m->set.n; i++) {
		p->nft.set[i] = m->set.v[i].shape;
		p->nft.set[i].elem = m->set.v[i].elem.v;
		p->nft.set[i].nelems = m->set.v[i].elem.n;
	}
	p->nft.chain = arena_array(a, m->chain.n, struct nft_chain);
	for (size_t i = 0; i < m->chain.n; i++) {
		const struct nft_chain *rules = m->chain.v[i].rules;
		p->nft.chain[i] = (struct nft_chain){ .name = m->chain.v[i].name,
						      .hook = m->chain.v[i].hook,
						      .rule = rules ? rules->rule : NULL,
						      .nrules = rules ? rules->nrules : 0 };
	}
	return p;
}

static void model_release(struct machine_model *m)
{
	for (size_t i = 0; i < m->set.n; i++)
		vec_release(&m->set.v[i].elem);
	vec_release(&m->set);
	vec_release(&m->chain);
	vec_release(&m->address);
	vec_release(&m->route);
	vec_release(&m->peer);
}

static size_t ops_left(const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct arena *a)
{
	struct plan_delta d;
	struct buf text = BUF_INIT;

	gw_plan_diff(have, want, now, a, &d);
	plan_delta_print(&d, &text);
	if (d.nops > 0)
		print_message("%s", buf_str(&text));
	buf_release(&text);
	return d.nops;
}

#define NOW 1800000000 /* January 2027: before bob's end */

static void difference_of_nothing(void **state)
{
	(void)state;
	struct tree t = { .text = BUF_INIT };
	company(&t);
	compile_text(&t);
	struct gw_plan *p = plan_of(&t, "hq-1"), *seen = arena_new(&t.c.arena, struct gw_plan);
	struct gw_peer *peer = arena_array(&t.c.arena, p->npeers, struct gw_peer);

	*seen = *p;
	seen->peer = peer;
	seen->npeers = 0;
	for (size_t i = 0; i < p->npeers; i++)
		if (!p->peer[i].revoked)
			peer[seen->npeers++] = p->peer[i];
	assert_int_equal(ops_left(seen, p, NOW, &t.c.arena), 0);
	tree_release(&t);
}

/* From nothing, to one tree, to another, back, and over drift: the ops in their order always lead there. */
static void difference_leads_there(void **state)
{
	(void)state;
	struct tree one = { .text = BUF_INIT }, two = { .text = BUF_INIT };
	company(&one);
	compile_text(&one);
	company(&two);
	many_services(&two);
	doc(&two, "Policy", "extra", "from: ['user:bob']\nto: [10.1.7.0/24]\npriority: 5");
	doc(&two, "Policy", "closed", "action: deny\npriority: 20\nfrom: ['tag:branch']\nto: [any]");
	compile_text(&two);
	struct gw_plan *p1 = plan_of(&one, "hq-1"), *p2 = plan_of(&two, "hq-1");
	struct machine_model m = { .table = false };
	struct arena a;
	struct gw_plan nothing = { .gateway = "", .interface = "wg0" };

	arena_init(&a);
	model_run(&m, &nothing, p1, NOW, &a);
	assert_int_equal(ops_left(model_observe(&m, p1, &a), p1, NOW, &a), 0);
	model_run(&m, model_observe(&m, p1, &a), p2, NOW, &a);
	assert_int_equal(ops_left(model_observe(&m, p2, &a), p2, NOW, &a), 0);
	model_run(&m, model_observe(&m, p2, &a), p1, NOW, &a);
	assert_int_equal(ops_left(model_observe(&m, p1, &a), p1, NOW, &a), 0);

	/* Drift: a map of another size, a hook that became a plain chain, a rule gone, an element gone. */
	set_at(&m, "class4")->shape.size *= 2;
	set_at(&m, "dispatch")->elem.n--;
	set_at(&m, "outside4")->shape.kind = NFT_MAP_CLASS4;
	chain_at(&m, "input")->hook = NFT_HOOK_NONE;
	chain_at(&m, "denied")->rules = NULL;
	chain_at(&m, "source_wg")->rules = chain_at(&m, "source_any")->rules;
	m.peer.n--;
	m.address.n--;
	model_run(&m, model_observe(&m, p1, &a), p1, NOW, &a);
	assert_int_equal(ops_left(model_observe(&m, p1, &a), p1, NOW, &a), 0);

	/* Something foreign: the table is made anew. */
	struct gw_plan *seen = model_observe(&m, p1, &a);
	seen->nft.foreign = 1;
	model_run(&m, seen, p1, NOW, &a);
	assert_int_equal(ops_left(model_observe(&m, p1, &a), p1, NOW, &a), 0);
	model_release(&m);
	arena_release(&a);
	tree_release(&one);
	tree_release(&two);
}

static struct gw_peer peer_like(unsigned int key, u128 addr, struct prefix *room)
{
	struct gw_peer p = { .not_before = CLOCK_EVER, .expires = CLOCK_NEVER, .allowed_ips = room, .nallowed = 1 };

	memcpy(p.public_key.b, &key, sizeof(key));
	*room = (struct prefix){ addr, 32 };
	return p;
}

static void peers_by_date(void **state)
{
	(void)state;
	struct prefix room[8];
	struct arena a;
	u128 x = addr_from_v4(0x0a070001), y = addr_from_v4(0x0a070002), z = addr_from_v4(0x0a070003);
	struct gw_peer have_peer[] = { peer_like(1, x, &room[0]), peer_like(2, y, &room[1]),
				       peer_like(3, z, &room[2]) };
	struct gw_peer want_peer[] = { peer_like(1, x, &room[3]), peer_like(2, y, &room[4]),
				       peer_like(4, z, &room[5]) };
	struct gw_plan have = { .interface = "wg0", .present = true, .up = true, .peer = have_peer, .npeers = 3 };
	struct gw_plan want = { .interface = "wg0", .present = true, .up = true, .peer = want_peer, .npeers = 3 };
	struct plan_delta d;

	arena_init(&a);
	want_peer[0].expires = 1000;
	want_peer[1].revoked = true;
	want_peer[1].nallowed = 0;
	want_peer[2].not_before = 500;
	assert_int_equal(gw_plan_next_change(&want, 0), 500);
	assert_int_equal(gw_plan_next_change(&want, 500), 1000);
	assert_true(gw_plan_next_change(&want, 1000) == CLOCK_NEVER);

	gw_plan_diff(&have, &want, 600, &a, &d); /* 2 revoked, 3's address is 4's now */
	assert_int_equal(d.nops, 3);
	assert_true(d.op[0].kind == OP_PEER_REMOVE && d.op[0].early && d.op[0].peer == &have_peer[1]);
	assert_true(d.op[1].kind == OP_PEER_REMOVE && d.op[1].early && d.op[1].peer == &have_peer[2]);
	assert_true(d.op[2].kind == OP_PEER_ADD && d.op[2].peer == &want_peer[2]);

	gw_plan_diff(&have, &want, 400, &a, &d); /* 4 not yet: 3 goes late */
	assert_int_equal(d.nops, 2);
	assert_true(d.op[1].kind == OP_PEER_REMOVE && !d.op[1].early && d.op[1].peer == &have_peer[2]);

	gw_plan_diff(&have, &want, 1000, &a, &d); /* 1 has expired */
	assert_int_equal(d.nops, 4);

	want.npeers = 1;
	want_peer[0] = peer_like(2, x, &room[3]); /* 2 takes 1's address and leaves its own: only 1 goes early */
	gw_plan_diff(&have, &want, 0, &a, &d);
	assert_int_equal(d.nops, 3);
	assert_true(d.op[0].kind == OP_PEER_REMOVE && d.op[0].early && d.op[0].peer == &have_peer[0]);
	assert_true(d.op[1].kind == OP_PEER_UPDATE && d.op[1].peer == &want_peer[0]);
	assert_true(d.op[2].kind == OP_PEER_REMOVE && !d.op[2].early);
	have_peer[1].allowed_ips[0] = (struct prefix){ x, 24 }; /* a peer that keeps a part of what it had is updated in place */
	have.peer = &have_peer[1];
	have.npeers = 1;
	have_peer[1].allowed_ips[0].addr = addr_from_v4(0x0a070000);
	gw_plan_diff(&have, &want, 0, &a, &d);
	assert_int_equal(d.nops, 1);
	assert_true(d.op[0].kind == OP_PEER_UPDATE);
	arena_release(&a);
}

/* --- class chains --- */

static const struct nft_elem *class_elem(const struct gw_plan *p, const char *map, u128 addr)
{
	const struct nft_set *s = nft_find_set(&p->nft, map);

	for (size_t i = 0; i < s->nelems; i++)
		if (s->elem[i].lo <= addr && addr <= s->elem[i].hi)
			return &s->elem[i];
	return NULL;
}

static const char *chain_of(const struct gw_plan *p, const char *map, u128 addr)
{
	const struct nft_elem *e = class_elem(p, map, addr);
	const struct nft_set *s = nft_find_set(&p->nft, "dispatch");

	for (size_t i = 0; e != NULL && i < s->nelems; i++)
		if ((uint32_t)s->elem[i].lo == e->value)
			return s->elem[i].chain;
	return NULL;
}

#define ALICE addr_from_v4(0x0a07000b)
#define BOB addr_from_v4(0x0a07000d)
#define LOST addr_from_v4(0x0a07000e)

static void sources_and_classes(void **state)
{
	(void)state;
	struct tree t = { .text = BUF_INIT };
	company(&t);
	compile_text(&t);
	struct gw_plan *p = plan_of(&t, "hq-1");

	assert_memory_equal(chain_of(p, "class4", ALICE), "c_", 2);
	assert_memory_equal(chain_of(p, "class4", BOB), "d_", 2); /* bob's dates */
	assert_null(chain_of(p, "class4", LOST));
	assert_non_null(chain_of(p, "network4", addr_from_v4(0x0a630001))); /* behind the router */
	assert_non_null(chain_of(p, "outside4", addr_from_v4(0x0a010001))); /* site hq, by policy back */
	assert_null(chain_of(p, "outside4", addr_from_v4(0x0a070001)));     /* the gateway itself may nothing */
	const struct nft_chain *bob = nft_find_chain(&p->nft, chain_of(p, "class4", BOB));
	assert_int_equal(bob->nrules, 2);
	assert_int_equal(bob->rule[0].item[0].field, NFT_TIME);
	assert_int_equal(bob->rule[0].item[1].kind, NFT_GOTO);
	assert_true(bob->class_chain);
	bool revoked = false;
	for (size_t i = 0; i < p->npeers; i++) {
		if (strcmp(p->peer[i].name, "lost") != 0)
			continue;
		revoked = p->peer[i].revoked && p->peer[i].nallowed == 0;
	}
	assert_true(revoked);
	assert_null(nft_find_chain(&plan_of(&t, "lab-1")->nft, "no such"));
	tree_release(&t);
}

static void unrelated_class_renames_nothing(void **state)
{
	(void)state;
	struct tree one = { .text = BUF_INIT }, two = { .text = BUF_INIT };
	company(&one);
	compile_text(&one);
	company(&two);
	doc(&two, "User", "aaron", "");
	doc(&two, "Policy", "aaaa", "from: ['user:aaron']\nto: [10.1.99.1]");
	machine(&two, "Device", "aaron-laptop", 77, "owner: aaron\naddresses: [10.7.0.77, 'fd07::77']");
	compile_text(&two);
	const char *gateways[] = { "hq-1", "hq-2", "lab-1" };
	for (size_t g = 0; g < 3; g++) {
		struct gw_plan *p1 = plan_of(&one, gateways[g]), *p2 = plan_of(&two, gateways[g]);
		for (size_t i = 0; i < p1->nft.nchains; i++)
			assert_non_null(nft_find_chain(&p2->nft, p1->nft.chain[i].name));
		const struct nft_set *m = nft_find_set(&p1->nft, "class4");
		for (size_t i = 0; i < m->nelems; i++)
			assert_string_equal(chain_of(p1, "class4", m->elem[i].lo),
					    chain_of(p2, "class4", m->elem[i].lo));
	}
	tree_release(&one);
	tree_release(&two);
}

static bool carried(const struct resolved *r, uint32_t gateway, uint32_t source, u128 addr, struct arena *a)
{
	struct range *v;
	size_t n = place_carry(r, gateway, source, a, &v);

	return range_set_contains(range_set_make(a, v, n), addr);
}

/* The rules agree with the access function on every corner of what the policies speak of. */
static void rules_agree_with_access(void **state)
{
	(void)state;
	static const uint32_t services[][2] = { { 6, 0 },    { 6, 22 },  { 6, 443 },   { 6, 1000 },  { 6, 1001 },
						{ 6, 1078 }, { 17, 53 }, { 17, 2000 }, { 17, 2003 }, { 17, 2117 },
						{ 1, 0 },    { 58, 0 },  { 47, 0 },    { 132, 0 },   { 6, 65535 } };
	static const uint32_t v4[] = { 0x0a010000, 0x0a010004, 0x0a010005, 0x0a010009, 0x0a01000a, 0x0a010050,
				       0x0a0100ff, 0x0a010100, 0x0a01014d, 0x0a01014e, 0x0a01ffff, 0x0a020001,
				       0x0a07000b, 0x0a07000c, 0x0a07000f, 0x0a630007, 0x08080808, 0xc0a80001 };
	static const int64_t times[] = { NOW,        NOW + 86400, 1893456000 - 1,
					 1893456000, 1798441200,  1798441200 + 3600 * 10 };
	struct tree t = { .text = BUF_INIT };
	struct arena a;
	size_t accepted = 0;

	company(&t);
	many_services(&t);
	compile_text(&t);
	arena_init(&a);
	for (uint32_t g = 0; g < t.c.resolved.ngateways; g++) {
		struct gw_plan *p = plan_of(&t, t.c.resolved.gateway[g].decl->o.name);
		for (uint32_t s = 0; s < t.c.resolved.ndevices; s++) {
			for (size_t i = 0; i < ARRAY_SIZE(v4) + 2; i++) {
				u128 addr =
					i < ARRAY_SIZE(v4) ? addr_from_v4(v4[i]) : (u128)0xfd01 << 112 | (i & 1) << 20;
				bool there = carried(&t.c.resolved, g, s, addr, &a);
				for (size_t k = 0; k < ARRAY_SIZE(services) * ARRAY_SIZE(times); k++) {
					const uint32_t *sv = services[k % ARRAY_SIZE(services)];
					const struct trace_flow flow = {
						.source = t.c.resolved.device[s].decl->addresses.v[0],
						.dest = addr,
						.service = SERVICE(sv[0], sv[1]),
						.at = times[k / ARRAY_SIZE(services)],
					};
					struct trace_result res;
					nft_trace(&p->nft, &flow, &res);
					bool want = there &&
						    access_eval(&t.c.access, s, addr, flow.service, flow.at).allow;
					bool got = res.accept;
					if (want != got)
						print_message("%s %s %x %u/%u at %lld\n", p->gateway,
							      t.c.resolved.device[s].decl->o.name, (unsigned)addr,
							      sv[0], sv[1], (long long)flow.at);
					assert_int_equal(want, got);
					accepted += got;
				}
				arena_release(&a);
			}
		}
	}
	assert_true(accepted > 500);
	tree_release(&t);
}

/* Users in several of many groups: the ruleset grows with memberships, each group's boxes stand once. */
static void combinations_do_not_multiply(void **state)
{
	(void)state;
	struct tree t = { .text = BUF_INIT };
	size_t rules = 0, shared = 0;

	doc(&t, "Network", "net", "pools: [10.7.0.0/16]");
	doc(&t, "Site", "hq", "networks: [10.1.0.0/16]");
	machine(&t, "Gateway", "hq-1", 1, "site: hq\nendpoint: 192.0.2.1:51820\naddresses: [10.7.0.1]");
	for (int i = 0; i < 60; i++) {
		char name[16], rest[100];
		snprintf(name, sizeof(name), "u%d", i);
		doc(&t, "User", name, "");
		snprintf(rest, sizeof(rest), "owner: u%d\naddresses: [10.7.1.%d]", i, i + 1);
		snprintf(name, sizeof(name), "d%d", i);
		machine(&t, "Device", name, 100 + (unsigned int)i, rest);
	}
	for (int g = 0; g < 12; g++) {
		buf_addf(&t.text, "---\nkind: Group\nname: g%d\nmembers:\n", g);
		for (int i = 0; i < 60; i++)
			if (((i * 2654435761u) >> (g + 3)) & 1)
				buf_addf(&t.text, "- user:u%d\n", i);
		buf_addf(&t.text, "---\nkind: Policy\nname: p%d\nfrom: ['group:g%d']\nto:\n", g, g);
		for (int k = 0; k < 30; k++)
			buf_addf(&t.text, "- 10.1.%d.%d\n", g, 2 * k + 1);
		buf_addf(&t.text, "ports:\n");
		for (int k = 0; k < 10; k++)
			buf_addf(&t.text, "- tcp/%d\n", 100 * (k + 1) + g);
	}
	compile_text(&t);
	struct gw_plan *p = plan_of(&t, "hq-1");
	for (size_t i = 0; i < p->nft.nchains; i++) {
		rules += p->nft.chain[i].nrules;
		shared += p->nft.chain[i].name[0] == 'p' && p->nft.chain[i].name[1] == '_';
	}
	assert_true(t.c.access.nclasses > 40);
	assert_int_equal(shared, 12);
	assert_true(rules < 12 * 10 + 60 * 13 + 50);
	tree_release(&t);
}

static void conditions_by_day(void **state)
{
	(void)state;
	struct cond_form f[COND_FORMS_MAX];
	struct cond c = { .not_before = CLOCK_EVER, .expires = CLOCK_NEVER };

	assert_int_equal(cond_forms(&c, f), 1);
	assert_int_equal(f[0].n, 0);
	c.nweek = 1; /* Sunday 22:00 to Monday, cut by the week's edge, and Monday until 06:00 */
	c.week[0] = (struct week_span){ 6 * 86400 + 79200, 7 * 86400 };
	assert_int_equal(cond_forms(&c, f), 1);
	assert_int_equal(f[0].item[0].field, NFT_DAY);
	assert_true(f[0].item[0].lo == 0);
	assert_true(f[0].item[1].lo == 79200 && f[0].item[1].hi == 86399);
	c.nweek = 7; /* every day the same hours: no day needs saying */
	for (uint32_t d = 0; d < 7; d++)
		c.week[d] = (struct week_span){ d * 86400 + 3600, d * 86400 + 7200 };
	assert_int_equal(cond_forms(&c, f), 1);
	assert_int_equal(f[0].n, 1);
	assert_true(f[0].item[0].field == NFT_HOUR && f[0].item[0].hi == 7199);
	c.nweek = 1; /* whole days from Tuesday noon to Thursday */
	c.week[0] = (struct week_span){ 86400 + 43200, 4 * 86400 };
	assert_int_equal(cond_forms(&c, f), 3);
	c.expires = 5;
	assert_int_equal(cond_forms(&c, f), 3);
	assert_int_equal(f[0].item[0].field, NFT_TIME);
}

/* --- profiles --- */

static struct device_profile *profile_of(struct tree *t, const char *device)
{
	struct device_profile *p = arena_new(&t->c.arena, struct device_profile);
	uint32_t d = resolved_find(&t->c.resolved, KIND_DEVICE, device);

	if (plan_profile(p, &t->c.access, &t->c.resolved, d, &t->c.arena) < 0)
		return NULL;
	return p;
}

static const struct profile_peer *peer_of(const struct device_profile *p, const char *gateway)
{
	for (size_t i = 0; i < p->npeers; i++)
		if (strcmp(p->peer[i].gateway->decl->o.name, gateway) == 0)
			return &p->peer[i];
	return NULL;
}

static void allowed_is(const struct profile_peer *p, const char *want)
{
	struct buf text = BUF_INIT;
	char one[ADDR_TEXT_MAX];

	assert_non_null(p);
	for (size_t i = 0; i < p->nallowed; i++)
		buf_addf(&text, "%s%s", i > 0 ? " " : "", prefix_format(p->allowed_ips[i], one));
	assert_string_equal(buf_str(&text), want);
	buf_release(&text);
}

/* No prefix on two peers, none inside another of the same peer, no two that make one. */
static void is_minimal(const struct device_profile *p)
{
	for (size_t i = 0; i < p->npeers; i++) {
		for (size_t k = 0; k < p->peer[i].nallowed; k++) {
			struct range r = prefix_range(p->peer[i].allowed_ips[k]);
			for (size_t j = 0; j < p->npeers; j++) {
				for (size_t l = 0; l < p->peer[j].nallowed; l++) {
					struct range s = prefix_range(p->peer[j].allowed_ips[l]);
					struct prefix whole;
					if (i == j && k == l)
						continue;
					assert_true(r.hi < s.lo || s.hi < r.lo);
					if (i == j && r.hi + 1 == s.lo && addr_is_v4(r.lo) == addr_is_v4(s.lo))
						assert_false(range_is_prefix((struct range){ r.lo, s.hi }, &whole));
				}
			}
		}
	}
}

static void profiles_are_exact(void **state)
{
	(void)state;
	struct tree t = { .text = BUF_INIT };
	company(&t);
	compile_text(&t);
	struct device_profile *p = profile_of(&t, "alice-laptop");
	assert_int_equal(p->npeers, 3);
	is_minimal(p);
	const struct profile_peer *one = peer_of(p, "hq-1"), *two = peer_of(p, "hq-2");
	assert_true(one->preferred != two->preferred);
	/* 10.1.0.0/24 less what is always denied, her phone, and the site's addresses do not reach her. */
	allowed_is(one->preferred ? one : two,
		   "10.1.0.0/30 10.1.0.4/32 10.1.0.10/31 10.1.0.12/30 10.1.0.16/28 10.1.0.32/27 "
		   "10.1.0.64/26 10.1.0.128/25 10.7.0.12/32 fd01::/64 fd07::12/128");
	allowed_is(one->preferred ? two : one, "");
	allowed_is(peer_of(p, "lab-1"), "");
	assert_null(profile_of(&t, "lost"));

	p = profile_of(&t, "router"); /* site hq may reach it: its answers need the way back */
	is_minimal(p);
	one = peer_of(p, "hq-1")->preferred ? peer_of(p, "hq-1") : peer_of(p, "hq-2");
	bool found = false;
	for (size_t i = 0; i < one->nallowed; i++)
		found |= one->allowed_ips[i].addr == addr_from_v4(0x0a010000) && one->allowed_ips[i].len == 16;
	assert_true(found);
	allowed_is(peer_of(p, "lab-1"), "10.2.0.0/16");
	tree_release(&t);
}

static void full_tunnel(void **state)
{
	(void)state;
	struct tree t = { .text = BUF_INIT };
	company(&t);
	doc(&t, "User", "carol", "");
	machine(&t, "Device", "carol-laptop", 21,
		"owner: carol\naddresses: [10.7.0.21, 'fd07::21']\nprofile: {tunnel: full}");
	doc(&t, "Policy", "carol", "from: ['user:carol']\nto: [10.2.0.0/17, internet]");
	compile_text(&t);
	struct device_profile *p = profile_of(&t, "carol-laptop");
	const struct profile_peer *one = peer_of(p, "hq-1"), *two = peer_of(p, "hq-2");
	allowed_is(one->preferred ? one : two, "::/0 0.0.0.0/0");
	allowed_is(one->preferred ? two : one, "");
	allowed_is(peer_of(p, "lab-1"), "10.2.0.0/17");
	tree_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode_decode_round_trip),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(difference_of_nothing),
		cmocka_unit_test(difference_leads_there),
		cmocka_unit_test(peers_by_date),
		cmocka_unit_test(sources_and_classes),
		cmocka_unit_test(unrelated_class_renames_nothing),
		cmocka_unit_test(rules_agree_with_access),
		cmocka_unit_test(combinations_do_not_multiply),
		cmocka_unit_test(conditions_by_day),
		cmocka_unit_test(profiles_are_exact),
		cmocka_unit_test(full_tunnel),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
