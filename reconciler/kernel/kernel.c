/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/kernel.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kernel/nftnl.h"
#include "kernel/rtnl.h"
#include "kernel/wg_keep.h"

struct real {
	struct nftnl_conn nft;
	struct rtnl_conn rtnl;
	struct wg_conn *in_kernel; /* NULL: not there, or not wanted */
	struct wg_conn *userspace; /* NULL: not wanted */
	/* The link, its addresses and routes as last read. */
	struct arena link_arena;
	struct rtnl_link link;
	struct gw_plan link_state;
	bool link_stands; /* the last call was an apply() that left them alone */
	struct wg_keep peers;
	char claimed[IFNAMSIZ]; /* "": none, or it may have lost its mark */
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

static int see_link(struct real *k, const char *interface, enum kernel_look look, struct gw_plan *p, char *err, size_t err_size)
{
	bool stands = k->link_stands && look == LOOK_CHANGE && strcmp(k->link_state.interface, interface) == 0;
	int rc = 0;

	k->link_stands = false;
	if (!stands) {
		arena_release(&k->link_arena);
		k->link_state = (struct gw_plan){ .gateway = "", .interface = arena_strdup(&k->link_arena, interface) };
		rc = rtnl_observe(&k->rtnl, interface, &k->link_arena, &k->link_state, &k->link, err, err_size);
	}
	if (!k->link.ours)
		k->claimed[0] = '\0';
	*p = k->link_state;
	return rc;
}

static int see_peers(struct real *k, struct wg_conn *wg, enum kernel_look look, struct gw_plan *p, char *err, size_t err_size)
{
	struct wg_keep *keep = &k->peers;
	bool kept = look == LOOK_CHANGE && keep->valid && keep->link == k->link.index && keep->p.npeers > KERNEL_PEERS_READ;
	int rc = kept ? 0 : wg_keep_read(keep, wg, p->interface, k->link.index, err, err_size);

	p->public_key = keep->p.public_key;
	p->listen_port = keep->p.listen_port;
	p->peer = keep->p.peer;
	p->npeers = keep->p.npeers;
	return rc;
}

static int real_observe(void *ctx, const char *interface, enum kernel_look look, struct arena *a, struct gw_plan *p, char *err,
			size_t err_size)
{
	static const int64_t max_age[] = { [LOOK_ALL] = 0, [LOOK_DRIFT] = KERNEL_KEEP_SECONDS, [LOOK_CHANGE] = INT64_MAX };
	struct real *k = ctx;

	(void)a;
	int rc = see_link(k, interface, look, p, err, err_size);
	if (rc < 0)
		return rc;
	struct wg_conn *wg = backend_of(k, k->link.kind);
	if (p->present)
		rc = check_kind(k, wg, interface, k->link.kind, err, err_size);
	if (rc == 0 && (p->present || wg == k->userspace))
		rc = see_peers(k, wg, look, p, err, err_size);
	if (rc == 0 && !p->present && wg == k->userspace)
		rc = wg_missing(interface, err, err_size); /* a socket without its link: the program is going away */
	if (rc < 0)
		return rc;
	return nftnl_observe(&k->nft, max_age[look], &p->nft, err, err_size);
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

static bool touches_link(const struct plan_delta *d)
{
	if (d->link != 0)
		return true;
	for (size_t i = 0; i < d->nops; i++)
		if (d->op[i].kind == OP_ADDRESS_ADD || d->op[i].kind == OP_ADDRESS_REMOVE ||
		    d->op[i].kind == OP_ROUTE_ADD || d->op[i].kind == OP_ROUTE_REMOVE)
			return true;
	return false;
}

static int real_apply(void *ctx, const struct plan_delta *d, const struct seckey *key, struct kernel_stats *st, char *err,
		      size_t err_size)
{
	struct real *k = ctx;
	struct kernel_stats before = counters(k);

	if ((d->link & LINK_KEY) && key == NULL) {
		snprintf(err, err_size, "the key of %s is to be set and none was given", d->want->interface);
		return -EINVAL;
	}
	int rc = carry_out(k, backend_of(k, k->link.kind), d, key, err, err_size);
	k->link_stands = rc == 0 && !touches_link(d);
	if (rc == 0)
		wg_keep_follow(&k->peers, d);
	else
		k->peers.valid = false;
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

static int real_check(void *ctx, const struct plan_delta *d, char *err, size_t err_size)
{
	struct real *k = ctx;

	return nftnl_check(&k->nft, d, err, err_size);
}

static int real_usage(void *ctx, struct arena *a, struct nft_set **set, size_t *n, char *err, size_t err_size)
{
	struct real *k = ctx;

	return nftnl_usage(&k->nft, a, set, n, err, err_size);
}

/* An interface under our mark that is not the one to keep: nothing of ours stays on it. */
static int leave(struct real *k, const char *name, char *err, size_t err_size)
{
	struct arena a;
	struct rtnl_link link;
	struct plan_delta d;
	struct gw_plan have = { .gateway = "", .interface = name };

	arena_init(&a);
	int rc = rtnl_observe(&k->rtnl, name, &a, &have, &link, err, err_size);
	struct wg_conn *wg = backend_of(k, link.kind);
	if (rc == 0 && have.present)
		rc = wg->ops->observe(wg, name, &a, &have, err, err_size);
	bool served = rc == 0;
	if (rc == -ENODEV) /* its program is gone, and the peers with it */
		rc = 0;
	const struct gw_plan want = { .gateway = "", .interface = name, .present = true, .mtu = have.mtu };
	if (rc == 0 && have.present) {
		gw_plan_diff(&have, &want, clock_now(), &a, &d);
		if (served)
			rc = wg->ops->set_peers(wg, &d, WG_REVOKE, err, err_size);
		if (rc == 0 && served)
			rc = wg->ops->set_peers(wg, &d, WG_CLEAN, err, err_size);
		if (rc == 0)
			rc = rtnl_apply(&k->rtnl, &d, err, err_size);
		if (rc == 0 && served)
			rc = wg->ops->set_device(wg, &d, NULL, err, err_size);
		if (rc == 0)
			rc = rtnl_mark(&k->rtnl, link.index, false, err, err_size);
	}
	arena_release(&a);
	return rc;
}

struct claim {
	const char *interface;
	uint32_t index; /* of the interface, when it has no mark yet */
	bool there, foreign; /* foreign: no WireGuard device, neither the kernel's nor a program's */
	VEC(struct link_name { char text[IFNAMSIZ]; }) other;
};

static int see_claim(void *ctx, const char *name, const struct rtnl_link *link)
{
	struct claim *c = ctx;

	if (strcmp(name, c->interface) == 0) {
		c->there = true;
		c->foreign = strcmp(link->kind, "wireguard") != 0 && strcmp(link->kind, "tun") != 0;
		c->index = link->ours ? 0 : link->index;
	} else if (link->ours) {
		struct link_name n;
		snprintf(n.text, sizeof(n.text), "%s", name);
		vec_push(&c->other, n);
	}
	return 0;
}

static int real_claim(void *ctx, const char *interface, char *err, size_t err_size)
{
	struct real *k = ctx;
	struct claim c = { .interface = interface };

	if (strcmp(k->claimed, interface) == 0)
		return 0;
	int rc = rtnl_links(&k->rtnl, see_claim, &c, err, err_size);
	if (rc == 0 && c.foreign) {
		snprintf(err, err_size, "the plan wants the interface %s, which is no WireGuard device; it is not touched [E_PLAN_SCOPE]", interface);
		rc = -EEXIST;
	}
	for (size_t i = 0; i < c.other.n && rc == 0; i++)
		rc = leave(k, c.other.v[i].text, err, err_size);
	if (rc == 0 && c.index != 0)
		rc = rtnl_mark(&k->rtnl, c.index, true, err, err_size);
	if (rc == 0 && c.there)
		snprintf(k->claimed, sizeof(k->claimed), "%s", interface);
	int left = (int)c.other.n;
	vec_release(&c.other);
	return rc < 0 ? rc : left;
}

static int real_counters(void *ctx, struct arena *a, struct nft_counted **rule, size_t *n)
{
	struct real *k = ctx;

	return nftnl_counters(&k->nft, a, rule, n);
}

static int real_neighbour(void *ctx, const char *interface, struct nft_neighbour *out)
{
	struct real *k = ctx;

	return nftnl_neighbour(&k->nft, interface, out);
}

static void real_self(const void *ctx, struct kernel_self *self)
{
	const struct real *k = ctx;

	*self = (struct kernel_self){ k->nft.sock.portid, k->rtnl.sock.portid, k->link.index };
}

static int real_mark(void *ctx, const char *chain, char *out, size_t out_size, char *err, size_t err_size)
{
	struct real *k = ctx;

	return nftnl_mark(&k->nft, chain, out, out_size, err, err_size);
}

static void real_close(void *ctx)
{
	struct real *k = ctx;

	if (k->in_kernel != NULL)
		k->in_kernel->ops->close(k->in_kernel);
	if (k->userspace != NULL)
		k->userspace->ops->close(k->userspace);
	wg_keep_release(&k->peers);
	arena_release(&k->link_arena);
	rtnl_close(&k->rtnl);
	nftnl_close(&k->nft);
	free(k);
}

static int open_wireguard(struct real *k, enum wg_backend backend, const struct kernel_door *door, char *err, size_t err_size)
{
	int rc = backend == WG_USERSPACE ? 0 : wg_kernel_open(&k->in_kernel, err, err_size);

	if (backend == WG_KERNEL)
		return rc;
	return wg_userspace_open(&k->userspace, door, err, err_size);
}

int kernel_open(struct kernel *k, enum wg_backend backend, const struct kernel_door *door, char *err, size_t err_size)
{
	struct real *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		snprintf(err, err_size, "no memory");
		return -ENOMEM;
	}
	arena_init(&r->link_arena);
	wg_keep_init(&r->peers);
	*k = (struct kernel){ .ctx = r, .observe = real_observe, .apply = real_apply, .check = real_check, .usage = real_usage, .claim = real_claim,
			      .counters = real_counters, .neighbour = real_neighbour,
			      .mark = real_mark, .self = real_self, .close = real_close };
	int rc = nftnl_open(&r->nft, err, err_size);
	if (rc == 0)
		rc = rtnl_open(&r->rtnl, err, err_size);
	if (rc == 0)
		rc = open_wireguard(r, backend, door, err, err_size);
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
