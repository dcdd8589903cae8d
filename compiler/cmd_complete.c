/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yett complete - what may stand at the end of a command line, for the shells' completions.
 *
 * Options come from a command's own --help and arguments from the words in its usage line (DEVICE, DEST, FILE), so
 * a new command is completed without a change here.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <git2.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/codes.h"
#include "base/vec.h"
#include "cmd.h"
#include "init_pack.h"
#include "field.h"

#define ABOUT_MAX 60
#define PORTS_MAX 512

struct option_row {
	char letter; /* 0: none */
	const char *name, *arg, *about; /* arg NULL: a flag */
};

struct completion {
	struct arena arena;
	const char *word;   /* what is typed so far */
	const char *prefix; /* "--option=", written before each candidate */
	const struct cmd *cmd;
	VEC(struct option_row) option;
	const char *formats; /* "text json" */
	const char *dir, *rev, *path;
	struct diags diags;
	struct model model;
	bool has_model;
};

/* One candidate a line, and behind a tab what it is; of those that start as the word does. */
static void offer(const struct completion *c, const char *text, const char *about)
{
	if (strncmp(text, c->word, strlen(c->word)) != 0)
		return;
	printf("%s%s", c->prefix, text);
	if (about != NULL && *about) {
		putchar('\t');
		for (size_t i = 0; about[i] && i < ABOUT_MAX; i++)
			putchar((unsigned char)about[i] < ' ' ? ' ' : about[i]);
	}
	putchar('\n');
}

static void offer_words(const struct completion *c, const char *words)
{
	char word[64];

	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		if (n > 0)
			offer(c, word, NULL);
	}
}

/* ---- what a command takes, by its --help ---- */

static char *read_help(struct completion *c)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	char name[64], option[] = "--help", part[4096];
	char *argv[] = { name, option, NULL };
	int fd[2];

	snprintf(name, sizeof(name), "%s", c->cmd->name);
	fflush(stdout);
	if (pipe(fd) < 0)
		return NULL;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDOUT_FILENO);
		close(fd[0]);
		close(fd[1]);
		c->cmd->run(c->cmd, 2, argv);
		fflush(stdout);
		_exit(0);
	}
	close(fd[1]);
	for (ssize_t n; pid > 0 && (n = read(fd[0], part, sizeof(part))) > 0;)
		buf_add(&text, part, (size_t)n);
	close(fd[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return arena_strdup(&c->arena, buf_str(&text));
}

/* "  -C, --directory=DIR       about" */
static void read_option(struct completion *c, const char *line)
{
	struct option_row row = { .letter = line[2] == '-' && line[3] != '-' ? line[3] : 0 };
	const char *dashes = strstr(line, "--");

	if (dashes == NULL)
		return;
	size_t n = strcspn(dashes + 2, "= ");
	row.name = arena_strndup(&c->arena, dashes + 2, n);
	const char *rest = dashes + 2 + n;
	if (*rest == '=') {
		n = strcspn(++rest, " ");
		row.arg = arena_strndup(&c->arena, rest, n);
		rest += n;
	}
	row.about = arena_strdup(&c->arena, rest + strspn(rest, " "));
	vec_push(&c->option, row);
}

static void read_options(struct completion *c)
{
	char *line = read_help(c);

	c->formats = "";
	while (line != NULL && *line) {
		char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;
		*end = '\0';
		if (strncmp(line, "  -", 3) == 0 || strncmp(line, "      --", 8) == 0)
			read_option(c, line);
		else if (strncmp(line, "Formats: ", 9) == 0)
			c->formats = line + 9;
		line = next;
	}
}

static const struct option_row *find_option(const struct completion *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->option.n; i++)
		if (strlen(c->option.v[i].name) == len && memcmp(c->option.v[i].name, name, len) == 0)
			return &c->option.v[i];
	return NULL;
}

static const struct option_row *find_letter(const struct completion *c, char letter)
{
	for (size_t i = 0; i < c->option.n; i++)
		if (c->option.v[i].letter && c->option.v[i].letter == letter)
			return &c->option.v[i];
	return NULL;
}

/* ---- names from the tree ---- */

