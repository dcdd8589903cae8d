/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/rules.h"

#include <string.h>

#include "base/bug.h"

#define DAY_SECONDS 86400u
#define EVERY_DAY 0x7fu
#define ITEMS_MAX 12
#define LOG_RATE 10
#define LOG_BURST 20
#define PROTO_TCP 6
#define PROTO_UDP 17
#define L3_IPV4 2  /* NFPROTO_IPV4 */
#define L3_IPV6 10 /* NFPROTO_IPV6 */

struct nft_item item_name(enum nft_item_kind kind, const char *name)
{
	return (struct nft_item){ .kind = kind, .name = name };
}

struct nft_item item_plain(enum nft_item_kind kind)
{
	return (struct nft_item){ .kind = kind };
}

struct nft_item item_match(enum nft_field field, enum nft_op op, u128 lo, u128 hi)
{
	return (struct nft_item){ .kind = NFT_MATCH, .field = field, .op = op, .lo = lo, .hi = hi };
}

void rules_release(struct rule_list *l)
{
	vec_release(l);
}

static void rules_push(struct rule_list *l, struct arena *items, bool kept, const struct nft_item *item, size_t n,
		       const char *comment)
{
	struct draft_rule d = {
		.rule = { .item = arena_dup(items, item, n * sizeof(*item)), .nitems = n, .comment = comment },
		.kept = kept,
	};

	vec_push(l, d);
}

void rules_add(struct rule_list *l, struct arena *items, const struct nft_item *item, size_t n, const char *comment)
{
	rules_push(l, items, false, item, n, comment);
}

/* Seconds of the UTC day, hi inclusive, on the days (bit 0 Monday). */
struct day_piece {
	uint32_t lo, hi, days;
};

static size_t piece_add(struct day_piece *v, size_t n, uint32_t day, uint32_t lo, uint32_t hi)
{
	size_t i = 0;

	while (i < n && (v[i].lo < lo || (v[i].lo == lo && v[i].hi < hi)))
		i++;
	if (i < n && v[i].lo == lo && v[i].hi == hi) {
		v[i].days |= 1u << day;
		return n;
	}
	memmove(&v[i + 1], &v[i], (n - i) * sizeof(*v));
	v[i] = (struct day_piece){ lo, hi, 1u << day };
	return n + 1;
}

static size_t week_pieces(const struct cond *c, struct day_piece v[static COND_FORMS_MAX])
{
	size_t n = 0;

	for (uint32_t i = 0; i < c->nweek; i++) {
		for (uint32_t at = c->week[i].from; at < c->week[i].until;) {
			uint32_t day = at / DAY_SECONDS, end = (day + 1) * DAY_SECONDS;
			if (end > c->week[i].until)
				end = c->week[i].until;
			n = piece_add(v, n, day, at - day * DAY_SECONDS, end - 1 - day * DAY_SECONDS);
			at = end;
		}
	}
	return n;
}

static void form_add(struct cond_form *f, struct nft_item item)
{
	f->item[f->n++] = item;
}

size_t cond_forms(const struct cond *c, struct cond_form out[static COND_FORMS_MAX])
{
	struct day_piece piece[COND_FORMS_MAX];
	struct cond_form dates = { .n = 0 };
	size_t npieces = week_pieces(c, piece), n = 0;

	if (c->not_before != CLOCK_EVER)
		form_add(&dates, item_match(NFT_TIME, NFT_GE, (u128)(c->not_before < 0 ? 0 : c->not_before), 0));
	if (c->expires != CLOCK_NEVER)
		form_add(&dates, item_match(NFT_TIME, NFT_LT, (u128)(c->expires < 0 ? 0 : c->expires), 0));
	if (npieces == 0)
		out[n++] = dates;
	for (size_t i = 0; i < npieces; i++) {
		for (uint32_t day = 0; day < 7; day++) {
			struct cond_form f = dates;
			if (!(piece[i].days & 1u << day) || (piece[i].days == EVERY_DAY && day > 0))
				continue;
			if (piece[i].days != EVERY_DAY) /* the kernel counts from Sunday */
				form_add(&f, item_match(NFT_DAY, NFT_EQ, (day + 1) % 7, 0));
			if (piece[i].lo != 0 || piece[i].hi != DAY_SECONDS - 1)
				form_add(&f, item_match(NFT_HOUR, NFT_RANGE, piece[i].lo, piece[i].hi));
			out[n++] = f;
		}
	}
	return n;
}

