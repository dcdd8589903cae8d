/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/diag.h"

#define WORD_MAX 127

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Edits (insert, delete, replace, swap of neighbours) from a to b, or limit + 1 when there are more.
 * Only the band of cells within limit of the diagonal is filled in; three rows are kept.
 */
static size_t distance(const char *a, size_t na, const char *b, size_t nb, size_t limit)
{
	size_t rows[3][WORD_MAX + 2];
	size_t *before = rows[0], *prev = rows[1], *row = rows[2];
	const size_t far = limit + 1;
	if ((na > nb ? na - nb : nb - na) > limit)
		return far;
	for (size_t j = 0; j <= nb; j++)
		prev[j] = j <= limit ? j : far;
	for (size_t i = 1; i <= na; i++) {
		size_t lo = i > limit ? i - limit : 1, hi = min_size(nb, i + limit), best = far;
		row[lo - 1] = lo == 1 && i <= limit ? i : far;
		for (size_t j = lo; j <= hi; j++) {
			size_t v = prev[j - 1] + (a[i - 1] != b[j - 1]);
			v = min_size(v, row[j - 1] + 1);
			if (j < i + limit)
				v = min_size(v, prev[j] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				v = min_size(v, before[j - 2] + 1);
			row[j] = min_size(v, far);
			best = min_size(best, row[j]);
		}
		if (best > limit && row[lo - 1] > limit)
			return far;
		if (hi < nb)
			row[hi + 1] = far;
		size_t *recycled = before;
		before = prev;
		prev = row;
		row = recycled;
	}
	return prev[nb];
}

const char *diag_nearest(const char *word, const char *const *candidate, size_t n)
{
	size_t len = strlen(word);
	if (len == 0 || len > WORD_MAX)
		return NULL;
	size_t limit = len / 3 > 1 ? len / 3 : 1;
	const char *best = NULL;
	for (size_t i = 0; i < n; i++) {
		size_t clen = strlen(candidate[i]);
		if (clen > WORD_MAX)
			continue;
		size_t d = distance(word, len, candidate[i], clen, limit);
		if (d > limit || (best && d == limit && strcmp(candidate[i], best) >= 0))
			continue;
		best = candidate[i];
		limit = d;
	}
	return best;
}
