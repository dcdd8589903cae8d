/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigdiff FOLDER SECONDS SEED - signatures and signed commits, some of them wrong in one place, judged by us and by `ssh-keygen -Y
 * verify` and `git verify-commit`. What we accept they have to accept; what they accept and we do not is counted by our code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <git2.h>

#include "child.h"
#include "sign.h"
#include "trust/judge.h"

#define NOW INT64_C(1800000000)
#define CODES_MAX 64

struct fuzz {
	const char *folder;
	uint64_t seed;
	struct arena arena;
	struct sign_key alice, token, mallory;
	struct signers signers;
	struct trust_file trust;
	git_repository *git;
	git_odb *odb;
	size_t runs, both, neither, stricter, asked, looser;
	struct {
		const char *code;
		size_t n;
	} code[CODES_MAX];
	size_t ncodes;
};

static uint32_t rnd(struct fuzz *f, uint32_t n)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return (uint32_t)(f->seed >> 11) % n;
}

static void count_code(struct fuzz *f, const char *code)
{
	for (size_t i = 0; i < f->ncodes; i++)
		if (strcmp(f->code[i].code, code) == 0) {
			f->code[i].n++;
			return;
		}
	if (f->ncodes < CODES_MAX) {
		f->code[f->ncodes].code = code;
		f->code[f->ncodes++].n = 1;
	}
}

static void write_file(struct fuzz *f, const char *name, const struct buf *b)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	FILE *out = fopen(path, "wb");
	if (out == NULL || fwrite(buf_str(b), 1, b->len, out) != b->len || fclose(out) != 0) {
		perror(path);
		exit(2);
	}
}

/* ---- mutations of any bytes ---- */

static void splice(struct buf *b, size_t at, size_t cut, const void *in, size_t n)
{
	struct buf out = BUF_INIT;

	buf_add(&out, b->p, at);
	buf_add(&out, in, n);
	buf_add(&out, b->p + at + cut, b->len - at - cut);
	buf_release(b);
	*b = out;
}

static void mutate_bytes(struct fuzz *f, struct buf *b)
{
	static const char odd[] = "\n\r\t \0=-A\xff";
	size_t at = rnd(f, (uint32_t)b->len);

	switch (rnd(f, 5)) {
	case 0: b->p[at] = (char)(b->p[at] ^ 1 << rnd(f, 8)); break;
	case 1: splice(b, at, 1, "", 0); break;
	case 2: splice(b, at, 0, odd + rnd(f, sizeof(odd) - 1), 1); break;
	case 3: splice(b, at, 0, b->p + at, 1); break;
	case 4: splice(b, b->len, 0, odd + rnd(f, sizeof(odd) - 1), 1); break;
	}
}

/* ---- signatures ---- */

static void put_u32(struct buf *b, size_t at, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		b->p[at + i] = (char)(v >> (24 - 8 * i));
}

/* The blob of a signature with its parts as asked for, rightly made over what it says. */
static void make_blob(struct fuzz *f, struct buf *blob, const struct sign_key *k, const char *ns, const struct buf *msg, bool odd)
{
	static const char *const hash_name[] = { "sha512", "sha256", "sha1", "SHA512", "" };
	static const uint8_t flag[] = { 1, 1, 1, 5, 0, 4, 0x81, 0x41 };
	struct buf tbs = BUF_INIT, sig = BUF_INIT;
	const char *hash = hash_name[odd ? rnd(f, 5) : rnd(f, 2)], *reserved = odd && rnd(f, 3) == 0 ? "x" : "";
	bool small = strcmp(hash, "sha256") == 0;
	uint8_t digest[64], raw[64], tail[5] = { odd ? flag[rnd(f, 8)] : 1, 0, 0, 0, (uint8_t)rnd(f, 256) };

	if (small)
		crypto_hash_sha256(digest, (const uint8_t *)buf_str(msg), msg->len);
	else
		crypto_hash_sha512(digest, (const uint8_t *)buf_str(msg), msg->len);
	buf_add(&tbs, "SSHSIG", 6);
	sign_put(&tbs, ns, strlen(ns));
	sign_put(&tbs, "", 0);
	sign_put(&tbs, hash, strlen(hash));
	sign_put(&tbs, digest, small ? 32 : 64);
	if (k->security_key) {
		uint8_t w[69];
		crypto_hash_sha256(w, (const uint8_t *)"ssh:", 4);
		memcpy(w + 32, tail, 5);
		crypto_hash_sha256(w + 37, (const uint8_t *)tbs.p, tbs.len);
		crypto_sign_detached(raw, NULL, w, sizeof(w), k->sk);
	} else {
		crypto_sign_detached(raw, NULL, (const uint8_t *)tbs.p, tbs.len, k->sk);
	}
	const char *type = odd && rnd(f, 6) == 0 ? "ssh-ed25519" : sign_type(k);
	sign_put(&sig, type, strlen(type));
	sign_put(&sig, raw, odd && rnd(f, 8) == 0 ? 63 : 64);
	if (k->security_key)
		buf_add(&sig, tail, 5);
	buf_add(blob, "SSHSIG\0\0\0\1", 10);
	if (odd && rnd(f, 4) == 0)
		put_u32(blob, 6, rnd(f, 3));
	sign_put(blob, k->wire, k->wire_len);
	sign_put(blob, ns, strlen(ns));
	sign_put(blob, reserved, strlen(reserved));
	sign_put(blob, hash, strlen(hash));
	sign_put(blob, sig.p, sig.len);
	if (odd && rnd(f, 6) == 0)
		buf_addc(blob, 'x');
	buf_release(&tbs);
	buf_release(&sig);
}

