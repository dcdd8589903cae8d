/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "child.h"

void doctor_add(struct doctor *d, enum finding_level level, const char *about, const char *what, const char *type)
{
	if (d->n == d->cap)
		d->v = vec_grow(d->v, &d->cap, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct finding){ level, about, what, type };
}

const char *doctor_git(struct doctor *d, const char *const words[])
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;

	if (child_git(d->common->dir, words, &out, &err) != 0)
		return "";
	return arena_strndup(&d->arena, buf_str(&out), strcspn(buf_str(&out), "\n"));
}

/* ---- the clone ---- */

static void check_program(struct doctor *d, const char *name, const char *argument, const char *package)
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;
	const char *const argv[] = { name, argument, NULL };

	if (child_run(argv, &(struct child_io){ .out = &out, .err = &err }) == -ENOENT)
		doctor_add(d, FINDING_BAD, "clone", arena_printf(&d->arena, "the program %s is not there", name),
			   arena_printf(&d->arena, "apt install %s", package));
}

static void check_trust(struct doctor *d)
{
	git_commit *head = NULL;
	git_oid root;
	char err[300];

	if (source_repo_commit(&d->repo, "HEAD", &head, err, sizeof(err)) < 0) {
		doctor_add(d, FINDING_BAD, "clone", "the repository has no commit yet", "git add -A && git commit");
		return;
	}
	if (source_repo_root(&d->repo, head, &root, err, sizeof(err)) == 0)
		d->trust = releases_trust_read(&d->repo, &root, &d->arena, err, sizeof(err));
	git_commit_free(head);
	if (d->trust != NULL)
		doctor_add(d, FINDING_OK, "clone", arena_printf(&d->arena, "trust/ reads well: %s mode, version %u, %zu signers",
								d->trust->file.mode == TRUST_MODE_RELEASE ? "release" : "commit",
								d->trust->file.version, d->trust->signers.n), NULL);
	else
		doctor_add(d, FINDING_BAD, "clone", arena_strdup(&d->arena, err), "docs/signing.md shows both files; then git commit");
}

/* Whoever is away cannot sign: a role that just reaches its threshold is one lost key away from a standstill. */
static void check_role(struct doctor *d, const struct trust_role *role)
{
	size_t listed = 0;

	for (size_t i = 0; i < role->nmembers; i++) {
		bool found = false;
		for (size_t k = 0; k < d->trust->signers.n; k++)
			found |= strcmp(d->trust->signers.v[k].principal, role->member[i]) == 0;
		listed += found;
	}
	if (listed < role->threshold)
		doctor_add(d, FINDING_BAD, "clone", arena_printf(&d->arena, "role %s needs %u signatures, and trust/allowed_signers lists %zu of its members",
								 role->name, role->threshold, listed), "add their keys to trust/allowed_signers");
	else if (listed == role->threshold && role->threshold > 1)
		doctor_add(d, FINDING_WARN, "clone", arena_printf(&d->arena, "role %s needs all %zu of its members: one lost key stops it", role->name, listed),
			   "add a member to trust/trust.yaml");
}

static void check_history(struct doctor *d)
{
	if (git_repository_is_shallow(d->repo.git) == 1)
		doctor_add(d, FINDING_WARN, "clone", "the clone is shallow, so what came before what cannot be told", "git fetch --unshallow");
}

void doctor_clone(struct doctor *d)
{
	check_program(d, "git", "--version", "git");
	check_program(d, "ssh-keygen", "-?", "openssh-client");
	check_history(d);
	check_trust(d);
	if (d->trust == NULL)
		return;
	check_role(d, &d->trust->file.root);
	for (size_t i = 0; i < d->trust->file.nroles; i++)
		check_role(d, &d->trust->file.role[i]);
}

/* ---- a gateway's configuration ---- */

/* Beside this program, where make install puts it, or in PATH. */
static const char *yettd_path(struct doctor *d)
{
	char own[512];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	for (int i = 0; n > 0 && i < 2; i++) {
		const char *slash = memrchr(own, '/', (size_t)n);
		const char *path = arena_printf(&d->arena, "%.*s%s", (int)(slash - own), own, i == 0 ? "/yettd" : "/../sbin/yettd");
		if (access(path, X_OK) == 0)
			return path;
	}
	return "yettd";
}

void doctor_gateway(struct doctor *d, const char *file)
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;
	const char *const argv[] = { yettd_path(d), "--check", arena_printf(&d->arena, "--config=%s", file), NULL };
	int status = child_run(argv, &(struct child_io){ .out = &out, .err = &err });

	if (status == -ENOENT)
		doctor_add(d, FINDING_BAD, "gateway", "the program yettd is not there to ask", "make install");
	else if (status == 0)
		doctor_add(d, FINDING_OK, "gateway", arena_printf(&d->arena, "yettd takes %s", file), NULL);
	else
		doctor_add(d, FINDING_BAD, "gateway", arena_printf(&d->arena, "yettd refuses %s: %.*s", file,
								   (int)strcspn(buf_str(&err), "\n"), buf_str(&err)),
			   arena_printf(&d->arena, "yettd --check --config=%s", file));
}
