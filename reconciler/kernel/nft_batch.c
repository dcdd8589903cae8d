/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/nft_batch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include <libnftnl/table.h>

#include "base/bug.h"
#include "kernel/nft_wire.h"
#include "kernel/nl_attr.h"

#define MESSAGE_ROOM (128u << 10) /* more than any one message takes: attributes end at 64 KiB, and libnftnl asks for no bounds */
#define ELEMENTS_MAX 65000u       /* bytes of elements in one message */

static char *room(struct nft_batch *b)
{
	if (b->cap - b->len < MESSAGE_ROOM)
		b->data = vec_grow(b->data, &b->cap, b->len + MESSAGE_ROOM, 1);
	return b->data + b->len;
}

static struct nlmsghdr *begin_message(struct nft_batch *b, const struct plan_op *op, const struct nft_rule *rule,
				      uint16_t type, uint16_t flags)
{
	struct batch_note note = { .op = op, .rule = rule, .offset = b->len };
	char *at = room(b);

	vec_push(&b->note, note);
	return nftnl_nlmsg_build_hdr(at, type, NFPROTO_INET, flags, b->seq++);
}

static void end_message(struct nft_batch *b, const struct nlmsghdr *nlh)
{
	b->last = b->len;
	b->len += MNL_ALIGN(nlh->nlmsg_len);
}

static void put_begin(struct nft_batch *b)
{
	struct nlmsghdr *nlh = nftnl_batch_begin(room(b), b->seq++);

	mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, 0); /* filled in by nft_batch_commit */
	end_message(b, nlh);
}

static void put_table(struct nft_batch *b, const struct plan_op *op, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = begin_message(b, op, NULL, type, flags);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NFT_TABLE);
	end_message(b, nlh);
}

static void put_set(struct nft_batch *b, const struct plan_op *op)
{
	struct nlmsghdr *nlh = begin_message(b, op, NULL, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL);
	struct nftnl_set *ns = nft_lower_set(op->set, ++b->set_id);

	nftnl_set_nlmsg_build_payload(nlh, ns);
	nftnl_set_free(ns);
	end_message(b, nlh);
}

static void put_set_removal(struct nft_batch *b, const struct plan_op *op)
{
	struct nlmsghdr *nlh = begin_message(b, op, NULL, NFT_MSG_DELSET, 0);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, op->set->name);
	end_message(b, nlh);
}

static void put_chain(struct nft_batch *b, const struct plan_op *op)
{
	struct nlmsghdr *nlh = begin_message(b, op, NULL, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	struct nftnl_chain *nc = nft_lower_chain(op->chain);

	nftnl_chain_nlmsg_build_payload(nlh, nc);
	nftnl_chain_free(nc);
	end_message(b, nlh);
}

static void put_chain_removal(struct nft_batch *b, const struct plan_op *op)
{
	struct nlmsghdr *nlh = begin_message(b, op, NULL, NFT_MSG_DELCHAIN, 0);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, op->chain->name);
	end_message(b, nlh);
}

static void put_flush(struct nft_batch *b, const struct plan_op *op)
{
	struct nlmsghdr *nlh = begin_message(b, op, NULL, NFT_MSG_DELRULE, 0);

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, op->chain->name);
	end_message(b, nlh);
}

static void put_rules(struct nft_batch *b, const struct plan_op *op)
{
	for (size_t i = 0; i < op->chain->nrules; i++) {
		const struct nft_rule *rule = &op->chain->rule[i];
		struct nlmsghdr *nlh = begin_message(b, op, rule, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
		struct nftnl_rule *nr = nft_lower_rule(op->chain->name, rule);
		nftnl_rule_nlmsg_build_payload(nlh, nr);
		nftnl_rule_free(nr);
		end_message(b, nlh);
	}
}

/* Neighbours of one kind and set share messages. Returns how many ops were taken. */
static size_t put_elems(struct nft_batch *b, const struct plan_op *op, size_t nops)
{
	bool removal = op->kind == OP_ELEM_REMOVE;
	size_t n = 0, each = nft_elem_wire_max(op->set->kind);
	struct nlmsghdr *nlh = begin_message(b, op, NULL, removal ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM,
					     removal ? 0 : NLM_F_CREATE);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, op->set->name);
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (; n < nops && op[n].kind == op->kind && op[n].set == op->set; n++) {
		size_t used = (size_t)((char *)mnl_nlmsg_get_payload_tail(nlh) - (char *)list);
		if (used + each > ELEMENTS_MAX)
			break;
		nft_elem_put(nlh, op->set, op[n].elem, removal);
	}
	mnl_attr_nest_end(nlh, list);
	b->note.v[b->note.n - 1].nelems = n;
	end_message(b, nlh);
	return n;
}

