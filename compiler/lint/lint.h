/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint - what a tree says that is surely meant and probably unwise.
 *
 * Warnings for people who write and review; nothing else reads them, so a gateway never asks. Each object gets at
 * most one of a kind. The cost is that of the access classes, not of the devices in them; where a tree is so tangled
 * that a question would take long it is left open, by counted steps, so that every machine warns of the same things.
 */
#pragma once

#include "access/access.h"

/* The tree has no errors. now: UTC seconds. */
void lint_warn(const struct access *x, const struct resolved *r, int64_t now, struct diags *d);
