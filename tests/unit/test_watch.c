/* SPDX-License-Identifier: Apache-2.0 */
/* Drift: what the kernel's notifications mean, and when and how often it is put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include "base/bug.h"
#include "base/clock.h"
#include "kernel/monitor.h"
#include "kernel/nft_abi.h"
#include "kernel/nl_attr.h"
#include "report/text.h"
#include "state/store.h"
#include "watch.h"

#define OUR_NFT 101
#define OUR_RTNL 102
#define OTHER 4711
#define LINK 7

static const struct kernel_self self = { OUR_NFT, OUR_RTNL, LINK };

/* ---- messages as the kernel sends them ---- */

struct datagram {
	_Alignas(struct nlmsghdr) char b[4096];
	size_t len;
};

static struct nlmsghdr *put(struct datagram *g, uint16_t type, uint32_t port)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(g->b + g->len);

	nlh->nlmsg_type = type;
	nlh->nlmsg_pid = port;
	return nlh;
}

static void end(struct datagram *g, const struct nlmsghdr *nlh)
{
	g->len += MNL_ALIGN(nlh->nlmsg_len);
}

static void nft_event(struct datagram *g, uint16_t type, uint8_t family, const char *table, uint32_t port)
{
	struct nlmsghdr *nlh = put(g, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), port);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	end(g, nlh);
}

static void nft_generation(struct datagram *g, const char *program, uint32_t port)
{
	struct nlmsghdr *nlh = put(g, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN, port);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	mnl_attr_put_u32(nlh, NFTA_GEN_ID, htonl(5));
	mnl_attr_put_u32(nlh, NFTA_GEN_PROC_PID, htonl(port));
	mnl_attr_put_strz(nlh, NFTA_GEN_PROC_NAME, program);
	end(g, nlh);
}

