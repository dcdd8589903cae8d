/* SPDX-License-Identifier: Apache-2.0 */
/* The policy tree as bytes: from a folder, from a commit, from a bundle; what is ignored and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <git2.h>

#include "base/bug.h"
#include "source/ignore.h"
#include "source/source.h"

/* One reading, and where it can happen. */
struct run {
	char dir[64];
	struct arena a;
	struct diags d;
	struct source s;
	char err[512];
};

static int set_up(void **state)
{
	struct run *r = calloc(1, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "/tmp/yett-source-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	arena_init(&r->a);
	diags_init(&r->d, &r->a);
	git_libgit2_init();
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct run *r = *state;
	char command[256];
	snprintf(command, sizeof(command), "chmod -R u+rwX '%s'; rm -rf '%s'", r->dir, r->dir);
	diags_release(&r->d);
	arena_release(&r->a);
	free(r);
	git_libgit2_shutdown();
	return system(command);
}

static void shell(const struct run *r, const char *script)
{
	char *command = NULL;
	assert_true(asprintf(&command, "cd '%s' && { %s\n}", r->dir, script) > 0);
	if (system(command) != 0)
		fail_msg("%s", command);
	free(command);
}

static void again(struct run *r)
{
	diags_release(&r->d);
	arena_release(&r->a);
	diags_init(&r->d, &r->a);
	r->err[0] = '\0';
}

static int open_dir(struct run *r, uint64_t max)
{
	struct source_limits lim = { .max_bytes = max };
	again(r);
	return source_open_dir(&r->s, r->dir, &lim, &r->a, &r->d, r->err, sizeof(r->err));
}

static int open_rev(struct run *r, const char *rev, const char *path)
{
	again(r);
	return source_open_commit(&r->s, r->dir, rev, path, NULL, &r->a, &r->d, r->err, sizeof(r->err));
}

/* The paths that were read, a blank between them. */
static void check_paths(struct run *r, const char *want)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < r->s.nfiles; i++)
		buf_addf(&b, "%s%s", i ? " " : "", r->s.file[i].path);
	assert_string_equal(buf_str(&b), want);
	buf_release(&b);
	for (size_t i = 0; i < r->s.nfiles; i++) {
		const struct source_file *f = &r->s.file[i];
		assert_string_equal(r->d.file[f->diag_file].path, f->path);
		assert_ptr_equal(r->d.file[f->diag_file].data, f->data);
	}
}

/* The complaints, sorted, as "CODE path" with a comma between them. */
static void check_diags(struct run *r, const char *want)
{
	struct buf b = BUF_INIT;
	diags_sort(&r->d);
	for (size_t i = 0; i < r->d.n; i++)
		buf_addf(&b, "%s%s %s", i ? "," : "", r->d.v[i].code, diag_loc_text(&r->d, &r->a, r->d.v[i].loc));
	assert_string_equal(buf_str(&b), want);
	buf_release(&b);
}

static void folders_are_read_in_order_of_paths(void **state)
{
	struct run *r = *state;
	shell(r, "mkdir -p a/b a.d .github trust sub/trust .hidden/deep; for f in z.yaml a/b/x.yml a/y.yaml a.yaml a-b.yaml"
		 " a.d/x.yaml .github/ci.yaml trust/trust.yaml sub/trust/in.yaml .top.yaml README.md B.yaml x.yamlx"
		 " .hidden/deep/x.yaml; do echo \"# $f\" >$f; done; ln -s /etc .hidden/link");
	assert_int_equal(open_dir(r, 0), 0);
	check_paths(r, ".top.yaml B.yaml a-b.yaml a.d/x.yaml a.yaml a/b/x.yml a/y.yaml sub/trust/in.yaml z.yaml");
	check_diags(r, "");
	assert_int_equal(r->s.file[1].len, 9);
	assert_memory_equal(r->s.file[1].data, "# B.yaml\n", 9);
	assert_null(r->s.commit);
}

