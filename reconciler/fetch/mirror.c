/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/mirror.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <git2.h>
#include <sodium.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/diag.h"
#include "base/vec.h"
#include "config.h"

#define REF_MAX 300
#define MIRROR_WINDOW_BYTES (16u << 20)
#define MIRROR_MAPPED_BYTES (128u << 20)

struct update {
	const struct mirror *m;
	git_repository *repo;
	git_remote *remote;
	uint64_t max_bytes;
	size_t max_objects;
	time_t told; /* monotonic second of the last progress */
	bool too_big;
	unsigned int tries; /* of credentials: libgit2 asks again for as long as the host refuses */
	char refused[512]; /* by one of our own checks: more than libgit2 can tell */
	bool downloading;
	char their_ref[REF_MAX], our_ref[REF_MAX];
	char *err;
	size_t err_size;
};

int mirror_setup(void)
{
	static const git_config_level_t levels[] = {
		GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG,
	};
	int ret = git_libgit2_init();

	if (ret < 0)
		return -EIO;
	ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		ret |= git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "/nonexistent");
	/* The mirror is a copy: objects are checked when they are read, and what a power cut tore is fetched anew. */
	ret |= git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
	ret |= git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)MIRROR_CLONE_OBJECTS_MAX);
	/* Packs are mapped in pieces: the process has less address space than the largest pack. */
	ret |= git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)MIRROR_WINDOW_BYTES);
	ret |= git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)MIRROR_MAPPED_BYTES);
	/* A repository named in the configuration may belong to another user; libgit2 runs nothing that it says. */
	ret |= git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	return ret < 0 ? -EIO : 0;
}

void mirror_teardown(void)
{
	git_libgit2_shutdown();
}

static const char *git_said(void)
{
	const git_error *e = git_error_last();

	return e != NULL && e->message != NULL ? e->message : "libgit2 gives no reason";
}

/* What libgit2 says in many words, by the code that our manual explains. */
static const char *code_of(const struct update *u)
{
	const git_error *e = git_error_last();
	const char *said = git_said();

	if (strstr(said, "certificate") != NULL)
		return " [E_FETCH_CERT]";
	if (strstr(said, "redirect") != NULL)
		return " [E_FETCH_REDIRECT]";
	if (strstr(said, "authentication") != NULL || strstr(said, "401") != NULL || strstr(said, "403") != NULL)
		return " [E_FETCH_AUTH]";
	if (e != NULL && (e->klass == GIT_ERROR_NOMEMORY || strcasestr(said, "out of memory") != NULL || strcasestr(said, "failed to mmap") != NULL))
		return " [E_PACK_MEM]";
	if (u->downloading && e != NULL && (e->klass == GIT_ERROR_INDEXER || e->klass == GIT_ERROR_ZLIB || e->klass == GIT_ERROR_ODB ||
					    e->klass == GIT_ERROR_OBJECT))
		return " [E_PACK]";
	return "";
}

static int fail(struct update *u, int code, const char *what)
{
	struct arena a;

	arena_init(&a);
	snprintf(u->err, u->err_size, "%s %s: %s%s", what, config_redact(u->m->repository, &a), *u->refused ? u->refused : git_said(),
		 *u->refused ? "" : code_of(u));
	arena_release(&a);
	return code;
}

static int refuse(struct update *u, const char *why)
{
	snprintf(u->refused, sizeof(u->refused), "%s", why);
	git_error_set_str(GIT_ERROR_CALLBACK, why);
	return GIT_EUSER;
}

