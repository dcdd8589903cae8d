/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of encoded plans. It trusts nothing: the bytes may come from a disk or from another process. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "plan/codec.h"
#include "plan/gw_plan.h"

#define INTERFACE_MAX 15
#define OBJECT_NAME_MAX 63
#define ITEMS_MAX 16
#define LOG_PREFIX_MAX 100
#define FOREIGN_TEXT_MAX 255 /* of what others wrote: longer than any name, comment or prefix of nf_tables */

struct reader {
	const uint8_t *p, *end;
	struct arena *arena;
	char *err;
	size_t err_size;
	bool bad;
	bool observed; /* others may have had a hand in it */
	const char *last_name; /* names of a table repeat: the newest one is often the next */
};

static void __attribute__((format(printf, 2, 3))) bad(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	if (!r->bad) {
		int n = snprintf(r->err, r->err_size, "the plan is damaged: ");
		va_start(ap, fmt);
		if (n > 0 && (size_t)n < r->err_size)
			vsnprintf(r->err + n, r->err_size - (size_t)n, fmt, ap);
		va_end(ap);
	}
	r->bad = true;
	r->p = r->end;
}

static const uint8_t *take(struct reader *r, size_t n)
{
	if ((size_t)(r->end - r->p) < n) {
		bad(r, "it ends early");
		return NULL;
	}
	r->p += n;
	return r->p - n;
}

static uint64_t get_int(struct reader *r, size_t bytes)
{
	const uint8_t *b = take(r, bytes);
	uint64_t v = 0;

	for (size_t i = 0; b != NULL && i < bytes; i++)
		v |= (uint64_t)b[i] << (8 * i);
	return v;
}

static uint64_t get_bounded(struct reader *r, size_t bytes, uint64_t max, const char *what)
{
	uint64_t v = get_int(r, bytes);

	if (v <= max)
		return v;
	bad(r, "%s is out of range", what);
	return 0;
}

/* A count of things that take at least `each` bytes. */
static size_t get_count(struct reader *r, size_t each)
{
	uint64_t n = get_int(r, 4);

	if (n <= (uint64_t)(r->end - r->p) / each)
		return (size_t)n;
	bad(r, "a count is larger than what follows");
	return 0;
}

static u128 get_addr(struct reader *r)
{
	const uint8_t *b = take(r, 16);

	return b != NULL ? addr_from_bytes(b) : 0;
}

typedef bool char_test(unsigned char c);

static bool is_name_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool is_interface_char(unsigned char c)
{
	return is_name_char(c) || (c >= 'A' && c <= 'Z') || c == '.';
}

static bool is_object_char(unsigned char c)
{
	return is_name_char(c) || c == '.' || c == '@' || c == '+';
}

static bool is_text_char(unsigned char c)
{
	return is_object_char(c) || c == ' ' || c == ':';
}

/* What others wrote: any bytes, of which the printable ones are kept. */
static const char *foreign_str(struct reader *r, const uint8_t *b, size_t n, const char *what)
{
	if (n > FOREIGN_TEXT_MAX) {
		bad(r, "%s is too long", what);
		return NULL;
	}
	char *s = arena_strndup(r->arena, (const char *)b, n);
	for (size_t i = 0; i < n; i++)
		if (b[i] < 0x20 || b[i] >= 0x7f)
			s[i] = '?';
	return s;
}

/* A string of 1..max allowed characters; NULL when bad, and with empty ok also when empty. */
static const char *get_str(struct reader *r, size_t max, char_test *ok, bool empty, const char *what)
{
	size_t n = (size_t)get_int(r, 2);
	const uint8_t *b = take(r, n);

	if (b == NULL || (n == 0 && empty))
		return NULL;
	if (r->observed)
		return foreign_str(r, b, n, what);
	bool good = n >= 1 && n <= max;
	for (size_t i = 0; good && i < n; i++)
		good = ok(b[i]);
	if (!good) {
		bad(r, "%s is not a proper name", what);
		return NULL;
	}
	if (r->last_name != NULL && strlen(r->last_name) == n && memcmp(r->last_name, b, n) == 0)
		return r->last_name;
	r->last_name = arena_strndup(r->arena, (const char *)b, n);
	return r->last_name;
}

