/* SPDX-License-Identifier: Apache-2.0 */
/* wg_userspace - wireguard-go and its kin, through their socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <sodium.h>

#include "base/fd.h"
#include "kernel/wg_socket.h"
#include "kernel/wg_uapi.h"

#define TALK_SECONDS 60   /* that one exchange may take in all */
#define REPLY_MAX (256u << 20)
#define CHUNK 65536

struct wg_userspace {
	struct wg_conn base;
	struct kernel_door door;
	char *buf; /* CHUNK bytes of sodium_malloc: replies hold keys */
};

static struct wg_userspace *of(struct wg_conn *c)
{
	return (struct wg_userspace *)((char *)c - offsetof(struct wg_userspace, base));
}

static int connect_directly(void *ctx, const char *interface)
{
	(void)ctx;
	return wg_socket_connect(interface);
}

/* A connected socket, or -ENODEV with its sentence when nobody listens. */
static int connect_to(const struct wg_userspace *u, const char *interface, char *err, size_t err_size)
{
	int fd = u->door.wireguard(u->door.ctx, interface);

	if (fd >= 0)
		return fd;
	if (fd == -ENOENT || fd == -ECONNREFUSED || fd == -ENOTDIR)
		return wg_missing(interface, err, err_size);
	if (fd == -EINVAL)
		snprintf(err, err_size, "`%s` is no name of a WireGuard interface", interface);
	else
		snprintf(err, err_size, "cannot connect to " WG_SOCKET_DIR "/%s.sock: %s", interface, strerror(-fd));
	return fd;
}

static int send_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int64_t monotonic_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Lines of buf's first len bytes go to r; returns how many bytes are left over, now in front, or -EBADMSG. */
static int take_lines(struct wg_uapi_reader *r, char *buf, size_t len)
{
	size_t at = 0;

	while (at < len && !r->ended) {
		const char *end = memchr(buf + at, '\n', len - at);
		if (end == NULL)
			break;
		int rc = wg_uapi_line(r, buf + at, (size_t)(end - (buf + at)));
		if (rc < 0)
			return rc;
		at = (size_t)(end - buf) + 1;
	}
	memmove(buf, buf + at, len - at);
	return (int)(len - at);
}

