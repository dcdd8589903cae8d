/* SPDX-License-Identifier: Apache-2.0 */
#include "release/effects.h"

#include <string.h>

#include "access/diff.h"
#include "base/vec.h"

#define ALL_TIME 0 /* access from then on: no date of a policy lies before 1970 */

static const struct service every_service = { 0, SERVICE_LAST };

/* What a selector means in a tree; empty where the tree does not know it. */
static struct region meaning(const struct resolved *r, const char *selector, struct arena *a)
{
	struct r_dest *dest;
	size_t n;
	bool to_self;
	const char *why;
	struct region all = REGION_EMPTY;

	if (resolve_dests_text(r, selector, a, &dest, &n, &to_self, &why) < 0)
		return all;
	for (size_t i = 0; i < n; i++) {
		struct range_set one = range_set_make(a, &dest[i].range, 1);
		bool any = dest[i].service == NULL;
		all = region_union(a, all, region_product(a, one, any ? &every_service : dest[i].service, any ? 1 : dest[i].nservices));
	}
	return all;
}

static const char *who(const struct diff_group *g, struct arena *a)
{
	const struct diff_member *m = &g->member[0];
	size_t more = g->nmembers - 1;
	const char *name = m->user != NULL ? arena_printf(a, "user:%s", m->user) : m->source[0];

	return more > 0 ? arena_printf(a, "%s and %zu more", name, more) : name;
}

/* The first gain that touches the region: "user:eve gains resource:db by orders"; NULL: none does. */
static const char *first_gain(const struct access_diff *d, struct region region, const char *selector, struct arena *a)
{
	for (size_t i = 0; i < d->ngroups; i++)
		for (size_t k = 0; k < d->group[i].ngains; k++)
			if (region_overlaps(d->group[i].gain[k].region, region))
				return arena_printf(a, "%s gains %s by policy %s", who(&d->group[i], a), selector,
						    d->group[i].gain[k].policy);
	return NULL;
}

static const char *touched(const struct compile *was, const struct compile *is, const struct access_diff *d,
			   const struct trust_effect *rule, struct arena *a)
{
	const char *what = NULL;

	for (size_t i = 0; what == NULL && i < rule->nto; i++) {
		struct region after = meaning(&is->resolved, rule->to[i], a), before = meaning(&was->resolved, rule->to[i], a);
		what = first_gain(d, region_union(a, before, after), rule->to[i], a);
	}
	return what;
}

static const struct device *living(const struct resolved *r, size_t i)
{
	return r->device[i].dead ? NULL : r->device[i].decl;
}

static void count_peers(const struct resolved *was, const struct resolved *is, struct release_effects *out)
{
	for (size_t i = 0; i < was->ndevices; i++) {
		const struct device *d = living(was, i);
		if (d == NULL)
			continue;
		uint32_t after = resolved_find(is, KIND_DEVICE, d->o.name);
		out->peers++;
		out->peers_gone += after == NONE || is->device[after].dead;
	}
}

bool effects_mass_change(const struct release_effects *e, uint32_t percent)
{
	return (uint64_t)e->peers_gone * 100 > (uint64_t)e->peers * percent;
}

void effects_between(const struct compile *was, const struct compile *is, const struct trust_file *trust, struct release_effects *out,
		     struct arena *a)
{
	VEC(struct approval_effect) v = VEC_INIT;
	struct access_diff d = { .group = NULL };

	*out = (struct release_effects){ .v = NULL };
	if (was != NULL) {
		access_diff(&d, (struct diff_side){ &was->access, &was->resolved },
			    (struct diff_side){ &is->access, &is->resolved }, ALL_TIME, a);
		count_peers(&was->resolved, &is->resolved, out);
		out->shrinks = true;
		for (size_t i = 0; i < d.ngroups; i++)
			out->shrinks &= d.group[i].ngains == 0;
	}
	for (size_t i = 0; i < trust->neffects; i++) {
		const char *what = was != NULL ? touched(was, is, &d, &trust->effect[i], a)
					       : "what the release before allowed cannot be told";
		if (what != NULL)
			vec_push(&v, ((struct approval_effect){ i, what }));
	}
	out->v = vec_freeze(&v, a);
	out->n = v.n;
	vec_release(&v);
}

const char *effects_unknown(const struct compile *was, const struct compile *is, const struct trust_file *trust, const char **why,
			    struct arena *a)
{
	struct r_dest *dest;
	size_t n;
	bool to_self;
	const char *other;

	for (size_t i = 0; i < trust->neffects; i++)
		for (size_t k = 0; k < trust->effect[i].nto; k++) {
			const char *to = trust->effect[i].to[k];
			if (resolve_dests_text(&is->resolved, to, a, &dest, &n, &to_self, why) < 0 &&
			    (was == NULL || resolve_dests_text(&was->resolved, to, a, &dest, &n, &to_self, &other) < 0))
				return to;
		}
	return NULL;
}