static void get_key(struct reader *r, struct pubkey *k)
{
	const uint8_t *b = take(r, KEY_BYTES);

	if (b != NULL)
		memcpy(k->b, b, KEY_BYTES);
}

static int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int c = addr_cmp(a->addr, b->addr);

	return c != 0 ? c : a->len - b->len;
}

static bool prefix_valid(struct prefix p)
{
	unsigned int bits = addr_is_v4(p.addr) ? 32 : 128;

	if (p.len > bits)
		return false;
	u128 host = p.len == 0 && bits == 128 ? ADDR_LAST : ((u128)1 << (bits - p.len)) - 1;
	return bits == 32 ? ((uint32_t)p.addr & (uint32_t)host) == 0 : (p.addr & host) == 0;
}

static int cmp_prefix(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

static struct prefix *get_prefixes(struct reader *r, size_t *count)
{
	size_t n = get_count(r, 17);
	struct prefix *v = arena_array(r->arena, n, struct prefix);

	for (size_t i = 0; i < n && !r->bad; i++) {
		v[i].addr = get_addr(r);
		v[i].len = (uint8_t)get_int(r, 1);
		if (v[i].len > (addr_is_v4(v[i].addr) ? 32 : 128) || (!r->observed && !prefix_valid(v[i])))
			bad(r, "a prefix is not one");
		else if (i > 0 && !r->observed && prefix_cmp(&v[i - 1], &v[i]) >= 0)
			bad(r, "prefixes are not in order");
	}
	if (r->observed && n > 1)
		qsort(v, n, sizeof(*v), cmp_prefix);
	*count = n;
	return v;
}

static void get_peer(struct reader *r, struct gw_peer *p)
{
	get_key(r, &p->public_key);
	p->name = get_str(r, OBJECT_NAME_MAX, is_object_char, true, "a peer's name");
	p->allowed_ips = get_prefixes(r, &p->nallowed);
	p->keepalive = (uint16_t)get_int(r, 2);
	p->not_before = (int64_t)get_int(r, 8);
	p->expires = (int64_t)get_int(r, 8);
	unsigned int flags = (unsigned int)get_bounded(r, 1, 3, "a flag");
	p->revoked = flags & 1;
	if (flags & 2) {
		p->endpoint.addr = get_addr(r);
		p->endpoint.port = (uint16_t)get_int(r, 2);
		if (p->endpoint.port == 0)
			bad(r, "an endpoint has no port");
	}
	if (p->revoked && (p->nallowed > 0 || p->endpoint.port != 0))
		bad(r, "a revoked peer has addresses");
	if (r->observed)
		p->handshake = (int64_t)get_int(r, 8);
}

static int cmp_peer(const void *a, const void *b)
{
	return pubkey_cmp(&((const struct gw_peer *)a)->public_key, &((const struct gw_peer *)b)->public_key);
}

static void get_peers(struct reader *r, struct gw_plan *p)
{
	size_t n = get_count(r, KEY_BYTES + 25);

	p->peer = arena_array(r->arena, n, struct gw_peer);
	for (size_t i = 0; i < n && !r->bad; i++)
		get_peer(r, &p->peer[i]);
	if (r->observed && n > 1)
		qsort(p->peer, n, sizeof(*p->peer), cmp_peer);
	for (size_t i = 1; i < n && !r->bad; i++)
		if (cmp_peer(&p->peer[i - 1], &p->peer[i]) >= 0)
			bad(r, "peers are not in order");
	p->npeers = n;
}

/* --- sets --- */

static u128 get_elem_key(struct reader *r, enum nft_set_kind kind)
{
	if (codec_elem_parts(kind) & CODEC_NUMBER)
		return get_int(r, 4);
	if (!codec_elem_v6(kind))
		return addr_from_v4((uint32_t)get_int(r, 4));
	u128 a = get_addr(r);
	if (addr_is_v4(a) && !r->observed)
		bad(r, "an IPv4 address in a set of IPv6 ones");
	return a;
}

static void get_elem(struct reader *r, enum nft_set_kind kind, struct nft_elem *e)
{
	unsigned int parts = codec_elem_parts(kind);

	e->lo = e->hi = get_elem_key(r, kind);
	if (parts & CODEC_HI)
		e->hi = get_elem_key(r, kind);
	if (parts & CODEC_RATE)
		e->hi = get_int(r, 8);
	if (parts & CODEC_BOX) {
		e->proto_lo = (uint8_t)get_int(r, 1);
		e->proto_hi = (uint8_t)get_int(r, 1);
		e->port_lo = (uint16_t)get_int(r, 2);
		e->port_hi = (uint16_t)get_int(r, 2);
	}
	if (parts & CODEC_VALUE)
		e->value = (uint32_t)get_int(r, 4);
	if (parts & CODEC_CHAIN)
		e->chain = get_str(r, NFT_NAME_MAX - 1, is_name_char, false, "a chain's name");
	if (r->observed)
		return;
	if ((!(parts & CODEC_RATE) && e->lo > e->hi) || e->proto_lo > e->proto_hi || e->port_lo > e->port_hi)
		bad(r, "an interval ends before it starts");
	if (parts & CODEC_NUMBER && e->lo == 0)
		bad(r, "a number is 0");
	if (parts & CODEC_RATE && e->hi == 0)
		bad(r, "a rate is 0");
}

static int cmp_elem(const void *a, const void *b)
{
	return nft_elem_cmp(a, b);
}

static void get_set(struct reader *r, struct nft_set *s)
{
	s->name = get_str(r, NFT_NAME_MAX - 1, is_name_char, false, "a set's name");
	s->kind = (enum nft_set_kind)get_bounded(r, 1, NFT_SET_QUOTA, "a kind of set");
	s->size = (uint32_t)get_int(r, 4);
	if (s->kind == NFT_SET_QUOTA) {
		s->bytes = get_int(r, 8);
		s->period = (uint32_t)get_int(r, 4);
		if (!r->observed && (s->bytes == 0 || s->period == 0))
			bad(r, "a quota is 0");
	}
	unsigned int parts = codec_elem_parts(s->kind);
	size_t n = get_count(r, 4);
	if (s->size != 0 && n > s->size && !r->observed)
		bad(r, "a set holds more than its size");
	if (parts & CODEC_BOX && n > NFT_BOX_SET_MAX && !r->observed)
		bad(r, "a set of boxes is too large");
	if (r->bad)
		return;
	s->elem = arena_array(r->arena, n, struct nft_elem);
	s->nelems = n;
	for (size_t i = 0; i < n && !r->bad; i++) {
		get_elem(r, s->kind, &s->elem[i]);
		if (i == 0 || r->observed)
			continue;
		if (nft_elem_cmp(&s->elem[i - 1], &s->elem[i]) >= 0 ||
		    (parts & CODEC_NUMBER && s->elem[i - 1].lo == s->elem[i].lo))
			bad(r, "a set's elements are not in order");
		else if (parts & CODEC_HI && !(parts & CODEC_BOX) && s->elem[i].lo <= s->elem[i - 1].hi)
			bad(r, "a set's intervals overlap");
	}
	if (r->observed && n > 1)
		qsort(s->elem, n, sizeof(*s->elem), cmp_elem);
}

/* --- rules --- */

#define OPS(a) (1u << (a))

/* What a match on each field may look like. */
static const struct field_row {
	unsigned int ops; /* OPS() of enum nft_op */
	bool name;        /* an interface */
	uint64_t max;     /* of lo and hi; 0: an address */
} field_rows[] = {
	[NFT_IIFNAME] = { OPS(NFT_EQ) | OPS(NFT_NEQ), true, 0 },
	[NFT_OIFNAME] = { OPS(NFT_EQ) | OPS(NFT_NEQ), true, 0 },
	[NFT_CT_INVALID] = { OPS(NFT_EQ), false, 1 },
	[NFT_CT_DIRECTION] = { OPS(NFT_EQ), false, 1 },
	[NFT_CT_L3PROTO] = { OPS(NFT_EQ), false, 10 },
	[NFT_CT_PROTO] = { OPS(NFT_EQ) | OPS(NFT_RANGE), false, 255 },
	[NFT_CT_SADDR] = { OPS(NFT_EQ) | OPS(NFT_RANGE) | OPS(NFT_PREFIX) | OPS(NFT_IN_SET), false, 0 },
	[NFT_CT_DADDR] = { OPS(NFT_EQ) | OPS(NFT_RANGE) | OPS(NFT_PREFIX) | OPS(NFT_IN_SET), false, 0 },
	[NFT_CT_DPORT] = { OPS(NFT_EQ) | OPS(NFT_RANGE), false, 65535 },
	[NFT_CT_DBOX] = { OPS(NFT_IN_SET), false, 0 },
	[NFT_TIME] = { OPS(NFT_GE) | OPS(NFT_LT), false, INT64_MAX },
	[NFT_DAY] = { OPS(NFT_EQ), false, 6 },
	[NFT_HOUR] = { OPS(NFT_RANGE), false, 86399 },
};

/* Which strings, beside what a match has, an item of each kind has. */
static const struct item_row {
	bool name, name2, numbers, v6, match;
} item_rows[] = {
	[NFT_MATCH] = { .match = true, .numbers = true },
	[NFT_COUNTER] = { 0 },
	[NFT_LIMIT] = { .numbers = true },
	[NFT_LOG] = { .name = true },
	[NFT_ACCEPT] = { 0 },
	[NFT_DROP] = { 0 },
	[NFT_RETURN] = { 0 },
	[NFT_JUMP] = { .name = true },
	[NFT_GOTO] = { .name = true },
	[NFT_DISPATCH] = { .name = true, .name2 = true, .v6 = true },
	[NFT_MASQUERADE] = { 0 },
	[NFT_MSS_CLAMP] = { 0 },
	[NFT_METER] = { .name = true, .name2 = true, .numbers = true, .v6 = true },
	[NFT_FOREIGN] = { 0 },
	[NFT_CLEAR_MARK] = { 0 },
};

enum { HAS_LO = 1, HAS_HI = 2, HAS_NAME = 4, HAS_NAME2 = 8, IS_V6 = 16, HAS_ALL = 31, IS_TEXT = 32 };

static bool match_numbers_valid(const struct nft_item *i, const struct field_row *f)
{
	bool hi = i->op == NFT_RANGE || i->op == NFT_PREFIX;
	struct prefix p;

	if (i->op == NFT_IN_SET || f->name)
		return i->lo == 0 && i->hi == 0;
	if (hi && i->lo > i->hi)
		return false;
	if (f->max == 0) /* an address: one family, and a prefix where it says so */
		return (!hi || addr_is_v4(i->lo) == addr_is_v4(i->hi)) &&
		       (i->op != NFT_PREFIX || range_is_prefix((struct range){ i->lo, i->hi }, &p));
	if (i->field == NFT_CT_L3PROTO && i->lo != 2 && i->lo != 10)
		return false;
	return i->lo <= f->max && i->hi <= f->max;
}

static void get_match(struct reader *r, struct nft_item *i)
{
	i->field = (enum nft_field)get_bounded(r, 1, NFT_HOUR, "a matched field");
	i->op = (enum nft_op)get_bounded(r, 1, NFT_IN_SET, "an operator");
	if (!r->observed && !(field_rows[i->field].ops & OPS(i->op)))
		bad(r, "a match has an operator that its field does not take");
}

static const char *get_item_name(struct reader *r, const struct nft_item *i)
{
	if (i->kind == NFT_LOG)
		return get_str(r, LOG_PREFIX_MAX, is_text_char, false, "a log prefix");
	if (i->kind == NFT_MATCH && field_rows[i->field].name)
		return get_str(r, INTERFACE_MAX, is_interface_char, false, "an interface");
	return get_str(r, NFT_NAME_MAX - 1, is_name_char, false, "a name in a rule");
}

static void get_item(struct reader *r, struct nft_item *i)
{
	i->kind = (enum nft_item_kind)get_bounded(r, 1, r->observed ? NFT_CLEAR_MARK : NFT_METER, "a rule's item");
	unsigned int has = (unsigned int)get_bounded(r, 1, r->observed ? HAS_ALL | IS_TEXT : HAS_ALL, "an item's flags");
	const struct item_row *row = &item_rows[i->kind];
	bool name = row->name, v6 = row->v6, hi = i->kind == NFT_LIMIT;

	if (row->match) {
		get_match(r, i);
		name = field_rows[i->field].name || i->op == NFT_IN_SET;
		v6 = i->op == NFT_IN_SET;
		hi = i->op == NFT_RANGE || i->op == NFT_PREFIX;
	}
	if (name != !!(has & HAS_NAME) || row->name2 != !!(has & HAS_NAME2) || (has & IS_V6 && !v6) ||
	    (has & HAS_LO && !row->numbers) || (has & HAS_HI && !hi)) {
		bad(r, "an item of a rule has what it does not take");
		return;
	}
	if (has & HAS_LO)
		i->lo = get_addr(r);
	if (has & HAS_HI)
		i->hi = get_addr(r);
	if ((has & HAS_LO && i->lo == 0) || (has & HAS_HI && i->hi == 0))
		bad(r, "a zero is spelled out");
	if (has & HAS_NAME)
		i->name = get_item_name(r, i);
	if (has & HAS_NAME2)
		i->name2 = get_str(r, NFT_NAME_MAX - 1, is_name_char, false, "a name in a rule");
	i->v6 = has & IS_V6;
	i->text = has & IS_TEXT;
	if (r->observed)
		return;
	if (row->match && !r->bad && !match_numbers_valid(i, &field_rows[i->field]))
		bad(r, "a match has a value out of range");
	if (i->kind == NFT_LIMIT && (i->lo == 0 || i->lo > UINT32_MAX || i->hi > UINT32_MAX))
		bad(r, "a limit is out of range");
	if (i->kind == NFT_METER && i->lo > 1)
		bad(r, "a meter has no such side");
}

/* A port, and a box, are read by the kernel according to the family and the protocol that the rule fixed before. */
static void check_order(struct reader *r, const struct nft_rule *rule)
{
	bool family = false, proto = false;

	for (size_t k = 0; k < rule->nitems; k++) {
		const struct nft_item *i = &rule->item[k];
		if (i->kind != NFT_MATCH)
			continue;
		family |= i->field == NFT_CT_L3PROTO;
		proto |= i->field == NFT_CT_PROTO && i->op == NFT_EQ;
		if ((i->field == NFT_CT_DPORT || i->field == NFT_CT_DBOX) && !(family && proto))
			bad(r, "a rule matches ports before it fixes the protocol");
	}
}

static void get_rule(struct reader *r, struct nft_rule *rule)
{
	rule->comment = get_str(r, NFT_COMMENT_MAX, is_text_char, true, "a comment");
	rule->nitems = (size_t)get_bounded(r, 1, r->observed ? UINT8_MAX : ITEMS_MAX, "a rule's length");
	rule->item = arena_array(r->arena, rule->nitems, struct nft_item);
	for (size_t i = 0; i < rule->nitems && !r->bad; i++)
		get_item(r, &rule->item[i]);
	if (!r->bad && !r->observed)
		check_order(r, rule);
}

static void get_chain(struct reader *r, struct nft_chain *c)
{
	c->name = get_str(r, NFT_NAME_MAX - 1, is_name_char, false, "a chain's name");
	unsigned int flags = (unsigned int)get_int(r, 1);
	c->class_chain = flags & 0x80;
	if ((flags & 0x7f) > NFT_HOOK_FORWARD_AFTER)
		bad(r, "a chain's hook is out of range");
	else
		c->hook = (enum nft_hook)(flags & 0x7f);
	size_t n = get_count(r, 3);
	c->rule = arena_array(r->arena, n, struct nft_rule);
	c->nrules = n;
	for (size_t i = 0; i < n && !r->bad; i++)
		get_rule(r, &c->rule[i]);
}

/* --- references --- */

static void check_chain_ref(struct reader *r, const struct nft_table *t, const char *name)
{
	const struct nft_chain *c = name != NULL ? nft_find_chain(t, name) : NULL;

	if (c == NULL)
		bad(r, "a chain is named that is not there");
	else if (c->hook != NFT_HOOK_NONE)
		bad(r, "a rule leads to a base chain");
}

static void check_set_ref(struct reader *r, const struct nft_table *t, const char *name, unsigned int kinds)
{
	const struct nft_set *s = nft_find_set(t, name);

	if (s == NULL || !(kinds & 1u << s->kind))
		bad(r, "a set is named that is not there");
}

static unsigned int dispatch_kinds(bool v6)
{
	return v6 ? 1u << NFT_MAP_CLASS6 | 1u << NFT_MAP_NET6 : 1u << NFT_MAP_CLASS4 | 1u << NFT_MAP_NET4;
}

static unsigned int match_kinds(const struct nft_item *i)
{
	if (i->field == NFT_CT_DBOX)
		return 1u << (i->v6 ? NFT_SET_BOX6 : NFT_SET_BOX4);
	return 1u << (i->v6 ? NFT_SET_ADDR6 : NFT_SET_ADDR4);
}

static void check_item_refs(struct reader *r, const struct gw_plan *p, const struct nft_item *i)
{
	if (i->kind == NFT_JUMP || i->kind == NFT_GOTO) {
		check_chain_ref(r, &p->nft, i->name);
	} else if (i->kind == NFT_DISPATCH) {
		check_set_ref(r, &p->nft, i->name, dispatch_kinds(i->v6));
		check_set_ref(r, &p->nft, i->name2, 1u << NFT_MAP_CHAIN);
	} else if (i->kind == NFT_METER) {
		check_set_ref(r, &p->nft, i->name, dispatch_kinds(i->v6));
		check_set_ref(r, &p->nft, i->name2, 1u << NFT_SET_RATE | 1u << NFT_SET_QUOTA);
	} else if (i->kind == NFT_MATCH && i->op == NFT_IN_SET) {
		check_set_ref(r, &p->nft, i->name, match_kinds(i));
	} else if (i->kind == NFT_MATCH && field_rows[i->field].name && strcmp(i->name, p->interface) != 0) {
		bad(r, "a rule speaks of another interface");
	}
}

static void check_refs(struct reader *r, const struct gw_plan *p)
{
	for (size_t i = 0; i < p->nft.nsets && !r->bad; i++) {
		const struct nft_set *s = &p->nft.set[i];
		for (size_t k = 0; s->kind == NFT_MAP_CHAIN && k < s->nelems && !r->bad; k++)
			check_chain_ref(r, &p->nft, s->elem[k].chain);
	}
	for (size_t i = 0; i < p->nft.nchains; i++) {
		const struct nft_chain *c = &p->nft.chain[i];
		for (size_t k = 0; k < c->nrules; k++)
			for (size_t j = 0; j < c->rule[k].nitems && !r->bad; j++)
				check_item_refs(r, p, &c->rule[k].item[j]);
	}
}

static int cmp_set(const void *a, const void *b)
{
	return strcmp(((const struct nft_set *)a)->name, ((const struct nft_set *)b)->name);
}

static int cmp_chain(const void *a, const void *b)
{
	return strcmp(((const struct nft_chain *)a)->name, ((const struct nft_chain *)b)->name);
}

static void get_table(struct reader *r, struct nft_table *t)
{
	t->nsets = get_count(r, 11);
	t->set = arena_array(r->arena, t->nsets, struct nft_set);
	for (size_t i = 0; i < t->nsets && !r->bad; i++)
		get_set(r, &t->set[i]);
	if (r->observed && !r->bad && t->nsets > 1)
		qsort(t->set, t->nsets, sizeof(*t->set), cmp_set);
	for (size_t i = 1; i < t->nsets && !r->bad; i++)
		if (cmp_set(&t->set[i - 1], &t->set[i]) >= 0)
			bad(r, "sets are not in order");
	t->nchains = get_count(r, 7);
	t->chain = arena_array(r->arena, t->nchains, struct nft_chain);
	for (size_t i = 0; i < t->nchains && !r->bad; i++)
		get_chain(r, &t->chain[i]);
	if (r->observed && !r->bad && t->nchains > 1)
		qsort(t->chain, t->nchains, sizeof(*t->chain), cmp_chain);
	for (size_t i = 1; i < t->nchains && !r->bad; i++)
		if (cmp_chain(&t->chain[i - 1], &t->chain[i]) >= 0)
			bad(r, "chains are not in order");
	if (!t->present && (t->nsets > 0 || t->nchains > 0))
		bad(r, "a table that is not there has contents");
}

static void get_plan(struct reader *r, struct gw_plan *p)
{
	p->gateway = get_str(r, OBJECT_NAME_MAX, is_object_char, true, "the gateway's name");
	p->gateway = p->gateway != NULL ? p->gateway : "";
	p->interface = get_str(r, INTERFACE_MAX, is_interface_char, false, "the interface");
	unsigned int flags = (unsigned int)get_bounded(r, 1, 7, "a flag");
	p->present = flags & 1;
	p->up = flags & 2;
	p->nft.present = flags & 4;
	get_key(r, &p->public_key);
	p->listen_port = (uint16_t)get_int(r, 2);
	p->mtu = (uint32_t)get_bounded(r, 4, 65535, "the MTU");
	p->address = get_prefixes(r, &p->naddresses);
	p->route = get_prefixes(r, &p->nroutes);
	get_peers(r, p);
	if (!r->bad)
		get_table(r, &p->nft);
	if (!r->bad && !r->observed)
		check_refs(r, p);
	if (!r->bad && r->p != r->end)
		bad(r, "something follows its end");
}

static int decode(struct gw_plan *p, const void *data, size_t len, bool observed, struct arena *a, char *err, size_t err_size)
{
	struct reader r = { .p = data, .arena = a, .err = err, .err_size = err_size, .observed = observed };

	memset(p, 0, sizeof(*p));
	r.end = r.p;
	if (len > GW_PLAN_BYTES_MAX) {
		bad(&r, "it is larger than %u MiB", GW_PLAN_BYTES_MAX >> 20);
		return -EBADMSG;
	}
	if (len < 12 + DIGEST_BYTES || memcmp(data, observed ? "YETTOBS1" : "YETTPLN1", 8) != 0) {
		bad(&r, "it does not start as one");
		return -EBADMSG;
	}
	struct digest d = digest_fast(data, len - DIGEST_BYTES);
	if (memcmp(d.b, r.p + len - DIGEST_BYTES, DIGEST_BYTES) != 0) {
		bad(&r, "its checksum is wrong");
		return -EBADMSG;
	}
	r.end = r.p + len - DIGEST_BYTES;
	r.p += 8;
	uint64_t format = get_int(&r, 4);
	if (format != GW_PLAN_FORMAT)
		bad(&r, "its format is %llu and this program reads %d", (unsigned long long)format, GW_PLAN_FORMAT);
	size_t foreign = observed && !r.bad ? (size_t)get_int(&r, 8) : 0;
	if (!r.bad)
		get_plan(&r, p);
	p->nft.foreign = foreign;
	if (!r.bad)
		return 0;
	memset(p, 0, sizeof(*p));
	return -EBADMSG;
}

int gw_plan_decode(struct gw_plan *p, const void *data, size_t len, struct arena *a, char *err, size_t err_size)
{
	return decode(p, data, len, false, a, err, err_size);
}

int gw_plan_decode_observed(struct gw_plan *p, const void *data, size_t len, struct arena *a, char *err, size_t err_size)
{
	return decode(p, data, len, true, a, err, err_size);
}
