/* SPDX-License-Identifier: Apache-2.0 */
#include "release_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "child.h"

#define INCOMING "refs/yett/incoming" /* what a fetch brought, until it is looked at */

enum { PUSHES_MAX = 8 };

/* ---- git ---- */

/* The first line of what a program said, for a message. */
static const char *first_line(struct release_log *l, const struct buf *b)
{
	const char *text = buf_str(b);

	return arena_strndup(&l->arena, text, strcspn(text, "\n"));
}

static int git(struct release_log *l, const char *const words[], struct buf *out, struct buf *err)
{
	return child_git(l->common->dir, words, out, err);
}

static void trim(struct buf *b)
{
	while (b->len > 0 && b->p[b->len - 1] == '\n')
		b->p[--b->len] = '\0';
}

const char *release_log_config(struct release_log *l, const char *name, const char *type)
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;
	const char *const words[] = { "config", type != NULL ? type : "--get", type != NULL ? "--get" : name, type != NULL ? name : NULL, NULL };

	if (git(l, words, &out, &err) != 0)
		return "";
	trim(&out);
	return arena_strdup(&l->arena, buf_str(&out));
}

/* origin, or the only one, or "". */
static int choose_remote(struct release_log *l, const char *asked)
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;
	size_t n = 0;

	l->remote = asked != NULL ? asked : "";
	if (asked != NULL || git(l, (const char *const[]){ "remote", NULL }, &out, &err) != 0)
		return 0;
	for (const char *p = buf_str(&out); *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		const char *name = arena_strndup(&l->arena, p, strcspn(p, "\n"));
		if (n++ == 0 || strcmp(name, "origin") == 0)
			l->remote = name;
	}
	if (n < 2 || strcmp(l->remote, "origin") == 0)
		return 0;
	snprintf(l->err, sizeof(l->err), "there are several remotes and none is called origin; name one with --remote");
	return -1;
}

/* What stands at the remote: "" or the id of its tip; *branch: only the fallback is there. */
static int remote_tip(struct release_log *l, const char *ref, const char **tip, bool *branch)
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;
	const char *const words[] = { "ls-remote", "--quiet", l->remote, ref != NULL ? ref : LEDGER_REF, ref != NULL ? NULL : LEDGER_BRANCH, NULL };
	const char *at;

	*tip = "";
	*branch = false;
	if (git(l, words, &out, &err) != 0) {
		snprintf(l->err, sizeof(l->err), "cannot ask %s: %s", l->remote, first_line(l, &err));
		return -1;
	}
	at = strstr(buf_str(&out), ref != NULL ? ref : LEDGER_REF);
	if (at == NULL && ref == NULL)
		*branch = (at = strstr(buf_str(&out), LEDGER_BRANCH)) != NULL;
	if (at == NULL)
		return 0;
	while (at > out.p && at[-1] != '\n')
		at--;
	*tip = arena_strndup(&l->arena, at, strspn(at, "0123456789abcdef"));
	return 0;
}

static int move_ref(struct release_log *l, const char *id)
{
	git_reference *ref = NULL;
	git_oid oid;
	int ret = git_oid_fromstr(&oid, id);

	if (ret == 0)
		ret = git_reference_create(&ref, l->repo.git, l->ref, &oid, 1, "yett: a release");
	git_reference_free(ref);
	if (ret < 0)
		snprintf(l->err, sizeof(l->err), "cannot move %s", l->ref);
	return ret < 0 ? -1 : 0;
}

/* What was fetched becomes ours, if it continues what was ours. */
static int take_in(struct release_log *l)
{
	git_oid now, was;
	char id[GIT_OID_HEXSZ + 1];
	int ret = git_reference_name_to_id(&now, l->repo.git, INCOMING);
	bool had = git_reference_name_to_id(&was, l->repo.git, l->ref) == 0;

	if (ret < 0) {
		snprintf(l->err, sizeof(l->err), "git fetched nothing from %s", l->remote);
		return -1;
	}
	git_reference_remove(l->repo.git, INCOMING);
	if (had && !git_oid_equal(&was, &now) && git_graph_descendant_of(l->repo.git, &now, &was) != 1) {
		snprintf(l->err, sizeof(l->err), "E_ROLLBACK: %s of %s no longer continues what was fetched before; ask who rewrote it "
			 "(`git update-ref -d %s` forgets what was fetched)", l->ref, l->remote, l->ref);
		return -1;
	}
	return move_ref(l, git_oid_tostr(id, sizeof(id), &now));
}

