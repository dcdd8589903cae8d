/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/chain.h"

#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "trust/commit_object.h"

/* A commit that is in force, or would be: what it says of trust. */
struct state {
	struct object_id root; /* its policy tree */
	struct trust_file trust;
	struct signers signers;
};

struct chain {
	const struct chain_case *c;
	struct chain_verdict *out;
	struct arena *a;
	VEC(const struct raw_object *) way; /* newest first, without the base */
};

static void reject(struct chain *k, const char *code, const char *why)
{
	k->out->j.accepted = k->out->j.pending = false;
	k->out->j.code = code;
	k->out->j.why = why;
}

static const char *short_id(struct chain *k, const struct object_id *id)
{
	char text[OBJECT_ID_TEXT_MAX];

	return arena_strndup(k->a, object_id_text(id, text), 12);
}

/* ---- one commit's tree and trust folder ---- */

static bool tree_failed(struct chain *k, int rc, const struct object_error *e, const char *missing)
{
	if (rc == -ENOENT)
		reject(k, "E_TRUST_FILE", missing);
	else
		reject(k, e->code, e->why);
	return false;
}

static bool read_root(struct chain *k, const struct raw_object *commit, struct object_id *root)
{
	struct commit_object o;
	struct object_id top;
	struct object_error e = { NULL, NULL };

	if (commit_object_links(commit->data, commit->len, &o) != COMMIT_OK || !object_id_parse_n(&top, o.tree, o.hex_len)) {
		reject(k, "E_HDR", "the commit's header is not of the one form that is read");
		return false;
	}
	int rc = objects_folder(k->c->objects, &top, k->c->path, root, k->a, &e);
	return rc == 0 || tree_failed(k, rc, &e, arena_printf(k->a, "the commit has no folder %s", k->c->path));
}

static const char *first_mistake(struct chain *k, const struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity == DIAG_ERROR)
			return arena_printf(k->a, "trust/trust.yaml:%u: %s", d->v[i].loc.line, d->v[i].message);
	return "trust/trust.yaml cannot be read";
}

static bool read_trust_file(struct chain *k, struct state *s)
{
	const struct raw_object *file;
	struct object_error e = { NULL, NULL };
	struct diags d;
	int rc = objects_file(k->c->objects, &s->root, "trust/trust.yaml", &file, k->a, &e);

	if (rc < 0)
		return tree_failed(k, rc, &e, "there is no file trust/trust.yaml");
	if (file->len > TRUST_BYTES_MAX) {
		reject(k, "E_TRUST_FILE", "trust/trust.yaml is longer than 128 KiB");
		return false;
	}
	diags_init(&d, k->a);
	uint32_t index = diags_add_file(&d, "trust/trust.yaml", file->data, file->len);
	rc = trust_file_parse(&s->trust, index, arena_strndup(k->a, file->data, file->len), file->len, k->a, &d);
	if (rc < 0)
		reject(k, "E_TRUST_FILE", first_mistake(k, &d));
	diags_release(&d);
	return rc == 0;
}

static bool read_signers(struct chain *k, struct state *s)
{
	const struct raw_object *file;
	struct object_error e = { NULL, NULL };
	char why[256];
	int rc = objects_file(k->c->objects, &s->root, "trust/allowed_signers", &file, k->a, &e);

	if (rc < 0)
		return tree_failed(k, rc, &e, "there is no file trust/allowed_signers");
	if (signers_parse(&s->signers, file->data, file->len, k->a, why, sizeof(why)) < 0) {
		reject(k, "E_SIGNERS", arena_printf(k->a, "trust/allowed_signers: %s", why));
		return false;
	}
	return true;
}

static bool read_state(struct chain *k, const struct raw_object *commit, struct state *s)
{
	memset(s, 0, sizeof(*s));
	if (!read_root(k, commit, &s->root) || !read_trust_file(k, s) || !read_signers(k, s))
		return false;
	if (s->trust.mode == TRUST_MODE_COMMIT)
		return true;
	reject(k, "E_TRUST_MODE", "trust/trust.yaml asks for release mode, which this version of a gateway does not have");
	return false;
}

/* ---- one step ---- */

static bool find_changed(struct chain *k, const struct state *was, const struct object_id *root)
{
	struct chain_verdict *out = k->out;
	struct object_error e = { NULL, NULL };
	size_t n;
	int rc = objects_diff(k->c->objects, &was->root, root, &out->changed, &n, k->a, &e);

	out->nchanged = 0;
	if (rc < 0)
		return tree_failed(k, rc, &e, "");
	for (size_t i = 0; i < n; i++)
		if (!trust_ignores(&was->trust, out->changed[i]))
			out->changed[out->nchanged++] = out->changed[i];
	return true;
}

