/* SPDX-License-Identifier: Apache-2.0 */
/* What the remote is and takes. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "child.h"
#include "doctor.h"

#define FORGE "forge"
#define HEX_RANDOM 16

static const char *first_line(struct doctor *d, const struct buf *b)
{
	const char *text = buf_str(b);

	return arena_strndup(&d->arena, text, strcspn(text, "\n"));
}

static bool reach(struct doctor *d, const char *remote, const char **refs)
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;

	if (child_git(d->common->dir, (const char *const[]){ "ls-remote", "--quiet", remote, NULL }, &out, &err) != 0) {
		doctor_add(d, FINDING_BAD, FORGE, arena_printf(&d->arena, "%s does not answer: %s", remote, first_line(d, &err)),
			   arena_printf(&d->arena, "git ls-remote %s", remote));
		return false;
	}
	*refs = arena_strdup(&d->arena, buf_str(&out));
	return true;
}

static void check_log(struct doctor *d, const char *remote, const char *refs)
{
	bool release = d->trust != NULL && d->trust->file.mode == TRUST_MODE_RELEASE;

	if (strstr(refs, "\t" LEDGER_REF "\n") != NULL)
		doctor_add(d, FINDING_OK, FORGE, arena_printf(&d->arena, "%s has the log of releases on " LEDGER_REF, remote), NULL);
	else if (strstr(refs, "\t" LEDGER_BRANCH "\n") != NULL)
		doctor_add(d, FINDING_OK, FORGE, arena_printf(&d->arena, "%s has the log of releases on the branch yett-log", remote), NULL);
	else if (release)
		doctor_add(d, FINDING_NOTE, FORGE, arena_printf(&d->arena, "%s has no log of releases yet", remote), "yett approve");
}

/* Two commits without parents: the second one over the first is never a fast-forward. */
static bool make_commits(struct doctor *d, const char **one, const char **two)
{
	const char *tree = doctor_git(d, (const char *const[]){ "hash-object", "-t", "tree", "-w", "/dev/null", NULL });

	*one = doctor_git(d, (const char *const[]){ "-c", "user.name=yett", "-c", "user.email=yett@localhost", "commit-tree", "-m", "yett doctor", tree, NULL });
	*two = doctor_git(d, (const char *const[]){ "-c", "user.name=yett", "-c", "user.email=yett@localhost", "commit-tree", "-m", "yett doctor again", tree, NULL });
	return *tree != '\0' && **one != '\0' && **two != '\0';
}

static bool push(struct doctor *d, const char *remote, const char *spec, struct buf *err)
{
	BUF_CLEANUP struct buf out = BUF_INIT;

	buf_reset(err);
	return child_git(d->common->dir, (const char *const[]){ "push", "--quiet", remote, spec, NULL }, &out, err) == 0;
}

/* A ref of its own, so nothing that is there is touched. */
static void try_pushes(struct doctor *d, const char *remote)
{
	BUF_CLEANUP struct buf err = BUF_INIT;
	uint8_t random[HEX_RANDOM / 2];
	char hex[HEX_RANDOM + 1];
	const char *one, *two;

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(hex, sizeof(hex), random, sizeof(random));
	const char *ref = arena_printf(&d->arena, "refs/yett/doctor-%s", hex);
	if (!make_commits(d, &one, &two)) {
		doctor_add(d, FINDING_BAD, FORGE, "git cannot make a commit here to try with", NULL);
		return;
	}
	if (!push(d, remote, arena_printf(&d->arena, "%s:%s", one, ref), &err)) {
		doctor_add(d, FINDING_WARN, FORGE, arena_printf(&d->arena, "%s takes no ref below refs/yett (%s): the log will be the branch yett-log",
								remote, first_line(d, &err)), NULL);
		return;
	}
	doctor_add(d, FINDING_OK, FORGE, arena_printf(&d->arena, "%s takes refs below refs/yett", remote), NULL);
	if (push(d, remote, arena_printf(&d->arena, "+%s:%s", two, ref), &err))
		doctor_add(d, FINDING_WARN, FORGE, arena_printf(&d->arena, "%s lets whoever may push rewrite them: releases could be kept back, never made", remote),
			   "an update hook on the server, or the forge's protection of refs (receive.denyNonFastForwards minds branches alone)");
	else
		doctor_add(d, FINDING_OK, FORGE, arena_printf(&d->arena, "%s takes fast-forwards alone", remote), NULL);
	if (!push(d, remote, arena_printf(&d->arena, ":%s", ref), &err))
		doctor_add(d, FINDING_NOTE, FORGE, arena_printf(&d->arena, "%s could not be taken away again: %s", ref, first_line(d, &err)), NULL);
}

void doctor_forge(struct doctor *d, const char *remote, bool try)
{
	const char *refs;

	if (remote == NULL)
		remote = "origin";
	if (*doctor_git(d, (const char *const[]){ "remote", "get-url", remote, NULL }) == '\0') {
		doctor_add(d, try ? FINDING_BAD : FINDING_NOTE, FORGE, arena_printf(&d->arena, "there is no remote %s", remote),
			   arena_printf(&d->arena, "git remote add %s URL", remote));
		return;
	}
	if (!reach(d, remote, &refs))
		return;
	check_log(d, remote, refs);
	if (try)
		try_pushes(d, remote);
}