static void fingerprint(const git_cert_hostkey *k, char *out, size_t out_size)
{
	char text[64];

	sodium_bin2base64(text, sizeof(text), k->hash_sha256, sizeof(k->hash_sha256), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	snprintf(out, out_size, k->type & GIT_CERT_SSH_SHA256 ? "SHA256:%s" : "of a kind that has no fingerprint", text);
}

/*
 * libgit2 has looked at certificate or host key; valid is what it thinks. We add nothing but words, and of a certificate it
 * has better ones.
 */
static int on_certificate(git_cert *cert, int valid, const char *host, void *ctx)
{
	struct update *u = ctx;
	char key[96], why[400];

	if (valid)
		return 0;
	if (cert == NULL || cert->cert_type != GIT_CERT_HOSTKEY_LIBSSH2)
		return GIT_PASSTHROUGH;
	fingerprint((const git_cert_hostkey *)cert, key, sizeof(key));
	snprintf(why, sizeof(why), "the host key of %s, %s, is not the one that known_hosts or host_key gives it [E_FETCH_HOSTKEY]", host, key);
	refuse(u, why);
	return GIT_ECERTIFICATE;
}

static int on_transfer(const git_indexer_progress *p, void *ctx)
{
	struct update *u = ctx;
	struct timespec now;

	if (p->received_bytes > u->max_bytes || p->total_objects > u->max_objects) {
		u->too_big = true;
		return -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (u->m->progress != NULL && now.tv_sec != u->told) {
		u->told = now.tv_sec;
		u->m->progress(u->m->ctx, p->received_bytes, p->received_objects);
	}
	return 0;
}

static int ssh_credential(git_credential **out, struct update *u, const char *name)
{
	const struct proof *p = u->m->proof;

	u->tries++;
	if (u->tries == 1 && p->ssh_key != NULL)
		return git_credential_ssh_key_memory_new(out, name, NULL, p->ssh_key, "");
	if (u->tries == 1 && getenv("SSH_AUTH_SOCK") != NULL)
		return git_credential_ssh_key_from_agent(out, name);
	return refuse(u, p->ssh_key != NULL ? "the host refuses our SSH key [E_FETCH_AUTH]" :
					      "the host wants an SSH key; name one in ssh_key_file [E_FETCH_AUTH]");
}

/* Only to the host of the configuration: redirects are not followed, and this is no reason to trust that nothing else leads elsewhere. */
static int password_credential(git_credential **out, struct update *u, const char *url)
{
	const struct proof *p = u->m->proof;
	struct remote r;

	u->tries++;
	if (url == NULL || !remote_parse(url, &r) || strcmp(r.host, u->m->host) != 0)
		return refuse(u, "another host asks for a password; it gets none [E_FETCH_AUTH]");
	if (u->tries == 1 && p->user != NULL)
		return git_credential_userpass_plaintext_new(out, p->user, p->password);
	return refuse(u, p->user != NULL || strchr(u->m->repository, '@') != NULL ?
				 "the host refuses our user and password [E_FETCH_AUTH]" :
				 "the host wants a user and a password; put them into credentials_file [E_FETCH_AUTH]");
}

/* libgit2 asks again for as long as the host refuses. A password that stands in the address it takes from there first. */
static int on_credential(git_credential **out, const char *url, const char *user, unsigned int allowed, void *ctx)
{
	struct update *u = ctx;
	const char *name = user != NULL ? user : "git";

	if (allowed & GIT_CREDENTIAL_USERNAME)
		return git_credential_username_new(out, name);
	if (allowed & (GIT_CREDENTIAL_SSH_KEY | GIT_CREDENTIAL_SSH_MEMORY))
		return ssh_credential(out, u, name);
	if (allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT)
		return password_credential(out, u, url);
	return refuse(u, "the host asks for a kind of proof that yettd does not have [E_FETCH_AUTH]");
}

/* What git init and a fetch never write: objects from elsewhere, configuration from elsewhere. Somebody planted it. */
static bool planted(const char *mirror)
{
	char path[PATH_MAX], line[1024];
	bool found = false;

	snprintf(path, sizeof(path), "%s/objects/info/alternates", mirror);
	if (access(path, F_OK) == 0)
		return true;
	snprintf(path, sizeof(path), "%s/config", mirror);
	FILE *config = fopen(path, "re");
	while (config != NULL && !found && fgets(line, sizeof(line), config) != NULL)
		found = strcasestr(line, "[include") != NULL;
	if (config != NULL)
		fclose(config);
	return found;
}

/* What a fetch would stumble over: HEAD, our reference, the commit that it names. */
static bool healthy(const struct update *u)
{
	git_oid oid;
	git_commit *commit = NULL;

	if (planted(u->m->path) || git_repository_head_unborn(u->repo) < 0)
		return false;
	int ret = git_reference_name_to_id(&oid, u->repo, u->our_ref);
	if (ret == 0)
		ret = git_commit_lookup(&commit, u->repo, &oid);
	else if (ret == GIT_ENOTFOUND)
		ret = 0; /* nothing was fetched yet */
	git_commit_free(commit);
	return ret == 0;
}

static int open_mirror(struct update *u)
{
	bool there = access(u->m->path, F_OK) == 0;

	if (there && (git_repository_open_bare(&u->repo, u->m->path) < 0 || !healthy(u))) {
		git_repository_free(u->repo);
		u->repo = NULL;
		if (mirror_set_aside(u->m) < 0)
			return fail(u, -EIO, "the mirror is damaged and cannot be set aside; it follows");
	}
	if (u->repo == NULL && git_repository_init(&u->repo, u->m->path, 1) < 0) {
		snprintf(u->err, u->err_size, "cannot make the mirror %s: %s", u->m->path, git_said());
		return -EIO;
	}
	git_reference *ref = NULL;
	bool first = git_reference_lookup(&ref, u->repo, u->our_ref) < 0;
	git_reference_free(ref);
	u->max_bytes = first ? MIRROR_CLONE_BYTES_MAX : MIRROR_FETCH_BYTES_MAX;
	u->max_objects = MIRROR_CLONE_OBJECTS_MAX;
	return 0;
}

/* Advertised branches, for "did you mean". */
static int no_branch(struct update *u, const git_remote_head **head, size_t n)
{
	static const char prefix[] = "refs/heads/";
	VEC(const char *) names = VEC_INIT;
	struct arena a;

	for (size_t i = 0; i < n; i++)
		if (strncmp(head[i]->name, prefix, sizeof(prefix) - 1) == 0)
			vec_push(&names, head[i]->name + sizeof(prefix) - 1);
	arena_init(&a);
	const char *from = config_redact(u->m->repository, &a);
	const char *near = diag_nearest(u->m->branch, names.v, names.n);
	if (near == NULL && names.n == 1)
		near = names.v[0];
	if (names.n == 0)
		snprintf(u->err, u->err_size, "%s has no branch %s; it has no branches yet", from, u->m->branch);
	else
		snprintf(u->err, u->err_size, "%s has no branch %s%s%s%s", from, u->m->branch,
			 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	arena_release(&a);
	vec_release(&names);
	return -ENOENT;
}

/* What the remote says its branch is. */
static int advertised(struct update *u, git_oid *oid)
{
	const git_remote_head **head = NULL;
	size_t n = 0;

	if (git_remote_ls(&head, &n, u->remote) < 0)
		return fail(u, -EIO, "cannot list the branches of");
	for (size_t i = 0; i < n; i++) {
		if (strcmp(head[i]->name, u->their_ref) == 0) {
			git_oid_cpy(oid, &head[i]->oid);
			return 0;
		}
	}
	return no_branch(u, head, n);
}

static int download(struct update *u, const git_fetch_options *o)
{
	char spec[2 * REF_MAX + 4];
	char *specs[] = { spec };
	const git_strarray list = { specs, 1 };

	u->downloading = true;
	snprintf(spec, sizeof(spec), "+%s:%s", u->their_ref, u->our_ref);
	if (git_remote_fetch(u->remote, &list, o, NULL) == 0)
		return 0;
	if (!u->too_big)
		return fail(u, -EIO, "cannot fetch");
	snprintf(u->err, u->err_size, "the repository sends more than %llu MiB or %zu objects [E_PACK_SIZE]",
		 (unsigned long long)(u->max_bytes >> 20), u->max_objects);
	return -EFBIG;
}

static int follow(struct update *u, git_oid *oid)
{
	git_fetch_options o;
	git_remote_connect_options co;
	git_oid ours;

	if (git_fetch_options_init(&o, GIT_FETCH_OPTIONS_VERSION) < 0 ||
	    git_remote_connect_options_init(&co, GIT_REMOTE_CONNECT_OPTIONS_VERSION) < 0)
		return fail(u, -EIO, "cannot prepare for");
	o.callbacks.transfer_progress = on_transfer;
	o.callbacks.credentials = on_credential;
	o.callbacks.certificate_check = on_certificate;
	o.callbacks.payload = u;
	o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	o.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	o.update_fetchhead = 0;
	co.callbacks = o.callbacks;
	co.follow_redirects = o.follow_redirects;

	if (git_remote_create_anonymous(&u->remote, u->repo, u->m->repository) < 0)
		return fail(u, -EIO, "cannot use");
	if (u->m->repository[0] == '/' && access(u->m->repository, F_OK) < 0) { /* libgit2 would take it for a protocol */
		snprintf(u->err, u->err_size, "cannot reach %s: there is no such folder", u->m->repository);
		return -ENOENT;
	}
	if (git_remote_connect_ext(u->remote, GIT_DIRECTION_FETCH, &co) < 0)
		return fail(u, -EIO, "cannot reach");
	int ret = advertised(u, oid);
	if (ret < 0)
		return ret;
	if (git_reference_name_to_id(&ours, u->repo, u->our_ref) == 0 && git_oid_equal(&ours, oid))
		return 0;
	ret = download(u, &o);
	if (ret < 0)
		return ret;
	/* The branch may have moved between the list and the fetch: what we hold counts. */
	if (git_reference_name_to_id(oid, u->repo, u->our_ref) < 0)
		return fail(u, -EIO, "nothing came from");
	return 0;
}

int mirror_update(const struct mirror *m, char commit[static COMMIT_TEXT_MAX], char *err, size_t err_size)
{
	struct update u = { .m = m, .err = err, .err_size = err_size };
	git_oid oid;
	int valid = 0;

	snprintf(u.their_ref, sizeof(u.their_ref), "refs/heads/%s", m->branch);
	snprintf(u.our_ref, sizeof(u.our_ref), "refs/yett/%s", m->branch);
	if (git_reference_name_is_valid(&valid, u.their_ref) < 0 || !valid) {
		snprintf(err, err_size, "%s is no name for a branch", m->branch);
		return -ENOENT;
	}
	int ret = open_mirror(&u);
	if (ret == 0)
		ret = follow(&u, &oid);
	if (ret == 0)
		git_oid_tostr(commit, COMMIT_TEXT_MAX, &oid);
	git_remote_free(u.remote);
	git_repository_free(u.repo);
	return ret;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int mirror_set_aside(const struct mirror *m)
{
	char bad[SETTING_MAX + 8];

	snprintf(bad, sizeof(bad), "%s.bad", m->path);
	if (nftw(bad, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		return -errno;
	return rename(m->path, bad) < 0 ? -errno : 0;
}
