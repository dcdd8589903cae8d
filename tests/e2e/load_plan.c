/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_plan TREE GATEWAY - puts a gateway's table into the kernel of this network namespace by netlink, as yettd does, reads it
 * back and says so when it is not what was asked for. For tests/e2e/packets.t.
 */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "compile.h"
#include "kernel/nftnl.h"

/* The plan as the apply role gets it: encoded and decoded again. */
static int plan_of(struct compile *c, const char *gateway, struct gw_plan *out)
{
	struct gw_plan plan;
	struct buf bytes BUF_CLEANUP = BUF_INIT;
	char err[256];
	uint32_t g = resolved_find(&c->resolved, KIND_GATEWAY, gateway);

	if (g == NONE) {
		fprintf(stderr, "load_plan: there is no gateway %s\n", gateway);
		return -1;
	}
	plan_gateway(&plan, &c->access, &c->resolved, g, &c->arena);
	gw_plan_encode(&plan, &bytes);
	if (gw_plan_decode(out, bytes.p, bytes.len, &c->arena, err, sizeof(err)) < 0) {
		fprintf(stderr, "load_plan: %s\n", err);
		return -1;
	}
	return 0;
}

/* Only the table; the rest is taken for what it should be. */
static int differences(struct nftnl_conn *nft, const struct gw_plan *want, struct arena *a, struct plan_delta *delta,
		       char *err, size_t err_size)
{
	struct gw_plan have = *want;
	int ret = nftnl_observe(nft, 0, &have.nft, err, err_size);

	if (ret == 0)
		gw_plan_diff(&have, want, 0, a, delta);
	return ret;
}

static int load(struct compile *c, const struct gw_plan *want)
{
	struct nftnl_conn nft;
	struct plan_delta delta;
	char err[512] = "";
	int ret = nftnl_open(&nft, err, sizeof(err));

	if (ret == 0) {
		ret = differences(&nft, want, &c->arena, &delta, err, sizeof(err));
		if (ret == 0)
			ret = nftnl_apply(&nft, &delta, err, sizeof(err));
		if (ret == 0)
			ret = differences(&nft, want, &c->arena, &delta, err, sizeof(err));
		for (size_t i = 0; ret == 0 && i < delta.nops; i++)
			if (delta.op[i].kind != OP_PEER_ADD && delta.op[i].kind != OP_PEER_REMOVE) {
				snprintf(err, sizeof(err), "what was read back is not what was written");
				ret = -1;
			}
		nftnl_close(&nft);
	}
	if (ret < 0)
		fprintf(stderr, "load_plan: %s\n", err);
	return ret;
}

int main(int argc, char **argv)
{
	struct compile c;
	struct gw_plan plan;
	char err[512] = "";

	if (argc != 3 || sodium_init() < 0)
		return 2;
	const struct compile_input in = { .dir = argv[1] };
	compile_init(&c);
	int ret = compile_run(&c, &in, err, sizeof(err));
	if (ret < 0 || !c.ready)
		fprintf(stderr, "load_plan: %s does not compile %s\n", argv[1], err);
	int status = ret == 0 && c.ready && plan_of(&c, argv[2], &plan) == 0 && load(&c, &plan) == 0 ? 0 : 1;
	compile_release(&c);
	return status;
}
