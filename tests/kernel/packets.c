/* SPDX-License-Identifier: Apache-2.0 */
/* Packets judged by the table as it is written over netlink: the dispatch in two steps, sets, replies, and marks left alone. */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "kernel/nftnl.h"
#include "kernel_test.h"

static struct nftnl_conn conn;
static char err[512];
static int gateway_ns, peer_ns;

/* A gateway with wg0 here and its peers' end, eth0, in a namespace of its own. */
static void make_network(void)
{
	must("ip link add wg0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02");
	gateway_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (gateway_ns < 0 || unshare(CLONE_NEWNET) < 0)
		BUG("unshare: %s", strerror(errno));
	peer_ns = open("/proc/self/ns/net", O_RDONLY);
	char move[96];
	snprintf(move, sizeof(move), "nsenter --net=/proc/%d/fd/%d ip link set eth0 netns %d", getpid(), gateway_ns, getpid());
	fcntl(gateway_ns, F_SETFD, 0);
	must(move);
	must("ip link set eth0 up; for a in 10.9.0.1 10.9.0.2 10.9.0.3 10.5.0.7 10.5.1.7 10.5.9.9; do ip addr add $a/32 dev eth0; done;"
	     "for a in fd09::1 fd09::2 fd05::7; do ip addr add $a/128 dev eth0 nodad; done;"
	     "ip route add 10.77.0.0/16 dev eth0; ip route add 10.78.0.0/16 dev eth0; ip route add fd00::/64 dev eth0;"
	     "ip neigh add fd00::77 lladdr 02:00:00:00:00:01 dev eth0");
	setns(gateway_ns, CLONE_NEWNET);
	must("ip link set wg0 up; ip addr add 10.77.0.1/32 dev wg0; ip addr add 10.78.0.1/32 dev wg0; ip addr add fd00::77/128 dev wg0 nodad;"
	     "ip route add 10.9.0.0/16 dev wg0; ip route add 10.5.0.0/16 dev wg0; ip route add fd09::/64 dev wg0; ip route add fd05::/64 dev wg0;"
	     "for a in fd09::1 fd09::2 fd05::7; do ip neigh add $a lladdr 02:00:00:00:00:02 dev wg0; done");
}

static struct sockaddr_in6 socket_address(const char *text, uint16_t port)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	addr_to_bytes(at(text), sa.sin6_addr.s6_addr);
	return sa;
}

static int udp_socket(int ns, const char *address, uint16_t port)
{
	struct sockaddr_in6 sa = socket_address(address, port);

	setns(ns, CLONE_NEWNET);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setns(gateway_ns, CLONE_NEWNET);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		BUG("socket on %s: %s", address, strerror(errno));
	return fd;
}

static bool arrives(int fd, struct sockaddr_in6 *from)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	socklen_t size = sizeof(*from);
	char c;

	return poll(&p, 1, 300) == 1 && recvfrom(fd, &c, 1, 0, (struct sockaddr *)from, &size) == 1;
}

/* Whether a datagram goes from a peer to an address of the gateway, and its answer back. */
static void flow(const char *from, const char *to, bool allowed)
{
	struct sockaddr_in6 target = socket_address(to, 5353), seen;
	int peer = udp_socket(peer_ns, from, 0), gateway = udp_socket(gateway_ns, to, 5353);
	bool there = false, back = false;

	if (sendto(peer, "x", 1, 0, (struct sockaddr *)&target, sizeof(target)) == 1)
		there = arrives(gateway, &seen);
	ok(there == allowed, "%s to %s is %s", from, to, allowed ? "allowed" : "denied");
	if (allowed) {
		if (there && sendto(gateway, "y", 1, 0, (struct sockaddr *)&seen, sizeof(seen)) == 1)
			back = arrives(peer, &target);
		ok(back, "and answered");
	}
	close(peer);
	close(gateway);
}

int main(void)
{
	struct arena a;
	struct plan_delta d;
	struct gw_plan have = { .gateway = "", .interface = "" }, want = { .gateway = "gw", .interface = "" };
	struct buf out = BUF_INIT;

	enter_namespaces(0);
	arena_init(&a);
	make_network();
	make_table(&a, &want.nft);
	gw_plan_diff(&have, &want, 0, &a, &d);
	if (!ok(nftnl_open(&conn, err, sizeof(err)) == 0 && nftnl_apply(&conn, &d, err, sizeof(err)) == 0, "the table is in %s", err))
		return finish();
	must("nft 'table inet other { chain pre { type filter hook prerouting priority -300; meta mark set 0x55; };"
	     " chain in { type filter hook input priority 0; iifname wg0 meta mark 0x55 counter; iifname wg0 meta mark != 0x55 counter; }; }'");
	flow("10.9.0.1", "10.77.0.1", true);   /* class4, a part */
	flow("10.9.0.2", "10.77.0.1", true);   /* class4, a chain with dates */
	flow("10.9.0.3", "10.77.0.1", false);  /* in no map */
	flow("10.9.0.1", "10.78.0.1", false);  /* nothing in its class */
	flow("10.5.0.7", "10.77.0.1", true);   /* network4 */
	flow("10.5.1.7", "10.77.0.1", true);   /* network4, the neighbour */
	flow("10.5.9.9", "10.77.0.1", false);  /* between networks */
	flow("fd09::1", "fd00::77", true);     /* class6, an address set */
	flow("fd05::7", "fd00::77", true);     /* network6 */
	flow("fd09::2", "fd00::77", false);
	run(&out, "nft list chain inet other in");
	if (!ok(strstr(buf_str(&out), "0x00000055 counter packets 6 ") != NULL && strstr(buf_str(&out), "!= 0x00000055 counter packets 0 ") != NULL,
		"others' packet marks are left alone"))
		diag(buf_str(&out));
	/* The answer's class is that of the flow's origin: no longer there, no answer. */
	struct sockaddr_in6 target = socket_address("10.77.0.1", 5353), seen;
	int peer = udp_socket(peer_ns, "10.9.0.1", 4000), gateway = udp_socket(gateway_ns, "10.77.0.1", 5353);
	ok(sendto(peer, "x", 1, 0, (struct sockaddr *)&target, sizeof(target)) == 1 && arrives(gateway, &seen), "a flow goes on");
	must("nft delete element inet yett class4 '{ 10.9.0.1 }'; nft delete element inet yett outside4 '{ 10.0.0.0/8 }'");
	(void)!sendto(gateway, "y", 1, 0, (struct sockaddr *)&seen, sizeof(seen));
	ok(!arrives(peer, &target), "until its source is revoked: no answer");
	(void)!sendto(peer, "x", 1, 0, (struct sockaddr *)&target, sizeof(target));
	ok(!arrives(gateway, &seen), "and nothing more from it");
	close(peer);
	close(gateway);
	nftnl_close(&conn);
	buf_release(&out);
	arena_release(&a);
	return finish();
}
