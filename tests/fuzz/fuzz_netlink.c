/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own readers of what the kernel answers: others' chains, links, addresses and routes, WireGuard's peers. (Our table's rules are parsed by
 * libnftnl, which trusts the kernel: it crashes on an expression without a name.) The first byte chooses the reader, the rest is what the kernel says: netlink messages, those up to an end to each request. sendto() and recvmsg() are stood in for.
 *
 * NETLINK_RECORD=FILE makes the program ask the real kernel of its network namespace instead and keep what it answers, as corpus.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "kernel/nft_neighbour.h"
#include "kernel/rtnl.h"
#include "kernel/wg_genl.h"

enum reader { READ_NEIGHBOUR, READ_LINK, READ_PEERS, READERS };

/* The stand-in for a kernel. */
static struct {
	bool on;
	const uint8_t *p, *end;
	uint32_t seq;
	int record; /* a descriptor; 0: none */
	/* Opened once. */
	struct nl_sock nft;
	struct rtnl_conn rtnl;
} kernel;

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	if (!kernel.on)
		return syscall(SYS_sendto, fd, data, len, flags, to, to_len);
	memcpy(&kernel.seq, (const uint8_t *)data + offsetof(struct nlmsghdr, nlmsg_seq), sizeof(kernel.seq));
	return (ssize_t)len;
}

/* One message of the input as the answer to the request of now; at its end an acknowledgement. */
static size_t next_message(uint8_t *out, size_t room)
{
	struct nlmsghdr h = { .nlmsg_len = sizeof(h) + sizeof(int), .nlmsg_type = NLMSG_DONE };

	memset(out, 0, sizeof(h) + sizeof(int));
	if (kernel.end - kernel.p >= (ptrdiff_t)sizeof(h)) {
		memcpy(&h, kernel.p, sizeof(h));
		size_t left = (size_t)(kernel.end - kernel.p);
		size_t n = h.nlmsg_len < sizeof(h) ? sizeof(h) : h.nlmsg_len > left ? left : h.nlmsg_len;
		if (n > room)
			n = room;
		memcpy(out, kernel.p, n);
		kernel.p += MNL_ALIGN(n) < left ? MNL_ALIGN(n) : left;
		h.nlmsg_len = (uint32_t)n;
	} else {
		kernel.p = kernel.end;
	}
	h.nlmsg_seq = kernel.seq;
	memcpy(out, &h, sizeof(h));
	return h.nlmsg_len;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	if (kernel.on) {
		m->msg_flags = 0;
		return (ssize_t)next_message(m->msg_iov[0].iov_base, m->msg_iov[0].iov_len);
	}
	ssize_t n = syscall(SYS_recvmsg, fd, m, flags);
	if (n > 0 && kernel.record > 0 && write(kernel.record, m->msg_iov[0].iov_base, MNL_ALIGN((size_t)n)) < 0)
		abort();
	return n;
}

/* --- the readers --- */

static void read_neighbour(void)
{
	struct nft_neighbour n;

	if (nft_neighbour_find(&kernel.nft, "wg0", &n) == 0)
		FUZZ_ASSERT(memchr(n.chain, '\0', sizeof(n.chain)) && memchr(n.table, '\0', sizeof(n.table)) &&
			    (n.kind == NEIGHBOUR_NONE) == (n.family[0] == '\0'));
}

static int see_link(void *ctx, const char *name, const struct rtnl_link *link)
{
	size_t *n = ctx;

	*n += strlen(name) + strlen(link->kind);
	return 0;
}

static void read_link(struct arena *a)
{
	struct gw_plan p = { .gateway = "" };
	struct rtnl_link link = { 0 };
	char err[256];
	size_t n = 0;

	(void)rtnl_observe(&kernel.rtnl, "lo", a, &p, &link, err, sizeof(err));
	(void)rtnl_links(&kernel.rtnl, see_link, &n, err, sizeof(err));
}

/* Each message for itself, as a dump brings them. */
static void read_peers(struct arena *a)
{
	_Alignas(struct nlmsghdr) uint8_t message[65536];
	struct wg_peers w = { .a = a };
	struct gw_plan p = { .gateway = "" };
	int rc = 0;

	while (rc == 0 && kernel.p < kernel.end) {
		size_t n = next_message(message, sizeof(message));
		if (n >= sizeof(struct nlmsghdr) + 4)
			rc = wg_genl_parse((const struct nlmsghdr *)message, &w, &p);
	}
	wg_peers_finish(&w, &p);
	for (size_t i = 1; i < p.npeers; i++)
		FUZZ_ASSERT(pubkey_cmp(&p.peer[i - 1].public_key, &p.peer[i].public_key) <= 0);
}

static void read_with(enum reader r, struct arena *a)
{
	switch (r) {
	case READ_NEIGHBOUR:
		read_neighbour();
		return;
	case READ_LINK:
		read_link(a);
		return;
	case READ_PEERS:
		read_peers(a);
		return;
	case READERS:
		return;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *file = getenv("NETLINK_RECORD");
	char err[256];

	(void)argc;
	(void)argv;
	if (nl_open(&kernel.nft, NETLINK_NETFILTER) < 0 || rtnl_open(&kernel.rtnl, err, sizeof(err)) < 0)
		abort();
	for (enum reader r = READ_NEIGHBOUR; file != NULL && r < READ_PEERS; r++) {
		char name[256];
		struct arena a;
		uint8_t byte = (uint8_t)r;
		snprintf(name, sizeof(name), "%s-%d", file, (int)r);
		kernel.record = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (kernel.record < 0 || write(kernel.record, &byte, 1) != 1)
			abort();
		arena_init(&a);
		read_with(r, &a);
		arena_release(&a);
		close(kernel.record);
		kernel.record = 0;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;

	if (size == 0)
		return 0;
	arena_init(&a);
	kernel.p = data + 1;
	kernel.end = data + size;
	kernel.on = true;
	read_with((enum reader)(data[0] % READERS), &a);
	kernel.on = false;
	arena_release(&a);
	return 0;
}
