/* SPDX-License-Identifier: Apache-2.0 */
#include "access/examples.h"

#include "base/vec.h"

static const struct service any_service = { 0, SERVICE_LAST };

struct region dests_region(const struct r_dest *to, size_t nto, const struct service *port, size_t nports,
			   bool own_ports, struct arena *a)
{
	VEC(struct box) boxes = VEC_INIT;

	for (size_t i = 0; i < nto; i++) {
		const struct service *s = &any_service;
		size_t n = 1;
		if (port != NULL) {
			s = port;
			n = nports;
		} else if (own_ports && to[i].service != NULL) {
			s = to[i].service;
			n = to[i].nservices;
		}
		for (size_t k = 0; k < n; k++)
			vec_push(&boxes, ((struct box){ to[i].range, s[k] }));
	}
	struct region out = region_make(a, boxes.v, boxes.n);
	vec_release(&boxes);
	return out;
}

struct range_set other_devices(const struct resolved *r, uint32_t source, struct arena *a)
{
	VEC(struct range) v = VEC_INIT;

	if (source < r->ndevices && r->device[source].owner != NONE) {
		const struct source_set *mine = &r->user_devices[r->device[source].owner];
		for (size_t i = 0; i < mine->n; i++) {
			const struct device *d = r->device[mine->v[i]].decl;
			if (mine->v[i] == source || d->revoked) /* a revoked device has no address any more */
				continue;
			for (size_t k = 0; k < d->addresses.n; k++)
				vec_push(&v, ((struct range){ d->addresses.v[k], d->addresses.v[k] }));
			for (size_t k = 0; k < d->networks.n; k++)
				vec_push(&v, prefix_range(d->networks.v[k]));
		}
	}
	struct range_set out = range_set_make(a, v.v, v.n);
	vec_release(&v);
	return out;
}

/* What one case asks of one source. */
struct question {
	const struct access *x;
	const struct resolved *r;
	const struct r_case *c;
	bool allow;
	int64_t at; /* CLOCK_EVER: some moment from now on */
	int64_t now;
	struct arena *a;
};

static struct region asked_of(const struct question *q, uint32_t source)
{
	struct region asked = dests_region(q->c->to, q->c->nto, q->c->port, q->c->nports, q->allow, q->a);

	if (q->c->to_self) {
		struct range_set self = other_devices(q->r, source, q->a);
		const struct service *s = q->c->port != NULL ? q->c->port : &any_service;
		size_t n = q->c->port != NULL ? q->c->nports : 1;
		asked = region_union(q->a, asked, region_product(q->a, self, s, n));
	}
	return asked;
}

static bool active(const struct access_window *w, int64_t t)
{
	return w->from <= t && t < w->until;
}

static const char *box_text(struct box b, struct arena *a)
{
	char addr[ADDR_TEXT_MAX], service[SERVICE_TEXT_MAX];

	return arena_printf(a, "%s %s", range_format(b.addr, addr), service_format(b.service, service));
}

static void fail(const struct question *q, struct example_result *res, uint32_t source, struct box b, int64_t t)
{
	struct verdict v = access_eval(q->x, source, b.addr.lo, b.service.lo, t);
	char when[CLOCK_TEXT_MAX];
	const char *reason = v.inactive ? ", as it is not active then" :
			     v.part != NULL ? arena_printf(q->a, ", by policy %s", v.part->policy) :
			     ", as no policy allows it";

	res->loc = q->c->decl->loc;
	res->policy = v.part != NULL ? v.part->policy : NULL;
	res->policy_loc = v.part != NULL ? v.part->loc : LOC_NONE;
	res->why = arena_printf(q->a, "%s %s %s at %s%s", source_text(q->r, source, q->a),
				q->allow ? "does not reach" : "reaches", box_text(b, q->a), clock_format(t, when),
				reason);
}

/* allow without a time: every point must be allowed at some moment. */
static bool ever_allowed(const struct question *q, uint32_t source, const int64_t *t, size_t nt, struct region asked,
			 struct example_result *res)
{
	struct region left = asked;

	for (size_t i = 0; i < nt && !region_is_empty(left); i++)
		if (active(&q->x->window[source], t[i]))
			left = region_subtract(q->a, left,
					       class_allowed_at(q->x, q->x->class_of[source], t[i], q->a));
	if (region_is_empty(left))
		return true;
	fail(q, res, source, region_first(left), q->now);
	return false;
}

static bool never_allowed(const struct question *q, uint32_t source, const int64_t *t, size_t nt,
			  struct region asked, struct example_result *res)
{
	for (size_t i = 0; i < nt; i++) {
		if (!active(&q->x->window[source], t[i]))
			continue;
		struct region hit = region_intersect(q->a, asked,
						     class_allowed_at(q->x, q->x->class_of[source], t[i], q->a));
		if (!region_is_empty(hit)) {
			fail(q, res, source, region_first(hit), t[i]);
			return false;
		}
	}
	return true;
}

static bool holds_for(const struct question *q, uint32_t source, struct example_result *res)
{
	struct region asked = asked_of(q, source);
	int64_t at = q->at, *t = &at;
	size_t nt = 1;

	if (q->at != CLOCK_EVER && q->allow) {
		struct answer ans = access_ask(q->x, source, asked, q->at, q->a);
		if (!ans.allow)
			fail(q, res, source, ans.box, q->at);
		return ans.allow;
	}
	if (q->at == CLOCK_EVER)
		nt = access_moments(q->x, &source, 1, q->now, q->a, &t);
	return q->allow ? ever_allowed(q, source, t, nt, asked, res) : never_allowed(q, source, t, nt, asked, res);
}

/* Sources of one class with one window get one answer (unless `self` tells them apart). */
static bool same_as_before(const struct access *x, const uint32_t *source, size_t i)
{
	for (size_t k = i; k-- > 0 && i - k <= 64;) {
		const struct access_window *a = &x->window[source[i]], *b = &x->window[source[k]];
		if (x->class_of[source[i]] == x->class_of[source[k]] && a->from == b->from && a->until == b->until)
			return true;
	}
	return false;
}

static bool case_holds(const struct question *q, const struct source_set *from, struct example_result *res)
{
	if (from->n == 0 || (q->c->nto == 0 && !q->c->to_self)) {
		res->loc = q->c->decl->loc;
		res->why = from->n == 0 ? "its from matches no device" : "its to matches no destination";
		return false;
	}
	for (size_t i = 0; i < from->n; i++)
		if ((q->c->to_self || !same_as_before(q->x, from->v, i)) && !holds_for(q, from->v[i], res))
			return false;
	return true;
}

void example_run(const struct access *x, const struct resolved *r, const struct r_test *t, int64_t now, struct arena *a,
		 struct example_result *res)
{
	*res = (struct example_result){ .name = t->decl->o.name, .loc = t->decl->o.loc, .policy_loc = LOC_NONE };
	for (size_t i = 0; i < t->nallow + t->ndeny; i++) {
		const struct question q = {
			.x = x, .r = r, .now = now, .at = t->decl->at, .a = a, .allow = i < t->nallow,
			.c = i < t->nallow ? &t->allow[i] : &t->deny[i - t->nallow],
		};
		if (!case_holds(&q, &t->from, res))
			return;
	}
}

size_t examples_run(const struct access *x, const struct resolved *r, int64_t now, struct arena *a,
		    struct example_result **out)
{
	*out = arena_array(a, r->ntests, struct example_result);
	for (size_t i = 0; i < r->ntests; i++)
		example_run(x, r, &r->test[i], now, a, &(*out)[i]);
	return r->ntests;
}
