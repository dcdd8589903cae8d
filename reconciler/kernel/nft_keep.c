/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/nft_keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "kernel/nft_dump.h"
#include "kernel/nft_wire.h"

#define GARBAGE_MAX ((size_t)16 << 20) /* of what was replaced since the whole reading */

void nft_keep_init(struct nft_keep *k)
{
	memset(k, 0, sizeof(*k));
	arena_init(&k->a);
}

static void forget_old(struct nft_keep *k)
{
	free(k->old_chain);
	free(k->old_set);
	k->old_chain = NULL;
	k->old_set = NULL;
}

void nft_keep_drop(struct nft_keep *k)
{
	k->valid = false; /* the memory stays: a delta may still point into it */
}

void nft_keep_release(struct nft_keep *k)
{
	forget_old(k);
	vec_release(&k->chain);
	vec_release(&k->set);
	vec_release(&k->room);
	arena_release(&k->a);
	memset(&k->t, 0, sizeof(k->t));
	k->valid = false;
}

/* What others see of the arrays. */
static void show(struct nft_keep *k)
{
	k->t.chain = k->chain.v;
	k->t.nchains = k->chain.n;
	k->t.set = k->set.v;
	k->t.nsets = k->set.n;
	k->t.serial = ++k->serial;
}

static int64_t boot_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

int nft_keep_read(struct nft_keep *k, struct nl_sock *s)
{
	int rc = -EINTR;

	for (int i = 0; i < NL_TRIES && rc == -EINTR; i++) {
		nft_keep_release(k);
		rc = nft_dump_table(s, &k->a, &k->t, &k->generation);
	}
	if (rc < 0)
		return rc == -EINTR ? -EAGAIN : rc;
	for (size_t i = 0; i < k->t.nchains; i++)
		vec_push(&k->chain, k->t.chain[i]);
	for (size_t i = 0; i < k->t.nsets; i++) {
		vec_push(&k->set, k->t.set[i]);
		vec_push(&k->room, k->t.set[i].nelems);
	}
	show(k);
	k->read_at = boot_seconds();
	k->read_used = k->a.used;
	k->valid = true;
	return 0;
}

/* ---- following one change ---- */

