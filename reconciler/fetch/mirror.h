/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror - a bare repository that follows one branch of a remote one, by libgit2.
 *
 * One refspec, no tags, no redirects, no configuration of the user or the system; received objects are bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetch/proof.h"
#include "message.h"

#define MIRROR_CLONE_BYTES_MAX ((uint64_t)2 << 30) /* the first fetch into an empty mirror */
#define MIRROR_CLONE_OBJECTS_MAX 5000000u
#define MIRROR_FETCH_BYTES_MAX ((uint64_t)64 << 20)

struct mirror {
	const char *path;       /* of the bare repository; its folder must exist */
	const char *repository; /* where it comes from */
	const char *branch;
	const char *host;       /* the part of it that must prove itself; "" for a folder */
	const struct proof *proof;
	/* Called while bytes come in, at most once a second; may be NULL. */
	void (*progress)(void *ctx, uint64_t bytes, uint64_t objects);
	void *ctx;
};

/* Once in a process, before the first update. 0 or a negative errno. */
int mirror_setup(void);
void mirror_teardown(void);
/*
 * Brings refs/yett/BRANCH to what the remote's branch says now and tells the commit. 0, or a negative errno and a
 * sentence: -ENOENT no such branch, -EFBIG more than the bounds, -EIO what the host or the disk said.
 */
int mirror_update(const struct mirror *m, char commit[static COMMIT_TEXT_MAX], char *err, size_t err_size);
/* Sets a damaged mirror aside (PATH.bad; an older one is removed), so that the next update begins anew. */
int mirror_set_aside(const struct mirror *m);
