/* SPDX-License-Identifier: Apache-2.0 */
/* checks - one function a subject; private to lint/. */
#pragma once

#include "lint/lint.h"

struct lint {
	const struct access *x;
	const struct resolved *r;
	int64_t now;
	struct arena *a; /* scratch */
	struct diags *d;
};

void lint_dead_policies(const struct lint *l);
void lint_shadowed_policies(const struct lint *l);
void lint_unused(const struct lint *l);
void lint_keys(const struct lint *l);
void lint_dns(const struct lint *l);
void lint_tunnels(const struct lint *l);
void lint_profiles(const struct lint *l);
