/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust - what the supervisor remembers of commit mode: which commit was accepted last, what the judge said of the newest, and how often what
 * was offered was refused.
 */
#pragma once

#include "base/buf.h"
#include "config.h"
#include "state/hwm.h"

#define REFUSAL_CODES 48

/* How many commits were refused since the start, by code. */
struct refusals {
	struct refusal_row {
		char code[CODE_TEXT_MAX];
		uint64_t n;
	} row[REFUSAL_CODES];
	size_t nrows;
	uint64_t other; /* beyond REFUSAL_CODES codes, and without any */
};

/* Counts the first code (E_...) that stands in text. */
void refusals_count(struct refusals *t, const char *text);
/* The first code in text, or "". */
const char *code_in(const char *text, char out[static CODE_TEXT_MAX]);

struct trust {
	bool on;           /* trust.mode is commit */
	struct hwm mark;   /* of what is in force; serial 0: nothing was accepted yet */
	struct hwm next;   /* of the newest accepted commit, which may still fail to compile or to apply */
	bool asked;        /* the kernel's copy was looked at */
	int signers_fd;    /* the gateway's own allowed_signers; -1: none */
	uint32_t signers_given; /* to which life of the judge role */
	int proof_fd;      /* of the commit that was fetched; -1 */
	char tip[COMMIT_TEXT_MAX]; /* what the verdict is about; "" */
	struct ipc_judge_res verdict;
	struct buf why;
	struct buf alarm;  /* what is wrong with the mark itself, until the next start; empty: nothing */
	char content[DIGEST_HEX_MAX]; /* of the accepted commit's policy files; "" not known yet */
};

void trust_init(struct trust *t);
void trust_release(struct trust *t);
/* Reads the files of the mark and the gateway's own allowed_signers. 0, or a negative errno and a sentence: it cannot begin. */
int trust_open(struct trust *t, const struct config *c, int statedir, char *err, size_t err_size);
/* What the kernel holds of the mark; it counts when it is higher. */
void trust_take_mark(struct trust *t, int statedir, const char *mark);
/* The judge's word on a commit; -EBADMSG: it makes no sense. */
int trust_take_verdict(struct trust *t, const char *tip, const struct ipc_judge_res *res, const char *why);
/* Whether the newest verdict is about that commit and holds it back. */
bool trust_refuses(const struct trust *t, const char *commit);
/* "abc1234 waits for a signature: E_UNSIGNED: ..." and what to type; out is appended to. */
void trust_say(const struct trust *t, struct buf *out);
/* The mark that stands beside the plan of that commit: the raised one for the newest accepted, else the one that is; a plan of the past lowers nothing. */
const struct hwm *trust_mark_of(const struct trust *t, const char *commit);
/* That commit is in force now: if it is the newest accepted one, the mark follows and is written. 0 or a negative errno. */
int trust_in_force(struct trust *t, int statedir, const char *commit);
/* Begins anew from a commit that somebody with the right to do so named. 0 or a negative errno. */
int trust_reanchor(struct trust *t, int statedir, const char *commit);
