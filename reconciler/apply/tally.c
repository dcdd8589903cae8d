/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc.h"
#include "report/text.h"

void tally_release(struct tally *t)
{
	vec_release(&t->rule);
	vec_release(&t->policy);
	vec_release(&t->device);
}

/* Both sides are in the order of public keys. */
void tally_devices(struct tally *t, const struct gw_plan *have, const struct gw_plan *want)
{
	if (!(t->wanted & TALLY_DEVICES))
		return;
	t->device.n = 0;
	for (size_t i = 0, k = 0; i < have->npeers && k < want->npeers;) {
		const struct gw_peer *h = &have->peer[i], *w = &want->peer[k];
		int c = pubkey_cmp(&h->public_key, &w->public_key);
		if (c == 0 && w->name != NULL) {
			struct tally_device d = { .handshake = h->handshake, .rx_bytes = h->rx_bytes, .tx_bytes = h->tx_bytes };
			snprintf(d.name, sizeof(d.name), "%s", w->name);
			vec_push(&t->device, d);
		}
		i += c <= 0;
		k += c >= 0;
	}
}

static int policy_cmp(const void *a, const void *b)
{
	return strcmp(((const struct tally_policy *)a)->name, ((const struct tally_policy *)b)->name);
}

static int rule_cmp(const void *a, const void *b)
{
	const struct tally_rule *x = a, *y = b;

	return x->handle < y->handle ? -1 : x->handle > y->handle;
}

static struct tally_policy *policy_of(struct tally *t, const char *name)
{
	struct tally_policy key = { .name = "" };
	size_t i = 0;

	snprintf(key.name, sizeof(key.name), "%s", name);
	while (i < t->policy.n && policy_cmp(&t->policy.v[i], &key) < 0)
		i++;
	if (i < t->policy.n && policy_cmp(&t->policy.v[i], &key) == 0)
		return &t->policy.v[i];
	vec_push(&t->policy, key);
	memmove(&t->policy.v[i + 1], &t->policy.v[i], (t->policy.n - 1 - i) * sizeof(key));
	t->policy.v[i] = key;
	return &t->policy.v[i];
}

static void count(struct tally *t, const struct nft_counted *r, bool accepts, uint64_t packets, uint64_t bytes)
{
	if (r->rule.comment == NULL) {
		t->denied_packets += packets;
		t->denied_bytes += bytes;
		return;
	}
	struct tally_policy *p = policy_of(t, r->rule.comment);
	*(accepts ? &p->accepted_packets : &p->dropped_packets) += packets;
	*(accepts ? &p->accepted_bytes : &p->dropped_bytes) += bytes;
}

static const struct nft_item *counter_of(const struct nft_counted *r)
{
	/* Without a policy's name only the end of all that is denied counts. */
	if (r->rule.comment == NULL && strcmp(r->chain, "denied") != 0)
		return NULL;
	for (size_t i = 0; i + 1 < r->rule.nitems; i++)
		if (r->rule.item[i].kind == NFT_COUNTER)
			return &r->rule.item[i];
	return NULL;
}

void tally_rules(struct tally *t, const struct nft_counted *rule, size_t n)
{
	VEC(struct tally_rule) now = VEC_INIT;

	for (size_t i = 0; i < n; i++) {
		const struct nft_item *c = counter_of(&rule[i]);
		if (c == NULL)
			continue;
		struct tally_rule r = { rule[i].rule.handle, c->packets, c->bytes };
		const struct tally_rule *old =
			t->rule.n ? bsearch(&r, t->rule.v, t->rule.n, sizeof(r), rule_cmp) : NULL;
		/* A handle that counts less is another rule's: the table was made anew. */
		bool same = old != NULL && old->packets <= r.packets && old->bytes <= r.bytes;
		count(t, &rule[i], rule[i].rule.item[rule[i].rule.nitems - 1].kind == NFT_ACCEPT, r.packets - (same ? old->packets : 0),
		      r.bytes - (same ? old->bytes : 0));
		vec_push(&now, r);
	}
	if (now.n > 1)
		qsort(now.v, now.n, sizeof(*now.v), rule_cmp);
	vec_release(&t->rule);
	t->rule.v = now.v;
	t->rule.n = now.n;
	t->rule.cap = now.cap;
}

static int encode(const struct tally *t)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	struct tally_head h;

	memset(&h, 0, sizeof(h));
	h.magic = TALLY_MAGIC;
	h.npolicies = (uint32_t)t->policy.n;
	h.ndevices = (uint32_t)t->device.n;
	h.denied_packets = t->denied_packets;
	h.denied_bytes = t->denied_bytes;
	buf_add(&b, &h, sizeof(h));
	buf_add(&b, t->policy.v, t->policy.n * sizeof(*t->policy.v));
	buf_add(&b, t->device.v, t->device.n * sizeof(*t->device.v));
	return b.len <= TALLY_BYTES_MAX ? ipc_memfd("tally", b.p, b.len) : -EFBIG;
}

int tally_take(struct tally *t, struct kernel *k, uint64_t now_us)
{
	struct nft_counted *rule;
	struct arena a;
	size_t n;

	if (now_us < t->next_us || k->counters == NULL)
		return -EAGAIN;
	arena_init(&a);
	if (t->wanted & TALLY_POLICIES && k->counters(k->ctx, &a, &rule, &n) == 0)
		tally_rules(t, rule, n);
	arena_release(&a);
	uint64_t cost = (text_clock_us() - now_us) * TALLY_COST;
	t->next_us = now_us + (cost > TALLY_MS * 1000ull ? cost : TALLY_MS * 1000ull - 1000000);
	return encode(t);
}