/* Adds what ops begin with; returns how many were taken. */
static size_t put_op(struct nft_batch *b, const struct plan_op *op, size_t nops)
{
	switch (op->kind) {
	case OP_TABLE_ADD:
		put_table(b, op, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
		return 1;
	case OP_TABLE_REMOVE:
		put_table(b, op, NFT_MSG_DELTABLE, 0);
		return 1;
	case OP_SET_ADD:
		put_set(b, op);
		return 1;
	case OP_SET_REMOVE:
		put_set_removal(b, op);
		return 1;
	case OP_ELEM_ADD:
	case OP_ELEM_REMOVE:
		return put_elems(b, op, nops);
	case OP_CHAIN_ADD:
		put_chain(b, op);
		return 1;
	case OP_CHAIN_REMOVE:
		put_chain_removal(b, op);
		return 1;
	case OP_RULES_FLUSH:
		put_flush(b, op);
		return 1;
	case OP_RULES_ADD:
		put_rules(b, op);
		return 1;
	case OP_LINK:
	case OP_PEER_REMOVE:
	case OP_PEER_ADD:
	case OP_PEER_UPDATE:
	case OP_ADDRESS_ADD:
	case OP_ADDRESS_REMOVE:
	case OP_ROUTE_ADD:
	case OP_ROUTE_REMOVE:
		return 1; /* other doors' */
	}
	BUG("operation %d", op->kind);
}

void nft_batch_build(struct nft_batch *b, const struct plan_delta *d, uint32_t seq)
{
	memset(b, 0, sizeof(*b));
	b->first_seq = b->seq = seq;
	put_begin(b);
	for (size_t i = 0; i < d->nops;)
		i += put_op(b, &d->op[i], d->nops - i);
	if (b->note.n == 0)
		return;
	/* The kernel answers in the order of the messages, refusals as they were met, so one acknowledgement is enough to know the outcome. */
	((struct nlmsghdr *)(b->data + b->last))->nlmsg_flags |= NLM_F_ACK;
	b->end = b->len;
	end_message(b, nftnl_batch_end(room(b), b->seq++));
}

void nft_batch_release(struct nft_batch *b)
{
	free(b->data);
	vec_release(&b->note);
	memset(b, 0, sizeof(*b));
}

static const char *const op_text[] = {
	[OP_TABLE_ADD] = "add table",     [OP_TABLE_REMOVE] = "delete table",
	[OP_SET_ADD] = "add set",         [OP_SET_REMOVE] = "delete set",
	[OP_ELEM_ADD] = "add an element to", [OP_ELEM_REMOVE] = "delete an element of",
	[OP_CHAIN_ADD] = "add chain",     [OP_CHAIN_REMOVE] = "delete chain",
	[OP_RULES_FLUSH] = "flush chain", [OP_RULES_ADD] = "add a rule to chain",
};

/* The element that lies around that offset of its message, in words; false when there is none. */
static bool describe_elem(const struct nft_batch *b, const struct batch_note *note, uint32_t offset, char *out, size_t size)
{
	const struct nlmsghdr *nlh = (const void *)(b->data + note->offset);
	const char *at = (const char *)nlh + offset;
	const struct nlattr *attr, *elem;
	struct arena a;
	bool found = false;

	arena_init(&a);
	attr_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		attr_each_nested(elem, attr) {
			if (at < (const char *)elem || at >= (const char *)mnl_attr_next(elem))
				continue;
			struct nft_wire_elem w = nft_elem_get(elem, note->op->set->kind, &a);
			nft_elem_describe(&w.e, note->op->set->kind, out, size);
			found = true;
		}
	}
	arena_release(&a);
	return found;
}

