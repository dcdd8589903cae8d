/* SPDX-License-Identifier: Apache-2.0 */
/* yett fmt - canonical layout of policy files, in place. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/vec.h"
#include "cmd.h"
#include "fmt/fmt.h"
#include "fmt/replace.h"

struct job {
	const struct cmd *cmd;
	struct cmd_common common;
	bool check;
	struct compile c; /* for its arena and diagnostics */
	size_t files, changed, errors;
	bool failed; /* something could not be read or written */
};

static void fail(struct job *j, const char *path, const char *why)
{
	cmd_fail(j->cmd, "%s: %s", path, why);
	j->failed = true;
}

/* What the file should hold; false when there is no such thing, which was said. */
static bool lay_out(struct job *j, const char *path, const char *data, size_t len, struct buf *out)
{
	uint32_t file = diags_add_file(&j->c.diags, path, data, len);

	j->files++;
	switch (fmt_text(&j->c.arena, &j->c.diags, file, data, len, out)) {
	case FMT_DONE:
		return true;
	case FMT_ERRORS:
		j->errors++;
		return false;
	case FMT_REFUSED:
		j->errors++;
		cmd_fail(j->cmd, "%s: left alone: it cannot be laid out without a change of what it says", path);
		return false;
	}
	return false;
}

static void format_open(struct job *j, struct replace *r, const char *path)
{
	BUF_CLEANUP struct buf out = BUF_INIT;

	if (!lay_out(j, path, r->data, r->len, &out) ||
	    (out.len == r->len && (out.len == 0 || memcmp(out.p, r->data, out.len) == 0)))
		return;
	j->changed++;
	int ret = j->check ? 0 : replace_write(r, buf_str(&out), out.len);
	if (ret == -EAGAIN)
		fail(j, path, "it changed while it was read");
	else if (ret < 0)
		fail(j, path, strerror(-ret));
	else if (!j->common.quiet || j->check)
		puts(path);
}

static void format_file(struct job *j, const char *path)
{
	struct replace r;
	int ret = replace_open(&r, path, &j->c.arena);

	if (ret == -ELOOP)
		fail(j, path, "symbolic links are not followed");
	else if (ret == -EINVAL)
		fail(j, path, "this is not a regular file");
	else if (ret < 0)
		fail(j, path, strerror(-ret));
	else
		format_open(j, &r, path);
	replace_close(&r);
}

/* Those files that a policy tree in this folder would have. */
static void format_folder(struct job *j, const char *dir)
{
	const struct source_limits limits = { .max_bytes = j->common.max_bytes };
	struct source s;
	char err[512] = "";
	bool here = strcmp(dir, ".") == 0;

	if (source_open_dir(&s, dir, &limits, &j->c.arena, &j->c.diags, err, sizeof(err)) < 0) {
		cmd_fail(j->cmd, "%s", err);
		j->failed = true;
		return;
	}
	size_t len = strlen(dir);
	while (len > 1 && dir[len - 1] == '/')
		len--;
	for (size_t i = 0; i < s.nfiles; i++)
		format_file(j, here ? s.file[i].path :
				      arena_printf(&j->c.arena, "%.*s%s%s", (int)len, dir, dir[len - 1] == '/' ? "" : "/",
						   s.file[i].path));
}

static void format_stdin(struct job *j)
{
	BUF_CLEANUP struct buf in = BUF_INIT;
	BUF_CLEANUP struct buf out = BUF_INIT;
	char part[65536];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), stdin)) > 0 && in.len <= REPLACE_FILE_MAX)
		buf_add(&in, part, n);
	if (in.len > REPLACE_FILE_MAX || ferror(stdin)) {
		fail(j, "standard input", in.len > REPLACE_FILE_MAX ? strerror(EFBIG) : strerror(errno));
		return;
	}
	/* The diagnostics show the text later. */
	const char *data = arena_strndup(&j->c.arena, buf_str(&in), in.len);
	if (!lay_out(j, "standard input", data, in.len, &out))
		return;
	if (!j->check)
		fwrite(buf_str(&out), 1, out.len, stdout);
	if (out.len != in.len || (out.len > 0 && memcmp(out.p, in.p, out.len) != 0))
		j->changed++;
}

static void format_path(struct job *j, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		format_stdin(j);
	else if (stat(path, &st) < 0)
		fail(j, path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		format_folder(j, path);
	else
		format_file(j, path);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct job j = { .cmd = cmd };
	const struct cmd_option own[] = {
		{ "check", 0, OPTION_FLAG, NULL, "write nothing; print the names of files that are not so, and end with 1",
		  &j.check },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &j.common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (j.common.rev != NULL)
		return cmd_fail(cmd, "a commit cannot be written; leave --rev out");
	compile_init(&j.c);
	if (j.common.max_errors != 0)
		j.c.diags.max = (size_t)j.common.max_errors;
	if (npos == 0)
		format_folder(&j, j.common.dir);
	else if (strcmp(j.common.dir, ".") != 0 && chdir(j.common.dir) < 0)
		fail(&j, j.common.dir, strerror(errno));
	else
		for (int i = 0; i < npos; i++)
			format_path(&j, argv[i]);
	cmd_print_diags(&j.common, &j.c);
	bool bad = j.errors > 0 || j.c.diags.errors > 0 || (j.check && j.changed > 0);
	compile_release(&j.c);
	return j.failed ? EXIT_CANNOT : bad ? EXIT_FAILS : EXIT_HOLDS;
}

const struct cmd cmd_fmt = {
	.name = "fmt",
	.args = "[FILE|DIR]...",
	.summary = "Lay out policy files in the canonical way, comments kept",
	.help = "Files are rewritten in place, each at once, and their names printed; without FILE or DIR those of the tree. A file\n"
		"that is not well-formed YAML is left alone and reported. `-` reads standard input and writes standard output.",
	.formats = 1u << FORMAT_TEXT,
	.run = run,
};
