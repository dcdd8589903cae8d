/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "log.h"
#include "report/metrics.h"
#include "role.h"
#include "serve/hook.h"

#define CONNECTIONS_MAX 64
#define PER_ADDRESS_MAX 32
#define CONNECTION_BYTES (16 << 10) /* for request line, headers and answer's headers */
#define IDLE_SECONDS 5
#define LIFE_MS 15000       /* of a connection, whatever comes over it */
#define SILENT_MS 60000     /* of the supervisor: then nothing it said counts as health */
#define TICK_MS 1000

struct mapped {
	const void *data; /* NULL: none */
	size_t len;
};

struct visitor {
	int fd; /* -1: free */
	int64_t end_ms;
};

struct serve {
	int sock;
	struct MHD_Daemon *http;
	int epoll_fd, listen_fd;
	struct mapped snapshot, tally;
	int64_t told_ms;
	unsigned char *secret; /* sodium_malloc, NULL: no webhook */
	size_t secret_len;
	struct hook_bucket bucket;
	struct visitor visitor[CONNECTIONS_MAX];
	uint64_t http_n[HTTP_CODES], hook_n[HOOK_RESULTS];
};

/* ---- one request ---- */

struct request {
	bool post;
	struct hook_check check;
};

static enum MHD_Result reply(struct serve *x, struct MHD_Connection *c, unsigned int code, const char *type, const void *data,
			     size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY);

	if (r == NULL)
		return MHD_NO;
	for (size_t i = 0; i < HTTP_CODES; i++)
		x->http_n[i] += metrics_http_code[i] == code;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, type[0] == 'a' ? "POST" : "GET, HEAD");
	enum MHD_Result ret = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	return ret;
}

static enum MHD_Result reply_text(struct serve *x, struct MHD_Connection *c, unsigned int code, const char *text)
{
	return reply(x, c, code, "text/plain; charset=utf-8", text, strlen(text));
}

static const struct snapshot *snapshot_of(const struct serve *x)
{
	return x->snapshot.data;
}

static enum MHD_Result get_metrics(struct serve *x, struct MHD_Connection *c)
{
	const struct tally_head *t = x->tally.data;
	struct buf page BUF_CLEANUP = BUF_INIT;
	struct metrics_view v = {
		.s = snapshot_of(x), .tally = t, .now = clock_now(), .http = x->http_n, .hook = x->hook_n,
		.snapshot_age = (double)(role_clock_ms() - x->told_ms) / 1000.0,
	};

	if (t != NULL) {
		v.policy = (const void *)(t + 1);
		v.device = (const void *)(v.policy + t->npolicies);
	}
	metrics_render(&v, &page);
	return reply(x, c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", page.p, page.len);
}

static enum MHD_Result get_health(struct serve *x, struct MHD_Connection *c)
{
	const struct snapshot *s = snapshot_of(x);
	struct buf why BUF_CLEANUP = BUF_INIT;
	int64_t silent = role_clock_ms() - x->told_ms;

	if (s == NULL)
		buf_adds(&why, "the daemon is starting");
	else if (silent > SILENT_MS)
		buf_addf(&why, "the supervisor has been silent for %lld s", (long long)(silent / 1000));
	else
		buf_adds(&why, s->unhealthy);
	bool well = why.len == 0;
	buf_addf(&why, "%s\n", well ? "ok" : "");
	return reply_text(x, c, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, buf_str(&why));
}

static enum MHD_Result get_status(struct serve *x, struct MHD_Connection *c)
{
	const struct snapshot *s = snapshot_of(x);

	if (s == NULL)
		return reply_text(x, c, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon is starting\n");
	return reply(x, c, MHD_HTTP_OK, "application/json", s + 1, s->status_len);
}

/* After the whole body has come. */
static enum MHD_Result post_hook(struct serve *x, struct MHD_Connection *c, struct request *q)
{
	const char *signature = MHD_lookup_connection_value(c, MHD_HEADER_KIND, HOOK_SIGNATURE_HEADER);
	const char *token = MHD_lookup_connection_value(c, MHD_HEADER_KIND, HOOK_TOKEN_HEADER);
	bool right = hook_signed(&q->check, signature); /* always: it wipes */

