/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardrails - what must stay true, judged over whole sets and at every moment from now on.
 *
 * `never` and `only` are judged by the classes alone: what they forbid is met with what each cohort of sources may
 * reach at each moment at which that changes; exceptions and waivers are taken out; what is left is a breach. `require`
 * reads policies.
 */
#pragma once

#include "access/cohorts.h"
#include "access/point.h"

/* All that one policy does against one guardrail. */
struct guardrail_breach {
	const char *policy;
	struct loc policy_loc;
	const char *why; /* one sentence; of never and only with the counterexample that comes first */
	/* Of never and only: the counterexample, and how many sources have one. */
	uint32_t source;
	struct point point;
	int64_t at;
	size_t nsources;
	const struct waiver *ended; /* that excused it until it expired, or NULL */
};

/* A waiver that nothing needs. */
struct guardrail_note {
	struct loc loc;
	const char *why;
};

struct guardrail_result {
	const struct guardrail *decl;
	struct guardrail_breach *breach; /* by policy name */
	size_t nbreaches;		 /* 0: it holds */
	const char *empty;		 /* why no policy can break it, or NULL */
	struct guardrail_note *note;
	size_t nnotes;
};

/* One result a guardrail, in name order; *out in the arena. now: UTC seconds. */
size_t guardrails_run(const struct access *x, const struct resolved *r, int64_t now, struct arena *a,
		      struct guardrail_result **out);
/* One guardrail; the cohorts are those of x. With `among`, only the access of these sources is judged (never and only). */
void guardrail_judge(const struct access *x, const struct cohorts *k, const struct resolved *r,
		     const struct r_guardrail *g, const struct source_set *among, int64_t now, struct arena *a,
		     struct guardrail_result *out);
/* Where to look: "policy p is at policies/p.yaml:1:1; 3 sources break it; the waiver at ... ended on ...". */
const char *guardrail_hint(const struct guardrail_breach *b, const struct diags *d, struct arena *a);

/* require.c: the third rule. */
void require_judge(const struct resolved *r, const struct r_guardrail *g, int64_t now, struct arena *a,
		   struct guardrail_result *out);
/* Of a rule: the waivers that were not used, which is worth a word. */
void guardrail_add_notes(const struct r_guardrail *g, const bool *used, int64_t now, struct arena *a,
			 struct guardrail_result *out);