static const struct model *tree(struct completion *c)
{
	const struct source_limits limits = { 0 };
	struct source s;
	char err[512];

	if (c->has_model)
		return &c->model;
	c->has_model = true;
	diags_init(&c->diags, &c->arena);
	int ret = c->rev != NULL ? source_open_commit(&s, c->dir, c->rev, c->path ? c->path : "", &limits, &c->arena, &c->diags,
						      err, sizeof(err)) :
				   source_open_dir(&s, c->dir, &limits, &c->arena, &c->diags, err, sizeof(err));
	/* A tree with mistakes still has names. */
	if (ret == 0)
		model_read(&c->model, &s, &c->arena, &c->diags);
	return &c->model;
}

static void offer_kind(struct completion *c, enum kind kind, const char *before)
{
	const struct model *m = tree(c);

	for (size_t i = 0; i < m->n[kind]; i++) {
		const struct object *o = m->object[kind][i];
		const char *about = o->description;
		if (about == NULL && kind == KIND_DEVICE)
			about = ((const struct device *)o)->owner;
		offer(c, arena_printf(&c->arena, "%s%s", before, o->name), about);
	}
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void offer_sorted(struct completion *c, const char **v, size_t n)
{
	if (n > 1)
		qsort(v, n, sizeof(*v), cmp_text);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(v[i], v[i - 1]) != 0)
			offer(c, v[i], NULL);
}

static void offer_tags(struct completion *c, const char *before)
{
	const struct model *m = tree(c);
	VEC(const char *) tags = VEC_INIT;

	for (size_t k = 0; k < KIND_COUNT; k++)
		for (size_t i = 0; i < m->n[k]; i++)
			for (size_t t = 0; t < m->object[k][i]->tags.n; t++)
				vec_push(&tags, arena_printf(&c->arena, "%s%s", before, m->object[k][i]->tags.v[t]));
	offer_sorted(c, tags.v, tags.n);
	vec_release(&tags);
}

static void give_ports(struct completion *c)
{
	const struct model *m = tree(c);
	VEC(const char *) ports = VEC_INIT;

	for (size_t i = 0; i < m->n[KIND_RESOURCE]; i++) {
		const port_list *l = &((const struct resource *)m->object[KIND_RESOURCE][i])->ports;
		for (size_t k = 0; k < l->n && ports.n < PORTS_MAX; k++)
			vec_push(&ports, type_ports.print(&c->arena, &l->v[k]));
	}
	offer_sorted(c, ports.v, ports.n);
	vec_release(&ports);
	offer_words(c, "any icmp tcp udp");
}

/* ---- what a word in a usage line stands for ---- */

static void give_device(struct completion *c) { offer_kind(c, KIND_DEVICE, ""); }
static void give_gateway(struct completion *c) { offer_kind(c, KIND_GATEWAY, ""); }
static void give_user(struct completion *c) { offer_kind(c, KIND_USER, ""); }
static void give_tag(struct completion *c) { offer_tags(c, ""); }
static void give_formats(struct completion *c) { offer_words(c, c->formats); }
static void give_when(struct completion *c) { offer_words(c, "auto always never"); }
static void give_forge(struct completion *c) { offer_words(c, "github gitlab gitea"); }
static void give_pack(struct completion *c)
{
	for (size_t i = 0; init_pack_name(i) != NULL; i++)
		offer(c, init_pack_name(i), NULL);
}

static void give_nothing(struct completion *c) { (void)c; }
/* The shell knows files better. */
static void give_files(struct completion *c) { (void)c; puts(":files"); }
static void give_folders(struct completion *c) { (void)c; puts(":folders"); }

static void give_dest(struct completion *c)
{
	offer_kind(c, KIND_RESOURCE, "resource:");
	offer_kind(c, KIND_SITE, "site:");
	offer_kind(c, KIND_GATEWAY, "gateway:");
	offer_kind(c, KIND_DEVICE, "device:");
	offer_kind(c, KIND_USER, "user:");
	offer_kind(c, KIND_GROUP, "group:");
	offer_tags(c, "tag:");
	offer_words(c, "any internet");
}

