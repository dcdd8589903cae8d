/* SPDX-License-Identifier: Apache-2.0 */
/* nft_set - sets, maps and their elements, to the kernel and back. */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <linux/netfilter.h>

#include <libnftnl/udata.h>

#include "base/bug.h"
#include "kernel/nft_wire.h"
#include "kernel/nl_attr.h"

/* nft's own numbers of data types (its include/datatype.h); the kernel only stores them. */
enum { TYPE_NFPROTO = 2, TYPE_IPADDR = 7, TYPE_IP6ADDR = 8, TYPE_INET_PROTOCOL = 12, TYPE_INET_SERVICE = 13, TYPE_MARK = 19 };
enum { BYTEORDER_HOST = 1, BYTEORDER_BIG = 2 };
#define TYPE_BOX(address) ((uint32_t)(address) << 12 | TYPE_INET_PROTOCOL << 6 | TYPE_INET_SERVICE)

static const struct nft_set_row rows[] = {
	/* kind, flags, key_type, key_len, data_type, data_len, host_key, addr_len, expr */
	{ NFT_MAP_CLASS4, NFT_SET_MAP, TYPE_IPADDR, 4, TYPE_MARK, 4, false, 4, NULL },
	{ NFT_MAP_CLASS6, NFT_SET_MAP, TYPE_IP6ADDR, 16, TYPE_MARK, 4, false, 16, NULL },
	{ NFT_MAP_NET4, NFT_SET_MAP | NFT_SET_INTERVAL, TYPE_IPADDR, 4, TYPE_MARK, 4, false, 4, NULL },
	{ NFT_MAP_NET6, NFT_SET_MAP | NFT_SET_INTERVAL, TYPE_IP6ADDR, 16, TYPE_MARK, 4, false, 16, NULL },
	{ NFT_MAP_CHAIN, NFT_SET_MAP, TYPE_MARK, 4, NFT_DATA_VERDICT, 0, true, 0, NULL },
	{ NFT_SET_ADDR4, NFT_SET_INTERVAL, TYPE_IPADDR, 4, 0, 0, false, 4, NULL },
	{ NFT_SET_ADDR6, NFT_SET_INTERVAL, TYPE_IP6ADDR, 16, 0, 0, false, 16, NULL },
	{ NFT_SET_BOX4, NFT_SET_INTERVAL | NFT_SET_CONCAT, TYPE_BOX(TYPE_IPADDR), 12, 0, 0, false, 4, NULL },
	{ NFT_SET_BOX6, NFT_SET_INTERVAL | NFT_SET_CONCAT, TYPE_BOX(TYPE_IP6ADDR), 24, 0, 0, false, 16, NULL },
	{ NFT_SET_RATE, 0, TYPE_MARK, 4, 0, 0, true, 0, "limit" },
	{ NFT_SET_QUOTA, 0, TYPE_MARK, 4, 0, 0, true, 0, "quota" },
	{ NFT_SET_ALIVE, NFT_SET_TIMEOUT, TYPE_NFPROTO, 1, 0, 0, true, 0, NULL },
};

const struct nft_set_row *nft_set_row(enum nft_set_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == kind)
			return &rows[i];
	BUG("set kind %d has no row", kind);
}

/* What nft remembers of a declaration beyond what the kernel keeps; without it the list shows keys in the wrong byte order. */
static void put_userdata(struct nftnl_set *ns, const struct nft_set_row *row)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(64);
	uint32_t key = row->flags & NFT_SET_CONCAT ? 0 : row->host_key ? BYTEORDER_HOST : BYTEORDER_BIG;

	if (u == NULL)
		BUG("no memory for a set's user data");
	nftnl_udata_put_u32(u, NFTNL_UDATA_SET_KEYBYTEORDER, key);
	if (row->flags & NFT_SET_MAP) {
		nftnl_udata_put_u32(u, NFTNL_UDATA_SET_DATABYTEORDER, row->data_type == TYPE_MARK ? BYTEORDER_HOST : 0);
		nftnl_udata_put_u32(u, NFTNL_UDATA_SET_DATA_INTERVAL, 0);
	}
	nftnl_set_set_data(ns, NFTNL_SET_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
	nftnl_udata_buf_free(u);
}

