/* SPDX-License-Identifier: Apache-2.0 */
/* objects - which documents of a tree came, went and changed: what they declare, wherever they stand. */
#pragma once

#include "model/model.h"

enum object_how { OBJECT_ADDED, OBJECT_REMOVED, OBJECT_CHANGED };

struct object_change {
	enum object_how how;
	enum kind kind;
	const char *name;
};

struct object_changes {
	struct object_change *v; /* by kind, then name */
	size_t n;
};

/* Whether both declare the same: layout, comments and the order of fields aside. */
bool object_same(const struct object *x, const struct object *y);
void objects_between(struct object_changes *out, const struct model *was, const struct model *is, struct arena *a);
