/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world - random small policy trees, their YAML, and what they mean, read straight from the language's definition of
 * access.
 *
 * Nothing here knows classes, regions or resolved selectors: a question is answered by walking over what was written.
 */
#pragma once

#include <string.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/service.h"
#include "kinds.h"
#include "prop/prop.h"

enum { USERS = 4, DEVICES = 7, GROUPS = 3, SITES = 2, RESOURCES = 3, POLICIES = 8, TAGS = 3, PLANS = 2, LIST = 3 };

#define WORLD_NOW INT64_C(1800000000) /* a Friday of January 2027 */
#define WORLD_HOUR 3600
#define WORLD_DAY 86400
#define V4(a, b, c, d) (ADDR_V4_FIRST + ((u128)(a) << 24 | (u128)(b) << 16 | (u128)(c) << 8 | (u128)(d)))

struct w_dates {
	int64_t from, until;
};

struct w_selector {
	enum selector_kind kind;
	uint32_t index;
	u128 lo, hi; /* SEL_RANGE */
};

struct w_list {
	struct w_selector v[LIST];
	size_t n;
};

struct w_ports {
	uint32_t v[LIST]; /* into w_port */
	size_t n;         /* 0: not written */
};

struct world {
	struct {
		bool enabled;
		struct w_dates dates;
		uint32_t tags; /* bits */
		int plan;      /* -1: none */
	} user[USERS];
	struct w_list group[GROUPS]; /* a group names only groups before it */
	struct {
		bool there, enabled, revoked, network;
		int owner; /* -1: a server */
		struct w_dates dates;
		uint32_t tags;
	} device[DEVICES];
	struct {
		uint32_t site, lo, hi; /* 10.1.SITE.lo - hi */
		struct w_ports ports;
		uint32_t tags;
	} resource[RESOURCES];
	struct w_policy {
		char name[8];
		bool enabled, deny;
		struct w_list from, to;
		struct w_ports ports;
		int priority;
		bool when, hours;
		uint32_t days, start, stop; /* minutes */
		int offset;                 /* minutes east of UTC */
		struct w_dates dates;
	} policy[POLICIES];
	size_t npolicies;
};

static const struct w_port {
	const char *text;
	uint32_t proto, lo, hi;
} w_port[] = {
	{ "any", 256, 0, 65535 }, { "tcp", 6, 0, 65535 }, { "tcp/443", 6, 443, 443 }, { "tcp/80-90", 6, 80, 90 },
	{ "udp/53", 17, 53, 53 }, { "icmp", 257, 0, 65535 }, { "proto/47", 47, 0, 65535 }, { "udp", 17, 0, 65535 },
};

/* ---- making one ---- */

static inline struct w_dates world_dates(struct prng *p)
{
	struct w_dates d = { CLOCK_EVER, CLOCK_NEVER };

	if (prng_chance(p, 15))
		d.from = WORLD_NOW + ((int64_t)prng_below(p, 480) - 240) * WORLD_HOUR;
	if (prng_chance(p, 15))
		d.until = (d.from == CLOCK_EVER ? WORLD_NOW - 120 * WORLD_HOUR : d.from) +
			  (1 + prng_below(p, 360)) * WORLD_HOUR;
	return d;
}

static inline u128 device_addr(uint32_t i)
{
	return V4(10, 0, 0, 10 + i);
}

static inline u128 gateway_addr(uint32_t i)
{
	return V4(10, 0, 0, 200 + i);
}

