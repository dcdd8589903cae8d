/* SPDX-License-Identifier: Apache-2.0 */
#include "build/blame.h"

#include <stdio.h>
#include <string.h>

#include "field.h"

#define WORD_MAX 128

struct blaming {
	const struct gw_plan *p;
	struct compile *c;
	struct buf *out;
	const struct object *said[BLAME_MAX];
	size_t n;
};

static void say(struct blaming *b, const struct object *o)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->said[i] == o)
			return;
	if (o == NULL || b->n == BLAME_MAX)
		return;
	b->said[b->n++] = o;
	buf_addf(b->out, "%s%s (%s %s)", b->n > 1 ? ", " : "", diag_loc_text(&b->c->diags, &b->c->arena, o->loc), kind_rows[o->kind].name,
		 o->name);
}

static void say_policy(struct blaming *b, const char *name)
{
	uint32_t i = resolved_find(&b->c->resolved, KIND_POLICY, name);

	if (i != NONE)
		say(b, &b->c->resolved.policy[i].decl->o);
}

/* A rule's comment is its policy, and "+N" for N more like it. */
static void say_rule(struct blaming *b, const struct nft_rule *r)
{
	char name[NFT_COMMENT_MAX + 1];

	if (r->comment == NULL)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(r->comment, " "), r->comment);
	say_policy(b, name);
}

static void say_chain(struct blaming *b, const char *name)
{
	const struct nft_chain *c = nft_find_chain(&b->p->nft, name);

	for (size_t i = 0; c != NULL && i < c->nrules; i++)
		say_rule(b, &c->rule[i]);
}

/* Of a set: whoever looks it up. */
static void say_set(struct blaming *b, const char *name)
{
	if (nft_find_set(&b->p->nft, name) == NULL)
		return;
	for (size_t i = 0; i < b->p->nft.nchains; i++) {
		const struct nft_chain *c = &b->p->nft.chain[i];
		for (size_t k = 0; k < c->nrules; k++)
			for (size_t m = 0; m < c->rule[k].nitems; m++)
				if (c->rule[k].item[m].kind == NFT_MATCH && c->rule[k].item[m].op == NFT_IN_SET &&
				    strcmp(c->rule[k].item[m].name, name) == 0)
					say_rule(b, &c->rule[k]);
	}
}

static void say_peer(struct blaming *b, const struct pubkey *key)
{
	const struct resolved *r = &b->c->resolved;

	for (size_t i = 0; i < r->ndevices; i++)
		if (pubkey_cmp(&r->device[i].decl->public_key, key) == 0)
			say(b, &r->device[i].decl->o);
	for (size_t i = 0; i < r->ngateways; i++)
		if (pubkey_cmp(&r->gateway[i].decl->public_key, key) == 0)
			say(b, &r->gateway[i].decl->o);
}

static bool is_host(struct range r, u128 addr)
{
	return r.lo == addr && r.hi == addr;
}

static bool is_prefix(struct range r, struct prefix p)
{
	struct range q = prefix_range(p);

	return r.lo == q.lo && r.hi == q.hi;
}

/* Whoever has exactly this address or network. */
static void say_range(struct blaming *b, struct range want)
{
	const struct resolved *r = &b->c->resolved;

	for (size_t i = 0; i < r->ngateways; i++)
		for (size_t k = 0; k < r->gateway[i].decl->addresses.n; k++)
			if (is_host(want, r->gateway[i].decl->addresses.v[k]))
				say(b, &r->gateway[i].decl->o);
	for (size_t i = 0; i < r->ndevices; i++) {
		const struct device *d = r->device[i].decl;
		for (size_t k = 0; k < d->addresses.n; k++)
			if (is_host(want, d->addresses.v[k]))
				say(b, &d->o);
		for (size_t k = 0; k < d->networks.n; k++)
			if (is_prefix(want, d->networks.v[k]))
				say(b, &d->o);
	}
	for (size_t i = 0; i < r->nsites; i++)
		for (size_t k = 0; k < r->site[i].decl->networks.n; k++)
			if (is_prefix(want, r->site[i].decl->networks.v[k]))
				say(b, &r->site[i].decl->o);
	for (size_t k = 0; k < r->network->pools.n; k++)
		if (is_prefix(want, r->network->pools.v[k]))
			say(b, &r->network->o);
}

static void say_word(struct blaming *b, const char *word, size_t len)
{
	struct pubkey key;
	struct prefix p, fixed;
	u128 addr;

	if (pubkey_parse(word, len, &key) == KEY_OK)
		say_peer(b, &key);
	else if (prefix_parse(word, len, &p, &fixed) == ADDR_OK)
		say_range(b, prefix_range(p));
	else if (addr_parse(word, len, &addr) == ADDR_OK)
		say_range(b, (struct range){ addr, addr });
	say_chain(b, word);
	say_set(b, word);
}

/* A rule that is named by its policy is not one of its chain's others. */
static bool say_quoted(struct blaming *b, const char *refusal)
{
	const char *from = strchr(refusal, '"');
	const char *to = from != NULL ? strchr(from + 1, '"') : NULL;
	char name[WORD_MAX];

	if (to == NULL || (size_t)(to - from) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(from + 1, " \""), from + 1);
	size_t before = b->n;
	say_policy(b, name);
	return b->n > before;
}

void blame(const char *refusal, const struct gw_plan *p, struct compile *c, struct buf *out)
{
	static const char ends[] = " \t\n\"',;()";
	struct blaming b = { .p = p, .c = c, .out = out };
	char word[WORD_MAX];

	if (say_quoted(&b, refusal))
		return;
	for (const char *at = refusal + strspn(refusal, ends); *at != '\0'; at += strspn(at, ends)) {
		size_t n = strcspn(at, ends), len = n;
		while (len > 0 && (at[len - 1] == ':' || at[len - 1] == '.'))
			len--;
		if (len > 0 && len < sizeof(word)) {
			memcpy(word, at, len);
			word[len] = '\0';
			say_word(&b, word, len);
		}
		at += n;
	}
}
