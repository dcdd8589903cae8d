/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/trust_file.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/bug.h"
#include "base/vec.h"
#include "yaml/yaml.h"

/* What a reader of one value works with. */
struct reading {
	struct arena *arena;
	struct diags *diags;
	struct trust_file *t;
	bool failed;
};

static void refuse(struct reading *r, struct loc loc, const char *what, const char *hint)
{
	diag_add(r->diags, "E_TRUST_FILE", loc, "%s", what);
	if (hint != NULL)
		diag_hint(r->diags, "%s", hint);
	r->failed = true;
}

/* A member of a mapping: its name, how it is read, and whether it must be there. */
struct member {
	const char *name;
	void (*read)(struct reading *r, const struct node *v, void *to);
	size_t offset;
	bool required;
};

static const struct member *find_member(const struct member *rows, const char *name)
{
	for (; rows->name != NULL; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows;
	return NULL;
}

static void unknown_member(struct reading *r, const struct node *key, const struct member *rows)
{
	VEC(const char *) names = VEC_INIT;

	for (; rows->name != NULL; rows++)
		vec_push(&names, rows->name);
	const char *near = diag_nearest(key->text, names.v, names.n);
	refuse(r, key->loc, arena_printf(r->arena, "the trust file has no member %s here", key->text),
	       near != NULL ? arena_printf(r->arena, "did you mean %s?", near) : NULL);
	vec_release(&names);
}

static void read_map(struct reading *r, const struct node *v, const struct member *rows, void *to)
{
	if (v->kind != NODE_MAP) {
		refuse(r, v->loc, "a mapping stands here", NULL);
		return;
	}
	for (size_t i = 0; i < v->n; i++) {
		const struct member *m = find_member(rows, v->pair[i].key->text);
		if (m == NULL)
			unknown_member(r, v->pair[i].key, rows);
		else
			m->read(r, v->pair[i].value, (char *)to + m->offset);
	}
	for (; rows->name != NULL; rows++)
		if (rows->required && node_get(v, rows->name) == NULL)
			refuse(r, v->loc, arena_printf(r->arena, "%s is missing", rows->name), NULL);
}

static bool is_text(struct reading *r, const struct node *v)
{
	if (v->kind == NODE_SCALAR && !v->null && v->len > 0)
		return true;
	refuse(r, v->loc, "a text stands here", NULL);
	return false;
}

static void read_number(struct reading *r, const struct node *v, void *to)
{
	uint64_t n = 0;

	if (!is_text(r, v))
		return;
	for (const char *p = v->text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || (v->text[0] == '0' && v->len > 1) || v->len > 9) {
			refuse(r, v->loc, "a whole number up to 999999999 stands here", NULL);
			return;
		}
		n = 10 * n + (uint64_t)(*p - '0');
	}
	*(uint32_t *)to = (uint32_t)n;
}

static void read_threshold(struct reading *r, const struct node *v, void *to)
{
	read_number(r, v, to);
	if (*(uint32_t *)to == 0 && v->kind == NODE_SCALAR)
		refuse(r, v->loc, "a threshold is at least 1", "0 would let anybody");
}

static void read_bool(struct reading *r, const struct node *v, void *to)
{
	if (!is_text(r, v))
		return;
	if (strcmp(v->text, "true") != 0 && strcmp(v->text, "false") != 0)
		refuse(r, v->loc, "true or false stands here", NULL);
	*(bool *)to = strcmp(v->text, "true") == 0;
}

static void read_format(struct reading *r, const struct node *v, void *to)
{
	(void)to;
	if (is_text(r, v) && strcmp(v->text, "1") != 0)
		refuse(r, v->loc, arena_printf(r->arena, "this yett knows format 1, not %s", v->text), NULL);
}

static void read_mode(struct reading *r, const struct node *v, void *to)
{
	if (!is_text(r, v))
		return;
	*(int *)to = strcmp(v->text, "release") == 0 ? TRUST_MODE_RELEASE : TRUST_MODE_COMMIT;
	if (strcmp(v->text, "release") != 0 && strcmp(v->text, "commit") != 0)
		refuse(r, v->loc, "the mode is commit or release", NULL);
}

static void read_repo_id(struct reading *r, const struct node *v, void *to)
{
	size_t n = 0;

	if (!is_text(r, v))
		return;
	bool lower = strspn(v->text, "0123456789abcdef") == v->len;
	if (!lower || v->len != 2 * TRUST_REPO_ID_BYTES ||
	    sodium_hex2bin(to, TRUST_REPO_ID_BYTES, v->text, v->len, NULL, &n, NULL) != 0)
		refuse(r, v->loc, "repo-id is 64 hexadecimal digits in lower case", "yett init makes one at random");
}

