/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle - one digest over many things, and a short proof that one of them is among them (the tree of RFC 9162 section 2.1).
 *
 * A leaf is SHA-256 of 0x00 and what it stands for, a node of 0x01 and its two halves, so no leaf passes for a node. The root of
 * nothing is SHA-256 of nothing.
 */
#pragma once

#include <stdbool.h>

#include "base/digest.h"

#define MERKLE_LEAVES_MAX 1000000u
#define MERKLE_PATH_MAX 20u /* of so many leaves */

/*
 * The compiled plan of one gateway:
 *	SHA256(0x00 || "yett-plan-v1\0" || repo-id || u32 length || gateway || u32 length || plan)
 * Integers are big-endian. The leaves of a release stand in byte order of the gateways' names.
 */
struct digest merkle_plan_leaf(const uint8_t repo[static 32], const char *gateway, const void *plan, size_t len);

struct digest merkle_root(const struct digest *leaf, size_t n);
/* The neighbours from the leaf up, at most MERKLE_PATH_MAX; how many. index < n. */
size_t merkle_path(const struct digest *leaf, size_t n, size_t index, struct digest out[static MERKLE_PATH_MAX]);
/* Whether the leaf stands at that place among n leaves under the root (RFC 9162 section 2.1.3.2). */
bool merkle_holds(const struct digest *root, const struct digest *leaf, size_t n, size_t index, const struct digest *path,
		  size_t npath);