/* Armor of another shape over the same blob. */
static void make_armor(struct fuzz *f, struct buf *out, const struct buf *blob, bool odd)
{
	static const size_t wide[] = { 70, 76, 77, 64, 1, 1000 };
	size_t max = sodium_base64_encoded_len(blob->len, sodium_base64_VARIANT_ORIGINAL), width = odd ? wide[rnd(f, 6)] : 70;
	const char *eol = odd && rnd(f, 5) == 0 ? "\r\n" : "\n";
	char *b64 = malloc(max);

	sodium_bin2base64(b64, max, (const uint8_t *)blob->p, blob->len, sodium_base64_VARIANT_ORIGINAL);
	if (odd && rnd(f, 6) == 0)
		buf_addf(out, "before%s", eol);
	buf_addf(out, "-----BEGIN SSH SIGNATURE-----%s", eol);
	for (size_t i = 0, n = strlen(b64); i < n; i += width)
		buf_addf(out, "%.*s%s", (int)width, b64 + i, eol);
	if (odd && rnd(f, 6) == 0)
		buf_adds(out, eol);
	buf_addf(out, "-----END SSH SIGNATURE-----%s", odd && rnd(f, 4) == 0 ? "" : eol);
	if (odd && rnd(f, 5) == 0)
		buf_adds(out, "after\n");
	free(b64);
}

static const struct sign_key *some_key(struct fuzz *f)
{
	uint32_t r = rnd(f, 10);

	return r < 6 ? &f->alice : r < 9 ? &f->token : &f->mallory;
}

/* One thing is odd at most, so that both sides often come near a yes. */
static void make_signature(struct fuzz *f, struct buf *armor, const struct buf *msg)
{
	static const char *const ns[] = { "git", "git", "git", "git", "file", "release@yett", "", "gitx" };
	struct buf blob = BUF_INIT;
	uint32_t where = rnd(f, 8);

	make_blob(f, &blob, some_key(f), ns[where == 0 ? rnd(f, 8) : 0], msg, where == 1);
	if (where == 2)
		mutate_bytes(f, &blob);
	make_armor(f, armor, &blob, where == 3);
	if (where == 4)
		mutate_bytes(f, armor);
	buf_release(&blob);
}

static const char *our_signature(struct fuzz *f, const struct buf *armor, const struct buf *msg)
{
	struct sshsig sig;
	enum sshsig_error e = sshsig_verify(armor->p, armor->len, "git", buf_str(msg), msg->len, &sig);

	if (e != SSHSIG_OK)
		return sshsig_error_code(e);
	return signers_find(&f->signers, &sig) != NULL ? NULL : "E_SIGNER";
}

