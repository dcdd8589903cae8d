/* SPDX-License-Identifier: Apache-2.0 */
/* ts_rules - acls and grants to policies. */
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "import/ts.h"

#define RULE_KEYS_MAX 10

/* One acl or grant. Lists stay as they stand; what is absent is NULL. */
struct rule {
	const struct hujson_member *m;
	const struct hujson_value *src, *dst, *ip;
	const char *proto;
	const char *disabled; /* why it is written with enabled: false, or NULL */
	bool personal;	      /* every source may stand beside autogroup:self */
	ts_items from;
};

/* Destinations that share their ports: one policy. */
struct part {
	const char *key;
	ts_words ports;
	ts_items to;
};

/* ---- selectors ---- */

static bool overlaps(const struct ranges *x, struct range r)
{
	size_t i = ranges_seek(x->v, x->n, r.lo);
	return i < x->n && x->v[i].lo <= r.hi;
}

static void add_item(ts_items *out, const char *text, const char *comment)
{
	vec_push(out, ((struct ts_item){text, comment}));
}

static const char *range_text(struct ts *ts, struct range r)
{
	char text[ADDR_TEXT_MAX];
	return arena_strdup(ts->im->a, range_format(r, text));
}

/* Addresses as a source: devices that have them, and sites that lie in them as a whole. */
static void source_range(struct ts *ts, struct range r, const char *label, struct loc loc, ts_items *out)
{
	bool any = false;

	for (size_t i = 0; i < ts->site.n; i++) {
		struct ranges whole RANGES_CLEANUP = VEC_INIT, rest RANGES_CLEANUP = VEC_INIT;
		ranges_add_written(&whole, r);
		ranges_merge(&whole);
		ranges_subtract(&ts->site.v[i].nets, &whole, &rest);
		if (rest.n == 0 && ts->site.v[i].nets.n > 0) {
			add_item(out, arena_printf(ts->im->a, "site:%s", ts->site.v[i].name), label);
			any = true;
		} else if (overlaps(&ts->site.v[i].nets, r)) {
			import_note(ts->im, loc,
				    "a part of the site %s cannot be a source here, only the whole site; %s is left "
				    "out of the rule",
				    ts->site.v[i].name, range_text(ts, r));
			any = true;
		}
	}
	if (overlaps(&ts->pools, r)) {
		if (ts->v4 && ts->v6)
			import_note(ts->im, loc,
				    "as a source %s stands for the devices that have these addresses, so what they "
				    "send from "
				    "their addresses of the other family matches too",
				    range_text(ts, r));
		add_item(out, range_text(ts, r), label);
	} else if (!any) {
		import_note(ts->im, loc,
			    "no device has an address in %s and no route leads there: it matches nothing as a source",
			    range_text(ts, r));
		add_item(out, range_text(ts, r), label);
	}
}

void ts_source_items(struct ts *ts, const struct ts_target *t, struct loc loc, ts_items *out)
{
	switch (t->kind) {
	case TS_ANY:
		add_item(out, "any", NULL);
		for (size_t i = 0; i < ts->site.n; i++)
			add_item(out, arena_printf(ts->im->a, "site:%s", ts->site.v[i].name), NULL);
		return;
	case TS_SELECTOR: add_item(out, t->selector, NULL); return;
	case TS_RANGES:
		for (size_t i = 0; i < t->nranges; i++)
			source_range(ts, t->range[i], t->label, loc, out);
		return;
	case TS_LEFT_OUT: return;
	case TS_SELF:
	case TS_INTERNET: break;
	}
	BUG("a source that is none");
}

void ts_dest_items(struct ts *ts, const struct ts_target *t, ts_items *out)
{
	switch (t->kind) {
	case TS_ANY: add_item(out, "any", NULL); return;
	case TS_SELF: add_item(out, "self", NULL); return;
	case TS_INTERNET: add_item(out, "internet", NULL); return;
	case TS_SELECTOR: add_item(out, t->selector, NULL); return;
	case TS_LEFT_OUT: return;
	case TS_RANGES: break;
	}
	if (t->resource != NULL) {
		add_item(out, arena_printf(ts->im->a, "resource:%s", t->resource), NULL);
		return;
	}
	for (size_t i = 0; i < t->nranges; i++)
		add_item(out, range_text(ts, t->range[i]), t->label);
}

/* ---- the keys of a rule ---- */

