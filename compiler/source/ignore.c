/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ignore.h"

#include <stdint.h>
#include <string.h>

#include "base/vec.h"

/* A pattern is a row of steps; a match is a walk through them, all possible walks at once. */
enum step_kind {
	STEP_CHAR,    /* this byte */
	STEP_ONE,     /* a byte that is not '/' */
	STEP_ANY,     /* a byte */
	STEP_CLASS,   /* a byte of the set */
	STEP_STAR,    /* bytes that are not '/', perhaps none */
	STEP_REST,    /* bytes, perhaps none */
	STEP_FOLDERS, /* nothing, or what the STEP_FOLDER after it takes */
	STEP_FOLDER,  /* bytes of which the last is '/' */
};

struct step {
	enum step_kind kind;
	unsigned char c;
	const uint32_t *set; /* 256 bits */
};

struct ignore_pattern {
	const struct step *step;
	size_t n;
	bool keep;     /* started with ! */
	bool dirs;     /* ended with / */
	bool anchored; /* matched against the whole path, not the last part */
};

typedef VEC(struct step) step_list;

static void push(step_list *l, enum step_kind kind, char c, const uint32_t *set)
{
	struct step s = {kind, (unsigned char)c, set};
	vec_push(l, s);
}

static void set_add(uint32_t *set, unsigned int from, unsigned int to)
{
	for (unsigned int c = from; c <= to; c++)
		set[c / 32] |= 1u << c % 32;
}

static bool set_has(const uint32_t *set, unsigned char c)
{
	return set[c / 32] >> c % 32 & 1;
}

/* Reads [...] that starts at s; gives its length, or 0 when it has no end. '/' is never in it. */
static size_t parse_class(struct arena *a, const char *s, size_t n, const uint32_t **out)
{
	uint32_t *set = arena_array(a, 8, uint32_t);
	size_t i = 1;
	bool negate = i < n && (s[i] == '!' || s[i] == '^');
	i += negate;
	for (size_t first = i; i < n; i++) {
		if (s[i] == ']' && i > first)
			break;
		if (s[i] == '\\' && i + 1 < n)
			i++;
		unsigned char from = (unsigned char)s[i], to = from;
		if (i + 2 < n && s[i + 1] == '-' && s[i + 2] != ']') {
			i += 2;
			if (s[i] == '\\' && i + 1 < n)
				i++;
			to = (unsigned char)s[i];
		}
		set_add(set, from, to);
	}
	if (i >= n)
		return 0;
	for (size_t k = 0; negate && k < 8; k++)
		set[k] = ~set[k];
	set['/' / 32] &= ~(1u << '/' % 32);
	*out = set;
	return i + 1;
}

/* Reads a run of asterisks at s[at]; two between slashes or ends mean folders. Gives how far to go on. */
static size_t parse_stars(step_list *l, const char *s, size_t n, size_t at)
{
	size_t run = 0;
	while (at + run < n && s[at + run] == '*')
		run++;
	bool alone_before = at == 0 || s[at - 1] == '/';
	if (run == 2 && alone_before && at + 2 < n && s[at + 2] == '/') {
		push(l, STEP_FOLDERS, 0, NULL);
		push(l, STEP_FOLDER, 0, NULL);
		return 3;
	}
	if (run == 2 && at > 0 && alone_before && at + 2 == n) {
		push(l, STEP_ANY, 0, NULL);
		push(l, STEP_REST, 0, NULL);
		return 2;
	}
	push(l, STEP_STAR, 0, NULL);
	return run;
}

/* False when the pattern can not match anything. */
static bool parse_steps(struct arena *a, const char *s, size_t n, step_list *l)
{
	for (size_t i = 0; i < n;) {
		const uint32_t *set;
		size_t len = 1;
		switch (s[i]) {
		case '*': len = parse_stars(l, s, n, i); break;
		case '?': push(l, STEP_ONE, 0, NULL); break;
		case '[':
			len = parse_class(a, s + i, n - i, &set);
			if (len == 0)
				return false;
			push(l, STEP_CLASS, 0, set);
			break;
		case '\\':
			if (++i == n)
				return false;
			push(l, STEP_CHAR, s[i], NULL);
			break;
		default: push(l, STEP_CHAR, s[i], NULL); break;
		}
		i += len;
	}
	return true;
}

