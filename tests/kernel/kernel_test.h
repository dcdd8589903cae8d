/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_test - TAP, a private network namespace, and a table with one of everything that we make. */
#pragma once

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/bug.h"
#include "plan/gw_plan.h"

static int tap_n, tap_failed;

__attribute__((format(printf, 2, 3))) static bool ok(bool pass, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", pass ? "" : "not ", ++tap_n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	tap_failed += !pass;
	return pass;
}

/* Text as TAP comments. */
static void diag(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		printf("# %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static int finish(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed != 0;
}

/* Runs a shell command; its output, standard error too, goes to *out. Returns its exit status. */
static int run(struct buf *out, const char *command)
{
	int fds[2], status = -1;
	char data[4096];
	ssize_t n;

	buf_reset(out);
	fflush(stdout);
	if (pipe(fds) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], data, sizeof(data))) > 0)
		buf_add(out, data, (size_t)n);
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void must(const char *command)
{
	struct buf out = BUF_INIT;

	if (run(&out, command) != 0) {
		ok(false, "setting up: %s", command);
		diag(buf_str(&out));
	}
	buf_release(&out);
}

/* Leaves for namespaces of our own, or ends with a skip. */
static void enter_namespaces(int more)
{
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root: makes a network namespace");
		exit(0);
	}
	if (unshare(CLONE_NEWNET | more) < 0) {
		printf("Bail out! unshare: %s\n", strerror(errno));
		exit(1);
	}
	must("ip link set lo up");
}

static inline double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- making things by hand; everything lives in one arena --- */

static inline u128 at(const char *text)
{
	u128 a = 0;

	if (addr_parse(text, strlen(text), &a) != ADDR_OK)
		BUG("address %s", text);
	return a;
}

static inline struct range range_at(const char *text)
{
	struct range r = { 0, 0 };
	struct prefix fixed;

	if (range_parse(text, strlen(text), &r, &fixed) != ADDR_OK)
		BUG("range %s", text);
	return r;
}

static inline struct prefix prefix_at(const char *text)
{
	struct prefix p = { 0, 0 }, fixed;

	if (prefix_parse(text, strlen(text), &p, &fixed) != ADDR_OK)
		BUG("prefix %s", text);
	return p;
}

static inline struct nft_elem elem_of(const char *text, uint32_t value)
{
	struct range r = range_at(text);

	return (struct nft_elem){ .lo = r.lo, .hi = r.hi, .value = value };
}

static inline struct nft_elem box_of(const char *text, uint8_t proto, uint16_t port_lo, uint16_t port_hi)
{
	struct nft_elem e = elem_of(text, 0);

	e.proto_lo = e.proto_hi = proto;
	e.port_lo = port_lo;
	e.port_hi = port_hi;
	return e;
}

static inline struct nft_elem chain_elem(uint32_t number, const char *chain)
{
	return (struct nft_elem){ .lo = number, .hi = number, .chain = chain };
}

static inline struct nft_item item(enum nft_item_kind kind)
{
	return (struct nft_item){ .kind = kind };
}

static inline struct nft_item named(enum nft_item_kind kind, const char *name)
{
	return (struct nft_item){ .kind = kind, .name = name };
}

static inline struct nft_item number(enum nft_field field, enum nft_op op, uint64_t lo, uint64_t hi)
{
	return (struct nft_item){ .kind = NFT_MATCH, .field = field, .op = op, .lo = lo, .hi = hi };
}

static inline struct nft_item interface(enum nft_field field, enum nft_op op, const char *name)
{
	return (struct nft_item){ .kind = NFT_MATCH, .field = field, .op = op, .name = name };
}

static inline struct nft_item in_set(enum nft_field field, const char *set, bool v6)
{
	return (struct nft_item){ .kind = NFT_MATCH, .field = field, .op = NFT_IN_SET, .name = set, .v6 = v6 };
}

