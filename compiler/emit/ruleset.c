/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset.nft: the table as nft(8) reads it, nft 1.0.6 and later.
 *
 * nft has no words for "class number in a register", so the text passes it in the packet mark, which each class chain
 * clears first. Device numbers of rates and quotas travel in the same way, and the chain that asks for them clears it last.
 */
#include <inttypes.h>

#include "base/bug.h"
#include "emit/emit.h"
#include "plan/codec.h"

static const struct {
	const char *word; /* "map" or "set" */
	const char *type;
	bool interval;
} set_rows[] = {
	[NFT_MAP_CLASS4] = { "map", "ipv4_addr : mark", false },
	[NFT_MAP_CLASS6] = { "map", "ipv6_addr : mark", false },
	[NFT_MAP_NET4] = { "map", "ipv4_addr : mark", true },
	[NFT_MAP_NET6] = { "map", "ipv6_addr : mark", true },
	[NFT_MAP_CHAIN] = { "map", "mark : verdict", false },
	[NFT_SET_ADDR4] = { "set", "ipv4_addr", true },
	[NFT_SET_ADDR6] = { "set", "ipv6_addr", true },
	[NFT_SET_BOX4] = { "set", "ipv4_addr . inet_proto . inet_service", true },
	[NFT_SET_BOX6] = { "set", "ipv6_addr . inet_proto . inet_service", true },
	[NFT_SET_RATE] = { "set", "mark", false },
	[NFT_SET_QUOTA] = { "set", "mark", false },
	[NFT_SET_ALIVE] = { "set", "nf_proto", false },
};

static const struct {
	const char *text;
	bool name;    /* a quoted interface name follows */
	bool address; /* the family's word stands between: ct original ip daddr */
	const char *tail;
} field_rows[] = {
	[NFT_IIFNAME] = { "iifname", true, false, "" },
	[NFT_OIFNAME] = { "oifname", true, false, "" },
	[NFT_CT_INVALID] = { "ct state invalid", false, false, "" },
	[NFT_CT_DIRECTION] = { "ct direction", false, false, "" },
	[NFT_CT_L3PROTO] = { "ct original l3proto", false, false, "" },
	[NFT_CT_PROTO] = { "ct original protocol", false, false, "" },
	[NFT_CT_SADDR] = { "ct original", false, true, " saddr" },
	[NFT_CT_DADDR] = { "ct original", false, true, " daddr" },
	[NFT_CT_DPORT] = { "ct original proto-dst", false, false, "" },
	[NFT_CT_DBOX] = { "ct original", false, true, " daddr . ct original protocol . ct original proto-dst" },
	[NFT_TIME] = { "meta time", false, false, "" },
	[NFT_DAY] = { "meta day", false, false, "" },
	[NFT_HOUR] = { "meta hour", false, false, "" },
	[NFT_NFPROTO] = { "meta nfproto", false, false, "" },
};

static const char *const op_text[] = {
	[NFT_EQ] = " ",    [NFT_NEQ] = " != ", [NFT_RANGE] = " ",   [NFT_PREFIX] = " ",
	[NFT_GE] = " >= ", [NFT_LT] = " < ",   [NFT_IN_SET] = " @",
};

static void add_number(struct buf *out, u128 v)
{
	buf_addf(out, "%" PRIu64, (uint64_t)v);
}

static void add_address(const struct nft_item *i, struct buf *out)
{
	struct range r = { i->lo, i->op == NFT_EQ ? i->lo : i->hi };
	char text[ADDR_TEXT_MAX], end[ADDR_TEXT_MAX];

	if (i->op == NFT_RANGE) /* also where it could be a prefix: the kernel is asked another way */
		buf_addf(out, "%s-%s", addr_format(r.lo, text), addr_format(r.hi, end));
	else
		buf_adds(out, range_format(r, text));
}

