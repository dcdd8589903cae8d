/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content - one SHA-256 over a policy root, so that what is approved does not rest on git's SHA-1.
 *
 *	leaf(path, blob) = SHA256("yett-blob-v1\0" || u32 len(path) || path || u64 len(blob) || blob)
 *	content          = SHA256("yett-tree-v1\0" || u32 count || leaf of each file, by path bytes)
 *
 * Integers are big-endian; the NUL is one byte. These bytes never change.
 */
#pragma once

#include <stddef.h>

#include "base/digest.h"

struct content_file {
	const char *path;
	const void *data;
	size_t len;
};

struct digest content_leaf(const char *path, const void *data, size_t len);
/* Of leaves in the order of their paths' bytes. */
struct digest content_of_leaves(const struct digest *leaf, size_t n);
/* The files may come in any order; no path twice. Sorts v. */
struct digest content_digest(struct content_file *v, size_t n);
/* The same from leaves: begin with how many, then add each (32 bytes) in order of paths. */
void content_begin(struct digest_ctx *c, uint32_t count);
