/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/content.h"

#include <stdlib.h>
#include <string.h>

#define BLOB_DOMAIN "yett-blob-v1" /* hashed with its NUL */
#define TREE_DOMAIN "yett-tree-v1"

struct digest content_leaf(const char *path, const void *data, size_t len)
{
	struct digest_ctx c;

	digest_begin(&c);
	digest_add(&c, BLOB_DOMAIN, sizeof(BLOB_DOMAIN));
	digest_add_str(&c, path);
	digest_add_u64(&c, len);
	digest_add(&c, data, len);
	return digest_end(&c);
}

struct digest content_of_leaves(const struct digest *leaf, size_t n)
{
	struct digest_ctx c;

	digest_begin(&c);
	digest_add(&c, TREE_DOMAIN, sizeof(TREE_DOMAIN));
	digest_add_u32(&c, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		digest_add(&c, leaf[i].b, sizeof(leaf[i].b));
	return digest_end(&c);
}

static int path_cmp(const void *a, const void *b)
{
	return strcmp(((const struct content_file *)a)->path, ((const struct content_file *)b)->path);
}

void content_begin(struct digest_ctx *c, uint32_t count)
{
	digest_begin(c);
	digest_add(c, TREE_DOMAIN, sizeof(TREE_DOMAIN));
	digest_add_u32(c, count);
}

struct digest content_digest(struct content_file *v, size_t n)
{
	struct digest_ctx c;

	if (n > 0)
		qsort(v, n, sizeof(*v), path_cmp);
	content_begin(&c, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		struct digest leaf = content_leaf(v[i].path, v[i].data, v[i].len);
		digest_add(&c, leaf.b, sizeof(leaf.b));
	}
	return digest_end(&c);
}
