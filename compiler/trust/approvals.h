/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approvals - whether enough of the right people signed a release: thresholds by path and by effect, root rotation, revoked keys.
 *
 * A pure function of bytes: the same on a laptop, in CI and on a gateway. Rules, keys and members are those of the release before, so a
 * release cannot grant itself the right that it uses. Nobody counts twice, however many keys he has.
 */
#pragma once

#include "trust/record.h"
#include "trust/signers.h"
#include "trust/trust_file.h"

#define APPROVALS_SIGNATURES_MAX 64u /* read of one record */

struct approval_signature {
	const char *armor;
	size_t len;
};

/* A changed path below the policy root. */
struct approval_path {
	const char *path;
	bool revokes; /* the change only takes: revocation.h */
};

/* An effect rule that the release touches. */
struct approval_effect {
	size_t rule; /* index into trust_file.effect */
	const char *what; /* "device:eve-laptop gains resource:orders-db" */
};

struct approvals_case {
	const struct trust_file *trust; /* of the release before; of this one for the first */
	const struct signers *signers;  /* likewise */
	const struct trust_file *next;  /* of this release; may be the same */
	const struct signers *next_signers;
	const struct record *record;
	const char *text; /* of the record, as signed */
	size_t len;
	const struct approval_signature *signature;
	size_t nsignatures;
	const struct approval_path *path; /* those that trust_ignores() leaves; sorted */
	size_t npaths;
	const struct approval_effect *effect;
	size_t neffects;
	bool shrinks;             /* nobody gains anything, so a rule's lower threshold for revocations may hold */
	unsigned int flags_asked; /* enum record_flag bits that the change has to carry */
	int64_t now;              /* UTC seconds, for validity windows and not-before; never a date in the record */
};

/* A signature that counts. */
struct approver {
	const char *principal;
	char fingerprint[SSHSIG_FINGERPRINT_MAX];
	bool security_key;
	uint8_t flags;    /* enum SSHSIG_FLAG_* */
	uint32_t counter; /* of a security key */
};

/* A signature that does not. */
struct approval_refused {
	const char *code, *why;
};

/* What a changed path, an effect or a flag asks for. */
struct approval_need {
	const char *code;   /* E_APPROVALS or E_ROOT */
	const char *what;   /* the first path, the effect, or "flag checkpoint" */
	size_t more;        /* other paths with the same need */
	const char *rule;   /* "rule 2", "effect 1", "trust/", "flag" */
	const char *role;
	uint32_t have, want;
	const char *who;    /* the members that signed, "bob, carol"; "" for none */
	const char *others; /* the members that could add theirs */
};

struct approvals {
	bool accepted;
	bool pending;     /* nothing is wrong but that signatures or time are missing */
	const char *code; /* NULL when accepted: E_RECORD, E_TOOMANY, E_APPROVALS, E_ROOT, E_MASS_CHANGE, E_REWIND, E_NOT_BEFORE */
	const char *why;  /* one sentence */
	struct approver *by;
	size_t nby;
	struct approval_refused *refused;
	size_t nrefused;
	struct approval_need *need; /* all of them, met or not; the first by path */
	size_t nneeds;
};

/* Everything in *out lives in a. */
void approvals_judge(const struct approvals_case *c, struct approvals *out, struct arena *a);
/* "policies/db.yaml and 3 more: rule 1: role security 1/2 (have bob; could add: carol, erin)" */
const char *approval_need_text(const struct approval_need *n, struct arena *a);

/* The signatures alone, by the keys of the release before: fills in by and refused. What nobody known signed is not worth a further look. */
void approvals_signatures(const struct approvals_case *c, struct approvals *out, struct arena *a);
/* Whether the root role of the release before reached its threshold, whatever the release says. */
bool approvals_root(const struct approvals_case *c, struct arena *a);
