/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/nl_sock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "kernel/nl_attr.h"

#define RECEIVE_BUFFER (4 << 20)
#define DATAGRAM_MAX 65536 /* the kernel fills dumps up to 32 KiB */
#define SILENCE_SECONDS 5

int nl_open(struct nl_sock *s, int bus)
{
	int on = 1, room = RECEIVE_BUFFER;
	struct timeval silence = { .tv_sec = SILENCE_SECONDS };

	memset(s, 0, sizeof(*s));
	s->nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (s->nl == NULL)
		return -errno;
	if (mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int rc = -errno;
		nl_close(s);
		return rc;
	}
	int fd = mnl_socket_get_fd(s->nl);
	s->portid = mnl_socket_get_portid(s->nl);
	/* These make refusals clearer and large dumps smoother; each kernel since 4.20 has them, and none is needed. */
	mnl_socket_setsockopt(s->nl, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(s->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(s->nl, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) < 0) {
		int rc = -errno;
		nl_close(s);
		return rc;
	}
	return 0;
}

void nl_close(struct nl_sock *s)
{
	if (s->nl != NULL)
		mnl_socket_close(s->nl);
	s->nl = NULL;
}

/* A batch is one message to the socket, so the buffer must take all of it. */
static int make_room(struct nl_sock *s, int fd, size_t len)
{
	int want;
	socklen_t size = sizeof(s->room);

	if (len > (1u << 30))
		return -EMSGSIZE;
	want = (int)len + 4096;
	if (s->room == 0 && getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &s->room, &size) < 0)
		s->room = 0;
	if (s->room >= want)
		return 0;
	s->room = 0;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want)) < 0)
		return -errno;
	return 0;
}

int nl_send(struct nl_sock *s, const void *data, size_t len, uint64_t n)
{
	int fd = mnl_socket_get_fd(s->nl);
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int rc = make_room(s, fd, len);

	if (rc < 0)
		return rc;
	while (sendto(fd, data, len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		if (errno != EINTR)
			return -errno;
	s->sent_bytes += len;
	s->messages += n;
	return 0;
}

int nl_recv(struct nl_sock *s, void *data, size_t size, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = data, .iov_len = size };
		struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(mnl_socket_get_fd(s->nl), &msg, flags);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN && !(flags & MSG_DONTWAIT) ? -ETIMEDOUT : -errno;
		if (from.nl_pid != 0) /* another process's; the kernel is number 0 */
			continue;
		return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : (int)n;
	}
}

int nl_outcome(struct nl_sock *s, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t header = sizeof(*e);
	const struct nlattr *attr;

	s->ext[0] = '\0';
	s->ext_offset = 0;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return -EBADMSG;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return e->error;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		header += mnl_nlmsg_get_payload_len(&e->msg);
	if (header > mnl_nlmsg_get_payload_len(nlh))
		return e->error;
	attr_each(attr, nlh, header) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			snprintf(s->ext, sizeof(s->ext), "%.*s", (int)mnl_attr_get_payload_len(attr),
				 (const char *)mnl_attr_get_payload(attr));
		else if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS && mnl_attr_get_payload_len(attr) == 4)
			s->ext_offset = mnl_attr_get_u32(attr);
	}
	return e->error;
}

struct talk {
	uint32_t seq;
	nl_message_fn fn;
	void *arg;
	int rc;           /* the first failure */
	bool interrupted; /* NLM_F_DUMP_INTR: entries may be missing or double */
};

/* True when the answer ends with this message. */
static bool take_message(struct nl_sock *s, struct talk *t, const struct nlmsghdr *nlh)
{
	int rc;

	if (nlh->nlmsg_seq != t->seq) /* of a request that was given up */
		return false;
	t->interrupted = t->interrupted || (nlh->nlmsg_flags & NLM_F_DUMP_INTR);
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		if (nlh->nlmsg_type == NLMSG_ERROR)
			rc = nl_outcome(s, nlh);
		else
			rc = mnl_nlmsg_get_payload_len(nlh) >= sizeof(int) ? *(const int *)mnl_nlmsg_get_payload(nlh) : 0;
		if (t->rc == 0 && rc < 0)
			t->rc = rc;
		return true;
	}
	if (nlh->nlmsg_type < NLMSG_MIN_TYPE || t->fn == NULL)
		return false;
	rc = t->fn(nlh, t->arg);
	if (t->rc == 0)
		t->rc = rc;
	return false;
}

int nl_talk(struct nl_sock *s, struct nlmsghdr *nlh, nl_message_fn fn, void *arg)
{
	_Alignas(struct nlmsghdr) char data[DATAGRAM_MAX];
	struct talk t = { .seq = ++s->seq, .fn = fn, .arg = arg };

	s->ext[0] = '\0';
	nlh->nlmsg_seq = t.seq;
	nlh->nlmsg_flags |= NLM_F_REQUEST | ((nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ? 0 : NLM_F_ACK);
	int rc = nl_send(s, nlh, nlh->nlmsg_len, 1);
	for (bool ended = rc < 0; !ended;) {
		int n = nl_recv(s, data, sizeof(data), 0);
		if (n < 0)
			return n;
		int left = n;
		for (const struct nlmsghdr *m = (const void *)data; !ended && mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left))
			ended = take_message(s, &t, m);
		if (s->secret)
			explicit_bzero(data, (size_t)n);
	}
	if (rc == 0)
		rc = t.rc;
	return rc == 0 && t.interrupted ? -EINTR : rc;
}
