/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace - which rule of a table decides about a new flow: the table's rules run as the kernel runs them.
 *
 * For explanations and for tests that hold the rules against the access function. It knows no policies.
 */
#pragma once

#include "plan/nft.h"

struct trace_flow {
	u128 source, dest;
	uint32_t service; /* base/service.h */
	int64_t at;       /* UTC seconds */
};

struct trace_result {
	bool accept;
	uint32_t class_number;        /* of the source; 0: no map has it, and everything is denied */
	const struct nft_chain *chain; /* where it was decided; NULL: before any chain of a class */
	const struct nft_rule *rule;   /* what decided; NULL: before any chain of a class */
};

void nft_trace(const struct nft_table *t, const struct trace_flow *f, struct trace_result *out);
