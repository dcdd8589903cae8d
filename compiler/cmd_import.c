/* SPDX-License-Identifier: Apache-2.0 */
/* yett import - documents from WireGuard's own files or from a Tailscale policy file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "access/examples.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/outdir.h"
#include "cmd.h"
#include "import/import.h"
#include "import/tailscale.h"
#include "import/wireguard.h"

#define FILES_MAX 10000
#define NOTES_MAX 100000u
#define ALL_BYTES_MAX ((size_t)64 << 20)

/* What the command line says, and what comes of it. */
struct job {
	const struct cmd *cmd;
	struct cmd_common common;
	const char *out, *nodes, *endpoint;
	bool placeholder_keys;
	struct arena arena;
	struct diags diags;
	struct import im;
	const char *what; /* "Tailscale policy" */
};

/* ---- reading ---- */

/* A file that may hold secrets: memory that is locked, guarded and wiped when freed. */
struct secret_file {
	char *p;
	size_t len;
};

static int read_fd(int fd, char *p, size_t max, size_t *len)
{
	for (*len = 0;;) {
		ssize_t n = read(fd, p + *len, max - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*len += (size_t)n;
		if (*len == max)
			return -EFBIG;
	}
}

/* At most max bytes (more: -EFBIG). A pipe is read like a file. */
static int read_secret(const char *path, size_t max, struct secret_file *f)
{
	int fd FD_CLEANUP = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	size_t room = max + 1;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size < max)
		room = (size_t)st.st_size + 2; /* one to see that it grew, one so that it is not empty */
	f->p = sodium_malloc(room);
	if (f->p == NULL)
		return -ENOMEM;
	int ret = read_fd(fd, f->p, room, &f->len);
	if (ret < 0) {
		sodium_free(f->p);
		f->p = NULL;
	}
	return ret;
}

/* Too large is the file's own mistake: it is said, and *ok is no more. */
static int fail_read(struct job *j, const char *path, int ret, bool *ok)
{
	if (ret != -EFBIG)
		return cmd_fail(j->cmd, "cannot read %s: %s", path, strerror(-ret));
	*ok = import_refuse(&j->im, (struct loc){diags_add_file(&j->diags, path, NULL, 0), 0, 0},
			    "the file is larger than 4 MiB");
	return 0;
}

/* ---- judging ---- */

static int cmp_path(const void *pa, const void *pb)
{
	return strcmp(((const struct import_file *)pa)->path, ((const struct import_file *)pb)->path);
}

static void make_bundle(struct job *j, struct buf *out)
{
	struct source s = {.file = arena_array(&j->arena, j->im.file.n, struct source_file)};

	for (size_t i = 0; i < j->im.file.n; i++) {
		const struct import_file *f = &j->im.file.v[i];
		struct buf text = BUF_INIT;
		import_file_text(f, &text);
		s.file[s.nfiles++] = (struct source_file){
			.path = f->path, .len = text.len, .data = arena_strndup(&j->arena, buf_str(&text), text.len)};
		s.bytes += text.len;
		buf_release(&text);
	}
	source_to_bundle(&s, out);
}

static struct import_file *file_of(struct job *j, const struct compile *c, struct loc loc)
{
	const char *path = loc.file < c->diags.nfiles ? c->diags.file[loc.file].path : "";
	struct import_file key = {.path = path};

	return bsearch(&key, j->im.file.v, j->im.file.n, sizeof(key), cmp_path);
}

/* Without the moment that was asked about: nothing imported has dates, and the same input gives the same bytes. */
static const char *without_moment(struct arena *a, const char *why, int64_t now)
{
	char text[CLOCK_TEXT_MAX];
	const char *moment = arena_printf(a, " at %s", clock_format(now, text));
	const char *at = strstr(why, moment);

	return at ? arena_printf(a, "%.*s%s", (int)(at - why), why, at + strlen(moment)) : why;
}

/* A test that fails here is written as a comment, and named. */
static void judge_tests(struct job *j, struct compile *c)
{
	struct example_result *res;
	int64_t now = clock_now();
	size_t n = examples_run(&c->access, &c->resolved, now, &c->arena, &res);

	for (size_t i = 0; i < n; i++) {
		struct import_file *f = res[i].why ? file_of(j, c, res[i].loc) : NULL;
		if (res[i].why == NULL)
			continue;
		if (f == NULL)
			BUG("a test of no file");
		const char *why = without_moment(&c->arena, res[i].why, now);
		f->off = arena_printf(&j->arena, "the test fails here: %s", why);
		import_note(&j->im, f->from, "the test %s fails here and is written as a comment: %s", res[i].name,
			    why);
	}
}

