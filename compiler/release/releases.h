/* SPDX-License-Identifier: Apache-2.0 */
/*
 * releases - the releases of a repository, one after another, each judged by the trust files of the one before.
 *
 * From what is trusted already (an anchor, or the release in force) the chain goes forward a serial at a time. Because differences are taken
 * release by release, whoever was away for a month reaches the same verdict as whoever saw every step. Serial 1 is judged by its own trust
 * files: its root role's threshold; who else wrote them is for the anchor to say.
 */
#pragma once

#include "log/archive.h"
#include "release/effects.h"
#include "release/ledger.h"
#include "release/manifest.h"

#define RELEASES_STEPS_MAX 10000u /* releases in one run */

/* The trust files of one tree. */
struct releases_trust {
	struct trust_file file;
	struct signers signers;
	git_oid id; /* of trust/ */
};

/* A record of the serial that comes next. */
struct releases_candidate {
	struct ledger_record r;
	const struct releases_trust *trust; /* of its content; NULL where that cannot be read */
	bool known;                      /* somebody listed signed it */
	bool accepted, pending;
	const char *code, *why;          /* NULL when accepted; E_CONTENT, or as struct approvals */
	struct approvals approvals;      /* where its content is what it says */
	struct manifest_change *change;
	size_t nchanges;
	struct manifest manifest;
};

enum releases_state {
	RELEASES_ACCEPTED, /* the chain went one serial on */
	RELEASES_END,      /* no record follows */
	RELEASES_PENDING,  /* records follow, none is accepted: see the candidates */
	RELEASES_STOPPED,  /* E_FORK, E_TOOMANY, E_ANCHOR, E_ROLLBACK or the repository's failure */
};

struct releases {
	const struct source_repo *repo;
	const struct ledger *ledger;
	struct archive *archive;
	int64_t now;           /* UTC seconds */
	struct arena kept;     /* what outlives a step */
	struct arena step;     /* the last step's */
	uint64_t serial;       /* of the newest accepted release; 0: none yet */
	struct digest digest;  /* its record's */
	struct record record;
	struct ledger_record accepted; /* the same with its text; in `kept` */
	const struct releases_trust *trust;
	struct manifest manifest;
	/* The last step's: */
	const char *code, *why; /* of RELEASES_STOPPED; a pending chain's are its first candidate's */
	struct releases_candidate *candidate;
	size_t ncandidates, ignored;
};

void releases_init(struct releases *c, const struct source_repo *repo, const struct ledger *ledger, int64_t now);
void releases_release(struct releases *c);

/*
 * Takes a release as trusted without judging its signatures: its content has to be what the record says. RELEASES_ACCEPTED or
 * RELEASES_STOPPED.
 */
enum releases_state releases_anchor(struct releases *c, uint64_t serial, const struct digest *record);
/*
 * Takes up a chain whose newest accepted release is known, and judges that release once more beside others of its serial (E_FORK), as far
 * as the log still has the one before.
 */
enum releases_state releases_resume(struct releases *c, uint64_t serial, const struct digest *record);
/* One serial on. */
enum releases_state releases_step(struct releases *c);
/* As far as it goes, at most RELEASES_STEPS_MAX; never RELEASES_ACCEPTED. */
enum releases_state releases_run(struct releases *c);

/* The trust files of a policy tree: E_CONTENT's sentence in err. In the arena. NULL where there are none or they have mistakes. */
const struct releases_trust *releases_trust_read(const struct source_repo *repo, const git_oid *root, struct arena *a, char *err,
					   size_t err_size);
/* The policy root of a commit by its hexadecimal id. */
int releases_root(const struct source_repo *repo, const char *commit, git_oid *root, char *err, size_t err_size);
/* Judges one record as a follower of the chain's newest release; also what was not added to the log yet. */
void releases_judge(struct releases *c, struct releases_candidate *x);
