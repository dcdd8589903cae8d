/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/merkle.h"

#include <string.h>

#include "base/bug.h"

#define PLAN_DOMAIN "yett-plan-v1" /* hashed with its NUL */

struct digest merkle_plan_leaf(const uint8_t repo[static 32], const char *gateway, const void *plan, size_t len)
{
	struct digest_ctx c;

	digest_begin(&c);
	digest_add(&c, "\0" PLAN_DOMAIN, 1 + sizeof(PLAN_DOMAIN));
	digest_add(&c, repo, 32);
	digest_add_str(&c, gateway);
	digest_add_u32(&c, (uint32_t)len);
	digest_add(&c, plan, len);
	return digest_end(&c);
}

static struct digest node(const struct digest *left, const struct digest *right)
{
	struct digest_ctx c;

	digest_begin(&c);
	digest_add(&c, "\1", 1);
	digest_add(&c, left->b, DIGEST_BYTES);
	digest_add(&c, right->b, DIGEST_BYTES);
	return digest_end(&c);
}

/* The largest power of two below n; n > 1. */
static size_t split_of(size_t n)
{
	size_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

struct digest merkle_root(const struct digest *leaf, size_t n)
{
	if (n == 0)
		return digest_of("", 0);
	if (n == 1)
		return *leaf;
	size_t k = split_of(n);
	struct digest left = merkle_root(leaf, k), right = merkle_root(leaf + k, n - k);
	return node(&left, &right);
}

size_t merkle_path(const struct digest *leaf, size_t n, size_t index, struct digest out[static MERKLE_PATH_MAX])
{
	struct digest down[MERKLE_PATH_MAX];
	size_t count = 0;

	if (index >= n || n > MERKLE_LEAVES_MAX)
		BUG("leaf %zu of %zu", index, n);
	while (n > 1) {
		size_t k = split_of(n);
		bool left = index < k;
		down[count++] = left ? merkle_root(leaf + k, n - k) : merkle_root(leaf, k);
		leaf += left ? 0 : k;
		index -= left ? 0 : k;
		n = left ? k : n - k;
	}
	for (size_t i = 0; i < count; i++)
		out[i] = down[count - 1 - i];
	return count;
}

bool merkle_holds(const struct digest *root, const struct digest *leaf, size_t n, size_t index, const struct digest *path,
		  size_t npath)
{
	struct digest at = *leaf;
	size_t fn = index, sn = n - 1;

	if (index >= n || n > MERKLE_LEAVES_MAX || npath > MERKLE_PATH_MAX)
		return false;
	for (size_t i = 0; i < npath; i++) {
		if (sn == 0)
			return false;
		bool right = (fn & 1) != 0 || fn == sn;
		at = right ? node(&path[i], &at) : node(&at, &path[i]);
		while (right && (fn & 1) == 0 && fn != 0) {
			fn >>= 1;
			sn >>= 1;
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(at.b, root->b, DIGEST_BYTES) == 0;
}