/* Services of whole protocols, or ports of one. */
struct proto_piece {
	uint32_t proto_lo, proto_hi;
	uint32_t port_lo, port_hi;
	bool any, ports;
};

#define PROTO_PIECES_MAX 3 /* the end of one protocol, whole ones, the beginning of another */

static size_t proto_pieces(struct service s, struct proto_piece out[static PROTO_PIECES_MAX])
{
	size_t n = 0;

	if (s.lo == 0 && s.hi == SERVICE_LAST) {
		out[n++] = (struct proto_piece){ .proto_hi = 255, .port_hi = 65535, .any = true };
		return n;
	}
	for (uint64_t at = s.lo; at <= s.hi;) {
		uint32_t proto = SERVICE_PROTO((uint32_t)at), end = SERVICE(proto, 65535);
		if (SERVICE_PORT((uint32_t)at) == 0 && end <= s.hi) { /* whole protocols from here */
			uint32_t last = SERVICE_PORT(s.hi) == 65535 ? SERVICE_PROTO(s.hi) : SERVICE_PROTO(s.hi) - 1;
			out[n++] = (struct proto_piece){ proto, last, 0, 65535, false, false };
			at = (uint64_t)SERVICE(last, 65535) + 1;
			continue;
		}
		if (end > s.hi)
			end = s.hi;
		out[n++] = (struct proto_piece){ proto, proto, SERVICE_PORT((uint32_t)at), SERVICE_PORT(end),
						 false, true };
		at = (uint64_t)end + 1;
	}
	return n;
}

/* The addresses of one family, in the family's own part of the axis. */
struct family_set {
	struct range *v;
	size_t n;
	bool whole;
};

static bool is_v4_block(struct range r)
{
	return r.lo <= ADDR_V4_FIRST && r.hi >= ADDR_V4_LAST;
}

static void family_add(struct family_set *f, u128 lo, u128 hi)
{
	if (lo <= hi)
		f->v[f->n++] = (struct range){ lo, hi };
}

static void split_families(struct arena *scratch, struct range_set s, struct family_set *v4, struct family_set *v6)
{
	*v4 = (struct family_set){ .v = arena_array(scratch, s.n + 1, struct range) };
	*v6 = (struct family_set){ .v = arena_array(scratch, s.n + 2, struct range) };
	for (size_t i = 0; i < s.n; i++) {
		struct range r = s.v[i];
		v4->whole |= is_v4_block(r);
		if (r.lo < ADDR_V4_FIRST)
			family_add(v6, r.lo, r.hi < ADDR_V4_FIRST ? r.hi : ADDR_V4_FIRST - 1);
		if (r.lo <= ADDR_V4_LAST && r.hi >= ADDR_V4_FIRST)
			family_add(v4, r.lo > ADDR_V4_FIRST ? r.lo : ADDR_V4_FIRST,
				   r.hi < ADDR_V4_LAST ? r.hi : ADDR_V4_LAST);
		if (r.hi > ADDR_V4_LAST)
			family_add(v6, r.lo > ADDR_V4_LAST ? r.lo : ADDR_V4_LAST + 1, r.hi);
	}
	v6->whole = v6->n == 2 && v6->v[0].lo == 0 && v6->v[0].hi == ADDR_V4_FIRST - 1 &&
		    v6->v[1].lo == ADDR_V4_LAST + 1 && v6->v[1].hi == ADDR_LAST;
}

/* One way to match addresses: nothing at all, a family, a range or a set. */
struct addr_form {
	bool any, family_only, v6;
	struct range range;
	const char *set; /* NULL: range */
};

/* What a rendering works with. */
struct render {
	struct rule_list *out;
	struct table *table; /* NULL: only count */
	const struct rule_verdict *verdict;
	struct cond_form form[COND_FORMS_MAX];
	size_t nforms, count;
	struct arena *items;
	struct arena scratch;
	bool kept;
	VEC(struct addr_form) addr; /* of the slab at hand */
	VEC(struct nft_elem) box4, box6;
};

static const char *address_set(struct render *c, const struct family_set *f, bool v6)
{
	if (c->table == NULL)
		return "";
	struct nft_elem *e = arena_array(&c->scratch, f->n, struct nft_elem);
	for (size_t i = 0; i < f->n; i++)
		e[i] = (struct nft_elem){ .lo = f->v[i].lo, .hi = f->v[i].hi };
	return table_set(c->table, 'a', v6 ? NFT_SET_ADDR6 : NFT_SET_ADDR4, e, f->n);
}

