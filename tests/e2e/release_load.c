/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release_load FOLDER FILES RELEASES SIGNATURES - makes a repository of so many files and releases, each changing one file and signed
 * by so many people, then judges the log as a gateway does: prints the CPU milliseconds of catching up over all of it, and of one more
 * release when all before it is known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <git2.h>

#include "base/clock.h"
#include "release/releases.h"
#include "sign.h"

#define NOW INT64_C(1800000000)

static void must(bool ok, const char *what)
{
	const git_error *e = git_error_last();

	if (ok)
		return;
	fprintf(stderr, "release_load: %s: %s\n", what, e != NULL && e->message != NULL ? e->message : "");
	exit(1);
}

struct world {
	git_repository *git;
	struct source_repo repo;
	struct sign_key key[16];
	int nkeys, commits;
	git_oid tree, commit;
	struct digest prev;
	struct trust_file trust;
	struct manifest manifest;
	struct arena arena;
	char tip[GIT_OID_HEXSZ + 1];
};

static void put(struct world *w, const char *path, const char *text)
{
	git_tree *base = NULL;
	git_tree_update u = { .action = GIT_TREE_UPDATE_UPSERT, .filemode = GIT_FILEMODE_BLOB, .path = path };

	must(git_blob_create_from_buffer(&u.id, w->git, text, strlen(text)) == 0, "blob");
	must(git_tree_lookup(&base, w->git, &w->tree) == 0, "tree");
	must(git_tree_create_updated(&w->tree, w->git, base, 1, &u) == 0, "update");
	git_tree_free(base);
}

static void make_files(struct world *w, int n)
{
	git_treebuilder *top = NULL, *dir = NULL;
	git_oid id;

	must(git_treebuilder_new(&top, w->git, NULL) == 0, "builder");
	for (int d = 0; d * 100 < n; d++) {
		char name[64], text[256];
		must(git_treebuilder_new(&dir, w->git, NULL) == 0, "builder");
		for (int i = d * 100; i < n && i < (d + 1) * 100; i++) {
			snprintf(name, sizeof(name), "device-%05d.yaml", i);
			snprintf(text, sizeof(text), "kind: Device\nname: device-%05d\nowner: user-%05d\naddresses: [10.%d.%d.%d]\n", i, i,
				 i >> 16, i >> 8 & 255, i & 255);
			must(git_blob_create_from_buffer(&id, w->git, text, strlen(text)) == 0, "blob");
			must(git_treebuilder_insert(NULL, dir, name, &id, GIT_FILEMODE_BLOB) == 0, "insert");
		}
		must(git_treebuilder_write(&id, dir) == 0, "write");
		snprintf(name, sizeof(name), "devices-%03d", d);
		must(git_treebuilder_insert(NULL, top, name, &id, GIT_FILEMODE_TREE) == 0, "insert");
		git_treebuilder_free(dir);
	}
	must(git_treebuilder_write(&w->tree, top) == 0, "write");
	git_treebuilder_free(top);
}

static void make_trust(struct world *w)
{
	struct buf signers BUF_CLEANUP = BUF_INIT, text BUF_CLEANUP = BUF_INIT;
	struct diags d;
	char name[32];

	buf_addf(&text, "format: 1\nmode: release\nrepo-id: %064d\nversion: 1\nroot: {threshold: %d, members: [", 7, w->nkeys);
	for (int i = 0; i < w->nkeys; i++) {
		snprintf(name, sizeof(name), "person%d", i);
		w->key[i] = sign_key(name, false);
		sign_line(&signers, name, "namespaces=\"release@yett\"", &w->key[i]);
		buf_addf(&text, "%s%s", i > 0 ? ", " : "", name);
	}
	buf_addf(&text, "]}\nroles: {all: {threshold: %d, members: [", w->nkeys);
	for (int i = 0; i < w->nkeys; i++)
		buf_addf(&text, "%sperson%d", i > 0 ? ", " : "", i);
	buf_adds(&text, "]}}\nrules: [{paths: [\"**\"], roles: [all]}]\n");
	put(w, "trust/trust.yaml", text.p);
	put(w, "trust/allowed_signers", signers.p);
	diags_init(&d, &w->arena);
	uint32_t file = diags_add_file(&d, "t", text.p, text.len);
	must(trust_file_parse(&w->trust, file, arena_strdup(&w->arena, text.p), text.len, &w->arena, &d) == 0, "trust file");
	diags_release(&d);
}

