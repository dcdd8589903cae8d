/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes stay small: as many chains as there are different accesses, however many devices; where memberships combine freely, shared part
 * chains and a size that grows with memberships; names from content, so that an unrelated change renames nothing; sets of boxes below the
 * size at which the kernel's commits become slow. And all of it is read back as what it was made of.
 */
#include <string.h>
#include <time.h>

#include "access/access.h"
#include "base/bug.h"
#include "base/vec.h"
#include "plan/agree.h"
#include "plan/plan.h"
#include "prop/prop.h"

#define GROUPS 1000
#define MEMBERSHIPS 5

struct built {
	struct arena arena;
	struct diags diags;
	struct source_file file;
	struct source source;
	struct model model;
	struct resolved r;
	struct access x;
	struct gw_plan plan;
	struct buf text;
	double seconds; /* of classes and plan */
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put_key(struct buf *b, uint32_t n)
{
	struct pubkey k;
	char text[KEY_TEXT_MAX];

	memset(&k, 0x42, sizeof(k));
	memcpy(k.b, &n, sizeof(n));
	buf_addf(b, "public_key: %s\n", pubkey_format(&k, text));
}

static void put_begin(struct buf *b)
{
	buf_adds(b, "kind: Network\nname: net\npools: [10.0.0.0/8]\n---\nkind: Site\nname: hq\nnetworks: [172.16.0.0/12]\n"
		    "---\nkind: Gateway\nname: gw\nsite: hq\nendpoint: 192.0.2.1:51820\naddresses: [10.255.0.1]\n");
	put_key(b, 0);
}

static void put_device(struct buf *b, uint32_t i, uint32_t user)
{
	uint32_t a = i + 256;

	buf_addf(b, "---\nkind: Device\nname: d%u\nowner: u%u\naddresses: [10.%u.%u.%u]\n", i, user, a >> 16, a >> 8 & 255, a & 255);
	put_key(b, i + 1);
}

/* tcp and udp boxes enough that a group's part is worth a chain of its own. */
static void put_group_policy(struct buf *b, uint32_t g, const char *from, uint32_t extra)
{
	buf_addf(b, "---\nkind: Policy\nname: p%u\nfrom: [%s%u]\nto: [172.16.%u.%u", g, from, g, g >> 8, g & 255);
	for (uint32_t i = 0; i < 4; i++)
		buf_addf(b, ", 172.%u.%u.%u", 17 + i, g >> 8, g & 255);
	buf_adds(b, "]\nports: [");
	for (uint32_t i = 0; i < 12; i++)
		buf_addf(b, "tcp/%u, ", 1000 + g % 7 * 100 + i * 2);
	buf_addf(b, "udp/%u]\n", 53 + extra);
}

static struct built *build(struct buf text)
{
	struct built *w = calloc(1, sizeof(*w));

	if (w == NULL)
		BUG("out of memory");
	w->text = text;
	arena_init(&w->arena);
	diags_init(&w->diags, &w->arena);
	w->file = (struct source_file){ .path = "tree.yaml", .data = buf_str(&w->text), .len = w->text.len };
	w->file.diag_file = diags_add_file(&w->diags, w->file.path, w->file.data, w->file.len);
	w->source = (struct source){ .file = &w->file, .nfiles = 1, .bytes = w->file.len };
	model_read(&w->model, &w->source, &w->arena, &w->diags);
	resolve(&w->r, &w->model, &w->arena, &w->diags);
	for (size_t i = 0; i < w->diags.n; i++)
		if (w->diags.v[i].severity == DIAG_ERROR)
			BUG("%s: %s", w->diags.v[i].code, w->diags.v[i].message);
	double start = now_s();
	access_build(&w->x, &w->r, &w->arena, &w->diags);
	plan_gateway(&w->plan, &w->x, &w->r, 0, &w->arena);
	w->seconds = now_s() - start;
	return w;
}

static void drop(struct built *w)
{
	buf_release(&w->text);
	diags_release(&w->diags);
	arena_release(&w->arena);
	free(w);
}

static size_t chains(const struct built *w, char letter)
{
	size_t n = 0;

	for (size_t i = 0; i < w->plan.nft.nchains; i++)
		n += w->plan.nft.chain[i].name[0] == letter && w->plan.nft.chain[i].name[1] == '_';
	return n;
}

static size_t rules(const struct built *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->plan.nft.nchains; i++)
		n += w->plan.nft.chain[i].nrules;
	return n;
}

static size_t bytes(const struct built *w)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	gw_plan_encode(&w->plan, &b);
	return b.len;
}

/* What is read from a kernel that holds the plan agrees with it. */
static bool reads_back(struct built *w, const char *what)
{
	struct agreement x;
	double start = now_s();

	agree_compare(&x, &w->plan, &w->plan, 0, &w->arena);
	printf("# %s: decompiled twice and compared in %.2f s\n", what, now_s() - start);
	return agree_holds(&x);
}

