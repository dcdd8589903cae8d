/* SPDX-License-Identifier: Apache-2.0 */
/* wg_keep - an interface's peers as they were last read or written: reading tens of thousands again takes longer than changing one. */
#pragma once

#include "kernel/wg.h"

#define WG_KEEP_OPS_MAX 64 /* a change of more peers is followed by reading all */

struct wg_keep {
	bool valid;
	uint32_t link;    /* index of the interface that it was read from: a new one of the same name is another */
	struct gw_plan p; /* public_key, listen_port and peers */
	size_t room;      /* for peers */
	struct arena a;
};

void wg_keep_init(struct wg_keep *k);
void wg_keep_release(struct wg_keep *k);
/* Reads the device. 0, or what wg_ops.observe returns. */
int wg_keep_read(struct wg_keep *k, struct wg_conn *c, const char *interface, uint32_t link, char *err, size_t err_size);
/* After the peer ops of d were carried out: brings the copy up to date, or makes it void. Peers on the `have` side of d are no longer what they were. */
void wg_keep_follow(struct wg_keep *k, const struct plan_delta *d);
