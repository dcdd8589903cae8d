/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_wire - between our table as data (plan/nft.h) and the kernel's expressions, set descriptions and set elements.
 *
 * Private to reconciler/kernel. What lowers and what raises read the same rows, so that what we wrote comes back as what we meant.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>

#include "base/vec.h"
#include "kernel/nft_abi.h"
#include "plan/nft.h"

#define NFT_LOG_LEVEL 6         /* LOG_INFO: a denied packet is no warning */
#define NFT_FILTER_PRIORITY (-10)
#define NFT_NAT_PRIORITY 100    /* NF_IP_PRI_NAT_SRC */

/* How one field is loaded into a register. All values compare as big-endian bytes. */
struct nft_field_row {
	enum nft_field field;
	bool v6;
	const char *expr;   /* "meta" or "ct" */
	uint32_t key;       /* NFT_META_* or NFT_CT_* */
	bool original;      /* ct: with direction `original` */
	uint8_t width;      /* bytes in the register */
	bool hton;          /* a host-order number, converted before it is compared */
	uint64_t unit;      /* the kernel's units in one of ours */
};

const struct nft_field_row *nft_field_row(enum nft_field field, bool v6);
const struct nft_field_row *nft_field_row_of_key(const char *expr, uint32_t key);
/* Where a packet's own source or destination address stands in its network header. */
static inline uint32_t nft_meter_offset(bool v6, bool destination)
{
	return v6 ? (destination ? 24 : 8) : (destination ? 16 : 12);
}
/* The low n bytes of v, most significant first. */
void nft_value_put(u128 v, uint8_t *out, size_t n);
u128 nft_value_get(const uint8_t *in, size_t n);
/* An address on the common axis from its 4 or 16 bytes. */
u128 nft_addr_get(const uint8_t *in, size_t n);

/* A rule of that chain, to be freed by nftnl_rule_free(). */
struct nftnl_rule *nft_lower_rule(const char *chain, const struct nft_rule *r);
/* The inverse, into arena memory; from the first expression that we never make the rest is one NFT_FOREIGN item. */
void nft_raise_rule(const struct nftnl_rule *nr, struct arena *a, struct nft_rule *r);

/* What the kernel is told about a set of one kind. */
struct nft_set_row {
	enum nft_set_kind kind;
	uint32_t flags;     /* NFT_SET_* */
	uint32_t key_type;  /* nft's own numbers of data types, so that `nft list` can print them */
	uint32_t key_len;   /* bytes in registers */
	uint32_t data_type; /* 0: no map */
	uint32_t data_len;
	bool host_key;      /* the key is a host-order number */
	uint8_t addr_len;   /* 4 or 16; 0: the key is no address */
	const char *expr;   /* what each element has of its own: "limit" or "quota"; NULL: nothing */
};

const struct nft_set_row *nft_set_row(enum nft_set_kind kind);
struct nftnl_set *nft_lower_set(const struct nft_set *s, uint32_t id);
/* False for a set that we never make. */
bool nft_raise_set(const struct nftnl_set *ns, struct arena *a, struct nft_set *s);

static inline bool nft_set_is_box(enum nft_set_kind k)
{
	return k == NFT_SET_BOX4 || k == NFT_SET_BOX6;
}

/* Kinds whose intervals are two elements on the wire: the first address, and a marker one past the last. */
static inline bool nft_set_is_interval(enum nft_set_kind k)
{
	return k == NFT_MAP_NET4 || k == NFT_MAP_NET6 || k == NFT_SET_ADDR4 || k == NFT_SET_ADDR6;
}

/* Appends an element (one or two wire elements) to an open NFTA_SET_ELEM_LIST_ELEMENTS; keys only when it is to be deleted. */
void nft_elem_put(struct nlmsghdr *nlh, const struct nft_set *s, const struct nft_elem *e, bool keys_only);
/* The most bytes that nft_elem_put() may append. */
size_t nft_elem_wire_max(enum nft_set_kind kind);

/* One element as it is on the wire. */
struct nft_wire_elem {
	struct nft_elem e; /* without hi for interval kinds */
	bool end;          /* the marker that ends an interval */
	bool foreign;      /* a catch-all, or without what its kind must have */
};

typedef VEC(struct nft_wire_elem) nft_wire_elems;

/* Parses one element attribute; strings go to the arena. */
struct nft_wire_elem nft_elem_get(const struct nlattr *attr, enum nft_set_kind kind, struct arena *a);
/* Parses a NFT_MSG_NEWSETELEM message. */
void nft_elems_get(const struct nlmsghdr *nlh, enum nft_set_kind kind, struct arena *a, nft_wire_elems *out);
/* Sorts what was dumped, joins interval ends to their starts and makes it the set's elements. False when some are foreign. */
bool nft_elems_join(nft_wire_elems *w, struct nft_set *s, struct arena *a);
/* An element in words, for a refusal. */
void nft_elem_describe(const struct nft_elem *e, enum nft_set_kind kind, char *out, size_t size);

/* The chain's declaration, without its rules. */
struct nftnl_chain *nft_lower_chain(const struct nft_chain *c);
/* A set whose elements have an expression each: what it says of itself, and each element's own; see nft_meter.c. */
void nft_meter_put_set(struct nftnl_set *ns, const struct nft_set *s);
bool nft_meter_get_set(const struct nftnl_set *ns, struct nft_set *s);
void nft_meter_put_elem(struct nlmsghdr *nlh, const struct nft_set *s, const struct nft_elem *e);
/* Reads a NFTA_SET_ELEM_EXPR; false when it is not of the kind's own making. */
bool nft_meter_get_elem(const struct nlattr *attr, enum nft_set_kind kind, struct nft_elem *e);
#define NFT_METER_WIRE_MAX 128 /* bytes of an element's expression */

/* False for a base chain of a kind that we never make. */
bool nft_raise_chain(const struct nftnl_chain *nc, struct arena *a, struct nft_chain *c);
