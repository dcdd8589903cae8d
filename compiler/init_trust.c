/* SPDX-License-Identifier: Apache-2.0 */
#include "init_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <git2.h>
#include <sodium.h>

#include "base/bug.h"
#include "base/fd.h"
#include "trust/signers.h"

#define KEY_LINE_MAX 4096

struct making {
	struct arena *a;
	char *err;
	size_t err_size;
	const char *email;   /* git's user.email, or NULL */
	const char *key;     /* type and base64 */
	const char *comment; /* of the key's file; "" */
};

static int fail(struct making *m, const char *text, const char *of)
{
	snprintf(m->err, m->err_size, "%s%s", of, text);
	return -EINVAL;
}

/* git's own reading of the user's configuration, and none of a repository's. */
static const char *git_setting(struct making *m, const char *name, bool is_path)
{
	git_config *all = NULL, *config = NULL;
	git_buf value = GIT_BUF_INIT;
	const char *text = NULL;

	git_libgit2_init();
	int rc = git_config_open_default(&all);
	if (rc == 0)
		rc = git_config_snapshot(&config, all);
	if (rc == 0)
		rc = is_path ? git_config_get_path(&value, config, name) : git_config_get_string_buf(&value, config, name);
	if (rc == 0 && value.size > 0)
		text = arena_strndup(m->a, value.ptr, value.size);
	git_buf_dispose(&value);
	git_config_free(config);
	git_config_free(all);
	git_libgit2_shutdown();
	return text;
}

/* "TYPE BASE64 [COMMENT]", as in a .pub file. */
static int take_key(struct making *m, const char *line, const char *from)
{
	const char *p = line + strspn(line, " \t");
	size_t type = strcspn(p, " \t\r\n"), gap = strspn(p + type, " \t"), data = strcspn(p + type + gap, " \t\r\n");

	if (type == 0 || data == 0)
		return fail(m, " holds no public key; name the .pub file", from);
	m->key = arena_printf(m->a, "%.*s %.*s", (int)type, p, (int)data, p + type + gap);
	p += type + gap + data;
	p += strspn(p, " \t");
	m->comment = arena_strndup(m->a, p, strcspn(p, "\r\n"));
	return 0;
}

static int read_key(struct making *m, const char *file)
{
	char text[KEY_LINE_MAX];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return fail(m, arena_printf(m->a, " cannot be read: %s", strerror(error)), file);
	text[n] = '\0';
	return take_key(m, text, file);
}

/* What git takes too: a file, the private one's name without .pub, or the key itself. */
static int read_setting(struct making *m, const char *setting)
{
	if (strncmp(setting, "key::", 5) == 0)
		return take_key(m, setting + 5, "user.signingkey");
	if (strncmp(setting, "ssh-", 4) == 0 || strncmp(setting, "sk-ssh-", 7) == 0)
		return take_key(m, setting, "user.signingkey");
	size_t n = strlen(setting);
	if (n > 4 && strcmp(setting + n - 4, ".pub") == 0)
		return read_key(m, setting);
	return read_key(m, arena_printf(m->a, "%s.pub", setting));
}

/* A name that allowed_signers takes: the address, else the key's comment, else the name before its @. */
static const char *principal_of(struct making *m)
{
	const char *from[] = { m->email, m->comment, "me" };

	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		struct signers s;
		char why[200];
		if (from[i] == NULL || *from[i] == '\0')
			continue;
		char *name = arena_strdup(m->a, from[i]);
		for (char *p = name; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p + ('a' - 'A'));
		const char *line = arena_printf(m->a, "%s namespaces=\"git\" %s\n", name, m->key);
		if (signers_parse(&s, line, strlen(line), m->a, why, sizeof(why)) == 0 && s.n == 1 && strcmp(s.v[0].principal, name) == 0)
			return name;
	}
	return NULL;
}

static const char *new_repo_id(struct arena *a)
{
	uint8_t id[32];
	char hex[65];

	randombytes_buf(id, sizeof(id));
	return arena_strdup(a, sodium_bin2hex(hex, sizeof(hex), id, sizeof(id)));
}

static const struct init_file *write_files(struct making *m, const char *who)
{
	struct init_file *f = arena_array(m->a, 3, struct init_file);

	f[0] = (struct init_file){ "trust/trust.yaml", arena_printf(m->a,
		"# Who must sign a change of what. docs/signing.md of yett explains it; `yett verify BASE..HEAD` judges by it.\n"
		"format: 1\n"
		"mode: commit\n"
		"repo-id: %s\n"
		"# One more with every change below trust/.\n"
		"version: 1\n"
		"root: {threshold: 1, members: [%s]}\n"
		"roles:\n"
		"  admins: {threshold: 1, members: [%s]}\n"
		"rules:\n"
		"  - {paths: [\"**\"], roles: [admins]}\n", new_repo_id(m->a), who, who) };
	f[1] = (struct init_file){ "trust/allowed_signers", arena_printf(m->a, "%s namespaces=\"git\" %s\n", who, m->key) };
	return f;
}

int init_trust_files(const char *signer, const struct init_file **files, struct arena *a, char *err, size_t err_size)
{
	struct making m = { .a = a, .err = err, .err_size = err_size, .comment = "" };
	const char *setting = signer == NULL ? git_setting(&m, "user.signingkey", true) : NULL;
	const char *format = signer == NULL ? git_setting(&m, "gpg.format", false) : NULL;

	*files = NULL;
	if (sodium_init() < 0)
		return fail(&m, "libsodium cannot start", "");
	if (signer == NULL && (setting == NULL || format == NULL || strcmp(format, "ssh") != 0))
		return 0;
	int ret = signer != NULL ? read_key(&m, signer) : read_setting(&m, setting);
	if (ret < 0)
		return ret;
	m.email = git_setting(&m, "user.email", false);
	const char *who = principal_of(&m);
	if (who == NULL)
		return fail(&m, " is no ssh-ed25519 or sk-ssh-ed25519@openssh.com key, and only these sign for yett: ssh-keygen -t ed25519",
			    signer != NULL ? signer : "git's user.signingkey");
	*files = write_files(&m, who);
	return 0;
}
