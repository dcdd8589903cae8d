/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply_plan TREE GATEWAY KEYFILE - makes this network namespace what the gateway's plan says, through the door that
 * yettd uses: table, WireGuard, addresses, routes. Says so when what is read back differs, in words. For
 * tests/e2e/links.t.
 */
#include <stdio.h>
#include <time.h>

#include <sodium.h>

#include "compile.h"
#include "kernel/kernel.h"
#include "seckey.h"

/* The plan as the apply role gets it: encoded and decoded again. */
static int plan_of(struct compile *c, const char *gateway, struct gw_plan *out, char *err, size_t err_size)
{
	struct gw_plan plan;
	struct buf bytes BUF_CLEANUP = BUF_INIT;
	uint32_t g = resolved_find(&c->resolved, KIND_GATEWAY, gateway);

	if (g == NONE) {
		snprintf(err, err_size, "there is no gateway %s", gateway);
		return -1;
	}
	plan_gateway(&plan, &c->access, &c->resolved, g, &c->arena);
	gw_plan_encode(&plan, &bytes);
	return gw_plan_decode(out, bytes.p, bytes.len, &c->arena, err, err_size);
}

static int difference(struct kernel *k, const struct gw_plan *want, struct arena *a, struct plan_delta *d, char *err,
		      size_t err_size)
{
	struct gw_plan *have = arena_new(a, struct gw_plan);
	int ret = k->observe(k->ctx, want->interface, LOOK_ALL, a, have, err, err_size);

	if (ret == 0)
		gw_plan_diff(have, want, time(NULL), a, d);
	return ret;
}

static int make_it_so(const struct gw_plan *want, const struct seckey *key, struct arena *a, char *err, size_t err_size)
{
	struct kernel k;
	struct plan_delta d;
	int ret = kernel_open(&k, WG_AUTO, NULL, err, err_size);

	if (ret < 0)
		return ret;
	ret = difference(&k, want, a, &d, err, err_size);
	if (ret == 0)
		ret = k.apply(k.ctx, &d, key, NULL, err, err_size);
	if (ret == 0)
		ret = difference(&k, want, a, &d, err, err_size);
	if (ret == 0 && (d.nops > 0 || d.link != 0)) {
		struct buf text BUF_CLEANUP = BUF_INIT;
		plan_delta_print(&d, &text);
		snprintf(err, err_size, "what was read back is not what was asked for:\n%s", buf_str(&text));
		ret = -1;
	}
	kernel_close(&k);
	return ret;
}

int main(int argc, char **argv)
{
	struct compile c;
	struct gw_plan plan;
	struct seckey *key = NULL;
	char err[2048] = "";

	if (argc != 4 || sodium_init() < 0)
		return 2;
	const struct compile_input in = { .dir = argv[1] };
	compile_init(&c);
	int ret = compile_run(&c, &in, err, sizeof(err));
	if (ret == 0 && !c.ready) {
		snprintf(err, sizeof(err), "%s does not compile", argv[1]);
		ret = -1;
	}
	if (ret == 0)
		ret = plan_of(&c, argv[2], &plan, err, sizeof(err));
	if (ret == 0)
		ret = seckey_load(argv[3], &key, err, sizeof(err));
	if (ret == 0)
		ret = make_it_so(&plan, key, &c.arena, err, sizeof(err));
	if (ret < 0)
		fprintf(stderr, "apply_plan: %s: %s\n", argv[2], err);
	seckey_free(key);
	compile_release(&c);
	return ret == 0 ? 0 : 1;
}