static void family_forms(struct render *c, const struct family_set *f, bool v6)
{
	struct addr_form form = { .v6 = v6, .family_only = f->whole };

	if (f->n == 0)
		return;
	if (!f->whole && f->n <= RULES_RANGES_MAX) {
		for (size_t i = 0; i < f->n; i++) {
			form.range = f->v[i];
			vec_push(&c->addr, form);
		}
		return;
	}
	if (!f->whole)
		form.set = address_set(c, f, v6);
	vec_push(&c->addr, form);
}

static void addr_forms(struct render *c, struct range_set s)
{
	struct family_set v4, v6;
	struct addr_form any = { .any = true };

	c->addr.n = 0;
	if (s.n == 1 && s.v[0].lo == 0 && s.v[0].hi == ADDR_LAST) {
		vec_push(&c->addr, any);
		return;
	}
	split_families(&c->scratch, s, &v4, &v6);
	family_forms(c, &v4, false);
	family_forms(c, &v6, true);
}

static struct nft_item addr_match(const struct addr_form *f)
{
	struct prefix p;
	struct nft_item m = item_match(NFT_CT_DADDR, NFT_RANGE, f->range.lo, f->range.hi);

	m.v6 = f->v6;
	if (f->set != NULL) {
		m.op = NFT_IN_SET;
		m.lo = m.hi = 0;
		m.name = f->set;
	} else if (m.lo == m.hi) {
		m.op = NFT_EQ;
	} else if (range_is_prefix(f->range, &p)) {
		m.op = NFT_PREFIX;
	}
	return m;
}

/* The matches as one rule for each form of the condition; a logging rule before each verdict. */
static void emit_forms(struct render *c, const struct nft_item *match, size_t n)
{
	const struct rule_verdict *v = c->verdict;

	c->count += c->nforms * (v->log_prefix != NULL ? 2 : 1);
	if (c->table == NULL)
		return;
	for (size_t i = 0; i < c->nforms; i++) {
		struct nft_item item[ITEMS_MAX];
		size_t k = 0;
		for (size_t j = 0; j < n; j++)
			item[k++] = match[j];
		for (size_t j = 0; j < c->form[i].n; j++)
			item[k++] = c->form[i].item[j];
		if (v->log_prefix != NULL) {
			item[k] = item_plain(NFT_LIMIT);
			item[k].lo = LOG_RATE;
			item[k].hi = LOG_BURST;
			item[k + 1] = item_name(NFT_LOG, v->log_prefix);
			rules_push(c->out, c->items, c->kept, item, k + 2, NULL);
		}
		item[k++] = item_plain(NFT_COUNTER);
		item[k++] = v->deny ? item_name(NFT_GOTO, "denied") : item_plain(NFT_ACCEPT);
		rules_push(c->out, c->items, c->kept, item, k, v->comment);
	}
}

static void emit_match(struct render *c, const struct proto_piece *p, const struct addr_form *a, bool v6)
{
	struct nft_item m[4];
	size_t n = 0;

	if (p->ports || a->family_only)
		m[n++] = item_match(NFT_CT_L3PROTO, NFT_EQ, v6 ? L3_IPV6 : L3_IPV4, 0);
	if (!p->any && p->proto_lo == p->proto_hi)
		m[n++] = item_match(NFT_CT_PROTO, NFT_EQ, p->proto_lo, 0);
	else if (!p->any)
		m[n++] = item_match(NFT_CT_PROTO, NFT_RANGE, p->proto_lo, p->proto_hi);
	if (p->ports && p->port_lo == p->port_hi)
		m[n++] = item_match(NFT_CT_DPORT, NFT_EQ, p->port_lo, 0);
	else if (p->ports)
		m[n++] = item_match(NFT_CT_DPORT, NFT_RANGE, p->port_lo, p->port_hi);
	if (!a->any && !a->family_only)
		m[n++] = addr_match(a);
	emit_forms(c, m, n);
}

static void emit_piece(struct render *c, const struct proto_piece *p)
{
	for (size_t i = 0; i < c->addr.n; i++) {
		const struct addr_form *a = &c->addr.v[i];
		if (!a->any) {
			emit_match(c, p, a, a->v6);
			continue;
		}
		emit_match(c, p, a, false);
		if (p->ports) /* a port needs its family said */
			emit_match(c, p, a, true);
	}
}

