/* SPDX-License-Identifier: Apache-2.0 */
/* yett init - a small policy tree that passes `yett check`, with a place for each thing to come. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "cmd.h"

struct template {
	const char *path;
	const char *text;
};

static const struct template templates[] = {
	{ "network.yaml", "kind: Network\n"
			  "name: corp\n"
			  "pools:                      # every device and gateway address comes from here\n"
			  "  - 10.99.0.0/16\n"
			  "dns:\n"
			  "  servers: []\n" },
	{ "sites/office.yaml", "kind: Site\n"
			       "name: office\n"
			       "description: What lies behind the first gateway\n"
			       "networks:\n"
			       "  - 192.168.10.0/24\n" },
	{ "gateways/README.md",
	  "# Gateways\n\nOne file each. On the Linux machine: `wg genkey | (umask 077; tee /etc/yett/private.key) | wg pubkey`,\n"
	  "then write `gateways/office-1.yaml` here:\n\n"
	  "    kind: Gateway\n    name: office-1\n    site: office\n    endpoint: vpn.example.com:51820\n"
	  "    public_key: (the public key that was printed)\n    addresses:\n      - 10.99.0.1\n" },
	{ "users/me.yaml", "kind: User\n"
			   "name: me\n"
			   "email: me@example.com\n" },
	{ "groups/staff.yaml", "kind: Group\n"
			       "name: staff\n"
			       "members:\n"
			       "  - user:me\n" },
	{ "devices/README.md",
	  "# Devices\n\nOne file each. A device makes its own key; only the public half comes here:\n\n"
	  "    kind: Device\n    name: me-laptop\n    owner: me\n    platform: linux\n"
	  "    public_key: (from `wg pubkey` on that device)\n    addresses:\n      - 10.99.0.2\n" },
	{ "resources/wiki.yaml", "kind: Resource\n"
				 "name: wiki\n"
				 "addresses:\n"
				 "  - 192.168.10.20\n"
				 "ports:\n"
				 "  - tcp/443\n" },
	{ "policies/staff-wiki.yaml", "kind: Policy\n"
				      "name: staff-wiki\n"
				      "description: Everybody on the staff reads the wiki\n"
				      "from:\n"
				      "  - group:staff\n"
				      "to:\n"
				      "  - resource:wiki\n" },
};

static int make_parents(int dirfd, const char *path)
{
	char part[256];
	const char *slash = strchr(path, '/');

	if (slash == NULL)
		return 0;
	if ((size_t)(slash - path) >= sizeof(part))
		BUG("a template's folder name is too long");
	memcpy(part, path, (size_t)(slash - path));
	part[slash - path] = '\0';
	return mkdirat(dirfd, part, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_new(int dirfd, const struct template *t)
{
	int ret = make_parents(dirfd, t->path);

	if (ret < 0)
		return ret;
	int fd = openat(dirfd, t->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	size_t len = strlen(t->text);
	ssize_t n = write(fd, t->text, len);
	ret = n < 0 ? -errno : (size_t)n != len ? -ENOSPC : 0;
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	return ret;
}

/* Nothing that stands there is overwritten. */
static const struct template *first_in_the_way(int dirfd)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
		if (fstatat(dirfd, templates[i].path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return &templates[i];
	return NULL;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	int npos = cmd_parse(cmd, argc, argv, NULL, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos > 1)
		return cmd_fail(cmd, "it takes one folder");
	const char *dir = npos == 1 ? argv[0] : common.dir;
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return cmd_fail(cmd, "cannot make the folder %s: %s", dir, strerror(errno));
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return cmd_fail(cmd, "cannot open the folder %s: %s", dir, strerror(errno));
	const struct template *old = first_in_the_way(dirfd);
	if (old != NULL) {
		close(dirfd);
		return cmd_fail(cmd, "%s/%s is already there; nothing was written", dir, old->path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		int ret = write_new(dirfd, &templates[i]);
		if (ret < 0) {
			close(dirfd);
			return cmd_fail(cmd, "cannot write %s/%s: %s", dir, templates[i].path, strerror(-ret));
		}
		if (!common.quiet)
			printf("%s/%s\n", dir, templates[i].path);
	}
	close(dirfd);
	if (!common.quiet)
		printf("Next: yett check -C %s\n", dir);
	return EXIT_HOLDS;
}

const struct cmd cmd_init = {
	.name = "init",
	.args = "[DIR]",
	.summary = "Write a small policy tree to begin with",
	.formats = 1u << FORMAT_TEXT,
	.run = run,
};
