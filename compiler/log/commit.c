/* SPDX-License-Identifier: Apache-2.0 */
#include "log/commit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "trust/commit_object.h"
#include "trust/signers.h"
#include "trust/sshsig.h"

#define SIGNERS_PATH "trust/allowed_signers"
#define TEXT_MAX 400 /* bytes of one name or subject */
#define CLAIMS_MAX 32
#define CLAIM_NAMESPACE "git"

static int fail(char *err, size_t err_size, const char *what, const git_oid *id)
{
	const git_error *e = git_error_last();
	char hex[GIT_OID_HEXSZ + 1];

	snprintf(err, err_size, "cannot read %s %s: %s", what, git_oid_tostr(hex, sizeof(hex), id),
		 e && e->message ? e->message : "no reason given");
	return -EIO;
}

/* ---- text ---- */

static const char *safe_text(struct arena *a, const char *s, size_t n)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = utf8_next(s + i, n - i, &c);
		if (b.len > TEXT_MAX) {
			buf_adds(&b, "…");
			break;
		}
		if (len == 0 || text_is_unsafe(c))
			buf_adds(&b, "\xef\xbf\xbd");
		else
			buf_add(&b, s + i, len);
		i += len ? len : 1;
	}
	return arena_strdup(a, buf_str(&b));
}

static struct commit_person person(struct arena *a, const git_signature *s)
{
	return (struct commit_person){ safe_text(a, s->name, strlen(s->name)), safe_text(a, s->email, strlen(s->email)),
				       s->when.time };
}

/* ---- signature ---- */

/* The signer whom the list in a policy tree names for this key; NULL where there is no list, or no such line. */
static const char *principal_of(const struct source_repo *repo, const git_oid *root, const struct sshsig *sig,
				struct arena *a)
{
	git_tree *tree = NULL;
	git_tree_entry *e = NULL;
	git_blob *blob = NULL;
	const char *name = NULL;

	if (git_tree_lookup(&tree, repo->git, root) == 0 && git_tree_entry_bypath(&e, tree, SIGNERS_PATH) == 0 &&
	    git_blob_lookup(&blob, repo->git, git_tree_entry_id(e)) == 0) {
		struct signers all;
		char why[256];
		const char *text = git_blob_rawcontent(blob);
		size_t len = (size_t)git_blob_rawsize(blob);
		const struct signer *s = NULL;
		if (signers_parse(&all, text ? text : "", len, a, why, sizeof(why)) == 0)
			s = signers_find(&all, sig);
		if (s && s->namespaces & SIGNER_GIT)
			name = arena_strdup(a, s->principal);
	}
	git_blob_free(blob);
	git_tree_entry_free(e);
	git_tree_free(tree);
	return name;
}

static void read_signature(struct commit *out, const struct source_repo *repo, const char *object, size_t len,
			   const git_oid *signers, struct arena *a)
{
	struct commit_object split;
	struct sshsig sig;
	char *scratch = arena_alloc(a, 2 * len + 1), text[SSHSIG_FINGERPRINT_MAX];
	enum commit_error form = commit_object_split(object, len, scratch, &split);

	out->signature = COMMIT_SIGNATURE_NONE;
	if (form == COMMIT_UNSIGNED)
		return;
	out->signature = COMMIT_SIGNATURE_BAD;
	if (form != COMMIT_OK) {
		out->why = commit_error_code(form);
		return;
	}
	enum sshsig_error bad =
		sshsig_verify(split.armor, split.armor_len, CLAIM_NAMESPACE, split.payload, split.payload_len, &sig);
	if (bad != SSHSIG_OK) {
		out->why = sshsig_error_code(bad);
		return;
	}
	out->signature = COMMIT_SIGNATURE_GOOD;
	out->fingerprint = arena_strdup(a, sshsig_fingerprint(&sig, text));
	out->principal = signers ? principal_of(repo, signers, &sig, a) : NULL;
}

/* ---- message ---- */

static const char *const claim_words[] = { "Approved-by", "Reviewed-by", "Acked-by" };

static void read_line(struct commit *out, const char *line, size_t n, struct arena *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(claim_words); i++) {
		size_t len = strlen(claim_words[i]);
		if (n <= len + 1 || strncasecmp(line, claim_words[i], len) != 0 || line[len] != ':')
			continue;
		for (len++; len < n && line[len] == ' ';)
			len++;
		if (len < n && out->nclaims < CLAIMS_MAX)
			out->claim[out->nclaims++] =
				(struct commit_claim){ claim_words[i], safe_text(a, line + len, n - len) };
	}
}

static void read_message(struct commit *out, const char *message, struct arena *a)
{
	const char *s = message + strspn(message, "\n");

	out->claim = arena_array(a, CLAIMS_MAX, struct commit_claim);
	out->subject = safe_text(a, s, strcspn(s, "\n"));
	while (*s) {
		size_t n = strcspn(s, "\n");
		read_line(out, s, n, a);
		s += n + (s[n] == '\n');
	}
}

int commit_read(struct commit *out, const struct source_repo *repo, const git_oid *id, const git_oid *signers,
		struct arena *a, char *err, size_t err_size)
{
	char hex[GIT_OID_HEXSZ + 1];
	git_commit *c = NULL;
	git_odb_object *o = NULL;
	int ret = 0;

	*out = (struct commit){ .id = arena_strdup(a, git_oid_tostr(hex, sizeof(hex), id)) };
	if (git_commit_lookup(&c, repo->git, id) < 0 || git_odb_read(&o, repo->odb, id) < 0) {
		ret = fail(err, err_size, "commit", id);
	} else {
		out->nparents = git_commit_parentcount(c);
		out->author = person(a, git_commit_author(c));
		out->committer = person(a, git_commit_committer(c));
		read_message(out, git_commit_message(c), a);
		read_signature(out, repo, git_odb_object_data(o), git_odb_object_size(o), signers, a);
	}
	git_odb_object_free(o);
	git_commit_free(c);
	return ret;
}

/* ---- files ---- */

typedef VEC(struct commit_file) file_vec;

static void add_delta(file_vec *v, const git_diff_delta *d, struct arena *a)
{
	enum commit_file_how how = COMMIT_FILE_CHANGED;
	const char *path = d->new_file.path;

	if (d->status == GIT_DELTA_ADDED) {
		how = COMMIT_FILE_ADDED;
	} else if (d->status == GIT_DELTA_DELETED) {
		how = COMMIT_FILE_REMOVED;
		path = d->old_file.path;
	}
	vec_push(v, ((struct commit_file){ how, safe_text(a, path, strlen(path)) }));
}

int commit_files(struct commit_file **out, size_t *n, const struct source_repo *repo, const git_oid *was, const git_oid *is,
		 struct arena *a, char *err, size_t err_size)
{
	git_tree *x = NULL, *y = NULL;
	git_diff *diff = NULL;
	file_vec v = VEC_INIT;
	int ret = 0;

	if ((was && git_tree_lookup(&x, repo->git, was) < 0) || (is && git_tree_lookup(&y, repo->git, is) < 0) ||
	    git_diff_tree_to_tree(&diff, repo->git, x, y, NULL) < 0)
		ret = fail(err, err_size, "the trees around", is ? is : was);
	for (size_t i = 0; ret == 0 && i < git_diff_num_deltas(diff); i++)
		add_delta(&v, git_diff_get_delta(diff, i), a);
	*out = vec_freeze(&v, a);
	*n = v.n;
	vec_release(&v);
	git_diff_free(diff);
	git_tree_free(x);
	git_tree_free(y);
	return ret;
}
