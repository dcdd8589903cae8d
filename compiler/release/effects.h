/* SPDX-License-Identifier: Apache-2.0 */
/*
 * effects - what a release does to access, whatever files it edits: which effect rules of the trust file it touches, whether it only
 * takes, and how many peers go.
 *
 * Computed from the two compiled trees. A rule's `to` are selectors as in a Policy; what they mean is asked of both trees, so a change
 * cannot rename its way out of a rule. Access counts over all time, past dates included: the answer does not depend on when it
 * is asked.
 */
#pragma once

#include "compile.h"
#include "trust/approvals.h"

struct release_effects {
	struct approval_effect *v; /* by rule */
	size_t n;
	bool shrinks; /* nobody gains anything */
	size_t peers, peers_gone; /* devices that may be peers before; of those, without it after */
};

/* was: NULL where there was no tree, or it had errors: then every rule is touched. is: has to be ready. Everything lives in a. */
void effects_between(const struct compile *was, const struct compile *is, const struct trust_file *trust, struct release_effects *out,
		     struct arena *a);
/* Whether more peers go than percent of those before. */
bool effects_mass_change(const struct release_effects *e, uint32_t percent);
/* The first selector of an effect rule that neither tree knows, with its reason; NULL: all do. */
const char *effects_unknown(const struct compile *was, const struct compile *is, const struct trust_file *trust, const char **why,
			    struct arena *a);