static bool fits_box(const struct proto_piece *p)
{
	return !p->any && p->proto_lo == p->proto_hi && (p->proto_lo == PROTO_TCP || p->proto_lo == PROTO_UDP);
}

static void box_add(struct render *c, const struct proto_piece *p, struct range_set s)
{
	struct family_set f[2];

	split_families(&c->scratch, s, &f[0], &f[1]);
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < f[k].n; i++) {
			struct nft_elem e = {
				.lo = f[k].v[i].lo,
				.hi = f[k].v[i].hi,
				.proto_lo = (uint8_t)p->proto_lo,
				.proto_hi = (uint8_t)p->proto_hi,
				.port_lo = (uint16_t)p->port_lo,
				.port_hi = (uint16_t)p->port_hi,
			};
			if (k == 0)
				vec_push(&c->box4, e);
			else
				vec_push(&c->box6, e);
		}
	}
}

static int elem_sort(const void *a, const void *b)
{
	return nft_elem_cmp(a, b);
}

static void emit_lookup(struct render *c, const char *set, bool v6, unsigned int proto)
{
	struct nft_item m[3] = {
		item_match(NFT_CT_L3PROTO, NFT_EQ, v6 ? L3_IPV6 : L3_IPV4, 0),
		item_match(NFT_CT_PROTO, NFT_EQ, proto, 0),
		item_match(NFT_CT_DBOX, NFT_IN_SET, 0, 0),
	};

	m[2].name = set;
	m[2].v6 = v6;
	emit_forms(c, m, 3);
}

static void emit_boxes(struct render *c, struct nft_elem *v, size_t n, bool v6)
{
	if (n > 0)
		qsort(v, n, sizeof(*v), elem_sort);
	for (size_t at = 0; at < n; at += NFT_BOX_SET_MAX) {
		size_t count = n - at < NFT_BOX_SET_MAX ? n - at : NFT_BOX_SET_MAX;
		bool tcp = false, udp = false;
		for (size_t i = at; i < at + count; i++) {
			tcp |= v[i].proto_lo == PROTO_TCP;
			udp |= v[i].proto_lo == PROTO_UDP;
		}
		const char *set = c->table != NULL
					  ? table_set(c->table, 'b', v6 ? NFT_SET_BOX6 : NFT_SET_BOX4, v + at, count)
					  : "";
		if (tcp)
			emit_lookup(c, set, v6, PROTO_TCP);
		if (udp)
			emit_lookup(c, set, v6, PROTO_UDP);
	}
}

static void render_region(struct render *c, struct region r)
{
	bool boxes = r.n > RULES_SLABS_MAX;

	for (size_t i = 0; i < r.n; i++) {
		struct proto_piece piece[PROTO_PIECES_MAX];
		size_t n = proto_pieces(r.v[i].service, piece);
		bool have_forms = false;
		for (size_t k = 0; k < n; k++) {
			if (boxes && fits_box(&piece[k])) {
				box_add(c, &piece[k], r.v[i].addr);
				continue;
			}
			if (!have_forms)
				addr_forms(c, r.v[i].addr);
			have_forms = true;
			emit_piece(c, &piece[k]);
		}
	}
	emit_boxes(c, c->box4.v, c->box4.n, false);
	emit_boxes(c, c->box6.v, c->box6.n, true);
}

static void render_release(struct render *c)
{
	arena_release(&c->scratch);
	vec_release(&c->addr);
	vec_release(&c->box4);
	vec_release(&c->box6);
}

void rules_render(struct rule_list *l, struct table *t, struct region r, const struct cond *cond,
		  const struct rule_verdict *v, struct arena *items, bool kept)
{
	struct render c = { .out = l, .table = t, .verdict = v, .items = items, .kept = kept };

	arena_init(&c.scratch);
	c.nforms = cond_forms(cond, c.form);
	render_region(&c, r);
	render_release(&c);
}

size_t rules_count(struct region r, const struct cond *cond, bool log)
{
	const struct rule_verdict v = { .log_prefix = log ? "" : NULL };
	struct render c = { .verdict = &v };

	arena_init(&c.scratch);
	c.nforms = cond_forms(cond, c.form);
	render_region(&c, r);
	render_release(&c);
	return c.count;
}
