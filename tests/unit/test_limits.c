/* SPDX-License-Identifier: Apache-2.0 */
/* limits: rates and quotas in a gateway's plan, and what is used of quotas through readings, restarts and new tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apply/usage.h"
#include "base/bug.h"
#include "base/clock.h"
#include "compile.h"
#include "plan/limits.h"
#include "state/quota.h"

/* --- trees as text --- */

struct tree {
	struct buf text;
	struct compile c;
	struct gw_plan plan;
	bool v4;
};

static void begin(struct tree *t, bool v4)
{
	memset(t, 0, sizeof(*t));
	t->v4 = v4;
	buf_addf(&t->text, "kind: Network\nname: net\npools: [%s'fd09::/64']\n", v4 ? "10.9.0.0/16, " : "");
	buf_adds(&t->text, "---\nkind: Site\nname: hq\nnetworks: [10.20.0.0/24]\n"
			   "---\n{kind: Plan, name: slow, rate: 8mbit}\n---\n{kind: Plan, name: fast, rate: 1gbit}\n"
			   "---\n{kind: Plan, name: odd, rate: 9bit}\n---\n{kind: Plan, name: huge, rate: 200gbit}\n"
			   "---\n{kind: Plan, name: month, quota: {bytes: 100GB, period: 30d}}\n"
			   "---\n{kind: Plan, name: both, rate: 8mbit, quota: {bytes: 1GB, period: 24h}}\n---\n{kind: Plan, name: none}\n"
			   "---\nkind: Policy\nname: p\nfrom: [any]\nto: ['site:hq']\n");
}

static void machine(struct tree *t, const char *kind, const char *name, unsigned int key, const char *rest)
{
	struct pubkey k;
	char text[KEY_TEXT_MAX];

	memset(&k, 0x42, sizeof(k));
	memcpy(k.b, &key, sizeof(key));
	buf_addf(&t->text, "---\nkind: %s\nname: %s\npublic_key: %s\n%s\n", kind, name, pubkey_format(&k, text), rest);
}

/* With a user of its own, on that plan. */
static void device(struct tree *t, unsigned int i, const char *plan, const char *rest)
{
	char name[32], text[256], v4[32] = "";

	snprintf(name, sizeof(name), "d%u", i);
	if (t->v4)
		snprintf(v4, sizeof(v4), "10.9.0.%u, ", i);
	snprintf(text, sizeof(text), "owner: u%u\naddresses: [%s'fd09::%x']\n%s", i, v4, i, rest);
	buf_addf(&t->text, "---\nkind: User\nname: u%u\n", i);
	if (plan != NULL)
		buf_addf(&t->text, "plan: %s\n", plan);
	machine(t, "Device", name, 100 + i, text);
}

static void end(struct tree *t)
{
	struct buf bundle = BUF_INIT;
	char err[200] = "";

	machine(t, "Gateway", "gw", 1, "site: hq\nendpoint: 192.0.2.1:51820\naddresses: ['fd09::ffff']");
	struct source_file file = { .path = "tree.yaml", .data = buf_str(&t->text), .len = t->text.len };
	struct source s = { .file = &file, .nfiles = 1, .bytes = file.len };
	source_to_bundle(&s, &bundle);
	compile_init(&t->c);
	char *copy = arena_dup(&t->c.arena, bundle.p, bundle.len);
	const struct compile_input in = { .bundle = copy, .bundle_len = bundle.len };
	int ret = compile_run(&t->c, &in, err, sizeof(err));
	buf_release(&bundle);
	for (size_t i = 0; i < t->c.diags.n; i++)
		if (t->c.diags.v[i].severity == DIAG_ERROR)
			print_message("%s: %s\n", t->c.diags.v[i].code, t->c.diags.v[i].message);
	assert_true(ret == 0 && t->c.ready);
	plan_gateway(&t->plan, &t->c.access, &t->c.resolved, 0, &t->c.arena);
}

