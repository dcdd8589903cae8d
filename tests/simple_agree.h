/* SPDX-License-Identifier: Apache-2.0 */
/* simple_agree - what yaml/simple takes must be what libyaml's events lead to: for the fuzzer and the property test. */
#pragma once

#include <string.h>

#include "yaml/filter.h"
#include "yaml/simple.h"

static inline bool same_node(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->plain != b->plain || a->null != b->null || a->n != b->n || a->len != b->len ||
	    memcmp(&a->loc, &b->loc, sizeof(a->loc)) != 0)
		return false;
	if (a->kind == NODE_SCALAR)
		return memcmp(a->text, b->text, a->len + 1) == 0;
	for (size_t i = 0; i < a->n; i++) {
		if (a->kind == NODE_SEQ ? !same_node(a->item[i], b->item[i]) :
					  !same_node(a->pair[i].key, b->pair[i].key) || !same_node(a->pair[i].value, b->pair[i].value))
			return false;
	}
	return true;
}

enum agree { AGREE_LEFT, AGREE_TAKEN, AGREE_NOT }; /* left to libyaml; taken, and the same; taken, and not the same */

static inline enum agree simple_agree(const char *data, size_t len)
{
	struct arena a;
	struct diags d;
	struct node **mine = NULL, **full = NULL;
	size_t nmine = 0, nfull = 0;
	enum agree out = AGREE_LEFT;

	arena_init(&a);
	diags_init(&d, &a);
	uint32_t file = diags_add_file(&d, "a.yaml", data, len);
	if (filter_file(file, data, len, &d) && len > 0 && simple_read(&a, file, data, len, &mine, &nmine)) {
		bool same = yaml_parse_full(&a, file, data, len, &d, &full, &nfull) == 0 && d.n == 0 && nmine == nfull;
		for (size_t i = 0; same && i < nmine; i++)
			same = same_node(mine[i], full[i]);
		out = same ? AGREE_TAKEN : AGREE_NOT;
	} else if (nmine != 0) {
		out = AGREE_NOT; /* what is not taken leaves nothing behind */
	}
	diags_release(&d);
	arena_release(&a);
	return out;
}
