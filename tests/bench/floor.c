/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reading a commit's policy files must cost at least with the libraries that yett uses: every blob by libgit2, and (but for "read") its
 * YAML events by libyaml, nothing kept. Written apart from the compiler on purpose.
 *
 *	floor read|parse REPOSITORY THREADS
 *
 * prints files, bytes, events and microseconds: of the walk over the trees, and from start to end.
 */
#include <git2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yaml.h>

#define THREADS_MAX 16

struct list {
	git_oid *id;
	size_t n, cap;
};

struct part {
	const char *repository;
	const git_oid *id;
	size_t n, bytes, events;
	int parse;
};

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	const git_error *e = git_error_last();

	fprintf(stderr, "floor: %s%s%s\n", what, e ? ": " : "", e ? e->message : "");
	exit(1);
}

static void add(struct list *l, const git_oid *id)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 1024;
		l->id = realloc(l->id, l->cap * sizeof(*l->id));
		if (l->id == NULL)
			die("no memory");
	}
	l->id[l->n++] = *id;
}

static void walk(git_repository *repo, const git_oid *id, struct list *out)
{
	git_tree *tree;

	if (git_tree_lookup(&tree, repo, id) < 0)
		die("a tree");
	for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);
		if (git_tree_entry_type(e) == GIT_OBJECT_TREE)
			walk(repo, git_tree_entry_id(e), out);
		else
			add(out, git_tree_entry_id(e));
	}
	git_tree_free(tree);
}

static size_t events(const unsigned char *data, size_t len)
{
	yaml_parser_t p;
	size_t n = 0;

	if (!yaml_parser_initialize(&p))
		die("no memory");
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, data, len);
	for (int more = 1; more; n++) {
		yaml_event_t e;
		if (!yaml_parser_parse(&p, &e))
			die("not YAML");
		more = e.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return n;
}

static void *work(void *ctx)
{
	struct part *p = ctx;
	git_repository *repo;
	git_odb *odb;

	if (git_repository_open(&repo, p->repository) < 0 || git_repository_odb(&odb, repo) < 0)
		die("the repository");
	for (size_t i = 0; i < p->n; i++) {
		git_odb_object *o;
		if (git_odb_read(&o, odb, &p->id[i]) < 0)
			die("a blob");
		p->bytes += git_odb_object_size(o);
		if (p->parse)
			p->events += events(git_odb_object_data(o), git_odb_object_size(o));
		git_odb_object_free(o);
	}
	git_odb_free(odb);
	git_repository_free(repo);
	return NULL;
}

int main(int argc, char **argv)
{
	struct part part[THREADS_MAX] = { { .repository = NULL } };
	pthread_t thread[THREADS_MAX];
	struct list ids = { NULL, 0, 0 };
	git_repository *repo;
	git_object *tree;
	size_t bytes = 0, n_events = 0;
	int threads = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;

	if (threads < 1 || threads > THREADS_MAX)
		die("usage: floor read|parse REPOSITORY THREADS");
	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	double start = now_us();
	if (git_repository_open(&repo, argv[2]) < 0 || git_revparse_single(&tree, repo, "refs/heads/main^{tree}") < 0)
		die("the branch main");
	walk(repo, git_object_id(tree), &ids);
	double walked = now_us();
	for (int i = 0; i < threads; i++) {
		size_t from = ids.n * (size_t)i / (size_t)threads, to = ids.n * (size_t)(i + 1) / (size_t)threads;
		part[i] = (struct part){ argv[2], ids.id + from, to - from, 0, 0, strcmp(argv[1], "parse") == 0 };
		if (i > 0 && pthread_create(&thread[i], NULL, work, &part[i]) != 0)
			die("no thread");
	}
	work(&part[0]);
	for (int i = 0; i < threads; i++) {
		if (i > 0)
			pthread_join(thread[i], NULL);
		bytes += part[i].bytes;
		n_events += part[i].events;
	}
	printf("%zu %zu %zu %.0f %.0f\n", ids.n, bytes, n_events, walked - start, now_us() - start);
	git_object_free(tree);
	git_repository_free(repo);
	free(ids.id);
	git_libgit2_shutdown();
	return 0;
}
