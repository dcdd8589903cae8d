/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define FDS_MAX 4      /* room to see surplus descriptors and close them */
#define SEND_WAIT_MS 5000 /* a role that reads nothing for so long is stuck */

union control { /* aligned for struct cmsghdr */
	struct cmsghdr h;
	char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* 0, -EAGAIN past the time, or a negative errno. */
static int wait_for(int sock, short events, int timeout_ms)
{
	struct pollfd p = { .fd = sock, .events = events };

	for (;;) {
		int n = poll(&p, 1, timeout_ms);
		if (n > 0)
			return 0;
		if (n == 0)
			return -EAGAIN;
		if (errno != EINTR)
			return -errno;
	}
}

static int send_once(int sock, const struct msghdr *m)
{
	if (sendmsg(sock, m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

int ipc_send(int sock, enum ipc_type type, uint32_t job, const void *body, size_t len, int fd)
{
	struct ipc_header h = {
		.magic = IPC_MAGIC, .version = IPC_VERSION, .type = (uint16_t)type, .len = (uint32_t)len,
		.job = job, .seq = now_ns(),
	};
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)(uintptr_t)body, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	union control c;

	if (len > IPC_BODY_MAX)
		return -EMSGSIZE;
	if (fd >= 0) {
		memset(&c, 0, sizeof(c));
		m.msg_control = c.room;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	}
	for (;;) {
		int ret = send_once(sock, &m);
		if (ret == -EAGAIN)
			ret = wait_for(sock, POLLOUT, SEND_WAIT_MS);
		else if (ret != -EINTR)
			return ret;
		if (ret < 0 && ret != -EINTR)
			return ret == -EAGAIN ? -ETIMEDOUT : ret;
	}
}

/* Takes the one descriptor; surplus ones and other control messages make the frame bad, and nothing stays open. */
static int take_fds(struct msghdr *m, int *out)
{
	int ret = m->msg_flags & MSG_CTRUNC ? -EBADMSG : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			ret = -EBADMSG;
			continue;
		}
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*out < 0) {
				*out = fd;
				continue;
			}
			close(fd);
			ret = -EBADMSG;
		}
	}
	return ret;
}

static int check_header(const struct ipc_header *h, size_t got)
{
	if (got < sizeof(*h) || h->magic != IPC_MAGIC || h->version != IPC_VERSION || h->type == 0)
		return -EBADMSG;
	return h->len == got - sizeof(*h) ? 0 : -EBADMSG;
}

int ipc_recv(int sock, struct ipc_frame *f, int timeout_ms)
{
	union control c;
	struct iovec iov[2] = { { &f->h, sizeof(f->h) }, { f->body, sizeof(f->body) } };
	struct msghdr m;
	ssize_t n;

	f->fd = -1;
	for (;;) {
		/* Who waits for ever waits in recvmsg(); who waits not at all has been told that there is something. */
		int ret = timeout_ms > 0 ? wait_for(sock, POLLIN, timeout_ms) : 0;
		if (ret < 0)
			return ret;
		m = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 2, .msg_control = c.room,
				     .msg_controllen = sizeof(c.room) };
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | (timeout_ms < 0 ? 0 : MSG_DONTWAIT));
		if (n >= 0)
			break;
		if (errno == ECONNRESET)
			return -EPIPE;
		if (errno != EINTR && (errno != EAGAIN || timeout_ms == 0))
			return -errno;
	}
	int ret = take_fds(&m, &f->fd);
	if (n == 0 && ret == 0 && f->fd < 0)
		return -EPIPE;
	if (m.msg_flags & MSG_TRUNC)
		ret = -EBADMSG;
	if (ret == 0)
		ret = check_header(&f->h, (size_t)n);
	if (ret < 0 && f->fd >= 0) {
		close(f->fd);
		f->fd = -1;
	}
	return ret;
}

static int write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int ipc_memfd(const char *name, const void *data, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int ret = write_all(fd, data, len);
	if (ret == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		ret = -errno;
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int ipc_map(int fd, size_t max, const void **data, size_t *len)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EBADMSG;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0)
		return -EBADMSG;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*data = p;
	*len = (size_t)st.st_size;
	return 0;
}
