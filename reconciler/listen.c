/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "serve/hook.h"

#define BACKLOG 64

static bool parse_port(const char *text, in_port_t *port)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 5 || text[n] != '\0')
		return false;
	unsigned long v = strtoul(text, NULL, 10);
	*port = htons((uint16_t)v);
	return v > 0 && v <= UINT16_MAX;
}

bool listen_parse(const char *text, struct listen_at *at)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&at->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&at->addr;
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	bool brackets = text[0] == '[';

	memset(at, 0, sizeof(*at));
	if (colon == NULL || (brackets && (colon < text + 2 || colon[-1] != ']')))
		return false;
	size_t len = (size_t)(colon - text) - (brackets ? 2 : 0);
	if (len >= sizeof(host))
		return false;
	memcpy(host, text + brackets, len);
	host[len] = '\0';
	if (brackets) {
		v6->sin6_family = AF_INET6;
		at->len = sizeof(*v6);
		return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 && parse_port(colon + 1, &v6->sin6_port);
	}
	v4->sin_family = AF_INET;
	at->len = sizeof(*v4);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1 && parse_port(colon + 1, &v4->sin_port);
}

static int bind_at(int fd, const struct listen_at *at)
{
	int on = 1;
	bool v6 = at->addr.ss_family == AF_INET6;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	/* The tunnel's address may come only with the first plan. */
	setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&at->addr, at->len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int listen_open(const char *text, char *err, size_t err_size)
{
	struct listen_at at;

	if (!listen_parse(text, &at))
		return -EINVAL;
	int fd = socket(at.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = fd < 0 ? -errno : bind_at(fd, &at);
	if (ret == 0)
		return fd;
	snprintf(err, err_size, "cannot listen at %s: %s", text, strerror(-ret));
	if (fd >= 0)
		close(fd);
	return ret;
}

static int check_file(int fd, const char *path, char *err, size_t err_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		snprintf(err, err_size, "the webhook's secret_file %s is not a regular file", path);
	else if (st.st_uid != geteuid())
		snprintf(err, err_size, "the webhook's secret_file %s belongs to user %lu and not to user %lu, who runs yettd", path,
			 (unsigned long)st.st_uid, (unsigned long)geteuid());
	else if (st.st_mode & 077)
		snprintf(err, err_size, "the webhook's secret_file %s can be read by others (mode %04o); type: chmod 600 %s", path,
			 (unsigned int)st.st_mode & 07777, path);
	else
		return 0;
	return -EPERM;
}

static int read_secret(int fd, const char *path, struct ipc_listen *m, char *err, size_t err_size)
{
	int ret = check_file(fd, path, err, err_size);

	if (ret < 0)
		return ret;
	ssize_t n = read(fd, m->secret, sizeof(m->secret));
	size_t len = n < 0 ? 0 : strnlen(m->secret, (size_t)n);
	if (len > 0 && m->secret[len - 1] == '\n')
		len--;
	if (len >= HOOK_SECRET_MIN && len <= HOOK_SECRET_MAX && memchr(m->secret, '\n', len) == NULL) {
		m->secret_len = (uint32_t)len;
		return 0;
	}
	snprintf(err, err_size, "the webhook's secret_file %s holds one line of %d to %d bytes; type: (umask 077; openssl rand -hex 32 >%s)",
		 path, HOOK_SECRET_MIN, HOOK_SECRET_MAX, path);
	return -EINVAL;
}

int listen_secret(const char *path, struct ipc_listen *m, char *err, size_t err_size)
{
	memset(m, 0, sizeof(*m));
	if (*path == '\0')
		return 0;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int ret = -errno;
		snprintf(err, err_size, "cannot read the webhook's secret_file %s: %s", path, strerror(-ret));
		return ret;
	}
	int ret = read_secret(fd, path, m, err, err_size);
	close(fd);
	return ret;
}