static void commit(struct world *w, bool first)
{
	git_signature *who = NULL;
	git_tree *tree = NULL;
	git_commit *parent = NULL;

	must(git_signature_new(&who, "t", "t@example.com", NOW + w->commits++ * 60, 0) == 0 && git_tree_lookup(&tree, w->git, &w->tree) == 0, "commit");
	must(first || git_commit_lookup(&parent, w->git, &w->commit) == 0, "parent");
	const git_commit *parents[] = { parent };
	must(git_commit_create(&w->commit, w->git, "refs/heads/main", who, who, NULL, "x", tree, first ? 0 : 1, parents) == 0, "commit");
	git_commit_free(parent);
	git_tree_free(tree);
	git_signature_free(who);
}

static void release(struct world *w, uint64_t serial)
{
	struct record r = { .serial = serial, .prev = w->prev, .trust = 1, .format = 1, .not_before = CLOCK_EVER, .made = NOW };
	struct buf text BUF_CLEANUP = BUF_INIT, armor[16];
	struct ledger_file file[17];
	struct manifest next;
	char err[300], name[LEDGER_NAME_MAX], key[LEDGER_NAME_MAX], id[GIT_OID_HEXSZ + 1];

	must(manifest_read(&next, &w->repo, &w->tree, &w->trust, serial > 1 ? &w->manifest : NULL, &w->arena, err, sizeof(err)) == 0, err);
	manifest_release(&w->manifest);
	w->manifest = next;
	r.content = next.content;
	memcpy(r.repo, w->trust.repo_id, 32);
	git_oid_tostr(id, sizeof(id), &w->commit);
	memcpy(r.commit, id, sizeof(id));
	record_write(&r, &text);
	w->prev = record_digest(text.p, text.len);
	const char *base = arena_printf(&w->arena, "rel/%010llu/%s", (unsigned long long)serial, ledger_digest_name(&w->prev, name));
	file[0] = (struct ledger_file){ arena_printf(&w->arena, "%s.rec", base), text.p, text.len };
	for (int i = 0; i < w->nkeys; i++) {
		armor[i] = (struct buf)BUF_INIT;
		sign_message(&armor[i], &w->key[i], RECORD_NAMESPACE, text.p, text.len, 0);
		file[i + 1] = (struct ledger_file){ arena_printf(&w->arena, "%s.sig.%s", base,
								 ledger_key_name(w->key[i].wire, w->key[i].wire_len, key)),
						    armor[i].p, armor[i].len };
	}
	must(ledger_append(&w->repo, w->tip, file, (size_t)w->nkeys + 1, id, w->tip, err, sizeof(err)) == 0, err);
	for (int i = 0; i < w->nkeys; i++)
		buf_release(&armor[i]);
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void judge(struct world *w, const char *folder, uint64_t releases)
{
	struct source_repo repo;
	struct ledger ledger;
	struct releases all;
	char err[300];

	must(source_repo_open(&repo, folder, "", err, sizeof(err)) == 0 && ledger_open(&ledger, &repo, w->tip, err, sizeof(err)) == 0, err);
	releases_init(&all, &repo, &ledger, NOW);
	double start = cpu_ms();
	while (all.serial + 1 < releases)
		must(releases_step(&all) == RELEASES_ACCEPTED, all.why != NULL ? all.why : "step");
	double caught_up = cpu_ms();
	must(releases_step(&all) == RELEASES_ACCEPTED && all.candidate[0].approvals.nby == (size_t)w->nkeys, "the last step");
	double last = cpu_ms();
	printf("%zu files, %llu releases, %d signatures: catch_up_ms=%.1f one_ms=%.2f\n", all.manifest.n, (unsigned long long)all.serial,
	       w->nkeys, caught_up - start, last - caught_up);
	releases_release(&all);
	ledger_close(&ledger);
	source_repo_close(&repo);
}

int main(int argc, char **argv)
{
	struct world w = { .nkeys = argc == 5 ? (int)strtol(argv[4], NULL, 10) : 0 };
	char err[300];

	if (w.nkeys < 1 || w.nkeys > 16 || sodium_init() < 0)
		return 2;
	arena_init(&w.arena);
	git_libgit2_init();
	must(git_repository_init(&w.git, argv[1], 1) == 0, "init");
	must(source_repo_open(&w.repo, argv[1], "", err, sizeof(err)) == 0, err);
	make_files(&w, (int)strtol(argv[2], NULL, 10));
	make_trust(&w);
	uint64_t n = strtoull(argv[3], NULL, 10);
	for (uint64_t serial = 1; serial <= n; serial++) {
		char text[200];
		snprintf(text, sizeof(text), "kind: Device\nname: device-00000\nowner: user-00000\ndescription: change %llu\n",
			 (unsigned long long)serial);
		put(&w, "devices-000/device-00000.yaml", text);
		commit(&w, serial == 1);
		release(&w, serial);
	}
	judge(&w, argv[1], n);
	manifest_release(&w.manifest);
	source_repo_close(&w.repo);
	git_repository_free(w.git);
	git_libgit2_shutdown();
	arena_release(&w.arena);
	return 0;
}
