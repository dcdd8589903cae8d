/* SPDX-License-Identifier: Apache-2.0 */
/* tailscale - the sections of a policy file, and the documents that no single rule makes. */
#include "import/tailscale.h"

#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "import/ts.h"

/* ---- shared by the parts ---- */

void ts_comments(struct ts *ts, struct doc *d, struct hujson_span span)
{
	for (uint32_t i = span.first; i < span.end; i++)
		doc_comment(d, ts->in->policy->comment[i].text, ts->in->policy->comment[i].len);
}

void ts_from(struct ts *ts, struct doc *d, struct loc loc)
{
	const char *text = arena_printf(ts->im->a, "From %s", import_place(ts->im, loc));
	doc_comment(d, text, strlen(text));
}

void ts_keep(struct ts *ts, const struct hujson_member *m, const char *title)
{
	const struct hujson *h = ts->in->policy;
	size_t begin = m->begin, end = m->value->end;

	if (m->comments.first < m->comments.end && h->comment[m->comments.first].begin < begin)
		begin = h->comment[m->comments.first].begin;
	if (m->comments.first < m->comments.end && h->comment[m->comments.end - 1].begin >= end)
		end = h->comment[m->comments.end - 1].begin + h->comment[m->comments.end - 1].bytes;
	import_keep(ts->im, title, ts->in->text + begin, end - begin);
}

const struct hujson_value *ts_expect(struct ts *ts, const struct hujson_member *m, enum hujson_kind kind,
				     const char *what)
{
	if (m->value->kind == kind)
		return m->value;
	import_refuse(ts->im, m->value->loc, "%s must be %s, not %s", what, hujson_kind_word(kind),
		      hujson_kind_word(m->value->kind));
	return NULL;
}

const char *ts_user_name(struct ts *ts, const char *email, struct loc loc)
{
	uint32_t i = strmap_get(&ts->user_of, email, strlen(email));

	if (i != STRMAP_NONE)
		return ts->user.v[i].name;
	struct ts_user u = {arena_strdup(ts->im->a, email), import_name(ts->im, IMPORT_USER, email), loc};
	strmap_add(&ts->user_of, email, strlen(email), (uint32_t)ts->user.n);
	vec_push(&ts->user, u);
	return u.name;
}

const char *ts_tag_add(struct ts *ts, const char *key, size_t len)
{
	uint32_t i = strmap_get(&ts->tag_of, key, len);

	if (i != STRMAP_NONE)
		return ts->tag.v[i].name;
	struct ts_tag t = {.key = arena_strndup(ts->im->a, key, len)};
	t.name = import_name_like(ts->im, IMPORT_TAG, t.key, strncmp(t.key, "tag:", 4) == 0 ? t.key + 4 : t.key);
	strmap_add(&ts->tag_of, key, len, (uint32_t)ts->tag.n);
	vec_push(&ts->tag, t);
	return t.name;
}

/* ---- groups ---- */

static bool list_groups(struct ts *ts, const struct hujson_member *m)
{
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_OBJECT, "groups");

	for (size_t i = 0; v != NULL && i < v->n; i++) {
		const char *key = v->member[i].key;
		if (strncmp(key, "group:", strlen("group:")) != 0)
			return import_refuse(ts->im, v->member[i].loc, "the name of a group starts with group:");
		strmap_add(&ts->group_of, key, strlen(key), (uint32_t)i);
	}
	return v != NULL;
}

static bool write_member(struct ts *ts, struct doc *d, const struct hujson_value *v)
{
	struct ts_target t;

	if (!ts_target_read(ts, v->text, v->len, v->loc, TS_SRC, &t))
		return false;
	if (t.kind == TS_SELECTOR)
		doc_item(d, t.selector, NULL);
	else if (t.kind != TS_LEFT_OUT)
		import_note(ts->im, v->loc, "%s cannot be a member of a group here; it is left out",
			    import_quote(ts->im, v->text, v->len));
	return true;
}

static bool write_group(struct ts *ts, const struct hujson_member *m)
{
	const struct hujson_value *list = ts_expect(ts, m, HUJSON_ARRAY, "the members of a group");
	struct doc d;
	bool ok = list != NULL;

	doc_begin(&d, ts->im, IMPORT_GROUP, import_name_like(ts->im, IMPORT_GROUP, m->key, m->key + strlen("group:")),
		  m->loc);
	ts_comments(ts, &d, m->comments);
	ts_from(ts, &d, m->loc);
	doc_head(&d);
	size_t empty = d.text.len;
	doc_list(&d, "members", false);
	size_t begun = d.text.len;
	for (size_t i = 0; ok && i < list->n; i++) {
		const struct hujson_value *v = ts_expect(ts, &list->member[i], HUJSON_STRING, "a member of a group");
		ok = v != NULL && write_member(ts, &d, v);
	}
	if (d.text.len == begun) {
		d.text.len = empty;
		doc_list(&d, "members", true);
	}
	doc_end(&d, NULL);
	return ok;
}