static inline struct nft_item address(enum nft_field field, const char *text)
{
	struct range r = range_at(text);
	struct prefix p;
	enum nft_op op = r.lo == r.hi ? NFT_EQ : range_is_prefix(r, &p) ? NFT_PREFIX : NFT_RANGE;

	return (struct nft_item){ .kind = NFT_MATCH, .field = field, .op = op, .lo = r.lo, .hi = r.hi, .v6 = !addr_is_v4(r.lo) };
}

static inline struct nft_item dispatch(const char *map, bool v6)
{
	return (struct nft_item){ .kind = NFT_DISPATCH, .name = map, .name2 = "dispatch", .v6 = v6 };
}

#define ITEMS(...) ((struct nft_item[]){ __VA_ARGS__ }), sizeof((struct nft_item[]){ __VA_ARGS__ }) / sizeof(struct nft_item)
#define ELEMS(...) ((struct nft_elem[]){ __VA_ARGS__ }), sizeof((struct nft_elem[]){ __VA_ARGS__ }) / sizeof(struct nft_elem)

struct maker {
	struct arena *a;
	struct nft_set set[16];
	struct nft_chain chain[16];
	struct nft_rule rule[64]; /* of the last chain */
	size_t nsets, nchains;
};

static inline int elem_order(const void *a, const void *b)
{
	return nft_elem_cmp(a, b);
}

static inline void make_set(struct maker *m, const char *name, enum nft_set_kind kind, uint32_t size,
			    const struct nft_elem *elem, size_t n)
{
	struct nft_elem *copy = arena_dup(m->a, elem, n * sizeof(*elem));

	qsort(copy, n, sizeof(*copy), elem_order);
	m->set[m->nsets++] = (struct nft_set){ .name = name, .kind = kind, .size = size, .elem = copy, .nelems = n };
}

static inline void make_chain(struct maker *m, const char *name, enum nft_hook hook)
{
	m->chain[m->nchains++] = (struct nft_chain){ .name = name, .hook = hook, .class_chain = name[1] == '_' };
}

static inline void make_rule(struct maker *m, const char *comment, const struct nft_item *items, size_t n)
{
	struct nft_chain *c = &m->chain[m->nchains - 1];
	struct nft_rule *rules = arena_array(m->a, c->nrules + 1, struct nft_rule);

	for (size_t i = 0; i < c->nrules; i++)
		rules[i] = c->rule[i];
	rules[c->nrules++] = (struct nft_rule){ .item = arena_dup(m->a, items, n * sizeof(*items)), .nitems = n, .comment = comment };
	c->rule = rules;
}