struct texts {
	const char **v;
	size_t n;
};

static void read_texts(struct reading *r, const struct node *v, void *to)
{
	struct texts *out = to;

	if (v->kind != NODE_SEQ) {
		refuse(r, v->loc, "a list stands here", NULL);
		return;
	}
	out->v = arena_array(r->arena, v->n, const char *);
	for (size_t i = 0; i < v->n; i++)
		if (is_text(r, v->item[i]))
			out->v[out->n++] = v->item[i]->text;
}

/* What a role's signatures are for. */
static void read_may(struct reading *r, const struct node *v, void *to)
{
	static const struct {
		const char *word;
		unsigned int bit;
	} rows[] = { { "release", TRUST_MAY_RELEASE }, { "tick", TRUST_MAY_TICK } };
	struct texts words = { NULL, 0 };
	unsigned int may = 0;

	read_texts(r, v, &words);
	for (size_t i = 0; i < words.n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
			if (strcmp(words.v[i], rows[k].word) == 0)
				may |= rows[k].bit;
	if (may == 0 || words.n != (size_t)__builtin_popcount(may))
		refuse(r, v->loc, "may lists release or tick, each once", NULL);
	*(unsigned int *)to = may;
}

static const struct member role_members[] = {
	{ "threshold", read_threshold, offsetof(struct trust_role, threshold), true },
	{ "members", read_texts, offsetof(struct trust_role, member), true },
	{ "require-hardware", read_bool, offsetof(struct trust_role, require_hardware), false },
	{ "verify-required", read_bool, offsetof(struct trust_role, verify_required), false },
	{ "may", read_may, offsetof(struct trust_role, may), false },
	{ 0 },
};
_Static_assert(offsetof(struct trust_role, nmembers) == offsetof(struct trust_role, member) + sizeof(const char **),
	       "a list and its length stand as in struct texts");

static int text_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One person with two names in the list would count twice. */
static void check_role(struct reading *r, const struct node *v, struct trust_role *role)
{
	if (role->nmembers > 0)
		qsort(role->member, role->nmembers, sizeof(*role->member), text_cmp);
	for (size_t i = 1; i < role->nmembers; i++)
		if (strcmp(role->member[i - 1], role->member[i]) == 0)
			refuse(r, v->loc, arena_printf(r->arena, "%s stands twice among the members", role->member[i]), NULL);
	if (role->threshold > role->nmembers)
		refuse(r, v->loc,
		       arena_printf(r->arena, "the threshold of %s is %u, and it has %zu members", role->name,
				    role->threshold, role->nmembers),
		       "nothing could ever be approved");
}

static void read_root(struct reading *r, const struct node *v, void *to)
{
	struct trust_role *role = to;

	role->name = "root";
	role->may = TRUST_MAY_RELEASE;
	read_map(r, v, role_members, role);
	if (role->may != TRUST_MAY_RELEASE)
		refuse(r, v->loc, "the root role signs releases and nothing else", NULL);
	if (!r->failed)
		check_role(r, v, role);
}

static void read_roles(struct reading *r, const struct node *v, void *to)
{
	struct trust_file *t = r->t;

	(void)to;
	if (v->kind != NODE_MAP || v->n > TRUST_ROLES_MAX) {
		refuse(r, v->loc, "roles are a mapping of at most 64 names", NULL);
		return;
	}
	t->role = arena_array(r->arena, v->n, struct trust_role);
	for (size_t i = 0; i < v->n; i++) {
		struct trust_role *role = &t->role[t->nroles++];
		role->name = v->pair[i].key->text;
		role->may = TRUST_MAY_RELEASE;
		if (strcmp(role->name, "root") == 0)
			refuse(r, v->pair[i].key->loc, "root is no role among others: it stands by itself", NULL);
		read_map(r, v->pair[i].value, role_members, role);
		if (!r->failed)
			check_role(r, v->pair[i].value, role);
	}
}

/* A rule as it is written; names become indices when all roles are known. */
struct written_rule {
	struct texts paths, roles;
	struct {
		uint32_t revoke;
	} effect;
};

static void read_effect(struct reading *r, const struct node *v, void *to)
{
	static const struct member rows[] = { { "revoke", read_threshold, 0, true }, { 0 } };

	read_map(r, v, rows, to);
}

static const struct member rule_members[] = {
	{ "paths", read_texts, offsetof(struct written_rule, paths), true },
	{ "roles", read_texts, offsetof(struct written_rule, roles), true },
	{ "effect", read_effect, offsetof(struct written_rule, effect), false },
	{ 0 },
};

static const struct trust_role *role_named(const struct trust_file *t, const char *name)
{
	for (size_t i = 0; i < t->nroles; i++)
		if (strcmp(t->role[i].name, name) == 0)
			return &t->role[i];
	return NULL;
}

/* Names of roles that may sign releases, to indices. */
static uint32_t *settle_roles(struct reading *r, const struct node *v, const struct texts *names, size_t *n)
{
	uint32_t *out = arena_array(r->arena, names->n, uint32_t);

	for (size_t i = 0; i < names->n; i++) {
		const struct trust_role *role = role_named(r->t, names->v[i]);
		if (role == NULL)
			refuse(r, v->loc, arena_printf(r->arena, "there is no role %s", names->v[i]), NULL);
		else if (!(role->may & TRUST_MAY_RELEASE))
			refuse(r, v->loc, arena_printf(r->arena, "role %s may not sign releases", role->name), NULL);
		else
			out[(*n)++] = (uint32_t)(role - r->t->role);
	}
	return out;
}

static void settle_rule(struct reading *r, const struct node *v, const struct written_rule *w, struct trust_rule *out)
{
	*out = (struct trust_rule){ .path = w->paths.v, .npaths = w->paths.n, .revoke = w->effect.revoke };
	out->role = settle_roles(r, v, &w->roles, &out->nroles);
	if (out->nroles == 0 || out->npaths == 0)
		refuse(r, v->loc, "a rule names at least one path and one role", NULL);
	for (size_t i = 0; i < out->npaths; i++)
		if (trust_is_own_path(out->path[i]))
			refuse(r, v->loc, "trust/ is the root role's, whatever a rule says", "take that pattern out");
}

static void read_rules(struct reading *r, const struct node *v, void *to)
{
	struct trust_file *t = r->t;

	(void)to;
	if (v->kind != NODE_SEQ || v->n > TRUST_RULES_MAX) {
		refuse(r, v->loc, "rules are a list of at most 256", NULL);
		return;
	}
	t->rule = arena_array(r->arena, v->n, struct trust_rule);
	for (size_t i = 0; i < v->n; i++) {
		struct written_rule w = { .effect = { 0 } };
		read_map(r, v->item[i], rule_members, &w);
		if (!r->failed)
			settle_rule(r, v->item[i], &w, &t->rule[t->nrules++]);
	}
}

struct written_effect {
	struct texts to, roles;
};

static const struct member effect_members[] = {
	{ "to", read_texts, offsetof(struct written_effect, to), true },
	{ "roles", read_texts, offsetof(struct written_effect, roles), true },
	{ 0 },
};

static void read_effects(struct reading *r, const struct node *v, void *to)
{
	struct trust_file *t = r->t;

	(void)to;
	if (v->kind != NODE_SEQ || v->n > TRUST_EFFECTS_MAX) {
		refuse(r, v->loc, "effects are a list of at most 256", NULL);
		return;
	}
	t->effect = arena_array(r->arena, v->n, struct trust_effect);
	for (size_t i = 0; i < v->n; i++) {
		struct written_effect w = { .to = { NULL, 0 } };
		struct trust_effect *out = &t->effect[t->neffects++];
		read_map(r, v->item[i], effect_members, &w);
		if (r->failed)
			return;
		*out = (struct trust_effect){ .to = w.to.v, .nto = w.to.n };
		out->role = settle_roles(r, v->item[i], &w.roles, &out->nroles);
		if (out->nroles == 0 || out->nto == 0)
			refuse(r, v->item[i]->loc, "an effect names at least one destination and one role", NULL);
	}
}

static void read_percent(struct reading *r, const struct node *v, void *to)
{
	read_number(r, v, to);
	if (*(uint32_t *)to > 100)
		refuse(r, v->loc, "a share of the peers is at most 100", NULL);
}

static void read_days(struct reading *r, const struct node *v, void *to)
{
	read_threshold(r, v, to);
	if (*(uint32_t *)to > 3650)
		refuse(r, v->loc, "an age is at most 3650 days", NULL);
	*(uint32_t *)to = *(uint32_t *)to % 3651 * 86400;
}

static void read_duration(struct reading *r, const struct node *v, void *to)
{
	static const char unit[] = "smhd";
	static const uint32_t seconds[] = { 1, 60, 3600, 86400 };
	uint32_t n = 0;

	if (!is_text(r, v))
		return;
	size_t digits = strspn(v->text, "0123456789");
	const char *at = v->len == digits + 1 ? strchr(unit, v->text[digits]) : NULL;
	for (size_t i = 0; digits <= 6 && i < digits; i++)
		n = 10 * n + (uint32_t)(v->text[i] - '0');
	if (at == NULL || *at == '\0' || n == 0 || n > 366u * 86400 / seconds[at - unit])
		refuse(r, v->loc, "a duration is a number and s, m, h or d, such as 26h, of at most a year", NULL);
	else
		*(uint32_t *)to = n * seconds[at - unit];
}

static void read_limits(struct reading *r, const struct node *v, void *to)
{
	static const struct member rows[] = {
		{ "max-removed-peers-percent", read_percent, offsetof(struct trust_file, max_removed_percent), false },
		{ "max-record-age-days", read_days, offsetof(struct trust_file, max_record_age), false },
		{ "tick-ttl", read_duration, offsetof(struct trust_file, tick_ttl), false },
		{ 0 },
	};

	(void)to;
	read_map(r, v, rows, r->t);
}

struct written_revoked {
	const char *key, *reason;
	uint32_t after_serial;
};

static void read_line(struct reading *r, const struct node *v, void *to)
{
	if (is_text(r, v) && v->len <= 200)
		*(const char **)to = v->text;
	else
		refuse(r, v->loc, "a text of at most 200 bytes stands here", NULL);
}

static void read_fingerprint(struct reading *r, const struct node *v, void *to)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (!is_text(r, v))
		return;
	if (v->len != 50 || strncmp(v->text, "SHA256:", 7) != 0 || strspn(v->text + 7, base64) != 43)
		refuse(r, v->loc, "a key's fingerprint stands here, SHA256:... as ssh-keygen -l prints it", NULL);
	*(const char **)to = v->text;
}

