/* SPDX-License-Identifier: Apache-2.0 */
/* yett can - may this device reach that destination, why, and through which gateways. */
#include <string.h>

#include <jansson.h>

#include "access/cond.h"
#include "access/examples.h"
#include "access/label.h"
#include "base/clock.h"
#include "base/vec.h"
#include "cmd.h"
#include "commit_text.h"
#include "log/blame.h"
#include "log/past.h"
#include "reason.h"
#include "resolve/place.h"

#define GATEWAYS_MAX 64
#define LINE_BYTES_MAX 65536
#define SCRATCH_BYTES (1u << 20)

struct query {
	uint32_t source;
	struct region asked;
	int64_t at;
};

/* Parses a ports item; false with *why set. */
static bool parse_port(const char *text, struct arena *a, struct service out[2], size_t *n, const char **why)
{
	*n = service_parse(text, strlen(text), out);
	if (*n > 0)
		return true;
	*why = arena_printf(a, "a port is written tcp/443, udp/5000-5100, tcp, icmp, proto/47 or any, not %s", text);
	return false;
}

/* Why nothing can be asked for the name given as a device. */
static const char *no_device(const struct compile *c, const char *text, struct arena *a)
{
	const struct model *m = &c->model;
	VEC(const char *) names = VEC_INIT;
	const char *name = strncmp(text, "device:", 7) == 0 ? text + 7 : text;

	for (size_t i = 0; i < m->n[KIND_DEVICE]; i++)
		vec_push(&names, m->object[KIND_DEVICE][i]->name);
	const char *near = diag_nearest(name, names.v, names.n);
	vec_release(&names);
	if (near != NULL)
		return arena_printf(a, "there is no device \"%s\"; did you mean \"%s\"?", name, near);
	if (strncmp(text, "user:", 5) == 0 || strncmp(text, "group:", 6) == 0)
		return arena_printf(a, "%s is not one device; yett access %s lists what all of its devices reach", text, text);
	return arena_printf(a, "there is no device \"%s\"", name);
}

static int parse_query(const struct compile *c, const char *device, const char *dest, const char *port, struct arena *a,
		       struct query *q, const char **why)
{
	struct service s[2] = { { 0, SERVICE_LAST } };
	size_t ns = 1, nto;
	struct r_dest *to;
	bool to_self;

	q->source = source_find(&c->resolved, device);
	if (q->source == NONE) {
		*why = no_device(c, device, a);
		return -1;
	}
	if (port != NULL && !parse_port(port, a, s, &ns, why))
		return -1;
	if (resolve_dests_text(&c->resolved, dest, a, &to, &nto, &to_self, why) < 0)
		return -1;
	q->asked = dests_region(to, nto, s, ns, false, a);
	if (to_self)
		q->asked = region_union(a, q->asked,
					region_product(a, other_devices(&c->resolved, q->source, a), s, ns));
	if (region_is_empty(q->asked)) {
		*why = arena_printf(a, "%s matches no address", dest);
		return -1;
	}
	return 0;
}

static size_t path_of(const struct compile *c, const struct query *q, const struct answer *ans, uint32_t *gateway)
{
	return place_path(&c->resolved, q->source, ans->box.addr.lo, gateway, GATEWAYS_MAX);
}

/* One JSON string. Written by hand, as is the object around it: a batch answers hundreds of thousands of lines. */
static void add_string(struct buf *out, const char *text)
{
	if (text == NULL) {
		buf_adds(out, "null");
		return;
	}
	buf_addc(out, '"');
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20)
			buf_addf(out, "\\u%04x", (unsigned int)*p);
		else if (*p == '"' || *p == '\\')
			buf_add(out, (char[]){ '\\', *p }, 2);
		else
			buf_addc(out, *p);
	}
	buf_addc(out, '"');
}

static void add_member(struct buf *out, const char *name, const char *text)
{
	buf_addc(out, ',');
	add_string(out, name);
	buf_addc(out, ':');
	add_string(out, text);
}

/* Members in the order of their names; one line. */
static void add_answer(struct buf *out, const struct compile *c, const struct query *q, const struct answer *ans,
		       struct arena *a)
{
	const struct access_part *part = ans->verdict.part;
	uint32_t gateway[GATEWAYS_MAX];
	size_t n = path_of(c, q, ans, gateway);
	char addr[ADDR_TEXT_MAX], service[SERVICE_TEXT_MAX];

