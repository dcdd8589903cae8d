/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason - the chain behind one answer: whose device it is, by which memberships policies speak of it, what each policy says in the
 * order of decision, and the rule that a gateway renders for it.
 */
#pragma once

#include <jansson.h>

#include "compile.h"

struct reason_question {
	uint32_t source;
	u128 addr;        /* one point: of several that were asked, the one the answer is about */
	uint32_t service;
	int64_t at;
	const uint32_t *gateway; /* on the path, preferred first */
	size_t ngateways;
};

/* People's form, into out; JSON's, a new reference. c must be ready. */
void reason_text(struct compile *c, const struct reason_question *q, struct buf *out);
json_t *reason_json(struct compile *c, const struct reason_question *q);