static void give_selector(struct completion *c)
{
	offer_kind(c, KIND_USER, "user:");
	offer_kind(c, KIND_GROUP, "group:");
	offer_kind(c, KIND_DEVICE, "device:");
	offer_tags(c, "tag:");
	offer_kind(c, KIND_PLAN, "plan:");
	offer_kind(c, KIND_SITE, "site:");
	offer_kind(c, KIND_GATEWAY, "gateway:");
	offer_kind(c, KIND_RESOURCE, "resource:");
	offer_words(c, "any internet");
}

static void give_platform(struct completion *c)
{
	for (const struct field *f = kind_rows[KIND_DEVICE].fields; f->name != NULL; f++)
		if (strcmp(f->name, "platform") == 0)
			for (const char *const *word = f->words; word != NULL && *word != NULL; word++)
				offer(c, *word, NULL);
}

static void give_code(struct completion *c)
{
	for (size_t i = 0; i < ncode_rows; i++)
		offer(c, code_rows[i].code, code_rows[i].title);
}

static void give_rev(struct completion *c)
{
	git_repository *repo = NULL;
	git_reference_iterator *it = NULL;
	git_reference *ref;
	VEC(const char *) names = VEC_INIT;

	git_libgit2_init();
	if (git_repository_open_ext(&repo, c->dir, 0, NULL) == 0 && git_reference_iterator_new(&it, repo) == 0) {
		while (git_reference_next(&ref, it) == 0) {
			vec_push(&names, arena_strdup(&c->arena, git_reference_shorthand(ref)));
			git_reference_free(ref);
		}
		vec_push(&names, "HEAD");
	}
	offer_sorted(c, names.v, names.n);
	vec_release(&names);
	git_reference_iterator_free(it);
	git_repository_free(repo);
	git_libgit2_shutdown();
}

static const struct {
	const char *word;
	void (*give)(struct completion *c);
} places[] = {
	{ "BASE", give_rev },	       { "CODE", give_code },	    { "DEST", give_dest },	   { "DEVICE", give_device },
	{ "DIR", give_folders },       { "FILE", give_files },	    { "FILE|DIR", give_files },	   { "FORGE", give_forge },
	{ "FORMAT", give_formats },    { "G", give_gateway },	    { "GATEWAY", give_gateway },   { "HEAD", give_rev },
	{ "NAME", give_nothing },      { "PACK", give_pack },	    { "PATH", give_folders },    { "PLATFORM", give_platform }, { "PORT", give_ports },
	{ "REV", give_rev },	       { "REV-RANGE", give_rev },   { "SELECTOR", give_selector }, { "TAG", give_tag },
	{ "USER", give_user },	       { "WHEN", give_when },
};

static void give(struct completion *c, const char *place)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strcmp(places[i].word, place) == 0)
			places[i].give(c);
}

/* "--gateway=NAME" wants the name of a gateway. */
static void give_value(struct completion *c, const struct option_row *o)
{
	for (size_t k = 0; strcmp(o->arg, "NAME") == 0 && k < KIND_COUNT; k++)
		if (strcasecmp(kind_rows[k].name, o->name) == 0)
			offer_kind(c, kind_rows[k].kind, "");
	give(c, o->arg);
}

/* The word in the usage line for argument number n ("DEVICE DEST [PORT]", "[FILE|DIR]..."); NULL where there is none. */
static const char *argument_place(struct completion *c, size_t n)
{
	const char *args = c->cmd->args, *place = NULL;

	for (size_t i = 0, len; *args; i++, args += len + strspn(args + len, " ")) {
		len = strcspn(args, " ");
		const char *from = args + (*args == '['), *end = args + len;
		bool again = len > 3 && memcmp(end - 3, "...", 3) == 0;
		size_t width = strcspn(from, "]. ");
		if ((i == n || (again && i < n)) && from + width <= end)
			place = arena_strndup(&c->arena, from, width);
	}
	return place;
}

/* ---- the command line ---- */