static void release(struct tree *t)
{
	buf_release(&t->text);
	compile_release(&t->c);
}

static const struct nft_set *set(const struct tree *t, const char *name)
{
	const struct nft_set *s = nft_find_set(&t->plan.nft, name);

	if (s == NULL)
		fail_msg("there is no set %s", name);
	return s;
}

static void assert_elems(const struct nft_set *s, size_t n, ...)
{
	va_list ap;

	assert_int_equal(s->nelems, n);
	va_start(ap, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(s->elem[i].lo, va_arg(ap, uint64_t));
	va_end(ap);
}

#define D(i) ((uint64_t)0x0a090000 + (i))

static void test_nothing(void **state)
{
	struct tree t;

	(void)state;
	begin(&t, true);
	device(&t, 2, NULL, "");
	device(&t, 3, "none", "");
	device(&t, 4, "huge", "");
	end(&t);
	assert_null(nft_find_chain(&t.plan.nft, "limits"));
	assert_null(nft_find_set(&t.plan.nft, "limited4"));
	assert_null(nft_find_set(&t.plan.nft, "rate_up"));
	release(&t);
}

static void test_elements(void **state)
{
	struct tree t;

	(void)state;
	begin(&t, true);
	device(&t, 2, "slow", "");
	device(&t, 3, "odd", "networks: [172.16.0.0/24, 'fd77::/64']");
	device(&t, 4, "month", "");
	device(&t, 5, "both", "");
	device(&t, 6, "both", "");
	device(&t, 7, "both", "enabled: false");
	device(&t, 8, NULL, "");
	end(&t);
	assert_elems(set(&t, "rate_up"), 4, D(2), D(3), D(5), D(6));
	assert_elems(set(&t, "rate_down"), 4, D(2), D(3), D(5), D(6));
	assert_int_equal(set(&t, "rate_up")->elem[0].hi, 1000000);
	assert_int_equal(set(&t, "rate_up")->elem[1].hi, 2); /* 9 bits are more than a byte */
	assert_elems(set(&t, "quota_174876e800_278d00"), 1, D(4));
	assert_elems(set(&t, "quota_3b9aca00_15180"), 2, D(5), D(6));
	assert_int_equal(set(&t, "quota_3b9aca00_15180")->bytes, 1000000000);
	assert_int_equal(set(&t, "quota_3b9aca00_15180")->period, 86400);
	assert_int_equal(set(&t, "limited4")->nelems, 5);
	assert_int_equal(set(&t, "limited6")->nelems, 5);
	assert_int_equal(set(&t, "limited6")->elem[0].value, D(2));
	assert_int_equal(set(&t, "limitednet4")->elem[0].value, D(3));
	assert_int_equal(set(&t, "limitednet6")->elem[0].value, D(3));
	/* 4 maps for the rate and for each of two quotas, whatever the number of devices. */
	assert_int_equal(nft_find_chain(&t.plan.nft, "limits_up")->nrules, 12);
	assert_int_equal(nft_find_chain(&t.plan.nft, "limits_down")->nrules, 12);
	assert_int_equal(nft_find_chain(&t.plan.nft, "limits")->hook, NFT_HOOK_FORWARD_AFTER);
	release(&t);
}

/* A device without IPv4 has a number too, its own and the same whoever else is there. */
static void test_numbers(void **state)
{
	struct tree a, b;

	(void)state;
	begin(&a, false);
	for (unsigned int i = 2; i < 40; i++) {
		device(&a, i, "slow", "");
	}
	end(&a);
	const struct nft_set *m = set(&a, "limited6"), *r = set(&a, "rate_up");
	assert_int_equal(m->nelems, 38);
	assert_int_equal(r->nelems, 38);
	for (size_t i = 0; i < r->nelems; i++) {
		assert_true(r->elem[i].lo >= 0xf0000000);
		assert_true(i == 0 || r->elem[i - 1].lo < r->elem[i].lo);
	}
	begin(&b, false);
	device(&b, 9, "fast", "");
	end(&b);
	for (size_t i = 0; i < m->nelems; i++)
		if (m->elem[i].lo == set(&b, "limited6")->elem[0].lo)
			assert_int_equal(m->elem[i].value, set(&b, "limited6")->elem[0].value);
	release(&a);
	release(&b);
}

static void test_codec(void **state)
{
	struct tree t;
	struct buf bytes = BUF_INIT, again = BUF_INIT;
	struct gw_plan p;
	struct plan_delta d;
	struct arena a;
	char err[200] = "";

	(void)state;
	arena_init(&a);
	begin(&t, true);
	device(&t, 2, "slow", "");
	device(&t, 5, "both", "");
	end(&t);
	gw_plan_encode(&t.plan, &bytes);
	assert_int_equal(gw_plan_decode(&p, bytes.p, bytes.len, &a, err, sizeof(err)), 0);
	gw_plan_encode(&p, &again);
	assert_true(bytes.len == again.len && memcmp(bytes.p, again.p, bytes.len) == 0);
	gw_plan_diff(&p, &t.plan, 0, &a, &d);
	assert_int_equal(d.nops, 0);
	buf_release(&bytes);
	buf_release(&again);
	arena_release(&a);
	release(&t);
}

static size_t count(const struct plan_delta *d, enum plan_op_kind kind, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < d->nops; i++)
		n += d->op[i].kind == kind && (name == NULL || strcmp(d->op[i].set->name, name) == 0);
	return n;
}