static bool write_groups(struct ts *ts, const struct hujson_member *m)
{
	for (size_t i = 0; i < m->value->n; i++)
		if (!write_group(ts, &m->value->member[i]))
			return false;
	return true;
}

/* ---- tags ---- */

static const char *owners_text(struct ts *ts, const struct hujson_value *v)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	for (size_t i = 0; i < v->n && b.len < 100; i++) {
		const struct hujson_value *o = v->member[i].value;
		buf_addf(&b, "%s%s", i ? ", " : "", o->kind == HUJSON_STRING ? o->text : "?");
	}
	return b.len == 0    ? "nobody"
	       : b.len < 100 ? arena_strdup(ts->im->a, buf_str(&b))
			     : import_quote(ts->im, b.p, b.len);
}

static bool read_tags(struct ts *ts, const struct hujson_member *m)
{
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_OBJECT, "tagOwners");

	for (size_t i = 0; v != NULL && i < v->n; i++) {
		const struct hujson_member *one = &v->member[i];
		if (strncmp(one->key, "tag:", 4) != 0)
			return import_refuse(ts->im, one->loc, "the name of a tag starts with tag:");
		ts_tag_add(ts, one->key, strlen(one->key));
		import_note(ts->im, one->loc,
			    "who may give %s (%s) is not said here: whoever may change a device's file may",
			    import_quote(ts->im, one->key, strlen(one->key)), owners_text(ts, one->value));
	}
	if (v != NULL && m->comments.first < m->comments.end)
		ts_keep(ts, m, "tagOwners");
	return v != NULL;
}

/* ---- the table of sections ---- */

enum section_use { SECTION_READ, SECTION_LEFT_OUT };

static const struct {
	const char *name;
	enum section_use use;
	const char *why;
} sections[] = {
	{"acls", SECTION_READ, NULL},
	{"grants", SECTION_READ, NULL},
	{"groups", SECTION_READ, NULL},
	{"hosts", SECTION_READ, NULL},
	{"ipsets", SECTION_READ, NULL},
	{"tagOwners", SECTION_READ, NULL},
	{"tests", SECTION_READ, NULL},
	{"autoApprovers", SECTION_LEFT_OUT,
	 "routes and exits are written in Site documents, and whoever merges them approves"},
	{"defaultSrcPosture", SECTION_LEFT_OUT,
	 "policies do not ask for a posture; the rules under it are written disabled"},
	{"derpMap", SECTION_LEFT_OUT, "there are no relays; a device connects to a gateway"},
	{"disableIPv4", SECTION_LEFT_OUT, "the network has the pools that network.yaml lists"},
	{"nodeAttrs", SECTION_LEFT_OUT, "attributes of machines have no counterpart"},
	{"OneCGNATRoute", SECTION_LEFT_OUT, "routes of clients follow the pools"},
	{"postures", SECTION_LEFT_OUT,
	 "policies do not ask for a posture; the rules that name it are written disabled"},
	{"randomizeClientPort", SECTION_LEFT_OUT, "ports of clients are not set"},
	{"ssh", SECTION_LEFT_OUT,
	 "who may log in as whom is for the SSH server; a policy says who may connect to tcp/22"},
	{"sshTests", SECTION_LEFT_OUT, "there are no rules about SSH to test"},
};

static void note_children(struct ts *ts, const struct hujson_member *m, const char *name, const char *why, int depth)
{
	const struct hujson_value *v = m->value;

	if ((v->kind == HUJSON_OBJECT || (v->kind == HUJSON_ARRAY && depth == 0)) && v->n > 0 && depth < 2) {
		for (size_t i = 0; i < v->n; i++) {
			const struct hujson_member *one = &v->member[i];
			const char *child = one->key && v->kind == HUJSON_OBJECT
						    ? arena_printf(ts->im->a, "%.60s: %.60s", name, one->key)
						    : name;
			note_children(ts, one, child, why, v->kind == HUJSON_ARRAY ? 2 : depth + 1);
		}
		return;
	}
	import_note(ts->im, m->loc, "%s is not carried over: %s", name, why);
}

static void leave_out(struct ts *ts, const struct hujson_member *m, const char *name, const char *why)
{
	note_children(ts, m, name, why, 0);
	ts_keep(ts, m, name);
}

