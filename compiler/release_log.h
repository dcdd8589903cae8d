/* SPDX-License-Identifier: Apache-2.0 */
/* release_log - the log of releases as commands see it: fetched from a remote, read and judged, added to and pushed. */
#pragma once

#include "cmd.h"
#include "release/releases.h"

/* Options of commands that read the log. */
struct release_options {
	const char *remote; /* NULL: origin, or the only one; "": none, the local log alone */
	const char *ref;    /* NULL: LEDGER_REF, or LEDGER_BRANCH where only that is there */
	const char *anchor; /* "SERIAL:DIGEST"; NULL: the log's first release */
	bool offline;       /* what was fetched last */
};

struct release_log {
	const struct cmd *cmd;
	const struct cmd_common *common;
	struct source_repo repo;
	struct ledger ledger;
	struct releases releases;
	enum releases_state state;
	const char *remote; /* "": none */
	const char *ref;    /* there and here */
	struct arena arena;
	char err[1024];
};

/* Fetches (unless offline), opens and judges as far as it goes. 0, or -1 with a sentence in err; close it in each case. */
int release_log_open(struct release_log *l, const struct cmd *cmd, const struct cmd_common *common,
		     const struct release_options *o, int64_t now);
void release_log_close(struct release_log *l);

/*
 * Adds files (and released, a commit's id or NULL, as a parent) and pushes; when somebody pushed meanwhile, on top of what he did, a bounded
 * number of times. 0, or -1 with a sentence in err, and then nothing was added anywhere.
 */
int release_log_add(struct release_log *l, const struct ledger_file *file, size_t n, const char *released);

/* An armored signature over text by ssh-keygen, with key (a file, or a public key's line) or git's user.signingkey. 0 or -1 with err. */
int release_log_sign(struct release_log *l, const char *key, const char *name_space, const struct buf *text, struct buf *armor);

/* One line of `git config --get NAME` in the repository, "" where there is none. Lives in the arena. */
const char *release_log_config(struct release_log *l, const char *name, const char *type);
