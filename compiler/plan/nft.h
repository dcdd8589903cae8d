/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft - our nftables table as data.
 *
 * One description has four readers: the text writer (emit/ruleset), the netlink writer and the observer
 * (reconciler/kernel), and the diff. Everything is in canonical order: sets and chains by name, elements by key, rules as they run.
 *
 * Packets are judged by their flow's original direction (`ct original` source, destination, protocol, port), so one class
 * chain serves both directions and a reply passes only while the access that began the flow still holds.
 */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/arena.h"

#define NFT_TABLE "yett"
#define NFT_NAME_MAX 32
#define NFT_COMMENT_MAX 128
#define NFT_BOX_SET_MAX 10000 /* elements of a concatenated interval set: commits are super-linear beyond */

enum nft_set_kind {
	NFT_MAP_CLASS4,  /* ipv4_addr : mark, hash        source address -> class number */
	NFT_MAP_CLASS6,  /* ipv6_addr : mark, hash */
	NFT_MAP_NET4,    /* ipv4_addr : mark, interval    source network -> class number */
	NFT_MAP_NET6,    /* ipv6_addr : mark, interval */
	NFT_MAP_CHAIN,   /* mark : verdict (goto chain)   class number -> chain; few elements */
	NFT_SET_ADDR4,   /* ipv4_addr, interval */
	NFT_SET_ADDR6,   /* ipv6_addr, interval */
	NFT_SET_BOX4,    /* ipv4_addr . inet_proto . inet_service, interval */
	NFT_SET_BOX6,    /* ipv6_addr . inet_proto . inet_service, interval */
	NFT_SET_RATE,    /* mark, hash; each element with a limit of its own: device number -> bytes a second */
	NFT_SET_QUOTA,   /* mark, hash; each element with the set's quota, and what is used of it: device number -> bytes */
	/*
	 * nf_proto, hash; its elements have a timeout of `used` milliseconds and are written with the set, never again. Only a gate (plan/gate.h)
	 * has one: no encoded plan does.
	 */
	NFT_SET_ALIVE,
};

struct nft_elem {
	u128 lo, hi;          /* address on the common axis (hi == lo in hash maps); NFT_MAP_CHAIN: the class number */
	                      /* NFT_SET_RATE, NFT_SET_QUOTA: lo the device number; hi the bytes a second, or lo again */
	uint8_t proto_lo, proto_hi; /* NFT_SET_BOX*: protocols */
	uint16_t port_lo, port_hi;  /* NFT_SET_BOX*: ports */
	uint32_t value;       /* maps to mark: the class or device number. */
	const char *chain;    /* NFT_MAP_CHAIN: where to go */
	uint64_t used;        /* NFT_SET_ALIVE: milliseconds to live, where it is written. NFT_SET_QUOTA: bytes; desired: what it begins with where it is written. Neither compared nor encoded */
};

struct nft_set {
	const char *name;
	enum nft_set_kind kind;
	uint32_t size; /* hash maps: declared room; 0: none declared */
	uint32_t period; /* NFT_SET_QUOTA: seconds; the name says it too */
	uint64_t bytes;  /* NFT_SET_QUOTA: how much each element may let pass */
	struct nft_elem *elem; /* sorted by lo, hi, proto, port; unique; intervals disjoint */
	size_t nelems;
};

enum nft_field {
	NFT_IIFNAME, NFT_OIFNAME,        /* name; EQ, NEQ */
	NFT_CT_INVALID,                  /* ct state invalid */
	NFT_CT_DIRECTION,                /* EQ lo: 0 original, 1 reply */
	NFT_CT_L3PROTO,                  /* ct original l3proto, EQ lo: 2 (NFPROTO_IPV4) or 10 (NFPROTO_IPV6) */
	NFT_CT_PROTO,                    /* ct original protocol; EQ, RANGE */
	NFT_CT_SADDR,                    /* ct original ip/ip6 saddr; EQ, RANGE, PREFIX, SET; family by lo or set kind */
	NFT_CT_DADDR,                    /* ct original ip/ip6 daddr; likewise */
	NFT_CT_DPORT,                    /* ct original proto-dst; EQ, RANGE; the rule holds L3PROTO and PROTO EQ before it */
	NFT_CT_DBOX,                     /* ct original daddr . protocol . proto-dst; SET of NFT_SET_BOX*; L3PROTO and PROTO EQ before it */
	NFT_TIME,                        /* meta time, UTC seconds; GE, LT, RANGE (hi inclusive) */
	NFT_DAY,                         /* meta day, EQ lo: 0 Sunday .. 6 Saturday */
	NFT_HOUR,                        /* meta hour, seconds of the UTC day; RANGE (hi inclusive) */
	NFT_NFPROTO,                     /* meta nfproto; SET of NFT_SET_ALIVE. Of a gate only */
};

