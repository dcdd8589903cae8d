/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/enforce.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apply/mark.h"
#include "base/clock.h"
#include "plan/gate.h"

#define RECENT_SECONDS 180    /* WireGuard's REJECT_AFTER_TIME */
#define TEXT_OPS_MAX 200      /* a first load of thousands needs no list in the log */
#define TEXT_BYTES_MAX ((size_t)1 << 20)

void enforce_count(const struct plan_delta *d, struct change_counts *c)
{
	memset(c, 0, sizeof(*c));
	c->link = d->link;
	c->total = (uint32_t)d->nops;
	for (size_t i = 0; i < d->nops; i++) {
		if (mark_owns(&d->op[i])) { /* says which commit it is, and changes no access */
			c->total--;
			continue;
		}
		switch (d->op[i].kind) {
		case OP_LINK: break;
		case OP_PEER_REMOVE: c->peers_removed++; break;
		case OP_PEER_ADD: c->peers_added++; break;
		case OP_PEER_UPDATE: c->peers_updated++; break;
		case OP_ADDRESS_ADD: c->addresses_added++; break;
		case OP_ADDRESS_REMOVE: c->addresses_removed++; break;
		case OP_ROUTE_ADD: c->routes_added++; break;
		case OP_ROUTE_REMOVE: c->routes_removed++; break;
		case OP_TABLE_ADD: c->tables_added++; break;
		case OP_TABLE_REMOVE: c->tables_removed++; break;
		case OP_SET_ADD: c->sets_added++; break;
		case OP_SET_REMOVE: c->sets_removed++; break;
		case OP_ELEM_ADD: c->elements_added++; break;
		case OP_ELEM_REMOVE: c->elements_removed++; break;
		case OP_CHAIN_ADD: c->chains_added++; break;
		case OP_CHAIN_REMOVE: c->chains_removed++; break;
		case OP_RULES_FLUSH: break;
		case OP_RULES_ADD: c->rules_replaced++; break;
		}
	}
	/* A new chain's rules come with it. */
	c->rules_replaced -= c->rules_replaced < c->chains_added ? c->rules_replaced : c->chains_added;
	if (d->link != 0 && c->total == 0)
		c->total = 1;
}

static bool differs(const struct plan_delta *d)
{
	return d->nops > 0 || d->link != 0;
}

static void count_peers(const struct enforce *e, const struct gw_plan *have, struct ipc_apply_res *res)
{
	res->peers_planned = 0;
	for (size_t i = 0; i < e->want->npeers; i++) {
		const struct gw_peer *p = &e->want->peer[i];
		res->peers_planned += !p->revoked && p->not_before <= e->now && e->now < p->expires;
	}
	res->peers_configured = (uint32_t)have->npeers;
	res->peers_recent = 0;
	for (size_t i = 0; i < have->npeers; i++)
		if (have->peer[i].handshake > 0 && have->peer[i].handshake > e->now - RECENT_SECONDS)
			res->peers_recent++;
}

/* A table that was found to be right, and has not changed since, is left out of the comparison. */
static void compare(const struct enforce *e, const struct gw_plan *have, struct arena *a, struct plan_delta *d)
{
	struct gw_plan h = *have, w = *e->want;

	if (have->nft.serial == 0 || have->nft.serial != *e->same_table) {
		gw_plan_diff(have, e->want, e->now, a, d);
		return;
	}
	memset(&h.nft, 0, sizeof(h.nft));
	memset(&w.nft, 0, sizeof(w.nft));
	gw_plan_diff(&h, &w, e->now, a, d);
	d->want = e->want;
}

static bool table_differs(const struct plan_delta *d)
{
	for (size_t i = 0; i < d->nops; i++)
		if (d->op[i].kind >= OP_TABLE_ADD)
			return true;
	return false;
}

/* What probes want to know while a window is open. */
static void see_window(const struct enforce *e, const struct gw_plan *have, struct ipc_apply_res *res)
{
	const struct nft_set *alive = have->nft.present ? nft_find_set(&have->nft, GATE_ALIVE) : NULL;

	if (e->tunnels == NULL)
		return;
	if (e->base != NULL && !e->tunnels->begun)
		tunnels_begin(e->tunnels, have, e->base, e->want, e->now);
	tunnels_look(e->tunnels, have);
	res->tunnels = (uint32_t)e->tunnels->before.n;
	res->tunnels_back = e->tunnels->back;
	res->alive = alive != NULL && alive->nelems > 0;
}

