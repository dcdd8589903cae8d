/* SPDX-License-Identifier: Apache-2.0 */
/* decode - one YAML document into the struct of its kind, by the rows of schema/; private to model/. */
#pragma once

#include "base/arena.h"
#include "base/diag.h"
#include "field.h"
#include "yaml/yaml.h"

struct decoder {
	struct arena *arena;
	struct diags *diags;
	void *blank[KIND_COUNT]; /* an object of each kind with nothing but defaults; made at the first need */
};

struct decoded {
	enum kind kind;        /* KIND_COUNT: could not be told */
	const char *name;      /* NULL: could not be told, or is none */
	struct loc name_loc;
	struct object *object; /* NULL: there were mistakes, which have been reported */
};

struct decoded decode_document(struct decoder *dec, const struct node *doc);