static inline void make_sets(struct maker *m)
{
	make_set(m, "a_000000000004", NFT_SET_ADDR4, 0,
		 ELEMS(elem_of("10.0.0.0/24", 0), elem_of("10.1.0.5-10.1.0.9", 0), elem_of("192.0.2.7", 0),
		       elem_of("255.255.255.0/24", 0)));
	make_set(m, "a_000000000006", NFT_SET_ADDR6, 0,
		 ELEMS(elem_of("fd00::/64", 0), elem_of("fd01::5-fd01::9", 0),
		       elem_of("ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0)));
	make_set(m, "b_000000000004", NFT_SET_BOX4, 0,
		 ELEMS(box_of("10.0.0.0/24", 6, 80, 90), box_of("10.1.0.5-10.1.0.9", 6, 0, 65535), box_of("10.2.0.0/16", 17, 53, 53),
		       box_of("255.255.255.0/24", 6, 1, 1)));
	make_set(m, "b_000000000006", NFT_SET_BOX6, 0,
		 ELEMS(box_of("fd00::/64", 6, 443, 443), box_of("fd00::5:0-fd00::6:3", 17, 1000, 2000)));
	make_set(m, "class4", NFT_MAP_CLASS4, 1024, ELEMS(elem_of("10.9.0.1", 0x10), elem_of("10.9.0.2", 0xfedcba98)));
	make_set(m, "class6", NFT_MAP_CLASS6, 1024, ELEMS(elem_of("fd09::1", 0x10)));
	make_set(m, "dispatch", NFT_MAP_CHAIN, 0,
		 ELEMS(chain_elem(0x10, "c_0123456789ab"), chain_elem(0xfedcba98, "d_0123456789ab")));
	make_set(m, "network4", NFT_MAP_NET4, 0,
		 ELEMS(elem_of("0.0.0.0-0.0.0.255", 0x10), elem_of("10.5.0.0/24", 0x10), elem_of("10.5.1.0/24", 0xfedcba98),
		       elem_of("10.5.2.3-10.5.2.4", 0x10), elem_of("255.0.0.0/8", 0x10)));
	make_set(m, "network6", NFT_MAP_NET6, 0,
		 ELEMS(elem_of("fd05::/64", 0x10), elem_of("fd05:0:0:1::/64", 0xfedcba98), elem_of("ff00::/8", 0x10)));
	make_set(m, "outside4", NFT_MAP_NET4, 0, ELEMS(elem_of("10.0.0.0/8", 0x10)));
	make_set(m, "outside6", NFT_MAP_NET6, 0, NULL, 0);
}

static inline void make_class_chain(struct maker *m)
{
	struct nft_item counter = item(NFT_COUNTER), accept = item(NFT_ACCEPT);
	struct nft_item v4 = number(NFT_CT_L3PROTO, NFT_EQ, 2, 0), v6 = number(NFT_CT_L3PROTO, NFT_EQ, 10, 0);
	struct nft_item tcp = number(NFT_CT_PROTO, NFT_EQ, 6, 0), udp = number(NFT_CT_PROTO, NFT_EQ, 17, 0);

	make_chain(m, "c_0123456789ab", NFT_HOOK_NONE);
	make_rule(m, "tcp in boxes", ITEMS(v4, tcp, in_set(NFT_CT_DBOX, "b_000000000004", false), counter, accept));
	make_rule(m, "six", ITEMS(v6, tcp, in_set(NFT_CT_DBOX, "b_000000000006", true), counter, accept));
	make_rule(m, "x", ITEMS(v4, tcp, number(NFT_CT_DPORT, NFT_EQ, 443, 0), address(NFT_CT_DADDR, "10.0.0.0/8"), counter, accept));
	make_rule(m, NULL, ITEMS(v4, udp, number(NFT_CT_DPORT, NFT_RANGE, 5000, 5100),
				 in_set(NFT_CT_DADDR, "a_000000000004", false), counter, accept));
	make_rule(m, NULL, ITEMS(in_set(NFT_CT_DADDR, "a_000000000006", true), counter, accept));
	make_rule(m, NULL, ITEMS(number(NFT_CT_PROTO, NFT_EQ, 1, 0), address(NFT_CT_DADDR, "10.0.0.5-10.0.0.7"), counter, accept));
	make_rule(m, NULL, ITEMS(address(NFT_CT_DADDR, "10.0.0.5"), address(NFT_CT_SADDR, "10.128.0.0/9"), counter, accept));
	make_rule(m, NULL, ITEMS(address(NFT_CT_DADDR, "fd00::5-fd00::9"), counter, accept));
	make_rule(m, NULL, ITEMS(address(NFT_CT_DADDR, "fd00::4/126"), address(NFT_CT_SADDR, "fd00::1"), counter, accept));
	make_rule(m, NULL, ITEMS(number(NFT_CT_PROTO, NFT_RANGE, 2, 5), address(NFT_CT_DADDR, "fd00::/64"),
				 number(NFT_TIME, NFT_GE, 1800000000, 0), number(NFT_TIME, NFT_LT, 1900000000, 0),
				 number(NFT_DAY, NFT_EQ, 1, 0), number(NFT_HOUR, NFT_RANGE, 3600, 7199), counter, accept));
	make_rule(m, NULL, ITEMS(number(NFT_TIME, NFT_RANGE, 1800000000, 1800000059), item(NFT_DROP)));
	make_rule(m, NULL, ITEMS(named(NFT_JUMP, "p_0123456789ab")));
	make_rule(m, NULL, ITEMS(named(NFT_GOTO, "denied")));
}

static inline void make_chains(struct maker *m)
{
	struct nft_item to_denied = named(NFT_GOTO, "denied"), to_ours = named(NFT_GOTO, "ours"), counter = item(NFT_COUNTER);
	struct nft_item in = interface(NFT_IIFNAME, NFT_EQ, "wg0"), out = interface(NFT_OIFNAME, NFT_EQ, "wg0");
	struct nft_item limit = item(NFT_LIMIT);

	limit.lo = 10;
	limit.hi = 20;
	make_class_chain(m);
	make_chain(m, "d_0123456789ab", NFT_HOOK_NONE);
	make_rule(m, NULL, ITEMS(number(NFT_TIME, NFT_LT, 1900000000, 0), named(NFT_GOTO, "c_0123456789ab")));
	make_rule(m, NULL, ITEMS(to_denied));
	make_chain(m, "denied", NFT_HOOK_NONE);
	make_rule(m, NULL, ITEMS(limit, named(NFT_LOG, "yett denied: ")));
	make_rule(m, NULL, ITEMS(counter, item(NFT_DROP)));
	make_chain(m, "forward", NFT_HOOK_FORWARD);
	make_rule(m, NULL, ITEMS(out, item(NFT_MSS_CLAMP)));
	make_rule(m, NULL, ITEMS(in, to_ours));
	make_rule(m, NULL, ITEMS(out, to_ours));
	make_chain(m, "input", NFT_HOOK_INPUT);
	make_rule(m, NULL, ITEMS(in, to_ours));
	make_chain(m, "ours", NFT_HOOK_NONE);
	make_rule(m, NULL, ITEMS(number(NFT_CT_INVALID, NFT_EQ, 0, 0), counter, to_denied));
	make_rule(m, NULL, ITEMS(number(NFT_CT_DIRECTION, NFT_EQ, 1, 0), named(NFT_GOTO, "source_any")));
	make_rule(m, NULL, ITEMS(in, named(NFT_GOTO, "source_wg")));
	make_rule(m, NULL, ITEMS(to_denied));
	make_chain(m, "output", NFT_HOOK_OUTPUT);
	make_rule(m, NULL, ITEMS(out, to_ours));
	make_chain(m, "p_0123456789ab", NFT_HOOK_NONE);
	make_rule(m, "a part", ITEMS(address(NFT_CT_DADDR, "10.77.0.0/16"), counter, item(NFT_ACCEPT)));
	make_rule(m, NULL, ITEMS(item(NFT_RETURN)));
	make_chain(m, "postrouting", NFT_HOOK_POSTROUTING_NAT);
	make_rule(m, "masquerade", ITEMS(in, interface(NFT_OIFNAME, NFT_NEQ, "wg0"), item(NFT_MASQUERADE)));
	make_chain(m, "source_any", NFT_HOOK_NONE);
	make_rule(m, NULL, ITEMS(dispatch("class4", false)));
	make_rule(m, NULL, ITEMS(dispatch("class6", true)));
	make_rule(m, NULL, ITEMS(dispatch("network4", false)));
	make_rule(m, NULL, ITEMS(dispatch("network6", true)));
	make_rule(m, NULL, ITEMS(dispatch("outside4", false)));
	make_rule(m, NULL, ITEMS(dispatch("outside6", true)));
	make_rule(m, NULL, ITEMS(to_denied));
	make_chain(m, "source_wg", NFT_HOOK_NONE);
	make_rule(m, NULL, ITEMS(dispatch("class4", false)));
	make_rule(m, NULL, ITEMS(dispatch("class6", true)));
	make_rule(m, NULL, ITEMS(dispatch("network4", false)));
	make_rule(m, NULL, ITEMS(dispatch("network6", true)));
	make_rule(m, NULL, ITEMS(to_denied));
}

/* One of every kind of item, set, element and chain. */
static inline void make_table(struct arena *a, struct nft_table *t)
{
	struct maker m = { .a = a };

	make_sets(&m);
	make_chains(&m);
	*t = (struct nft_table){ .present = true,
				 .set = arena_dup(a, m.set, m.nsets * sizeof(m.set[0])), .nsets = m.nsets,
				 .chain = arena_dup(a, m.chain, m.nchains * sizeof(m.chain[0])), .nchains = m.nchains };
}