/* ---- many devices of few accesses ---- */

static struct built *few_accesses(uint32_t devices)
{
	struct buf b = BUF_INIT;

	put_begin(&b);
	for (uint32_t u = 0; u < GROUPS; u++) {
		buf_addf(&b, "---\nkind: User\nname: u%u\n", u);
		put_group_policy(&b, u, "user:u", 0);
	}
	for (uint32_t i = 0; i < devices; i++)
		put_device(&b, i, i % GROUPS);
	return build(b);
}

static void test_few(struct tap *t, uint32_t devices)
{
	struct built *w = few_accesses(devices);
	const struct nft_set *map = nft_find_set(&w->plan.nft, "class4"), *dispatch = nft_find_set(&w->plan.nft, "dispatch");

	printf("# %u devices: %zu class chains, %zu part chains, %zu rules, %zu bytes, %.2f s\n", devices, chains(w, 'c'), chains(w, 'p'),
	       rules(w), bytes(w), w->seconds);
	tap_ok(t, chains(w, 'c') == GROUPS, "devices of 1000 different accesses have 1000 class chains");
	tap_ok(t, map->nelems == devices && dispatch->nelems == GROUPS, "one map element a device, one dispatch element a class");
	tap_ok(t, reads_back(w, "many devices"), "and it is read back");
	drop(w);
}

/* ---- memberships that combine freely ---- */

struct free_case {
	uint32_t users, seed, changed; /* the group whose policy has another port; GROUPS: none */
};

static struct built *free_memberships(const struct free_case *c)
{
	struct buf b = BUF_INIT;
	struct prng p = { c->seed };
	VEC(uint32_t) member[GROUPS] = { VEC_INIT };

	put_begin(&b);
	for (uint32_t u = 0; u < c->users; u++) {
		buf_addf(&b, "---\nkind: User\nname: u%u\n", u);
		put_device(&b, u, u);
		for (uint32_t k = 0; k < MEMBERSHIPS; k++) {
			uint32_t g = prng_below(&p, GROUPS);
			if (member[g].n == 0 || member[g].v[member[g].n - 1] != u)
				vec_push(&member[g], u);
		}
	}
	for (uint32_t g = 0; g < GROUPS; g++) {
		if (member[g].n == 0)
			continue;
		buf_addf(&b, "---\nkind: Group\nname: g%u\nmembers: [", g);
		for (size_t i = 0; i < member[g].n; i++)
			buf_addf(&b, "%suser:u%u", i > 0 ? ", " : "", member[g].v[i]);
		buf_adds(&b, "]\n");
		put_group_policy(&b, g, "group:g", g == c->changed);
		vec_release(&member[g]);
	}
	return build(b);
}

static size_t longest(const struct built *w, char letter)
{
	size_t n = 0;

	for (size_t i = 0; i < w->plan.nft.nchains; i++)
		if (w->plan.nft.chain[i].name[0] == letter && w->plan.nft.chain[i].name[1] == '_' && w->plan.nft.chain[i].nrules > n)
			n = w->plan.nft.chain[i].nrules;
	return n;
}

static void test_free(struct tap *t, uint32_t users)
{
	const struct free_case one = { users, 7, GROUPS }, two = { 2 * users, 7, GROUPS };
	struct built *w = free_memberships(&one), *v = free_memberships(&two);
	double grown = (double)bytes(v) / (double)bytes(w);

	for (int i = 0; i < 2; i++) {
		const struct built *x = i ? v : w;
		printf("# %u users in %d of %d groups: %zu class chains, %zu part chains, %zu rules, %zu bytes, %.2f s\n", i ? 2 * users : users,
		       MEMBERSHIPS, GROUPS, chains(x, 'c'), chains(x, 'p'), rules(x), bytes(x), x->seconds);
	}
	tap_ok(t, chains(w, 'p') <= GROUPS && chains(v, 'p') <= GROUPS, "what a group is granted is one part chain, however it is combined");
	tap_ok(t, longest(w, 'c') <= MEMBERSHIPS + 1 && longest(v, 'c') <= MEMBERSHIPS + 1, "a class chain is one jump a membership and the end");
	tap_ok(t, grown < 2.1, "twice the memberships are at most twice the bytes");
	tap_ok(t, v->seconds < 4 * w->seconds + 1, "and no more than about twice the time");
	tap_ok(t, reads_back(v, "free memberships"), "it is read back");
	drop(w);
	drop(v);
}

/* ---- names ---- */

static bool same_chain(const struct nft_chain *x, const struct nft_chain *y)
{
	if (x->nrules != y->nrules)
		return false;
	for (size_t i = 0; i < x->nrules; i++)
		if (!nft_rule_equal(&x->rule[i], &y->rule[i]))
			return false;
	return true;
}