static bool touches_trust(const struct chain_verdict *v)
{
	for (size_t i = 0; i < v->nchanged; i++)
		if (trust_is_own_path(v->changed[i]))
			return true;
	return false;
}

/* The new root role must stand behind the change too, as in TUF: else a slip would lock everybody out. */
static bool may_replace(struct chain *k, const struct state *was, const struct state *is, const struct sshsig *sig)
{
	const struct signer *s = signers_find(&is->signers, sig);
	const char *why = NULL;

	if (memcmp(was->trust.repo_id, is->trust.repo_id, TRUST_REPO_ID_BYTES) != 0)
		why = "repo-id changes, and it never does";
	else if (is->trust.version != was->trust.version + 1)
		why = arena_printf(k->a, "with a change below trust/ its version goes from %u to %u; write version: %u in trust/trust.yaml",
				   was->trust.version, was->trust.version + 1, was->trust.version + 1);
	else if (s == NULL || !(s->namespaces & SIGNER_GIT))
		why = arena_printf(k->a, "the key of %s would no longer stand in trust/allowed_signers; let who stays sign that change",
				   k->out->j.principal);
	else
		why = judge_lacks(&is->trust.root, s, sig, k->a);
	if (why != NULL)
		reject(k, "E_ROOT", why);
	return why == NULL;
}

/* Whether commit may follow; then *s is what it says. Else k->out->j tells why. */
static bool step(struct chain *k, struct state *s, const struct raw_object *commit, bool is_tip)
{
	struct judge_case one = { .trust = &s->trust, .signers = &s->signers, .commit = commit->data, .commit_len = commit->len,
				  .now = k->c->now };
	struct judgement *j = &k->out->j;
	struct state next;
	struct sshsig sig;
	const struct signer *who = judge_signature(&one, &sig, j, k->a);

	if (who == NULL && !(is_tip && j->pending))
		return false;
	struct judgement asked = *j; /* an unsigned tip: what changed is only looked at for who could sign it */
	if (!read_root(k, commit, &next.root) || !find_changed(k, s, &next.root))
		return false;
	*j = asked;
	one.changed = k->out->changed;
	one.nchanged = k->out->nchanged;
	bool may = who != NULL && judge_paths(&one, who, &sig, j, k->a);
	if (!may && j->pending)
		j->could_sign = judge_could_sign(&one, k->a);
	if (!may)
		return false;
	if (!touches_trust(k->out)) {
		s->root = next.root;
		return true;
	}
	/* Only now, signed by the root role, is the new file parsed. */
	if (!read_state(k, commit, &next) || !may_replace(k, s, &next, &sig))
		return false;
	*s = next;
	return true;
}

/* ---- the way ---- */

struct visit {
	const struct raw_object *commit;
	struct commit_object links;
	size_t next; /* parent to try */
};

static bool open_visit(const struct objects *o, const struct object_id *id, uint8_t *seen, struct visit *v)
{
	const struct raw_object *commit = objects_find(o, id, OBJECT_COMMIT);

	if (commit == NULL || seen[commit - o->v])
		return false;
	seen[commit - o->v] = 1;
	*v = (struct visit){ .commit = commit };
	return commit_object_links(commit->data, commit->len, &v->links) == COMMIT_OK;
}

/* From one commit back to another over those handed over, first parents first; k->way. False when there is no way. */
static bool find_way(struct chain *k, const struct object_id *from, const struct object_id *to)
{
	const struct objects *o = k->c->objects;
	uint8_t *seen = arena_alloc(k->a, o->n);
	VEC(struct visit) stack = VEC_INIT;
	struct visit v;
	bool found = false;

	if (open_visit(o, from, seen, &v))
		vec_push(&stack, v);
	while (stack.n > 0 && !found) {
		struct visit *top = &stack.v[stack.n - 1];
		struct object_id parent;
		if (top->next == top->links.nparents) {
			stack.n--;
			continue;
		}
		if (!object_id_parse_n(&parent, top->links.parent[top->next++], top->links.hex_len))
			continue;
		found = object_id_equal(&parent, to);
		if (!found && open_visit(o, &parent, seen, &v))
			vec_push(&stack, v);
	}
	k->way.n = 0;
	for (size_t i = 0; found && i < stack.n; i++)
		vec_push(&k->way, stack.v[i].commit);
	vec_release(&stack);
	return found;
}