static void add_match(const struct nft_item *i, struct buf *out)
{
	bool set = i->op == NFT_IN_SET, v6 = set ? i->v6 : !addr_is_v4(i->lo);

	buf_adds(out, field_rows[i->field].text);
	if (field_rows[i->field].address)
		buf_adds(out, v6 ? " ip6" : " ip");
	buf_adds(out, field_rows[i->field].tail);
	if (i->field == NFT_CT_INVALID)
		return;
	buf_adds(out, op_text[i->op]);
	if (set) {
		buf_adds(out, i->name);
	} else if (field_rows[i->field].name) {
		buf_addf(out, "\"%s\"", i->name);
	} else if (field_rows[i->field].address) {
		add_address(i, out);
	} else if (i->field == NFT_CT_L3PROTO) {
		buf_adds(out, i->lo == 2 ? "ipv4" : "ipv6");
	} else if (i->field == NFT_CT_DIRECTION) {
		buf_adds(out, i->lo == 0 ? "original" : "reply");
	} else {
		add_number(out, i->lo);
		if (i->op == NFT_RANGE) {
			buf_addc(out, '-');
			add_number(out, i->hi);
		}
	}
}

static void add_item(const struct nft_item *i, struct buf *out)
{
	switch (i->kind) {
	case NFT_MATCH:
		add_match(i, out);
		return;
	case NFT_COUNTER:
		buf_adds(out, "counter");
		return;
	case NFT_LIMIT:
		buf_addf(out, "limit rate %" PRIu64 "/second burst %" PRIu64 " packets", (uint64_t)i->lo,
			 (uint64_t)i->hi);
		return;
	case NFT_LOG:
		buf_addf(out, "log prefix \"%s\" level info", i->name);
		return;
	case NFT_ACCEPT:
		buf_adds(out, "accept");
		return;
	case NFT_DROP:
		buf_adds(out, "drop");
		return;
	case NFT_RETURN:
		buf_adds(out, "return");
		return;
	case NFT_JUMP:
		buf_addf(out, "jump %s", i->name);
		return;
	case NFT_GOTO:
		buf_addf(out, "goto %s", i->name);
		return;
	case NFT_DISPATCH:
		buf_addf(out, "meta mark set ct original %s saddr map @%s meta mark vmap @%s", i->v6 ? "ip6" : "ip",
			 i->name, i->name2);
		return;
	case NFT_METER:
		buf_addf(out, "meta mark set %s %s map @%s meta mark @%s", i->v6 ? "ip6" : "ip",
			 i->lo == 0 ? "saddr" : "daddr", i->name, i->name2);
		return;
	case NFT_MASQUERADE:
		buf_adds(out, "masquerade");
		return;
	case NFT_MSS_CLAMP:
		buf_adds(out, "tcp flags syn / syn,rst tcp option maxseg size set rt mtu");
		return;
	case NFT_FOREIGN:
		buf_adds(out, "(something that yett does not write)");
		return;
	case NFT_CLEAR_MARK:
		buf_adds(out, "meta mark set 0x0");
		return;
	}
}

void emit_nft_rule(const struct nft_rule *r, struct buf *out)
{
	for (size_t i = 0; i < r->nitems; i++) {
		if (i > 0)
			buf_addc(out, ' ');
		add_item(&r->item[i], out);
	}
	if (r->comment != NULL)
		buf_addf(out, " comment \"%s\"", r->comment);
}

static void add_span(struct buf *out, unsigned int lo, unsigned int hi)
{
	buf_addf(out, " . %u", lo);
	if (hi != lo)
		buf_addf(out, "-%u", hi);
}

static void add_hex(struct buf *out, uint32_t v)
{
	char text[] = "0x00000000";

	for (size_t i = 9; i >= 2; i--, v >>= 4)
		text[i] = "0123456789abcdef"[v & 0xf];
	buf_add(out, text, sizeof(text) - 1);
}

void emit_nft_elem(const struct nft_set *s, const struct nft_elem *e, struct buf *out)
{
	unsigned int parts = codec_elem_parts(s->kind);
	char text[ADDR_TEXT_MAX];

	if (parts & CODEC_NUMBER)
		add_hex(out, (uint32_t)e->lo);
	else
		buf_adds(out, range_format((struct range){ e->lo, e->hi }, text));
	if (parts & CODEC_RATE) /* no burst at all would be the default one */
		buf_addf(out, " limit rate over %" PRIu64 " bytes/second burst 1 bytes", (uint64_t)e->hi);
	if (parts & CODEC_BOX) {
		add_span(out, e->proto_lo, e->proto_hi);
		add_span(out, e->port_lo, e->port_hi);
	}
	if (parts & CODEC_VALUE) {
		buf_adds(out, " : ");
		add_hex(out, e->value);
	}
	if (parts & CODEC_CHAIN)
		buf_addf(out, " : goto %s", e->chain);
}