	buf_adds(out, ans->verdict.inactive ? "{\"active\":false" : "{\"active\":true");
	add_member(out, "address", range_format(ans->box.addr, addr));
	buf_adds(out, ",\"gateways\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_string(out, c->resolved.gateway[gateway[i]].decl->o.name);
	}
	buf_addc(out, ']');
	add_member(out, "policy", part != NULL ? part->policy : NULL);
	add_member(out, "port", service_format(ans->box.service, service));
	add_member(out, "verdict", ans->allow ? "allow" : "deny");
	add_member(out, "where", part != NULL ? diag_loc_text(&c->diags, a, part->loc) : NULL);
	buf_adds(out, "}\n");
}

static void print_path(const struct compile *c, const struct query *q, const struct answer *ans)
{
	uint32_t gateway[GATEWAYS_MAX];
	size_t n = path_of(c, q, ans, gateway);

	if (n == 0) {
		printf("path: no gateway carries it\n");
		return;
	}
	const char *sep = place_is_chain(&c->resolved, q->source, ans->box.addr.lo) ? " -> " : ", ";
	printf("path: ");
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i > 0 ? sep : "", c->resolved.gateway[gateway[i]].decl->o.name);
	printf("\n");
}

/* What of the question is allowed all the same, where not all of it is; by name where it has one. */
static void print_rest(struct compile *c, const struct query *q, struct arena *a)
{
	enum { MOST = 8 };
	struct region rest = region_intersect(a, q->asked,
					      class_allowed_at(&c->access, c->access.class_of[q->source], q->at, a));
	struct diff_item *item;
	size_t n = region_is_empty(rest) ? 0 : label_region(label_index_make(&c->resolved, a), rest, a, &item);

	for (size_t i = 0; i < n && i < MOST; i++)
		printf("allowed of it: %s %s\n", item[i].label, services_text(item[i].service, item[i].nservices, a));
	if (n > MOST)
		printf("allowed of it: %zu more\n", n - MOST);
}

/* The part of the question that the policy decides which the answer names, or that none does. */
static struct region decided_alike(struct compile *c, const struct query *q, const struct answer *ans)
{
	const struct access_class *class = &c->access.class[c->access.class_of[q->source]];
	struct region open = q->asked;

	if (ans->allow || ans->verdict.inactive)
		return open;
	for (size_t i = 0; i < class->nparts; i++) {
		const struct access_part *p = &c->access.part[class->part[i]];
		if (!cond_holds(&p->cond, q->at))
			continue;
		if (p == ans->verdict.part)
			return region_intersect(&c->arena, open, p->region);
		open = region_subtract(&c->arena, open, p->region);
	}
	return open;
}

/* All services of that at the answer's addresses: "any except tcp/443". */
static const char *services_of(struct compile *c, const struct query *q, const struct answer *ans)
{
	struct region r = decided_alike(c, q, ans);
	VEC(struct service) v = VEC_INIT;

	for (size_t i = 0; i < r.n; i++) {
		struct service s = r.v[i].service;
		if (!range_set_contains(r.v[i].addr, ans->box.addr.lo))
			continue;
		if (v.n > 0 && v.v[v.n - 1].hi + 1 == s.lo)
			v.v[v.n - 1].hi = s.hi;
		else
			vec_push(&v, s);
	}
	const char *text = services_text(v.v, v.n, &c->arena);
	vec_release(&v);
	return text;
}

static void print_answer(struct compile *c, const struct query *q, const struct answer *ans)
{
	const struct access_part *part = ans->verdict.part;
	char addr[ADDR_TEXT_MAX];

	printf("%s: %s to %s %s\n", ans->allow ? "allow" : "deny", source_text(&c->resolved, q->source, &c->arena),
	       range_format(ans->box.addr, addr), services_of(c, q, ans));
	if (ans->verdict.inactive)
		printf("policy: none; the device is not active at that time\n");
	else if (part == NULL)
		printf("policy: none allows it\n");
	else
		printf("policy: %s (%s)\n", part->policy, diag_loc_text(&c->diags, &c->arena, part->loc));
	print_path(c, q, ans);
	if (!ans->allow && !ans->verdict.inactive)
		print_rest(c, q, &c->arena);
}

/* null means what leaving the member out means. */
static void forget_null(json_t *object, const char *name)
{
	if (json_is_null(json_object_get(object, name)))
		json_object_del(object, name);
}

struct batch {
	const struct compile *tree; /* for lines without a time of their own */
	struct past *past;          /* for those with one; NULL: the same tree */
	int64_t now;
};

/* The tree that answers for a line's own time; NULL with *why. */
static const struct compile *batch_tree(const struct batch *b, int64_t at, struct arena *a, const char **why)
{
	char err[512] = "";

	if (b->past == NULL)
		return b->tree;
	const struct compile *c = past_tree(b->past, at, err, sizeof(err));
	if (c == NULL)
		*why = arena_strdup(a, err);
	return c;
}

