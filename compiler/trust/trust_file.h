/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_file - trust/trust.yaml: who must sign a change of which path.
 *
 * The rules that judge a change are those of the tree before it, so a change cannot grant itself the right it uses. The first rule
 * that matches a path decides; a path that no rule matches may not change; `trust/` below the policy root is always
 * the root role's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"

#define TRUST_REPO_ID_BYTES 32
#define TRUST_ROLES_MAX 64
#define TRUST_RULES_MAX 256
#define TRUST_EFFECTS_MAX 256
#define TRUST_REVOKED_MAX 512
#define TRUST_TICK_TTL (26 * 3600) /* seconds, where the file does not say */
#define TRUST_BYTES_MAX ((size_t)128 << 10) /* of the file; its reader takes any length */

enum trust_mode { TRUST_MODE_COMMIT, TRUST_MODE_RELEASE };

enum trust_may { TRUST_MAY_RELEASE = 1, TRUST_MAY_TICK = 2 }; /* bits */

struct trust_role {
	const char *name;
	uint32_t threshold;
	const char **member; /* principals of trust/allowed_signers */
	size_t nmembers;
	bool require_hardware; /* only keys on a security key count */
	bool verify_required;  /* and only with a PIN or a finger */
	unsigned int may;      /* enum trust_may bits: what its members' signatures are for; never 0 */
};

struct trust_rule {
	const char **path; /* patterns; see trust_path_matches() */
	size_t npaths;
	uint32_t *role; /* indices into trust_file.role; each must reach its threshold */
	size_t nroles;
	uint32_t revoke; /* enough for a pure revocation; 0: no such rule */
};

/* Who must sign that anybody gains access to something, whatever file made it so. Every rule that is touched counts. */
struct trust_effect {
	const char **to; /* selectors as in a Policy's `to`; see release/effects.h */
	size_t nto;
	uint32_t *role; /* indices into trust_file.role; each must reach its threshold */
	size_t nroles;
};

/* A key whose signatures on later releases do not count. What it signed before stays. */
struct trust_revoked {
	const char *key; /* fingerprint, "SHA256:..." */
	uint64_t after_serial;
	const char *reason; /* NULL: none given */
};

struct trust_file {
	int mode; /* enum trust_mode */
	uint8_t repo_id[TRUST_REPO_ID_BYTES];
	uint32_t version;
	struct trust_role root;
	struct trust_role *role;
	size_t nroles;
	struct trust_rule *rule;
	size_t nrules;
	const char **ignore; /* patterns of paths that are not judged; see trust_ignores() */
	size_t nignore;
	struct trust_effect *effect;
	size_t neffects;
	struct trust_revoked *revoked;
	size_t nrevoked;
	uint32_t max_removed_percent; /* of the peers, without the flag mass-change; 100: no limit */
	uint32_t max_record_age;      /* seconds before a release counts as old; 0: never */
	uint32_t tick_ttl;            /* seconds */
};

/*
 * Mistakes go to d (E_TRUST_FILE at their place, and those of YAML); 0, or -1 when there was one, and then *t is not to be used. Everything lives in a.
 * diag_file: the file's index in d, as diags_add_file() gave it.
 */
int trust_file_parse(struct trust_file *t, uint32_t diag_file, const char *data, size_t len, struct arena *a,
		     struct diags *d);

/*
 * Literal bytes; `*` stands for any bytes but '/', `**` as a whole part for any number of parts, at the
 * end for at least one. Case counts. Linear in
 * path length times pattern length.
 */
bool trust_path_matches(const char *pattern, const char *path);
/* The first rule that matches, or NULL. Not to be asked about trust/ paths. */
const struct trust_rule *trust_rule_of(const struct trust_file *t, const char *path);
bool trust_is_own_path(const char *path); /* below trust/ */
/*
 * Whether a change of the path needs nobody. What the compiler reads is judged whatever the file says: policy files (*.yaml, *.yml)
 * outside folders whose name starts with '.', .yettignore, and trust/.
 */
bool trust_ignores(const struct trust_file *t, const char *path);