/* Twice in another case is what Go's decoder would merge; nobody means it. */
static bool check_sections(struct ts *ts)
{
	bool seen[ARRAY_SIZE(sections)] = {false};

	for (size_t i = 0; i < ts->root->n; i++) {
		const struct hujson_member *m = &ts->root->member[i];
		size_t k = 0;
		while (k < ARRAY_SIZE(sections) && strcasecmp(m->key, sections[k].name) != 0)
			k++;
		if (k == ARRAY_SIZE(sections)) {
			leave_out(ts, m, arena_printf(ts->im->a, "%.60s", m->key), "this section is not known");
			continue;
		}
		if (seen[k])
			return import_refuse(ts->im, m->loc, "%s stands twice", sections[k].name);
		seen[k] = true;
		if (sections[k].use == SECTION_LEFT_OUT)
			leave_out(ts, m, sections[k].name, sections[k].why);
	}
	return true;
}

/* ---- what no rule makes ---- */

static void comments_around(struct ts *ts, struct doc *d)
{
	const struct hujson *h = ts->in->policy;

	for (size_t i = 0; i < h->ncomments; i++)
		if (h->comment[i].begin < ts->root->begin || h->comment[i].begin >= ts->root->end)
			doc_comment(d, h->comment[i].text, h->comment[i].len);
	ts_comments(ts, d, ts->root->tail);
}

/* Comments of a section that stand before its first entry or behind its last. */
static void comments_of_sections(struct ts *ts, struct doc *d)
{
	const struct hujson *h = ts->in->policy;

	for (size_t k = 0; k < ARRAY_SIZE(sections); k++) {
		const struct hujson_member *m = hujson_find(ts->root, sections[k].name);
		if (m == NULL || sections[k].use == SECTION_LEFT_OUT)
			continue;
		for (uint32_t i = m->comments.first; i < m->comments.end; i++)
			if (h->comment[i].begin < m->value->begin || h->comment[i].begin >= m->value->end ||
			    (i >= m->value->tail.first && i < m->value->tail.end))
				doc_comment(d, h->comment[i].text, h->comment[i].len);
	}
}

static void write_network(struct ts *ts)
{
	struct doc d;
	struct loc loc = ts->root->loc;

	doc_begin(&d, ts->im, IMPORT_NETWORK, TS_HOME, loc);
	comments_around(ts, &d);
	comments_of_sections(ts, &d);
	ts_from(ts, &d, loc);
	doc_head(&d);
	doc_field(&d, "home", TS_HOME);
	doc_list(&d, "pools", false);
	for (size_t i = 0; i < ts->pools.n; i++) {
		char text[ADDR_TEXT_MAX];
		doc_item(&d, range_format(ts->pools.v[i], text), NULL);
	}
	doc_end(&d, NULL);
}

static void write_sites(struct ts *ts)
{
	static const char home[] = "Its gateways carry what goes from device to device; they are for you to add";
	struct doc d;

	doc_begin(&d, ts->im, IMPORT_SITE, TS_HOME, ts->root->loc);
	doc_comment(&d, home, strlen(home));
	doc_head(&d);
	if (ts->exit)
		doc_flag(&d, "exit", true);
	doc_end(&d, NULL);
}

static void write_users(struct ts *ts)
{
	for (size_t i = 0; i < ts->user.n; i++) {
		const struct ts_user *u = &ts->user.v[i];
		struct doc d;
		doc_begin(&d, ts->im, IMPORT_USER, u->name, u->loc);
		ts_from(ts, &d, u->loc);
		doc_head(&d);
		const char *at = strchr(u->id, '@');
		if (at != NULL && strchr(at, '.') != NULL)
			doc_field(&d, "email", u->id);
		doc_end(&d, NULL);
	}
}

static void write_generated(struct ts *ts, const char *name, const char *why, const char *suffix, bool tags)
{
	struct doc d;

	doc_begin(&d, ts->im, IMPORT_GROUP, name, ts->root->loc);
	doc_comment(&d, why, strlen(why));
	doc_head(&d);
	size_t n = tags ? ts->tag.n : suffix ? ts->user.n : 0, mark = d.text.len;
	doc_list(&d, "members", false);
	size_t begun = d.text.len;
	for (size_t i = 0; i < n; i++) {
		if (tags) {
			doc_item(&d, arena_printf(ts->im->a, "tag:%s", ts->tag.v[i].name), NULL);
			continue;
		}
		const struct ts_user *u = &ts->user.v[i];
		size_t len = strlen(u->id), end = strlen(suffix);
		if (len >= end && strcmp(u->id + len - end, suffix) == 0)
			doc_item(&d, arena_printf(ts->im->a, "user:%s", u->name), NULL);
	}
	if (d.text.len == begun) {
		d.text.len = mark;
		doc_list(&d, "members", true);
	}
	doc_end(&d, NULL);
}

