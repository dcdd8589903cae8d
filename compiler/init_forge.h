/* SPDX-License-Identifier: Apache-2.0 */
/* init_forge - the CI files that yett init writes. */
#pragma once

struct init_file {
	const char *path; /* from the tree's root; NULL ends a list */
	const char *text;
};

#define INIT_FORGES "github, gitlab or gitea"

/* The files for a forge, or NULL where there is none of that name. */
const struct init_file *init_forge_files(const char *forge);