static int read_reply(struct wg_userspace *u, int fd, struct wg_uapi_reader *r)
{
	size_t have = 0, total = 0;
	int64_t until = monotonic_seconds() + TALK_SECONDS;

	while (!r->ended) {
		if (have == CHUNK || total > REPLY_MAX)
			return -EBADMSG;
		ssize_t n = recv(fd, u->buf + have, CHUNK - have, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return -ECONNRESET;
		if (monotonic_seconds() > until)
			return -ETIMEDOUT;
		total += (size_t)n;
		int left = take_lines(r, u->buf, have + (size_t)n);
		if (left < 0)
			return left;
		have = (size_t)left;
	}
	return r->code < 0 ? -EBADMSG : (int)-r->code;
}

/* One exchange. -ENODEV has its sentence; for anything else the caller says what failed. */
static int talk(struct wg_userspace *u, const char *interface, const char *request, size_t len, struct wg_uapi_reader *r,
		char *err, size_t err_size)
{
	FD_CLEANUP int fd = connect_to(u, interface, err, err_size);

	if (fd < 0)
		return fd;
	r->code = -1;
	int rc = send_all(fd, request, len);
	u->base.sent_bytes += len;
	u->base.messages++;
	if (rc == 0 || rc == -EPIPE) /* it may have said why before it closed its end */
		rc = read_reply(u, fd, r);
	sodium_memzero(u->buf, CHUNK);
	if (rc < 0)
		snprintf(err, err_size, "the userspace WireGuard of %s: %s", interface, strerror(-rc));
	return rc;
}

static int userspace_observe(struct wg_conn *c, const char *interface, struct arena *a, struct gw_plan *p, char *err,
			     size_t err_size)
{
	static const char request[] = "get=1\n\n";
	struct wg_uapi_reader r = { .peers = { .a = a }, .p = p };
	int rc = talk(of(c), interface, request, sizeof(request) - 1, &r, err, err_size);

	wg_peers_finish(&r.peers, p);
	return rc;
}

/* The request with the private key is made in locked memory; "private_key=" and 64 digits, "listen_port=" and 5. */
static int userspace_set_device(struct wg_conn *c, const struct plan_delta *d, const struct seckey *key, char *err,
				size_t err_size)
{
	const size_t size = 256;
	struct wg_uapi_reader r = { .p = NULL };
	char why[256] = "", *req;
	size_t n;

	if (!(d->link & (LINK_KEY | LINK_PORT)))
		return 0;
	req = sodium_malloc(size);
	if (req == NULL) {
		snprintf(err, err_size, "no memory for a key");
		return -ENOMEM;
	}
	n = (size_t)snprintf(req, size, "set=1\n");
	if (d->link & LINK_KEY) {
		n += (size_t)snprintf(req + n, size - n, "private_key=");
		sodium_bin2hex(req + n, size - n, key->b, sizeof(key->b));
		n += 64;
		req[n++] = '\n';
	}
	if (d->link & LINK_PORT)
		n += (size_t)snprintf(req + n, size - n, "listen_port=%u\n", d->want->listen_port);
	req[n++] = '\n';
	int rc = talk(of(c), d->want->interface, req, n, &r, why, sizeof(why));
	sodium_free(req); /* wipes */
	if (rc == -ENODEV)
		snprintf(err, err_size, "%s", why);
	else if (rc < 0)
		snprintf(err, err_size, "cannot set key or listen port %u: %s", d->want->listen_port, why);
	return rc;
}

static int userspace_set_peers(struct wg_conn *c, const struct plan_delta *d, enum wg_phase phase, char *err, size_t err_size)
{
	struct wg_change change = { 0 };
	struct wg_uapi_reader r = { .p = NULL };
	BUF_CLEANUP struct buf request = BUF_INIT;
	char why[256] = "", key[KEY_TEXT_MAX];
	size_t n = 0;
	const struct gw_peer *first = NULL;
	int rc = 0;

	buf_adds(&request, "set=1\n");
	for (size_t i = 0; i < d->nops; i++) {
		if (!wg_change_get(&change, &d->op[i], phase))
			continue;
		wg_uapi_put_peer(&request, &change);
		if (n++ == 0)
			first = change.peer;
	}
	wg_change_release(&change);
	buf_addc(&request, '\n');
	if (n > 0)
		rc = talk(of(c), d->want->interface, request.p, request.len, &r, why, sizeof(why));
	if (rc == -ENODEV)
		snprintf(err, err_size, "%s", why);
	else if (rc < 0)
		snprintf(err, err_size, "cannot %s %zu peers, %s first: %s", phase == WG_GRANT ? "set" : "remove", n,
			 pubkey_format(&first->public_key, key), why);
	return rc;
}

static void userspace_close(struct wg_conn *c)
{
	struct wg_userspace *u = of(c);

	sodium_free(u->buf);
	free(u);
}

static const struct wg_ops ops = {
	.observe = userspace_observe,
	.set_device = userspace_set_device,
	.set_peers = userspace_set_peers,
	.close = userspace_close,
};

int wg_userspace_open(struct wg_conn **c, const struct kernel_door *door, char *err, size_t err_size)
{
	struct wg_userspace *u = calloc(1, sizeof(*u));

	if (u == NULL || sodium_init() < 0 || (u->buf = sodium_malloc(CHUNK)) == NULL) {
		free(u);
		snprintf(err, err_size, "no memory for talking to the userspace WireGuard");
		return -ENOMEM;
	}
	u->base.ops = &ops;
	u->door = door != NULL ? *door : (struct kernel_door){ .wireguard = connect_directly };
	*c = &u->base;
	return 0;
}
