/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"

static socklen_t address(const struct ipc_probe_req *req, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (addr_is_v4(addr_from_bytes(req->addr))) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(req->port);
		memcpy(&v4->sin_addr, req->addr + 12, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(req->port);
	memcpy(&v6->sin6_addr, req->addr, 16);
	return sizeof(*v6);
}

static int wait_connected(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);
	int n = poll(&p, 1, wait_ms);

	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

int probe_connect(const struct ipc_probe_req *req)
{
	struct sockaddr_storage to;
	socklen_t len = address(req, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	int ret = connect(fd, (const struct sockaddr *)&to, len) < 0 ? -errno : 0;
	if (ret == -EINPROGRESS)
		ret = wait_connected(fd, req->wait_ms);
	close(fd);
	return ret;
}
