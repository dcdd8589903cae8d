/* SPDX-License-Identifier: Apache-2.0 */
/* wg_uapi - the text of the userspace WireGuard socket, apart from the socket that carries it. */
#pragma once

#include "base/buf.h"
#include "kernel/wg.h"

/* What a reply to get=1 or set=1 has said so far. */
struct wg_uapi_reader {
	struct wg_peers peers;
	struct gw_plan *p;    /* NULL: a reply to set=1 */
	struct gw_peer *peer; /* being read */
	bool ended;           /* the empty line came */
	int64_t code;         /* errno=; -1 until it comes */
};

/* Takes one line without its newline; a private key in it becomes the public key and is not kept. 0 or -EBADMSG. */
int wg_uapi_line(struct wg_uapi_reader *r, const char *line, size_t len);
/* Appends one peer to a set=1 request. */
void wg_uapi_put_peer(struct buf *b, const struct wg_change *c);
/* Letters, digits and _ = + . -, at most 15, and no directory: fit to be part of a path. */
bool wg_interface_name_valid(const char *name);
