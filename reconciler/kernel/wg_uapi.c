/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/wg_uapi.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <sodium.h>

#include "base/bug.h"

bool wg_interface_name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=+.-";
	size_t n = strlen(name);

	return n > 0 && n < IFNAMSIZ && strspn(name, letters) == n && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool hex_get(const char *s, size_t n, uint8_t out[static 32])
{
	size_t got = 0;

	return n == 64 && sodium_hex2bin(out, 32, s, n, NULL, &got, NULL) == 0 && got == 32;
}

static bool number_get(const char *s, size_t n, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (n == 0 || n > 19)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = v;
	return v <= max;
}

static bool take_private_key(struct wg_uapi_reader *r, const char *s, size_t n)
{
	uint8_t key[32];
	bool ok = hex_get(s, n, key);

	if (ok && !sodium_is_zero(key, sizeof(key)))
		ok = crypto_scalarmult_base(r->p->public_key.b, key) == 0;
	sodium_memzero(key, sizeof(key));
	return ok;
}

static bool take_listen_port(struct wg_uapi_reader *r, const char *s, size_t n)
{
	uint64_t v;
	bool ok = number_get(s, n, 65535, &v);

	if (ok)
		r->p->listen_port = (uint16_t)v;
	return ok;
}

static bool take_public_key(struct wg_uapi_reader *r, const char *s, size_t n)
{
	struct pubkey key;
	bool ok = hex_get(s, n, key.b);

	if (ok)
		r->peer = wg_peers_get(&r->peers, &key);
	return ok;
}

/* What has no place on our axis still has to show as different from all that does: it is taken for an impossible prefix. */
static bool take_allowed_ip(struct wg_uapi_reader *r, const char *s, size_t n)
{
	struct prefix ip, fixed;
	enum addr_error e = prefix_parse(s, n, &ip, &fixed);

	if (e == ADDR_HOST_BITS)
		ip = fixed;
	else if (e == ADDR_MAPPED)
		ip = (struct prefix){ ADDR_V4_FIRST, 128 };
	else if (e != ADDR_OK)
		return false;
	wg_peers_ip(&r->peers, ip);
	return r->peer != NULL;
}

static bool take_keepalive(struct wg_uapi_reader *r, const char *s, size_t n)
{
	uint64_t v;
	bool ok = r->peer != NULL && number_get(s, n, 65535, &v);

	if (ok)
		r->peer->keepalive = (uint16_t)v;
	return ok;
}

/* "192.0.2.1:51820", "[2001:db8::1]:51820"; an address that is none of ours, such as a scoped one, is taken for ::. */
static bool take_endpoint(struct wg_uapi_reader *r, const char *s, size_t n)
{
	const char *colon = memrchr(s, ':', n);
	uint64_t port;
	u128 addr;

	if (r->peer == NULL || colon == NULL || !number_get(colon + 1, n - (size_t)(colon - s) - 1, 65535, &port))
		return false;
	n = (size_t)(colon - s);
	if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
		s++;
		n -= 2;
	}
	r->peer->endpoint.addr = addr_parse(s, n, &addr) == ADDR_OK ? addr : 0;
	r->peer->endpoint.port = (uint16_t)port;
	return true;
}

static bool take_handshake(struct wg_uapi_reader *r, const char *s, size_t n)
{
	uint64_t v;
	bool ok = r->peer != NULL && number_get(s, n, INT64_MAX, &v);

	if (ok)
		r->peer->handshake = (int64_t)v;
	return ok;
}

static bool take_rx(struct wg_uapi_reader *r, const char *s, size_t n)
{
	return r->peer != NULL && number_get(s, n, UINT64_MAX, &r->peer->rx_bytes);
}

static bool take_tx(struct wg_uapi_reader *r, const char *s, size_t n)
{
	return r->peer != NULL && number_get(s, n, UINT64_MAX, &r->peer->tx_bytes);
}

/* Other keys are passed over: newer programs say more. */
static const struct {
	const char *key;
	bool (*take)(struct wg_uapi_reader *r, const char *s, size_t n);
} rows[] = {
	{ "private_key", take_private_key },
	{ "listen_port", take_listen_port },
	{ "public_key", take_public_key },
	{ "allowed_ip", take_allowed_ip },
	{ "endpoint", take_endpoint },
	{ "persistent_keepalive_interval", take_keepalive },
	{ "last_handshake_time_sec", take_handshake },
	{ "rx_bytes", take_rx },
	{ "tx_bytes", take_tx },
};

static int take_errno(struct wg_uapi_reader *r, const char *s, size_t n)
{
	uint64_t v;
	bool negative = n > 0 && *s == '-';

	if (!number_get(s + negative, n - negative, INT32_MAX, &v))
		return -EBADMSG;
	r->code = (int64_t)v;
	return 0;
}

int wg_uapi_line(struct wg_uapi_reader *r, const char *line, size_t len)
{
	const char *eq = memchr(line, '=', len);

	if (len == 0) {
		r->ended = true;
		return 0;
	}
	if (eq == NULL)
		return -EBADMSG;
	size_t key_len = (size_t)(eq - line), n = len - key_len - 1;
	if (key_len == 5 && memcmp(line, "errno", 5) == 0)
		return take_errno(r, eq + 1, n);
	for (size_t i = 0; r->p != NULL && i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].key) == key_len && memcmp(rows[i].key, line, key_len) == 0)
			return rows[i].take(r, eq + 1, n) ? 0 : -EBADMSG;
	return 0;
}

void wg_uapi_put_peer(struct buf *b, const struct wg_change *c)
{
	char hex[65], text[ADDR_TEXT_MAX];

	buf_addf(b, "public_key=%s\n", sodium_bin2hex(hex, sizeof(hex), c->peer->public_key.b, KEY_BYTES));
	if (c->remove) {
		buf_adds(b, "update_only=true\nremove=true\n");
		return;
	}
	if (c->set_endpoint) {
		buf_adds(b, "endpoint=");
		gw_endpoint_print(&c->peer->endpoint, b);
		buf_addc(b, '\n');
	}
	if (c->set_keepalive)
		buf_addf(b, "persistent_keepalive_interval=%u\n", c->peer->keepalive);
	if (c->replace)
		buf_adds(b, "replace_allowed_ips=true\n");
	for (size_t i = 0; i < c->nips; i++)
		buf_addf(b, "allowed_ip=%s\n", prefix_format(c->ip[i], text));
}
