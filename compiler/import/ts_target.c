/* SPDX-License-Identifier: Apache-2.0 */
/* ts_target - what the words of a rule stand for: users, groups, tags, autogroups, hosts, sets of addresses. */
#include <string.h>

#include "base/bug.h"
#include "import/ts.h"

#define SET_ENTRIES_MAX 10000u

/* Roles that only the service's own account pages know stand behind member and tagged. */
const char *const *ts_autogroups(void)
{
	static const char *const names[TS_AUTO_MAX + 1] = {
		"member", "tagged", "owner", "admin", "network-admin", "it-admin", "billing-admin", "auditor", NULL,
	};
	return names;
}

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* ---- addresses ---- */

/* An address, a range, or a prefix, whose host bits do not count. */
static bool read_range(const char *s, size_t n, struct range *out)
{
	struct prefix fixed;
	enum addr_error e = range_parse(s, n, out, &fixed);

	if (e == ADDR_HOST_BITS)
		*out = prefix_range(fixed);
	return e == ADDR_OK || e == ADDR_HOST_BITS;
}

static bool looks_like_address(const char *s)
{
	return strspn(s, "0123456789./-") == strlen(s) ||
	       (strchr(s, ':') && strspn(s, "0123456789abcdefABCDEF.:/-") == strlen(s));
}

static const struct range *one_range(struct ts *ts, struct range r)
{
	return arena_dup(ts->im->a, &r, sizeof(r));
}

/* ---- hosts and ipsets ---- */

static bool set_settle(struct ts *ts, struct ts_set *set);

static struct ts_set *find_set(struct ts *ts, const char *name)
{
	uint32_t i = strmap_get(&ts->set_of, name, strlen(name));
	return i == STRMAP_NONE ? NULL : &ts->set.v[i];
}

/* One entry of an ipset: "add 10.0.0.0/8", "remove host:web", "ipset:other". Appends its ranges. */
static bool read_entry(struct ts *ts, const char *text, struct loc loc, struct ranges *out, bool *remove)
{
	*remove = starts(text, "remove ");
	if (*remove || starts(text, "add "))
		text = strchr(text, ' ') + 1;
	text += strspn(text, " ");
	struct range r;
	if (read_range(text, strlen(text), &r)) {
		ranges_add_written(out, r);
		return true;
	}
	struct ts_set *set = find_set(ts, starts(text, "host:") ? text + strlen("host:") : text);
	if (set == NULL)
		return import_refuse(ts->im, loc, "%s is not an address, a prefix, a range, a host or an ipset",
				     import_quote(ts->im, text, strlen(text)));
	if (set->state == TS_SET_OPEN)
		return import_refuse(ts->im, loc, "%s holds itself", import_quote(ts->im, set->key, strlen(set->key)));
	if (!set_settle(ts, set))
		return false;
	ranges_add(out, set->range, set->nranges);
	return true;
}

static void take_away(struct ranges *from, struct ranges *what)
{
	struct ranges rest RANGES_CLEANUP = VEC_INIT;

	ranges_merge(from);
	ranges_merge(what);
	ranges_subtract(from, what, &rest);
	from->n = what->n = 0;
	ranges_add(from, rest.v, rest.n);
}

static bool settle_ipset(struct ts *ts, struct ts_set *set, struct ranges *out)
{
	struct ranges gone RANGES_CLEANUP = VEC_INIT;
	const struct hujson_value *list = ts_expect(ts, set->m, HUJSON_ARRAY, "an ipset");

	if (list == NULL)
		return false;
	if (list->n > SET_ENTRIES_MAX)
		return import_refuse(ts->im, set->m->loc, "an ipset has more than %u entries", SET_ENTRIES_MAX);
	for (size_t i = 0; i < list->n; i++) {
		const struct hujson_value *v = ts_expect(ts, &list->member[i], HUJSON_STRING, "an entry of an ipset");
		struct ranges fresh RANGES_CLEANUP = VEC_INIT;
		bool remove;
		if (v == NULL || !read_entry(ts, v->text, v->loc, &fresh, &remove))
			return false;
		if (!remove && gone.n > 0)
			take_away(out, &gone);
		ranges_add(remove ? &gone : out, fresh.v, fresh.n);
		if (out->n + gone.n > IMPORT_FILES_MAX)
			return import_refuse(ts->im, v->loc, "this ipset grows too large");
	}
	if (gone.n > 0)
		take_away(out, &gone);
	return true;
}

static bool set_settle(struct ts *ts, struct ts_set *set)
{
	struct ranges x RANGES_CLEANUP = VEC_INIT;
	struct range r;
	bool ok = true;

	if (set->state == TS_SET_DONE || set->state == TS_SET_BAD)
		return set->state == TS_SET_DONE;
	if (ts->set_depth >= HUJSON_DEPTH_MAX)
		return import_refuse(ts->im, set->m->loc, "ipsets hold each other too deep");
	set->state = TS_SET_OPEN;
	ts->set_depth++;
	if (set->is_ipset) {
		ok = settle_ipset(ts, set, &x);
	} else {
		const struct hujson_value *v = ts_expect(ts, set->m, HUJSON_STRING, "the address of a host");
		ok = v != NULL;
		if (ok && !read_range(v->text, v->len, &r))
			ok = import_refuse(ts->im, v->loc, "%s is not an address or a prefix",
					   import_quote(ts->im, v->text, v->len));
		if (ok)
			ranges_add_written(&x, r);
	}
	ts->set_depth--;
	ranges_merge(&x);
	set->range = ranges_freeze(&x, ts->im->a, &set->nranges);
	set->state = ok ? TS_SET_DONE : TS_SET_BAD;
	return ok;
}

