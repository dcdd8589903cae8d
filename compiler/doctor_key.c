/* SPDX-License-Identifier: Apache-2.0 */
/* The key that would sign: is there one, is it of a kind that counts, does trust/ know it. */
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "child.h"
#include "doctor.h"

#define KEY "key"

/* The first line of a file, or NULL. */
static const char *read_line(struct doctor *d, const char *path)
{
	char line[2048];
	FILE *f = fopen(path, "re");
	const char *got = f != NULL ? fgets(line, sizeof(line), f) : NULL;

	if (f != NULL)
		fclose(f);
	return got != NULL ? arena_strndup(&d->arena, line, strcspn(line, "\n")) : NULL;
}

static bool ends_in_pub(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && strcmp(path + n - 4, ".pub") == 0;
}

/* The public half's line of what git or the caller names. */
static const char *public_line(struct doctor *d, const char *key)
{
	if (strncmp(key, "key::", 5) == 0)
		return key + 5;
	if (strncmp(key, "ssh-", 4) == 0 || strncmp(key, "sk-ssh-", 7) == 0)
		return key;
	return read_line(d, ends_in_pub(key) ? key : arena_printf(&d->arena, "%s.pub", key));
}

/* Into *sig's key as the signature would carry it. */
static bool decode(const char *line, struct sshsig *sig)
{
	const char *b64 = strchr(line, ' ');

	memset(sig, 0, sizeof(*sig));
	if (b64 == NULL)
		return false;
	b64++;
	sig->security_key = strncmp(line, "sk-", 3) == 0;
	return sodium_base642bin(sig->key, sizeof(sig->key), b64, strcspn(b64, " \t"), NULL, &sig->key_len, NULL,
				 sodium_base64_VARIANT_ORIGINAL) == 0;
}

static bool kind_counts(const char *line)
{
	return strncmp(line, "ssh-ed25519 ", 12) == 0 || strncmp(line, "sk-ssh-ed25519@openssh.com ", 27) == 0;
}

/* The private half is in a file beside it, or with the agent. */
static void check_private(struct doctor *d, const char *key, const char *line)
{
	BUF_CLEANUP struct buf out = BUF_INIT, err = BUF_INIT;
	const char *const argv[] = { "ssh-add", "-L", NULL };
	bool is_file = strncmp(key, "key::", 5) != 0 && key[0] == '/';
	const char *private = is_file && ends_in_pub(key) ? arena_strndup(&d->arena, key, strlen(key) - 4) : key;

	if (is_file && access(private, R_OK) == 0)
		return;
	const char *end = strchr(line, ' ') != NULL ? strchr(strchr(line, ' ') + 1, ' ') : NULL;
	const char *body = arena_strndup(&d->arena, line, end != NULL ? (size_t)(end - line) : strlen(line));
	(void)child_run(argv, &(struct child_io){ .out = &out, .err = &err });
	if (strstr(buf_str(&out), body) == NULL)
		doctor_add(d, FINDING_BAD, KEY, "the private half is neither in a file beside the public one nor with the agent", "ssh-add");
}

static const char *roles_of(struct doctor *d, const char *principal, bool *wants_hardware)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	const struct trust_file *t = &d->trust->file;

	*wants_hardware = false;
	for (size_t i = 0; i <= t->nroles; i++) {
		const struct trust_role *role = i == 0 ? &t->root : &t->role[i - 1];
		for (size_t k = 0; k < role->nmembers; k++)
			if (strcmp(role->member[k], principal) == 0) {
				buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", role->name);
				*wants_hardware |= role->require_hardware;
			}
	}
	return arena_strdup(&d->arena, buf_str(&b));
}