struct nftnl_set *nft_lower_set(const struct nft_set *s, uint32_t id)
{
	const struct nft_set_row *row = nft_set_row(s->kind);
	struct nftnl_set *ns = nftnl_set_alloc();

	if (ns == NULL)
		BUG("no memory for a set");
	nftnl_set_set_u32(ns, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_str(ns, NFTNL_SET_TABLE, NFT_TABLE);
	nftnl_set_set_str(ns, NFTNL_SET_NAME, s->name);
	nftnl_set_set_u32(ns, NFTNL_SET_ID, id);
	nftnl_set_set_u32(ns, NFTNL_SET_FLAGS, row->flags);
	nftnl_set_set_u32(ns, NFTNL_SET_KEY_TYPE, row->key_type);
	nftnl_set_set_u32(ns, NFTNL_SET_KEY_LEN, row->key_len);
	if (row->flags & NFT_SET_MAP) {
		nftnl_set_set_u32(ns, NFTNL_SET_DATA_TYPE, row->data_type);
		nftnl_set_set_u32(ns, NFTNL_SET_DATA_LEN, row->data_len);
	}
	if (s->size > 0)
		nftnl_set_set_u32(ns, NFTNL_SET_DESC_SIZE, s->size);
	if (row->flags & NFT_SET_CONCAT) {
		uint8_t fields[] = { row->addr_len, 1, 2 };
		nftnl_set_set_data(ns, NFTNL_SET_DESC_CONCAT, fields, sizeof(fields));
	}
	if (row->expr != NULL)
		nft_meter_put_set(ns, s);
	put_userdata(ns, row);
	return ns;
}

bool nft_raise_set(const struct nftnl_set *ns, struct arena *a, struct nft_set *s)
{
	uint32_t flags = nftnl_set_get_u32(ns, NFTNL_SET_FLAGS);
	uint32_t key_type = nftnl_set_get_u32(ns, NFTNL_SET_KEY_TYPE);
	uint32_t key_len = nftnl_set_get_u32(ns, NFTNL_SET_KEY_LEN);
	uint32_t data_type = flags & NFT_SET_MAP ? nftnl_set_get_u32(ns, NFTNL_SET_DATA_TYPE) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].flags != flags || rows[i].key_type != key_type || rows[i].key_len != key_len ||
		    rows[i].data_type != data_type)
			continue;
		*s = (struct nft_set){ .name = arena_strdup(a, nftnl_set_get_str(ns, NFTNL_SET_NAME)), .kind = rows[i].kind };
		if (nftnl_set_is_set(ns, NFTNL_SET_DESC_SIZE))
			s->size = nftnl_set_get_u32(ns, NFTNL_SET_DESC_SIZE);
		return rows[i].expr == NULL || nft_meter_get_set(ns, s);
	}
	return false;
}

/* An element's key as it lies in the registers: every field begins at a multiple of four bytes. */
static uint32_t key_put(const struct nft_set_row *row, u128 value, uint8_t proto, uint16_t port, uint8_t out[24])
{
	memset(out, 0, 24);
	if (row->addr_len == 0 && row->key_len == 1) {
		out[0] = (uint8_t)value;
		return 1;
	}
	if (row->addr_len == 0) {
		uint32_t number = (uint32_t)value;
		memcpy(out, &number, sizeof(number));
		return sizeof(number);
	}
	nft_value_put(value, out, row->addr_len);
	if (row->flags & NFT_SET_CONCAT) {
		out[row->addr_len] = proto;
		nft_value_put(port, out + row->addr_len + 4, 2);
	}
	return row->key_len;
}

static void attr_put_key(struct nlmsghdr *nlh, uint16_t type, const uint8_t *key, uint32_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, key);
	mnl_attr_nest_end(nlh, nest);
}

static void attr_put_data(struct nlmsghdr *nlh, const struct nft_set_row *row, const struct nft_elem *e)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);

	if (row->data_type == TYPE_MARK) {
		mnl_attr_put(nlh, NFTA_DATA_VALUE, sizeof(e->value), &e->value);
	} else {
		struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
		mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_VERDICT_GOTO));
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, e->chain);
		mnl_attr_nest_end(nlh, verdict);
	}
	mnl_attr_nest_end(nlh, nest);
}