static bool in_group(const struct built *w, uint32_t source, const char *policy)
{
	const struct access_class *c = &w->x.class[w->x.class_of[source]];

	for (size_t i = 0; i < c->nparts; i++)
		if (strcmp(w->x.part[c->part[i]].policy, policy) == 0)
			return true;
	return false;
}

static uint32_t number_of(const struct built *w, uint32_t source)
{
	const struct nft_set *map = nft_find_set(&w->plan.nft, "class4");
	u128 addr = w->r.device[source].decl->addresses.v[0];

	for (size_t lo = 0, hi = map->nelems; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		if (map->elem[mid].lo == addr)
			return map->elem[mid].value;
		if (map->elem[mid].lo < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

static void test_names(struct tap *t, uint32_t users)
{
	const struct free_case was = { users, 11, GROUPS }, is = { users, 11, 17 };
	struct built *w = free_memberships(&was), *v = free_memberships(&is);
	bool content = true, stays = true, moves = true;
	size_t common = 0, touched = 0;

	for (size_t i = 0; i < w->plan.nft.nchains; i++) {
		const struct nft_chain *c = nft_find_chain(&v->plan.nft, w->plan.nft.chain[i].name);
		common += c != NULL;
		content &= c == NULL || same_chain(c, &w->plan.nft.chain[i]);
	}
	for (uint32_t s = 0; s < w->r.ndevices; s++) {
		bool concerned = in_group(w, s, "p17");
		touched += concerned;
		stays &= concerned || number_of(w, s) == number_of(v, s);
		moves &= !concerned || number_of(w, s) != number_of(v, s);
	}
	printf("# one policy of %d changed: %zu of %zu chains stay, %zu of %zu devices concerned\n", GROUPS, common, w->plan.nft.nchains, touched,
	       w->r.ndevices);
	tap_ok(t, content, "a name that both have is of the same content");
	tap_ok(t, stays && touched > 0 && touched < users / 10, "who is not concerned keeps number and chain");
	tap_ok(t, moves, "who is concerned gets another");
	tap_ok(t, w->plan.nft.nchains - common <= touched + 1, "no more chains go than there are classes concerned, and their part");
	drop(w);
	drop(v);
}

/* ---- sets of boxes ---- */

static struct built *many_boxes(uint32_t n)
{
	struct buf b = BUF_INIT;

	put_begin(&b);
	buf_adds(&b, "---\nkind: User\nname: u0\n");
	put_device(&b, 0, 0);
	for (uint32_t i = 0; i < n; i++)
		buf_addf(&b, "---\nkind: Resource\nname: r%u\naddresses: [172.%u.%u.%u]\nports: [tcp/%u]\n", i, 16 + (i >> 16),
			 i >> 8 & 255, i & 255, 1000 + i % 97 * 3);
	for (uint32_t i = 0; i < n; i += 500) {
		buf_addf(&b, "---\nkind: Policy\nname: p%u\nfrom: [user:u0]\nto: [", i);
		for (uint32_t k = i; k < i + 500 && k < n; k++)
			buf_addf(&b, "%sresource:r%u", k > i ? ", " : "", k);
		buf_adds(&b, "]\n");
	}
	return build(b);
}

static void test_boxes(struct tap *t, uint32_t n)
{
	struct built *w = many_boxes(n);
	size_t largest = 0, all = 0, sets = 0;

	for (size_t i = 0; i < w->plan.nft.nsets; i++) {
		const struct nft_set *s = &w->plan.nft.set[i];
		if (s->kind != NFT_SET_BOX4 && s->kind != NFT_SET_BOX6)
			continue;
		sets++;
		all += s->nelems;
		largest = s->nelems > largest ? s->nelems : largest;
	}
	printf("# %u boxes: %zu sets, the largest of %zu, %zu rules, %.2f s\n", n, sets, largest, rules(w), w->seconds);
	tap_ok(t, largest <= NFT_BOX_SET_MAX, "no set of boxes has more than 10 000 elements");
	tap_ok(t, all <= n && sets > 0 && all > n / 2, "together they have every box once");
	tap_ok(t, reads_back(w, "boxes"), "and they are read back");
	struct region r = class_allowed_at(&w->x, w->x.class_of[0], 0, &w->arena);
	struct decompiled d;
	decompile(&d, &w->plan.nft, w->plan.interface, &w->arena);
	uint32_t class = decompile_class(&d.way[WAY_THROUGH][0], w->r.device[0].decl->addresses.v[0]);
	tap_ok(t, region_equal(class_allowed_at(&d.access, class, 0, &w->arena), r), "as exactly what the policies grant");
	drop(w);
}

int main(void)
{
	uint32_t scale = (uint32_t)prop_env("PROP_DEVICES", 100000);
	struct tap t = { 0, 0 };

	test_few(&t, scale);
	test_free(&t, scale / 20);
	test_names(&t, scale / 20);
	test_boxes(&t, scale);
	return tap_done(&t);
}