static inline struct w_selector world_selector(struct prng *p, const enum selector_kind *kind, uint32_t nkinds,
					       uint32_t groups)
{
	static const uint32_t count[SEL_COUNT] = {
		[SEL_USER] = USERS, [SEL_DEVICE] = DEVICES, [SEL_TAG] = TAGS, [SEL_PLAN] = PLANS, [SEL_SITE] = SITES,
		[SEL_GATEWAY] = SITES, [SEL_RESOURCE] = RESOURCES, [SEL_SELF] = 1, [SEL_ANY] = 1, [SEL_INTERNET] = 1,
		[SEL_RANGE] = 1,
	};
	struct w_selector s = { .kind = kind[prng_below(p, nkinds)] };

	if (s.kind == SEL_GROUP && !groups)
		s.kind = SEL_USER;
	s.index = prng_below(p, s.kind == SEL_GROUP ? groups : count[s.kind]);
	if (s.kind == SEL_RANGE) {
		u128 base = prng_chance(p, 50) ? V4(10, 0, 0, 8) : V4(10, 1, prng_below(p, SITES), 0);
		s.lo = base + prng_below(p, 10);
		s.hi = s.lo + prng_below(p, 6);
	}
	return s;
}

static inline struct w_list world_list(struct prng *p, const enum selector_kind *kind, uint32_t nkinds, uint32_t groups)
{
	struct w_list l = { .n = 1 + prng_below(p, LIST) };

	for (size_t i = 0; i < l.n; i++)
		l.v[i] = world_selector(p, kind, nkinds, groups);
	return l;
}

static const enum selector_kind member_kinds[] = { SEL_USER, SEL_GROUP, SEL_DEVICE, SEL_TAG };
static const enum selector_kind from_kinds[] = {SEL_USER, SEL_USER, SEL_GROUP, SEL_GROUP,   SEL_DEVICE, SEL_TAG,
						SEL_PLAN, SEL_ANY,  SEL_SITE,  SEL_GATEWAY, SEL_RANGE};
static const enum selector_kind to_kinds[] = {SEL_RESOURCE, SEL_RESOURCE, SEL_TAG,  SEL_DEVICE,
					      SEL_USER,	    SEL_GROUP,	  SEL_SELF, SEL_SITE,
					      SEL_GATEWAY,  SEL_INTERNET, SEL_ANY,  SEL_RANGE};

static inline struct w_ports world_ports(struct prng *p)
{
	struct w_ports out = { .n = prng_chance(p, 50) ? 0 : 1 + prng_below(p, 2) };

	for (size_t i = 0; i < out.n; i++)
		out.v[i] = prng_below(p, ARRAY_SIZE(w_port));
	return out;
}

static inline void world_when(struct prng *p, struct w_policy *x)
{
	x->when = prng_chance(p, 35);
	x->hours = prng_chance(p, 70);
	x->days = prng_below(p, 128);
	x->start = prng_below(p, 48) * 30;
	do
		x->stop = (1 + prng_below(p, 48)) * 30;
	while (x->stop == x->start);
	x->offset = ((int)prng_below(p, 53) - 24) * 30;
}

static inline struct w_policy world_policy(struct prng *p, size_t i)
{
	struct w_policy x = { .enabled = !prng_chance(p, 8), .deny = prng_chance(p, 35) };

	snprintf(x.name, sizeof(x.name), "%c%c%u", (char)('a' + prng_below(p, 26)), (char)('a' + prng_below(p, 26)),
		 (unsigned int)i % 10);
	x.from = world_list(p, from_kinds, ARRAY_SIZE(from_kinds), GROUPS);
	x.to = world_list(p, to_kinds, ARRAY_SIZE(to_kinds), GROUPS);
	x.ports = world_ports(p);
	x.priority = (int)prng_below(p, 3) - 1;
	world_when(p, &x);
	x.dates = world_dates(p);
	return x;
}

