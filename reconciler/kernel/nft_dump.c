/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/nft_dump.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include <arpa/inet.h>

#include <linux/netfilter.h>

#include "base/bug.h"
#include "kernel/nft_wire.h"
#include "kernel/nl_attr.h"

#define REQUEST_MAX 256
#define KEYS_MAX 128 /* asked for at once: each answer is a message of its own, and all must fit the receive buffer */

struct observation {
	struct arena *a;
	struct nft_table *t;
	VEC(struct nft_chain) chain;
	VEC(struct nft_set) set;
	VEC(struct nft_rule) rule;
	VEC(const char *) rule_chain; /* of rule.v[i] */
	nft_wire_elems elem;
	enum nft_set_kind kind; /* of the elements being dumped */
};

static bool in_our_table(const struct nlmsghdr *nlh, uint16_t table_attr)
{
	const struct nlattr *attr;

	attr_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == table_attr)
			return strcmp(mnl_attr_get_str(attr), NFT_TABLE) == 0;
	return false;
}

static int see_generation(const struct nlmsghdr *nlh, void *arg)
{
	uint32_t *generation = arg;
	const struct nlattr *attr;

	attr_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID)
			*generation = ntohl(mnl_attr_get_u32(attr));
	return 0;
}

static int see_table(const struct nlmsghdr *nlh, void *arg)
{
	struct observation *o = arg;
	const struct nlattr *attr;

	o->t->present = true;
	attr_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_TABLE_FLAGS && (ntohl(mnl_attr_get_u32(attr)) & NFT_TABLE_F_DORMANT))
			o->t->foreign++; /* every chain is out of its hook */
		else if (mnl_attr_get_type(attr) == NFTA_TABLE_HANDLE)
			o->t->handle = be64toh(mnl_attr_get_u64(attr));
	return 0;
}

static int see_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct observation *o = arg;
	struct nft_chain c;

	if (!in_our_table(nlh, NFTA_CHAIN_TABLE))
		return 0;
	struct nftnl_chain *nc = nftnl_chain_alloc();
	if (nc == NULL || nftnl_chain_nlmsg_parse(nlh, nc) < 0)
		o->t->foreign++;
	else if (nftnl_chain_is_set(nc, NFTNL_CHAIN_FLAGS) &&
		 (nftnl_chain_get_u32(nc, NFTNL_CHAIN_FLAGS) & NFT_CHAIN_BINDING))
		; /* belongs to one rule, and goes with it */
	else if (nft_raise_chain(nc, o->a, &c))
		vec_push(&o->chain, c);
	else
		o->t->foreign++;
	if (nc != NULL)
		nftnl_chain_free(nc);
	return 0;
}

static int see_set(const struct nlmsghdr *nlh, void *arg)
{
	struct observation *o = arg;
	struct nft_set s;

	if (!in_our_table(nlh, NFTA_SET_TABLE))
		return 0;
	struct nftnl_set *ns = nftnl_set_alloc();
	if (ns == NULL || nftnl_set_nlmsg_parse(nlh, ns) < 0)
		o->t->foreign++;
	else if (nftnl_set_get_u32(ns, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS)
		; /* belongs to one rule, and goes with it */
	else if (nft_raise_set(ns, o->a, &s))
		vec_push(&o->set, s);
	else
		o->t->foreign++;
	if (ns != NULL)
		nftnl_set_free(ns);
	return 0;
}

static int see_elems(const struct nlmsghdr *nlh, void *arg)
{
	struct observation *o = arg;

	nft_elems_get(nlh, o->kind, o->a, &o->elem);
	return 0;
}

static int see_rule(const struct nlmsghdr *nlh, void *arg)
{
	static struct nft_item foreign = { .kind = NFT_FOREIGN };
	struct observation *o = arg;
	struct nft_rule r = { .item = &foreign, .nitems = 1 };
	const char *chain = NULL;
	const struct nlattr *attr;

	attr_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_RULE_TABLE && strcmp(mnl_attr_get_str(attr), NFT_TABLE) != 0)
			return 0;
		if (mnl_attr_get_type(attr) == NFTA_RULE_CHAIN)
			chain = mnl_attr_get_str(attr);
	}
	if (chain == NULL)
		return 0;
	struct nftnl_rule *nr = nftnl_rule_alloc();
	if (nr != NULL && nftnl_rule_nlmsg_parse(nlh, nr) >= 0) /* fails on an expression that libnftnl does not know */
		nft_raise_rule(nr, o->a, &r);
	if (nr != NULL)
		nftnl_rule_free(nr);
	if (o->rule_chain.n > 0 && strcmp(o->rule_chain.v[o->rule_chain.n - 1], chain) == 0)
		chain = o->rule_chain.v[o->rule_chain.n - 1];
	else
		chain = arena_strdup(o->a, chain);
	vec_push(&o->rule, r);
	vec_push(&o->rule_chain, chain);
	return 0;
}