static void folders_refuse(void **state)
{
	struct run *r = *state;
	shell(r, "mkdir -p dir 'bad dir' trust .dot; echo a >real.yaml; ln -s real.yaml link.yaml; ln -s dir dirlink;"
		 " ln -s x README; ln -s x trust/l; ln -s x .dot/l; mkfifo fifo.yaml; echo x >'bad dir/x.yaml';"
		 " echo x >'odd name.txt'; echo x >-x.yaml; echo x >git~1.yaml; echo x >REAL.yaml;"
		 " echo x >\"$(printf 'esc\\033.yaml')\"; ln -s x ignored; echo ignored >.yettignore");
	assert_int_equal(open_dir(r, 0), 0);
	check_diags(r, "E_TREE_NAME -x.yaml,E_TREE_MODE README,E_TREE_NAME bad dir/x.yaml,E_TREE_MODE dirlink,"
		       "E_TREE_NAME esc\033.yaml,E_TREE_MODE fifo.yaml,E_TREE_NAME git~1.yaml,"
		       "E_TREE_MODE link.yaml,E_TREE_CASE real.yaml,E_TREE_MODE trust/l");
	check_paths(r, "REAL.yaml real.yaml");
}

static void the_world_fails_folders(void **state)
{
	struct run *r = *state;
	char dir[128];
	again(r);
	snprintf(dir, sizeof(dir), "%s/none", r->dir);
	assert_int_equal(source_open_dir(&r->s, dir, NULL, &r->a, &r->d, r->err, sizeof(r->err)), -ENOENT);
	assert_non_null(strstr(r->err, "/none: No such file"));
	assert_int_equal(source_open_dir(&r->s, "/dev/null", NULL, &r->a, &r->d, r->err, sizeof(r->err)), -ENOTDIR);
	shell(r, "mkdir sub; echo x >sub/secret.yaml; chmod 0 sub/secret.yaml");
	if (geteuid() != 0) {
		assert_int_equal(open_dir(r, 0), -EACCES);
		assert_non_null(strstr(r->err, "/sub/secret.yaml: Permission denied"));
		shell(r, "chmod 0 sub");
		assert_int_equal(open_dir(r, 0), -EACCES);
		assert_non_null(strstr(r->err, "/sub: Permission denied"));
	}
	assert_int_equal(r->d.n, 0);
}

static void sizes_are_bounded(void **state)
{
	struct run *r = *state;
	shell(r, "head -c 4194303 /dev/zero >a.yaml; head -c 4194304 /dev/zero >b.yaml; head -c 4194305 /dev/zero >c.yaml");
	assert_int_equal(open_dir(r, 0), 0);
	check_diags(r, "E_LIMIT_FILE c.yaml");
	check_paths(r, "a.yaml b.yaml");
	shell(r, "rm c.yaml");
	assert_int_equal(open_dir(r, 8388607), 0);
	check_diags(r, "");
	assert_int_equal(open_dir(r, 8388606), 0);
	check_diags(r, "E_LIMIT_BYTES b.yaml");
	check_paths(r, "a.yaml");
}

static void depth_is_bounded(void **state)
{
	struct run *r = *state;
	/* The file's own name is the last part: 32 at most. */
	shell(r, "p=.; for i in $(seq 31); do p=$p/d; done; mkdir -p $p/e/f; echo x >$p/x.yaml; echo x >$p/e/y.yaml;"
		 " echo x >$p/e/f/z.yaml");
	assert_int_equal(open_dir(r, 0), 0);
	assert_int_equal(r->s.nfiles, 1);
	assert_int_equal(r->d.n, 2);
	assert_string_equal(r->d.v[0].code, "E_TREE_DEPTH");
	assert_string_equal(r->d.v[1].code, "E_TREE_DEPTH");
}

static void ignore_file_takes_out(void **state)
{
	struct run *r = *state;
	shell(r, "mkdir -p drafts keep/drafts old; for f in a.yaml drafts/x.yaml keep/drafts/y.yaml old/1.yaml old/2.yaml;"
		 " do echo x >$f; done; printf '# not these\\n/drafts/\\nold/*\\n!old/2.yaml\\n' >.yettignore");
	assert_int_equal(open_dir(r, 0), 0);
	check_paths(r, "a.yaml keep/drafts/y.yaml old/2.yaml");
	shell(r, "git init -q . && git add -A && git -c user.name=n -c user.email=e commit -q -m m");
	assert_int_equal(open_rev(r, "HEAD", ""), 0);
	check_paths(r, "a.yaml keep/drafts/y.yaml old/2.yaml");
	shell(r, "head -c 70000 /dev/zero >.yettignore");
	assert_int_equal(open_dir(r, 0), 0);
	check_diags(r, "E_LIMIT_FILE .yettignore");
}