static inline void world_make(struct world *w, struct prng *p)
{
	*w = (struct world){ .npolicies = 1 + prng_below(p, POLICIES) };
	for (uint32_t i = 0; i < USERS; i++) {
		w->user[i].enabled = !prng_chance(p, 8);
		w->user[i].dates = world_dates(p);
		w->user[i].tags = prng_chance(p, 40) ? prng_below(p, 1 << TAGS) : 0;
		w->user[i].plan = (int)prng_below(p, PLANS + 1) - 1;
	}
	for (uint32_t i = 0; i < GROUPS; i++)
		w->group[i] = world_list(p, member_kinds, ARRAY_SIZE(member_kinds), i);
	for (uint32_t i = 0; i < DEVICES; i++) {
		w->device[i].there = true;
		w->device[i].owner = (int)prng_below(p, USERS + 1) - 1;
		w->device[i].enabled = !prng_chance(p, 8);
		w->device[i].revoked = prng_chance(p, 8);
		w->device[i].network = prng_chance(p, 20);
		w->device[i].dates = world_dates(p);
		w->device[i].tags = prng_chance(p, 40) ? prng_below(p, 1 << TAGS) : 0;
		if (w->device[i].owner < 0)
			w->device[i].tags |= 1;
	}
	for (uint32_t i = 0; i < RESOURCES; i++) {
		w->resource[i].site = prng_below(p, SITES);
		w->resource[i].lo = prng_below(p, 10);
		w->resource[i].hi = w->resource[i].lo + prng_below(p, 4);
		w->resource[i].ports = world_ports(p);
		w->resource[i].tags = prng_chance(p, 40) ? prng_below(p, 1 << TAGS) : 0;
	}
	for (size_t i = 0; i < w->npolicies; i++)
		w->policy[i] = world_policy(p, i);
}

static inline bool list_names_device(const struct w_list *l, uint32_t device)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].kind == SEL_DEVICE && l->v[i].index == device)
			return true;
	return false;
}

static inline bool world_names_device(const struct world *w, uint32_t device)
{
	bool named = false;

	for (size_t i = 0; i < GROUPS; i++)
		named = named || list_names_device(&w->group[i], device);
	for (size_t i = 0; i < w->npolicies; i++)
		named = named || list_names_device(&w->policy[i].from, device) ||
			list_names_device(&w->policy[i].to, device);
	return named;
}

/* One small edit, as a pull request would make it. */
static inline void world_change(struct world *w, struct prng *p)
{
	struct w_policy *x = &w->policy[prng_below(p, (uint32_t)w->npolicies)];
	uint32_t d = prng_below(p, DEVICES), u = prng_below(p, USERS), g = prng_below(p, GROUPS);

	switch (prng_below(p, 16)) {
	case 0: x->priority = (int)prng_below(p, 3) - 1; break;
	case 1: x->deny = !x->deny; break;
	case 2: x->enabled = !x->enabled; break;
	case 3: x->ports = world_ports(p); break;
	case 4: world_when(p, x); break;
	case 5: x->dates = world_dates(p); break;
	case 6: x->to = world_list(p, to_kinds, ARRAY_SIZE(to_kinds), GROUPS); break;
	case 7: x->from = world_list(p, from_kinds, ARRAY_SIZE(from_kinds), GROUPS); break;
	case 8: w->group[g] = world_list(p, member_kinds, ARRAY_SIZE(member_kinds), g); break;
	case 9: w->device[d].enabled = !w->device[d].enabled; break;
	case 10: w->device[d].revoked = !w->device[d].revoked; break;
	case 11: w->device[d].dates = world_dates(p); break;
	case 12: w->user[u].dates = world_dates(p); break;
	case 13: w->user[u].tags ^= 1u << prng_below(p, TAGS); break;
	case 14: w->resource[prng_below(p, RESOURCES)].ports = world_ports(p); break;
	default: w->device[d].there = world_names_device(w, d) || !w->device[d].there; break;
	}
	/* A device may have been left out before it was named. */
	for (uint32_t i = 0; i < DEVICES; i++)
		w->device[i].there = w->device[i].there || world_names_device(w, i);
}

/* ---- writing it ---- */

static inline void write_tags(struct buf *b, uint32_t tags)
{
	const char *comma = "";

	if (!tags)
		return;
	buf_adds(b, "tags: [");
	for (uint32_t i = 0; i < TAGS; i++)
		if (tags & 1u << i) {
			buf_addf(b, "%st%u", comma, i);
			comma = ", ";
		}
	buf_adds(b, "]\n");
}

static inline void write_dates(struct buf *b, struct w_dates d)
{
	char text[CLOCK_TEXT_MAX];

	if (d.from != CLOCK_EVER)
		buf_addf(b, "not_before: %s\n", clock_format(d.from, text));
	if (d.until != CLOCK_NEVER)
		buf_addf(b, "expires: %s\n", clock_format(d.until, text));
}