static void write_autogroups(struct ts *ts)
{
	const char *const *names = ts_autogroups();

	for (size_t i = 0; names[i] != NULL; i++) {
		if (!ts->auto_used[i])
			continue;
		const char *key = arena_printf(ts->im->a, "autogroup:%s", names[i]);
		const char *name = import_name(ts->im, IMPORT_GROUP, key);
		if (i == TS_AUTO_MEMBER) {
			write_generated(ts, name, "Everybody: a new user is to be added here", "", false);
		} else if (i == TS_AUTO_TAGGED) {
			write_generated(ts, name, "Every tag: a new one is to be added here", NULL, true);
		} else {
			write_generated(ts, name, "Who has this role is not in the policy file: add them", NULL, false);
			import_note(ts->im, ts->root->loc,
				    "who is in %s is not in the policy file; the group %s is empty", key, name);
		}
	}
	for (size_t i = 0; i < ts->domain.n; i++) {
		const char *key = arena_printf(ts->im->a, "user:*%s", ts->domain.v[i]);
		write_generated(ts, import_name_like(ts->im, IMPORT_GROUP, key, ts->domain.v[i] + 1),
				"Everybody of this domain: a new user is to be added here", ts->domain.v[i], false);
	}
}

/* ---- all of it ---- */

void ts_set_pools(struct ts *ts)
{
	static const char *const text[] = {"100.64.0.0/10", "fd7a:115c:a1e0::/48"};

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct range r;
		struct prefix fixed;
		if (range_parse(text[i], strlen(text[i]), &r, &fixed) != ADDR_OK)
			BUG("the pool %s", text[i]);
		if (i == 0 ? ts->v4 : ts->v6)
			vec_push(&ts->pools, r);
	}
}

static bool read_sections(struct ts *ts)
{
	const struct hujson_member *groups = hujson_find(ts->root, "groups"),
				   *tags = hujson_find(ts->root, "tagOwners");
	const struct hujson_member *acls = hujson_find(ts->root, "acls"), *grants = hujson_find(ts->root, "grants");
	const struct hujson_member *tests = hujson_find(ts->root, "tests"),
				   *posture = hujson_find(ts->root, "defaultSrcPosture");

	ts->postures = posture != NULL && posture->value->n > 0;
	if (!check_sections(ts) || (groups && !list_groups(ts, groups)) || (tags && !read_tags(ts, tags)))
		return false;
	if (ts->in->nodes == NULL)
		ts_set_pools(ts);
	else if (!ts_nodes_read(ts))
		return false;
	if (!ts_sets_read(ts) || (groups && !write_groups(ts, groups)))
		return false;
	if ((acls && !ts_acls_read(ts, acls)) || (grants && !ts_grants_read(ts, grants)))
		return false;
	if (!acls && !grants)
		ts_default_rule(ts);
	return !tests || ts_tests_read(ts, tests);
}

static void init(struct ts *ts, struct import *im, const struct tailscale_input *in)
{
	struct strmap *maps[] = {&ts->group_of, &ts->set_of,	   &ts->tag_of,
				 &ts->user_of,	&ts->user_by_name, &ts->domain_of};

	*ts = (struct ts){.im = im, .in = in, .root = in->policy->root, .v4 = true, .v6 = true};
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		strmap_init(maps[i], im->a);
	import_name(im, IMPORT_SITE, TS_HOME);
}

static void release(struct ts *ts)
{
	for (size_t i = 0; i < ts->site.n; i++)
		ranges_release(&ts->site.v[i].nets);
	ranges_release(&ts->pools);
	vec_release(&ts->set);
	vec_release(&ts->tag);
	vec_release(&ts->user);
	vec_release(&ts->site);
	vec_release(&ts->domain);
}

bool tailscale_import(struct import *im, const struct tailscale_input *in)
{
	struct ts ts;
	size_t errors = im->d->errors;

	init(&ts, im, in);
	if (ts.root->kind != HUJSON_OBJECT) {
		import_refuse(im, ts.root->loc, "a policy file is an object, not %s", hujson_kind_word(ts.root->kind));
	} else if (read_sections(&ts)) {
		write_network(&ts);
		write_sites(&ts);
		write_autogroups(&ts);
		write_users(&ts);
	}
	release(&ts);
	return im->d->errors == errors;
}