static bool comes_after(struct chain *k)
{
	const struct chain_case *c = k->c;

	if (find_way(k, &c->tip, &c->base))
		return true;
	k->out->have = objects_find(c->objects, &c->base, OBJECT_COMMIT);
	k->out->offered = objects_find(c->objects, &c->tip, OBJECT_COMMIT);
	bool back = find_way(k, &c->base, &c->tip);
	k->way.n = 0;
	reject(k, back ? "E_ROLLBACK" : "E_FORK",
	       arena_printf(k->a, "have=%s offered=%s: %s", short_id(k, &c->base), short_id(k, &c->tip),
			    back ? "the branch went back to a commit before the one in force" :
				   "the branch does not come after the commit in force"));
	return false;
}

/* ---- verdicts ---- */

static void accept(struct chain *k, const struct state *s)
{
	k->out->j.accepted = true;
	k->out->root = s->root;
	memcpy(k->out->repo_id, s->trust.repo_id, sizeof(k->out->repo_id));
	k->out->version = s->trust.version;
}

static void judge_way(struct chain *k)
{
	const struct raw_object *base = objects_find(k->c->objects, &k->c->base, OBJECT_COMMIT);
	struct state s;

	if (base == NULL) {
		reject(k, "E_FORK", arena_printf(k->a, "have=%s offered=%s: the repository no longer has the commit in force",
						 short_id(k, &k->c->base), short_id(k, &k->c->tip)));
		k->out->offered = objects_find(k->c->objects, &k->c->tip, OBJECT_COMMIT);
		return;
	}
	if (!object_id_equal(&k->c->base, &k->c->tip) && !comes_after(k))
		return;
	if (!read_state(k, base, &s)) {
		k->out->base_unread = true;
		k->out->j.why = arena_printf(k->a, "of the tree in force: %s", k->out->j.why);
		return;
	}
	bool accepted = k->way.n == 0;
	for (size_t i = k->way.n; i > 0; i--) {
		accepted = step(k, &s, k->way.v[i - 1], i == 1);
		k->out->steps += accepted;
	}
	if (accepted)
		accept(k, &s);
	else
		k->out->steps = 0;
}

/* Nothing was accepted yet: the gateway's own file says who may sign the first tip, which then vouches for all of it. */
static void judge_first(struct chain *k, const struct raw_object *tip)
{
	const struct chain_case *c = k->c;
	const struct judge_case one = { .signers = c->first, .commit = tip->data, .commit_len = tip->len, .now = c->now };
	struct state s;
	struct sshsig sig;

	if (c->base.len > 0 && !object_id_equal(&c->base, &c->tip) && !comes_after(k))
		return;
	if (judge_signature(&one, &sig, &k->out->j, k->a) == NULL) {
		struct trust_file any = { .nrules = 0 };
		const struct judge_case whole = { .trust = &any, .signers = c->first, .now = c->now };
		if (k->out->j.pending)
			k->out->j.could_sign = judge_could_sign(&whole, k->a);
		if (k->out->j.code != NULL && strcmp(k->out->j.code, "E_SIGNER") == 0 && k->out->j.principal == NULL)
			k->out->j.why = arena_printf(k->a, "nobody in the allowed_signers of this gateway has the key %s",
						     k->out->j.fingerprint);
		return;
	}
	if (!read_state(k, tip, &s))
		return;
	k->out->steps = 1;
	accept(k, &s);
}

static bool too_many(const struct objects *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n; i++)
		n += o->v[i].type == OBJECT_COMMIT;
	return n > CHAIN_COMMITS_MAX;
}

void chain_judge(const struct chain_case *c, struct chain_verdict *out, struct arena *a)
{
	struct chain k = { .c = c, .out = out, .a = a };
	const struct raw_object *tip = objects_find(c->objects, &c->tip, OBJECT_COMMIT);

	memset(out, 0, sizeof(*out));
	if (too_many(c->objects))
		reject(&k, "E_SIZE", "more commits were handed over than are judged at once");
	else if (tip == NULL)
		reject(&k, "E_ODB_MISSING", "the commit was not handed over");
	else if (c->first != NULL)
		judge_first(&k, tip);
	else if (c->base.len == 0)
		reject(&k, "E_TRUST", "nothing is in force yet, and nothing says whom to trust");
	else
		judge_way(&k);
	vec_release(&k.way);
}