/* Brings the remote's log here. What was here before has to lead to it: a log only grows. */
static int fetch(struct release_log *l, const char *ref)
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;
	const char *tip;
	bool branch;

	if (remote_tip(l, ref, &tip, &branch) < 0)
		return -1;
	l->ref = ref != NULL ? ref : branch ? LEDGER_BRANCH : LEDGER_REF;
	if (*tip == '\0')
		return 0;
	const char *spec = arena_printf(&l->arena, "+%s:" INCOMING, l->ref);
	const char *const words[] = { "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", l->remote, spec, NULL };
	if (git(l, words, &out, &err) != 0) {
		snprintf(l->err, sizeof(l->err), "cannot fetch %s from %s: %s", l->ref, l->remote, first_line(l, &err));
		return -1;
	}
	return take_in(l);
}

/* ---- opening ---- */

static int begin_at(struct release_log *l, const char *anchor)
{
	struct digest d;
	size_t got = 0;
	char *end;
	unsigned long long serial = strtoull(anchor, &end, 10);
	const char *hex = *end == ':' ? end + 1 : "";

	if (strncmp(hex, "sha256:", 7) == 0)
		hex += 7;
	if (serial == 0 || serial > RECORD_SERIAL_MAX || strlen(hex) != 64 ||
	    sodium_hex2bin(d.b, sizeof(d.b), hex, 64, NULL, &got, NULL) != 0 || got != sizeof(d.b)) {
		snprintf(l->err, sizeof(l->err), "an anchor is written SERIAL:DIGEST, as yett verify --release prints it");
		return -1;
	}
	l->state = releases_anchor(&l->releases, serial, &d);
	return 0;
}

static const char *local_ref(struct release_log *l, const char *asked)
{
	git_reference *ref = NULL;

	if (asked != NULL)
		return asked;
	bool custom = git_reference_lookup(&ref, l->repo.git, LEDGER_REF) == 0;
	git_reference_free(ref);
	ref = NULL;
	bool branch = !custom && git_reference_lookup(&ref, l->repo.git, LEDGER_BRANCH) == 0;
	git_reference_free(ref);
	return branch ? LEDGER_BRANCH : LEDGER_REF;
}

int release_log_open(struct release_log *l, const struct cmd *cmd, const struct cmd_common *common,
		     const struct release_options *o, int64_t now)
{
	*l = (struct release_log){ .cmd = cmd, .common = common, .state = RELEASES_END, .remote = "" };
	arena_init(&l->arena);
	if (source_repo_open(&l->repo, common->dir, common->path, l->err, sizeof(l->err)) < 0 || choose_remote(l, o->remote) < 0)
		return -1;
	if (o->offline || *l->remote == '\0')
		l->ref = local_ref(l, o->ref);
	else if (fetch(l, o->ref) < 0)
		return -1;
	if (ledger_open(&l->ledger, &l->repo, l->ref, l->err, sizeof(l->err)) < 0)
		return -1;
	releases_init(&l->releases, &l->repo, &l->ledger, now);
	l->state = RELEASES_ACCEPTED;
	if (o->anchor != NULL && begin_at(l, o->anchor) < 0)
		return -1;
	if (l->state == RELEASES_ACCEPTED)
		l->state = releases_run(&l->releases);
	return 0;
}

void release_log_close(struct release_log *l)
{
	if (l->releases.repo != NULL)
		releases_release(&l->releases);
	ledger_close(&l->ledger);
	source_repo_close(&l->repo);
	arena_release(&l->arena);
}

/* ---- adding ---- */

/* Two who lose the same race do not meet again. */
static void wait_a_little(unsigned int attempt)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		r = (uint32_t)getpid();
	struct timespec t = { 0, (long)(50 + r % 200) * 1000000L * (attempt < 4 ? attempt + 1 : 4) };
	t.tv_sec = t.tv_nsec / 1000000000L;
	t.tv_nsec %= 1000000000L;
	nanosleep(&t, NULL);
}

static bool push(struct release_log *l, const char *id, struct buf *err)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	const char *const words[] = { "push", "--quiet", l->remote, arena_printf(&l->arena, "%s:%s", id, l->ref), NULL };

	buf_reset(err);
	return git(l, words, &out, err) == 0;
}