static int see_foreign(const struct nlmsghdr *nlh, void *arg)
{
	struct observation *o = arg;

	if (in_our_table(nlh, 1 /* NFTA_OBJ_TABLE, NFTA_FLOWTABLE_TABLE */))
		o->t->foreign++;
	return 0;
}

/* A request about our table, and one set or chain of it: the table is attribute 1 and the name attribute 2 in all of them. */
static struct nlmsghdr *request(char buf[static REQUEST_MAX], uint16_t type, uint16_t flags, const char *name)
{
	struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(buf, type, NFPROTO_INET, flags, 0);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NFT_TABLE);
	if (name != NULL)
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, name);
	return nlh;
}

int nft_dump_generation(struct nl_sock *s, uint32_t *generation)
{
	char buf[REQUEST_MAX];

	return nl_talk(s, nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETGEN, AF_UNSPEC, 0, 0), see_generation, generation);
}

static int dump_elems(struct nl_sock *s, struct observation *o, struct nft_set *set, bool *ours)
{
	char buf[REQUEST_MAX];

	o->elem.n = 0;
	o->kind = set->kind;
	int rc = nl_talk(s, request(buf, NFT_MSG_GETSETELEM, NLM_F_DUMP, set->name), see_elems, o);
	if (rc == 0)
		*ours = nft_elems_join(&o->elem, set, o->a);
	return rc;
}

static int observe_elems(struct nl_sock *s, struct observation *o)
{
	for (size_t i = 0; i < o->set.n; i++) {
		bool ours;
		int rc = dump_elems(s, o, &o->set.v[i], &ours);
		if (rc < 0)
			return rc;
		o->t->foreign += !ours;
	}
	return 0;
}

/* Each dump of one kind of thing. Kernels without objects or flow tables have none of ours to see. */
static const struct {
	uint16_t type;
	nl_message_fn see;
	bool optional;
} dumps[] = {
	{ NFT_MSG_GETCHAIN, see_chain, false },
	{ NFT_MSG_GETSET, see_set, false },
	{ NFT_MSG_GETRULE, see_rule, false },
	{ NFT_MSG_GETOBJ, see_foreign, true },
	{ NFT_MSG_GETFLOWTABLE, see_foreign, true },
};

static int observe_dumps(struct nl_sock *s, struct observation *o)
{
	char buf[REQUEST_MAX];
	int rc = nl_talk(s, request(buf, NFT_MSG_GETTABLE, 0, NULL), see_table, o);

	if (rc == -ENOENT)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(dumps) && rc == 0; i++) {
		rc = nl_talk(s, request(buf, dumps[i].type, NLM_F_DUMP, NULL), dumps[i].see, o);
		if (dumps[i].optional && (rc == -EOPNOTSUPP || rc == -EINVAL))
			rc = 0;
	}
	return rc < 0 ? rc : observe_elems(s, o);
}

static int chain_cmp(const void *a, const void *b)
{
	return strcmp(((const struct nft_chain *)a)->name, ((const struct nft_chain *)b)->name);
}

static int set_cmp(const void *a, const void *b)
{
	return strcmp(((const struct nft_set *)a)->name, ((const struct nft_set *)b)->name);
}

/* The kernel dumps chain by chain, so a chain's rules are neighbours. */
static void give_rules(struct observation *o)
{
	for (size_t i = 0, n; i < o->rule.n; i += n) {
		for (n = 1; i + n < o->rule.n && o->rule_chain.v[i + n] == o->rule_chain.v[i];)
			n++;
		struct nft_chain key = { .name = o->rule_chain.v[i] };
		struct nft_chain *c = bsearch(&key, o->chain.v, o->chain.n, sizeof(key), chain_cmp);
		if (c == NULL)
			continue;
		c->rule = arena_dup(o->a, &o->rule.v[i], n * sizeof(struct nft_rule));
		c->nrules = n;
	}
}

