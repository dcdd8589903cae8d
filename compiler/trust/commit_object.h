/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_object - a git commit's bytes split into what was signed and the signature.
 *
 * A strict grammar, narrower than git's, so that one commit has one reading:
 *
 *	tree, 0..16 parents, author, committer, [encoding], [gpgsig], an empty line, the message; no NUL; at most 64 KiB
 *
 * libgit2's own extractor must never be used: it reads signatures out of messages and stops at NUL bytes.
 */
#pragma once

#include <stddef.h>

#define COMMIT_OBJECT_MAX (64u << 10)
#define COMMIT_PARENTS_MAX 16

enum commit_error {
	COMMIT_OK = 0,
	COMMIT_SIZE,     /* longer than COMMIT_OBJECT_MAX */
	COMMIT_NUL,      /* a NUL byte */
	COMMIT_HDR,      /* any header but those, in that order, of that form */
	COMMIT_UNSIGNED, /* no signature header */
};

struct commit_object {
	const char *payload; /* the object less its signature header: what git signed */
	size_t payload_len;
	const char *armor;   /* the signature header's value, one armor line a line */
	size_t armor_len;
	const char *tree;    /* hex digits, hex_len of them, inside the object */
	const char *parent[COMMIT_PARENTS_MAX];
	size_t nparents;
	size_t hex_len;      /* 40 or 64: the repository's hash */
	const char *message; /* after the empty line */
	size_t message_len;
};

/*
 * Splits len bytes of an object (without its "commit N" prefix). scratch holds 2 * len bytes and what *out points to, with
 * the object; both must outlive it. On COMMIT_UNSIGNED all but armor is filled in.
 */
enum commit_error commit_object_split(const char *object, size_t len, char *scratch, struct commit_object *out);

/*
 * The tree and the parents alone, of a commit whose other headers may be any that git knows (mergetag): enough to follow history, where git's
 * own hash says which commit it is. Fills in tree, parent, nparents and hex_len.
 */
enum commit_error commit_object_links(const char *object, size_t len, struct commit_object *out);

const char *commit_error_code(enum commit_error e); /* "E_HDR"; "OK" */