/* What trust/ says of the key. */
static void check_listed(struct doctor *d, const char *line, const struct sshsig *sig)
{
	bool release = d->trust->file.mode == TRUST_MODE_RELEASE, wants_hardware;
	const char *name_space = release ? RECORD_NAMESPACE : "git";
	const struct signer *s = signers_find(&d->trust->signers, sig);

	if (s == NULL) {
		doctor_add(d, FINDING_BAD, KEY, "trust/allowed_signers does not list it",
			   arena_printf(&d->arena, "have a root member add: NAME namespaces=\"%s\" %s", name_space, line));
		return;
	}
	if (!(s->namespaces & (release ? SIGNER_RELEASE : SIGNER_GIT)))
		doctor_add(d, FINDING_BAD, KEY, arena_printf(&d->arena, "line %u of trust/allowed_signers lacks the namespace %s", s->line, name_space),
			   arena_printf(&d->arena, "namespaces=\"git,%s\"", release ? name_space : RECORD_NAMESPACE));
	if (clock_now() < s->valid_after || clock_now() >= s->valid_before)
		doctor_add(d, FINDING_BAD, KEY, arena_printf(&d->arena, "%s's key is outside its validity window", s->principal),
			   "have a root member give it another window in trust/allowed_signers");
	const char *roles = roles_of(d, s->principal, &wants_hardware);
	if (*roles == '\0')
		doctor_add(d, FINDING_BAD, KEY, arena_printf(&d->arena, "%s is a member of no role", s->principal), "add the name to a role in trust/trust.yaml");
	else
		doctor_add(d, FINDING_OK, KEY, arena_printf(&d->arena, "it is %s's, of %s", s->principal, roles), NULL);
	if (wants_hardware && !sig->security_key)
		doctor_add(d, FINDING_BAD, KEY, "a role of yours takes security keys alone, and this is a file", "ssh-keygen -t ed25519-sk");
	else if (!sig->security_key)
		doctor_add(d, FINDING_NOTE, KEY, "it is a file: who copies it signs as you", "ssh-keygen -t ed25519-sk keeps it on a security key");
}

static void check_git(struct doctor *d)
{
	bool commit_mode = d->trust == NULL || d->trust->file.mode == TRUST_MODE_COMMIT;
	const char *format = doctor_git(d, (const char *const[]){ "config", "--get", "gpg.format", NULL });

	if (commit_mode && strcmp(format, "ssh") != 0)
		doctor_add(d, FINDING_BAD, KEY, "git does not sign with SSH keys", "git config gpg.format ssh");
	if (commit_mode && strcmp(doctor_git(d, (const char *const[]){ "config", "--type=bool", "--get", "commit.gpgsign", NULL }), "true") != 0)
		doctor_add(d, FINDING_NOTE, KEY, "commits are signed only when git commit -S says so", "git config commit.gpgsign true");
	if (*doctor_git(d, (const char *const[]){ "config", "--get", "gpg.ssh.allowedSignersFile", NULL }) == '\0')
		doctor_add(d, FINDING_NOTE, KEY, "git log --show-signature cannot name signers", "git config gpg.ssh.allowedSignersFile trust/allowed_signers");
}

void doctor_key(struct doctor *d, const char *key)
{
	struct sshsig sig;

	if (key == NULL)
		key = doctor_git(d, (const char *const[]){ "config", "--type=path", "--get", "user.signingkey", NULL });
	check_git(d);
	if (*key == '\0') {
		doctor_add(d, FINDING_BAD, KEY, "git has no key to sign with", "git config user.signingkey ~/.ssh/id_ed25519_sk.pub");
		return;
	}
	const char *line = public_line(d, key);
	if (line == NULL) {
		doctor_add(d, FINDING_BAD, KEY, arena_printf(&d->arena, "%s cannot be read", key), "git config user.signingkey FILE.pub");
	} else if (!kind_counts(line) || !decode(line, &sig)) {
		doctor_add(d, FINDING_BAD, KEY, "it is not of a kind that counts: ssh-ed25519 or sk-ssh-ed25519@openssh.com", "ssh-keygen -t ed25519-sk");
	} else {
		check_private(d, key, line);
		if (d->trust != NULL)
			check_listed(d, line, &sig);
	}
}