/* Blanks at the end do not count unless the last has a backslash before it. */
static size_t trimmed(const char *s, size_t n)
{
	if (n > 0 && s[n - 1] == '\r')
		n--;
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t') && !(n > 1 && s[n - 2] == '\\'))
		n--;
	return n;
}

/* Reads one line; false when it holds no pattern. */
static bool parse_line(struct arena *a, const char *s, size_t n, struct ignore_pattern *out)
{
	step_list steps = VEC_INIT;
	*out = (struct ignore_pattern){0};
	n = trimmed(s, n);
	if (n == 0 || s[0] == '#')
		return false;
	if (s[0] == '!') {
		out->keep = true;
		s++;
		n--;
	}
	if (n > 0 && s[n - 1] == '/') {
		out->dirs = true;
		n--;
	}
	out->anchored = n > 0 && memchr(s, '/', n);
	if (n > 0 && s[0] == '/') {
		s++;
		n--;
	}
	bool ok = n > 0 && parse_steps(a, s, n, &steps);
	if (ok) {
		out->step = vec_freeze(&steps, a);
		out->n = steps.n;
	}
	vec_release(&steps);
	return ok;
}

void ignore_parse(struct ignore *ig, struct arena *a, const char *text, size_t len)
{
	VEC(struct ignore_pattern) list = VEC_INIT;
	*ig = (struct ignore){0};
	for (size_t i = 0; i < len;) {
		const char *nl = memchr(text + i, '\n', len - i);
		size_t n = nl ? (size_t)(nl - text) - i : len - i;
		struct ignore_pattern p;
		if (parse_line(a, text + i, n, &p)) {
			vec_push(&list, p);
			if (p.n > ig->longest)
				ig->longest = p.n;
		}
		i += n + 1;
	}
	ig->pattern = vec_freeze(&list, a);
	ig->n = list.n;
	ig->here = arena_alloc(a, ig->longest + 2);
	ig->next = arena_alloc(a, ig->longest + 2);
	vec_release(&list);
}

/* Adds the states that are reached without reading a byte. They lie ahead, so that one pass finds all. */
static void reach(const struct ignore_pattern *p, unsigned char *state)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!state[i])
			continue;
		if (p->step[i].kind == STEP_STAR || p->step[i].kind == STEP_REST)
			state[i + 1] = 1;
		if (p->step[i].kind == STEP_FOLDERS)
			state[i + 1] = state[i + 2] = 1;
	}
}

/* Takes one byte in one state: where that leads is marked in next. */
static void advance(const struct step *s, size_t i, unsigned char c, unsigned char *next)
{
	switch (s->kind) {
	case STEP_CHAR: next[i + 1] |= c == s->c; break;
	case STEP_ONE: next[i + 1] |= c != '/'; break;
	case STEP_ANY: next[i + 1] = 1; break;
	case STEP_CLASS: next[i + 1] |= set_has(s->set, c); break;
	case STEP_STAR: next[i] |= c != '/'; break;
	case STEP_REST: next[i] = 1; break;
	case STEP_FOLDERS: break;
	case STEP_FOLDER:
		next[i] = 1;
		next[i + 1] |= c == '/';
		break;
	}
}

static bool matches(const struct ignore *ig, const struct ignore_pattern *p, const char *text)
{
	unsigned char *here = ig->here, *next = ig->next;
	memset(here, 0, p->n + 1);
	here[0] = 1;
	reach(p, here);
	for (; *text; text++) {
		memset(next, 0, p->n + 1);
		for (size_t i = 0; i < p->n; i++) {
			if (here[i])
				advance(&p->step[i], i, (unsigned char)*text, next);
		}
		reach(p, next);
		unsigned char *t = here;
		here = next;
		next = t;
		if (!memchr(here, 1, p->n + 1))
			return false;
	}
	return here[p->n];
}

bool ignore_matches(const struct ignore *ig, const char *path, bool is_dir)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	for (size_t i = ig->n; i-- > 0;) {
		const struct ignore_pattern *p = &ig->pattern[i];
		if (p->dirs && !is_dir)
			continue;
		if (matches(ig, p, p->anchored ? path : last))
			return !p->keep;
	}
	return false;
}
