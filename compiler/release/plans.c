/* SPDX-License-Identifier: Apache-2.0 */
#include "release/plans.h"

#include <string.h>

#include "base/vec.h"

#define TITLE "yett-plans-v1\n"
#define MARK " sha256:"
#define NAME_MAX_BYTES 255

int plans_compile(struct plans *p, struct compile *c, const uint8_t repo[static 32], struct arena *a)
{
	const struct resolved *r = &c->resolved;

	p->n = r->ngateways;
	p->gateway = arena_array(a, p->n, const char *);
	p->leaf = arena_array(a, p->n, struct digest);
	for (uint32_t i = 0; i < p->n; i++) {
		struct gw_plan plan = { 0 };
		struct buf bytes BUF_CLEANUP = BUF_INIT;
		plan_gateway(&plan, &c->access, r, i, a);
		gw_plan_encode(&plan, &bytes);
		p->gateway[i] = arena_strdup(a, r->gateway[i].decl->o.name);
		p->leaf[i] = merkle_plan_leaf(repo, p->gateway[i], bytes.p, bytes.len);
	}
	return c->diags.errors > 0 ? -1 : 0;
}

struct digest plans_root(const struct plans *p)
{
	return merkle_root(p->leaf, p->n);
}

void plans_write(const struct plans *p, struct buf *out)
{
	char hex[DIGEST_HEX_MAX];

	buf_adds(out, TITLE);
	for (size_t i = 0; i < p->n; i++)
		buf_addf(out, "%s" MARK "%s\n", p->gateway[i], digest_hex(&p->leaf[i], DIGEST_BYTES, hex));
}

/* One line from *at; false where it is none. */
static bool take_line(const char **at, const char *end, const char **name, struct digest *leaf, struct arena *a)
{
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));
	const size_t tail = sizeof(MARK) - 1 + 64;
	size_t n = lf != NULL ? (size_t)(lf - *at) : 0, got = 0;

	if (n <= tail || n - tail > NAME_MAX_BYTES || strspn(lf - 64, "0123456789abcdef") != 64 || memcmp(lf - tail, MARK, sizeof(MARK) - 1) != 0 ||
	    sodium_hex2bin(leaf->b, DIGEST_BYTES, lf - 64, 64, NULL, &got, NULL) != 0 || got != DIGEST_BYTES)
		return false;
	*name = arena_strndup(a, *at, n - tail);
	*at = lf + 1;
	return strlen(*name) == n - tail;
}

int plans_parse(struct plans *p, const char *text, size_t len, struct arena *a)
{
	VEC(const char *) names = VEC_INIT;
	VEC(struct digest) leaves = VEC_INIT;
	const char *at = text + sizeof(TITLE) - 1, *end = text + len;
	bool ok = len >= sizeof(TITLE) - 1 && memcmp(text, TITLE, sizeof(TITLE) - 1) == 0;

	while (ok && at < end) {
		const char *name = "";
		struct digest leaf;
		ok = take_line(&at, end, &name, &leaf, a) && names.n < PLANS_GATEWAYS_MAX &&
		     (names.n == 0 || strcmp(names.v[names.n - 1], name) < 0);
		vec_push(&names, name);
		vec_push(&leaves, leaf);
	}
	*p = (struct plans){ .n = ok ? names.n : 0 };
	if (ok) {
		p->gateway = vec_freeze(&names, a);
		p->leaf = vec_freeze(&leaves, a);
	}
	vec_release(&names);
	vec_release(&leaves);
	return ok ? 0 : -1;
}

const struct digest *plans_leaf(const struct plans *p, const char *gateway)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->gateway[i], gateway) == 0)
			return &p->leaf[i];
	return NULL;
}