/* Another plan for a device is one element of each set that it concerns; no rule, no chain, no other element. */
static void test_plan_change(void **state)
{
	struct tree a, b;
	struct plan_delta d;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (int i = 0; i < 2; i++) {
		struct tree *t = i == 0 ? &a : &b;
		begin(t, true);
		device(t, 2, i == 0 ? "slow" : "fast", "");
		device(t, 3, "fast", "");
		device(t, 4, "month", "");
		device(t, 5, i == 0 ? "month" : "both", "");
		device(t, 6, "both", "");
		end(t);
	}
	/* What is used is the kernel's business. */
	for (size_t i = 0; i < a.plan.nft.nsets; i++)
		for (size_t k = 0; a.plan.nft.set[i].kind == NFT_SET_QUOTA && k < a.plan.nft.set[i].nelems; k++)
			a.plan.nft.set[i].elem[k].used = 12345;
	gw_plan_diff(&a.plan, &b.plan, 0, &arena, &d);
	assert_int_equal(count(&d, OP_ELEM_REMOVE, "rate_up"), 1);
	assert_int_equal(count(&d, OP_ELEM_ADD, "rate_up"), 2);
	assert_int_equal(count(&d, OP_ELEM_REMOVE, "rate_down"), 1);
	assert_int_equal(count(&d, OP_ELEM_ADD, "rate_down"), 2);
	assert_int_equal(count(&d, OP_ELEM_REMOVE, "quota_174876e800_278d00"), 1);
	assert_int_equal(count(&d, OP_ELEM_ADD, "quota_3b9aca00_15180"), 1);
	assert_int_equal(d.nops, 8);
	release(&a);
	release(&b);
	arena_release(&arena);
}

/* --- what is used --- */

#define DAY 86400

struct counters {
	struct nft_elem elem[4];
	struct nft_set set;
};

static struct nft_set *counters(struct counters *c, uint32_t period, uint64_t bytes, size_t n, ...)
{
	va_list ap;

	memset(c, 0, sizeof(*c));
	c->set = (struct nft_set){ .name = "quota_x", .kind = NFT_SET_QUOTA, .period = period, .bytes = bytes, .elem = c->elem, .nelems = n };
	va_start(ap, n);
	for (size_t i = 0; i < n; i++) {
		c->elem[i].lo = c->elem[i].hi = i + 1;
		c->elem[i].used = va_arg(ap, uint64_t);
	}
	va_end(ap);
	return &c->set;
}

#define U(n) ((uint64_t)(n))