static void read_revoked(struct reading *r, const struct node *v, void *to)
{
	static const struct member rows[] = {
		{ "key", read_fingerprint, offsetof(struct written_revoked, key), true },
		{ "after-serial", read_number, offsetof(struct written_revoked, after_serial), true },
		{ "reason", read_line, offsetof(struct written_revoked, reason), false },
		{ 0 },
	};
	struct trust_file *t = r->t;

	(void)to;
	if (v->kind != NODE_SEQ || v->n > TRUST_REVOKED_MAX) {
		refuse(r, v->loc, "revoked is a list of at most 512", NULL);
		return;
	}
	t->revoked = arena_array(r->arena, v->n, struct trust_revoked);
	for (size_t i = 0; i < v->n; i++) {
		struct written_revoked w = { .key = NULL };
		read_map(r, v->item[i], rows, &w);
		t->revoked[t->nrevoked++] = (struct trust_revoked){ w.key, w.after_serial, w.reason };
	}
}

static void read_later(struct reading *r, const struct node *v, void *to)
{
	(void)to;
	refuse(r, v->loc, "this member belongs to sealed profiles, which this version of yett does not have", NULL);
}

/* In the order in which they are read: rules name roles. */
static const struct member file_members[] = {
	{ "format", read_format, 0, true },
	{ "mode", read_mode, offsetof(struct trust_file, mode), false },
	{ "repo-id", read_repo_id, offsetof(struct trust_file, repo_id), true },
	{ "version", read_threshold, offsetof(struct trust_file, version), true },
	{ "root", read_root, offsetof(struct trust_file, root), true },
	{ "roles", read_roles, 0, true },
	{ "rules", read_rules, 0, true },
	{ "ignore", read_texts, offsetof(struct trust_file, ignore), false },
	{ "effects", read_effects, 0, false },
	{ "limits", read_limits, 0, false },
	{ "revoked", read_revoked, 0, false },
	{ "profiles", read_later, 0, false },
	{ 0 },
};
_Static_assert(offsetof(struct trust_file, nignore) == offsetof(struct trust_file, ignore) + sizeof(const char **),
	       "a list and its length stand as in struct texts");