/* Every key is one of keys (NULL-terminated), in any case, each once; of[i] is its member or NULL. */
static bool read_keys(struct ts *ts, struct rule *r, const char *const *keys, const struct hujson_member **of)
{
	const struct hujson_value *v = ts_expect(ts, r->m, HUJSON_OBJECT, "a rule");

	for (size_t i = 0; v != NULL && i < v->n; i++) {
		const struct hujson_member *m = &v->member[i];
		size_t k = 0;
		while (keys[k] != NULL && strcasecmp(keys[k], m->key) != 0)
			k++;
		if (keys[k] == NULL) {
			import_note(ts->im, m->loc, "%s of a rule is not known; the rule is written disabled",
				    import_quote(ts->im, m->key, strlen(m->key)));
			r->disabled = "it says something that is not known here";
		} else if (of[k] != NULL) {
			return import_refuse(ts->im, m->loc, "%s stands twice in one rule", keys[k]);
		} else {
			of[k] = m;
		}
	}
	return v != NULL;
}

static bool read_list(struct ts *ts, const struct hujson_member *m, const char *what, const struct hujson_value **out)
{
	*out = m ? ts_expect(ts, m, HUJSON_ARRAY, what) : NULL;
	if (m != NULL && *out == NULL)
		return false;
	for (size_t i = 0; *out != NULL && i < (*out)->n; i++)
		if (ts_expect(ts, &(*out)->member[i], HUJSON_STRING, arena_printf(ts->im->a, "an entry of %s", what)) ==
		    NULL)
			return false;
	return true;
}

static void read_posture(struct ts *ts, struct rule *r, const struct hujson_member *m)
{
	if (m == NULL ? !ts->postures : m->value->kind == HUJSON_ARRAY && m->value->n == 0)
		return;
	import_note(ts->im, m ? m->loc : r->m->loc,
		    "the rule asks for a posture of its sources, which policies cannot; it is "
		    "written disabled");
	r->disabled = "it asks for a posture of its sources";
}

static bool read_sources(struct ts *ts, struct rule *r)
{
	r->personal = true;
	for (size_t i = 0; i < r->src->n; i++) {
		const struct hujson_value *v = r->src->member[i].value;
		struct ts_target t;
		if (!ts_target_read(ts, v->text, v->len, v->loc, TS_SRC, &t))
			return false;
		r->personal &= t.person || t.kind == TS_LEFT_OUT;
		ts_source_items(ts, &t, v->loc, &r->from);
	}
	return true;
}

static bool read_dest(struct ts *ts, const struct rule *r, const char *text, size_t len, struct loc loc,
		      struct ts_target *t)
{
	if (!ts_target_read(ts, text, len, loc, TS_DST, t))
		return false;
	if (t->kind == TS_SELF && !r->personal)
		return import_refuse(ts->im, loc,
				     "autogroup:self can only be used with sources that are users or groups");
	if (t->whole_family)
		return import_refuse(ts->im, loc, "%s as a destination: write * or autogroup:internet",
				     import_quote(ts->im, text, len));
	return true;
}

/* ---- the policy ---- */

static void write_items(struct doc *d, const char *key, const ts_items *items)
{
	doc_list(d, key, false);
	for (size_t i = 0; i < items->n; i++)
		doc_item(d, items->v[i].text, items->v[i].comment);
}

static void write_policy(struct ts *ts, const struct rule *r, const struct part *p, const char *name)
{
	struct doc d;

	doc_begin(&d, ts->im, IMPORT_POLICY, import_name(ts->im, IMPORT_POLICY, name), r->m->loc);
	ts_comments(ts, &d, r->m->comments);
	ts_from(ts, &d, r->m->loc);
	doc_head(&d);
	if (r->disabled != NULL) {
		const char *why = arena_printf(ts->im->a, "Disabled by the import: %s", r->disabled);
		doc_comment(&d, why, strlen(why));
		doc_flag(&d, "enabled", false);
	}
	write_items(&d, "from", &r->from);
	write_items(&d, "to", &p->to);
	doc_list(&d, "ports", false);
	for (size_t i = 0; i < p->ports.n; i++)
		doc_item(&d, p->ports.v[i], NULL);
	doc_end(&d, NULL);
}

static void say_nothing_left(struct ts *ts, const struct rule *r, const char *what)
{
	ts_keep(ts, r->m, import_place(ts->im, r->m->loc));
	import_note(ts->im, r->m->loc, "nothing is left of the %s of this rule; it makes no policy", what);
}

/* ---- acls ---- */

bool ts_split_ports(struct ts *ts, const struct hujson_value *v, const char **text, size_t *len, const char **ports)
{
	const char *colon = strrchr(v->text, ':');

	if (colon == NULL || colon[1] == '\0' || colon == v->text)
		return import_refuse(ts->im, v->loc, "%s names no ports: a destination is written host:ports",
				     import_quote(ts->im, v->text, v->len));
	*text = v->text;
	*len = (size_t)(colon - v->text);
	*ports = colon + 1;
	if (*len > 2 && v->text[0] == '[' && v->text[*len - 1] == ']') {
		*text += 1;
		*len -= 2;
	}
	return true;
}

