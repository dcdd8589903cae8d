/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/crew.h"
#include "base/text.h"
#include "base/vec.h"
#include "log/past.h"

#define LONG_BASE 256 /* getopt_long() values of options without a letter start here */
#define OPTIONS_MAX 32

static const char *const format_names[] = {
	[FORMAT_TEXT] = "text",
	[FORMAT_JSON] = "json",
	[FORMAT_MARKDOWN] = "markdown",
	[FORMAT_TAP] = "tap",
	[FORMAT_SARIF] = "sarif",
	[FORMAT_GITHUB] = "github",
	[FORMAT_JUNIT] = "junit",
};

int cmd_fail(const struct cmd *cmd, const char *fmt, ...)
{
	struct buf said BUF_CLEANUP = BUF_INIT, safe BUF_CLEANUP = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&said, fmt, ap);
	va_end(ap);
	text_add_safe(&safe, buf_str(&said), said.len); /* what was typed may be something that a page said */
	fprintf(stderr, "yett: %s: %s\n", cmd->name, buf_str(&safe));
	return EXIT_CANNOT;
}

int cmd_parse_status(int ret)
{
	return ret == -2 ? EXIT_HOLDS : EXIT_CANNOT;
}

enum { OPTION_COLUMN = 29 }; /* where an option's explanation begins */

static void add_option(struct buf *out, const struct cmd_option *o)
{
	size_t before = out->len;

	if (o->letter)
		buf_addf(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_addf(out, "      --%s", o->name);
	if (o->arg != NULL)
		buf_addf(out, "=%s", o->arg);
	size_t n = out->len - before;
	if (n >= OPTION_COLUMN)
		buf_addf(out, "\n%*s", OPTION_COLUMN, "");
	else
		buf_addf(out, "%*s", (int)(OPTION_COLUMN - n), "");
	text_add_wrapped(out, o->help, OPTION_COLUMN, OPTION_COLUMN);
	buf_addc(out, '\n');
}

static void print_help(const struct cmd *cmd, const struct cmd_option *own, const struct cmd_option *common)
{
	struct buf out BUF_CLEANUP = BUF_INIT;

	buf_addf(&out, "Usage: yett %s [OPTION]...%s%s\n", cmd->name, *cmd->args ? " " : "", cmd->args);
	text_add_wrapped(&out, cmd->summary, 0, 0);
	buf_adds(&out, ".\n\n");
	if (cmd->help != NULL) {
		text_add_paragraphs(&out, cmd->help);
		buf_addc(&out, '\n');
	}
	if (own != NULL && own->name != NULL) {
		buf_adds(&out, "Options:\n");
		for (; own->name != NULL; own++)
			add_option(&out, own);
		buf_addc(&out, '\n');
	}
	buf_adds(&out, "Options of every command:\n");
	for (; common->name != NULL; common++)
		add_option(&out, common);
	buf_adds(&out, "\nFormats:");
	for (size_t f = 0; f < ARRAY_SIZE(format_names); f++)
		if (cmd->formats & 1u << f)
			buf_addf(&out, " %s", format_names[f]);
	buf_adds(&out, "\n");
	text_add_paragraphs(&out, "Exit status: 0 it holds; 1 the tree has errors, a test failed or the answer is deny; 2 it could not run.");
	fputs(buf_str(&out), stdout);
}

/* All options of one command in getopt_long()'s form; index i of `all` has value letter or LONG_BASE + i. */
struct parser {
	const struct cmd_option *all[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 2];
	size_t n, nshorts;
};

static void parser_add(struct parser *p, const struct cmd_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		if (p->n == OPTIONS_MAX)
			BUG("too many options");
		p->all[p->n] = o;
		p->longs[p->n] = (struct option){ o->name, o->kind == OPTION_FLAG ? no_argument : required_argument,
						  NULL, LONG_BASE + (int)p->n };
		if (o->letter) {
			p->shorts[p->nshorts++] = o->letter;
			if (o->kind != OPTION_FLAG)
				p->shorts[p->nshorts++] = ':';
		}
		p->n++;
	}
}

static const struct cmd_option *parser_find(const struct parser *p, int value)
{
	if (value >= LONG_BASE && (size_t)(value - LONG_BASE) < p->n)
		return p->all[value - LONG_BASE];
	for (size_t i = 0; i < p->n; i++)
		if (p->all[i]->letter && p->all[i]->letter == value)
			return p->all[i];
	return NULL;
}

static bool parse_size(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	unsigned int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

	if (errno != 0 || end[shift != 0] != '\0' || v > UINT64_MAX >> shift)
		return false;
	*out = (uint64_t)v << shift;
	return v != 0; /* 0 would read as "no limit" to some and as "nothing" to others */
}