/* Members in the order of the rows, so that a file may name its rules before its roles. */
static int place_of(const struct node_pair *p)
{
	const struct member *m = find_member(file_members, p->key->text);

	return m == NULL ? (int)ARRAY_SIZE(file_members) : (int)(m - file_members);
}

static int by_place(const void *a, const void *b)
{
	return place_of(a) - place_of(b);
}

/* What only release mode keeps would be believed to hold in the other. */
static void check_mode(struct reading *r, const struct node *v)
{
	static const char *const name[] = { "effects", "limits", "revoked" };

	for (size_t i = 0; r->t->mode == TRUST_MODE_COMMIT && v->kind == NODE_MAP && i < ARRAY_SIZE(name); i++)
		if (node_get(v, name[i]) != NULL)
			refuse(r, node_get(v, name[i])->loc, arena_printf(r->arena, "%s hold in release mode alone", name[i]),
			       "write mode: release, or take it out");
}

int trust_file_parse(struct trust_file *t, uint32_t diag_file, const char *data, size_t len, struct arena *a,
		     struct diags *d)
{
	struct reading r = { .arena = a, .diags = d, .t = t };
	struct node **docs = NULL;
	size_t ndocs = 0;

	*t = (struct trust_file){ .max_removed_percent = 100, .tick_ttl = TRUST_TICK_TTL };
	if (yaml_parse(a, diag_file, data, len, d, &docs, &ndocs) < 0)
		return -1;
	if (ndocs != 1) {
		refuse(&r, (struct loc){ diag_file, 1, 1 }, "the trust file is one document", NULL);
		return -1;
	}
	if (docs[0]->kind == NODE_MAP && docs[0]->n > 0)
		qsort(docs[0]->pair, docs[0]->n, sizeof(*docs[0]->pair), by_place);
	read_map(&r, docs[0], file_members, t);
	check_mode(&r, docs[0]);
	return r.failed ? -1 : 0;
}