static void ignore_patterns(void **state)
{
	(void)state;
	static const struct {
		const char *patterns, *path;
		bool is_dir, want;
	} cases[] = {
		{ "*.yml", "a/b.yml", false, true },
		{ "*.yml", "a/b.yaml", false, false },
		{ "/*.yml", "a/b.yml", false, false },
		{ "/*.yml", "b.yml", false, true },
		{ "a/b", "a/b", false, true },
		{ "a/b", "x/a/b", false, false },
		{ "a/*", "a/b/c", false, false },
		{ "b/", "a/b", true, true },
		{ "b/", "a/b", false, false },
		{ "a/b/", "a/b", true, true },
		{ "**/b", "b", false, true },
		{ "**/b", "x/y/b", false, true },
		{ "**/b", "x/yb", false, false },
		{ "a/**", "a/b/c", false, true },
		{ "a/**", "a", true, false },
		{ "a/**/b", "a/b", false, true },
		{ "a/**/b", "a/x/y/b", false, true },
		{ "a/**/b", "a/xb", false, false },
		{ "a/**/b", "ab", false, false },
		{ "**", "a/b", false, true },
		{ "a**b", "axxb", false, true },
		{ "x/a**b", "x/a/b", false, false },
		{ "a?c", "abc", false, true },
		{ "a?c", "a/c", false, false },
		{ "x/?", "x/y", false, true },
		{ "[a-c]x", "bx", false, true },
		{ "[a-c]x", "dx", false, false },
		{ "[!a-c]x", "dx", false, true },
		{ "[^a-c]x", "ax", false, false },
		{ "[]x]y", "]y", false, true },
		{ "a[", "a[", false, false },
		{ "x/a[!b]c", "x/a/c", false, false },
		{ "[a\\]]", "]", false, true },
		{ "[a-]x", "-x", false, true },
		{ "\\#x", "#x", false, true },
		{ "#x", "#x", false, false },
		{ "\\!x", "!x", false, true },
		{ "x\n!x", "x", false, false },
		{ "!x\nx", "x", false, true },
		{ "x   ", "x", false, true },
		{ "x\\ ", "x ", false, true },
		{ "x\r\n", "x", false, true },
		{ "\n\n  \n", "x", false, false },
		{ "/", "x", true, false },
		{ "!", "x", false, false },
		{ "\\", "\\", false, false },
		{ "a\\*", "a*", false, true },
		{ "a\\*", "ab", false, false },
		{ "foo/*.y[a]ml", "foo/x.yaml", false, true },
		{ "*", "a/b", false, true },
		{ "\xc3\xa9*", "\xc3\xa9" "x", false, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena a;
		struct ignore ig;
		arena_init(&a);
		ignore_parse(&ig, &a, cases[i].patterns, strlen(cases[i].patterns));
		if (ignore_matches(&ig, cases[i].path, cases[i].is_dir) != cases[i].want)
			fail_msg("%s | %s", cases[i].patterns, cases[i].path);
		arena_release(&a);
	}
}

static void hostile_patterns_are_quick(void **state)
{
	(void)state;
	struct arena a;
	struct ignore ig;
	struct buf pattern = BUF_INIT, path = BUF_INIT;
	for (int i = 0; i < 200; i++)
		buf_adds(&pattern, "a*a/**/");
	buf_adds(&pattern, "c");
	for (int i = 0; i < 1000; i++)
		buf_adds(&path, "aa/");
	buf_adds(&path, "b");
	arena_init(&a);
	ignore_parse(&ig, &a, pattern.p, pattern.len);
	clock_t start = clock();
	assert_false(ignore_matches(&ig, path.p, false));
	assert_true(clock() - start < CLOCKS_PER_SEC);
	arena_release(&a);
	buf_release(&pattern);
	buf_release(&path);
}

/* What a hostile repository may hold: trees are written byte by byte. */
struct raw {
	git_repository *repo;
	git_odb *odb;
	git_oid blob;
};

static void raw_open(struct raw *w, const struct run *r)
{
	assert_int_equal(git_repository_init(&w->repo, r->dir, 1), 0);
	assert_int_equal(git_repository_odb(&w->odb, w->repo), 0);
	assert_int_equal(git_odb_write(&w->blob, w->odb, "x: 1\n", 5, GIT_OBJECT_BLOB), 0);
}

static void raw_close(struct raw *w)
{
	git_odb_free(w->odb);
	git_repository_free(w->repo);
}

struct raw_entry {
	const char *mode, *name;
	const git_oid *id; /* NULL: the blob */
};

static git_oid raw_tree(struct raw *w, const struct raw_entry *e, size_t n)
{
	struct buf b = BUF_INIT;
	git_oid id;
	for (size_t i = 0; i < n; i++) {
		buf_addf(&b, "%s %s", e[i].mode, e[i].name);
		buf_addc(&b, '\0');
		buf_add(&b, (e[i].id ? e[i].id : &w->blob)->id, GIT_OID_RAWSZ);
	}
	assert_int_equal(git_odb_write(&id, w->odb, b.len ? b.p : "", b.len, GIT_OBJECT_TREE), 0);
	buf_release(&b);
	return id;
}

static void raw_commit(struct raw *w, const git_oid *tree, const char *name)
{
	char hex[GIT_OID_HEXSZ + 1], ref[64], *text;
	git_oid id;
	git_reference *made;
	git_oid_tostr(hex, sizeof(hex), tree);
	int n = asprintf(&text, "tree %s\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nm\n", hex);
	assert_int_equal(git_odb_write(&id, w->odb, text, (size_t)n, GIT_OBJECT_COMMIT), 0);
	free(text);
	snprintf(ref, sizeof(ref), "refs/heads/%s", name);
	assert_int_equal(git_reference_create(&made, w->repo, ref, &id, 1, NULL), 0);
	git_reference_free(made);
}

static void commits_refuse(void **state)
{
	static const struct {
		struct raw_entry e[3];
		const char *want, *paths;
	} cases[] = {
		{ { { "100644", "a.yaml", NULL } }, "", "a.yaml" },
		{ { { "100755", "a.yaml", NULL }, { "100755", "run", NULL } }, "W_TREE_MODE a.yaml", "a.yaml" },
		{ { { "100644", "alice@example.com.yaml", NULL } }, "", "alice@example.com.yaml" },
		{ { { "100644", ".gitignore", NULL }, { "100644", "a+b_c-d.yaml", NULL } }, "", "a+b_c-d.yaml" },
		{ { { "100644", "..", NULL } }, "E_TREE_NAME ..", "" },
		{ { { "100644", ".", NULL } }, "E_TREE_NAME .", "" },
		{ { { "100644", ".git", NULL } }, "E_TREE_NAME .git", "" },
		{ { { "100644", ".GiT", NULL } }, "E_TREE_NAME .GiT", "" },
		{ { { "100644", "GIT~1", NULL } }, "E_TREE_NAME GIT~1", "" },
		{ { { "100644", "git~x.yaml", NULL } }, "E_TREE_NAME git~x.yaml", "" },
		{ { { "100644", "../evil.yaml", NULL } }, "E_TREE_NAME ../evil.yaml", "" },
		{ { { "100644", "a/b.yaml", NULL } }, "E_TREE_NAME a/b.yaml", "" },
		{ { { "100644", "a\\b.yaml", NULL } }, "E_TREE_NAME a\\b.yaml", "" },
		{ { { "100644", "-a.yaml", NULL } }, "E_TREE_NAME -a.yaml", "" },
		{ { { "100644", "a b.txt", NULL } }, "E_TREE_NAME a b.txt", "" },
		{ { { "100644", "\xc3\xa9.yaml", NULL } }, "E_TREE_NAME \xc3\xa9.yaml", "" },
		{ { { "120000", "link.txt", NULL } }, "E_TREE_MODE link.txt", "" },
		{ { { "120000", ".yettignore", NULL } }, "E_TREE_MODE .yettignore", "" },
		{ { { "160000", "sub", NULL } }, "E_TREE_MODE sub", "" },
		{ { { "100664", "a.yaml", NULL } }, "E_TREE_MODE a.yaml", "" },
		{ { { "100600", "a.yaml", NULL } }, "E_TREE_MODE a.yaml", "" },
		{ { { "100644", "A.yaml", NULL }, { "100644", "a.yaml", NULL } }, "E_TREE_CASE a.yaml", "A.yaml a.yaml" },
		{ { { "100644", "a.txt", NULL }, { "100644", "a.txt", NULL } }, "E_TREE_ORDER a.txt", "" },
		{ { { "100644", "b.txt", NULL }, { "100644", "a.txt", NULL } }, "E_TREE_ORDER .", "" },
	};
	struct run *r = *state;
	struct raw w;
	raw_open(&w, r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = 0;
		while (n < 3 && cases[i].e[n].mode)
			n++;
		git_oid top = raw_tree(&w, cases[i].e, n);
		/* The same below a folder that is only checked, not read. */
		git_oid below = raw_tree(&w, (struct raw_entry[]){ { "40000", ".dot", &top } }, 1);
		raw_commit(&w, &top, "top");
		raw_commit(&w, &below, "below");
		assert_int_equal(open_rev(r, "top", ""), 0);
		check_diags(r, cases[i].want);
		check_paths(r, cases[i].paths);
		assert_int_equal(open_rev(r, "below", ""), 0);
		assert_int_equal(r->d.n, cases[i].want[0] == 'E');
		check_paths(r, "");
		assert_int_equal(open_rev(r, "below", "/.dot/"), 0);
		check_paths(r, cases[i].paths);
	}
	raw_close(&w);
}

static void long_names_and_deep_trees(void **state)
{
	struct run *r = *state;
	struct raw w;
	char name[82];
	raw_open(&w, r);
	for (size_t len = 79; len <= 81; len++) {
		memset(name, 'n', len);
		memcpy(name + len - 5, ".yaml", 6);
		git_oid id = raw_tree(&w, (struct raw_entry[]){ { "100644", name, NULL } }, 1);
		raw_commit(&w, &id, "long");
		assert_int_equal(open_rev(r, "long", ""), 0);
		assert_int_equal(r->d.n, len > 80);
		assert_int_equal(r->s.nfiles, len <= 80);
	}
	git_oid id = raw_tree(&w, (struct raw_entry[]){ { "100644", "x.yaml", NULL } }, 1);
	for (size_t depth = 2; depth <= 33; depth++) {
		id = raw_tree(&w, (struct raw_entry[]){ { "40000", "d", &id } }, 1);
		raw_commit(&w, &id, "deep");
		assert_int_equal(open_rev(r, "deep", ""), 0);
		assert_int_equal(r->s.nfiles, depth <= 32);
		assert_int_equal(r->d.n, depth > 32);
	}
	assert_string_equal(r->d.v[0].code, "E_TREE_DEPTH");

	/* A tree whose every folder holds the one below ten times: small to store, endless to walk. */
	id = raw_tree(&w, (struct raw_entry[]){ { "100644", "x.txt", NULL } }, 1);
	for (size_t depth = 2; depth <= 20; depth++) {
		char part[10][2];
		struct raw_entry e[10];
		for (size_t i = 0; i < 10; i++) {
			part[i][0] = (char)('0' + i);
			part[i][1] = '\0';
			e[i] = (struct raw_entry){ "40000", part[i], &id };
		}
		git_oid up = raw_tree(&w, e, 10);
		id = up;
	}
	raw_commit(&w, &id, "bomb");
	assert_int_equal(open_rev(r, "bomb", ""), 0);
	assert_int_equal(r->d.n, 1);
	assert_string_equal(r->d.v[0].code, "E_TREE_COUNT");
	raw_close(&w);
}

static void a_folder_and_a_file_of_one_name(void **state)
{
	struct run *r = *state;
	struct raw w;
	raw_open(&w, r);
	git_oid sub = raw_tree(&w, (struct raw_entry[]){ { "100644", "x.yaml", NULL } }, 1);
	git_oid id = raw_tree(&w,
			      (struct raw_entry[]){ { "100644", "a", NULL },
						    { "100644", "a-b.yaml", NULL },
						    { "100644", "a.yaml", NULL },
						    { "40000", "a", &sub } },
			      4);
	raw_commit(&w, &id, "m");
	assert_int_equal(open_rev(r, "m", ""), 0);
	check_diags(r, "E_TREE_ORDER a");
	check_paths(r, "a-b.yaml a.yaml a/x.yaml");
	/* A thing that is not what its entry says is the repository's fault. */
	id = raw_tree(&w, (struct raw_entry[]){ { "40000", "a", NULL } }, 1);
	raw_commit(&w, &id, "m");
	assert_true(open_rev(r, "m", "") < 0);
	id = raw_tree(&w, (struct raw_entry[]){ { "100644", "a.yaml", &sub } }, 1);
	raw_commit(&w, &id, "m");
	assert_int_equal(open_rev(r, "m", ""), -EBADMSG);
	git_oid missing;
	git_oid_fromstr(&missing, "0123456789012345678901234567890123456789");
	id = raw_tree(&w, (struct raw_entry[]){ { "100644", "a.yaml", &missing } }, 1);
	raw_commit(&w, &id, "m");
	assert_int_equal(open_rev(r, "m", ""), -ENOENT);
	assert_non_null(strstr(r->err, "E_ODB_MISSING: the repository lacks the object of a.yaml"));
	raw_close(&w);
}

static void commits_by_name(void **state)
{
	struct run *r = *state;
	assert_int_equal(open_rev(r, "HEAD", ""), -ENOENT);
	assert_non_null(strstr(r->err, "no git repository at /tmp/"));
	shell(r, "git init -q -b main . ");
	assert_int_equal(open_rev(r, "HEAD", ""), -ENOENT);
	assert_non_null(strstr(r->err, "no revision \"HEAD\" in repository /tmp/"));
	shell(r, "mkdir -p tree/groups other; echo 'a: 1' >tree/n.yaml; echo 'b: 2' >tree/groups/g.yaml;"
		 " echo x >other/x.yaml; git add -A; git -c user.name=n -c user.email=e commit -q -m one; git tag v1;"
		 " echo 'a: 2' >tree/n.yaml; git -c user.name=n -c user.email=e commit -q -a -m two;"
		 " rm -r tree; git rev-parse HEAD^ >hash");
	char want[42] = "", path[128];
	snprintf(path, sizeof(path), "%s/hash", r->dir);
	FILE *f = fopen(path, "r");
	assert_non_null(fgets(want, sizeof(want), f));
	fclose(f);
	want[40] = '\0';
	static const char *const revs[] = { "v1", "HEAD^", "main~1" };
	for (size_t i = 0; i < ARRAY_SIZE(revs); i++) {
		assert_int_equal(open_rev(r, revs[i], "tree"), 0);
		check_paths(r, "groups/g.yaml n.yaml");
		assert_memory_equal(r->s.file[1].data, "a: 1\n", 5);
		assert_string_equal(r->s.commit, want);
	}
	assert_int_equal(open_rev(r, want, "./tree/"), 0);
	assert_int_equal(open_rev(r, "main", ""), 0);
	check_paths(r, "other/x.yaml tree/groups/g.yaml tree/n.yaml");
	static const struct {
		const char *rev, *path;
		const char *says;
	} bad[] = {
		{ "nope", "", "no revision \"nope\"" },
		{ "a..b", "", "no revision" },
		{ "", "", "no revision" },
		{ "main", "none", "no folder \"none\" in this revision" },
		{ "main", "tree/n.yaml", "no folder" },
		{ "main", "../x", "no folder" },
		{ "main:tree", "", "is no commit" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(open_rev(r, bad[i].rev, bad[i].path) < 0);
		if (!strstr(r->err, bad[i].says))
			fail_msg("%s: %s", bad[i].rev, r->err);
		assert_null(strchr(r->err, '\n'));
	}
}

static void bundles_round_trip(void **state)
{
	struct run *r = *state;
	struct buf b = BUF_INIT;
	shell(r, "mkdir d; echo 'a: 1' >a.yaml; : >empty.yaml; echo b >d/b.yml; git init -q . && git add -A &&"
		 " git -c user.name=n -c user.email=e commit -q -m m");
	assert_int_equal(open_rev(r, "HEAD", ""), 0);
	source_to_bundle(&r->s, &b);
	struct arena a;
	struct diags d;
	struct source s;
	arena_init(&a);
	diags_init(&d, &a);
	assert_int_equal(source_open_bundle(&s, b.p, b.len, &a, &d), 0);
	assert_int_equal(s.nfiles, 3);
	assert_int_equal(s.bytes, r->s.bytes);
	assert_string_equal(s.commit, r->s.commit);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(s.file[i].path, r->s.file[i].path);
		assert_int_equal(s.file[i].len, r->s.file[i].len);
		if (s.file[i].len)
			assert_memory_equal(s.file[i].data, r->s.file[i].data, s.file[i].len);
	}
	/* Cut anywhere, or with anything behind it, it is none. */
	for (size_t n = 0; n < b.len; n++) {
		char *cut = malloc(n ? n : 1);
		memcpy(cut, b.p, n);
		assert_int_equal(source_open_bundle(&s, cut, n, &a, &d), -EBADMSG);
		free(cut);
	}
	buf_addc(&b, 'x');
	assert_int_equal(source_open_bundle(&s, b.p, b.len, &a, &d), -EBADMSG);
	b.len--;
	/* Any byte changed: an error or another tree, never a bad access. */
	for (size_t i = 0; i < b.len; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			char *copy = malloc(b.len);
			memcpy(copy, b.p, b.len);
			copy[i] = (char)(copy[i] ^ 1 << bit);
			int rc = source_open_bundle(&s, copy, b.len, &a, &d);
			assert_true(rc == 0 || rc == -EBADMSG);
			free(copy);
		}
	}
	diags_release(&d);
	arena_release(&a);
	buf_release(&b);
}

