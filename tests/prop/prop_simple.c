/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of everyday files against libyaml, on files of that form as they are and with a few bytes changed: what it takes gives
 * the same nodes at the same places. Files of the form must be taken, or nothing would be compared.
 */
#include "prop/prop.h"
#include "simple_agree.h"

#include "base/buf.h"

struct writer {
	struct prng *p;
	struct buf out;
	unsigned int left; /* how much may still be written */
	unsigned int keys; /* so that no key repeats */
};

static const char *pick(struct prng *p, const char *const *v, size_t n)
{
	return v[prng_below(p, (uint32_t)n)];
}

#define PICK(p, v) pick((p), (v), sizeof(v) / sizeof((v)[0]))

static const char *const plain[] = { "alice", "10.7.0.2", "user:alice", "10.0.0.0/8", "fd64::1", "tcp/443", "null", "true", "a b c",
				     "x#y", "192.0.2.1:51820", "+01:00", "9Qk+/a=", "2026-01-01T00:00:00Z", "don't", "a-b_c" };
static const char *const quoted[] = { "\"08:00-18:00\"", "'a, b'", "\"\"", "''", "\"x # y: z\"", "'it \"is\"'", "\"- a\"" };
static const char *const ends[] = { "", "", "", "", " # why", "  ", "   # a: [b", " #" };
static const char *const lines[] = { "# a line\n", "\n", "   \n", "     # deep \xc3\xa9\n" };

static void spaces(struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_addc(b, ' ');
}

static void scalar(struct writer *w, bool flow)
{
	const char *text = prng_chance(w->p, 25) ? PICK(w->p, quoted) : PICK(w->p, plain);

	buf_adds(&w->out, flow && strchr("[{", *text) ? "x" : text);
}

static void flow_space(struct writer *w)
{
	if (prng_chance(w->p, 10))
		buf_adds(&w->out, "\n    ");
	else if (prng_chance(w->p, 70))
		buf_addc(&w->out, ' ');
}

static void flow(struct writer *w, int depth)
{
	bool map = prng_chance(w->p, 30);
	uint32_t n = prng_below(w->p, 4);

	buf_addc(&w->out, map ? '{' : '[');
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(&w->out, ',');
		flow_space(w);
		if (map)
			buf_addf(&w->out, "k%u: ", w->keys++);
		if (depth < 3 && prng_chance(w->p, 15))
			flow(w, depth + 1);
		else
			scalar(w, true);
	}
	if (prng_chance(w->p, 20))
		flow_space(w);
	buf_addc(&w->out, map ? '}' : ']');
}

static void end(struct writer *w)
{
	buf_addf(&w->out, "%s\n", PICK(w->p, ends));
	while (prng_chance(w->p, 8))
		buf_adds(&w->out, PICK(w->p, lines));
}

static void map(struct writer *w, size_t indent, int depth, bool first);

static void list(struct writer *w, size_t indent, int depth)
{
	for (uint32_t n = 1 + prng_below(w->p, 3); n > 0; n--) {
		spaces(&w->out, indent);
		size_t apart = 1 + prng_below(w->p, 3);
		buf_addc(&w->out, '-');
		spaces(&w->out, apart);
		if (depth < 5 && prng_chance(w->p, 25)) {
			map(w, indent + 1 + apart, depth + 1, false);
			continue;
		}
		if (prng_chance(w->p, 10))
			flow(w, 0);
		else
			scalar(w, false);
		end(w);
	}
}

static void map(struct writer *w, size_t indent, int depth, bool first)
{
	for (uint32_t n = 1 + prng_below(w->p, 4); n > 0; n--, first = true) {
		if (first)
			spaces(&w->out, indent);
		buf_addf(&w->out, "k%u:", w->keys++);
		if (depth < 5 && prng_chance(w->p, 25)) {
			bool below = prng_chance(w->p, 50);
			end(w);
			if (below)
				list(w, indent + prng_below(w->p, 3), depth + 1);
			else
				map(w, indent + 1 + prng_below(w->p, 3), depth + 1, true);
			continue;
		}
		spaces(&w->out, 1 + prng_below(w->p, 2));
		if (prng_chance(w->p, 25))
			flow(w, 0);
		else
			scalar(w, false);
		end(w);
	}
}

static void file(struct writer *w)
{
	if (prng_chance(w->p, 20))
		buf_adds(&w->out, PICK(w->p, lines));
	for (uint32_t n = 1 + prng_below(w->p, 2); n > 0; n--) {
		if (w->out.len > 0 && n == 1)
			buf_adds(&w->out, "---\n");
		map(w, 0, 0, true);
	}
	if (prng_chance(w->p, 10))
		w->out.len--; /* no line feed at the end */
}

/* A few bytes out of what YAML is made of, anywhere. */
static void mutate(struct prng *p, struct buf *b)
{
	static const char bytes[] = "\n\n  --::##,,[]{}\"'?&*!|>%@`~\\ax0\t<=.\xc3";

	for (uint32_t n = 1 + prng_below(p, 3); n > 0; n--) {
		size_t at = prng_below(p, (uint32_t)b->len), size = sizeof(bytes) - 1;
		char c = bytes[prng_below(p, (uint32_t)size)];
		switch (prng_below(p, 3)) {
		case 0:
			b->p[at] = c;
			break;
		case 1:
			memmove(b->p + at, b->p + at + 1, b->len - at);
			b->len -= b->len > 1;
			break;
		case 2:
			buf_addc(b, ' ');
			memmove(b->p + at + 1, b->p + at, b->len - 1 - at);
			b->p[at] = c;
			break;
		}
	}
}

static void failed(const struct buf *b, uint64_t seed)
{
	printf("# PROP_SEED=%llu PROP_CASES=1\n# ", (unsigned long long)seed);
	for (size_t i = 0; i < b->len; i++)
		printf(b->p[i] == '\n' ? "\n# " : "%c", b->p[i]);
	printf("\n");
}

int main(void)
{
	uint64_t seed = prop_env("PROP_SEED", 1), cases = prop_env("PROP_CASES", 100000), whole = 0, taken = 0, changed = 0;
	struct tap t = { 0, 0 };
	bool good = true;

	for (uint64_t c = 0; c < cases; c++) {
		struct prng p = { seed + c };
		struct writer w = { .p = &p, .out = BUF_INIT };
		file(&w);
		enum agree as_is = simple_agree(buf_str(&w.out), w.out.len);
		if (as_is == AGREE_NOT)
			failed(&w.out, seed + c);
		whole += as_is == AGREE_TAKEN;
		mutate(&p, &w.out);
		enum agree after = simple_agree(buf_str(&w.out), w.out.len);
		if (after == AGREE_NOT && as_is != AGREE_NOT)
			failed(&w.out, seed + c);
		changed++;
		taken += after == AGREE_TAKEN;
		good &= as_is != AGREE_NOT && after != AGREE_NOT;
		buf_release(&w.out);
	}
	printf("# %llu of %llu taken as they are, %llu of %llu with a few bytes changed\n", (unsigned long long)whole,
	       (unsigned long long)cases, (unsigned long long)taken, (unsigned long long)changed);
	tap_ok(&t, good, "what is taken gives the nodes that libyaml gives");
	tap_ok(&t, whole * 10 >= cases * 9 && taken * 10 >= changed * 2, "most files of the form are taken, and many that are nearly of it");
	return tap_done(&t);
}
