/* SPDX-License-Identifier: Apache-2.0 */
/* init_pack - the packs of policies/, which are in the program: a tree gets those that belong to its version. */
#pragma once

#include <stddef.h>

#include "init_forge.h"

/* The files of a pack, or NULL where there is none of that name; *near: the nearest name then, or NULL. */
const struct init_file *init_pack_files(const char *name, const char **near);
/* The i-th pack's name, in their order; NULL past the last. */
const char *init_pack_name(size_t i);