/* The end of an interval is the address after its last; after the last of all there is none. */
static void put_end(struct nlmsghdr *nlh, const struct nft_set_row *row, u128 hi)
{
	uint8_t key[24];

	if (hi == (row->addr_len == 4 ? ADDR_V4_LAST : ADDR_LAST))
		return;
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	attr_put_key(nlh, NFTA_SET_ELEM_KEY, key, key_put(row, hi + 1, 0, 0, key));
	mnl_attr_nest_end(nlh, elem);
}

void nft_elem_put(struct nlmsghdr *nlh, const struct nft_set *s, const struct nft_elem *e, bool keys_only)
{
	enum nft_set_kind kind = s->kind;
	const struct nft_set_row *row = nft_set_row(kind);
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	uint8_t key[24];

	attr_put_key(nlh, NFTA_SET_ELEM_KEY, key, key_put(row, e->lo, e->proto_lo, e->port_lo, key));
	if (nft_set_is_box(kind))
		attr_put_key(nlh, NFTA_SET_ELEM_KEY_END, key, key_put(row, e->hi, e->proto_hi, e->port_hi, key));
	if ((row->flags & NFT_SET_MAP) && !keys_only)
		attr_put_data(nlh, row, e);
	if (row->expr != NULL && !keys_only)
		nft_meter_put_elem(nlh, s, e);
	if ((row->flags & NFT_SET_TIMEOUT) && !keys_only)
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(e->used));
	mnl_attr_nest_end(nlh, elem);
	if (nft_set_is_interval(kind))
		put_end(nlh, row, e->hi);
}

size_t nft_elem_wire_max(enum nft_set_kind kind)
{
	const struct nft_set_row *row = nft_set_row(kind);
	size_t key = 2 * MNL_ATTR_HDRLEN + row->key_len, data = 0;

	if (row->flags & NFT_SET_MAP)
		data = row->data_len > 0 ? 2 * MNL_ATTR_HDRLEN + row->data_len
					 : 4 * MNL_ATTR_HDRLEN + 4 + NFT_NAME_MAX + 4;
	if (row->expr != NULL)
		data = NFT_METER_WIRE_MAX;
	if (row->flags & NFT_SET_TIMEOUT)
		data = MNL_ATTR_HDRLEN + sizeof(uint64_t);
	return 2 * (MNL_ATTR_HDRLEN + 8 + key) + data;
}

static bool key_get(const struct nlattr *nest, const struct nft_set_row *row, u128 *value, uint8_t *proto, uint16_t *port)
{
	const struct nlattr *attr;

	attr_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) != NFTA_DATA_VALUE || mnl_attr_get_payload_len(attr) != row->key_len)
			continue;
		const uint8_t *p = mnl_attr_get_payload(attr);
		if (row->addr_len == 0 && row->key_len == 1) {
			*value = p[0];
			return true;
		}
		if (row->addr_len == 0) {
			uint32_t number;
			memcpy(&number, p, sizeof(number));
			*value = number;
			return true;
		}
		*value = nft_addr_get(p, row->addr_len);
		if (row->flags & NFT_SET_CONCAT) {
			*proto = p[row->addr_len];
			*port = (uint16_t)nft_value_get(p + row->addr_len + 4, 2);
		}
		return true;
	}
	return false;
}

static bool verdict_get(const struct nlattr *nest, struct nft_elem *e, struct arena *a)
{
	const struct nlattr *attr;
	bool go = false;

	attr_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == NFTA_VERDICT_CODE && mnl_attr_get_payload_len(attr) == 4)
			go = (int32_t)ntohl(mnl_attr_get_u32(attr)) == NFT_VERDICT_GOTO;
		else if (mnl_attr_get_type(attr) == NFTA_VERDICT_CHAIN)
			e->chain = arena_strndup(a, mnl_attr_get_str(attr), mnl_attr_get_payload_len(attr));
	}
	return go && e->chain != NULL;
}

