/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/nft_neighbour.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/vec.h"
#include "kernel/nft_abi.h"
#include "kernel/nl_attr.h"
#include "plan/nft.h"

#define REQUEST_MAX 256
#define CHAINS_MAX 100000 /* of all tables; who has more is not looked at further */

static const struct family_row {
	uint8_t family;
	const char *name;
} families[] = { { NFPROTO_IPV4, "ip" }, { NFPROTO_IPV6, "ip6" }, { NFPROTO_INET, "inet" } };

struct seen_chain {
	uint8_t family;
	const char *table, *name;
	bool forward, drops; /* a base chain at the forward hook; its policy, or its last rule, is to drop */
};

struct look {
	struct arena a;
	const char *interface;
	VEC(struct seen_chain) chain;
	/* Of the table whose rules are being read. */
	uint8_t family;
	const char *table;
	bool mentioned;
};

static const char *family_name(uint8_t family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i].family == family)
			return families[i].name;
	return NULL;
}

static const char *text_of(const struct nlattr *attr, struct arena *a)
{
	uint16_t n = mnl_attr_get_payload_len(attr);
	const char *s = mnl_attr_get_payload(attr);

	return arena_strndup(a, s, strnlen(s, n));
}

static uint32_t number_of(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) == 4 ? ntohl(mnl_attr_get_u32(attr)) : UINT32_MAX;
}

/* --- chains --- */

static bool at_forward(const struct nlattr *hook)
{
	const struct nlattr *attr;

	attr_each_nested(attr, hook)
		if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
			return number_of(attr) == NF_INET_FORWARD;
	return false;
}

static int see_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct look *x = arg;
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct seen_chain c = { .family = g->nfgen_family };
	const struct nlattr *attr;
	uint32_t policy = NF_ACCEPT;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*g) || family_name(c.family) == NULL)
		return 0;
	attr_each(attr, nlh, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_CHAIN_TABLE: c.table = text_of(attr, &x->a); break;
		case NFTA_CHAIN_NAME: c.name = text_of(attr, &x->a); break;
		case NFTA_CHAIN_HOOK: c.forward = at_forward(attr); break;
		case NFTA_CHAIN_POLICY: policy = number_of(attr); break;
		}
	}
	if (c.table == NULL || c.name == NULL || (c.family == NFPROTO_INET && strcmp(c.table, NFT_TABLE) == 0))
		return 0;
	c.drops = c.forward && policy == NF_DROP;
	if (x->chain.n == CHAINS_MAX)
		return -E2BIG;
	vec_push(&x->chain, c);
	return 0;
}

/* --- rules --- */

/* What of a rule matters here. */
struct seen_rule {
	const char *chain;
	bool mentions;  /* it compares with our interface's name */
	bool drops;     /* its verdict is to drop or refuse */
	bool conditions; /* and it has expressions besides counting and logging */
};

static const struct nlattr *nested_of(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr;

	attr_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static bool compares_with(const struct nlattr *data, const char *interface)
{
	const struct nlattr *nest = nested_of(data, NFTA_CMP_DATA), *value = nest ? nested_of(nest, NFTA_DATA_VALUE) : NULL;
	size_t n = value != NULL ? mnl_attr_get_payload_len(value) : 0, len = strlen(interface);

	/* The whole name, or what iptables writes: the name with its NUL. */
	return n > len && n <= 16 && memcmp(mnl_attr_get_payload(value), interface, len + 1) == 0;
}

static bool drops_at_once(const struct nlattr *data)
{
	const struct nlattr *nest = nested_of(data, NFTA_IMMEDIATE_DATA);
	const struct nlattr *verdict = nest != NULL ? nested_of(nest, NFTA_DATA_VERDICT) : NULL;
	const struct nlattr *code = verdict != NULL ? nested_of(verdict, NFTA_VERDICT_CODE) : NULL;

	return code != NULL && number_of(code) == NF_DROP;
}

static bool is_reject_target(const struct nlattr *data)
{
	const struct nlattr *name = nested_of(data, NFTA_TARGET_NAME);
	uint16_t n = name != NULL ? mnl_attr_get_payload_len(name) : 0;

	return n >= 6 && memcmp(mnl_attr_get_payload(name), "REJECT", 6) == 0;
}

static void see_expression(const struct look *x, const struct nlattr *elem, struct seen_rule *r)
{
	const struct nlattr *name = nested_of(elem, NFTA_EXPR_NAME), *data = nested_of(elem, NFTA_EXPR_DATA);
	char word[16] = "";

	if (name != NULL)
		memcpy(word, mnl_attr_get_payload(name),
		       mnl_attr_get_payload_len(name) < sizeof(word) ? mnl_attr_get_payload_len(name) : sizeof(word) - 1);
	if (strcmp(word, "counter") == 0 || strcmp(word, "log") == 0)
		return;
	if (strcmp(word, "reject") == 0)
		r->drops = true;
	else if (data != NULL && strcmp(word, "target") == 0 && is_reject_target(data))
		r->drops = true;
	else if (data != NULL && strcmp(word, "immediate") == 0 && drops_at_once(data))
		r->drops = true;
	else
		r->conditions = true;
	if (data != NULL && strcmp(word, "cmp") == 0)
		r->mentions |= compares_with(data, x->interface);
}

static int see_rule(const struct nlmsghdr *nlh, void *arg)
{
	struct look *x = arg;
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct seen_rule r = { .chain = "" };
	const char *table = "";
	const struct nlattr *attr, *elem;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*g) || g->nfgen_family != x->family)
		return 0;
	attr_each(attr, nlh, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_RULE_TABLE: table = text_of(attr, &x->a); break;
		case NFTA_RULE_CHAIN: r.chain = text_of(attr, &x->a); break;
		case NFTA_RULE_EXPRESSIONS:
			attr_each_nested(elem, attr)
				see_expression(x, elem, &r);
			break;
		}
	}
	if (strcmp(table, x->table) != 0) /* a kernel that does not filter */
		return 0;
	x->mentioned |= r.mentions;
	for (size_t i = 0; i < x->chain.n; i++) {
		struct seen_chain *c = &x->chain.v[i];
		if (c->forward && r.drops && !r.conditions && c->family == x->family && strcmp(c->table, table) == 0 &&
		    strcmp(c->name, r.chain) == 0)
			c->drops = true; /* whatever comes after it is never reached */
	}
	return 0;
}

