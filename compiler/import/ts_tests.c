/* SPDX-License-Identifier: Apache-2.0 */
/* ts_tests - the tests of a policy file. */
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "import/ts.h"

enum { SRC, USER, ACCEPT, ALLOW, DENY, PROTO, ATTRS, KEYS };

/* One case: destinations and the ports at which they are asked. */
struct asked {
	ts_items to;
	ts_words ports;
};
typedef VEC(struct asked) cases;

static bool is_number(const char *s)
{
	return s[0] != '\0' && strspn(s, "0123456789") == strlen(s);
}

/* A user that neither a rule nor the nodes file knows would make a test that asks nobody. */
static bool user_unknown(struct ts *ts, const char *text)
{
	if (strncmp(text, "user:", strlen("user:")) == 0)
		text += strlen("user:");
	return strchr(text, '@') != NULL && strncmp(text, "*@", 2) != 0 &&
	       strmap_get(&ts->set_of, text, strlen(text)) == STRMAP_NONE &&
	       strmap_get(&ts->user_of, text, strlen(text)) == STRMAP_NONE;
}

static bool ask_ports(struct ts *ts, const char *proto, const char *port, struct loc loc, bool deny, ts_words *out)
{
	if (proto != NULL)
		return ts_services(ts, proto, port, strlen(port), loc, out);
	return ts_services(ts, "tcp", port, strlen(port), loc, out) &&
	       (!deny || ts_services(ts, "udp", port, strlen(port), loc, out));
}

static bool read_case(struct ts *ts, const struct hujson_value *v, const char *proto, bool deny, cases *out)
{
	const char *text, *port;
	size_t len;
	struct ts_target t;

	if (!ts_split_ports(ts, v, &text, &len, &port))
		return false;
	const char *who = arena_strndup(ts->im->a, text, len);
	if (!is_number(port)) {
		import_note(ts->im, v->loc,
			    "%s is left out of the test: a destination of a test is one host and one port",
			    import_quote(ts->im, v->text, v->len));
		return true;
	}
	if (user_unknown(ts, who)) {
		import_note(ts->im, v->loc, "%s is left out of the test: nothing else names this user",
			    import_quote(ts->im, v->text, v->len));
		return true;
	}
	if (!ts_target_read(ts, text, len, v->loc, TS_DST, &t))
		return false;
	if (t.kind == TS_RANGES && !t.host) {
		import_note(ts->im, v->loc,
			    "%s is left out of the test: a destination of a test is one host and one port",
			    import_quote(ts->im, v->text, v->len));
		return true;
	}
	vec_push(out, ((struct asked){.to = VEC_INIT}));
	struct asked *a = &out->v[out->n - 1];
	ts_dest_items(ts, &t, &a->to);
	return ask_ports(ts, proto, port, v->loc, deny, &a->ports);
}

static bool read_cases(struct ts *ts, const struct hujson_member *m, const char *proto, bool deny, cases *out)
{
	const struct hujson_value *list = m ? ts_expect(ts, m, HUJSON_ARRAY, "the destinations of a test") : NULL;

	if (m != NULL && list == NULL)
		return false;
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		const struct hujson_value *v =
			ts_expect(ts, &list->member[i], HUJSON_STRING, "a destination of a test");
		if (v == NULL || !read_case(ts, v, proto, deny, out))
			return false;
	}
	return true;
}

static void write_cases(struct doc *d, const char *key, const cases *c)
{
	if (c->n == 0)
		return;
	doc_list(d, key, false);
	for (size_t i = 0; i < c->n; i++) {
		const struct asked *a = &c->v[i];
		if (a->to.n == 0 || a->ports.n == 0)
			continue;
		doc_open_item(d, "to");
		for (size_t k = 0; k < a->to.n; k++)
			doc_item(d, a->to.v[k].text, a->to.v[k].comment);
		doc_list(d, "ports", false);
		for (size_t k = 0; k < a->ports.n; k++)
			doc_item(d, a->ports.v[k], NULL);
		doc_close_item(d);
	}
}

static size_t count_cases(const cases *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->v[i].to.n > 0 && c->v[i].ports.n > 0;
	return n;
}

static void release_cases(cases *c)
{
	for (size_t i = 0; i < c->n; i++) {
		vec_release(&c->v[i].to);
		vec_release(&c->v[i].ports);
	}
	vec_release(c);
}

