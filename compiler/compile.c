/* SPDX-License-Identifier: Apache-2.0 */
#include "compile.h"

#include <string.h>

#include "compile_base.h"

void compile_init(struct compile *c)
{
	memset(c, 0, sizeof(*c));
	arena_init(&c->arena);
	diags_init(&c->diags, &c->arena);
}

void compile_release(struct compile *c)
{
	diags_release(&c->diags);
	arena_release(&c->arena);
	memset(c, 0, sizeof(*c));
}

static int open_source(struct compile *c, const struct compile_input *in, char *err, size_t err_size)
{
	if (in->bundle != NULL) {
		int ret = source_open_bundle(&c->source, in->bundle, in->bundle_len, &c->arena, &c->diags);
		if (ret < 0)
			snprintf(err, err_size, "the bundle of policy files is damaged");
		return ret;
	}
	if (in->rev != NULL)
		return source_open_commit(&c->source, in->dir, in->rev, in->path, &in->limits,
					  &c->arena, &c->diags, err, err_size);
	return source_open_dir(&c->source, in->dir, &in->limits, &c->arena, &c->diags, err, err_size);
}

int compile_run(struct compile *c, const struct compile_input *in, char *err, size_t err_size)
{
	int ret = 1;

	if (in->base != NULL && in->rev != NULL && in->read_model == NULL)
		ret = compile_base(c, in, err, err_size);
	if (ret > 0) {
		ret = open_source(c, in, err, err_size);
		if (ret < 0)
			return ret;
		if (in->read_model != NULL)
			in->read_model(in->ctx, c);
		else
			model_read_crew(&c->model, &c->source, in->limits.threads, &c->arena, &c->diags);
	}
	if (ret < 0)
		return ret;
	resolve(&c->resolved, &c->model, &c->arena, &c->diags);
	if (c->diags.errors == 0) {
		access_build(&c->access, &c->resolved, &c->arena, &c->diags);
		c->ready = c->diags.errors == 0;
	}
	diags_sort(&c->diags);
	return 0;
}
