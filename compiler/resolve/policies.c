/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and tests: selectors to sets of sources and lists of destinations, ports to sorted intervals. */
#include "resolve/resolver.h"

static int service_order(const void *pa, const void *pb)
{
	const struct service *a = pa, *b = pb;
	return a->lo != b->lo ? (a->lo < b->lo ? -1 : 1) : a->hi < b->hi ? -1 : a->hi > b->hi;
}

const struct service *ports_merge(struct arena *a, const port_list *ports, size_t *n)
{
	*n = 0;
	if (!ports->n)
		return NULL;
	struct service *v = arena_array(a, 2 * ports->n, struct service);
	size_t count = 0, last = 0;
	for (size_t i = 0; i < ports->n; i++)
		for (size_t j = 0; j < ports->v[i].n; j++)
			v[count++] = ports->v[i].s[j];
	qsort(v, count, sizeof(*v), service_order);
	for (size_t i = 1; i < count; i++) {
		if (v[i].lo > v[last].hi + 1)
			v[++last] = v[i];
		else if (v[i].hi > v[last].hi)
			v[last].hi = v[i].hi;
	}
	if (v[0].lo == 0 && v[0].hi == SERVICE_LAST)
		return NULL;
	*n = last + 1;
	return v;
}

struct service *resolver_ports(struct resolver *s, const port_list *ports, size_t *n)
{
	*n = 0;
	if (!ports->n)
		return NULL;
	struct service *v = (struct service *)ports_merge(s->a, ports, n);
	if (!v) { /* "any", said */
		v = arena_new(s->a, struct service);
		*v = (struct service){ 0, SERVICE_LAST };
		*n = 1;
	}
	return v;
}

static void warn_empty(struct resolver *s, const struct selector *sel, struct loc loc, const char *why)
{
	if (s->hush)
		return;
	diag_add(s->d, "W_EMPTY_SELECTOR", loc, "%s matches nothing%s", selector_text(sel, s->a), why);
}

/* Whether what was left out for its mistakes could explain that a selector matches nothing. */
static bool may_be_hollow(const struct resolver *s, enum selector_kind kind)
{
	return s->incomplete && kind != SEL_SITE && kind != SEL_RESOURCE && kind != SEL_GATEWAY;
}

static const char *empty_reason(const struct selector *sel, uint32_t index, enum side side)
{
	if (sel->kind == SEL_TAG && index == NONE)
		return side == SIDE_FROM ? ": no device or user carries this tag" :
					   ": no resource or device carries this tag";
	if (sel->kind == SEL_SITE)
		return ": this site has no networks";
	return "";
}

bool resolver_from(struct resolver *s, const selector_list *l, struct source_set *out)
{
	bool good = true;
	for (size_t i = 0; i < l->n; i++) {
		uint32_t index;
		if (!resolver_selector(s, &l->v[i], l->loc[i], SIDE_FROM, &index))
			good = false;
		else if (!selector_sources(s->r, &l->v[i], index, &s->set) && !may_be_hollow(s, l->v[i].kind))
			warn_empty(s, &l->v[i], l->loc[i], empty_reason(&l->v[i], index, SIDE_FROM));
	}
	*out = set_take(&s->set, s->a);
	return good;
}

/* One group or tag alone is shared with all who name it. */
static void freeze_dests(struct resolver *s, const selector_list *l, uint32_t index, const struct dests *d,
			 struct to_side *out)
{
	const struct dest_list *shared = NULL;
	if (l->n == 1 && index != NONE && l->v[0].kind == SEL_GROUP)
		shared = &s->cache.group[index];
	else if (l->n == 1 && index != NONE && l->v[0].kind == SEL_TAG)
		shared = &s->cache.tag[index];
	if (shared && shared->ready)
		out->v = shared->v;
	else
		out->v = d->n ? vec_freeze(d, s->a) : NULL;
	out->n = d->n;
}