typedef VEC(struct part) parts;

static struct part *find_part(struct strmap *of, parts *out, const char *key)
{
	uint32_t i = strmap_get(of, key, strlen(key));

	if (i == STRMAP_NONE) {
		i = (uint32_t)out->n;
		strmap_add(of, key, strlen(key), i);
		vec_push(out, ((struct part){.key = key}));
	}
	return &out->v[i];
}

static bool acl_dest(struct ts *ts, const struct rule *r, const struct hujson_value *v, struct strmap *of, parts *out)
{
	const char *text, *ports;
	size_t len;
	struct ts_target t;

	if (!ts_split_ports(ts, v, &text, &len, &ports) || !read_dest(ts, r, text, len, v->loc, &t))
		return false;
	struct part *p = find_part(of, out, ports);
	if (p->to.n == 0 && p->ports.n == 0 && !ts_services(ts, r->proto, ports, strlen(ports), v->loc, &p->ports))
		return false;
	ts_dest_items(ts, &t, &p->to);
	return true;
}

static void write_acl(struct ts *ts, const struct rule *r, const parts *all, size_t number)
{
	size_t used = 0, n = 0;

	for (size_t i = 0; i < all->n; i++)
		used += all->v[i].to.n > 0 && all->v[i].ports.n > 0;
	if (r->from.n == 0 || used == 0) {
		say_nothing_left(ts, r, r->from.n == 0 ? "sources" : "destinations");
		return;
	}
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].to.n == 0 || all->v[i].ports.n == 0)
			continue;
		write_policy(ts, r, &all->v[i],
			     used == 1 ? arena_printf(ts->im->a, "acl-%zu", number)
				       : arena_printf(ts->im->a, "acl-%zu.%zu", number, ++n));
	}
}

static bool acl_parts(struct ts *ts, struct rule *r, size_t number)
{
	struct strmap of;
	parts all = VEC_INIT;
	bool ok = read_sources(ts, r);

	strmap_init(&of, ts->im->a);
	for (size_t i = 0; ok && i < r->dst->n; i++)
		ok = acl_dest(ts, r, r->dst->member[i].value, &of, &all);
	if (ok)
		write_acl(ts, r, &all, number);
	for (size_t i = 0; i < all.n; i++) {
		vec_release(&all.v[i].ports);
		vec_release(&all.v[i].to);
	}
	vec_release(&all);
	vec_release(&r->from);
	return ok;
}

static bool read_acl(struct ts *ts, const struct hujson_member *m, size_t number)
{
	enum { ACTION, SRC, USERS, DST, PORTS, PROTO, POSTURE };
	static const char *const keys[] = {"action", "src", "users", "dst", "ports", "proto", "srcPosture", NULL};
	const struct hujson_member *of[RULE_KEYS_MAX] = {NULL};
	struct rule r = {.m = m};

	if (!read_keys(ts, &r, keys, of))
		return false;
	const struct hujson_member *src = of[SRC] ? of[SRC] : of[USERS], *dst = of[DST] ? of[DST] : of[PORTS];
	const struct hujson_value *action = of[ACTION] ? of[ACTION]->value : NULL;
	if (action == NULL || action->kind != HUJSON_STRING || strcmp(action->text, "accept") != 0)
		return import_refuse(ts->im, action ? action->loc : m->loc,
				     "the action of an acl is \"accept\" and nothing else");
	if (src == NULL || dst == NULL || (of[SRC] && of[USERS]) || (of[DST] && of[PORTS]))
		return import_refuse(ts->im, m->loc, "an acl has one src and one dst");
	if (of[PROTO] != NULL) {
		const struct hujson_value *v = ts_expect(ts, of[PROTO], HUJSON_STRING, "proto");
		if (v == NULL)
			return false;
		r.proto = v->len > 0 ? v->text : NULL;
	}
	read_posture(ts, &r, of[POSTURE]);
	return read_list(ts, src, "src", &r.src) && read_list(ts, dst, "dst", &r.dst) && acl_parts(ts, &r, number);
}

bool ts_acls_read(struct ts *ts, const struct hujson_member *m)
{
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_ARRAY, "acls");

	for (size_t i = 0; v != NULL && i < v->n; i++)
		if (!read_acl(ts, &v->member[i], i + 1))
			return false;
	return v != NULL;
}

/* ---- grants ---- */