static void write_test(struct ts *ts, const struct hujson_member *m, size_t number, const ts_items *from,
		       const cases *allow, const cases *deny)
{
	struct doc d;

	doc_begin(&d, ts->im, IMPORT_TEST,
		  import_name(ts->im, IMPORT_TEST, arena_printf(ts->im->a, "test-%zu", number)), m->loc);
	ts_comments(ts, &d, m->comments);
	ts_from(ts, &d, m->loc);
	doc_head(&d);
	doc_list(&d, "from", false);
	for (size_t i = 0; i < from->n; i++)
		doc_item(&d, from->v[i].text, from->v[i].comment);
	write_cases(&d, "allow", allow);
	write_cases(&d, "deny", deny);
	doc_end(&d, NULL);
}

static bool read_source(struct ts *ts, const struct hujson_member *m, ts_items *from)
{
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_STRING, "the source of a test");
	struct ts_target t;

	if (v == NULL)
		return false;
	if (user_unknown(ts, v->text)) {
		import_note(ts->im, v->loc, "the user %s of this test is named by nothing else",
			    import_quote(ts->im, v->text, v->len));
		return true;
	}
	if (!ts_target_read(ts, v->text, v->len, v->loc, TS_SRC, &t))
		return false;
	ts_source_items(ts, &t, v->loc, from);
	return true;
}

static bool convert(struct ts *ts, const struct hujson_member *m, const struct hujson_member *const *of, size_t number)
{
	ts_items from = VEC_INIT;
	cases allow = VEC_INIT, deny = VEC_INIT;
	const char *proto = NULL;
	bool ok = true;

	if (of[PROTO] != NULL) {
		const struct hujson_value *v = ts_expect(ts, of[PROTO], HUJSON_STRING, "proto");
		ok = v != NULL;
		proto = ok && v->len > 0 ? v->text : NULL;
	}
	ok = ok && read_source(ts, of[SRC] ? of[SRC] : of[USER], &from) &&
	     read_cases(ts, of[ACCEPT] ? of[ACCEPT] : of[ALLOW], proto, false, &allow) &&
	     read_cases(ts, of[DENY], proto, true, &deny);
	if (ok && from.n > 0 && count_cases(&allow) + count_cases(&deny) > 0) {
		write_test(ts, m, number, &from, &allow, &deny);
	} else if (ok) {
		import_note(ts->im, m->loc, "nothing is left of this test; it is not carried over");
		ts_keep(ts, m, import_place(ts->im, m->loc));
	}
	vec_release(&from);
	release_cases(&allow);
	release_cases(&deny);
	return ok;
}

static bool read_test(struct ts *ts, const struct hujson_member *m, size_t number)
{
	static const char *const keys[KEYS] = {"src", "user", "accept", "allow", "deny", "proto", "srcPostureAttrs"};
	const struct hujson_member *of[KEYS] = {NULL};
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_OBJECT, "a test");

	for (size_t i = 0; v != NULL && i < v->n; i++) {
		size_t k = 0;
		while (k < KEYS && strcasecmp(keys[k], v->member[i].key) != 0)
			k++;
		if (k < KEYS && of[k] != NULL)
			return import_refuse(ts->im, v->member[i].loc, "%s stands twice in one test", keys[k]);
		if (k == ATTRS || k == KEYS)
			import_note(ts->im, v->member[i].loc, "%s of a test is not carried over",
				    import_quote(ts->im, v->member[i].key, strlen(v->member[i].key)));
		if (k < KEYS)
			of[k] = &v->member[i];
	}
	if (v != NULL && ((of[SRC] == NULL) == (of[USER] == NULL) || (of[ACCEPT] && of[ALLOW])))
		return import_refuse(ts->im, m->loc, "a test has one src, and accept or deny");
	return v != NULL && convert(ts, m, of, number);
}

bool ts_tests_read(struct ts *ts, const struct hujson_member *m)
{
	const struct hujson_value *v = ts_expect(ts, m, HUJSON_ARRAY, "tests");

	for (size_t i = 0; v != NULL && i < v->n; i++)
		if (!read_test(ts, &v->member[i], i + 1))
			return false;
	return v != NULL;
}
