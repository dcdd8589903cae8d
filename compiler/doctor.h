/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor - what keeps somebody from signing, approving or deploying, found by looking, each with what to type.
 *
 * A check asks one thing and adds one finding; nothing is changed, but where a forge is tried with a ref that is taken away again.
 */
#pragma once

#include "cmd.h"
#include "release/releases.h"

enum finding_level { FINDING_OK, FINDING_NOTE, FINDING_WARN, FINDING_BAD };

struct finding {
	enum finding_level level;
	const char *about; /* "clone", "key", "forge", "gateway" */
	const char *what;  /* one sentence */
	const char *type;  /* what to type, or NULL */
};

struct doctor {
	const struct cmd_common *common;
	struct arena arena;
	struct source_repo repo;
	const struct releases_trust *trust; /* of HEAD; NULL: none, or it has mistakes */
	struct finding *v;
	size_t n, cap;
};

void doctor_add(struct doctor *d, enum finding_level level, const char *about, const char *what, const char *type);
/* One line that git prints, "" where it fails; in the arena. */
const char *doctor_git(struct doctor *d, const char *const words[]);

void doctor_clone(struct doctor *d);                      /* the repository, its trust files, the tools */
void doctor_key(struct doctor *d, const char *key);       /* the key that would sign; NULL: git's */
/* The remote, as far as it tells by itself; with try also by pushing a ref of its own and taking it away. NULL: origin. */
void doctor_forge(struct doctor *d, const char *remote, bool try);
void doctor_gateway(struct doctor *d, const char *file);  /* yettd's configuration, asked of yettd */