static inline void write_ports(struct buf *b, const struct w_ports *v)
{
	if (!v->n)
		return;
	buf_adds(b, "ports: [");
	for (size_t i = 0; i < v->n; i++)
		buf_addf(b, "%s%s", i ? ", " : "", w_port[v->v[i]].text);
	buf_adds(b, "]\n");
}

static inline void write_selector(struct buf *b, const struct w_selector *s)
{
	static const char *const word[SEL_COUNT] = {
		[SEL_USER] = "user:u",	      [SEL_GROUP] = "group:g",
		[SEL_DEVICE] = "device:d",    [SEL_TAG] = "tag:t",
		[SEL_PLAN] = "plan:pl",	      [SEL_SITE] = "site:s",
		[SEL_GATEWAY] = "gateway:gw", [SEL_RESOURCE] = "resource:r",
		[SEL_SELF] = "self",	      [SEL_ANY] = "any",
		[SEL_INTERNET] = "internet",
	};
	char text[ADDR_TEXT_MAX];

	if (s->kind == SEL_RANGE)
		buf_adds(b, range_format((struct range){ s->lo, s->hi }, text));
	else if (s->kind == SEL_SELF || s->kind == SEL_ANY || s->kind == SEL_INTERNET)
		buf_adds(b, word[s->kind]);
	else
		buf_addf(b, "%s%u", word[s->kind], s->index);
}

static inline void write_list(struct buf *b, const char *field, const struct w_list *l)
{
	buf_addf(b, "%s: [", field);
	for (size_t i = 0; i < l->n; i++) {
		buf_adds(b, i ? ", " : "");
		write_selector(b, &l->v[i]);
	}
	buf_adds(b, "]\n");
}

/* 44 characters of canonical base64 that differ by the two numbers; none is a point of low order. */
static inline void write_key(struct buf *b, uint32_t kind, uint32_t i)
{
	buf_addf(b, "public_key: yettproptestkey%c%c%023dAAA=\n", (char)('A' + kind), (char)('A' + i), 0);
}

