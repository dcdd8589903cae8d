/* SPDX-License-Identifier: Apache-2.0 */
#include "report/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "plan/agree.h"

/* Names in the kernel may be anything; what is no UTF-8 was made '?' when it was decoded. */
static void add_text(json_t *array, const char *s, size_t n)
{
	json_t *text = json_stringn(s, n);

	json_array_append_new(array, text != NULL ? text : json_string("(not readable)"));
}

static json_t *lines_json(const char *text)
{
	json_t *a = json_array();

	for (size_t i = 0; *text != '\0' && i < VERDICT_LINES_MAX; i++) {
		size_t n = strcspn(text, "\n");
		add_text(a, text, n);
		text += n + (text[n] == '\n');
	}
	return a;
}

/* --- access --- */

static json_t *who_json(const struct agree_who *w, struct arena *a)
{
	char key[KEY_TEXT_MAX], addr[ADDR_TEXT_MAX];

	range_format(w->range, addr);
	if (w->peer == NULL)
		return json_string(arena_printf(a, "%s (not behind a peer)", addr));
	if (w->peer->name != NULL && !w->strange)
		return json_string(w->peer->nallowed > 1 ? arena_printf(a, "%s (%s)", w->peer->name, addr) : w->peer->name);
	if (w->peer->name != NULL)
		return json_string(arena_printf(a, "%s (%s, revoked)", w->peer->name, addr));
	return json_string(arena_printf(a, "%s (%s, no peer of the plan)", pubkey_format(&w->peer->public_key, key), addr));
}

static void add_ranges(struct range_set s, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	bool v4 = s.n == 1 && s.v[0].lo == ADDR_V4_FIRST && s.v[0].hi == ADDR_V4_LAST;
	bool v6 = s.n == 2 && s.v[0].lo == 0 && s.v[0].hi == ADDR_V4_FIRST - 1 && s.v[1].lo == ADDR_V4_LAST + 1 &&
		  s.v[1].hi == ADDR_LAST;

	if (v4 || v6) {
		buf_adds(out, v4 ? "any IPv4 address" : "any IPv6 address");
		return;
	}
	for (size_t i = 0; i < s.n && i < VERDICT_RANGES_MAX; i++)
		buf_addf(out, "%s%s", i > 0 ? ", " : "", range_format(s.v[i], text));
	if (s.n > VERDICT_RANGES_MAX)
		buf_addf(out, " and %zu more ranges", s.n - VERDICT_RANGES_MAX);
}

/* One entry for each set of addresses, with all services that have it. */
static void add_grant(json_t *list, const struct diff_grant *g, struct arena *a)
{
	bool *told = arena_array(a, g->region.n, bool);

	for (size_t i = 0; i < g->region.n; i++) {
		VEC(struct service) service = VEC_INIT;
		struct buf to BUF_CLEANUP = BUF_INIT;
		for (size_t k = i; k < g->region.n && !told[i]; k++) {
			if (told[k] || !range_set_equal(g->region.v[i].addr, g->region.v[k].addr))
				continue;
			vec_push(&service, g->region.v[k].service);
			if (k > i)
				told[k] = true;
		}
		if (!told[i] && json_array_size(list) < VERDICT_GRANTS_MAX) {
			add_ranges(g->region.v[i].addr, &to);
			json_array_append_new(list, json_pack("{ss ss ss ss}", "to", buf_str(&to), "ports",
							      services_text(service.v, service.n, a), "when", g->when, "policy",
							      g->policy));
		}
		told[i] = true;
		vec_release(&service);
	}
}

static json_t *grants_json(const struct diff_grant *g, size_t n, struct arena *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		add_grant(list, &g[i], a);
	return list;
}

/* The ways that are concerned, unless it is all that these sources have. */
static void way_text(const struct agree_group *g, struct buf *out)
{
	static const char *const names[WAY_COUNT] = { "through the gateway", "to other devices", "to the gateway itself",
						      "from elsewhere to devices", "from the gateway itself" };
	const unsigned int inside = 1u << WAY_THROUGH | 1u << WAY_BETWEEN | 1u << WAY_TO_SELF;
	unsigned int all = g->who[0].peer != NULL ? inside : (1u << WAY_TOWARDS | 1u << WAY_FROM_SELF);
	const char *comma = "";

	if (g->ways == all && (g->replies == all || g->replies == 0))
		return;
	for (size_t i = 0; i < WAY_COUNT; i++) {
		unsigned int bit = 1u << i;
		if (!((g->ways | g->replies) & bit))
			continue;
		buf_addf(out, "%s%s%s", comma, g->ways & bit ? "" : "replies to flows ", names[i]);
		comma = ", ";
	}
}

static json_t *group_json(const struct agree_group *g, struct arena *a)
{
	struct buf way BUF_CLEANUP = BUF_INIT;
	json_t *who = json_array();

	for (size_t i = 0; i < g->nwho && i < VERDICT_WHO_MAX; i++)
		json_array_append_new(who, who_json(&g->who[i], a));
	way_text(g, &way);
	return json_pack("{so sI ss so so}", "who", who, "more_who",
			 (json_int_t)(g->nwho > VERDICT_WHO_MAX ? g->nwho - VERDICT_WHO_MAX : 0), "way", buf_str(&way), "more",
			 grants_json(g->more, g->nmore, a), "less", grants_json(g->less, g->nless, a));
}