static bool data_get(const struct nlattr *nest, const struct nft_set_row *row, struct nft_elem *e, struct arena *a)
{
	const struct nlattr *attr;

	attr_each_nested(attr, nest) {
		uint16_t type = mnl_attr_get_type(attr);
		if (type == NFTA_DATA_VALUE && row->data_type == TYPE_MARK && mnl_attr_get_payload_len(attr) == 4) {
			e->value = mnl_attr_get_u32(attr);
			return true;
		}
		if (type == NFTA_DATA_VERDICT && row->data_type == NFT_DATA_VERDICT)
			return verdict_get(attr, e, a);
	}
	return false;
}

struct nft_wire_elem nft_elem_get(const struct nlattr *nest, enum nft_set_kind kind, struct arena *a)
{
	const struct nft_set_row *row = nft_set_row(kind);
	struct nft_wire_elem w = { 0 };
	bool has_key = false, has_data = false, has_end = false, has_expr = false;
	const struct nlattr *attr;

	attr_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case NFTA_SET_ELEM_KEY:
			has_key = key_get(attr, row, &w.e.lo, &w.e.proto_lo, &w.e.port_lo);
			break;
		case NFTA_SET_ELEM_KEY_END:
			has_end = key_get(attr, row, &w.e.hi, &w.e.proto_hi, &w.e.port_hi);
			break;
		case NFTA_SET_ELEM_DATA:
			has_data = data_get(attr, row, &w.e, a);
			break;
		case NFTA_SET_ELEM_EXPR:
			has_expr = row->expr != NULL && nft_meter_get_elem(attr, kind, &w.e);
			break;
		case NFTA_SET_ELEM_FLAGS:
			w.end = (ntohl(mnl_attr_get_u32(attr)) & NFT_SET_ELEM_INTERVAL_END) != 0;
			break;
		}
	}
	if (!has_end) {
		if (kind != NFT_SET_RATE)
			w.e.hi = w.e.lo;
		w.e.proto_hi = w.e.proto_lo;
		w.e.port_hi = w.e.port_lo;
	}
	w.foreign = !has_key || has_expr != (row->expr != NULL) || (!w.end && has_data != ((row->flags & NFT_SET_MAP) != 0));
	return w;
}

void nft_elems_get(const struct nlmsghdr *nlh, enum nft_set_kind kind, struct arena *a, nft_wire_elems *out)
{
	const struct nlattr *attr, *elem;

	attr_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		attr_each_nested(elem, attr) {
			struct nft_wire_elem w = nft_elem_get(elem, kind, a);
			vec_push(out, w);
		}
	}
}

static int wire_cmp(const void *a, const void *b)
{
	const struct nft_wire_elem *x = a, *y = b;
	int c = nft_elem_cmp(&x->e, &y->e);

	return c != 0 ? c : (int)y->end - (int)x->end; /* where two intervals touch the first one's end comes first */
}

bool nft_elems_join(nft_wire_elems *w, struct nft_set *s, struct arena *a)
{
	bool interval = nft_set_is_interval(s->kind), open = false, ours = true;
	u128 last = nft_set_row(s->kind)->addr_len == 4 ? ADDR_V4_LAST : ADDR_LAST;

	if (w->n > 1)
		qsort(w->v, w->n, sizeof(*w->v), wire_cmp);
	s->elem = arena_array(a, w->n, struct nft_elem);
	s->nelems = 0;
	for (size_t i = 0; i < w->n; i++) {
		const struct nft_wire_elem *x = &w->v[i];
		ours = ours && !x->foreign;
		if (open)
			s->elem[s->nelems - 1].hi = x->e.lo - 1;
		open = interval && !x->end;
		if (x->foreign || x->end)
			continue;
		s->elem[s->nelems] = x->e;
		if (interval)
			s->elem[s->nelems].hi = last;
		s->nelems++;
	}
	return ours;
}

void nft_elem_describe(const struct nft_elem *e, enum nft_set_kind kind, char *out, size_t size)
{
	char addr[ADDR_TEXT_MAX];

	if (nft_set_row(kind)->addr_len == 0) {
		snprintf(out, size, "%u", (unsigned int)(uint32_t)e->lo);
		return;
	}
	range_format((struct range){ e->lo, e->hi }, addr);
	if (nft_set_is_box(kind))
		snprintf(out, size, "%s . %u-%u . %u-%u", addr, e->proto_lo, e->proto_hi, e->port_lo, e->port_hi);
	else
		snprintf(out, size, "%s", addr);
}
