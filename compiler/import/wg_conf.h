/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_conf - a .conf of wg(8) or wg-quick(8), to what it says.
 *
 * No secret leaves the reader: of a private key only the public half is kept, of a preshared key only that there is
 * one. No message quotes a value or a line, for any of them may hold a key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/key.h"
#include "import/import.h"

#define WG_CONF_BYTES_MAX (4u << 20)
#define WG_CONF_LINE_MAX 65536u
#define WG_CONF_PEERS_MAX 100000u
#define WG_CONF_ADDRESSES_MAX 400000u
#define WG_CONF_OWN_MAX 64u /* addresses of one [Interface] */

/* An address with a length: its host bits may be set. */
struct wg_address {
	u128 addr;
	uint8_t len;
	struct loc loc;
};
typedef VEC(struct wg_address) wg_addresses;

struct wg_text {
	const char *text;
	struct loc loc;
};
typedef VEC(struct wg_text) wg_texts;

struct wg_number {
	bool set;
	uint32_t value;
	struct loc loc;
};

struct wg_peer {
	struct loc loc;
	bool has_key;
	struct pubkey key;
	const char *name; /* "# Name = ..." in it or right above it, or NULL */
	const char *hint; /* another short comment there, or NULL */
	const char *host; /* Endpoint, or NULL */
	uint16_t port;
	struct loc endpoint_loc;
	wg_addresses allowed;
	struct wg_number keepalive; /* 0: off */
	wg_texts comment;
};

struct wg_conf {
	struct loc loc; /* of [Interface] */
	bool has_key;
	struct pubkey key;
	const char *name;
	const char *file_name; /* "wg0" of /etc/wireguard/wg0.conf */
	wg_addresses address;
	wg_addresses dns;
	wg_texts search;
	struct wg_number listen_port, mtu;
	wg_texts comment;
	VEC(struct wg_peer) peer;
};

/*
 * Lists are on the heap (wg_conf_release()), texts in im's arena. What has no counterpart at all (wg-quick's commands,
 * preshared keys, ...) gets its W_IMPORT here. false: E_IMPORTs were added, as many as the file has.
 */
bool wg_conf_parse(struct wg_conf *c, struct import *im, uint32_t file, const char *data, size_t len);
void wg_conf_release(struct wg_conf *c);