/* Each principal has one key; -I says which name is claimed, so both are tried. */
static bool their_signature(struct fuzz *f, const struct buf *armor, const struct buf *msg)
{
	static const char *const who[] = { "alice", "token" };
	char signers[512], sig[512];
	bool good = false;

	write_file(f, "sig", armor);
	snprintf(signers, sizeof(signers), "%s/signers", f->folder);
	snprintf(sig, sizeof(sig), "%s/sig", f->folder);
	for (int i = 0; i < 2 && !good; i++) {
		struct buf out = BUF_INIT, err = BUF_INIT;
		const char *const argv[] = { "ssh-keygen", "-Y", "verify", "-f", signers, "-I", who[i], "-n", "git", "-s", sig, NULL };
		good = child_run(argv, &(struct child_io){ .in = buf_str(msg), .in_len = msg->len, .out = &out, .err = &err }) == 0;
		buf_release(&out);
		buf_release(&err);
	}
	return good;
}

/* ---- commits ---- */

#define PERSON "T <t@example.com> 1700000000 +0000"

static const char *const odd_headers[] = {
	"encoding UTF-8\n", "mergetag object 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n type commit\n", "x-header y\n", "parent 4b82\n",
	"HG:extra x\n", "gpgsig x\n", "gpgsig-sha256 x\n", " continued\n", "\tx\n", "author " PERSON "\n", "encoding\n", "committer x\n",
};

static void make_payload(struct fuzz *f, struct buf *b, bool odd)
{
	static const char *const message[] = { "A change\n", "", "no line feed", "two\n\nparts\n", "-----BEGIN SSH SIGNATURE-----\nx\n", "gpgsig x\n" };
	const char *extra = odd_headers[rnd(f, 12)];
	uint32_t place = odd ? rnd(f, 5) : 4;

	buf_adds(b, place == 0 ? extra : "");
	buf_adds(b, "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n");
	buf_adds(b, place == 1 ? extra : "");
	for (uint32_t i = rnd(f, odd && rnd(f, 6) == 0 ? 20 : 3); i > 0; i--)
		buf_addf(b, "parent %040u\n", i);
	buf_adds(b, "author " PERSON "\n");
	buf_adds(b, place == 2 ? extra : "");
	buf_adds(b, "committer " PERSON "\n");
	buf_adds(b, place == 3 ? extra : "");
	buf_addf(b, "\n%s", message[rnd(f, 6)]);
	if (odd && rnd(f, 6) == 0)
		buf_add(b, "nul\0more\n", 9);
}

