/* SPDX-License-Identifier: Apache-2.0 */
#include "check_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source/change.h"
#include "trust/signers.h"
#include "trust/trust_file.h"

#define TRUST "trust/trust.yaml"
#define SIGNERS "trust/allowed_signers"

static int read_file(const char *dir, const char *name, struct buf *out)
{
	char path[4096], block[65536];
	ssize_t n = -1;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	while (out->len <= SOURCE_FILE_MAX && (n = read(fd, block, sizeof(block))) > 0)
		buf_add(out, block, (size_t)n);
	close(fd);
	return n < 0 ? -EIO : 0;
}

static int read_committed(const struct cmd_common *common, const char *rev, const char *name, struct buf *out)
{
	struct source_repo r;
	struct arena a;
	const char *data;
	size_t len;
	char err[256];

	arena_init(&a);
	int ret = source_repo_open(&r, common->dir, common->path, err, sizeof(err));
	if (ret == 0)
		ret = source_file_read(&r, rev, name, SOURCE_FILE_MAX, &a, &data, &len, err, sizeof(err));
	if (ret == 0)
		buf_add(out, data, len);
	source_repo_close(&r);
	arena_release(&a);
	return ret;
}

static int read_either(const struct cmd_common *common, const char *name, struct buf *out)
{
	return common->rev != NULL ? read_committed(common, common->rev, name, out) : read_file(common->dir, name, out);
}

static bool may_sign(const struct signers *s, const char *principal)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].principal, principal) == 0)
			return true;
	return false;
}

static void check_members(struct compile *c, uint32_t file, const struct trust_role *role, const struct signers *s)
{
	for (size_t i = 0; i < role->nmembers; i++) {
		if (may_sign(s, role->member[i]))
			continue;
		diag_add(&c->diags, "E_TRUST_FILE", (struct loc){ file, 0, 0 }, "role %s names %s, who has no key in " SIGNERS, role->name,
			 role->member[i]);
		diag_hint(&c->diags, "add a line: %s namespaces=\"git\" ssh-ed25519 AAAA...", role->member[i]);
	}
}

void check_trust(const struct cmd_common *common, struct compile *c)
{
	struct buf text BUF_CLEANUP = BUF_INIT, lines BUF_CLEANUP = BUF_INIT;
	struct trust_file t;
	struct signers s;
	char why[256];
	int ret = read_either(common, TRUST, &text);

	if (ret == -ENOENT)
		return;
	uint32_t file = diags_add_file(&c->diags, TRUST, NULL, 0);
	if (ret < 0 || text.len > TRUST_BYTES_MAX) {
		diag_add(&c->diags, "E_TRUST_FILE", (struct loc){ file, 0, 0 }, "the file cannot be read, or is longer than 128 KiB");
		return;
	}
	const char *data = arena_strndup(&c->arena, buf_str(&text), text.len);
	c->diags.file[file].data = data;
	c->diags.file[file].len = text.len;
	if (trust_file_parse(&t, file, data, text.len, &c->arena, &c->diags) < 0)
		return;
	ret = read_either(common, SIGNERS, &lines);
	if (ret < 0 || signers_parse(&s, buf_str(&lines), lines.len, &c->arena, why, sizeof(why)) < 0) {
		diag_add(&c->diags, "E_SIGNERS", (struct loc){ diags_add_file(&c->diags, SIGNERS, NULL, 0), 0, 0 }, "%s",
			 ret < 0 ? "the file is missing, and trust.yaml says that commits are signed" : why);
		return;
	}
	check_members(c, file, &t.root, &s);
	for (size_t i = 0; i < t.nroles; i++)
		check_members(c, file, &t.role[i], &s);
}
