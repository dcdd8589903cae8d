/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/nftnl.h"
#include "kernel/rtnl.h"
#include "kernel/wg.h"

struct real {
	struct nftnl_conn nft;
	struct rtnl_conn rtnl;
	struct wg_conn *in_kernel; /* NULL: not there, or not wanted */
	struct wg_conn *userspace; /* NULL: not wanted */
};

/*
 * Whose device an interface is. A link of another kind is a userspace program's (a TUN device); no link at all means that
 * the kernel, where it can, is to make one.
 */
static struct wg_conn *backend_of(const struct real *k, const char *kind)
{
	if (k->in_kernel == NULL)
		return k->userspace;
	if (k->userspace == NULL || kind[0] == '\0' || strcmp(kind, "wireguard") == 0)
		return k->in_kernel;
	return k->userspace;
}

static int check_kind(const struct real *k, const struct wg_conn *wg, const char *interface, const char *kind, char *err,
		      size_t err_size)
{
	if (wg != k->in_kernel || kind[0] == '\0' || strcmp(kind, "wireguard") == 0)
		return 0;
	snprintf(err, err_size, "interface %s exists and is no WireGuard device but a link of kind %s", interface, kind);
	return -EEXIST;
}

static int real_observe(void *ctx, const char *interface, struct arena *a, struct gw_plan *p, char *err, size_t err_size)
{
	struct real *k = ctx;
	char kind[RTNL_KIND_MAX];

	memset(p, 0, sizeof(*p));
	p->gateway = "";
	p->interface = arena_strdup(a, interface);
	int rc = rtnl_observe(&k->rtnl, interface, a, p, kind, err, err_size);
	if (rc < 0)
		return rc;
	struct wg_conn *wg = backend_of(k, kind);
	if (p->present)
		rc = check_kind(k, wg, interface, kind, err, err_size);
	if (rc == 0 && (p->present || wg == k->userspace))
		rc = wg->ops->observe(wg, interface, a, p, err, err_size);
	if (rc == 0 && !p->present && wg == k->userspace)
		rc = wg_missing(interface, err, err_size); /* a socket without its link: the program is going away */
	if (rc < 0)
		return rc;
	return nftnl_observe(&k->nft, a, &p->nft, err, err_size);
}

static int create_link(struct real *k, struct wg_conn *wg, const struct plan_delta *d, char *err, size_t err_size)
{
	if (wg == k->userspace)
		return wg_missing(d->want->interface, err, err_size);
	int rc = rtnl_create_wireguard(&k->rtnl, d->want->interface, err, err_size);
	return rc == -EOPNOTSUPP ? wg_missing(d->want->interface, err, err_size) : rc;
}

static int carry_out(struct real *k, struct wg_conn *wg, const struct plan_delta *d, const struct seckey *key, char *err,
		     size_t err_size)
{
	int rc = wg->ops->set_peers(wg, d, WG_REVOKE, err, err_size);

	if (rc == 0)
		rc = nftnl_apply(&k->nft, d, err, err_size);
	if (rc == 0 && (d->link & LINK_CREATE))
		rc = create_link(k, wg, d, err, err_size);
	if (rc == 0)
		rc = wg->ops->set_device(wg, d, key, err, err_size);
	if (rc == 0)
		rc = rtnl_apply(&k->rtnl, d, err, err_size);
	if (rc == 0)
		rc = wg->ops->set_peers(wg, d, WG_GRANT, err, err_size);
	if (rc == 0)
		rc = wg->ops->set_peers(wg, d, WG_CLEAN, err, err_size);
	return rc;
}

static struct kernel_stats counters(const struct real *k)
{
	struct kernel_stats st = { .nft_bytes = k->nft.sock.sent_bytes, .rtnl_bytes = k->rtnl.sock.sent_bytes,
				   .messages = k->nft.sock.messages + k->rtnl.sock.messages };

	if (k->in_kernel != NULL) {
		st.wg_bytes += k->in_kernel->sent_bytes;
		st.messages += k->in_kernel->messages;
	}
	if (k->userspace != NULL) {
		st.wg_bytes += k->userspace->sent_bytes;
		st.messages += k->userspace->messages;
	}
	st.sent_bytes = st.nft_bytes + st.wg_bytes + st.rtnl_bytes;
	return st;
}

static bool touches_wireguard(const struct plan_delta *d)
{
	if (d->link != 0)
		return true;
	for (size_t i = 0; i < d->nops; i++)
		if (d->op[i].kind == OP_PEER_ADD || d->op[i].kind == OP_PEER_UPDATE || d->op[i].kind == OP_PEER_REMOVE)
			return true;
	return false;
}

static int real_apply(void *ctx, const struct plan_delta *d, const struct seckey *key, struct kernel_stats *st, char *err,
		      size_t err_size)
{
	struct real *k = ctx;
	struct kernel_stats before = counters(k);
	char kind[RTNL_KIND_MAX] = "";

	if ((d->link & LINK_KEY) && key == NULL) {
		snprintf(err, err_size, "the key of %s is to be set and none was given", d->want->interface);
		return -EINVAL;
	}
	if (touches_wireguard(d) && k->in_kernel != NULL && k->userspace != NULL)
		rtnl_kind(&k->rtnl, d->want->interface, kind); /* no link is no kind */
	int rc = carry_out(k, backend_of(k, kind), d, key, err, err_size);
	if (st != NULL) {
		*st = counters(k);
		st->sent_bytes -= before.sent_bytes;
		st->messages -= before.messages;
		st->nft_bytes -= before.nft_bytes;
		st->wg_bytes -= before.wg_bytes;
		st->rtnl_bytes -= before.rtnl_bytes;
	}
	return rc;
}

static void real_close(void *ctx)
{
	struct real *k = ctx;

	if (k->in_kernel != NULL)
		k->in_kernel->ops->close(k->in_kernel);
	if (k->userspace != NULL)
		k->userspace->ops->close(k->userspace);
	rtnl_close(&k->rtnl);
	nftnl_close(&k->nft);
	free(k);
}

static int open_wireguard(struct real *k, enum wg_backend backend, char *err, size_t err_size)
{
	int rc = backend == WG_USERSPACE ? 0 : wg_kernel_open(&k->in_kernel, err, err_size);

	if (backend == WG_KERNEL)
		return rc;
	return wg_userspace_open(&k->userspace, err, err_size);
}

int kernel_open(struct kernel *k, enum wg_backend backend, char *err, size_t err_size)
{
	struct real *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	*k = (struct kernel){ .ctx = r, .observe = real_observe, .apply = real_apply, .close = real_close };
	int rc = nftnl_open(&r->nft, err, err_size);
	if (rc == 0)
		rc = rtnl_open(&r->rtnl, err, err_size);
	if (rc == 0)
		rc = open_wireguard(r, backend, err, err_size);
	if (rc < 0)
		kernel_close(k);
	return rc;
}

void kernel_close(struct kernel *k)
{
	if (k->close != NULL)
		k->close(k->ctx);
	memset(k, 0, sizeof(*k));
}
