/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classes - access classes as class chains of one gateway.
 *
 * What the sources of one class may do here is its parts, in the order of decision, each narrowed to what this gateway
 * carries. Parts that the same classes use and that decide alike are one *bundle*. A small bundle is spelled out in the
 * class chain, merged with its neighbours and minus what is decided above it; a large or widely shared one is a chain
 * of its own (p_...) that class chains jump to, whole: first match makes that exact. So the ruleset grows with the
 * number of memberships and not with the number of their combinations.
 */
#pragma once

#include "access/access.h"
#include "plan/table.h"

struct class_source {
	uint32_t source;
	uint32_t number; /* class number in the dispatch map; 0: nothing is allowed, no entry */
};

struct classes {
	struct class_source *source; /* ascending */
	size_t nsources;
	struct nft_elem *dispatch; /* class number -> chain, ascending */
	size_t ndispatch;
};

/* source[]: the sources that this gateway judges, ascending. Adds chains and sets to t; results live in t's arena. */
void classes_build(struct classes *out, struct table *t, const struct access *x, const struct resolved *r,
		   uint32_t gateway, const uint32_t *source, size_t n);