/* false: the documents do not make a tree; says why. */
static int judge(struct job *j, bool *holds)
{
	struct buf bundle BUF_CLEANUP = BUF_INIT;
	struct compile c;
	char err[512];

	qsort(j->im.file.v, j->im.file.n, sizeof(*j->im.file.v), cmp_path);
	make_bundle(j, &bundle);
	compile_init(&c);
	struct compile_input in = {.bundle = bundle.p, .bundle_len = bundle.len};
	int ret = compile_run(&c, &in, err, sizeof(err));
	*holds = ret == 0 && c.ready;
	if (*holds)
		judge_tests(j, &c);
	else if (ret == 0)
		cmd_print_diags(&j->common, &c);
	compile_release(&c);
	return ret < 0 ? cmd_fail(j->cmd, "%s", err) : 0;
}

/* ---- writing ---- */

/* Only a new or an empty folder: nobody's files are replaced, a build's neither. */
static int check_target(struct job *j)
{
	struct dirent *e;
	bool empty = true;
	DIR *dir = opendir(j->out);

	if (dir == NULL)
		return errno == ENOENT ? 0 : cmd_fail(j->cmd, "cannot open the folder %s: %s", j->out, strerror(errno));
	while (empty && (e = readdir(dir)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(dir);
	return empty ? 0 : cmd_fail(j->cmd, "the folder %s is not empty; nothing was written", j->out);
}

static int write_tree(struct job *j)
{
	struct outdir *o;
	char err[512];
	struct buf text BUF_CLEANUP = BUF_INIT;
	int ret = outdir_open(j->out, &o, err, sizeof(err));

	if (ret < 0)
		return cmd_fail(j->cmd, "%s", err);
	for (size_t i = 0; i < j->im.file.n && ret == 0; i++) {
		buf_reset(&text);
		import_file_text(&j->im.file.v[i], &text);
		ret = outdir_write(o, j->im.file.v[i].path, buf_str(&text), text.len);
	}
	buf_reset(&text);
	import_report(&j->im, j->what, &text);
	if (ret == 0)
		ret = outdir_write(o, "IMPORT.md", buf_str(&text), text.len);
	if (ret < 0)
		outdir_abort(o);
	else
		ret = outdir_commit(o);
	return ret < 0 ? cmd_fail(j->cmd, "cannot write %s: %s", j->out, strerror(-ret)) : 0;
}

static void print_tree(struct job *j)
{
	struct buf text BUF_CLEANUP = BUF_INIT;

	for (size_t i = 0; i < j->im.file.n; i++) {
		if (i > 0)
			buf_adds(&text, "---\n");
		import_file_text(&j->im.file.v[i], &text);
	}
	fwrite(buf_str(&text), 1, text.len, stdout);
}

static void print_notes(struct job *j)
{
	const struct diag_style style = {
		.format = j->common.format == FORMAT_JSON ? DIAG_JSON : DIAG_TEXT,
		.color = j->common.color,
		.max_bytes = j->common.max_errors ? SIZE_MAX : 0,
	};

	diags_sort(&j->diags);
	if (j->diags.n > 0 && (j->diags.errors > 0 || !j->common.quiet))
		diags_print(&j->diags, &style, stderr);
}

/* After the documents are made: judged, written, said. */
static int finish(struct job *j, bool ok)
{
	bool holds = false;
	int status = 0;

	if (ok)
		status = judge(j, &holds);
	if (status == 0 && ok && holds && j->out != NULL)
		status = write_tree(j);
	print_notes(j);
	if (status != 0)
		return status;
	if (!ok || !holds) {
		fprintf(stderr, "yett: %s: nothing was written\n", j->cmd->name);
		return EXIT_FAILS;
	}
	if (j->out == NULL)
		print_tree(j);
	else if (!j->common.quiet)
		printf("%s: %zu documents; %zu lines were not carried over as they stood (%s/IMPORT.md)\n", j->out,
		       j->im.file.n, j->diags.warnings, j->out);
	return EXIT_HOLDS;
}

/* ---- the two kinds of input ---- */

static char *base_name(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = arena_strdup(a, slash ? slash + 1 : path);
	char *dot = strrchr(name, '.');

	if (dot != NULL && dot != name)
		*dot = '\0';
	return name;
}

static int read_confs(struct job *j, char **path, size_t n, struct wg_conf *conf, bool *ok)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++) {
		struct secret_file f = {NULL, 0};
		int ret = read_secret(path[i], WG_CONF_BYTES_MAX, &f);
		if (ret < 0) {
			int status = fail_read(j, path[i], ret, ok);
			if (status != 0)
				return status;
			continue;
		}
		all += f.len;
		/* Without its bytes, so that no message shows a line: any may hold a key. */
		uint32_t file = diags_add_file(&j->diags, path[i], NULL, 0);
		*ok &= wg_conf_parse(&conf[i], &j->im, file, f.p, f.len);
		conf[i].file_name = base_name(&j->arena, path[i]);
		sodium_free(f.p);
		if (all > ALL_BYTES_MAX)
			return cmd_fail(j->cmd, "the files are larger than 64 MiB together");
	}
	return 0;
}

