/* SPDX-License-Identifier: Apache-2.0 */
#include "emit/emit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/vec.h"

#define MANIFEST_FORMAT 1

static const struct {
	const char *name;
	void (*write)(const struct gw_plan *p, struct buf *out);
} gateway_files[] = {
	{ "ruleset.nft", emit_ruleset },
	{ "state.json", emit_state_json },
	{ "wireguard.conf", emit_wireguard_conf },
};

static const struct {
	const char *suffix;
	void (*write)(const struct device_profile *p, const struct network *n, struct buf *out);
} profile_files[] = {
	{ "conf", emit_profile_conf },
	{ "json", emit_profile_json },
};

struct written {
	const char *path;
	struct digest digest;
};

struct emitter {
	struct outdir *o;
	const struct access *x;
	const struct resolved *r;
	struct arena *a;
	struct diags *d;
	char *err;
	size_t err_size;
	struct buf text;
	VEC(struct written) file;
};

/* Writes the text at hand and notes its digest. */
static int put_file(struct emitter *e, const char *path)
{
	struct written w = { .path = path, .digest = digest_of(buf_str(&e->text), e->text.len) };
	int ret = outdir_write(e->o, path, buf_str(&e->text), e->text.len);

	if (ret < 0)
		snprintf(e->err, e->err_size, "cannot write %s: %s", path, strerror(-ret));
	vec_push(&e->file, w);
	buf_reset(&e->text);
	return ret;
}

static int emit_links(struct emitter *e, uint32_t gateway, const struct gw_plan *plan)
{
	emit_links_json(e->r, gateway, plan, &e->text);
	int ret = put_file(e, arena_printf(e->a, "links/%s/links.json", plan->gateway));

	if (ret < 0)
		return ret;
	emit_links_conf(plan, &e->text);
	return put_file(e, arena_printf(e->a, "links/%s/wireguard.conf", plan->gateway));
}

static int emit_gateway(struct emitter *e, uint32_t gateway)
{
	struct arena arena;
	struct gw_plan plan;
	int ret = 0;

	arena_init(&arena);
	plan_gateway(&plan, e->x, e->r, gateway, &arena);
	for (size_t i = 0; ret == 0 && i < sizeof(gateway_files) / sizeof(gateway_files[0]); i++) {
		gateway_files[i].write(&plan, &e->text);
		ret = put_file(e, arena_printf(e->a, "gateways/%s/%s", plan.gateway, gateway_files[i].name));
	}
	if (ret == 0 && emit_linked(&plan))
		ret = emit_links(e, gateway, &plan);
	arena_release(&arena);
	return ret;
}

static int emit_profile(struct emitter *e, struct profiles *s, uint32_t device)
{
	const char *name = e->r->device[device].decl->o.name;
	struct arena arena;
	struct device_profile p;
	int ret = 0;

	arena_init(&arena);
	bool alive = profiles_make(s, device, &arena, &p) == 0;
	for (size_t i = 0; alive && ret == 0 && i < sizeof(profile_files) / sizeof(profile_files[0]); i++) {
		profile_files[i].write(&p, e->r->network, &e->text);
		ret = put_file(e, arena_printf(e->a, "profiles/%s.%s", name, profile_files[i].suffix));
	}
	arena_release(&arena);
	return ret;
}

static int emit_profiles(struct emitter *e)
{
	struct profiles *s = profiles_open(e->x, e->r);
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < e->r->ndevices; i++)
		ret = emit_profile(e, s, i);
	profiles_close(s);
	return ret;
}

static int cmp_written(const void *a, const void *b)
{
	return strcmp(((const struct written *)a)->path, ((const struct written *)b)->path);
}

/* "yett" stands first, so that the folder is known as ours by its first bytes (outdir). */
static int emit_manifest(struct emitter *e, const char *commit)
{
	struct digest_ctx all;
	char hex[DIGEST_HEX_MAX];

	if (e->file.n > 0)
		qsort(e->file.v, e->file.n, sizeof(*e->file.v), cmp_written);
	digest_begin(&all);
	for (size_t i = 0; i < e->file.n; i++) {
		digest_add_str(&all, e->file.v[i].path);
		digest_add(&all, e->file.v[i].digest.b, DIGEST_BYTES);
	}
	struct digest d = digest_end(&all);
	buf_addf(&e->text, "{\"yett\": %d,\n  \"commit\": ", MANIFEST_FORMAT);
	if (commit != NULL)
		buf_addf(&e->text, "\"%s\"", commit);
	else
		buf_adds(&e->text, "null");
	buf_addf(&e->text, ",\n  \"digest\": \"%s\",\n  \"files\": {", digest_hex(&d, DIGEST_BYTES, hex));
	for (size_t i = 0; i < e->file.n; i++)
		buf_addf(&e->text, "%s\n    \"%s\": \"%s\"", i == 0 ? "" : ",", e->file.v[i].path,
			 digest_hex(&e->file.v[i].digest, DIGEST_BYTES, hex));
	buf_adds(&e->text, "\n  }\n}\n");
	return put_file(e, "manifest.json");
}

int emit_all(struct outdir *o, const struct access *x, const struct resolved *r, const char *commit,
	     const uint32_t *only, size_t nonly, struct arena *a, struct diags *d, char *err, size_t err_size)
{
	struct emitter e = { .o = o, .x = x, .r = r, .a = a, .d = d, .err = err, .err_size = err_size };
	size_t n = nonly > 0 ? nonly : r->ngateways;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = emit_gateway(&e, nonly > 0 ? only[i] : (uint32_t)i);
	if (ret == 0 && nonly == 0)
		ret = emit_profiles(&e);
	if (ret == 0)
		ret = emit_manifest(&e, commit);
	buf_release(&e.text);
	vec_release(&e.file);
	return ret;
}