static void bundles_refuse(void **state)
{
	struct run *r = *state;
	static const char *const paths[] = { "../x.yaml",	".git/x.yaml", "trust/x.yaml", "/x.yaml", "x//y.yaml", "x.txt",
					     ".dot/x.yaml",	"a b.yaml",    "x/",	       "",	  "-x.yaml",   ".",
					     "a/../../x.yaml", "x.yaml/" };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct source_file f = { .path = paths[i], .data = "x", .len = 1 };
		struct source s = { &f, 1, 1, NULL }, back;
		struct buf b = BUF_INIT;
		source_to_bundle(&s, &b);
		if (source_open_bundle(&back, b.p, b.len, &r->a, &r->d) != -EBADMSG)
			fail_msg("%s", paths[i]);
		buf_release(&b);
	}
	struct source_file two[2] = { { .path = "b.yaml", .data = "x", .len = 1 }, { .path = "a.yaml", .data = "x", .len = 1 } };
	struct source s = { two, 2, 2, NULL }, back;
	for (int i = 0; i < 3; i++) {
		struct buf b = BUF_INIT;
		two[0].path = i == 0 ? "b.yaml" : i == 1 ? "a.yaml" : "Z.yaml";
		source_to_bundle(&s, &b);
		assert_int_equal(source_open_bundle(&back, b.p, b.len, &r->a, &r->d), i == 2 ? 0 : -EBADMSG);
		buf_release(&b);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(folders_are_read_in_order_of_paths),
		CASE(folders_refuse),
		CASE(the_world_fails_folders),
		CASE(sizes_are_bounded),
		CASE(depth_is_bounded),
		CASE(ignore_file_takes_out),
		CASE(ignore_patterns),
		CASE(hostile_patterns_are_quick),
		CASE(commits_refuse),
		CASE(long_names_and_deep_trees),
		CASE(a_folder_and_a_file_of_one_name),
		CASE(commits_by_name),
		CASE(bundles_round_trip),
		CASE(bundles_refuse),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
