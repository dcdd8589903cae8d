/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement at one site of many gateways: with `redundancy` each device has exactly that many, spread evenly; a gateway that comes or goes
 * moves only what it takes or leaves, between no two others; states order and exclude; everything follows from names alone.
 */
#include <string.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/vec.h"
#include "prop.h"
#include "resolve/place.h"

#define GATEWAYS_MAX 12
#define DEVICES 600

enum { ACTIVE, DRAINING, MAINTENANCE, ABSENT };

struct world {
	struct arena arena;
	struct diags diags;
	struct source_file file;
	struct source source;
	struct model model;
	struct resolved r;
	struct buf text;
};

/* What a case is made of. */
struct shape {
	uint32_t gateways, redundancy; /* redundancy 0: all */
	int state[GATEWAYS_MAX];
	uint32_t order; /* turns the order of documents */
};

static void key_text(unsigned int n, char text[static KEY_TEXT_MAX])
{
	struct pubkey k;

	memset(&k, 0x42, sizeof(k));
	memcpy(k.b, &n, sizeof(n));
	pubkey_format(&k, text);
}

static void put_gateway(struct world *w, const struct shape *s, uint32_t i)
{
	static const char *const states[] = { "active", "draining", "maintenance" };
	char key[KEY_TEXT_MAX];

	if (s->state[i] == ABSENT)
		return;
	key_text(i, key);
	buf_addf(&w->text,
		 "---\nkind: Gateway\nname: gw-%u\nsite: hq\nendpoint: 192.0.2.1:%u\npublic_key: %s\naddresses: [10.0.255.%u]\nstate: %s\n", i,
		 51820 + i, key, i + 1, states[s->state[i]]);
}

static void put_device(struct world *w, uint32_t i)
{
	char key[KEY_TEXT_MAX];

	key_text(1000 + i, key);
	buf_addf(&w->text, "---\nkind: Device\nname: laptop-%u\ntags: [t]\npublic_key: %s\naddresses: [10.0.%u.%u]\n", i, key, i / 200, i % 200 + 1);
}

static struct world *make(const struct shape *s)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		BUG("out of memory");
	buf_adds(&w->text, "kind: Network\nname: net\npools: [10.0.0.0/16]\n---\nkind: Site\nname: hq\nnetworks: [10.1.0.0/16]\n");
	if (s->redundancy > 0)
		buf_addf(&w->text, "redundancy: %u\n", s->redundancy);
	for (uint32_t i = 0; i < s->gateways; i++)
		put_gateway(w, s, (i + s->order) % s->gateways);
	for (uint32_t i = 0; i < DEVICES; i++)
		put_device(w, (i + s->order * 37) % DEVICES);
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
	return w;
}

static void drop(struct world *w)
{
	buf_release(&w->text);
	diags_release(&w->diags);
	arena_release(&w->arena);
	free(w);
}

/* A placement by number: bit g of admitted[d], and the order of profiles. */
struct placement {
	uint32_t admitted[DEVICES];
	uint8_t order[DEVICES][GATEWAYS_MAX];
	size_t n[DEVICES];
};

static uint32_t number_of(const char *name)
{
	return (uint32_t)strtoul(strrchr(name, '-') + 1, NULL, 10);
}

static struct placement *place(const struct shape *s)
{
	struct world *w = make(s);
	struct placement *p = calloc(1, sizeof(*p));

	if (p == NULL)
		BUG("out of memory");
	for (uint32_t i = 0; i < w->r.ndevices; i++) {
		uint32_t d = number_of(w->r.device[i].decl->o.name), out[GATEWAYS_MAX];
		for (uint32_t g = 0; g < w->r.ngateways; g++)
			if (place_admits(&w->r, g, i))
				p->admitted[d] |= 1u << number_of(w->r.gateway[g].decl->o.name);
		p->n[d] = place_gateways(&w->r, 0, i, out, GATEWAYS_MAX);
		for (size_t k = 0; k < p->n[d]; k++)
			p->order[d][k] = (uint8_t)number_of(w->r.gateway[out[k]].decl->o.name);
	}
	drop(w);
	return p;
}

static uint32_t count(const struct shape *s, int state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->gateways; i++)
		n += s->state[i] == state;
	return n;
}