static inline void write_policy(struct buf *b, const struct w_policy *x)
{
	static const char *const day[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	buf_addf(b, "---\nkind: Policy\nname: %s\naction: %s\npriority: %d\nenabled: %s\n", x->name,
		 x->deny ? "deny" : "allow", x->priority, x->enabled ? "true" : "false");
	write_list(b, "from", &x->from);
	write_list(b, "to", &x->to);
	write_ports(b, &x->ports);
	write_dates(b, x->dates);
	if (!x->when)
		return;
	buf_addf(b, "when:\n  timezone: \"%c%02d:%02d\"\n", x->offset < 0 ? '-' : '+', abs(x->offset) / 60,
		 abs(x->offset) % 60);
	if (x->hours)
		buf_addf(b, "  hours: \"%02u:%02u-%02u:%02u\"\n", x->start / 60, x->start % 60, x->stop / 60,
			 x->stop % 60);
	for (uint32_t i = 0, n = 0; x->days && i < 7; i++)
		if (x->days & 1u << i)
			buf_addf(b, "%s%s%s", n++ ? ", " : "  days: [", day[i], x->days >> (i + 1) ? "" : "]\n");
}

static inline void world_yaml(const struct world *w, struct buf *b)
{
	buf_adds(b, "kind: Network\nname: net\npools: [10.0.0.0/24]\n");
	for (uint32_t i = 0; i < SITES; i++) {
		buf_addf(b, "---\nkind: Site\nname: s%u\nnetworks: [10.1.%u.0/24]\nexit: %s\n", i, i,
			 i ? "false" : "true");
		buf_addf(b,
			 "---\nkind: Gateway\nname: gw%u\nsite: s%u\nendpoint: 192.0.2.%u:51820\naddresses: "
			 "[10.0.0.%u]\n",
			 i, i, i + 1, 200 + i);
		write_key(b, 0, i);
	}
	for (uint32_t i = 0; i < PLANS; i++)
		buf_addf(b, "---\nkind: Plan\nname: pl%u\n", i);
	for (uint32_t i = 0; i < USERS; i++) {
		buf_addf(b, "---\nkind: User\nname: u%u\nenabled: %s\n", i, w->user[i].enabled ? "true" : "false");
		if (w->user[i].plan >= 0)
			buf_addf(b, "plan: pl%d\n", w->user[i].plan);
		write_tags(b, w->user[i].tags);
		write_dates(b, w->user[i].dates);
	}
	for (uint32_t i = 0; i < GROUPS; i++) {
		buf_addf(b, "---\nkind: Group\nname: g%u\n", i);
		write_list(b, "members", &w->group[i]);
	}
	for (uint32_t i = 0; i < DEVICES; i++) {
		if (!w->device[i].there)
			continue;
		buf_addf(b, "---\nkind: Device\nname: d%u\naddresses: [10.0.0.%u]\nenabled: %s\nrevoked: %s\n", i,
			 10 + i, w->device[i].enabled ? "true" : "false", w->device[i].revoked ? "true" : "false");
		if (w->device[i].owner >= 0)
			buf_addf(b, "owner: u%d\n", w->device[i].owner);
		if (w->device[i].network)
			buf_addf(b, "networks: [172.16.%u.0/24]\n", i);
		write_key(b, 1, i);
		write_tags(b, w->device[i].tags);
		write_dates(b, w->device[i].dates);
	}
	for (uint32_t i = 0; i < RESOURCES; i++) {
		buf_addf(b, "---\nkind: Resource\nname: r%u\naddresses: [10.1.%u.%u", i, w->resource[i].site,
			 w->resource[i].lo);
		if (w->resource[i].hi > w->resource[i].lo)
			buf_addf(b, "-10.1.%u.%u", w->resource[i].site, w->resource[i].hi);
		buf_adds(b, "]\n");
		write_ports(b, &w->resource[i].ports);
		write_tags(b, w->resource[i].tags);
	}
	for (size_t i = 0; i < w->npolicies; i++)
		write_policy(b, &w->policy[i]);
}

/* ---- what it means ---- */

struct w_source {
	enum selector_kind kind; /* SEL_DEVICE, SEL_SITE, SEL_GATEWAY */
	uint32_t index;
};

struct w_question {
	struct w_source source;
	u128 addr;
	uint32_t proto, port;
	int64_t t;
};

struct w_verdict {
	bool allow, inactive;
	const char *policy;
};

static inline bool dates_hold(struct w_dates d, int64_t t)
{
	return d.from <= t && t < d.until;
}

static inline bool is_active(const struct world *w, struct w_source s, int64_t t)
{
	if (s.kind != SEL_DEVICE)
		return true;
	int owner = w->device[s.index].owner;

	if (w->device[s.index].revoked || !w->device[s.index].enabled || !dates_hold(w->device[s.index].dates, t))
		return false;
	return owner < 0 || (w->user[owner].enabled && dates_hold(w->user[owner].dates, t));
}

static inline bool owner_has_tag(const struct world *w, uint32_t device, uint32_t tag)
{
	int owner = w->device[device].owner;

	return owner >= 0 && w->user[owner].tags & 1u << tag;
}

static inline bool in_group(const struct world *w, uint32_t group, uint32_t device)
{
	const struct w_list *l = &w->group[group];

	for (size_t i = 0; i < l->n; i++) {
		const struct w_selector *s = &l->v[i];
		if ((s->kind == SEL_USER && w->device[device].owner == (int)s->index) ||
		    (s->kind == SEL_DEVICE && s->index == device) ||
		    (s->kind == SEL_TAG &&
		     (w->device[device].tags & 1u << s->index || owner_has_tag(w, device, s->index))) ||
		    (s->kind == SEL_GROUP && in_group(w, s->index, device)))
			return true;
	}
	return false;
}

static inline bool from_matches(const struct world *w, const struct w_selector *s, struct w_source src)
{
	if (src.kind != SEL_DEVICE)
		return s->kind == src.kind && s->index == src.index;
	uint32_t d = src.index;

	switch (s->kind) {
	case SEL_USER: return w->device[d].owner == (int)s->index;
	case SEL_GROUP: return in_group(w, s->index, d);
	case SEL_DEVICE: return s->index == d;
	case SEL_TAG: return w->device[d].tags & 1u << s->index || owner_has_tag(w, d, s->index);
	case SEL_PLAN: return w->device[d].owner >= 0 && w->user[w->device[d].owner].plan == (int)s->index;
	case SEL_ANY: return true;
	case SEL_RANGE: return s->lo <= device_addr(d) && device_addr(d) <= s->hi;
	case SEL_SITE:
	case SEL_GATEWAY:
	case SEL_RESOURCE:
	case SEL_SELF:
	case SEL_INTERNET:
	case SEL_COUNT: break;
	}
	return false;
}

static inline bool is_device_addr(const struct world *w, uint32_t d, u128 addr)
{
	if (!w->device[d].there || w->device[d].revoked)
		return false;
	return addr == device_addr(d) ||
	       (w->device[d].network && addr >= V4(172, 16, d, 0) && addr <= V4(172, 16, d, 255));
}

static inline bool port_matches(const struct w_ports *v, uint32_t proto, uint32_t port)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct w_port *x = &w_port[v->v[i]];
		bool right = x->proto == 256 || x->proto == proto || (x->proto == 257 && (proto == 1 || proto == 58));
		if (right && x->lo <= port && port <= x->hi)
			return true;
	}
	return v->n == 0;
}