/* After a push that was refused: whether it is worth another one, on top of what is there now. */
static int after_refusal(struct release_log *l, const char **tip, struct buf *why)
{
	const char *now;
	bool branch;

	if (remote_tip(l, l->ref, &now, &branch) < 0)
		return -1;
	if (strcmp(now, *tip) != 0) { /* somebody was faster */
		if (fetch(l, l->ref) < 0)
			return -1;
		*tip = now;
		return 0;
	}
	if (*now == '\0' && strcmp(l->ref, LEDGER_REF) == 0) { /* a forge that takes branches and tags alone */
		l->ref = LEDGER_BRANCH;
		return remote_tip(l, l->ref, tip, &branch);
	}
	snprintf(l->err, sizeof(l->err), "%s refuses the push to %s: %s", l->remote, l->ref, first_line(l, why));
	return -1;
}

int release_log_add(struct release_log *l, const struct ledger_file *file, size_t n, const char *released)
{
	BUF_CLEANUP struct buf err = BUF_INIT;
	const char *tip = l->ledger.tip;
	char id[GIT_OID_HEXSZ + 1];

	for (unsigned int i = 0; i < PUSHES_MAX; i++) {
		if (ledger_append(&l->repo, tip, file, n, released, id, l->err, sizeof(l->err)) < 0)
			return -1;
		if (*l->remote == '\0' || push(l, id, &err))
			return move_ref(l, id);
		wait_a_little(i);
		if (after_refusal(l, &tip, &err) < 0)
			return -1;
	}
	snprintf(l->err, sizeof(l->err), "others keep pushing to %s of %s; try again", l->ref, l->remote);
	return -1;
}

/* ---- signing ---- */

/* A public key's line in a file of its own, for the agent; the path in the arena. NULL with err. */
static const char *key_file(struct release_log *l, const char *line, char dir[static 32])
{
	snprintf(dir, 32, "/tmp/yett-key-XXXXXX");
	if (mkdtemp(dir) == NULL) {
		snprintf(l->err, sizeof(l->err), "cannot make a temporary folder: %s", strerror(errno));
		*dir = '\0';
		return NULL;
	}
	const char *path = arena_printf(&l->arena, "%s/key.pub", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && dprintf(fd, "%s\n", line) > 0;
	if (fd >= 0)
		close(fd);
	if (!ok)
		snprintf(l->err, sizeof(l->err), "cannot write %s", path);
	return ok ? path : NULL;
}

static void remove_key_file(const char *path, const char *dir)
{
	if (path != NULL)
		unlink(path);
	if (*dir != '\0')
		rmdir(dir);
}

/* The private key stays where it is: with ssh-keygen, the agent, or the token. */
static int run_keygen(struct release_log *l, const char *file, const char *name_space, const struct buf *text, struct buf *armor)
{
	const char *const argv[] = { "ssh-keygen", "-Y", "sign", "-q", "-n", name_space, "-f", file, NULL };
	int status = child_run(argv, &(struct child_io){ .in = text->p, .in_len = text->len, .out = armor });

	if (status == -ENOENT)
		snprintf(l->err, sizeof(l->err), "the program ssh-keygen is not there; it comes with OpenSSH");
	else if (status != 0)
		snprintf(l->err, sizeof(l->err), "ssh-keygen did not sign with %s", file);
	return status == 0 ? 0 : -1;
}

int release_log_sign(struct release_log *l, const char *key, const char *name_space, const struct buf *text, struct buf *armor)
{
	char dir[32] = "";
	const char *file = key != NULL ? key : release_log_config(l, "user.signingkey", NULL);

	if (*file == '\0') {
		snprintf(l->err, sizeof(l->err), "no key to sign with: git config user.signingkey ~/.ssh/id_ed25519_sk.pub, or --key FILE");
		return -1;
	}
	bool line = strncmp(file, "key::", 5) == 0 || strncmp(file, "ssh-", 4) == 0 || strncmp(file, "sk-ssh-", 7) == 0;
	if (line)
		file = key_file(l, strncmp(file, "key::", 5) == 0 ? file + 5 : file, dir);
	else if (key == NULL)
		file = release_log_config(l, "user.signingkey", "--type=path");
	int ret = file != NULL ? run_keygen(l, file, name_space, text, armor) : -1;
	if (line)
		remove_key_file(file, dir);
	return ret;
}