static bool overlap(const struct ranges *x, struct range r)
{
	size_t i = ranges_seek(x->v, x->n, r.lo);
	return i < x->n && x->v[i].lo <= r.hi;
}

static bool inside(const struct ranges *x, struct range r)
{
	size_t i = ranges_seek(x->v, x->n, r.lo);
	return i < x->n && x->v[i].lo <= r.lo && x->v[i].hi >= r.hi;
}

/* Where a Resource of these addresses would stand. false: it cannot be one. site NULL: the site's networks say it. */
static bool resource_site(struct ts *ts, const struct ts_set *set, const char **site)
{
	size_t home = 0, held = 0;

	for (size_t i = 0; i < set->nranges; i++) {
		if (overlap(&ts->pools, set->range[i]))
			return false;
		bool touched = false, whole = false;
		for (size_t k = 0; k < ts->site.n && !whole; k++) {
			whole = inside(&ts->site.v[k].nets, set->range[i]);
			touched |= overlap(&ts->site.v[k].nets, set->range[i]);
		}
		if (touched && !whole)
			return false;
		*(whole ? &held : &home) += 1;
	}
	*site = home ? TS_HOME : NULL;
	return set->nranges > 0 && (home == 0 || held == 0);
}

static void write_set(struct ts *ts, struct ts_set *set)
{
	const char *site;
	struct doc d;

	if (!resource_site(ts, set, &site)) {
		import_note(ts->im, set->m->loc,
			    "%s is no Resource, for it is empty, lies in the tailnet's own addresses or lies across "
			    "routes; the "
			    "rules that name it have its addresses",
			    import_quote(ts->im, set->key, strlen(set->key)));
		if (set->m->comments.first < set->m->comments.end)
			ts_keep(ts, set->m, import_place(ts->im, set->m->loc));
		return;
	}
	set->resource = import_name_like(ts->im, IMPORT_RESOURCE, set->key,
					 set->is_ipset ? set->key + strlen("ipset:") : set->key);
	doc_begin(&d, ts->im, IMPORT_RESOURCE, set->resource, set->m->loc);
	ts_comments(ts, &d, set->m->comments);
	ts_from(ts, &d, set->m->loc);
	doc_head(&d);
	doc_list(&d, "addresses", false);
	for (size_t i = 0; i < set->nranges; i++) {
		char text[ADDR_TEXT_MAX];
		doc_item(&d, range_format(set->range[i], text), NULL);
	}
	if (site != NULL) {
		doc_comment(&d, "No route says where it is:", strlen("No route says where it is:"));
		doc_field(&d, "site", site);
	}
	doc_end(&d, NULL);
}

static bool list_sets(struct ts *ts, const char *section, bool is_ipset)
{
	const struct hujson_member *m = hujson_find(ts->root, section);
	const struct hujson_value *v = m ? ts_expect(ts, m, HUJSON_OBJECT, section) : NULL;

	if (m != NULL && v == NULL)
		return false;
	for (size_t i = 0; v != NULL && i < v->n; i++) {
		const struct hujson_member *one = &v->member[i];
		if (is_ipset && !starts(one->key, "ipset:"))
			return import_refuse(ts->im, one->loc, "the name of an ipset starts with ipset:");
		struct ts_set set = {.key = one->key, .m = one, .is_ipset = is_ipset};
		strmap_add(&ts->set_of, one->key, strlen(one->key), (uint32_t)ts->set.n);
		vec_push(&ts->set, set);
	}
	return true;
}

bool ts_sets_read(struct ts *ts)
{
	bool ok = list_sets(ts, "hosts", false) && list_sets(ts, "ipsets", true);

	for (size_t i = 0; i < ts->set.n && ok; i++)
		ok = set_settle(ts, &ts->set.v[i]);
	for (size_t i = 0; i < ts->set.n && ok; i++)
		write_set(ts, &ts->set.v[i]);
	return ok;
}

/* ---- words ---- */

static bool select_name(struct ts *ts, struct ts_target *out, const char *word, const char *name)
{
	out->kind = TS_SELECTOR;
	out->selector = arena_printf(ts->im->a, "%s:%s", word, name);
	return true;
}