/* One line of --batch: 0 with its answer appended to out, or -1 with *why. */
static int batch_line(const struct batch *b, const char *line, size_t len, struct arena *a, struct buf *out, const char **why)
{
	const struct compile *c = b->tree;
	const char *device, *dest, *port = NULL, *at = NULL;
	json_error_t je;
	struct query q = { .at = b->now };
	json_t *in = json_loadb(line, len, JSON_REJECT_DUPLICATES, &je);
	int ret = -1;

	forget_null(in, "port");
	forget_null(in, "at");
	if (in == NULL || json_unpack_ex(in, &je, JSON_STRICT, "{s:s, s:s, s?s, s?s}", "device", &device, "dest", &dest,
					 "port", &port, "at", &at) != 0) {
		*why = arena_printf(a, "not a query {\"device\", \"dest\", \"port\", \"at\"}: %s", je.text);
	} else if (at != NULL && !clock_parse(at, strlen(at), &q.at)) {
		*why = "at is not a time such as 2026-12-31T18:00:00Z";
	} else if ((at == NULL || (c = batch_tree(b, q.at, a, why)) != NULL) &&
		   parse_query(c, device, dest, port, a, &q, why) == 0) {
		struct answer ans = access_ask(&c->access, q.source, q.asked, q.at, a);
		add_answer(out, c, &q, &ans, a);
		ret = 0;
	}
	json_decref(in);
	return ret;
}

static int batch_lines(const struct batch *b)
{
	struct buf out BUF_CLEANUP = BUF_INIT;
	struct arena scratch;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int status = EXIT_HOLDS;

	arena_init(&scratch);
	while ((len = getline(&line, &cap, stdin)) >= 0) {
		const char *why = "the line is too long";
		buf_reset(&out);
		if (len > LINE_BYTES_MAX || batch_line(b, line, (size_t)len, &scratch, &out, &why) < 0) {
			buf_adds(&out, "{\"error\":");
			add_string(&out, why);
			buf_adds(&out, "}\n");
			status = EXIT_CANNOT;
		}
		fwrite(out.p, 1, out.len, stdout);
		if (scratch.used > SCRATCH_BYTES) /* not after each line: a fresh arena costs more than an answer */
			arena_release(&scratch);
	}
	arena_release(&scratch);
	free(line);
	return status;
}

/* rev: as it was given; a line's own time asks for the commit of its history that was current then. */
static int batch(const struct cmd *cmd, const struct cmd_common *common, const char *rev, const struct compile *c, int64_t now)
{
	const struct source_limits lim = { .max_bytes = common->max_bytes };
	char err[512] = "";
	struct past past;

	if (rev == NULL || history_is_commit_id(rev))
		return batch_lines(&(struct batch){ c, NULL, now });
	int status = past_open(&past, common->dir, common->path, rev, &lim, err, sizeof(err)) < 0 ?
			     cmd_fail(cmd, "%s", err) : batch_lines(&(struct batch){ c, &past, now });
	past_close(&past);
	return status;
}

/* Appends a member to the object that is the line. */
static void append_member(struct buf *line, const char *name, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	line->len -= 2; /* the closing brace and the newline */
	buf_addf(line, ",\"%s\":%s}\n", name, text);
	free(text);
}

/* ---- the commit that made the deciding policy what it is ---- */

struct blame {
	bool asked, known; /* known: false where no policy decides, or it is not committed */
	struct commit commit;
};

static const struct object *policy_object(const struct compile *c, const char *name)
{
	uint32_t i = resolved_find(&c->resolved, KIND_POLICY, name);

	return i != NONE ? &c->resolved.policy[i].decl->o : NULL;
}

/* -1 after explaining. */
static int find_blame(const struct cmd *cmd, const struct cmd_common *common, struct compile *c, const struct answer *ans,
		      struct blame *b)
{
	const struct source_limits lim = { .max_bytes = common->max_bytes };
	const struct object *policy = ans->verdict.part != NULL ? policy_object(c, ans->verdict.part->policy) : NULL;
	struct source_repo repo;
	char err[512] = "";

	if (!b->asked || policy == NULL)
		return 0;
	int ret = source_repo_open(&repo, common->dir, common->path, err, sizeof(err));
	if (ret == 0)
		ret = blame_object(&b->commit, &repo, &lim, common->rev != NULL ? common->rev : "HEAD", policy, &c->arena,
				   err, sizeof(err));
	source_repo_close(&repo);
	if (ret < 0)
		cmd_fail(cmd, "%s", err);
	b->known = ret == 0;
	return ret < 0 ? -1 : 0;
}