static inline bool resource_matches(const struct world *w, uint32_t i, const struct w_question *q)
{
	return q->addr >= V4(10, 1, w->resource[i].site, w->resource[i].lo) &&
	       q->addr <= V4(10, 1, w->resource[i].site, w->resource[i].hi) &&
	       port_matches(&w->resource[i].ports, q->proto, q->port);
}

/* The questions only ask for these public addresses. */
#define PUBLIC_V4 V4(8, 8, 8, 8)
#define PUBLIC_V6 ((u128)0x2600 << 112 | 1)

static inline bool to_matches(const struct world *w, const struct w_selector *s, const struct w_question *q)
{
	for (uint32_t d = 0; d < DEVICES; d++) {
		bool self = q->source.kind == SEL_DEVICE && d != q->source.index && w->device[d].owner >= 0 &&
			    w->device[d].owner == w->device[q->source.index].owner;
		bool named = (s->kind == SEL_DEVICE && s->index == d) ||
			     (s->kind == SEL_USER && w->device[d].owner == (int)s->index) ||
			     (s->kind == SEL_GROUP && in_group(w, s->index, d)) ||
			     (s->kind == SEL_TAG && w->device[d].tags & 1u << s->index) ||
			     (s->kind == SEL_SELF && self);
		if (named && is_device_addr(w, d, q->addr))
			return true;
	}
	for (uint32_t i = 0; i < RESOURCES; i++)
		if (((s->kind == SEL_RESOURCE && s->index == i) ||
		     (s->kind == SEL_TAG && w->resource[i].tags & 1u << s->index)) &&
		    resource_matches(w, i, q))
			return true;
	return s->kind == SEL_ANY || (s->kind == SEL_RANGE && s->lo <= q->addr && q->addr <= s->hi) ||
	       (s->kind == SEL_INTERNET && (q->addr == PUBLIC_V4 || q->addr == PUBLIC_V6)) ||
	       (s->kind == SEL_GATEWAY && q->addr == gateway_addr(s->index)) ||
	       (s->kind == SEL_SITE && q->addr >= V4(10, 1, s->index, 0) && q->addr <= V4(10, 1, s->index, 255));
}

/* On the clock and calendar of the policy's own time zone; 1970-01-01 was a Thursday. */
static inline bool when_holds(const struct w_policy *x, int64_t t)
{
	if (!x->when)
		return true;
	int64_t local = t + x->offset * 60;
	uint32_t day = (uint32_t)((local / WORLD_DAY + 3) % 7), minute = (uint32_t)(local % WORLD_DAY / 60);
	uint32_t days = x->days ? x->days : 127;
	bool today = days & 1u << day, yesterday = days & 1u << (day + 6) % 7;

	if (!x->hours)
		return today;
	if (x->start < x->stop)
		return today && x->start <= minute && minute < x->stop;
	return (today && minute >= x->start) || (yesterday && minute < x->stop);
}

