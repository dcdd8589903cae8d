/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailscale - a Tailscale policy file to the documents of a tree; docs/import.md has the mapping.
 *
 * A policy file names no machines, so by itself it gives no Device. A second file may name them:
 *	{"users": [{"name": "ana", "email": "ana@example.com"}],
 *	 "nodes": {"ana-laptop": {"ipv4": "100.64.0.1", "ipv6": "fd7a:115c:a1e0::1", "user": "ana", "tags": ["tag:x"],
 *	                          "approved_routes": ["10.0.0.0/8"], "public_key": "..."}}}
 */
#pragma once

#include "import/hujson.h"
#include "import/import.h"

struct tailscale_input {
	const struct hujson *policy;
	const char *text; /* the policy's bytes, for what is kept as it stood */
	size_t len;
	uint32_t file;
	const struct hujson *nodes; /* or NULL */
	bool placeholder_keys;	    /* nodes without a key get one that nobody holds the secret of */
};

/* Documents and diagnostics go to im. false: there is an E_IMPORT. */
bool tailscale_import(struct import *im, const struct tailscale_input *in);
