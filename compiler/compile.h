/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile - the line of stages: bytes -> model -> resolved -> classes -> plan.
 *
 * Each stage takes one type and returns the next; the types differ, so none can be skipped.
 */
#pragma once

#include "access/access.h"
#include "base/arena.h"
#include "base/diag.h"
#include "plan/plan.h"
#include "resolve/resolve.h"
#include "source/source.h"

struct compile {
	struct arena arena;
	struct diags diags;
	struct source source;
	struct model model;
	struct resolved resolved;
	struct access access;
	bool ready; /* no errors: access may be read */
};

struct compile_input {
	const char *dir;    /* a folder, or (with rev) the repository it lies in */
	const char *rev;    /* NULL: the folder itself */
	const char *path;   /* with rev: root inside the tree; NULL: where dir lies in it */
	const void *bundle; /* instead of both: source_to_bundle() bytes */
	size_t bundle_len;
	struct source_limits limits;
	/*
	 * With rev: a tree compiled before from the same repository, which outlives this one, or NULL. Files that both have are neither read nor parsed
	 * again; what comes out is the same.
	 */
	const struct compile *base;
	/* In place of model_read(): fills c->model from c->source; NULL: that. */
	void (*read_model)(void *ctx, struct compile *c);
	void *ctx;
};

void compile_init(struct compile *c);
void compile_release(struct compile *c);
/* 0 whatever the writer's mistakes (see c->diags, c->ready), or a negative errno and a sentence in err. */
int compile_run(struct compile *c, const struct compile_input *in, char *err, size_t err_size);