static uint32_t mask(const struct shape *s, int state)
{
	uint32_t m = 0;

	for (uint32_t i = 0; i < s->gateways; i++)
		m |= s->state[i] == state ? 1u << i : 0;
	return m;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Each device has as many active gateways as it may, none in maintenance, and its profile's order begins with active ones. */
static bool is_right(const struct shape *s, const struct placement *p)
{
	uint32_t active = count(s, ACTIVE), wanted = s->redundancy == 0 ? active : least(s->redundancy, active);

	for (uint32_t d = 0; d < DEVICES; d++) {
		if (p->admitted[d] & (mask(s, MAINTENANCE) | mask(s, ABSENT)))
			return false;
		if ((uint32_t)__builtin_popcount(p->admitted[d] & mask(s, ACTIVE)) != wanted)
			return false;
		if (p->n[d] != (size_t)__builtin_popcount(p->admitted[d]))
			return false;
		for (size_t k = 0; k < p->n[d]; k++)
			if ((s->state[p->order[d][k]] == ACTIVE) != (k < wanted))
				return false;
	}
	return true;
}

/* Each gateway has its share, within what chance allows (5 standard deviations of a binomial). */
static bool is_even(const struct shape *s, const struct placement *p)
{
	uint32_t active = count(s, ACTIVE), k = least(s->redundancy, active);
	double share = active == 0 ? 0 : (double)k / active, mean = share * DEVICES;

	for (uint32_t g = 0; g < s->gateways && s->redundancy > 0; g++) {
		double n = 0;
		if (s->state[g] != ACTIVE)
			continue;
		for (uint32_t d = 0; d < DEVICES; d++)
			n += (p->admitted[d] >> g) & 1;
		if ((n - mean) * (n - mean) > 25 * mean * (1 - share) + 1)
			return false;
	}
	return true;
}

static bool same(const struct placement *a, const struct placement *b)
{
	return memcmp(a->admitted, b->admitted, sizeof(a->admitted)) == 0 && memcmp(a->order, b->order, sizeof(a->order)) == 0;
}

/*
 * b has one more active gateway than a. A device either does not get it, and keeps all it had in the same order; or gets it in place of at
 * most one other. And no more devices than its share, within what chance allows.
 */
static bool moves_little(const struct shape *s, const struct placement *a, const struct placement *b, uint32_t gateway)
{
	uint32_t active = count(s, ACTIVE), moved = 0;
	double share = (double)least(s->redundancy, active) / active, mean = share * DEVICES;

	for (uint32_t d = 0; d < DEVICES; d++) {
		uint32_t was = a->admitted[d], is = b->admitted[d];
		if (!(is >> gateway & 1)) {
			if (was != is || memcmp(a->order[d], b->order[d], sizeof(a->order[d])) != 0)
				return false;
			continue;
		}
		moved++;
		if ((is & ~was) != 1u << gateway || __builtin_popcount(was & ~is) > 1)
			return false;
	}
	return s->redundancy == 0 || (moved - mean) * (moved - mean) <= 25 * mean * (1 - share) + 1;
}

struct verdicts {
	bool right, even, order, moves, drains;
};

static void one_case(struct prng *rnd, struct verdicts *v)
{
	struct shape s = { .gateways = 2 + prng_below(rnd, GATEWAYS_MAX - 1) };

	s.redundancy = prng_below(rnd, 5);
	for (uint32_t i = 0; i < s.gateways; i++)
		s.state[i] = prng_chance(rnd, 20) ? (int)(1 + prng_below(rnd, 3)) : ACTIVE;
	uint32_t g = prng_below(rnd, s.gateways);
	s.state[g] = ACTIVE;
	struct placement *with = place(&s);
	v->right &= is_right(&s, with);
	v->even &= is_even(&s, with);
	s.order = 1 + prng_below(rnd, s.gateways);
	struct placement *turned = place(&s);
	v->order &= same(with, turned);
	free(turned);
	struct shape other = s;
	other.state[g] = ABSENT;
	/* Among active gateways alone: how draining ones follow is the next question. */
	if (mask(&s, DRAINING) == 0) {
		struct placement *without = place(&other);
		v->moves &= moves_little(&s, without, with, g);
		free(without);
	}
	/* A gateway that begins to drain keeps admitting whoever it served, and is last in their profiles. */
	other.state[g] = DRAINING;
	struct placement *draining = place(&other);
	for (uint32_t d = 0; d < DEVICES; d++) {
		bool served = with->admitted[d] >> g & 1;
		bool first = draining->n[d] > 0 && draining->order[d][0] == g && count(&other, ACTIVE) > 0;
		v->drains &= (!served || (draining->admitted[d] >> g & 1)) && !first;
	}
	v->right &= is_right(&other, draining);
	free(draining);
	free(with);
}

int main(void)
{
	uint64_t seed = prop_env("PROP_SEED", 1), cases = prop_env("PROP_CASES", 60);
	struct verdicts v = { true, true, true, true, true };
	struct tap tap = { 0, 0 };
	uint64_t i = 0;

	for (; i < cases && v.right && v.even && v.order && v.moves && v.drains; i++) {
		struct prng rnd = { .s = seed + i };
		one_case(&rnd, &v);
	}
	if (i < cases)
		printf("# PROP_SEED=%llu PROP_CASES=1\n", (unsigned long long)(seed + i - 1));
	tap_ok(&tap, v.right, "each device has as many gateways as the site says, by their states");
	tap_ok(&tap, v.even, "each gateway has its share of the devices");
	tap_ok(&tap, v.order, "the order of documents decides nothing");
	tap_ok(&tap, v.moves, "a gateway that comes or goes moves its share of the devices and nothing between others");
	tap_ok(&tap, v.drains, "a draining gateway keeps those it served, last in their profiles");
	return tap_done(&tap);
}
