/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - what the approvers of a release sign: which content follows which, and what it compiles to.
 *
 * Lines `key: value` in one order, UTF-8, LF, no other key, at most RECORD_MAX bytes. One record has one text: what is read is written
 * again and has to be the same bytes. These bytes are signed (namespace release@yett), so their form never changes.
 *
 *	yett-release-v1
 *	repo: 64 hexadecimal digits        trust.yaml's repo-id: no record counts in another repository
 *	serial: 42                         1 and up, without gaps
 *	prev: sha256:...                   digest of record 41; zeros for serial 1
 *	commit: sha1:... or sha256:...     where the content is found; authenticity rests on the next line
 *	content: sha256:...                content.h, of that commit's policy root
 *	plans: sha256:... or -             merkle.h, over the compiled plan of each gateway
 *	profiles: sha256:... or -
 *	trust: 7                           trust.yaml's version in this content
 *	format: 3                          of the encoded plans
 *	flags: - or checkpoint,mass-change,rewind
 *	not-before: 2026-11-21T02:00:00Z or -
 *	made: 2026-11-21T01:55:10Z         informational
 *	note: one line, or -
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/digest.h"

#define RECORD_MAX 4096u
#define RECORD_NOTE_MAX 200u
#define RECORD_SERIAL_MAX UINT64_C(9999999999) /* ten digits: names of folders sort as numbers */
#define RECORD_NAMESPACE "release@yett"

enum record_flag { RECORD_CHECKPOINT = 1, RECORD_MASS_CHANGE = 2, RECORD_REWIND = 4 }; /* bits */

struct record {
	uint8_t repo[32];
	uint64_t serial;
	struct digest prev;
	char commit[65]; /* hexadecimal digits alone: 40 or 64 */
	struct digest content, plans, profiles;
	bool has_plans, has_profiles;
	uint32_t trust, format;
	unsigned int flags;  /* enum record_flag bits */
	int64_t not_before;  /* UTC seconds; CLOCK_EVER: none */
	int64_t made;        /* UTC seconds */
	char note[RECORD_NOTE_MAX + 1]; /* "": none */
};

/* 0, or -1 with a sentence that names the line; then *r is all zero. */
int record_parse(struct record *r, const char *text, size_t len, char *err, size_t err_size);
/* Appends. The fields have to be in range, or what is written does not parse. */
void record_write(const struct record *r, struct buf *out);
/* What the next record's prev names: SHA-256 of the text. */
struct digest record_digest(const char *text, size_t len);
/* "checkpoint,rewind"; "-" for none. Returns out. */
#define RECORD_FLAGS_TEXT_MAX 40
char *record_flags_text(unsigned int flags, char out[static RECORD_FLAGS_TEXT_MAX]);