static bool read_via(struct ts *ts, const struct hujson_member *m)
{
	const struct hujson_value *v;

	if (!read_list(ts, m, "via", &v))
		return false;
	for (size_t i = 0; i < v->n; i++) {
		const struct hujson_value *one = v->member[i].value;
		if (strncmp(one->text, "tag:", 4) != 0)
			return import_refuse(ts->im, one->loc, "via can only be a tag");
		if (strmap_get(&ts->tag_of, one->text, one->len) == STRMAP_NONE)
			return import_refuse(ts->im, one->loc, "%s is not declared in tagOwners",
					     import_quote(ts->im, one->text, one->len));
	}
	if (v->n > 0)
		import_note(ts->im, m->loc,
			    "via is not carried over: a policy says who may reach what, and the site that holds "
			    "the destination carries it");
	return true;
}

static bool note_app(struct ts *ts, const struct hujson_member *m)
{
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_OBJECT, "app");

	for (size_t i = 0; v != NULL && i < v->n; i++)
		import_note(ts->im, v->member[i].loc,
			    "the capability %s is not carried over: policies speak of addresses and ports",
			    import_quote(ts->im, v->member[i].key, strlen(v->member[i].key)));
	return v != NULL;
}

static bool grant_part(struct ts *ts, struct rule *r, struct part *p)
{
	if (!read_sources(ts, r))
		return false;
	for (size_t i = 0; i < r->dst->n; i++) {
		const struct hujson_value *v = r->dst->member[i].value;
		struct ts_target t;
		if (!read_dest(ts, r, v->text, v->len, v->loc, &t))
			return false;
		ts_dest_items(ts, &t, &p->to);
	}
	for (size_t i = 0; r->ip != NULL && i < r->ip->n; i++) {
		const struct hujson_value *v = r->ip->member[i].value;
		if (!ts_service_of_grant(ts, v->text, v->loc, &p->ports))
			return false;
	}
	return true;
}

static bool write_grant(struct ts *ts, struct rule *r, size_t number)
{
	struct part p = {.key = NULL};
	bool ok = grant_part(ts, r, &p);

	if (ok && r->ip != NULL && r->ip->n > 0) {
		if (r->from.n > 0 && p.to.n > 0 && p.ports.n > 0)
			write_policy(ts, r, &p, arena_printf(ts->im->a, "grant-%zu", number));
		else
			say_nothing_left(ts, r, r->from.n == 0 ? "sources" : p.to.n == 0 ? "destinations" : "ports");
	}
	if (ok && (r->ip == NULL || r->ip->n == 0))
		ts_keep(ts, r->m, import_place(ts->im, r->m->loc));
	vec_release(&p.ports);
	vec_release(&p.to);
	vec_release(&r->from);
	return ok;
}

static bool read_grant(struct ts *ts, const struct hujson_member *m, size_t number)
{
	enum { SRC, DST, IP, APP, VIA, POSTURE };
	static const char *const keys[] = {"src", "dst", "ip", "app", "via", "srcPosture", NULL};
	const struct hujson_member *of[RULE_KEYS_MAX] = {NULL};
	struct rule r = {.m = m};

	if (!read_keys(ts, &r, keys, of))
		return false;
	if (of[SRC] == NULL || of[DST] == NULL)
		return import_refuse(ts->im, m->loc, "a grant has src and dst");
	if ((of[VIA] && !read_via(ts, of[VIA])) || (of[APP] && !note_app(ts, of[APP])))
		return false;
	if (of[IP] == NULL && of[APP] == NULL)
		import_note(ts->im, m->loc, "a grant without ip and app grants nothing; it makes no policy");
	read_posture(ts, &r, of[POSTURE]);
	return read_list(ts, of[SRC], "src", &r.src) && read_list(ts, of[DST], "dst", &r.dst) &&
	       read_list(ts, of[IP], "ip", &r.ip) && write_grant(ts, &r, number);
}

bool ts_grants_read(struct ts *ts, const struct hujson_member *m)
{
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_ARRAY, "grants");

	for (size_t i = 0; v != NULL && i < v->n; i++)
		if (!read_grant(ts, &v->member[i], i + 1))
			return false;
	return v != NULL;
}

/* A policy file with neither acls nor grants lets everybody reach everything. */
void ts_default_rule(struct ts *ts)
{
	const struct hujson_member whole = {.loc = ts->root->loc, .value = (struct hujson_value *)ts->root};
	struct rule r = {.m = &whole};
	struct part p = {.key = NULL};
	const struct ts_target any = {.kind = TS_ANY};

	import_note(ts->im, ts->root->loc,
		    "a policy file without acls and grants lets everybody reach everything, and so does the "
		    "policy default-allow");
	ts_source_items(ts, &any, whole.loc, &r.from);
	ts_dest_items(ts, &any, &p.to);
	ts_services(ts, NULL, "*", 1, whole.loc, &p.ports);
	if (ts->postures)
		r.disabled = "it asks for a posture of its sources";
	write_policy(ts, &r, &p, "default-allow");
	vec_release(&p.ports);
	vec_release(&p.to);
	vec_release(&r.from);
}
