/* SPDX-License-Identifier: Apache-2.0 */
#include "access/members.h"

#include <string.h>

#include "base/vec.h"

struct member_source member_source_of(const struct resolved *r, uint32_t source, struct arena *a)
{
	bool owned = source < r->ndevices && r->device[source].owner != NONE;

	return (struct member_source){ owned ? r->user[r->device[source].owner]->o.name : NULL, source_text(r, source, a) };
}

int member_source_cmp(const struct member_source *x, const struct member_source *y)
{
	if (!x->user != !y->user)
		return x->user ? -1 : 1;
	int ret = x->user ? strcmp(x->user, y->user) : 0;

	return ret ? ret : strcmp(x->text, y->text);
}

int members_cmp(const struct diff_member *x, const struct diff_member *y)
{
	const struct member_source a = { x->user, x->source[0] }, b = { y->user, y->source[0] };

	return member_source_cmp(&a, &b);
}

/* Living devices of a user, in either tree. */
static size_t devices_of(const struct resolved *const tree[2], const char *user)
{
	VEC(const char *) name = VEC_INIT;
	size_t n = 0;

	for (int s = 0; s < 2; s++) {
		const struct resolved *r = tree[s];
		uint32_t u = resolved_find(r, KIND_USER, user);
		for (size_t i = 0; u != NONE && i < r->user_devices[u].n; i++) {
			const struct r_device *d = &r->device[r->user_devices[u].v[i]];
			bool known = d->dead;
			for (size_t k = 0; !known && k < name.n; k++)
				known = strcmp(name.v[k], d->decl->o.name) == 0;
			if (!known)
				vec_push(&name, d->decl->o.name);
		}
	}
	n = name.n;
	vec_release(&name);
	return n;
}

static struct diff_member make_member(const struct resolved *const r[2], const struct member_source *v, size_t n,
				      struct arena *a)
{
	struct diff_member m = { v->user, arena_array(a, n, const char *), n, false };

	for (size_t i = 0; i < n; i++)
		m.source[i] = v[i].text;
	if (v->user)
		m.whole = n >= devices_of(r, v->user);
	return m;
}

static bool same_user(const struct member_source *x, const struct member_source *y)
{
	return x->user == y->user || (x->user && y->user && strcmp(x->user, y->user) == 0);
}

size_t members_make(const struct resolved *const r[2], const struct member_source *v, size_t n, struct arena *a,
		    struct diff_member **out)
{
	VEC(struct diff_member) member = VEC_INIT;
	size_t count;

	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && same_user(&v[end], &v[i]);)
			end++;
		vec_push(&member, make_member(r, &v[i], end - i, a));
	}
	*out = vec_freeze(&member, a);
	count = member.n;
	vec_release(&member);
	return count;
}