static void link_event(struct datagram *g, uint16_t type, const char *name, int index, uint32_t mtu, bool up)
{
	struct nlmsghdr *nlh = put(g, type, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = index;
	ifi->ifi_flags = up ? IFF_UP : 0;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	end(g, nlh);
}

static void address_event(struct datagram *g, uint16_t type, uint32_t index, const char *address, uint32_t port)
{
	struct nlmsghdr *nlh = put(g, type, port);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 32;
	ifa->ifa_index = index;
	mnl_attr_put_u32(nlh, IFA_LOCAL, inet_addr(address));
	end(g, nlh);
}

static void route_event(struct datagram *g, uint16_t type, const char *address, uint8_t protocol)
{
	struct nlmsghdr *nlh = put(g, type, OTHER);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 24;
	rtm->rtm_protocol = protocol;
	rtm->rtm_table = RT_TABLE_MAIN;
	mnl_attr_put_u32(nlh, RTA_DST, inet_addr(address));
	mnl_attr_put_u32(nlh, RTA_OIF, LINK);
	end(g, nlh);
}

static struct prefix prefix4(const char *address, uint8_t len)
{
	return (struct prefix){ addr_from_v4(ntohl(inet_addr(address))), len };
}

/* ---- what they mean ---- */

static struct drift nft_says(struct monitor *m, const struct datagram *g)
{
	struct drift d = { .kinds = 0 };

	monitor_nft(m, g->b, g->len, &self, &d);
	return d;
}

static void test_nft(void **state)
{
	struct monitor m = { .touched = false };
	struct datagram g = { .len = 0 };

	(void)state;
	nft_event(&g, NFT_MSG_NEWSETELEM, NFPROTO_INET, "yett", OTHER);
	nft_generation(&g, "nft", OTHER);
	struct drift d = nft_says(&m, &g);
	assert_int_equal(d.kinds, DRIFT_TABLE);
	assert_int_equal(d.process, OTHER);
	assert_string_equal(d.program, "nft");
	/* Ours, another table, a table of our name in another family, and a longer name. */
	g.len = 0;
	nft_event(&g, NFT_MSG_NEWSETELEM, NFPROTO_INET, "yett", OUR_NFT);
	nft_generation(&g, "yettd", OUR_NFT);
	nft_event(&g, NFT_MSG_DELTABLE, NFPROTO_INET, "filter", OTHER);
	nft_event(&g, NFT_MSG_NEWRULE, NFPROTO_IPV4, "yett", OTHER);
	nft_event(&g, NFT_MSG_NEWRULE, NFPROTO_INET, "yetti", OTHER);
	nft_generation(&g, "nft", OTHER);
	assert_int_equal(nft_says(&m, &g).kinds, 0);
	/* A transaction in two datagrams; a name is printed only as far as it can be. */
	g.len = 0;
	nft_event(&g, NFT_MSG_DELTABLE, NFPROTO_INET, "yett", OTHER);
	assert_int_equal(nft_says(&m, &g).kinds, 0);
	g.len = 0;
	nft_generation(&g, "a b\n\x1b[31m", OTHER);
	d = nft_says(&m, &g);
	assert_int_equal(d.kinds, DRIFT_TABLE);
	assert_string_equal(d.program, "a?b??[31m");
}

static uint32_t rtnl_says(const struct datagram *g)
{
	struct prefix address[] = { prefix4("10.7.0.1", 32) }, route[] = { prefix4("10.7.0.0", 24) };
	const struct gw_plan want = { .interface = "wg0", .mtu = 1420, .address = address, .naddresses = 1, .route = route,
				      .nroutes = 1 };
	struct drift d = { .kinds = 0 };

	monitor_rtnl(g->b, g->len, &want, &self, &d);
	return d.kinds;
}

#define SAYS(kinds, event) \
	do { \
		struct datagram g = { .len = 0 }; \
		event; \
		assert_int_equal(rtnl_says(&g), kinds); \
	} while (0)

static void test_rtnl(void **state)
{
	(void)state;
	SAYS(0, link_event(&g, RTM_NEWLINK, "wg0", LINK, 1420, true));
	SAYS(DRIFT_LINK, link_event(&g, RTM_NEWLINK, "wg0", LINK, 1420, false));
	SAYS(DRIFT_LINK, link_event(&g, RTM_NEWLINK, "wg0", LINK, 1300, true));
	SAYS(DRIFT_LINK, link_event(&g, RTM_NEWLINK, "wg9", LINK, 1420, true));
	SAYS(DRIFT_LINK, link_event(&g, RTM_NEWLINK, "wg0", LINK + 1, 1420, true));
	SAYS(DRIFT_LINK, link_event(&g, RTM_DELLINK, "wg0", LINK, 1420, true));
	SAYS(0, link_event(&g, RTM_DELLINK, "eth0", LINK + 1, 1500, true));
	SAYS(0, address_event(&g, RTM_NEWADDR, LINK, "10.7.0.1", OTHER));
	SAYS(DRIFT_ADDRESS, address_event(&g, RTM_DELADDR, LINK, "10.7.0.1", OTHER));
	SAYS(0, address_event(&g, RTM_DELADDR, LINK, "10.7.0.1", OUR_RTNL));
	SAYS(DRIFT_ADDRESS, address_event(&g, RTM_NEWADDR, LINK, "10.9.9.9", 0));
	SAYS(0, address_event(&g, RTM_DELADDR, LINK, "10.9.9.9", OTHER));
	SAYS(0, address_event(&g, RTM_NEWADDR, LINK + 1, "10.9.9.9", OTHER));
	SAYS(DRIFT_ROUTE, route_event(&g, RTM_DELROUTE, "10.7.0.0", KERNEL_ROUTE_PROTOCOL));
	SAYS(0, route_event(&g, RTM_NEWROUTE, "10.7.0.0", KERNEL_ROUTE_PROTOCOL));
	SAYS(DRIFT_ROUTE, route_event(&g, RTM_NEWROUTE, "10.8.0.0", KERNEL_ROUTE_PROTOCOL));
	SAYS(0, route_event(&g, RTM_NEWROUTE, "10.8.0.0", RTPROT_STATIC));
}

/* Cut anywhere and with any byte wrong: no reading past the end (under the sanitizers). */
static void test_malformed(void **state)
{
	struct monitor m = { .touched = false };
	struct datagram g = { .len = 0 };

	(void)state;
	nft_event(&g, NFT_MSG_NEWSETELEM, NFPROTO_INET, "yett", OTHER);
	nft_generation(&g, "nft", OTHER);
	link_event(&g, RTM_NEWLINK, "wg0", LINK, 1420, false);
	address_event(&g, RTM_NEWADDR, LINK, "10.9.9.9", 0);
	route_event(&g, RTM_NEWROUTE, "10.8.0.0", KERNEL_ROUTE_PROTOCOL);
	for (size_t len = 0; len <= g.len; len++) {
		struct datagram *cut = malloc(sizeof(*cut));
		assert_non_null(cut);
		memcpy(cut->b, g.b, g.len);
		cut->b[len < g.len ? len : 0] ^= 0x55;
		cut->len = len;
		struct drift d = nft_says(&m, cut);
		assert_true(strlen(d.program) < DRIFT_PROGRAM_MAX);
		rtnl_says(cut);
		free(cut);
	}
}

/* ---- when it is put back ---- */

struct stage {
	struct turn turn;
	struct role role[ROLE_COUNT];
	struct watch watch;
	struct store store;
	int far;
};

static void stage_open(struct stage *s)
{
	int pair[2];

	memset(s, 0, sizeof(*s));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s->store = (struct store){ .dirfd = -1, .plan_dirfd = -1, .lock_fd = -1, .journal.fd = -1, .audit = AUDIT_LOG_NONE };
	for (size_t i = 0; i < ROLE_COUNT; i++)
		role_init(&s->role[i], (enum role_id)i);
	s->role[ROLE_APPLY].sock = pair[0];
	s->role[ROLE_APPLY].ready = true;
	s->role[ROLE_APPLY].starts = 1;
	s->far = pair[1];
	turn_init(&s->turn, NULL, &s->store, s->role, "/r");
	s->turn.good.fd = ipc_memfd("plan", "plan", 4);
	watch_init(&s->watch, &s->turn);
}

static void stage_close(struct stage *s)
{
	close(s->role[ROLE_APPLY].sock);
	close(s->far);
	watch_release(&s->watch);
	turn_release(&s->turn);
}

/* The mode that was asked for; 0: nothing was. */
static uint32_t asked(struct stage *s)
{
	static struct ipc_frame f;
	struct ipc_apply_req req;

	if (ipc_recv(s->far, &f, 0) < 0)
		return 0;
	assert_int_equal(message_check(&f, ROLE_APPLY, TO_ROLE), 0);
	if (f.fd >= 0)
		close(f.fd);
	memcpy(&req, f.body, sizeof(req));
	return req.mode;
}

static enum watch_event answer(struct stage *s, int error, uint32_t changes, const char *program)
{
	struct ipc_apply_res res = { .error = error, .counts = { .total = changes, .elements_added = changes },
				     .next_change = CLOCK_NEVER };
	static struct ipc_frame f;

	if (*program != '\0') {
		res.seen.kinds = DRIFT_TABLE;
		memcpy(res.seen.program, program, strlen(program));
	}
	assert_int_equal(message_send(s->far, IPC_APPLY_RES, s->watch.job, &res, sizeof(res), error ? "no" : "", error ? 2 : 0, -1), 0);
	assert_int_equal(ipc_recv(s->role[ROLE_APPLY].sock, &f, 1000), 0);
	assert_true(watch_expects(&s->watch, ROLE_APPLY, &f));
	assert_false(watch_expects(&s->watch, ROLE_FETCH, &f));
	return watch_answer(&s->watch, &f);
}

static void test_watch(void **state)
{
	const struct drift d = { .kinds = DRIFT_TABLE };
	struct stage s;
	int64_t now = role_clock_ms();

	(void)state;
	stage_open(&s);
	watch_begin(&s.watch, now);
	assert_int_equal(asked(&s), 0);
	/* A change that is heard of is repaired at once, beside a fetch too, but not while a turn is at the kernel. */
	watch_drift(&s.watch, &d);
	s.turn.step = STEP_APPLY;
	watch_begin(&s.watch, now);
	assert_int_equal(asked(&s), 0);
	assert_true(watch_deadline(&s.watch) == INT64_MAX);
	s.turn.step = STEP_FETCH;
	assert_true(watch_deadline(&s.watch) <= now);
	watch_begin(&s.watch, now);
	assert_int_equal(asked(&s), APPLY_ENFORCE);
	s.turn.step = STEP_IDLE;
	watch_begin(&s.watch, now);
	assert_int_equal(asked(&s), 0);
	assert_int_equal(answer(&s, 0, 2, "nft"), WATCH_REPAIRED);
	assert_non_null(strstr(buf_str(&s.watch.text), "after nft"));
	assert_non_null(strstr(buf_str(&s.watch.text), "+2 elements"));
	/* Nothing is heard: a look, which repairs nothing itself. */
	watch_begin(&s.watch, now + WATCH_MS - 1000);
	assert_int_equal(asked(&s), 0);
	watch_begin(&s.watch, now + WATCH_MS + 2000);
	assert_int_equal(asked(&s), APPLY_WATCH);
	assert_int_equal(answer(&s, 0, 1, ""), WATCH_NOTHING);
	watch_begin(&s.watch, now);
	assert_int_equal(asked(&s), APPLY_ENFORCE);
	assert_true(watch_overdue(&s.watch, now + 61000));
	/* The apply role dies with the request. */
	watch_lost(&s.watch);
	watch_begin(&s.watch, now);
	assert_int_equal(asked(&s), APPLY_ENFORCE);
	assert_int_equal(answer(&s, 0, 0, ""), WATCH_NOTHING);
	stage_close(&s);
}

static void test_refused(void **state)
{
	const struct drift d = { .kinds = DRIFT_LINK };
	struct stage s;
	int64_t wait = 0;

	(void)state;
	stage_open(&s);
	for (int i = 0; i < 12; i++) {
		int64_t now = role_clock_ms();
		watch_begin(&s.watch, INT64_MAX / 2);
		assert_int_not_equal(asked(&s), 0);
		/* The same refusal is told once. */
		assert_int_equal(answer(&s, -19, 0, ""), i == 0 ? WATCH_FAILED : WATCH_NOTHING);
		assert_true(s.watch.next_ms - now >= wait);
		wait = s.watch.next_ms - now - 1000;
		assert_true(wait <= WATCH_FAILED_MAX_MS);
	}
	assert_true(wait > WATCH_FAILED_MAX_MS / 2);
	watch_drift(&s.watch, &d); /* something happens: soon again */
	watch_begin(&s.watch, role_clock_ms());
	assert_int_equal(asked(&s), APPLY_ENFORCE);
	answer(&s, -19, 0, "");
	assert_true(s.watch.next_ms - role_clock_ms() <= WATCH_FAILED_MIN_MS);
	stage_close(&s);
}

static void test_contention(void **state)
{
	struct ipc_apply_res by_nft = { .seen = { .kinds = DRIFT_TABLE, .program = "nft" } };
	struct ipc_apply_res by_other = { .seen = { .kinds = DRIFT_TABLE, .program = "firewalld" } };
	const struct drift d = { .kinds = DRIFT_TABLE };
	struct stage s;
	int64_t now = role_clock_ms();

	(void)state;
	stage_open(&s);
	/* Six repairs, but of two programs; then six in more than a minute. */
	for (int i = 0; i < 3; i++) {
		assert_false(watch_repaired(&s.watch, &by_nft, now));
		assert_false(watch_repaired(&s.watch, &by_other, now));
	}
	for (int i = 0; i < 20; i++)
		assert_false(watch_repaired(&s.watch, &by_other, now + 100000 + i * 13000));
	/* More actors than places: the quiet one goes. */
	for (int i = 0; i < WATCH_RIVALS; i++) {
		struct ipc_apply_res r = { .seen = { .kinds = DRIFT_TABLE, .program = { (char)('a' + i) } } };
		assert_false(watch_repaired(&s.watch, &r, now + 500000));
	}
	now += 600000;
	for (int i = 0; i < WATCH_REPAIRS; i++)
		assert_false(watch_repaired(&s.watch, &by_nft, now + i));
	assert_true(watch_repaired(&s.watch, &by_nft, now + WATCH_REPAIRS));
	assert_int_equal(s.watch.contentions, 1);
	assert_non_null(strstr(buf_str(&s.watch.text), "nft"));
	watch_drift(&s.watch, &d);
	watch_begin(&s.watch, now + 30000);
	assert_int_equal(asked(&s), 0);
	assert_true(watch_deadline(&s.watch) >= now + WATCH_PAUSE_MS);
	watch_begin(&s.watch, now + WATCH_PAUSE_MS + 10);
	assert_int_equal(asked(&s), APPLY_ENFORCE);
	stage_close(&s);
}

static void test_words(void **state)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	(void)state;
	text_of_drift(&(struct drift){ .kinds = 0 }, &b);
	assert_string_equal(buf_str(&b), "");
	text_of_drift(&(struct drift){ .kinds = DRIFT_TABLE, .process = 7, .program = "nft" }, &b);
	assert_string_equal(buf_str(&b), "nft (process 7) changed the table");
	buf_reset(&b);
	text_of_drift(&(struct drift){ .kinds = DRIFT_ADDRESS | DRIFT_ROUTE, .port = 9 }, &b);
	assert_string_equal(buf_str(&b), "the owner of netlink port 9 changed an address, a route");
	buf_reset(&b);
	text_of_drift(&(struct drift){ .kinds = DRIFT_LOST }, &b);
	assert_string_equal(buf_str(&b), "somebody changed more than could be followed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nft),     cmocka_unit_test(test_rtnl),       cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_watch),   cmocka_unit_test(test_refused),    cmocka_unit_test(test_contention),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