static void add_set(const struct nft_set *s, struct buf *out)
{
	buf_addf(out, "\n\t%s %s {\n\t\ttype %s\n", set_rows[s->kind].word, s->name, set_rows[s->kind].type);
	if (s->size != 0)
		buf_addf(out, "\t\tsize %" PRIu32 "\n", s->size);
	if (set_rows[s->kind].interval)
		buf_adds(out, "\t\tflags interval\n");
	if (s->kind == NFT_SET_RATE) /* what an element is without its own */
		buf_adds(out, "\t\tlimit rate over 1 bytes/second\n");
	if (s->kind == NFT_SET_QUOTA)
		buf_addf(out, "\t\tquota over %" PRIu64 " bytes\n", s->bytes);
	for (size_t i = 0; i < s->nelems; i++) {
		buf_adds(out, i == 0 ? "\t\telements = {\n\t\t\t" : ",\n\t\t\t");
		emit_nft_elem(s, &s->elem[i], out);
	}
	buf_adds(out, s->nelems > 0 ? "\n\t\t}\n\t}\n" : "\t}\n");
}

static void add_hook(enum nft_hook hook, struct buf *out)
{
	switch (hook) {
	case NFT_HOOK_NONE:
		return;
	case NFT_HOOK_INPUT:
		buf_adds(out, "\t\ttype filter hook input priority -10; policy accept;\n");
		return;
	case NFT_HOOK_FORWARD:
		buf_adds(out, "\t\ttype filter hook forward priority -10; policy accept;\n");
		return;
	case NFT_HOOK_OUTPUT:
		buf_adds(out, "\t\ttype filter hook output priority -10; policy accept;\n");
		return;
	case NFT_HOOK_FORWARD_AFTER:
		buf_adds(out, "\t\ttype filter hook forward priority -9; policy accept;\n");
		return;
	case NFT_HOOK_POSTROUTING_NAT:
		buf_adds(out, "\t\ttype nat hook postrouting priority 100; policy accept;\n");
		return;
	}
}

static bool has_meter(const struct nft_chain *c)
{
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t k = 0; k < c->rule[i].nitems; k++)
			if (c->rule[i].item[k].kind == NFT_METER)
				return true;
	return false;
}

static void add_chain(const struct nft_chain *c, struct buf *out)
{
	buf_addf(out, "\n\tchain %s {\n", c->name);
	add_hook(c->hook, out);
	if (c->class_chain)
		buf_adds(out, "\t\tmeta mark set 0x0\n");
	for (size_t i = 0; i < c->nrules; i++) {
		buf_adds(out, "\t\t");
		emit_nft_rule(&c->rule[i], out);
		buf_addc(out, '\n');
	}
	if (has_meter(c))
		buf_adds(out, "\t\tmeta mark set 0x0\n");
	buf_adds(out, "\t}\n");
}

void emit_ruleset(const struct gw_plan *p, struct buf *out)
{
	buf_addf(out, "# Generated by yett for gateway %s; the next build replaces it.\n", p->gateway);
	buf_adds(
		out,
		"# Load it with: TZ=UTC nft -f ruleset.nft (times of day are UTC; nft reads them in its own time zone).\n"
		"# One transaction puts this table in the place of the one that is there; other tables are not touched.\n"
		"table inet " NFT_TABLE "\ndelete table inet " NFT_TABLE "\ntable inet " NFT_TABLE " {");
	for (size_t i = 0; i < p->nft.nsets; i++)
		add_set(&p->nft.set[i], out);
	for (size_t i = 0; i < p->nft.nchains; i++)
		add_chain(&p->nft.chain[i], out);
	buf_adds(out, "}\n");
}