static void note_option(struct completion *c, const struct option_row *o, const char *value)
{
	if (strcmp(o->name, "directory") == 0)
		c->dir = value;
	else if (strcmp(o->name, "rev") == 0)
		c->rev = value;
	else if (strcmp(o->name, "path") == 0)
		c->path = value;
}

/* The option that a word is, and its value where the word holds one. */
static const struct option_row *option_of(const struct completion *c, const char *word, const char **value)
{
	*value = NULL;
	if (word[0] != '-' || word[1] == '\0')
		return NULL;
	if (word[1] != '-') {
		const struct option_row *o = find_letter(c, word[1]);
		if (o != NULL && o->arg != NULL && word[2])
			*value = word + 2;
		return o;
	}
	const char *equals = strchr(word, '=');
	if (equals != NULL)
		*value = equals + 1;
	return find_option(c, word + 2, equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2);
}

/* Reads the words before the last; gives the number of arguments among them, and the option whose value comes next. */
static size_t read_words(struct completion *c, char **word, size_t n, const struct option_row **waiting)
{
	size_t narguments = 0;

	*waiting = NULL;
	for (size_t i = 0; i < n; i++) {
		const char *value;
		if (*waiting != NULL) {
			note_option(c, *waiting, word[i]);
			*waiting = NULL;
			continue;
		}
		const struct option_row *o = option_of(c, word[i], &value);
		if (o == NULL)
			narguments += word[i][0] != '-' || word[i][1] == '\0';
		else if (value != NULL)
			note_option(c, o, value);
		else if (o->arg != NULL)
			*waiting = o;
	}
	return narguments;
}

static void offer_options(struct completion *c)
{
	for (size_t i = 0; i < c->option.n; i++) {
		const struct option_row *o = &c->option.v[i];
		offer(c, arena_printf(&c->arena, "--%s%s", o->name, o->arg != NULL ? "=" : ""), o->about);
	}
}

static void complete_command(struct completion *c)
{
	size_t n;
	const struct cmd *const *table = cmd_table(&n);

	for (size_t i = 0; i < n; i++)
		offer(c, table[i]->name, table[i]->summary);
	if (c->word[0] == '-')
		offer_words(c, "--help --version");
}

static void complete_argument(struct completion *c, char **word, size_t n)
{
	const struct option_row *waiting;
	const char *value;

	read_options(c);
	size_t narguments = read_words(c, word, n, &waiting);
	const struct option_row *o = option_of(c, c->word, &value);
	if (waiting != NULL) {
		give_value(c, waiting);
	} else if (o != NULL && o->arg != NULL && value != NULL) {
		c->prefix = arena_strndup(&c->arena, c->word, (size_t)(value - c->word));
		c->word = value;
		give_value(c, o);
	} else if (c->word[0] == '-') {
		offer_options(c);
	} else {
		const char *place = argument_place(c, narguments);
		if (place != NULL)
			give(c, place);
	}
}

static void complete(struct completion *c, char **word, size_t n)
{
	size_t ncommands;
	const struct cmd *const *table = cmd_table(&ncommands);

	c->word = n > 0 ? word[n - 1] : "";
	if (n <= 1) {
		complete_command(c);
		return;
	}
	for (size_t i = 0; i < ncommands; i++)
		if (strcmp(table[i]->name, word[0]) == 0)
			c->cmd = table[i];
	if (c->cmd != NULL)
		complete_argument(c, word + 1, n - 2);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct cmd_option own[] = { { 0 } };
	struct completion c = { .dir = ".", .prefix = "" };
	struct cmd_common common;
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	arena_init(&c.arena);
	complete(&c, argv, (size_t)npos);
	if (c.has_model)
		diags_release(&c.diags);
	vec_release(&c.option);
	arena_release(&c.arena);
	return EXIT_HOLDS;
}

const struct cmd cmd_complete = {
	.name = "complete",
	.args = "-- WORD...",
	.summary = "Print what may stand at the end of a command line; for shells",
	.help = "The words are those behind `yett`, the last one as far as it is typed, perhaps empty. Each line is a candidate and\n"
		"behind a tab what it is. A line `:files` or `:folders` asks the shell to complete those.",
	.formats = 1u << FORMAT_TEXT,
	.run = run,
};