/* The signature as git puts it in: at the end of the headers; or elsewhere, twice, under another name. */
static void insert_signature(struct fuzz *f, struct buf *commit, const struct buf *armor, bool odd)
{
	static const char *const name[] = { "gpgsig", "gpgsig-sha256", "Gpgsig", "gpgsig " };
	struct buf header = BUF_INIT;
	const char *p = buf_str(armor), *blank = strstr(buf_str(commit), "\n\n");
	size_t at = blank != NULL ? (size_t)(blank - commit->p) + 1 : commit->len;

	buf_adds(&header, name[odd ? rnd(f, 4) : 0]);
	while (*p != '\0') {
		size_t n = strcspn(p, "\n");
		buf_addf(&header, " %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	if (odd && rnd(f, 3) == 0) /* before the author */
		at = 46;
	if (at > commit->len)
		at = commit->len;
	splice(commit, at, 0, header.p, header.len);
	if (odd && rnd(f, 4) == 0)
		splice(commit, at, 0, header.p, header.len);
	buf_release(&header);
}

static const char *our_commit(struct fuzz *f, const struct buf *commit)
{
	const struct judge_case c = { .trust = &f->trust, .signers = &f->signers, .commit = commit->p, .commit_len = commit->len, .now = NOW };
	struct judgement j = { .accepted = false };
	struct sshsig sig;

	return judge_signature(&c, &sig, &j, &f->arena) != NULL ? NULL : j.code;
}

static bool their_commit(struct fuzz *f, const struct buf *commit)
{
	struct buf out = BUF_INIT, err = BUF_INIT;
	char signers[600], hex[GIT_OID_HEXSZ + 1];
	git_oid id;

	if (git_odb_write(&id, f->odb, commit->p, commit->len, GIT_OBJECT_COMMIT) < 0)
		exit(2);
	snprintf(signers, sizeof(signers), "gpg.ssh.allowedSignersFile=%s/signers", f->folder);
	const char *const words[] = { "-c", "gpg.format=ssh", "-c", signers, "verify-commit", git_oid_tostr(hex, sizeof(hex), &id), NULL };
	bool good = child_git(f->folder, words, &out, &err) == 0;
	buf_release(&out);
	buf_release(&err);
	return good;
}

/* ---- a run ---- */

/* What we refuse is asked of them too, if not always: it says how near the inputs come, and what we are stricter about. */
static void compare(struct fuzz *f, const char *ours, bool (*theirs)(struct fuzz *, const struct buf *, const struct buf *),
		    const struct buf *a, const struct buf *b)
{
	f->runs++;
	if (ours != NULL && rnd(f, 4) != 0)
		return;
	f->asked++;
	bool good = theirs(f, a, b);
	f->both += ours == NULL && good;
	f->neither += ours != NULL && !good;
	if (ours != NULL && good) {
		f->stricter++;
		count_code(f, ours);
	}
	if (ours != NULL || good)
		return;
	f->looser++;
	write_file(f, "looser", a);
	fprintf(stderr, "we accept what they refuse, seed state %llu:\n%s\n", (unsigned long long)f->seed, buf_str(a));
}

static bool commit_theirs(struct fuzz *f, const struct buf *commit, const struct buf *none)
{
	(void)none;
	return their_commit(f, commit);
}

static void one_signature(struct fuzz *f)
{
	struct buf msg = BUF_INIT, armor = BUF_INIT;

	for (uint32_t n = rnd(f, 60) + 1; n > 0; n--)
		buf_addc(&msg, (char)rnd(f, 256));
	make_signature(f, &armor, &msg);
	if (rnd(f, 10) == 0)
		mutate_bytes(f, &msg);
	compare(f, our_signature(f, &armor, &msg), their_signature, &armor, &msg);
	buf_release(&msg);
	buf_release(&armor);
}

static void one_commit(struct fuzz *f)
{
	struct buf commit = BUF_INIT, armor = BUF_INIT;
	uint32_t where = rnd(f, 6);

	make_payload(f, &commit, where == 0);
	if (where == 1)
		mutate_bytes(f, &commit);
	make_signature(f, &armor, &commit);
	insert_signature(f, &commit, &armor, where == 2);
	if (where == 3)
		mutate_bytes(f, &commit);
	compare(f, our_commit(f, &commit), commit_theirs, &commit, NULL);
	buf_release(&commit);
	buf_release(&armor);
}

static void begin(struct fuzz *f)
{
	struct buf lines = BUF_INIT;
	char err[200];

	arena_init(&f->arena);
	f->alice = sign_key("alice", false);
	f->token = sign_key("token", true);
	f->mallory = sign_key("mallory", false);
	sign_line(&lines, "alice", "namespaces=\"git\"", &f->alice);
	sign_line(&lines, "token", "namespaces=\"git\"", &f->token);
	write_file(f, "signers", &lines);
	if (signers_parse(&f->signers, lines.p, lines.len, &f->arena, err, sizeof(err)) < 0 ||
	    git_repository_init(&f->git, f->folder, 1) < 0 || git_repository_odb(&f->odb, f->git) < 0)
		exit(2);
	buf_release(&lines);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct fuzz f = { .folder = argc == 4 ? argv[1] : NULL, .seed = argc == 4 ? strtoull(argv[3], NULL, 10) * 2 + 0x9e3779b97f4a7c15 : 0 };

	if (argc != 4 || sodium_init() < 0)
		return 2;
	git_libgit2_init();
	begin(&f);
	struct arena keep = f.arena;
	arena_init(&f.arena);
	for (double end = seconds() + strtod(argv[2], NULL); seconds() < end;) {
		one_signature(&f);
		one_commit(&f);
		arena_release(&f.arena);
	}
	printf("runs=%zu asked=%zu both=%zu neither=%zu stricter=%zu looser=%zu", f.runs, f.asked, f.both, f.neither, f.stricter, f.looser);
	for (size_t i = 0; i < f.ncodes; i++)
		printf(" %s=%zu", f.code[i].code, f.code[i].n);
	putchar('\n');
	git_odb_free(f.odb);
	git_repository_free(f.git);
	git_libgit2_shutdown();
	arena_release(&keep);
	return f.looser > 0;
}