enum nft_op { NFT_EQ, NFT_NEQ, NFT_RANGE, NFT_PREFIX, NFT_GE, NFT_LT, NFT_IN_SET };

enum nft_item_kind {
	NFT_MATCH,
	NFT_COUNTER,
	NFT_LIMIT,      /* lo: packets a second, hi: burst */
	NFT_LOG,        /* name: prefix */
	NFT_ACCEPT, NFT_DROP, NFT_RETURN,
	NFT_JUMP, NFT_GOTO,  /* name: chain */
	/*
	 * The two-step dispatch: `ct original saddr` -> class number by map `name` -> goto chain by map `name2`. A miss in either goes on to the next rule.
	 * Netlink passes the number through the packet mark within the one rule, which keeps the mark in a register meanwhile and puts it back
	 * before the second lookup (decision 2); the text form leaves it in the mark, which each class chain's text clears first.
	 */
	NFT_DISPATCH,
	NFT_MASQUERADE,
	NFT_MSS_CLAMP,  /* tcp flags syn / syn,rst tcp option maxseg size set rt mtu */
	/*
	 * The packet's own source (lo 0) or destination (lo 1) -> device number by map `name` -> in set `name2` an element whose limit or quota is
	 * exceeded. The number travels as in NFT_DISPATCH.
	 */
	NFT_METER,
	NFT_FOREIGN,    /* observed only: an expression that we never make; equal to nothing */
	NFT_CLEAR_MARK, /* observed only: `meta mark set 0x0`, which the text form needs; equal to nothing */
};

struct nft_item {
	enum nft_item_kind kind;
	enum nft_field field; /* NFT_MATCH */
	enum nft_op op;       /* NFT_MATCH */
	u128 lo, hi;
	const char *name, *name2; /* interface, set, chain, map or log prefix */
	bool v6;                  /* NFT_CT_SADDR/DADDR/DBOX with a set, NFT_DISPATCH: the family */
	bool text;                /* NFT_DISPATCH, NFT_METER, observed only: in the text form's way; equal to nothing */
	uint64_t packets, bytes;  /* NFT_COUNTER, observed; not compared */
};

struct nft_rule {
	struct nft_item *item;
	size_t nitems;
	const char *comment; /* or NULL; at most NFT_COMMENT_MAX bytes */
	uint64_t handle;     /* observed; not compared */
};

enum nft_hook {
	NFT_HOOK_NONE, NFT_HOOK_INPUT, NFT_HOOK_FORWARD, NFT_HOOK_OUTPUT, NFT_HOOK_POSTROUTING_NAT,
	NFT_HOOK_FORWARD_AFTER, /* forward, right after NFT_HOOK_FORWARD has accepted */
};

struct nft_chain {
	const char *name;
	enum nft_hook hook; /* NFT_HOOK_NONE: a regular chain. Filter hooks at priority -10 (after: -9), nat at 100; policy accept */
	bool class_chain;   /* text form clears the mark first */
	struct nft_rule *rule;
	size_t nrules;
};

struct nft_table {
	bool present; /* observed: false when the kernel has no such table */
	uint64_t handle; /* observed; another one when the table was made anew */
	struct nft_set *set;
	size_t nsets;
	struct nft_chain *chain;
	size_t nchains;
	size_t foreign; /* observed: flowtables, objects and sets of kinds we never make; any makes the table be rebuilt */
	uint64_t serial; /* observed: the same number from the same door is the same table; 0: says nothing. Not compared */
};

bool nft_rule_equal(const struct nft_rule *a, const struct nft_rule *b);
bool nft_set_same_shape(const struct nft_set *a, const struct nft_set *b); /* kind, size and quota; not elements */
int nft_elem_cmp(const struct nft_elem *a, const struct nft_elem *b);       /* key order */
bool nft_elem_equal(const struct nft_elem *a, const struct nft_elem *b);    /* key and value */
const struct nft_chain *nft_find_chain(const struct nft_table *t, const char *name);
const struct nft_set *nft_find_set(const struct nft_table *t, const char *name);