	if (signature == NULL && token == NULL) {
		x->hook_n[HOOK_UNSIGNED]++;
		return reply_text(x, c, MHD_HTTP_UNAUTHORIZED, "the request has no " HOOK_SIGNATURE_HEADER "\n");
	}
	/* A wrong signature is not made right by a token. */
	if (signature == NULL)
		right = hook_token(x->secret, x->secret_len, token);
	if (!right) {
		x->hook_n[HOOK_WRONG]++;
		return reply_text(x, c, MHD_HTTP_UNAUTHORIZED, "the signature is wrong\n");
	}
	if (!hook_allow(&x->bucket, role_clock_ms())) {
		x->hook_n[HOOK_LIMITED]++;
		return reply_text(x, c, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests; the next turn fetches anyhow\n");
	}
	x->hook_n[HOOK_ACCEPTED]++;
	if (message_send(x->sock, IPC_SYNC, 0, NULL, 0, NULL, 0, -1) < 0)
		return reply_text(x, c, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon is busy\n");
	return reply_text(x, c, MHD_HTTP_ACCEPTED, "a fetch is under way\n");
}

static const struct page {
	const char *path;
	enum MHD_Result (*get)(struct serve *x, struct MHD_Connection *c);
} pages[] = {
	{ "/metrics", get_metrics },
	{ "/healthz", get_health },
	{ "/v1/status", get_status },
};

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static enum MHD_Result get(struct serve *x, struct MHD_Connection *c, const char *url, const char *method)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if (!is(url, pages[i].path))
			continue;
		if (!is(method, MHD_HTTP_METHOD_GET) && !is(method, MHD_HTTP_METHOD_HEAD))
			return reply_text(x, c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
		return pages[i].get(x, c);
	}
	if (is(url, "/v1/hook") && x->secret != NULL)
		return reply(x, c, MHD_HTTP_METHOD_NOT_ALLOWED, "application/octet-stream", "", 0);
	return reply_text(x, c, MHD_HTTP_NOT_FOUND, "there is /metrics, /healthz and /v1/status\n");
}

static bool takes_body(const struct serve *x, const char *url, const char *method)
{
	return x->secret != NULL && is(url, "/v1/hook") && is(method, MHD_HTTP_METHOD_POST);
}

/* A body that says how long it is, or comes in chunks: refused before it is read when nobody wants it. */
static bool body_too_long(struct MHD_Connection *c, size_t max)
{
	const char *text = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	char *end;

	if (text == NULL)
		return false;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	return errno != 0 || *end != '\0' || n > max;
}

/* libmicrohttpd calls this with the headers, then with each part of the body, then with nothing more to come. */
static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version,
			      const char *data, size_t *len, void **state)
{
	struct serve *x = ctx;
	struct request *q = *state;

	(void)version;
	if (q == NULL) {
		q = calloc(1, sizeof(*q));
		if (q == NULL)
			return MHD_NO;
		*state = q;
		q->post = takes_body(x, url, method);
		if (q->post)
			hook_begin(&q->check, x->secret, x->secret_len);
		if (body_too_long(c, q->post ? HOOK_BODY_MAX : 0))
			return reply_text(x, c, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too long\n");
		return MHD_YES;
	}
	if (*len > 0) {
		if (!q->post || q->check.len + *len > HOOK_BODY_MAX)
			return MHD_NO; /* chunks without an end: the connection is closed */
		hook_body(&q->check, data, *len);
		*len = 0;
		return MHD_YES;
	}
	return q->post ? post_hook(x, c, q) : get(x, c, url, method);
}

static void completed(void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	(void)ctx, (void)c, (void)why;
	if (*state != NULL)
		sodium_memzero(*state, sizeof(struct request));
	free(*state);
	*state = NULL;
}

/* ---- connections do not stay, however slowly they speak ---- */

static void connected(void *ctx, struct MHD_Connection *c, void **state, enum MHD_ConnectionNotificationCode what)
{
	struct serve *x = ctx;
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	int fd = i != NULL ? i->connect_fd : -1;
	bool begins = what == MHD_CONNECTION_NOTIFY_STARTED;

	(void)state;
	for (size_t k = 0; k < CONNECTIONS_MAX && fd >= 0; k++) {
		struct visitor *v = &x->visitor[k];
		if (v->fd != (begins ? -1 : fd))
			continue;
		*v = (struct visitor){ begins ? fd : -1, role_clock_ms() + LIFE_MS };
		return;
	}
}

static void see_out(struct serve *x)
{
	int64_t now = role_clock_ms();

	for (size_t k = 0; k < CONNECTIONS_MAX; k++)
		if (x->visitor[k].fd >= 0 && now >= x->visitor[k].end_ms)
			shutdown(x->visitor[k].fd, SHUT_RDWR); /* libmicrohttpd closes it and says so */
}

/* ---- the role ---- */

static int begin(struct serve *x, const struct ipc_frame *f)
{
	struct ipc_listen m;

	memcpy(&m, f->body, sizeof(m));
	x->listen_fd = dup(f->fd);
	if (x->http != NULL || x->listen_fd < 0 || m.secret_len > sizeof(m.secret))
		return -EBADMSG;
	if (m.secret_len > 0) {
		x->secret = sodium_malloc(m.secret_len);
		if (x->secret == NULL)
			return -ENOMEM;
		memcpy(x->secret, m.secret, m.secret_len);
		x->secret_len = m.secret_len;
	}
	sodium_memzero(&m, sizeof(m));
	x->http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, x, MHD_OPTION_LISTEN_SOCKET, x->listen_fd, MHD_OPTION_STRICT_FOR_CLIENT, 1,
				   MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
				   (unsigned int)PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
				   MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED, completed, x,
				   MHD_OPTION_NOTIFY_CONNECTION, connected, x, MHD_OPTION_END);
	const union MHD_DaemonInfo *i = x->http ? MHD_get_daemon_info(x->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (i == NULL)
		return -EIO;
	x->epoll_fd = i->epoll_fd;
	return 0;
}

static void unmap(struct mapped *m)
{
	if (m->data != NULL)
		munmap((void *)(uintptr_t)m->data, m->len);
	*m = (struct mapped){ .data = NULL };
}

static int take(struct mapped *m, int fd, size_t max, bool (*check)(const void *, size_t))
{
	struct mapped new = { .data = NULL };
	int ret = ipc_map(fd, max, &new.data, &new.len);

	if (ret < 0)
		return ret;
	unmap(m);
	*m = new;
	if (check(new.data, new.len))
		return 0;
	unmap(m);
	return -EBADMSG;
}

static int hello(void *ctx, int sock, const struct ipc_hello_req *req, char *err, size_t err_size)
{
	(void)ctx, (void)sock, (void)req;
	if (sodium_init() >= 0)
		return 0;
	snprintf(err, err_size, "libsodium cannot start");
	return -EIO;
}

static int request(void *ctx, int sock, struct ipc_frame *f)
{
	struct serve *x = ctx;
	int ret = -EBADMSG;

	(void)sock;
	if (f->h.type == IPC_LISTEN)
		ret = begin(x, f);
	if (f->h.type == IPC_TALLY_SHOW)
		ret = take(&x->tally, f->fd, TALLY_BYTES_MAX, tally_check);
	if (f->h.type == IPC_SNAPSHOT) {
		ret = take(&x->snapshot, f->fd, SNAPSHOT_BYTES_MAX, snapshot_check);
		x->told_ms = role_clock_ms();
	}
	sodium_memzero(f->body, sizeof(struct ipc_listen));
	return ret;
}

static size_t polls(void *ctx, struct pollfd p[static ROLE_POLLS], int *wait_ms)
{
	const struct serve *x = ctx;
	MHD_UNSIGNED_LONG_LONG ms;

	if (x->http == NULL)
		return 0;
	p[0] = (struct pollfd){ .fd = x->epoll_fd, .events = POLLIN };
	const union MHD_DaemonInfo *i = MHD_get_daemon_info(x->http, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	if (i != NULL && i->num_connections > 0)
		*wait_ms = TICK_MS;
	if (MHD_get_timeout(x->http, &ms) == MHD_YES && ms < (MHD_UNSIGNED_LONG_LONG)TICK_MS)
		*wait_ms = (int)ms;
	return 1;
}

static int work(void *ctx, int sock, const struct pollfd *p, size_t n)
{
	struct serve *x = ctx;

	(void)sock, (void)p, (void)n;
	see_out(x);
	return MHD_run(x->http) == MHD_YES ? 0 : -EIO;
}

int serve_main(int sock)
{
	static const struct role_ops ops = { .id = ROLE_STATUS, .hello = hello, .request = request, .polls = polls, .work = work };
	struct serve *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return 70;
	x->sock = sock;
	x->listen_fd = -1;
	x->told_ms = role_clock_ms();
	for (size_t k = 0; k < CONNECTIONS_MAX; k++)
		x->visitor[k].fd = -1;
	int status = role_serve(&ops, x, sock);
	if (x->http != NULL)
		MHD_stop_daemon(x->http); /* closes the listening socket too */
	unmap(&x->snapshot);
	unmap(&x->tally);
	sodium_free(x->secret);
	free(x);
	return status;
}
