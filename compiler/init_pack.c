/* SPDX-License-Identifier: Apache-2.0 */
#include "init_pack.h"

#include <string.h>

#include "base/bug.h"
#include "base/diag.h"

struct pack {
	const char *name;
	struct init_file files[2];
};

/* One a pack, by name: the Makefile writes it from policies/. */
static const struct pack packs[] = {
#include "packs.inc"
};

const struct init_file *init_pack_files(const char *name, const char **near)
{
	const char *names[ARRAY_SIZE(packs)];

	for (size_t i = 0; i < ARRAY_SIZE(packs); i++) {
		if (strcmp(packs[i].name, name) == 0)
			return packs[i].files;
		names[i] = packs[i].name;
	}
	*near = diag_nearest(name, names, ARRAY_SIZE(names));
	return NULL;
}

const char *init_pack_name(size_t i)
{
	return i < ARRAY_SIZE(packs) ? packs[i].name : NULL;
}