bool resolver_to(struct resolver *s, const selector_list *l, const struct source_set *from, bool from_good,
		 struct to_side *out)
{
	struct dests d = VEC_INIT;
	bool good = true;
	uint32_t index = NONE;
	*out = (struct to_side){ .self = false };
	for (size_t i = 0; i < l->n; i++) {
		const struct selector *sel = &l->v[i];
		if (!resolver_selector(s, sel, l->loc[i], SIDE_TO, &index)) {
			good = false;
			continue;
		}
		bool matched = selector_dests(s->r, s->a, sel, index, &s->cache, &d);
		if (sel->kind == SEL_SELF) {
			out->self = true;
			matched = !from_good || !from->n || sources_have_fellows(s->r, from);
		}
		if (!matched && !may_be_hollow(s, sel->kind))
			warn_empty(s, sel, l->loc[i], sel->kind == SEL_SELF ? ": no source's owner has another device" :
									      empty_reason(sel, index, SIDE_TO));
	}
	freeze_dests(s, l, index, &d, out);
	vec_release(&d);
	return good;
}

static void check_dates(struct resolver *s, const struct policy *p)
{
	if (p->expires > p->not_before)
		return;
	char from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
	diag_add(s->d, "W_NEVER", object_loc(&p->o, "expires"),
		 "policy \"%s\" never holds: it expires at %s and begins at %s", p->o.name,
		 clock_format(p->expires, until), clock_format(p->not_before, from));
}

static bool settle_policy(struct resolver *s, const struct policy *p, struct r_policy *out)
{
	struct to_side to;
	*out = (struct r_policy){ .decl = p };
	bool from = resolver_from(s, &p->from, &out->from);
	bool good = resolver_to(s, &p->to, &out->from, from, &to) && from;
	check_dates(s, p);
	out->to = to.v;
	out->nto = to.n;
	out->to_self = to.self;
	out->port = (struct service *)ports_merge(s->a, &p->ports, &out->nports);
	if (!out->port) {
		out->port = arena_new(s->a, struct service);
		*out->port = (struct service){ 0, SERVICE_LAST };
		out->nports = 1;
	}
	return good && p->enabled;
}

void resolver_policies(struct resolver *s)
{
	struct resolved *r = s->r;
	size_t n = s->m->n[KIND_POLICY];
	r->policy = arena_array(s->a, n, struct r_policy);
	for (size_t i = 0; i < n; i++)
		if (settle_policy(s, (const struct policy *)s->m->object[KIND_POLICY][i], &r->policy[r->npolicies]))
			r->npolicies++;
}

static bool settle_cases(struct resolver *s, const test_case_list *l, const struct source_set *from, bool from_good,
			 struct r_case **out, size_t *n)
{
	bool good = true;
	*out = arena_array(s->a, l->n, struct r_case);
	*n = l->n;
	for (size_t i = 0; i < l->n; i++) {
		struct r_case *c = &(*out)[i];
		struct to_side to;
		good &= resolver_to(s, &l->v[i].to, from, from_good, &to);
		*c = (struct r_case){ .decl = &l->v[i], .to = to.v, .nto = to.n, .to_self = to.self };
		c->port = resolver_ports(s, &l->v[i].ports, &c->nports);
	}
	return good;
}

void resolver_tests(struct resolver *s)
{
	struct resolved *r = s->r;
	size_t n = s->m->n[KIND_TEST];
	r->test = arena_array(s->a, n, struct r_test);
	for (size_t i = 0; i < n; i++) {
		const struct test *t = (const struct test *)s->m->object[KIND_TEST][i];
		struct r_test *out = &r->test[r->ntests];
		*out = (struct r_test){ .decl = t };
		bool from = resolver_from(s, &t->from, &out->from);
		bool allow = settle_cases(s, &t->allow, &out->from, from, &out->allow, &out->nallow);
		bool deny = settle_cases(s, &t->deny, &out->from, from, &out->deny, &out->ndeny);
		if (from && allow && deny)
			r->ntests++;
	}
}