static json_t *access_json(const struct agreement *x, struct arena *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->ngroups && i < VERDICT_GROUPS_MAX; i++)
		json_array_append_new(list, group_json(&x->group[i], a));
	return list;
}

static json_t *unknown_json(const struct agreement *x)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->nnotes && i < VERDICT_LINES_MAX; i++) {
		const struct decompile_note *n = &x->note[i];
		struct buf where BUF_CLEANUP = BUF_INIT;
		buf_adds(&where, n->chain != NULL ? "chain " : "the table");
		buf_adds(&where, n->chain != NULL ? n->chain : "");
		if (n->rule > 0)
			buf_addf(&where, ", rule %zu", n->rule);
		json_array_append_new(list, json_pack("{ss ss}", "where", buf_str(&where), "what", n->what));
	}
	return list;
}

bool verdict_write(const struct gw_plan *have, const struct gw_plan *want, int64_t now, struct buf *out)
{
	struct plan_delta d;
	struct agreement x;
	struct buf lines BUF_CLEANUP = BUF_INIT;
	struct arena a;

	arena_init(&a);
	agree_compare(&x, have, want, now, &a);
	gw_plan_diff(have, want, now, &a, &d);
	plan_delta_print(&d, &lines);
	size_t objects = d.nops > 0 || d.link == 0 ? d.nops : 1;
	size_t cut = x.ngroups > VERDICT_GROUPS_MAX ? x.ngroups - VERDICT_GROUPS_MAX : 0;
	bool equal = objects == 0 && agree_holds(&x);
	json_t *o = json_pack("{sb sb so sI so ss? sI so}", "equal", (int)equal, "access_equal", (int)agree_holds(&x), "access",
			      access_json(&x, &a), "more_access", (json_int_t)cut, "unknown", unknown_json(&x), "link", x.link,
			      "objects", (json_int_t)objects, "object", lines_json(buf_str(&lines)));
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (text == NULL)
		BUG("a verdict that is no JSON");
	buf_adds(out, text);
	free(text);
	json_decref(o);
	arena_release(&a);
	return equal;
}

/* --- its words --- */

static const char *string_of(const json_t *o, const char *member)
{
	const char *text = json_string_value(json_object_get(o, member));

	return text != NULL ? text : "";
}

static void print_lines(const json_t *lines, const char *indent)
{
	size_t i;
	json_t *line;

	json_array_foreach(lines, i, line)
		printf("%s%s\n", indent, json_string_value(line) != NULL ? json_string_value(line) : "");
}

static void print_grants(const json_t *grants, const char *word)
{
	size_t i;
	json_t *g;

	json_array_foreach(grants, i, g) {
		const char *by = string_of(g, "policy"), *when = string_of(g, "when");
		bool dated = strcmp(when, "always") != 0;
		printf("    %s %s %s", word, string_of(g, "to"), string_of(g, "ports"));
		printf("%s%s%s%s%s\n", dated ? ", " : "", dated ? when : "", *by ? " (" : "", by, *by ? ")" : "");
	}
}

static void print_group(const json_t *o)
{
	const json_t *who = json_object_get(o, "who");
	long long cut = (long long)json_integer_value(json_object_get(o, "more_who"));
	size_t i;
	json_t *name;

	printf("  ");
	json_array_foreach(who, i, name)
		printf("%s%s", i > 0 ? ", " : "", json_string_value(name) != NULL ? json_string_value(name) : "");
	if (cut > 0)
		printf(" and %lld more", cut);
	printf("%s%s\n", *string_of(o, "way") ? "; only " : "", string_of(o, "way"));
	print_grants(json_object_get(o, "more"), "+");
	print_grants(json_object_get(o, "less"), "-");
}

void verdict_print_access(const json_t *v)
{
	const json_t *access = json_object_get(v, "access"), *unknown = json_object_get(v, "unknown");
	long long cut = (long long)json_integer_value(json_object_get(v, "more_access"));
	size_t i;
	json_t *o;

	if (*string_of(v, "link"))
		printf("%s\n", string_of(v, "link"));
	if (json_array_size(access) > 0)
		printf("access that differs (+ only the kernel lets it through, - only the plan does):\n");
	json_array_foreach(access, i, o)
		print_group(o);
	if (cut > 0)
		printf("  … and %lld more groups of sources\n", cut);
	if (json_array_size(unknown) > 0)
		printf("what these let through cannot be told:\n");
	json_array_foreach(unknown, i, o)
		printf("  %s %s\n", string_of(o, "where"), string_of(o, "what"));
}

void verdict_print(const json_t *v)
{
	long long n = (long long)json_integer_value(json_object_get(v, "objects"));
	const json_t *lines = json_object_get(v, "object");

	verdict_print_access(v);
	if (n > 0)
		printf("objects that differ (yettd repairs them in its next turn when they differ from what is in force):\n");
	print_lines(lines, "  ");
	if (n > (long long)json_array_size(lines))
		printf("  … and %lld more\n", n - (long long)json_array_size(lines));
}