static uint64_t used(const struct quota_state *q, uint32_t number)
{
	for (size_t i = 0; i < q->use.n; i++)
		if (q->use.v[i].number == number)
			return q->use.v[i].used;
	return 0;
}

static void test_readings(void **state)
{
	struct quota_state q = { .at = 0 };
	struct counters c;

	(void)state;
	assert_true(quota_read(&q, counters(&c, DAY, 1000, 2, U(100), U(0)), 1, 7, 10 * DAY + 5));
	assert_int_equal(used(&q, 1), 100);
	assert_int_equal(q.use.n, 1);
	assert_false(quota_read(&q, counters(&c, DAY, 1000, 2, U(100), U(0)), 1, 7, 10 * DAY + 65));
	assert_true(quota_read(&q, counters(&c, DAY, 1000, 2, U(150), U(20)), 1, 7, 10 * DAY + 70));
	assert_int_equal(used(&q, 1), 150);
	/* A counter that fell has begun anew, and so have all in another table. */
	quota_read(&q, counters(&c, DAY, 1000, 2, U(30), U(20)), 1, 7, 10 * DAY + 80);
	assert_int_equal(used(&q, 1), 180);
	assert_int_equal(used(&q, 2), 20);
	quota_read(&q, counters(&c, DAY, 1000, 2, U(500), U(30)), 1, 8, 10 * DAY + 90);
	assert_int_equal(used(&q, 1), 680);
	assert_int_equal(used(&q, 2), 50);
	/* Never more than the quota, and what is no longer counted stays for its return. */
	quota_read(&q, counters(&c, DAY, 1000, 1, U(600)), 1, 9, 10 * DAY + 95);
	assert_int_equal(used(&q, 1), 1000);
	assert_int_equal(used(&q, 2), 50);
	/* A table that we made goes on from what we gave it. */
	q.table = 0;
	quota_read(&q, counters(&c, DAY, 1000, 2, U(1000), U(60)), 1, 10, 10 * DAY + 96);
	assert_int_equal(used(&q, 1), 1000);
	assert_int_equal(used(&q, 2), 60);
	/* The next day. */
	assert_true(quota_read(&q, counters(&c, DAY, 1000, 2, U(1000), U(60)), 1, 10, 11 * DAY));
	assert_int_equal(q.use.n, 0);
	/* A clock that goes back begins no period. */
	quota_read(&q, counters(&c, DAY, 1000, 2, U(5), U(0)), 1, 10, 11 * DAY + 1);
	quota_read(&q, counters(&c, DAY, 1000, 2, U(6), U(0)), 1, 10, 9 * DAY);
	assert_int_equal(used(&q, 1), 6);
	/* Another period is another account. */
	quota_read(&q, counters(&c, 3600, 1000, 1, U(2)), 1, 10, 9 * DAY + 1);
	assert_int_equal(used(&q, 1), 2);
	quota_release(&q);
}

static void test_seed(void **state)
{
	struct quota_state q = { .at = 0 };
	struct counters c, want;

	(void)state;
	quota_read(&q, counters(&c, DAY, 1000, 3, U(100), U(0), U(900)), 1, 7, 10 * DAY);
	struct nft_set *w = counters(&want, DAY, 500, 3, U(1), U(2), U(3));
	quota_seed(&q, w, 1);
	assert_int_equal(w->elem[0].used, 100);
	assert_int_equal(w->elem[1].used, 0);
	assert_int_equal(w->elem[2].used, 500); /* the kernel takes no more than all */
	w = counters(&want, 3600, 500, 3, U(1), U(2), U(3));
	quota_seed(&q, w, 1);
	assert_int_equal(w->elem[0].used, 0);
	assert_int_equal(quota_next(w, 1, 3600), 7200);
	assert_int_equal(quota_next(w, 1, 3599), 3600);
	assert_true(quota_next(w, 0, 5) == CLOCK_NEVER);
	quota_release(&q);
}

