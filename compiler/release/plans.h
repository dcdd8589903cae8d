/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plans - the compiled plan of each gateway under one root, so that approvers sign the output too.
 *
 * The list of leaves stands beside a record, unsigned: it has to have the record's root. With it a gateway knows its own leaf without
 * compiling the others' plans.
 *
 *	yett-plans-v1
 *	<gateway> sha256:<leaf>        by name, one line each
 */
#pragma once

#include "compile.h"
#include "trust/merkle.h"

#define PLANS_GATEWAYS_MAX 65536u

struct plans {
	const char **gateway; /* by name */
	struct digest *leaf;
	size_t n;
};

/* Of a tree that is ready. 0, or -1 with the diagnostics in c. Everything lives in a. */
int plans_compile(struct plans *p, struct compile *c, const uint8_t repo[static 32], struct arena *a);
struct digest plans_root(const struct plans *p);
void plans_write(const struct plans *p, struct buf *out);
/* Strict: names ascending, one form. 0, or -1. */
int plans_parse(struct plans *p, const char *text, size_t len, struct arena *a);
/* The gateway's leaf, or NULL. */
const struct digest *plans_leaf(const struct plans *p, const char *gateway);
