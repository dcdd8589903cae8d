/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ignore - .yettignore: gitignore(5) patterns that take files out of the policy tree.
 *
 * Comments, !, trailing and leading /, *, ?, [...] and ** mean what they mean to git; the last pattern
 * that matches decides. Matching takes time in proportion to pattern times path, whatever they hold.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define IGNORE_FILE ".yettignore"
#define IGNORE_BYTES_MAX (64u << 10)

struct ignore_pattern;

struct ignore {
	struct ignore_pattern *pattern;
	size_t n;
	size_t longest; /* steps of the longest pattern */
	unsigned char *here, *next; /* room for the states of a match */
};

void ignore_parse(struct ignore *ig, struct arena *a, const char *text, size_t len);

/*
 * Whether the patterns take path (relative to the root, no leading or trailing /) out. Does not look at
 * the folders above: what lies in an ignored folder is ignored, and the walk knows that.
 */
bool ignore_matches(const struct ignore *ig, const char *path, bool is_dir);