static bool option_set(const struct cmd_option *o, const char *arg)
{
	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)o->value = true;
		return true;
	case OPTION_TEXT:
		*(const char **)o->value = arg;
		return true;
	case OPTION_LIST: {
		struct option_list *l = o->value;
		const char **v = reallocarray(l->v, l->n + 1, sizeof(*v));
		if (v == NULL)
			BUG("out of memory");
		l->v = v;
		l->v[l->n++] = arg;
		return true;
	}
	case OPTION_SIZE:
		return parse_size(arg, o->value);
	}
	return false;
}

static int settle_format(const struct cmd *cmd, struct cmd_common *c)
{
	if (c->format_text == NULL)
		return 0;
	for (size_t f = 0; f < ARRAY_SIZE(format_names); f++) {
		if (strcmp(c->format_text, format_names[f]) == 0 && cmd->formats & 1u << f) {
			c->format = (enum cmd_format)f;
			return 0;
		}
	}
	cmd_fail(cmd, "--format=%s is not one of its formats; see yett %s --help", c->format_text, cmd->name);
	return -1;
}

static int settle_color(const struct cmd *cmd, struct cmd_common *c)
{
	const char *when = c->color_text != NULL ? c->color_text : "auto";
	const char *no_color = getenv("NO_COLOR");

	if (strcmp(when, "always") == 0) {
		c->color = true;
	} else if (strcmp(when, "never") == 0) {
		c->color = false;
	} else if (strcmp(when, "auto") == 0) {
		c->color = isatty(STDERR_FILENO) && (no_color == NULL || *no_color == '\0');
	} else {
		cmd_fail(cmd, "--color takes auto, always or never, not %s", when);
		return -1;
	}
	return 0;
}

/* What is wrong with an option that there is. */
static const char *option_misuse(const struct parser *p, int value)
{
	return parser_find(p, value)->kind == OPTION_FLAG ? "gives a value to an option that takes none" : "lacks its value";
}

static int parse_all(const struct cmd *cmd, const struct parser *p, int argc, char **argv, const bool *help)
{
	int value;

	optind = 0; /* a fresh scan; GNU permutes positional arguments to the end */
	opterr = 0;
	while ((value = getopt_long(argc, argv, p->shorts, p->longs, NULL)) != -1) {
		const struct cmd_option *o = parser_find(p, value);
		if (value == '?' || value == ':' || o == NULL) {
			const char *bad = optind > 0 && optind <= argc ? argv[optind - 1] : "";
			bool known = parser_find(p, optopt) != NULL;
			cmd_fail(cmd, "%s %s; see yett %s --help", bad, known ? option_misuse(p, optopt) : "is not one of its options",
				 cmd->name);
			return -1;
		}
		if (!option_set(o, optarg)) {
			cmd_fail(cmd, "--%s takes a number%s above 0, not %s", o->name,
				 strcmp(o->name, "max-bytes") == 0 ? " of bytes such as 64M," : "", optarg);
			return -1;
		}
		if (*help)
			return -2;
	}
	return 0;
}

int cmd_parse(const struct cmd *cmd, int argc, char **argv, const struct cmd_option *own, struct cmd_common *c)
{
	bool help = false;
	const struct cmd_option common[] = {
		{ "directory", 'C', OPTION_TEXT, "DIR", "the policy tree, or the repository with --rev (default .)", &c->dir },
		{ "rev", 0, OPTION_TEXT, "REV", "read the tree of this commit, without a checkout", &c->rev },
		{ "path", 0, OPTION_TEXT, "PATH", "with a revision: the policy tree's folder inside it (default: where -C lies)", &c->path },
		{ "format", 0, OPTION_TEXT, "FORMAT", "form of the results (default text)", &c->format_text },
		{ "color", 0, OPTION_TEXT, "WHEN", "auto, always or never; NO_COLOR is honoured", &c->color_text },
		{ "quiet", 'q', OPTION_FLAG, NULL, "no warnings and no summary", &c->quiet },
		{ "max-bytes", 0, OPTION_SIZE, "N", "most bytes of YAML to read (default 64M)", &c->max_bytes },
		{ "max-errors", 0, OPTION_SIZE, "N", "most diagnostics to print (default: 16 KiB of text)", &c->max_errors },
		{ "threads", 0, OPTION_SIZE, "N", "read the tree with N threads (default: one a processor, at most 4)", &c->threads },
		{ "help", 'h', OPTION_FLAG, NULL, "print this and exit", &help },
		{ 0 },
	};
	struct parser p = { .n = 0 };

	*c = (struct cmd_common){ .dir = "." };
	parser_add(&p, own);
	parser_add(&p, common);
	int ret = parse_all(cmd, &p, argc, argv, &help);
	if (ret == -2)
		print_help(cmd, own, common);
	if (ret < 0)
		return ret;
	if (settle_format(cmd, c) < 0 || settle_color(cmd, c) < 0)
		return -1;
	int npos = argc - optind;
	for (int i = 0; i < npos; i++)
		argv[i] = argv[optind + i];
	argv[npos] = NULL;
	return npos;
}

