/* SPDX-License-Identifier: Apache-2.0 */
/* changes - what besides access moves between two trees: peers, gateways, and what leads to sites. */
#pragma once

#include "resolve/resolve.h"

enum change_how { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CHANGED };

struct change_field {
	const char *field;      /* the language's word */
	const char *was, *is;   /* NULL: not there */
};

struct change {
	enum change_how how;
	const char *name;
	const char *note; /* a peer's owner; NULL: none */
	struct change_field *field;
	size_t nfields;
};

struct change_list {
	struct change *v; /* by name */
	size_t n;
};

struct changes {
	struct change_list peers;    /* devices that may be peers: neither revoked nor disabled, whatever their dates */
	struct change_list gateways;
	struct change_list sites;    /* what leads there: routes, exit, redundancy */
};

void changes_between(struct changes *out, const struct resolved *was, const struct resolved *is, struct arena *a);
