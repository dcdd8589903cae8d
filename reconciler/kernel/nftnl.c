/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/nftnl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kernel/nft_batch.h"
#include "kernel/nft_dump.h"

int nftnl_open(struct nftnl_conn *c, char *err, size_t err_size)
{
	nft_keep_init(&c->keep);
	memset(&c->neighbour, 0, sizeof(c->neighbour));
	c->neighbour_generation = 0;
	int rc = nl_open(&c->sock, NETLINK_NETFILTER);
	if (rc < 0)
		snprintf(err, err_size, "cannot open a netfilter netlink socket: %s", strerror(-rc));
	return rc;
}

void nftnl_close(struct nftnl_conn *c)
{
	nft_keep_release(&c->keep);
	nl_close(&c->sock);
}

static bool keep_holds(struct nftnl_conn *c, int64_t max_age)
{
	uint32_t generation = 0;
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return c->keep.valid && t.tv_sec - c->keep.read_at < max_age && nft_dump_generation(&c->sock, &generation) == 0 &&
	       generation == c->keep.generation;
}

int nftnl_observe(struct nftnl_conn *c, int64_t max_age, struct nft_table *t, char *err, size_t err_size)
{
	int rc = keep_holds(c, max_age) ? 0 : nft_keep_read(&c->keep, &c->sock);

	if (rc == -EAGAIN)
		snprintf(err, err_size, "the ruleset changed each time it was read, %d times", NL_TRIES);
	else if (rc < 0)
		snprintf(err, err_size, "cannot read table inet %s: %s%s%s", NFT_TABLE, strerror(-rc),
			 c->sock.ext[0] ? ": " : "", c->sock.ext);
	*t = c->keep.t;
	return rc;
}

int nftnl_usage(struct nftnl_conn *c, struct arena *a, struct nft_set **set, size_t *n, char *err, size_t err_size)
{
	const struct nft_table *t = &c->keep.t;
	int rc = 0;

	*n = 0;
	*set = arena_array(a, t->nsets, struct nft_set);
	for (size_t i = 0; i < t->nsets && rc == 0; i++) {
		if (t->set[i].kind != NFT_SET_QUOTA)
			continue;
		(*set)[*n] = t->set[i];
		rc = nft_dump_set(&c->sock, a, &(*set)[*n]);
		(*n)++;
	}
	if (rc < 0)
		snprintf(err, err_size, "cannot read what is used of quotas: %s", strerror(-rc));
	return rc;
}

int nftnl_neighbour(struct nftnl_conn *c, const char *interface, struct nft_neighbour *out)
{
	uint32_t generation = 0;
	int rc = nft_dump_generation(&c->sock, &generation);

	if (rc == 0 && (generation != c->neighbour_generation || generation == 0)) {
		rc = nft_neighbour_find(&c->sock, interface, &c->neighbour);
		c->neighbour_generation = rc == 0 ? generation : 0;
	}
	*out = c->neighbour;
	return rc;
}

int nftnl_counters(struct nftnl_conn *c, struct arena *a, struct nft_counted **rule, size_t *n)
{
	return nft_dump_counters(&c->sock, a, rule, n);
}

int nftnl_mark(struct nftnl_conn *c, const char *chain, char *out, size_t out_size, char *err, size_t err_size)
{
	struct nft_chain found = { .name = chain };
	struct arena a;

	arena_init(&a);
	int rc = nft_dump_rules(&c->sock, &a, &found);
	const char *comment = rc == 0 && found.nrules == 1 ? found.rule[0].comment : NULL;
	snprintf(out, out_size, "%s", comment != NULL ? comment : "");
	if (rc == -ENOENT) /* no table, or no such chain */
		rc = 0;
	if (rc < 0)
		snprintf(err, err_size, "cannot read chain %s of table inet %s: %s", chain, NFT_TABLE, strerror(-rc));
	arena_release(&a);
	return rc;
}

/* For that generation, or whichever the ruleset has got to. */
static int commit(struct nftnl_conn *c, struct nft_batch *b, char *err, size_t err_size)
{
	uint32_t generation = c->keep.generation;
	int rc = 0;

	for (int i = 0; i < NL_TRIES; i++) {
		if (!c->keep.valid)
			rc = nft_dump_generation(&c->sock, &generation);
		if (rc < 0) {
			snprintf(err, err_size, "cannot read the ruleset's generation: %s", strerror(-rc));
			return rc;
		}
		rc = nft_batch_commit(b, &c->sock, generation, err, err_size);
		if (rc != -ERESTART)
			return rc;
		nft_keep_drop(&c->keep);
	}
	snprintf(err, err_size, "others changed the ruleset during each of %d tries to change it", NL_TRIES);
	return rc;
}

int nftnl_check(struct nftnl_conn *c, const struct plan_delta *d, char *err, size_t err_size)
{
	struct nft_batch b;

	nft_batch_build(&b, d, c->sock.seq + 1);
	c->sock.seq = b.seq;
	int rc = nft_batch_check(&b, &c->sock, err, err_size);
	nft_batch_release(&b);
	return rc;
}

int nftnl_apply(struct nftnl_conn *c, const struct plan_delta *d, char *err, size_t err_size)
{
	struct nft_batch b;
	int rc = 0;

	nft_batch_build(&b, d, c->sock.seq + 1);
	c->sock.seq = b.seq;
	if (b.note.n > 0) {
		rc = commit(c, &b, err, err_size);
		if (rc == 0)
			nft_keep_follow(&c->keep, &c->sock, d);
	}
	nft_batch_release(&b);
	return rc;
}
