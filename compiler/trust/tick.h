/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tick - a signed word that a release is still the newest one, so that a repository that stops moving is noticed.
 *
 * Made every day by a key that can sign nothing else (namespace tick@yett). Its absence raises an alarm and never stops traffic, or
 * whoever serves the repository would hold a switch.
 *
 *	yett-tick-v1
 *	repo: 64 hexadecimal digits
 *	serial: 42
 *	record: sha256:...
 *	time: 2026-11-21T06:00:00Z
 *	ttl: 93600
 */
#pragma once

#include "base/buf.h"
#include "base/digest.h"
#include "trust/sshsig.h"
#include "trust/signers.h"
#include "trust/trust_file.h"

#define TICK_MAX 1024u
#define TICK_NAMESPACE "tick@yett"
#define TICK_AHEAD_MAX 600 /* seconds that a tick's time may lie ahead of the reader's clock */

struct tick {
	uint8_t repo[32];
	uint64_t serial;
	struct digest record;
	int64_t time; /* UTC seconds */
	uint32_t ttl; /* seconds */
};

int tick_parse(struct tick *t, const char *text, size_t len, char *err, size_t err_size);
void tick_write(const struct tick *t, struct buf *out);

/*
 * Whether the text is a tick of this repository, signed by a member of a role that may tick, with a key whose only namespace is
 * tick@yett. NULL, or a code with a sentence in *why; then *t is all zero.
 */
const char *tick_verify(struct tick *t, const struct trust_file *trust, const struct signers *signers, const char *text,
			size_t len, const void *armor, size_t armor_len, int64_t now, struct arena *a, const char **why);

enum tick_state {
	TICK_NONE,   /* there is none */
	TICK_FRESH,  /* not older than its ttl */
	TICK_STALE,  /* older: a warning */
	TICK_FROZEN, /* older than three times the ttl: an alarm */
	TICK_AHEAD,  /* dated after now: one of the two clocks is wrong */
};
/* By the shorter of the tick's ttl and the trust file's. t may be NULL. */
enum tick_state tick_state_at(const struct tick *t, uint32_t trust_ttl, int64_t now);
const char *tick_state_word(enum tick_state s); /* "fresh" */