static void drop_warnings(struct diags *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity == DIAG_ERROR)
			d->v[n++] = d->v[i];
	d->n = n;
	d->warnings = 0;
}

static int compile_after(const struct cmd *cmd, const struct cmd_common *common, const char *rev, const struct compile *base,
			 struct compile *c)
{
	char err[512] = "";
	const struct compile_input in = {
		.dir = common->dir,
		.rev = rev,
		.base = base,
		.path = common->path,
		.limits = { .max_bytes = common->max_bytes,
			    .threads = common->threads != 0 ? (unsigned int)common->threads : crew_size() },
	};

	compile_init(c);
	if (common->path != NULL && rev == NULL) {
		cmd_fail(cmd, "--path goes with a revision; name a folder with -C");
		return -1;
	}
	if (common->max_errors != 0)
		c->diags.max = (size_t)common->max_errors;
	if (compile_run(c, &in, err, sizeof(err)) < 0) {
		cmd_fail(cmd, "%s", err);
		return -1;
	}
	return 0;
}

int cmd_compile(const struct cmd *cmd, const struct cmd_common *common, const char *rev, struct compile *c)
{
	return compile_after(cmd, common, rev, NULL, c);
}

void cmd_print_diags(const struct cmd_common *common, struct compile *c)
{
	const struct diag_style style = {
		.format = common->format == FORMAT_JSON ? DIAG_JSON : DIAG_TEXT,
		.color = common->color,
		.max_bytes = common->max_errors != 0 ? SIZE_MAX : 0,
	};

	if (common->quiet)
		drop_warnings(&c->diags);
	diags_sort(&c->diags);
	if (c->diags.n > 0)
		diags_print(&c->diags, &style, stderr);
}

/* What stands before a path in the tree so that it leads there from where the command runs. */
static const char *report_root(const struct cmd_common *common, struct arena *a)
{
	if (common->rev != NULL)
		return common->path;
	if (*common->dir != '/')
		return strncmp(common->dir, "./", 2) == 0 ? common->dir + 2 : common->dir;
	char *here = getcwd(NULL, 0);
	size_t n = here != NULL ? strlen(here) : 0;
	bool below = n > 0 && strncmp(common->dir, here, n) == 0 && (common->dir[n] == '/' || common->dir[n] == '\0');
	const char *root = below ? common->dir + n + (common->dir[n] == '/') : common->dir;

	free(here);
	return arena_strdup(a, root);
}

void cmd_report_diags(const struct cmd_common *common, struct compile *c)
{
	static const enum diag_format form[] = { [FORMAT_JSON] = DIAG_JSON, [FORMAT_SARIF] = DIAG_SARIF,
						 [FORMAT_GITHUB] = DIAG_GITHUB, [FORMAT_JUNIT] = DIAG_JUNIT };
	struct diag_style style = { .format = form[common->format] };

	if (common->format == FORMAT_TEXT) {
		cmd_print_diags(common, c);
		return;
	}
	if (common->format != FORMAT_JSON)
		style.root = report_root(common, &c->arena);
	if (common->quiet)
		drop_warnings(&c->diags);
	diags_sort(&c->diags);
	diags_print(&c->diags, &style, stdout);
}

int cmd_load_after(const struct cmd *cmd, const struct cmd_common *common, const char *rev, const struct compile *base, struct compile *c)
{
	if (compile_after(cmd, common, rev, base, c) < 0)
		return -1;
	cmd_print_diags(common, c);
	return 0;
}

int cmd_load(const struct cmd *cmd, const struct cmd_common *common, const char *rev, struct compile *c)
{
	return cmd_load_after(cmd, common, rev, NULL, c);
}

int cmd_time(const struct cmd *cmd, const char *text, int64_t *t)
{
	if (text == NULL) {
		*t = clock_now();
		return 0;
	}
	if (clock_parse(text, strlen(text), t))
		return 0;
	cmd_fail(cmd, "--at takes a time such as 2026-12-31 or 2026-12-31T18:00:00Z, not %s", text);
	return -1;
}

int cmd_rev_at(const struct cmd *cmd, struct cmd_common *common, const char *at, int64_t t)
{
	const struct source_limits lim = { .max_bytes = common->max_bytes };
	char err[512] = "";
	struct past p;

	if (at == NULL || common->rev == NULL || history_is_commit_id(common->rev) || t >= clock_now())
		return 0;
	int ret = past_open(&p, common->dir, common->path, common->rev, &lim, err, sizeof(err));
	const struct history_commit *h = ret < 0 ? NULL : past_commit(&p, t, err, sizeof(err));

	if (h == NULL)
		cmd_fail(cmd, "%s: %s", common->rev, err);
	else
		common->rev = git_oid_tostr(common->rev_then, sizeof(common->rev_then), &h->id);
	past_close(&p);
	return h == NULL ? -1 : 0;
}