static void describe(const struct nft_batch *b, const struct batch_note *note, uint32_t offset, char *out, size_t size)
{
	const struct plan_op *op = note->op;
	const char *name = op->set != NULL ? op->set->name : op->chain != NULL ? op->chain->name : NFT_TABLE;
	char elem[ADDR_TEXT_MAX + 32];

	if (note->rule != NULL)
		snprintf(out, size, "add rule %zu%s%s%s to chain %s", (size_t)(note->rule - op->chain->rule) + 1,
			 note->rule->comment ? " \"" : "", note->rule->comment ? note->rule->comment : "",
			 note->rule->comment ? "\"" : "", name);
	else if (note->nelems == 1 || offset != 0) {
		if (note->nelems == 1)
			nft_elem_describe(op->elem, op->set->kind, elem, sizeof(elem));
		else if (note->nelems == 0 || !describe_elem(b, note, offset, elem, sizeof(elem)))
			elem[0] = '\0';
		if (elem[0] != '\0')
			snprintf(out, size, "%s %s %s %s", op->kind == OP_ELEM_ADD ? "add" : "delete", elem,
				 op->kind == OP_ELEM_ADD ? "to" : "from", name);
		else
			snprintf(out, size, "%s %s", op_text[op->kind], name);
	} else
		snprintf(out, size, "%s %s", op_text[op->kind], name);
}

static void refused(const struct nft_batch *b, const struct nl_sock *s, uint32_t seq, int rc, char *err, size_t err_size)
{
	char what[256] = "change the ruleset";
	uint32_t i = seq - b->first_seq - 1;

	if (i < b->note.n)
		describe(b, &b->note.v[i], s->ext_offset, what, sizeof(what));
	snprintf(err, err_size, "the kernel refused to %s: %s%s%s", what, strerror(-rc), s->ext[0] ? ": " : "", s->ext);
}

/* Reads what the batch left in our queue: sending was synchronous, so all of it is there. */
static int read_outcome(const struct nft_batch *b, struct nl_sock *s, char *err, size_t err_size)
{
	_Alignas(struct nlmsghdr) char data[65536];
	int first = 0;
	bool answered = false;

	for (;;) {
		int n = nl_recv(s, data, sizeof(data), MSG_DONTWAIT);
		if (n == -EAGAIN)
			break;
		if (n == -ENOBUFS) /* more refusals than room; the first is here or was */
			continue;
		if (n < 0) {
			snprintf(err, err_size, "cannot read the kernel's answer: %s", strerror(-n));
			return n;
		}
		for (const struct nlmsghdr *m = (const void *)data; mnl_nlmsg_ok(m, n); m = mnl_nlmsg_next(m, &n)) {
			if (m->nlmsg_type != NLMSG_ERROR || m->nlmsg_seq - b->first_seq > b->note.n)
				continue;
			answered = true;
			int rc = nl_outcome(s, m);
			if (rc == 0 || first != 0)
				continue;
			first = rc;
			refused(b, s, m->nlmsg_seq, rc, err, err_size);
		}
	}
	if (!answered) {
		snprintf(err, err_size, "the kernel gave no answer to a change of the ruleset");
		return -EPROTO;
	}
	return first;
}

int nft_batch_check(const struct nft_batch *b, struct nl_sock *s, char *err, size_t err_size)
{
	if (b->note.n == 0)
		return 0;
	int rc = nl_send(s, b->data, b->end, b->note.n + 1);
	if (rc < 0) {
		snprintf(err, err_size, "cannot ask the kernel about %zu bytes of changes: %s", b->end, strerror(-rc));
		return rc;
	}
	return read_outcome(b, s, err, err_size);
}

int nft_batch_commit(struct nft_batch *b, struct nl_sock *s, uint32_t generation, char *err, size_t err_size)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)b->data;
	struct nlattr *attr = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg));
	uint32_t wire = htonl(generation);

	memcpy(mnl_attr_get_payload(attr), &wire, sizeof(wire));
	int rc = nl_send(s, b->data, b->len, b->note.n + 2);
	if (rc < 0) {
		snprintf(err, err_size, "cannot send %zu bytes of changes to the kernel: %s", b->len, strerror(-rc));
		return rc;
	}
	return read_outcome(b, s, err, err_size);
}