static void finish(struct observation *o)
{
	if (o->chain.n > 1)
		qsort(o->chain.v, o->chain.n, sizeof(*o->chain.v), chain_cmp);
	if (o->set.n > 1)
		qsort(o->set.v, o->set.n, sizeof(*o->set.v), set_cmp);
	if (o->chain.n > 0)
		give_rules(o);
	o->t->chain = vec_freeze(&o->chain, o->a);
	o->t->nchains = o->chain.n;
	o->t->set = vec_freeze(&o->set, o->a);
	o->t->nsets = o->set.n;
}

static void release(struct observation *o)
{
	vec_release(&o->chain);
	vec_release(&o->set);
	vec_release(&o->rule);
	vec_release(&o->rule_chain);
	vec_release(&o->elem);
}

int nft_dump_table(struct nl_sock *s, struct arena *a, struct nft_table *t, uint32_t *generation)
{
	struct observation o = { .a = a, .t = t };
	uint32_t after = 0;

	memset(t, 0, sizeof(*t));
	*generation = 0;
	int rc = nft_dump_generation(s, generation);
	if (rc == 0)
		rc = observe_dumps(s, &o);
	if (rc == 0)
		rc = nft_dump_generation(s, &after);
	if (rc == -ENOENT || (rc == 0 && *generation != after))
		rc = -EINTR;
	if (rc == 0)
		finish(&o);
	release(&o);
	return rc;
}

int nft_dump_rules(struct nl_sock *s, struct arena *a, struct nft_chain *c)
{
	struct observation o = { .a = a };
	char buf[REQUEST_MAX];
	int rc = nl_talk(s, request(buf, NFT_MSG_GETRULE, NLM_F_DUMP, c->name), see_rule, &o);

	for (size_t i = 0; i < o.rule.n && rc == 0; i++)
		if (strcmp(o.rule_chain.v[i], c->name) != 0) /* a kernel that does not filter */
			rc = -EOPNOTSUPP;
	if (rc == 0) {
		c->rule = vec_freeze(&o.rule, a);
		c->nrules = o.rule.n;
	}
	release(&o);
	return rc;
}

int nft_dump_counters(struct nl_sock *s, struct arena *a, struct nft_counted **rule, size_t *n)
{
	struct observation o = { .a = a };
	char buf[REQUEST_MAX];
	int rc = nl_talk(s, request(buf, NFT_MSG_GETRULE, NLM_F_DUMP, NULL), see_rule, &o);

	*n = rc == 0 ? o.rule.n : 0;
	*rule = arena_array(a, *n, struct nft_counted);
	for (size_t i = 0; i < *n; i++)
		(*rule)[i] = (struct nft_counted){ o.rule.v[i], o.rule_chain.v[i] };
	release(&o);
	return rc;
}

int nft_dump_set(struct nl_sock *s, struct arena *a, struct nft_set *set)
{
	struct observation o = { .a = a };
	bool ours = true;
	int rc = dump_elems(s, &o, set, &ours);

	release(&o);
	return rc == 0 && !ours ? -EBADMSG : rc;
}

/* Those n elements by key; each is answered in a message of its own, in order. */
static int get_elems(struct nl_sock *s, struct observation *o, const struct nft_set *set, const struct plan_op *op, size_t n)
{
	char buf[REQUEST_MAX + KEYS_MAX * 128];
	struct nlmsghdr *nlh = request(buf, NFT_MSG_GETSETELEM, 0, set->name);
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);

	o->elem.n = 0;
	o->kind = set->kind;
	for (size_t i = 0; i < n; i++)
		nft_elem_put(nlh, set, op[i].elem, true);
	mnl_attr_nest_end(nlh, list);
	int rc = nl_talk(s, nlh, see_elems, o);
	if (rc == 0 && o->elem.n != n)
		rc = -EBADMSG;
	for (size_t i = 0; i < n && rc == 0; i++)
		if (o->elem.v[i].foreign || nft_elem_cmp(&o->elem.v[i].e, op[i].elem) != 0)
			rc = -EBADMSG;
	return rc;
}

int nft_dump_elems(struct nl_sock *s, struct arena *a, const struct nft_set *set, const struct plan_op *op, size_t n,
		   struct nft_elem *out)
{
	struct observation o = { .a = a };
	int rc = 0;

	for (size_t i = 0, part; i < n && rc == 0; i += part) {
		part = n - i < KEYS_MAX ? n - i : KEYS_MAX;
		rc = get_elems(s, &o, set, op + i, part);
		for (size_t k = 0; k < part && rc == 0; k++)
			out[i + k] = o.elem.v[k].e;
	}
	release(&o);
	return rc;
}
