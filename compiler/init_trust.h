/* SPDX-License-Identifier: Apache-2.0 */
/* init_trust - the trust folder that yett init writes for one signer: commit mode, this person as root and for everything. */
#pragma once

#include "base/arena.h"
#include "init_forge.h"

/*
 * signer: a file with a public key as ssh-keygen writes it; NULL: git's user.signingkey, in the configuration of who calls. *files is NULL when
 * there is no key at all; its texts live in a. 0, or a negative errno and a sentence.
 */
int init_trust_files(const char *signer, const struct init_file **files, struct arena *a, char *err, size_t err_size);
