/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/local.h"

#include <stdio.h>
#include <string.h>

#define SCHEME "file://"

void local_close(struct local *l)
{
	git_repository_free(l->git);
	l->git = NULL;
}

/* NULL: elsewhere, or written in a way that only libgit2 makes out. */
static const char *path_of(const char *repository)
{
	size_t n = sizeof(SCHEME) - 1;

	if (strncmp(repository, SCHEME, n) == 0)
		repository += n;
	return repository[0] == '/' && strchr(repository, '%') == NULL ? repository : NULL;
}

bool local_tip(struct local *l, const char *repository, const char *branch, char commit[static COMMIT_TEXT_MAX])
{
	const char *path = path_of(repository);
	char ref[300];
	git_oid id;

	if (path == NULL || (l->git == NULL && git_repository_open(&l->git, path) < 0))
		return false;
	snprintf(ref, sizeof(ref), "refs/heads/%s", branch);
	if (git_reference_name_to_id(&id, l->git, ref) < 0) {
		local_close(l); /* gone, or another repository stands there by now */
		return false;
	}
	git_oid_tostr(commit, COMMIT_TEXT_MAX, &id);
	return true;
}
