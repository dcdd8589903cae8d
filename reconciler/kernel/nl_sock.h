/* SPDX-License-Identifier: Apache-2.0 */
/* nl_sock - one netlink socket: requests that are acknowledged, and dumps that are known to be whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#define NL_EXT_MAX 96
#define NL_TRIES 8 /* of a dump or a batch that others' changes interrupt */

struct nl_sock {
	struct mnl_socket *nl; /* NULL: closed */
	uint32_t portid;
	uint32_t seq;          /* of the last message */
	int room;              /* of the send buffer; 0: not known */
	bool secret;           /* what is received holds keys: wiped when it was read */
	uint64_t sent_bytes, messages; /* since nl_open; who wants a part subtracts */
	char ext[NL_EXT_MAX];  /* the kernel's own sentence about the last refusal, or "" */
	uint32_t ext_offset;   /* of the attribute refused, from its message's header; 0: not said */
};

/* bus: NETLINK_NETFILTER and the like. A negative errno. */
int nl_open(struct nl_sock *s, int bus);
void nl_close(struct nl_sock *s);

typedef int (*nl_message_fn)(const struct nlmsghdr *nlh, void *arg); /* 0, or a negative errno that the caller gets */

/*
 * Sends one request (its sequence number is filled in) and reads until its end: an acknowledgement, or the end of a dump.
 * Returns 0, the kernel's or fn's negative errno, -EINTR when what was dumped changed meanwhile, -ETIMEDOUT after 5 seconds of silence.
 */
int nl_talk(struct nl_sock *s, struct nlmsghdr *nlh, nl_message_fn fn, void *arg);
/* Sends bytes of n messages as one, with room made in the send buffer. */
int nl_send(struct nl_sock *s, const void *data, size_t len, uint64_t n);
/* Receives one datagram from the kernel: its length, or a negative errno. flags as recvmsg(2). */
int nl_recv(struct nl_sock *s, void *data, size_t size, int flags);
/* The outcome that an NLMSG_ERROR carries, 0 or a negative errno; sets ext and ext_offset. */
int nl_outcome(struct nl_sock *s, const struct nlmsghdr *nlh);
