/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit - who made a commit, who signed it, and which files of the policy tree it touches.
 *
 * The signature is judged as bytes: whether it is one, by which key, and which name the list of allowed signers before this
 * commit gives that key. Whether that signer may make such a change is not judged here. Text that people wrote is made safe
 * to print: what is not UTF-8, controls and characters that change the direction of text are replaced.
 */
#pragma once

#include "base/arena.h"
#include "source/repo.h"

struct commit_person {
	const char *name, *email;
	int64_t date; /* UTC seconds */
};

enum commit_signature { COMMIT_SIGNATURE_NONE, COMMIT_SIGNATURE_GOOD, COMMIT_SIGNATURE_BAD };

/* A claim in the message, "Approved-by: Ana <ana@example.com>"; nothing proves it. */
struct commit_claim {
	const char *word, *who;
};

struct commit {
	const char *id;
	const char *subject;
	struct commit_person author, committer;
	size_t nparents;
	enum commit_signature signature;
	const char *why;         /* COMMIT_SIGNATURE_BAD: the code, "E_BADSIG" */
	const char *fingerprint; /* COMMIT_SIGNATURE_GOOD: "SHA256:..." */
	const char *principal;   /* or NULL: the key is not listed */
	struct commit_claim *claim;
	size_t nclaims;
};

enum commit_file_how { COMMIT_FILE_ADDED, COMMIT_FILE_REMOVED, COMMIT_FILE_CHANGED };

struct commit_file {
	enum commit_file_how how;
	const char *path; /* inside the policy tree */
};

/*
 * signers: the policy tree whose trust/allowed_signers names keys, or NULL. 0, or a negative errno and one line in err;
 * everything lives in a.
 */
int commit_read(struct commit *out, const struct source_repo *repo, const git_oid *id, const git_oid *signers,
		struct arena *a, char *err, size_t err_size);
/* Every file that differs, trust/ included, by path; was may be NULL: there was no tree. So may is. */
int commit_files(struct commit_file **out, size_t *n, const struct source_repo *repo, const git_oid *was, const git_oid *is,
		 struct arena *a, char *err, size_t err_size);
