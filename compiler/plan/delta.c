/* SPDX-License-Identifier: Apache-2.0 */
/* A plan's difference in words, one line each. */
#include <inttypes.h>
#include <string.h>

#include "plan/codec.h"
#include "plan/gw_plan.h"

static void print_prefixes(struct buf *out, const struct prefix *v, size_t n)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s%s", i > 0 ? ", " : " ", prefix_format(v[i], text));
}

void gw_endpoint_print(const struct gw_endpoint *e, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	bool v4 = addr_is_v4(e->addr);

	buf_addf(out, "%s%s%s:%u", v4 ? "" : "[", addr_format(e->addr, text), v4 ? "" : "]", e->port);
}

static void print_peer(struct buf *out, const struct gw_peer *p)
{
	char key[KEY_TEXT_MAX];

	buf_addf(out, "peer %s", pubkey_format(&p->public_key, key));
	if (p->name != NULL)
		buf_addf(out, " (%s)", p->name);
	print_prefixes(out, p->allowed_ips, p->nallowed);
	if (p->endpoint.port != 0) {
		buf_adds(out, " at ");
		gw_endpoint_print(&p->endpoint, out);
	}
	if (p->keepalive != 0)
		buf_addf(out, " keepalive %us", p->keepalive);
}

static void print_elem(struct buf *out, const struct plan_op *op)
{
	const struct nft_elem *e = op->elem;
	unsigned int parts = codec_elem_parts(op->set->kind);
	char text[ADDR_TEXT_MAX];

	buf_addf(out, "element of %s: ", op->set->name);
	if (op->set->kind == NFT_SET_RATE || op->set->kind == NFT_SET_QUOTA)
		buf_addf(out, "device 0x%08" PRIx32, (uint32_t)e->lo);
	else if (op->set->kind == NFT_SET_ALIVE)
		buf_addf(out, "IPv%d, for %" PRIu64 " ms", e->lo == 2 ? 4 : 6, e->used);
	else if (parts & CODEC_NUMBER)
		buf_addf(out, "%" PRIu32, (uint32_t)e->lo);
	else
		buf_adds(out, range_format((struct range){ e->lo, e->hi }, text));
	if (parts & CODEC_BOX)
		buf_addf(out, " protocol %u-%u port %u-%u", e->proto_lo, e->proto_hi, e->port_lo, e->port_hi);
	if (parts & CODEC_RATE)
		buf_addf(out, " -> %" PRIu64 " bytes a second", (uint64_t)e->hi);
	if (op->set->kind == NFT_SET_QUOTA)
		buf_addf(out, ", %" PRIu64 " of %" PRIu64 " bytes used", e->used, op->set->bytes);
	if (parts & CODEC_VALUE && strncmp(op->set->name, "limited", strlen("limited")) == 0)
		buf_addf(out, " -> device 0x%08" PRIx32, e->value);
	else if (parts & CODEC_VALUE)
		buf_addf(out, " -> class %" PRIu32, e->value);
	if (parts & CODEC_CHAIN)
		buf_addf(out, " -> %s", e->chain);
}

static void print_link(struct buf *out, const struct plan_delta *d)
{
	static const struct {
		enum link_change bit;
		const char *text;
	} rows[] = {
		{ LINK_CREATE, "made" }, { LINK_KEY, "key" }, { LINK_PORT, "listen port" },
		{ LINK_MTU, "MTU" },     { LINK_UP, "up" },
	};
	const char *sep = ": ";

	buf_addf(out, "interface %s", d->want->interface);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!(d->link & rows[i].bit))
			continue;
		buf_addf(out, "%s%s", sep, rows[i].text);
		sep = ", ";
	}
}

static const char *op_sign(enum plan_op_kind kind)
{
	switch (kind) {
	case OP_PEER_ADD:
	case OP_ADDRESS_ADD:
	case OP_ROUTE_ADD:
	case OP_TABLE_ADD:
	case OP_SET_ADD:
	case OP_ELEM_ADD:
	case OP_CHAIN_ADD:
	case OP_RULES_ADD:
		return "+ ";
	case OP_PEER_REMOVE:
	case OP_ADDRESS_REMOVE:
	case OP_ROUTE_REMOVE:
	case OP_TABLE_REMOVE:
	case OP_SET_REMOVE:
	case OP_ELEM_REMOVE:
	case OP_CHAIN_REMOVE:
	case OP_RULES_FLUSH:
		return "- ";
	case OP_LINK:
	case OP_PEER_UPDATE:
		return "~ ";
	}
	return "";
}

static void print_op(const struct plan_delta *d, const struct plan_op *op, struct buf *out)
{
	char text[ADDR_TEXT_MAX];

	switch (op->kind) {
	case OP_LINK:
		print_link(out, d);
		return;
	case OP_PEER_ADD:
	case OP_PEER_UPDATE:
	case OP_PEER_REMOVE:
		print_peer(out, op->peer);
		return;
	case OP_ADDRESS_ADD:
	case OP_ADDRESS_REMOVE:
		buf_addf(out, "address %s", prefix_format(*op->prefix, text));
		return;
	case OP_ROUTE_ADD:
	case OP_ROUTE_REMOVE:
		buf_addf(out, "route %s", prefix_format(*op->prefix, text));
		return;
	case OP_TABLE_ADD:
	case OP_TABLE_REMOVE:
		buf_adds(out, "table inet " NFT_TABLE);
		return;
	case OP_SET_ADD:
	case OP_SET_REMOVE:
		buf_addf(out, "set %s", op->set->name);
		return;
	case OP_ELEM_ADD:
	case OP_ELEM_REMOVE:
		print_elem(out, op);
		return;
	case OP_CHAIN_ADD:
	case OP_CHAIN_REMOVE:
		buf_addf(out, "chain %s", op->chain->name);
		return;
	case OP_RULES_FLUSH:
	case OP_RULES_ADD:
		buf_addf(out, "%zu rule%s of chain %s", op->chain->nrules, op->chain->nrules == 1 ? "" : "s",
			 op->chain->name);
		return;
	}
}

void plan_delta_print(const struct plan_delta *d, struct buf *out)
{
	for (size_t i = 0; i < d->nops; i++) {
		buf_adds(out, op_sign(d->op[i].kind));
		print_op(d, &d->op[i], out);
		buf_addc(out, '\n');
	}
}
