/* SPDX-License-Identifier: Apache-2.0 */
/* emit - plans to artifacts: a table of writers, each a pure function into a buffer. */
#pragma once

#include "base/buf.h"
#include "base/outdir.h"
#include "plan/plan.h"

void emit_wireguard_conf(const struct gw_plan *p, struct buf *out); /* for `wg syncconf`, no private key */
void emit_ruleset(const struct gw_plan *p, struct buf *out);        /* for `nft -f`, nft 1.0.6 and later */
void emit_state_json(const struct gw_plan *p, struct buf *out);
/* Whether the gateway takes part in a link; else it has none of the next two. */
bool emit_linked(const struct gw_plan *p);
void emit_links_conf(const struct gw_plan *p, struct buf *out); /* for `wg addconf`: the other gateways alone */
void emit_links_json(const struct resolved *r, uint32_t gateway, const struct gw_plan *p, struct buf *out);
void emit_profile_json(const struct device_profile *p, const struct network *n, struct buf *out);
void emit_profile_conf(const struct device_profile *p, const struct network *n, struct buf *out); /* wg-quick(8) form */

/* One set, rule or element in nft's words, without a newline; for yettctl diff. */
void emit_nft_rule(const struct nft_rule *r, struct buf *out);
void emit_nft_elem(const struct nft_set *s, const struct nft_elem *e, struct buf *out);

/*
 * Everything `yett build` writes: gateways/G/{wireguard.conf,ruleset.nft,state.json}, links/G/{links.json,wireguard.conf} of
 * gateways in links, profiles/D.{json,conf}, manifest.json. only[] names the gateways wanted
 * (nonly == 0: all gateways and all profiles; else those gateways and no profiles). commit may be NULL. 0, or a negative errno and err.
 */
int emit_all(struct outdir *o, const struct access *x, const struct resolved *r, const char *commit,
	     const uint32_t *only, size_t nonly, struct arena *a, struct diags *d, char *err, size_t err_size);