static void test_file(void **state)
{
	struct quota_state q = { .at = 0 }, r = { .at = 0 };
	struct counters c;
	struct buf text = BUF_INIT, again = BUF_INIT;

	(void)state;
	quota_read(&q, counters(&c, DAY, UINT64_MAX, 3, U(100), UINT64_MAX - 1, U(900)), 1, 7, 10 * DAY);
	quota_encode(&q, &text);
	assert_int_equal(quota_decode(&r, text.p, text.len), 0);
	quota_encode(&r, &again);
	assert_string_equal(buf_str(&text), buf_str(&again));
	assert_int_equal(r.at, 10 * DAY);
	assert_int_equal(used(&r, 2), UINT64_MAX - 1);
	/* Whatever is changed or missing is seen. */
	for (size_t i = 0; i < text.len; i++) {
		char *copy = malloc(text.len);
		assert_non_null(copy);
		memcpy(copy, text.p, text.len);
		copy[i] ^= 1;
		assert_int_equal(quota_decode(&r, copy, text.len), -EBADMSG);
		assert_int_equal(r.use.n, 0);
		assert_int_equal(quota_decode(&r, text.p, i), -EBADMSG);
		free(copy);
	}
	quota_release(&q);
	quota_release(&r);
	buf_release(&text);
	buf_release(&again);
}

/* --- the apply role's part, with a kernel that is made of one set --- */

struct fake {
	struct counters now;
	size_t applies, rewritten;
	int error;
	struct quota_state told;
	size_t tells;
};

static int fake_usage(void *ctx, struct arena *a, struct nft_set **out, size_t *n, char *err, size_t err_size)
{
	struct fake *f = ctx;

	snprintf(err, err_size, "no");
	*out = arena_dup(a, &f->now.set, sizeof(f->now.set));
	(*out)->elem = arena_dup(a, f->now.elem, sizeof(f->now.elem));
	*n = 1;
	return f->error;
}

static int fake_apply(void *ctx, const struct plan_delta *d, const struct seckey *key, struct kernel_stats *st, char *err, size_t err_size)
{
	struct fake *f = ctx;

	(void)key;
	(void)st;
	f->applies++;
	for (size_t i = 0; i < d->nops; i++) {
		if (d->op[i].kind != OP_ELEM_ADD)
			continue;
		f->now.elem[d->op[i].elem->lo - 1].used = d->op[i].elem->used;
		f->rewritten++;
	}
	snprintf(err, err_size, "no");
	return f->error;
}

static int fake_tell(void *ctx, const struct quota_state *q)
{
	struct fake *f = ctx;
	struct buf text = BUF_INIT;

	f->tells++;
	quota_encode(q, &text);
	assert_int_equal(quota_decode(&f->told, text.p, text.len), 0);
	buf_release(&text);
	return 0;
}

struct bench {
	struct fake fake;
	struct kernel kernel;
	struct counters want;
	struct gw_plan have, plan;
	struct usage usage;
	struct arena a;
	char err[100];
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	arena_init(&b->a);
	b->kernel = (struct kernel){ .ctx = &b->fake, .apply = fake_apply, .usage = fake_usage };
	counters(&b->want, DAY, 1000, 2, U(0), U(0));
	counters(&b->fake.now, DAY, 1000, 2, U(0), U(0));
	b->have.nft = (struct nft_table){ .present = true, .handle = 4, .set = &b->fake.now.set, .nsets = 1 };
	b->plan.nft = (struct nft_table){ .present = true, .set = &b->want.set, .nsets = 1 };
	b->usage.tell = fake_tell;
	b->usage.ctx = &b->fake;
}

static int look(struct bench *b, int64_t now)
{
	return usage_look(&b->usage, &b->kernel, &b->have, &b->plan, &b->a, now, b->err, sizeof(b->err));
}

static int turn(struct bench *b, int64_t now)
{
	int ret = look(b, now);

	if (ret == 0)
		ret = usage_end(&b->usage, &b->kernel, &b->plan, &b->a, b->err, sizeof(b->err));
	usage_drop(&b->usage);
	return ret;
}

