/* SPDX-License-Identifier: Apache-2.0 */
/* wg_kernel - the kernel's WireGuard. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include <sodium.h>

#include "kernel/nl_attr.h"
#include "kernel/nl_sock.h"
#include "kernel/wg_genl.h"

struct wg_kernel {
	struct wg_conn base;
	struct nl_sock sock;
	uint16_t family;
	char *buf; /* WG_MESSAGE_MAX bytes of sodium_malloc: requests may hold the private key */
};

static struct wg_kernel *of(struct wg_conn *c)
{
	return (struct wg_kernel *)((char *)c - offsetof(struct wg_kernel, base));
}

static int talk(struct wg_kernel *k, struct nlmsghdr *nlh, nl_message_fn fn, void *arg)
{
	int rc = nl_talk(&k->sock, nlh, fn, arg);

	k->base.sent_bytes = k->sock.sent_bytes;
	k->base.messages = k->sock.messages;
	return rc;
}

struct reading {
	struct wg_peers peers;
	struct gw_plan *p;
};

static int see_device(const struct nlmsghdr *nlh, void *arg)
{
	struct reading *r = arg;

	return wg_genl_parse(nlh, &r->peers, r->p);
}

static int kernel_observe(struct wg_conn *c, const char *interface, struct arena *a, struct gw_plan *p, char *err,
			  size_t err_size)
{
	struct wg_kernel *k = of(c);
	int rc = -EINTR;

	for (int i = 0; i < NL_TRIES && rc == -EINTR; i++) {
		struct reading r = { .peers = { .a = a }, .p = p };
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(k->buf);
		nlh->nlmsg_type = k->family;
		nlh->nlmsg_flags = NLM_F_DUMP;
		struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
		genl->cmd = WG_CMD_GET_DEVICE;
		genl->version = WG_GENL_VERSION;
		mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, interface);
		rc = talk(k, nlh, see_device, &r);
		wg_peers_finish(&r.peers, p);
	}
	if (rc == -EINTR)
		rc = -EAGAIN;
	if (rc < 0)
		snprintf(err, err_size, "cannot read WireGuard interface %s: %s", interface, strerror(-rc));
	return rc;
}

static int send_request(void *arg, struct nlmsghdr *nlh)
{
	return talk(arg, nlh, NULL, NULL);
}

static struct wg_genl_writer writer(struct wg_kernel *k, const char *interface)
{
	return (struct wg_genl_writer){ .buf = k->buf, .family = k->family, .interface = interface,
					.send = send_request, .arg = k };
}

static int kernel_set_device(struct wg_conn *c, const struct plan_delta *d, const struct seckey *key, char *err,
			     size_t err_size)
{
	struct wg_kernel *k = of(c);
	struct wg_genl_writer w = writer(k, d->want->interface);

	if (!(d->link & (LINK_KEY | LINK_PORT)))
		return 0;
	wg_genl_begin(&w);
	wg_genl_put_device(&w, d->link & LINK_KEY ? key : NULL, d->link & LINK_PORT ? d->want->listen_port : -1);
	int rc = talk(k, w.nlh, NULL, NULL);
	sodium_memzero(k->buf, WG_MESSAGE_MAX);
	if (rc < 0)
		snprintf(err, err_size, "the kernel refused to set%s%s%s of %s: %s", d->link & LINK_KEY ? " the key" : "",
			 (d->link & LINK_KEY) && (d->link & LINK_PORT) ? " and" : "",
			 d->link & LINK_PORT ? " the listen port" : "", d->want->interface, strerror(-rc));
	return rc;
}

static void refused(const struct wg_genl_writer *w, enum wg_phase phase, int rc, char *err, size_t err_size)
{
	char key[KEY_TEXT_MAX];
	const char *verb = phase == WG_GRANT ? "set" : "remove";

	if (w->npeers == 1)
		snprintf(err, err_size, "the kernel refused to %s peer %s%s%s%s of %s: %s", verb,
			 pubkey_format(&w->first->public_key, key), w->first->name ? " (" : "",
			 w->first->name ? w->first->name : "", w->first->name ? ")" : "", w->interface, strerror(-rc));
	else
		snprintf(err, err_size, "the kernel refused to %s one of %zu peers of %s, %s or after: %s", verb, w->npeers,
			 w->interface, w->first ? pubkey_format(&w->first->public_key, key) : "?", strerror(-rc));
}

static int kernel_set_peers(struct wg_conn *c, const struct plan_delta *d, enum wg_phase phase, char *err, size_t err_size)
{
	struct wg_genl_writer w = writer(of(c), d->want->interface);
	struct wg_change change = { 0 };

	wg_genl_begin(&w);
	for (size_t i = 0; i < d->nops && w.rc == 0; i++)
		if (wg_change_get(&change, &d->op[i], phase))
			wg_genl_put_peer(&w, &change);
	int rc = w.rc == 0 ? wg_genl_end(&w) : w.rc;
	if (rc < 0)
		refused(&w, phase, rc, err, err_size);
	wg_change_release(&change);
	return rc;
}

static void kernel_close_wg(struct wg_conn *c)
{
	struct wg_kernel *k = of(c);

	nl_close(&k->sock);
	sodium_free(k->buf);
	free(k);
}

static int see_family(const struct nlmsghdr *nlh, void *arg)
{
	uint16_t *family = arg;
	const struct nlattr *attr;

	attr_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			*family = mnl_attr_get_u16(attr);
	return 0;
}

static int find_family(struct wg_kernel *k)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(k->buf);

	nlh->nlmsg_type = GENL_ID_CTRL;
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	int rc = nl_talk(&k->sock, nlh, see_family, &k->family);
	return rc == -ENOENT || (rc == 0 && k->family == 0) ? -EOPNOTSUPP : rc;
}

static const struct wg_ops ops = {
	.observe = kernel_observe,
	.set_device = kernel_set_device,
	.set_peers = kernel_set_peers,
	.close = kernel_close_wg,
};

int wg_kernel_open(struct wg_conn **c, char *err, size_t err_size)
{
	struct wg_kernel *k = calloc(1, sizeof(*k));
	int rc = -ENOMEM;

	if (k == NULL || sodium_init() < 0 || (k->buf = sodium_malloc(WG_MESSAGE_MAX)) == NULL)
		goto fail;
	k->base.ops = &ops;
	rc = nl_open(&k->sock, NETLINK_GENERIC);
	if (rc == 0)
		rc = find_family(k);
	if (rc < 0)
		goto fail;
	k->sock.secret = true;
	*c = &k->base;
	return 0;
fail:
	snprintf(err, err_size, rc == -EOPNOTSUPP ? "this kernel has no WireGuard" : "cannot reach the kernel's WireGuard: %s",
		 strerror(-rc));
	if (k != NULL)
		kernel_close_wg(&k->base);
	return rc;
}