static json_t *blame_json(const struct blame *b)
{
	const struct commit *c = &b->commit;

	if (!b->known)
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "commit", c->id, "subject", c->subject, "author",
			 commit_text_person(&c->author), "committer", commit_text_person(&c->committer), "signature",
			 commit_text_signature_json(c));
}

static void print_blame(const struct blame *b, const struct answer *ans)
{
	const struct commit *c = &b->commit;
	struct buf signature BUF_CLEANUP = BUF_INIT;
	char date[CLOCK_TEXT_MAX];

	if (ans->verdict.part == NULL)
		return;
	if (!b->known) {
		printf("commit: %s is not committed like this yet\n", ans->verdict.part->policy);
		return;
	}
	commit_text_signature(c, &signature);
	printf("commit: %s %s\n", c->id, c->subject);
	printf("author: %s <%s>, %s\n", c->author.name, c->author.email, clock_format(c->author.date, date));
	printf("committer: %s <%s>, %s\n", c->committer.name, c->committer.email, clock_format(c->committer.date, date));
	printf("signature: %s\n", buf_str(&signature));
}

static void print_json(struct compile *c, const struct query *q, const struct answer *ans, json_t *reason,
		       const struct blame *blame)
{
	struct buf out BUF_CLEANUP = BUF_INIT;

	add_answer(&out, c, q, ans, &c->arena);
	if (reason != NULL)
		append_member(&out, "why", reason);
	if (blame->asked) {
		json_t *introduced = blame_json(blame);
		append_member(&out, "introduced", introduced);
		json_decref(introduced);
	}
	fwrite(out.p, 1, out.len, stdout);
}

static int ask(const struct cmd *cmd, const struct cmd_common *common, struct compile *c, char **argv, const char *port,
	       int64_t at, bool explain, bool blame)
{
	const char *why = NULL;
	struct query q = { .at = at };
	uint32_t gateway[GATEWAYS_MAX];
	struct blame b = { .asked = blame };

	if (parse_query(c, argv[0], argv[1], port, &c->arena, &q, &why) < 0)
		return cmd_fail(cmd, "%s", why);
	struct answer ans = access_ask(&c->access, q.source, q.asked, q.at, &c->arena);
	if (find_blame(cmd, common, c, &ans, &b) < 0)
		return EXIT_CANNOT;
	const struct reason_question rq = {
		.source = q.source, .addr = ans.box.addr.lo, .service = ans.box.service.lo, .at = at,
		.gateway = gateway, .ngateways = path_of(c, &q, &ans, gateway),
	};
	if (common->format == FORMAT_JSON) {
		json_t *reason = explain ? reason_json(c, &rq) : NULL;
		print_json(c, &q, &ans, reason, &b);
		json_decref(reason);
	} else {
		struct buf out BUF_CLEANUP = BUF_INIT;
		print_answer(c, &q, &ans);
		if (explain)
			reason_text(c, &rq, &out);
		fputs(buf_str(&out), stdout);
		if (blame)
			print_blame(&b, &ans);
	}
	return ans.allow ? EXIT_HOLDS : EXIT_FAILS;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	struct compile c;
	const char *at = NULL;
	bool is_batch = false, explain = false, blame = false;
	int64_t t;
	int status = EXIT_FAILS;
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "the moment asked about (default: now)", &at },
		{ "batch", 0, OPTION_FLAG, NULL, "answer JSON lines {device, dest, port, at} from standard input", &is_batch },
		{ "explain", 0, OPTION_FLAG, NULL, "add the chain: owner, groups, each policy in order, the rendered rule", &explain },
		{ "blame", 0, OPTION_FLAG, NULL, "add the commit that made the deciding policy what it is", &blame },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (is_batch ? npos != 0 || explain || blame : npos < 2 || npos > 3)
		return cmd_fail(cmd, "it takes DEVICE DEST [PORT], or --batch alone; see yett can --help");
	const char *branch = common.rev;
	if (cmd_time(cmd, at, &t) < 0 || cmd_rev_at(cmd, &common, at, t) < 0)
		return EXIT_CANNOT;
	if (cmd_load(cmd, &common, common.rev, &c) < 0)
		status = EXIT_CANNOT;
	else if (c.ready)
		status = is_batch ? batch(cmd, &common, branch, &c, t) :
				    ask(cmd, &common, &c, argv, npos > 2 ? argv[2] : NULL, t, explain, blame);
	compile_release(&c);
	return status;
}

const struct cmd cmd_can = {
	.name = "can",
	.args = "DEVICE DEST [PORT]",
	.summary = "Say whether a device may reach a destination, and why",
	.help = "DEST is an address, a prefix, a range or a selector such as resource:wiki; PORT is tcp/443,\n"
		"udp/5000-5100, tcp, icmp or any (the default). All of it must be allowed for the answer allow.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run,
};