static int import_wireguard(struct job *j, char **path, size_t n)
{
	struct wg_conf *conf = arena_array(&j->arena, n, struct wg_conf);
	bool ok = true;

	j->what = n == 1 ? "a WireGuard configuration file" : "WireGuard configuration files";
	int status = read_confs(j, path, n, conf, &ok);
	if (status == 0) {
		const struct wireguard_input in = {conf, n, j->endpoint};
		ok = ok && wireguard_import(&j->im, &in);
		status = finish(j, ok);
	}
	for (size_t i = 0; i < n; i++)
		wg_conf_release(&conf[i]);
	return status;
}

static int read_hujson(struct job *j, const char *path, struct hujson *h, const char **text, size_t *len,
		       uint32_t *file, bool *ok)
{
	struct secret_file f = {NULL, 0};
	int ret = read_secret(path, HUJSON_BYTES_MAX, &f);

	if (ret < 0)
		return fail_read(j, path, ret, ok);
	*text = arena_strndup(&j->arena, f.p, f.len);
	*len = f.len;
	sodium_free(f.p);
	*file = diags_add_file(&j->diags, path, *text, *len);
	*ok &= hujson_parse(h, &j->arena, *file, *text, *len, &j->diags) == 0;
	return 0;
}

static int import_tailscale(struct job *j, char **path, size_t n)
{
	struct hujson policy, nodes;
	struct tailscale_input in = {.policy = &policy, .placeholder_keys = j->placeholder_keys};
	const char *text;
	size_t len;
	uint32_t file;
	bool ok = true;

	j->what = "a Tailscale policy file";
	if (n != 1)
		return cmd_fail(j->cmd, "it takes one policy file");
	int status = read_hujson(j, path[0], &policy, &in.text, &in.len, &in.file, &ok);
	if (status == 0 && j->nodes != NULL) {
		in.nodes = &nodes;
		status = read_hujson(j, j->nodes, &nodes, &text, &len, &file, &ok);
	}
	return status != 0 ? status : finish(j, ok && tailscale_import(&j->im, &in));
}

static const struct {
	const char *word;
	int (*run)(struct job *j, char **path, size_t n);
} inputs[] = {{"wireguard", import_wireguard}, {"tailscale", import_tailscale}};

static int dispatch(struct job *j, int npos, char **argv)
{
	if (npos < 2)
		return cmd_fail(j->cmd, "it takes what to import, wireguard or tailscale, and its files");
	if (j->out != NULL && check_target(j) != 0)
		return EXIT_CANNOT;
	if (npos > FILES_MAX)
		return cmd_fail(j->cmd, "it takes at most %d files", FILES_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++)
		if (strcmp(argv[0], inputs[i].word) == 0)
			return inputs[i].run(j, argv + 1, (size_t)npos - 1);
	return cmd_fail(j->cmd, "it imports from wireguard or tailscale, not from %s", argv[0]);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct job j = {.cmd = cmd};
	const struct cmd_option own[] = {
		{"output", 'o', OPTION_TEXT, "DIR", "the new folder (default: all documents to standard output)",
		 &j.out},
		{"nodes", 0, OPTION_TEXT, "FILE", "tailscale: JSON that names the users and nodes", &j.nodes},
		{"placeholder-keys", 0, OPTION_FLAG, NULL, "tailscale: nodes without a key get one that nobody holds",
		 &j.placeholder_keys},
		{"endpoint", 0, OPTION_TEXT, "HOST[:PORT]", "wireguard: where the hub is reached, if no file says it",
		 &j.endpoint},
		{0},
	};
	int npos = cmd_parse(cmd, argc, argv, own, &j.common);

	if (npos < 0)
		return cmd_parse_status(npos);
	arena_init(&j.arena);
	diags_init(&j.diags, &j.arena);
	j.diags.max = NOTES_MAX;
	import_init(&j.im, &j.arena, &j.diags);
	int status = dispatch(&j, npos, argv);
	import_release(&j.im);
	diags_release(&j.diags);
	arena_release(&j.arena);
	return status;
}

const struct cmd cmd_import = {
	.name = "import",
	.args = "wireguard FILE... | tailscale FILE",
	.summary = "Documents from WireGuard's files or a Tailscale policy file",
	.help = "What cannot be carried over is a warning with its line, and stands in DIR/IMPORT.md. Private and "
		"preshared keys are\n"
		"neither copied nor printed. A test that fails here is written as a comment.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run,
};
