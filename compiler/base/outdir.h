/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outdir - a folder of artifacts, all or nothing.
 *
 * Files are written into a new folder beside the target, which takes the target's place by
 * RENAME_EXCHANGE (renameat2(2)), else by two renames, only at outdir_commit().
 */
#pragma once

#include <stddef.h>

struct outdir;

/*
 * -ENOTEMPTY: target exists, is not empty and has no manifest.json that starts as ours
 * ("{\"yett\""); other negative errno: as from the system. *err gets one line of context.
 */
int outdir_open(const char *target, struct outdir **out, char *err, size_t err_size);
/* path is relative ("gateways/fra-1/ruleset.nft"); folders are made; files are 0644 whatever the umask. */
int outdir_write(struct outdir *o, const char *path, const void *data, size_t len);
int outdir_commit(struct outdir *o);  /* frees o, also on failure */
void outdir_abort(struct outdir *o);  /* removes what was written, frees o; NULL is fine */