static inline bool policy_matches(const struct world *w, const struct w_policy *x, const struct w_question *q)
{
	bool from = false, to = false;

	for (size_t i = 0; i < x->from.n; i++)
		from = from || from_matches(w, &x->from.v[i], q->source);
	for (size_t i = 0; i < x->to.n; i++)
		to = to || to_matches(w, &x->to.v[i], q);
	return x->enabled && from && to && port_matches(&x->ports, q->proto, q->port);
}

/* Steps 1 to 4. */
static inline struct w_verdict world_access(const struct world *w, const struct w_question *q)
{
	const struct w_policy *best = NULL;

	if (!is_active(w, q->source, q->t))
		return (struct w_verdict){ .inactive = true };
	for (size_t i = 0; i < w->npolicies; i++) {
		const struct w_policy *x = &w->policy[i];
		if (!policy_matches(w, x, q) || !dates_hold(x->dates, q->t) || !when_holds(x, q->t))
			continue;
		if (!best || x->priority > best->priority ||
		    (x->priority == best->priority && x->deny && !best->deny) ||
		    (x->priority == best->priority && x->deny == best->deny && strcmp(x->name, best->name) < 0))
			best = x;
	}
	return best ? (struct w_verdict){ !best->deny, false, best->name } : (struct w_verdict){ .allow = false };
}

/* ---- questions ---- */

static inline struct w_source world_source(const struct world *w, struct prng *p)
{
	static const enum selector_kind kind[] = {SEL_DEVICE, SEL_DEVICE, SEL_DEVICE,
						  SEL_DEVICE, SEL_SITE,	  SEL_GATEWAY};
	struct w_source s = { kind[prng_below(p, ARRAY_SIZE(kind))], 0 };

	s.index = prng_below(p, s.kind == SEL_DEVICE ? DEVICES : SITES);
	while (s.kind == SEL_DEVICE && !w->device[s.index].there)
		s.index = (s.index + 1) % DEVICES;
	return s;
}

static inline u128 world_addr(struct prng *p)
{
	switch (prng_below(p, 8)) {
	case 0: return prng_chance(p, 50) ? PUBLIC_V4 : PUBLIC_V6;
	case 1: return V4(172, 16, prng_below(p, DEVICES), prng_below(p, 256));
	case 2: return gateway_addr(prng_below(p, SITES));
	case 3:
	case 4: return V4(10, 0, 0, 8 + prng_below(p, 12));
	default: return V4(10, 1, prng_below(p, SITES), prng_below(p, 16));
	}
}

static inline void world_service(struct prng *p, uint32_t *proto, uint32_t *port)
{
	static const struct {
		uint32_t proto, port;
	} some[] = {
		{ 6, 443 }, { 6, 80 }, { 6, 90 }, { 6, 91 }, { 6, 79 }, { 6, 0 }, { 17, 53 }, { 17, 54 }, { 17, 65535 },
		{ 1, 0 }, { 58, 0 }, { 47, 0 }, { 0, 0 }, { 255, 65535 },
	};
	uint32_t i = prng_below(p, ARRAY_SIZE(some));

	*proto = some[i].proto;
	*port = some[i].port;
}

/* Around now; often at an edge, a second before or after it. */
static inline int64_t world_time(struct prng *p)
{
	int64_t t = WORLD_NOW + ((int64_t)prng_below(p, 1200) - 500) * WORLD_HOUR / 2;

	return t + (int64_t)prng_below(p, 3) - 1;
}

static inline struct w_question world_question(const struct world *w, struct prng *p)
{
	struct w_question q = { .source = world_source(w, p), .addr = world_addr(p), .t = world_time(p) };

	world_service(p, &q.proto, &q.port);
	return q;
}
