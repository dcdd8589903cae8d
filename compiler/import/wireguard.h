/* SPDX-License-Identifier: Apache-2.0 */
/* wireguard - .conf files of one network, of a hub or a mesh, to the documents of a tree; docs/import.md has the
 * mapping. */
#pragma once

#include "import/import.h"
#include "import/wg_conf.h"

struct wireguard_input {
	const struct wg_conf *conf;
	size_t n;
	const char *endpoint; /* of the hub that no file names one for, or NULL */
};

/* Documents and diagnostics go to im. false: there is an E_IMPORT. */
bool wireguard_import(struct import *im, const struct wireguard_input *in);
