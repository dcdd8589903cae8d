/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blame - which documents asked for what the kernel refused.
 *
 * The sentences that tell a refusal name the chain, set, rule, peer, address or route as it is called in the plan. What is
 * named there is looked up in the plan and the tree that made it.
 */
#pragma once

#include "base/buf.h"
#include "compile.h"

#define BLAME_MAX 5 /* documents that are named */

/* Appends "devices/ana.yaml:1:1 (Device ana), ..."; nothing when the sentence names nothing that a document asked for. */
void blame(const char *refusal, const struct gw_plan *p, struct compile *c, struct buf *out);