/* --- what it comes to --- */

static int dump(struct nl_sock *s, uint16_t type, uint8_t family, const char *table, nl_message_fn see, struct look *x)
{
	char buf[REQUEST_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = 0;
	if (table != NULL && strlen(table) < NEIGHBOUR_NAME_MAX)
		mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
	return nl_talk(s, nlh, see, x);
}

static bool has_chain(const struct look *x, const struct seen_chain *of, const char *name)
{
	for (size_t i = 0; i < x->chain.n; i++)
		if (x->chain.v[i].family == of->family && strcmp(x->chain.v[i].table, of->table) == 0 &&
		    strcmp(x->chain.v[i].name, name) == 0)
			return true;
	return false;
}

static void copy_name(char out[static NEIGHBOUR_NAME_MAX], const char *s)
{
	snprintf(out, NEIGHBOUR_NAME_MAX, "%s", s);
	for (char *p = out; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\'' || *p == '\\' || *p == ';' || *p == '$' || *p == '`')
			*p = '?';
}

static void tell(const struct look *x, const struct seen_chain *c, struct nft_neighbour *out)
{
	bool ufw = has_chain(x, c, "ufw-user-forward") || has_chain(x, c, "ufw6-user-forward");

	out->kind = has_chain(x, c, "DOCKER-USER")	? NEIGHBOUR_DOCKER
		    : ufw				? NEIGHBOUR_UFW
		    : strcmp(c->table, "firewalld") == 0 ? NEIGHBOUR_FIREWALLD
							 : NEIGHBOUR_OTHER;
	snprintf(out->family, sizeof(out->family), "%s", family_name(c->family));
	copy_name(out->table, c->table);
	copy_name(out->chain, c->name);
}

static int cmp_chain(const void *a, const void *b)
{
	const struct seen_chain *x = a, *y = b;
	int c = (x->family > y->family) - (x->family < y->family);

	if (c == 0)
		c = strcmp(x->table, y->table);
	return c != 0 ? c : strcmp(x->name, y->name);
}

/* The rules of each table that has a chain at the hook, once. */
static int judge_tables(struct nl_sock *s, struct look *x, struct nft_neighbour *out)
{
	for (size_t i = 0; i < x->chain.n && out->kind == NEIGHBOUR_NONE; i++) {
		const struct seen_chain *c = &x->chain.v[i];
		if (!c->forward || (x->table != NULL && x->family == c->family && strcmp(x->table, c->table) == 0))
			continue;
		x->family = c->family;
		x->table = c->table;
		x->mentioned = false;
		int rc = dump(s, NFT_MSG_GETRULE, c->family, c->table, see_rule, x);
		if (rc < 0)
			return rc;
		for (size_t k = i; k < x->chain.n && !x->mentioned && out->kind == NEIGHBOUR_NONE; k++) {
			const struct seen_chain *d = &x->chain.v[k];
			if (d->drops && d->family == x->family && strcmp(d->table, x->table) == 0)
				tell(x, d, out);
		}
	}
	return 0;
}

int nft_neighbour_find(struct nl_sock *s, const char *interface, struct nft_neighbour *out)
{
	struct look x = { .interface = interface };

	memset(out, 0, sizeof(*out));
	arena_init(&x.a);
	int rc = dump(s, NFT_MSG_GETCHAIN, AF_UNSPEC, NULL, see_chain, &x);
	if (rc == 0 && x.chain.n > 0) {
		qsort(x.chain.v, x.chain.n, sizeof(*x.chain.v), cmp_chain);
		rc = judge_tables(s, &x, out);
	}
	vec_release(&x.chain);
	arena_release(&x.a);
	return rc;
}
