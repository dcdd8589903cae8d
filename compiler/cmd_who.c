/* SPDX-License-Identifier: Apache-2.0 */
/* yett who - which devices reach a destination; yett access - what a selector's devices reach. */
#include <string.h>

#include <jansson.h>

#include "access/examples.h"
#include "base/vec.h"
#include "cmd.h"

/* One source with what it reaches of what was asked. */
struct reach {
	uint32_t source;
	struct region region;
};

static bool active(const struct compile *c, uint32_t source, int64_t t)
{
	const struct access_window *w = &c->access.window[source];

	return w->from <= t && t < w->until;
}

static json_t *region_json(struct region r)
{
	char addr[ADDR_TEXT_MAX], service[SERVICE_TEXT_MAX];
	json_t *out = json_array();

	for (size_t i = 0; i < r.n; i++) {
		json_t *list = json_array();
		for (size_t k = 0; k < r.v[i].addr.n; k++)
			json_array_append_new(list, json_string(range_format(r.v[i].addr.v[k], addr)));
		json_array_append_new(out, json_pack("{s:s, s:o}", "port", service_format(r.v[i].service, service),
						     "addresses", list));
	}
	return out;
}

static const char *owner_name(const struct compile *c, uint32_t source)
{
	const struct resolved *r = &c->resolved;

	if (source >= r->ndevices || r->device[source].owner == NONE)
		return NULL;
	return r->user[r->device[source].owner]->o.name;
}

static void print_json(const struct compile *c, const struct reach *v, size_t n, struct arena *a)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, json_pack("{s:s, s:s?, s:o}", "source",
						     source_text(&c->resolved, v[i].source, a), "owner",
						     owner_name(c, v[i].source), "access", region_json(v[i].region)));
	json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(out);
}

static void print_region(struct region r)
{
	char addr[ADDR_TEXT_MAX], service[SERVICE_TEXT_MAX];

	for (size_t i = 0; i < r.n; i++) {
		printf("  %s:", service_format(r.v[i].service, service));
		for (size_t k = 0; k < r.v[i].addr.n && k < 16; k++)
			printf("%s %s", k > 0 ? "," : "", range_format(r.v[i].addr.v[k], addr));
		if (r.v[i].addr.n > 16)
			printf(", and %zu more (see --format=json)", r.v[i].addr.n - 16);
		printf("\n");
	}
}

static void print_text(const struct compile *c, const struct reach *v, size_t n, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		const char *owner = owner_name(c, v[i].source);
		printf("%s%s%s%s\n", source_text(&c->resolved, v[i].source, a), owner ? " (user:" : "",
		       owner ? owner : "", owner ? ")" : "");
		print_region(v[i].region);
	}
	if (n == 0)
		printf("nobody\n");
}

/* What each source reaches of `asked`; sources of one class share the work. */
static size_t reaches(struct compile *c, const uint32_t *source, size_t n, const struct region *asked, int64_t t,
		      struct reach **out)
{
	struct arena *a = &c->arena;
	struct region *of_class = arena_array(a, c->access.nclasses, struct region);
	bool *known = arena_array(a, c->access.nclasses, bool);
	size_t found = 0;

	*out = arena_array(a, n, struct reach);
	for (size_t i = 0; i < n; i++) {
		uint32_t k = c->access.class_of[source[i]];
		if (!active(c, source[i], t))
			continue;
		if (!known[k]) {
			of_class[k] = region_intersect(a, *asked, class_allowed_at(&c->access, k, t, a));
			known[k] = true;
		}
		if (!region_is_empty(of_class[k]))
			(*out)[found++] = (struct reach){ source[i], of_class[k] };
	}
	return found;
}

static void print_reaches(const struct cmd_common *common, struct compile *c, const struct reach *v, size_t n)
{
	if (common->format == FORMAT_JSON)
		print_json(c, v, n, &c->arena);
	else
		print_text(c, v, n, &c->arena);
}

static int who(const struct cmd *cmd, const struct cmd_common *common, struct compile *c, char **argv, int npos, int64_t t)
{
	struct service s[2] = { { 0, SERVICE_LAST } };
	size_t ns = 1, nto;
	struct r_dest *to;
	bool to_self;
	const char *why;

	if (npos > 1 && (ns = service_parse(argv[1], strlen(argv[1]), s)) == 0)
		return cmd_fail(cmd, "a port is written tcp/443, udp/5000-5100, tcp, icmp, proto/47 or any, not %s", argv[1]);
	if (resolve_dests_text(&c->resolved, argv[0], &c->arena, &to, &nto, &to_self, &why) < 0)
		return cmd_fail(cmd, "%s", why);
	if (to_self)
		return cmd_fail(cmd, "self means another device for each owner; name a device instead");
	struct region asked = dests_region(to, nto, s, ns, false, &c->arena);
	uint32_t *all = arena_array(&c->arena, c->access.nsources, uint32_t);
	for (size_t i = 0; i < c->access.nsources; i++)
		all[i] = (uint32_t)i;
	struct reach *v;
	size_t n = reaches(c, all, c->access.nsources, &asked, t, &v);
	print_reaches(common, c, v, n);
	return EXIT_HOLDS;
}

static int access_of(const struct cmd *cmd, const struct cmd_common *common, struct compile *c, char **argv, int npos,
		     int64_t t)
{
	struct source_set from;
	const char *why;
	struct reach *v;
	struct region all = region_all(&c->arena);

	(void)npos;
	if (resolve_sources_text(&c->resolved, argv[0], &c->arena, &from, &why) < 0)
		return cmd_fail(cmd, "%s", why);
	size_t n = reaches(c, from.v, from.n, &all, t, &v);
	print_reaches(common, c, v, n);
	return EXIT_HOLDS;
}

typedef int answer_fn(const struct cmd *, const struct cmd_common *, struct compile *, char **, int, int64_t);

static int run(const struct cmd *cmd, int argc, char **argv, int max, answer_fn *answer)
{
	struct cmd_common common;
	struct compile c;
	const char *at = NULL;
	int64_t t;
	int status = EXIT_FAILS;
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "the moment asked about (default: now)", &at },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos < 1 || npos > max)
		return cmd_fail(cmd, "it takes %s; see yett %s --help", cmd->args, cmd->name);
	if (cmd_time(cmd, at, &t) < 0 || cmd_rev_at(cmd, &common, at, t) < 0)
		return EXIT_CANNOT;
	if (cmd_load(cmd, &common, common.rev, &c) < 0)
		status = EXIT_CANNOT;
	else if (c.ready)
		status = answer(cmd, &common, &c, argv, npos, t);
	compile_release(&c);
	return status;
}

static int run_who(const struct cmd *cmd, int argc, char **argv)
{
	return run(cmd, argc, argv, 2, who);
}

static int run_access(const struct cmd *cmd, int argc, char **argv)
{
	return run(cmd, argc, argv, 1, access_of);
}

const struct cmd cmd_who = {
	.name = "who",
	.args = "DEST [PORT]",
	.summary = "List the devices that reach a destination, with what of it they reach",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run_who,
};

const struct cmd cmd_access = {
	.name = "access",
	.args = "SELECTOR",
	.summary = "List what the devices of a selector reach",
	.help = "SELECTOR is a device, or user:alice, group:ops, tag:prod, plan:pro, any, site:hq, gateway:g1 or a prefix.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run_access,
};