static int look(const struct enforce *e, enum kernel_look how, struct arena *a, struct plan_delta *d, struct ipc_apply_res *res,
		char *err, size_t err_size)
{
	struct gw_plan *have = arena_new(a, struct gw_plan);
	int ret = e->kernel->observe(e->kernel->ctx, e->want->interface, how, a, have, err, err_size);

	if (ret < 0)
		return ret;
	compare(e, have, a, d);
	if (!table_differs(d))
		*e->same_table = have->nft.serial;
	count_peers(e, have, res);
	if (e->tally != NULL)
		tally_devices(e->tally, have, e->want);
	see_window(e, have, res);
	/* A change costs what changes: it reads counters only to hand them on. */
	if (e->usage != NULL && (e->mode != APPLY_CHANGE || usage_concerns(d)))
		ret = usage_look(e->usage, e->kernel, have, e->want, a, e->now, err, err_size);
	res->peers_unread = how == LOOK_CHANGE && have->npeers > KERNEL_PEERS_READ;
	return ret;
}

static void add_stats(struct kernel_stats *sum, const struct kernel_stats *s)
{
	sum->sent_bytes += s->sent_bytes;
	sum->messages += s->messages;
	sum->nft_bytes += s->nft_bytes;
	sum->wg_bytes += s->wg_bytes;
	sum->rtnl_bytes += s->rtnl_bytes;
}

static void describe(const struct enforce *e, const struct plan_delta *d, struct buf *text)
{
	if (e->mode == APPLY_WATCH || (e->mode != APPLY_DRY && d->nops > TEXT_OPS_MAX))
		return;
	plan_delta_print(d, text);
	if (text->len > TEXT_BYTES_MAX) {
		text->len = TEXT_BYTES_MAX;
		buf_adds(text, "\n… and more\n");
	}
}

static int not_taken(const struct plan_delta *d, char *err, size_t err_size)
{
	struct buf text BUF_CLEANUP = BUF_INIT;

	plan_delta_print(d, &text);
	snprintf(err, err_size, "the kernel said yes and yet differs from the plan in %zu things, first: %.*s", d->nops,
		 (int)strcspn(buf_str(&text), "\n"), buf_str(&text));
	return -EIO;
}

static const enum kernel_look looks[] = {
	[APPLY_ENFORCE] = LOOK_DRIFT,
	[APPLY_DRY] = LOOK_ALL,
	[APPLY_CHANGE] = LOOK_CHANGE,
	[APPLY_WATCH] = LOOK_DRIFT,
	[APPLY_GATE] = LOOK_DRIFT,
};

/*
 * Peers go before the rules, so rules that would be refused are found before. A small change is one transaction of a few messages and not worth
 * the wait.
 */
static bool wants_check(const struct enforce *e, const struct plan_delta *d)
{
	for (size_t i = 0; i < d->nops; i++)
		if (d->op[i].kind == OP_TABLE_ADD)
			return true;
	return e->mode == APPLY_GATE;
}

/* d differs: applies it and looks again, into d. */
static int change(const struct enforce *e, int round, struct arena *a, struct plan_delta *d, struct ipc_apply_res *res, char *err,
		  size_t err_size)
{
	struct kernel_stats st = { 0 };
	int ret = e->usage != NULL ? usage_before(e->usage, d) : 0;

	if (ret == 0 && e->kernel->check != NULL && wants_check(e, d))
		ret = e->kernel->check(e->kernel->ctx, d, err, err_size);
	if (ret < 0)
		return ret;
	ret = e->kernel->apply(e->kernel->ctx, d, e->key, &st, err, err_size);

	add_stats(&res->stats, &st);
	if (ret < 0)
		return ret;
	ret = look(e, looks[e->mode], a, d, res, err, err_size);
	if (ret == 0 && differs(d) && round == 0)
		ret = look(e, LOOK_ALL, a, d, res, err, err_size);
	return ret;
}

static bool changes(enum apply_mode mode)
{
	return mode == APPLY_ENFORCE || mode == APPLY_CHANGE || mode == APPLY_GATE;
}

int enforce_run(const struct enforce *e, struct ipc_apply_res *res, struct buf *text, char *err, size_t err_size)
{
	struct arena a;
	struct plan_delta d = { 0 };

	arena_init(&a);
	int ret = look(e, looks[e->mode], &a, &d, res, err, err_size);
	if (ret == 0) {
		enforce_count(&d, &res->counts);
		describe(e, &d, text);
	}
	for (int round = 0; ret == 0 && changes(e->mode) && differs(&d); round++) {
		if (round == ENFORCE_ROUNDS)
			ret = not_taken(&d, err, err_size);
		else
			ret = change(e, round, &a, &d, res, err, err_size);
	}
	if (e->usage != NULL && ret == 0 && changes(e->mode))
		ret = usage_end(e->usage, e->kernel, e->want, &a, err, err_size);
	if (e->usage != NULL)
		usage_drop(e->usage);
	arena_release(&a);
	return ret;
}
