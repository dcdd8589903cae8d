/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every gateway of the examples, in the kernel: what netlink wrote reads back as the plan, and what nft makes of ruleset.nft differs from it in
 * nothing but how the class number travels (through the packet mark, which class chains clear).
 */
#include "compile.h"
#include "emit/emit.h"
#include "kernel/nftnl.h"
#include "kernel_test.h"

static struct nftnl_conn conn;
static char err[512];

static void difference(const struct gw_plan *want, struct arena *a, struct plan_delta *d)
{
	struct gw_plan *have = arena_new(a, struct gw_plan), *want_nft = arena_new(a, struct gw_plan);

	have->interface = have->gateway = "";
	*want_nft = (struct gw_plan){ .interface = "", .gateway = "", .nft = want->nft };
	if (nftnl_observe(&conn, 0, &have->nft, err, sizeof(err)) < 0)
		BUG("%s", err);
	gw_plan_diff(have, want_nft, 0, a, d);
}

static void show(const struct plan_delta *d)
{
	struct buf text = BUF_INIT;

	plan_delta_print(d, &text);
	diag(buf_str(&text));
	buf_release(&text);
}

static bool through_mark(const struct nft_chain *c)
{
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t k = 0; k < c->rule[i].nitems; k++)
			if (c->rule[i].item[k].kind == NFT_DISPATCH || c->rule[i].item[k].kind == NFT_METER)
				return true;
	return c->class_chain;
}

/* True when only chains that use the mark in their text are to be filled again. */
static bool only_marks(const struct plan_delta *d)
{
	bool only = true;

	for (size_t i = 0; i < d->nops; i++) {
		const struct plan_op *op = &d->op[i];
		if (op->kind == OP_RULES_ADD && !through_mark(op->chain)) {
			struct buf text = BUF_INIT;
			buf_addf(&text, "chain %s is not the same", op->chain->name);
			diag(buf_str(&text));
			buf_release(&text);
			only = false;
		} else if (op->kind != OP_RULES_ADD && op->kind != OP_RULES_FLUSH) {
			only = false;
		}
	}
	return only;
}

static void gateway(const struct gw_plan *p)
{
	struct arena a;
	struct plan_delta d;
	struct buf out = BUF_INIT, text = BUF_INIT;

	arena_init(&a);
	difference(p, &a, &d);
	int rc = nftnl_apply(&conn, &d, err, sizeof(err));
	ok(rc == 0, "%s: %zu operations by netlink %s", p->gateway, d.nops, rc == 0 ? "" : err);
	difference(p, &a, &d);
	if (!ok(d.nops == 0, "%s: read back as the plan", p->gateway))
		show(&d);
	rc = run(&out, "nft list ruleset");
	ok(rc == 0, "%s: nft lists it", p->gateway);

	emit_ruleset(p, &text);
	char path[64], command[160];
	snprintf(path, sizeof(path), "/dev/shm/yett-examples-%d.nft", getpid());
	snprintf(command, sizeof(command), "nft -f %s; r=$?; rm -f %s; exit $r", path, path);
	FILE *f = fopen(path, "w");
	if (f == NULL || fwrite(text.p, 1, text.len, f) != text.len || fclose(f) != 0)
		BUG("cannot write a file");
	rc = run(&out, command);
	if (!ok(rc == 0, "%s: nft loads ruleset.nft", p->gateway))
		diag(buf_str(&out));
	difference(p, &a, &d);
	if (!ok(only_marks(&d), "%s: it differs in nothing but the mark (%zu operations)", p->gateway, d.nops))
		show(&d);
	must("nft delete table inet yett");
	buf_release(&out);
	buf_release(&text);
	arena_release(&a);
}

static void example(const char *dir)
{
	struct compile c;

	compile_init(&c);
	int rc = compile_run(&c, &(struct compile_input){ .dir = dir }, err, sizeof(err));
	if (ok(rc == 0 && c.ready, "%s compiles", dir))
		for (uint32_t g = 0; g < c.resolved.ngateways; g++) {
			struct gw_plan p;
			plan_gateway(&p, &c.access, &c.resolved, g, &c.arena);
			gateway(&p);
		}
	compile_release(&c);
}

int main(void)
{
	enter_namespaces(0);
	if (!ok(nftnl_open(&conn, err, sizeof(err)) == 0, "a netfilter socket opens"))
		return finish();
	example("examples/quickstart/tree");
	example("examples/acme/tree");
	nftnl_close(&conn);
	return finish();
}