static void bench_release(struct bench *b)
{
	usage_release(&b->usage);
	quota_release(&b->fake.told);
	arena_release(&b->a);
}

static void test_turns(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	assert_int_equal(turn(&b, 5 * DAY + 10), 0);
	size_t tells = b.fake.tells;
	b.fake.now.elem[0].used = 300;
	assert_int_equal(turn(&b, 5 * DAY + 20), 0);
	assert_int_equal(b.fake.tells, tells + 1);
	assert_int_equal(used(&b.fake.told, 1), 300);
	assert_int_equal(turn(&b, 5 * DAY + 30), 0);
	assert_int_equal(b.fake.tells, tells + 1); /* nothing new */
	assert_int_equal(b.fake.applies, 0);
	/* Somebody else's new table: written anew with the sum. */
	b.have.nft.handle = 5;
	b.fake.now.elem[0].used = 400;
	assert_int_equal(turn(&b, 5 * DAY + 40), 0);
	assert_int_equal(b.fake.now.elem[0].used, 700);
	assert_int_equal(b.fake.rewritten, 1);
	assert_int_equal(turn(&b, 5 * DAY + 50), 0);
	assert_int_equal(b.fake.now.elem[0].used, 700);
	/* A new day begins with nothing. */
	assert_int_equal(turn(&b, 6 * DAY), 0);
	assert_int_equal(b.fake.now.elem[0].used, 0);
	assert_int_equal(b.fake.told.use.n, 0);
	assert_int_equal(usage_next(&b.plan, 6 * DAY), 6 * DAY + USAGE_SECONDS);
	assert_int_equal(usage_next(&b.plan, 7 * DAY - 3), 7 * DAY);
	bench_release(&b);
}

/* What fails on the way counts for nothing, so that the next turn does it. */
static void test_failures(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.fake.now.elem[1].used = 300;
	assert_int_equal(turn(&b, 5 * DAY + 10), 0);
	/* The new period's writing is refused: the old use must not become the new one's. */
	assert_int_equal(look(&b, 6 * DAY + 1), 0);
	b.fake.error = -EBUSY;
	assert_int_equal(usage_end(&b.usage, &b.kernel, &b.plan, &b.a, b.err, sizeof(b.err)), -EBUSY);
	usage_drop(&b.usage);
	b.fake.now.elem[1].used = 300;
	assert_int_equal(turn(&b, 6 * DAY + 2), -EBUSY); /* the reading fails too */
	b.fake.error = 0;
	assert_int_equal(turn(&b, 6 * DAY + 3), 0);
	assert_int_equal(b.fake.now.elem[1].used, 0);
	/* We make a table anew and die before we see it: our successor does not count its seeds twice. */
	b.fake.now.elem[1].used = 200;
	assert_int_equal(turn(&b, 6 * DAY + 4), 0);
	assert_int_equal(look(&b, 6 * DAY + 5), 0);
	struct plan_op op = { .kind = OP_TABLE_ADD };
	const struct plan_delta d = { .op = &op, .nops = 1 };
	assert_true(usage_concerns(&d));
	assert_int_equal(usage_before(&b.usage, &d), 0);
	usage_release(&b.usage);
	struct buf text = BUF_INIT;
	quota_encode(&b.fake.told, &text);
	assert_int_equal(quota_decode(&b.usage.state, text.p, text.len), 0);
	buf_release(&text);
	b.have.nft.handle = 9;
	b.fake.now.elem[1].used = 210;
	assert_int_equal(turn(&b, 6 * DAY + 6), 0);
	assert_int_equal(used(&b.fake.told, 2), 210);
	bench_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),	    cmocka_unit_test(test_elements), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_codec),	    cmocka_unit_test(test_plan_change), cmocka_unit_test(test_readings),
		cmocka_unit_test(test_seed),	    cmocka_unit_test(test_file),	    cmocka_unit_test(test_turns),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