static size_t chain_at(const struct nft_keep *k, const char *name)
{
	size_t lo = 0, hi = k->chain.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(k->chain.v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct nft_chain *chain_of(struct nft_keep *k, const char *name)
{
	size_t i = chain_at(k, name);

	return i < k->chain.n && strcmp(k->chain.v[i].name, name) == 0 ? &k->chain.v[i] : NULL;
}

static size_t set_at(const struct nft_keep *k, const char *name)
{
	size_t lo = 0, hi = k->set.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(k->set.v[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool set_is(const struct nft_keep *k, size_t i, const char *name)
{
	return i < k->set.n && strcmp(k->set.v[i].name, name) == 0;
}

static bool is_hash(enum nft_set_kind kind)
{
	return kind == NFT_MAP_CLASS4 || kind == NFT_MAP_CLASS6 || kind == NFT_MAP_CHAIN ||
	       kind == NFT_SET_RATE || kind == NFT_SET_QUOTA;
}

static int add_chain(struct nft_keep *k, const struct nft_chain *c)
{
	size_t i = chain_at(k, c->name);
	const struct nft_chain mine = { .name = arena_strdup(&k->a, c->name), .hook = c->hook };

	vec_push(&k->chain, mine);
	memmove(&k->chain.v[i + 1], &k->chain.v[i], (k->chain.n - 1 - i) * sizeof(mine));
	k->chain.v[i] = mine;
	return 0;
}

static int remove_chain(struct nft_keep *k, const char *name)
{
	struct nft_chain *c = chain_of(k, name);

	if (c == NULL)
		return -ENOENT;
	k->chain.n--;
	memmove(c, c + 1, (size_t)(&k->chain.v[k->chain.n] - c) * sizeof(*c));
	return 0;
}

static int flush_chain(struct nft_keep *k, const char *name)
{
	struct nft_chain *c = chain_of(k, name);

	if (c == NULL)
		return -ENOENT;
	c->nrules = 0;
	return 0;
}

static int read_rules(struct nft_keep *k, struct nl_sock *s, const char *name)
{
	struct nft_chain *c = chain_of(k, name);

	return c == NULL ? -ENOENT : nft_dump_rules(s, &k->a, c);
}

static int add_set(struct nft_keep *k, const struct nft_set *s)
{
	size_t i = set_at(k, s->name);
	struct nft_set mine = *s;

	mine.name = arena_strdup(&k->a, s->name);
	mine.elem = NULL;
	mine.nelems = 0;

	vec_push(&k->set, mine);
	memmove(&k->set.v[i + 1], &k->set.v[i], (k->set.n - 1 - i) * sizeof(mine));
	k->set.v[i] = mine;
	vec_push(&k->room, (size_t)0);
	memmove(&k->room.v[i + 1], &k->room.v[i], (k->room.n - 1 - i) * sizeof(size_t));
	k->room.v[i] = 0;
	return 0;
}

static int remove_set(struct nft_keep *k, const char *name)
{
	size_t i = set_at(k, name);

	if (!set_is(k, i, name))
		return -ENOENT;
	k->set.n--;
	memmove(&k->set.v[i], &k->set.v[i + 1], (k->set.n - i) * sizeof(*k->set.v));
	k->room.n--;
	memmove(&k->room.v[i], &k->room.v[i + 1], (k->room.n - i) * sizeof(size_t));
	return 0;
}

/* The first of elements from.. that is not before e. */
static size_t elem_at(const struct nft_set *set, size_t from, const struct nft_elem *e)
{
	size_t lo = from, hi = set->nelems;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (nft_elem_cmp(&set->elem[mid], e) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Takes n elements out, closing the gaps as it goes. Their ops may point into the same array: what lies behind the gap is still in its
 * place, and an op is never looked at again once its element was passed.
 */
static int remove_elems(struct nft_set *set, const struct plan_op *op, size_t n)
{
	size_t read = 0, write = 0;

	for (size_t k = 0; k <= n; k++) {
		size_t end = k < n ? elem_at(set, read, op[k].elem) : set->nelems;
		if (k < n && (end == set->nelems || nft_elem_cmp(&set->elem[end], op[k].elem) != 0))
			return -ENOENT;
		if (write != read)
			memmove(&set->elem[write], &set->elem[read], (end - read) * sizeof(*set->elem));
		write += end - read;
		read = end + 1;
	}
	set->nelems = write;
	return 0;
}

static void make_room(struct nft_keep *k, size_t i, size_t more)
{
	struct nft_set *set = &k->set.v[i];
	size_t need = set->nelems + more;

	if (need <= k->room.v[i])
		return;
	k->room.v[i] = need + need / 4 + 16;
	struct nft_elem *elem = arena_array(&k->a, k->room.v[i], struct nft_elem);
	if (set->nelems > 0)
		memcpy(elem, set->elem, set->nelems * sizeof(*elem));
	set->elem = elem;
}

/* Puts n sorted elements in, from the end: only what lies after the first of them moves. */
static void insert_elems(struct nft_set *set, const struct nft_elem *e, size_t n)
{
	size_t i = set->nelems, w = set->nelems + n;

	while (n > 0) {
		if (i > 0 && nft_elem_cmp(&set->elem[i - 1], &e[n - 1]) > 0)
			set->elem[--w] = set->elem[--i];
		else
			set->elem[--w] = e[--n];
	}
}

static int add_elems(struct nft_keep *k, struct nl_sock *s, size_t i, const struct plan_op *op, size_t n)
{
	struct nft_elem *e = calloc(n, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	int rc = nft_dump_elems(s, &k->a, &k->set.v[i], op, n, e);
	if (rc == 0) {
		make_room(k, i, n);
		insert_elems(&k->set.v[i], e, n);
		k->set.v[i].nelems += n;
	}
	free(e);
	return rc;
}

/* Interval sets are read as a whole: their elements lie on the wire as starts and ends that belong together. */
static int read_set(struct nft_keep *k, struct nl_sock *s, size_t i)
{
	int rc = nft_dump_set(s, &k->a, &k->set.v[i]);

	k->room.v[i] = k->set.v[i].nelems;
	return rc;
}

static int follow_elems(struct nft_keep *k, struct nl_sock *s, const struct plan_op *op, size_t n)
{
	size_t i = set_at(k, op->set->name);

	if (!set_is(k, i, op->set->name))
		return -ENOENT;
	if (!is_hash(op->set->kind))
		return read_set(k, s, i);
	if (op->kind == OP_ELEM_REMOVE)
		return remove_elems(&k->set.v[i], op, n);
	return add_elems(k, s, i, op, n);
}

/* Follows what ops begin with; *taken says how many. */
static int follow_op(struct nft_keep *k, struct nl_sock *s, const struct plan_op *op, size_t nops, size_t *taken)
{
	*taken = 1;
	switch (op->kind) {
	case OP_TABLE_ADD:
	case OP_TABLE_REMOVE:
		return -ESTALE;
	case OP_SET_ADD:
		return add_set(k, op->set);
	case OP_SET_REMOVE:
		return remove_set(k, op->set->name);
	case OP_ELEM_ADD:
	case OP_ELEM_REMOVE:
		while (*taken < nops && op[*taken].kind == op->kind && op[*taken].set == op->set)
			++*taken;
		return follow_elems(k, s, op, *taken);
	case OP_CHAIN_ADD:
		return add_chain(k, op->chain);
	case OP_CHAIN_REMOVE:
		return remove_chain(k, op->chain->name);
	case OP_RULES_FLUSH:
		return flush_chain(k, op->chain->name);
	case OP_RULES_ADD:
		return read_rules(k, s, op->chain->name);
	case OP_LINK:
	case OP_PEER_REMOVE:
	case OP_PEER_ADD:
	case OP_PEER_UPDATE:
	case OP_ADDRESS_ADD:
	case OP_ADDRESS_REMOVE:
	case OP_ROUTE_ADD:
	case OP_ROUTE_REMOVE:
		return 0; /* other doors' */
	}
	BUG("operation %d", op->kind);
}

static void *copy_array(const void *v, size_t n, size_t cap, size_t size)
{
	size_t got = 0;

	return memcpy(vec_grow(NULL, &got, cap, size), v, n * size);
}

/* The delta points into the arrays, so that what changes their order changes copies. */
static void renew_arrays(struct nft_keep *k, const struct plan_delta *d)
{
	bool chains = false, sets = false;

	for (size_t i = 0; i < d->nops; i++) {
		chains = chains || d->op[i].kind == OP_CHAIN_ADD || d->op[i].kind == OP_CHAIN_REMOVE;
		sets = sets || d->op[i].kind == OP_SET_ADD || d->op[i].kind == OP_SET_REMOVE;
	}
	forget_old(k);
	if (chains && k->chain.n > 0) {
		k->old_chain = k->chain.v;
		k->chain.v = copy_array(k->old_chain, k->chain.n, k->chain.cap, sizeof(*k->chain.v));
	}
	if (sets && k->set.n > 0) {
		k->old_set = k->set.v;
		k->set.v = copy_array(k->old_set, k->set.n, k->set.cap, sizeof(*k->set.v));
	}
}

static int follow_all(struct nft_keep *k, struct nl_sock *s, const struct plan_delta *d)
{
	int rc = d->nops > NFT_KEEP_OPS_MAX ? -ESTALE : 0;

	if (rc == 0)
		renew_arrays(k, d);
	for (size_t i = 0, n; i < d->nops && rc == 0; i += n)
		rc = follow_op(k, s, &d->op[i], d->nops - i, &n);
	return rc;
}

/* The kernel's own counting: 0 is passed over. */
static uint32_t after(uint32_t generation)
{
	return generation + 1 != 0 ? generation + 1 : 1;
}

void nft_keep_follow(struct nft_keep *k, struct nl_sock *s, const struct plan_delta *d)
{
	uint32_t now = 0;

	if (!k->valid)
		return;
	k->valid = follow_all(k, s, d) == 0 && nft_dump_generation(s, &now) == 0 && now == after(k->generation) &&
		   k->a.used <= 2 * k->read_used + GARBAGE_MAX;
	k->generation = now;
	if (k->valid)
		show(k);
}
