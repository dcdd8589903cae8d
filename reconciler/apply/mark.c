/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/mark.h"

#include <stdio.h>
#include <string.h>

#include "state/hwm.h"

void mark_init(struct mark *m)
{
	memset(m, 0, sizeof(*m));
}

static void put_in(struct mark *m, struct gw_plan *p, struct arena *a)
{
	const struct nft_chain ours = { .name = HWM_CHAIN, .hook = NFT_HOOK_NONE, .rule = &m->rule, .nrules = 1 };
	size_t at = 0;

	if (m->with == NULL)
		m->with = arena_array(a, m->nwithout + 1, struct nft_chain);
	while (at < m->nwithout && strcmp(m->without[at].name, HWM_CHAIN) < 0)
		at++;
	if (m->nwithout > 0) {
		memcpy(m->with, m->without, at * sizeof(ours));
		memcpy(m->with + at + 1, m->without + at, (m->nwithout - at) * sizeof(ours));
	}
	m->with[at] = ours;
	p->nft.chain = m->with;
	p->nft.nchains = m->nwithout + 1;
}

bool mark_set(struct mark *m, struct gw_plan *p, const char *text, struct arena *a)
{
	if (m->without == NULL) {
		m->without = p->nft.chain;
		m->nwithout = p->nft.nchains;
	}
	if (strcmp(m->text, text) == 0)
		return false;
	snprintf(m->text, sizeof(m->text), "%s", text);
	m->rule = (struct nft_rule){ .comment = m->text };
	if (*text != '\0') {
		put_in(m, p, a);
	} else {
		p->nft.chain = m->without;
		p->nft.nchains = m->nwithout;
	}
	return true;
}

bool mark_owns(const struct plan_op *op)
{
	return op->chain != NULL && strcmp(op->chain->name, HWM_CHAIN) == 0;
}

void mark_remove(struct gw_plan *p, struct arena *a)
{
	struct nft_chain *chain = arena_array(a, p->nft.nchains, struct nft_chain);
	size_t n = 0;

	for (size_t i = 0; i < p->nft.nchains; i++)
		if (strcmp(p->nft.chain[i].name, HWM_CHAIN) != 0)
			chain[n++] = p->nft.chain[i];
	p->nft.chain = chain;
	p->nft.nchains = n;
}
