/* SPDX-License-Identifier: Apache-2.0 */
#include "state/quota.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

#define LINE_MAX_BYTES 64
#define END "end "

void quota_release(struct quota_state *q)
{
	vec_release(&q->use);
	*q = (struct quota_state){ .at = 0 };
}

/* --- the file --- */

void quota_encode(const struct quota_state *q, struct buf *out)
{
	size_t start = out->len;
	char hex[DIGEST_HEX_MAX];

	buf_addf(out, "yett-quota 1\nat %" PRId64 "\ntable %" PRIu64 "\n", q->at, q->table);
	for (size_t i = 0; i < q->use.n; i++)
		buf_addf(out, "%08" PRIx32 " %" PRIu32 " %" PRIu64 "\n", q->use.v[i].number, q->use.v[i].period,
			 q->use.v[i].used);
	struct digest d = digest_of(out->p + start, out->len - start);
	buf_addf(out, END "%s\n", digest_hex(&d, DIGEST_BYTES, hex));
}

/* The last line vouches for those before it; their length, or 0. */
static size_t vouched(const char *data, size_t len)
{
	char end[sizeof(END) + DIGEST_HEX_MAX], hex[DIGEST_HEX_MAX];
	size_t tail = strlen(END) + 2 * DIGEST_BYTES + 1;

	if (len < tail)
		return 0;
	struct digest d = digest_of(data, len - tail);
	snprintf(end, sizeof(end), END "%s\n", digest_hex(&d, DIGEST_BYTES, hex));
	return memcmp(data + len - tail, end, tail) == 0 ? len - tail : 0;
}

/* The next line without its end, as a string. */
static bool next_line(const char **at, const char *end, char line[static LINE_MAX_BYTES])
{
	const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;

	if (stop == NULL || stop - *at >= LINE_MAX_BYTES)
		return false;
	memcpy(line, *at, (size_t)(stop - *at));
	line[stop - *at] = '\0';
	*at = stop + 1;
	return true;
}

static bool read_lines(struct quota_state *q, const char *at, const char *end)
{
	char line[LINE_MAX_BYTES];
	struct quota_use u;

	if (!next_line(&at, end, line) || strcmp(line, "yett-quota 1") != 0)
		return false;
	if (!next_line(&at, end, line) || sscanf(line, "at %" SCNd64, &q->at) != 1)
		return false;
	if (!next_line(&at, end, line) || sscanf(line, "table %" SCNu64, &q->table) != 1)
		return false;
	while (at < end) {
		if (!next_line(&at, end, line) ||
		    sscanf(line, "%8" SCNx32 " %" SCNu32 " %" SCNu64, &u.number, &u.period, &u.used) != 3)
			return false;
		if (u.period == 0 || (q->use.n > 0 && q->use.v[q->use.n - 1].number >= u.number))
			return false;
		vec_push(&q->use, u);
	}
	return true;
}

int quota_decode(struct quota_state *q, const char *data, size_t len)
{
	size_t n = vouched(data, len);

	quota_release(q);
	if (n > 0 && read_lines(q, data, data + n))
		return 0;
	quota_release(q);
	return -EBADMSG;
}

/* --- readings --- */

static int cmp_use(const void *a, const void *b)
{
	const struct quota_use *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int cmp_more(const void *a, const void *b)
{
	const struct quota_use *x = a, *y = b;
	int c = cmp_use(a, b);

	return c != 0 ? c : (x->used < y->used) - (x->used > y->used);
}

static const struct quota_use *find(const struct quota_state *q, uint32_t number)
{
	const struct quota_use key = { .number = number };

	return q->use.n > 0 ? bsearch(&key, q->use.v, q->use.n, sizeof(key), cmp_use) : NULL;
}

static bool has_passed(const struct quota_state *q, uint32_t period, int64_t now)
{
	return q->at != 0 && now / period > q->at / period;
}

static uint64_t settle(const struct quota_state *q, const struct nft_set *s, const struct nft_elem *e, uint64_t table,
		       int64_t now)
{
	const struct quota_use *u = find(q, (uint32_t)e->lo);
	bool anew = q->table != 0 && table != q->table;

	if (has_passed(q, s->period, now))
		return 0;
	if (u == NULL || u->period != s->period || (!anew && e->used >= u->used))
		return e->used;
	return u->used + e->used < s->bytes ? u->used + e->used : s->bytes;
}

static bool same(const struct quota_state *a, const struct quota_state *b)
{
	if (a->use.n != b->use.n || a->table != b->table)
		return false;
	for (size_t i = 0; i < a->use.n; i++)
		if (a->use.v[i].number != b->use.v[i].number || a->use.v[i].period != b->use.v[i].period ||
		    a->use.v[i].used != b->use.v[i].used)
			return false;
	return true;
}

/* Sorts; a device in two sets, which a plan never has, keeps what is more. */
static void unite(struct quota_state *q)
{
	size_t kept = 0;

	if (q->use.n > 0)
		qsort(q->use.v, q->use.n, sizeof(*q->use.v), cmp_more);
	for (size_t i = 0; i < q->use.n; i++)
		if (kept == 0 || q->use.v[kept - 1].number != q->use.v[i].number)
			q->use.v[kept++] = q->use.v[i];
	q->use.n = kept;
}

static bool is_counted(const struct nft_set *set, size_t nsets, uint32_t number)
{
	for (size_t i = 0; i < nsets; i++) {
		size_t lo = 0, hi = set[i].kind == NFT_SET_QUOTA ? set[i].nelems : 0;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			if (set[i].elem[mid].lo < number)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (set[i].kind == NFT_SET_QUOTA && lo < set[i].nelems && set[i].elem[lo].lo == number)
			return true;
	}
	return false;
}

bool quota_read(struct quota_state *q, const struct nft_set *set, size_t nsets, uint64_t table, int64_t now)
{
	struct quota_state next = { .at = now, .table = table };

	for (size_t i = 0; i < nsets; i++) {
		const struct nft_set *s = &set[i];
		for (size_t k = 0; s->kind == NFT_SET_QUOTA && k < s->nelems; k++) {
			uint64_t used = settle(q, s, &s->elem[k], table, now);
			if (used > 0)
				vec_push(&next.use, ((struct quota_use){ (uint32_t)s->elem[k].lo, s->period, used }));
		}
	}
	for (size_t i = 0; i < q->use.n; i++) {
		const struct quota_use key = q->use.v[i];
		if (!is_counted(set, nsets, key.number) && !has_passed(q, key.period, now))
			vec_push(&next.use, key);
	}
	unite(&next);
	bool changed = !same(q, &next);
	quota_release(q);
	*q = next;
	return changed;
}

void quota_seed(const struct quota_state *q, struct nft_set *set, size_t nsets)
{
	for (size_t i = 0; i < nsets; i++) {
		for (size_t k = 0; set[i].kind == NFT_SET_QUOTA && k < set[i].nelems; k++) {
			struct nft_elem *e = &set[i].elem[k];
			const struct quota_use *u = find(q, (uint32_t)e->lo);
			e->used = u != NULL && u->period == set[i].period ? u->used : 0;
			if (e->used > set[i].bytes)
				e->used = set[i].bytes;
		}
	}
}

int64_t quota_next(const struct nft_set *set, size_t nsets, int64_t now)
{
	int64_t next = CLOCK_NEVER;

	for (size_t i = 0; i < nsets; i++) {
		if (set[i].kind != NFT_SET_QUOTA || set[i].nelems == 0)
			continue;
		int64_t begins = (now / set[i].period + 1) * set[i].period;
		next = begins < next ? begins : next;
	}
	return next;
}
