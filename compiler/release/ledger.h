/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger - the log of releases: a chain of commits on one ref, whose tree holds records, signatures and ticks as files.
 *
 *	rel/0000000042/<digest16>.rec         a record; the first 16 hexadecimal digits of its SHA-256
 *	rel/0000000042/<digest16>.sig.<fp16>  an armored signature over it, by the key with that SHA-256
 *	rel/0000000042/<digest16>.plans       the leaves under its plans root: plans.h
 *	tick/<fp16>.tick  tick/<fp16>.sig     the newest tick of a key
 *
 * Nothing of the log is believed: commits, their order, authors and dates mean nothing, names only say where to look. A commit that
 * adds a record has the released commit as a parent, so whoever fetches the log has the content.
 */
#pragma once

#include "source/repo.h"
#include "trust/approvals.h"
#include "trust/tick.h"

#define LEDGER_REF "refs/yett/log"
#define LEDGER_BRANCH "refs/heads/yett-log" /* where a forge takes no other refs than branches */
#define LEDGER_ENTRIES_MAX 4096u            /* files of one serial that are looked at */
#define LEDGER_CANDIDATES_MAX 256u          /* records of one serial that are read */
#define LEDGER_RECORDS_MAX 8u               /* of those, signed by somebody known */
#define LEDGER_PLANS_MAX (4u << 20)

struct ledger {
	const struct source_repo *repo;
	git_tree *tree; /* of the tip; NULL: no log yet */
	char tip[GIT_OID_HEXSZ + 1];
};

struct ledger_record {
	struct record record;
	const char *text;
	size_t len;
	struct digest digest;
	struct approval_signature *signature; /* as ledger_signatures() found them; not verified */
	size_t nsignatures;
	const char *plans; /* the list of leaves, or NULL */
	size_t plans_len;
};

/* ref: a ref or revision; one that does not exist is an empty log. 0, or a negative errno and one line in err; close it in each case. */
int ledger_open(struct ledger *l, const struct source_repo *repo, const char *ref, char *err, size_t err_size);
/* The same of a tip whose id is known. */
int ledger_open_at(struct ledger *l, const struct source_repo *repo, const git_oid *tip, char *err, size_t err_size);
void ledger_close(struct ledger *l);

/*
 * The well-formed records of a serial with this predecessor (NULL: any), in order of digests, at most LEDGER_CANDIDATES_MAX; damaged ones
 * and those under another name are left out and counted in *ignored. Everything lives in a.
 */
void ledger_records(const struct ledger *l, uint64_t serial, const struct digest *prev, struct ledger_record **out, size_t *n,
		    size_t *ignored, struct arena *a);
/* The record with that digest; false where there is none. */
bool ledger_record(const struct ledger *l, uint64_t serial, const struct digest *d, struct ledger_record *out, struct arena *a);
/*
 * Fills in the signatures of a record by keys in the given files (n == 0: by any key), by the names of the files; at most
 * APPROVALS_SIGNATURES_MAX + 1. Names of other keys are not even read, so nobody crowds out those that count.
 */
void ledger_signatures(const struct ledger *l, struct ledger_record *r, const struct signers *const *signers, size_t nsigners,
		       struct arena *a);
/* The highest serial with a folder; 0: none. */
uint64_t ledger_last(const struct ledger *l);

struct ledger_tick {
	const char *text, *armor;
	size_t len, armor_len;
};
/* The files of ticks, unverified; at most 64. */
size_t ledger_ticks(const struct ledger *l, struct ledger_tick **out, struct arena *a);

/* The first 16 hexadecimal digits. */
#define LEDGER_NAME_MAX 17
char *ledger_digest_name(const struct digest *d, char out[static LEDGER_NAME_MAX]);
char *ledger_key_name(const uint8_t *key, size_t len, char out[static LEDGER_NAME_MAX]);

struct ledger_file {
	const char *path; /* in the log's tree */
	const void *data;
	size_t len;
};

/*
 * A commit on top of `tip` ("": the log begins) with these files added; released (a commit's id, or NULL) becomes a parent. Its id into out. The ref
 * does not move.
 */
int ledger_append(const struct source_repo *repo, const char *tip, const struct ledger_file *file, size_t n, const char *released,
		  char out[static GIT_OID_HEXSZ + 1], char *err, size_t err_size);
