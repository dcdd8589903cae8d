/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/checks.h"

#include "base/bug.h"

static void (*const checks[])(const struct lint *l) = {
	lint_dead_policies, lint_shadowed_policies, lint_unused, lint_keys, lint_dns, lint_tunnels, lint_profiles,
};

void lint_warn(const struct access *x, const struct resolved *r, int64_t now, struct diags *d)
{
	struct arena scratch;

	arena_init(&scratch);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i](&(struct lint){ x, r, now, &scratch, d });
	arena_release(&scratch);
}