/* Within one part: '*' for any bytes. Greedy with one step back, so never more than the product of the lengths. */
static bool part_matches(const char *pattern, size_t np, const char *part, size_t n)
{
	size_t i = 0, k = 0, star = SIZE_MAX, from = 0;

	while (k < n) {
		if (i < np && pattern[i] == '*') {
			star = i++;
			from = k;
		} else if (i < np && pattern[i] == part[k]) {
			i++;
			k++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			k = ++from;
		} else {
			return false;
		}
	}
	while (i < np && pattern[i] == '*')
		i++;
	return i == np;
}

static const char *next_part(const char *p, size_t n)
{
	return p[n] == '/' ? p + n + 1 : p + n;
}

bool trust_path_matches(const char *pattern, const char *path)
{
	const char *p = pattern, *s = path, *back_p = NULL, *back_s = NULL;

	while (*s != '\0') {
		size_t np = strcspn(p, "/"), ns = strcspn(s, "/");
		if (np == 2 && p[0] == '*' && p[1] == '*') { /* any number of parts, none at first */
			back_p = p = next_part(p, np);
			back_s = s;
			if (*p == '\0')
				return true;
			continue;
		}
		if (*p != '\0' && part_matches(p, np, s, ns)) {
			p = next_part(p, np);
			s = next_part(s, ns);
			if (*p != '\0' || *s == '\0')
				continue;
		}
		if (back_p == NULL)
			return false;
		p = back_p;
		back_s = next_part(back_s, strcspn(back_s, "/"));
		s = back_s;
	}
	return *p == '\0';
}

const struct trust_rule *trust_rule_of(const struct trust_file *t, const char *path)
{
	for (size_t i = 0; i < t->nrules; i++)
		for (size_t k = 0; k < t->rule[i].npaths; k++)
			if (trust_path_matches(t->rule[i].path[k], path))
				return &t->rule[i];
	return NULL;
}

bool trust_is_own_path(const char *path)
{
	return strncmp(path, "trust/", 6) == 0 || strcmp(path, "trust") == 0;
}

static bool ends_in(const char *path, const char *suffix)
{
	size_t n = strlen(path), k = strlen(suffix);

	return n >= k && strcmp(path + n - k, suffix) == 0;
}

/* Whether a walk of the tree may read the file. */
static bool is_compiled(const char *path)
{
	if (strcmp(path, ".yettignore") == 0)
		return true;
	for (const char *part = path, *slash; (slash = strchr(part, '/')) != NULL; part = slash + 1)
		if (part[0] == '.')
			return false;
	return ends_in(path, ".yaml") || ends_in(path, ".yml");
}

bool trust_ignores(const struct trust_file *t, const char *path)
{
	if (trust_is_own_path(path) || is_compiled(path))
		return false;
	for (size_t i = 0; i < t->nignore; i++)
		if (trust_path_matches(t->ignore[i], path))
			return true;
	return false;
}
