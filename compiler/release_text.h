/* SPDX-License-Identifier: Apache-2.0 */
/* release_text - releases, what they need and who signed, as people and programs read it. */
#pragma once

#include <jansson.h>

#include "release_log.h"

/* "sha256:..." in the arena. */
const char *release_digest_text(const struct digest *d, struct arena *a);
/* The release that the log's releases end in; on standard output. */
void release_text_head(struct release_log *l);
/* One record that waits: who signed, what is missing, what to type. */
void release_text_candidate(struct release_log *l, const struct releases_candidate *x);
/* What the release asks for, one line each: "  [x] policies/db.yaml: rule 1: ...". */
void release_text_needs(struct release_log *l, const struct approvals *p);
json_t *release_json_head(struct release_log *l);
json_t *release_json_candidate(struct release_log *l, const struct releases_candidate *x);

/* The newest tick that counts and how fresh it is. */
struct release_tick {
	enum tick_state state;
	struct tick tick;       /* where there is one */
	bool ahead;             /* it names a release that the log does not show */
	const char *code, *why; /* of the last tick that does not count, or NULL */
};
struct release_tick release_tick_of(struct release_log *l, int64_t now);

/* The commands' bodies. */
int release_verify(const struct cmd *cmd, const struct cmd_common *common, const struct release_options *o, const char *rev,
		   int64_t now);
int release_pending(const struct cmd *cmd, const struct cmd_common *common, const struct release_options *o, int64_t now);