static bool read_autogroup(struct ts *ts, const char *text, struct loc loc, enum ts_side side, struct ts_target *out)
{
	const char *word = text + strlen("autogroup:");

	if (strcmp(word, "self") == 0 && side == TS_SRC)
		return import_refuse(ts->im, loc, "autogroup:self is not valid as a source");
	if (strcmp(word, "internet") == 0 && side == TS_SRC)
		return import_refuse(ts->im, loc, "autogroup:internet is not valid as a source");
	if (strcmp(word, "self") == 0 || strcmp(word, "internet") == 0) {
		out->kind = word[0] == 's' ? TS_SELF : TS_INTERNET;
		return true;
	}
	const char *const *names = ts_autogroups();
	if (strcmp(word, "members") == 0)
		word = "member";
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(word, names[i]) != 0)
			continue;
		ts->auto_used[i] = true;
		out->person = i != TS_AUTO_TAGGED;
		const char *key = arena_printf(ts->im->a, "autogroup:%s", word);
		return select_name(ts, out, "group", import_name(ts->im, IMPORT_GROUP, key));
	}
	import_note(ts->im, loc, "%s has no counterpart; it is left out of the rule",
		    import_quote(ts->im, text, strlen(text)));
	return true;
}

static bool read_tag(struct ts *ts, const char *text, struct loc loc, struct ts_target *out)
{
	uint32_t i = strmap_get(&ts->tag_of, text, strlen(text));

	if (i == STRMAP_NONE)
		return import_refuse(ts->im, loc, "%s is not declared in tagOwners",
				     import_quote(ts->im, text, strlen(text)));
	return select_name(ts, out, "tag", ts->tag.v[i].name);
}

static bool read_group(struct ts *ts, const char *text, struct loc loc, struct ts_target *out)
{
	if (strmap_get(&ts->group_of, text, strlen(text)) == STRMAP_NONE)
		return import_refuse(ts->im, loc, "there is no group %s", import_quote(ts->im, text, strlen(text)));
	out->person = true;
	return select_name(ts, out, "group", import_name_like(ts->im, IMPORT_GROUP, text, text + strlen("group:")));
}

static bool read_user(struct ts *ts, const char *text, struct loc loc, struct ts_target *out)
{
	const char *at = strchr(text, '@');

	out->person = true;
	if (!starts(text, "*@") || at[1] == '\0')
		return select_name(ts, out, "user", ts_user_name(ts, text, loc));
	if (strmap_add(&ts->domain_of, at, strlen(at), 0))
		vec_push(&ts->domain, arena_strdup(ts->im->a, at));
	const char *key = arena_printf(ts->im->a, "user:*%s", at);
	return select_name(ts, out, "group", import_name_like(ts->im, IMPORT_GROUP, key, at + 1));
}

static bool read_ranges(struct ts *ts, const char *text, struct loc loc, struct ts_target *out)
{
	struct range r;

	if (!read_range(text, strlen(text), &r))
		return import_refuse(ts->im, loc, "%s is not an address, a prefix or a range",
				     import_quote(ts->im, text, strlen(text)));
	const char *slash = strchr(text, '/');
	out->kind = TS_RANGES;
	out->whole_family = slash != NULL && strcmp(slash, "/0") == 0;
	out->host = slash == NULL && r.lo == r.hi;
	out->range = one_range(ts, r);
	out->nranges = 1;
	return true;
}

static bool read_set(struct ts *ts, const char *text, struct loc loc, struct ts_target *out)
{
	struct ts_set *set = find_set(ts, starts(text, "host:") ? text + strlen("host:") : text);

	if (set == NULL)
		return import_refuse(ts->im, loc, "%s is not an address, a user, a group, a tag or a host",
				     import_quote(ts->im, text, strlen(text)));
	out->kind = TS_RANGES;
	out->host = set->nranges == 1 && set->range[0].lo == set->range[0].hi;
	out->range = set->range;
	out->nranges = set->nranges;
	out->label = set->key;
	out->resource = set->resource;
	if (set->nranges > 0)
		return true;
	import_note(ts->im, loc, "%s holds no address; it is left out of the rule",
		    import_quote(ts->im, text, strlen(text)));
	out->kind = TS_LEFT_OUT;
	return true;
}

bool ts_target_read(struct ts *ts, const char *text, size_t len, struct loc loc, enum ts_side side,
		    struct ts_target *out)
{
	*out = (struct ts_target){.kind = TS_LEFT_OUT};
	text = arena_strndup(ts->im->a, text, len);
	if (strcmp(text, "*") == 0) {
		out->kind = TS_ANY;
		out->person = true;
		return true;
	}
	if (starts(text, "autogroup:"))
		return read_autogroup(ts, text, loc, side, out);
	if (starts(text, "tag:"))
		return read_tag(ts, text, loc, out);
	if (starts(text, "group:"))
		return read_group(ts, text, loc, out);
	if (starts(text, "user:"))
		return read_user(ts, text + strlen("user:"), loc, out);
	if (starts(text, "svc:")) {
		import_note(ts->im, loc, "%s is a service, which has no counterpart; it is left out of the rule",
			    import_quote(ts->im, text, len));
		return true;
	}
	if (find_set(ts, text) == NULL && looks_like_address(text))
		return read_ranges(ts, text, loc, out);
	if (strchr(text, '@') != NULL && find_set(ts, text) == NULL)
		return read_user(ts, text, loc, out);
	return read_set(ts, text, loc, out);
}
