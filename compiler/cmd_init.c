/* SPDX-License-Identifier: Apache-2.0 */
/* yett init - a small policy tree that passes `yett check`, with a place for each thing to come. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/vec.h"
#include "cmd.h"
#include "init_forge.h"
#include "init_trust.h"
#include "init_pack.h"

static const struct init_file templates[] = {
	{ "network.yaml", "kind: Network\n"
			  "name: corp\n"
			  "# Every device and gateway address comes from here.\n"
			  "pools:\n"
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
	  "# Devices\n\nOne file each. A device makes its own key; only the public half comes here. On the device, in this tree:\n\n"
	  "    yett enroll me-laptop --owner me --platform linux >devices/me-laptop.yaml\n\n"
	  "Where yett is not: `wg genkey | (umask 077; tee private.key) | wg pubkey`, and by hand, with an address from\n"
	  "`yett address me-laptop`:\n\n"
	  "    kind: Device\n    name: me-laptop\n    owner: me\n    public_key: (the public key that was printed)\n"
	  "    addresses:\n      - 10.99.0.2\n    platform: linux\n" },
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
	{ NULL, NULL },
};

static int make_parents(int dirfd, const char *path)
{
	char part[256];

	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		if ((size_t)(slash - path) >= sizeof(part))
			BUG("a template's folder name is too long");
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		if (mkdirat(dirfd, part, 0777) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int write_new(int dirfd, const struct init_file *t)
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
static const struct init_file *first_in_the_way(int dirfd, const struct init_file *t)
{
	struct stat st;

	for (; t != NULL && t->path != NULL; t++)
		if (fstatat(dirfd, t->path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return t;
	return NULL;
}

struct init {
	const struct cmd *cmd;
	struct cmd_common common;
	const char *dir;
	const char *signer; /* a public key's file, or NULL */
	bool unsigned_tree; /* a new tree without a signer */
	struct arena arena;
	VEC(const struct init_file *) files; /* the tree's, the signer's, the packs', the forge's */
};

static int write_files(const struct init *in, int dirfd)
{
	for (size_t i = 0; i < in->files.n; i++) {
		const struct init_file *old = first_in_the_way(dirfd, in->files.v[i]);
		if (old != NULL)
			return cmd_fail(in->cmd, "%s/%s is already there; nothing was written", in->dir, old->path);
	}
	for (size_t i = 0; i < in->files.n; i++) {
		for (const struct init_file *t = in->files.v[i]; t != NULL && t->path != NULL; t++) {
			int ret = write_new(dirfd, t);
			if (ret < 0)
				return cmd_fail(in->cmd, "cannot write %s/%s: %s", in->dir, t->path, strerror(-ret));
			if (!in->common.quiet)
				printf("%s/%s\n", in->dir, t->path);
		}
	}
	if (!in->common.quiet && in->unsigned_tree)
		printf("No trust/ was written, as nobody signs yet: yett init --signer ~/.ssh/id_ed25519.pub, or git config gpg.format ssh\n"
		       "and user.signingkey\n");
	if (!in->common.quiet)
		printf("Next: yett check -C %s\n", in->dir);
	return EXIT_HOLDS;
}

/*
 * Whether the folder holds a policy tree, and in *network where its Network stands. -1: it cannot be read, as was explained. The
 * tree's own mistakes are not ours to tell here.
 */
static int find_tree(const struct init *in, struct compile *c, const char **network)
{
	struct cmd_common common = in->common;
	struct stat st;

	*c = (struct compile){ 0 };
	common.dir = in->dir;
	if (stat(in->dir, &st) < 0)
		return 0; /* it is made later */
	if (cmd_compile(in->cmd, &common, NULL, c) < 0)
		return -1;
	if (c->model.n[KIND_NETWORK] == 0)
		return 0;
	*network = diag_loc_text(&c->diags, &c->arena, c->model.object[KIND_NETWORK][0]->loc);
	return 1;
}

static int no_pack(const struct init *in, const char *name)
{
	struct buf all BUF_CLEANUP = BUF_INIT;

	for (size_t i = 0; init_pack_name(i) != NULL; i++)
		buf_addf(&all, "%s%s", i > 0 ? ", " : "", init_pack_name(i));
	return cmd_fail(in->cmd, "there is no pack \"%s\"; there are %s", name, buf_str(&all));
}

static int add_packs(struct init *in, const struct option_list *names)
{
	const char *near = NULL;

	for (size_t i = 0; i < names->n; i++) {
		const struct init_file *files = init_pack_files(names->v[i], &near);
		bool again = false;
		if (files == NULL && near != NULL)
			return cmd_fail(in->cmd, "there is no pack \"%s\"; did you mean \"%s\"?", names->v[i], near);
		if (files == NULL)
			return no_pack(in, names->v[i]);
		for (size_t k = 0; k < in->files.n; k++)
			again |= in->files.v[k] == files;
		if (!again)
			vec_push(&in->files, files);
	}
	return EXIT_HOLDS;
}

/* Who begins a tree is the first who signs for it. */
static int add_trust(struct init *in, bool is_new)
{
	const struct init_file *files = NULL;
	char err[512];

	if (!is_new && in->signer == NULL)
		return EXIT_HOLDS;
	if (init_trust_files(in->signer, &files, &in->arena, err, sizeof(err)) < 0)
		return cmd_fail(in->cmd, "%s", err);
	if (files != NULL)
		vec_push(&in->files, files);
	in->unsigned_tree = files == NULL;
	return EXIT_HOLDS;
}

/* A tree that is there gets packs and the forge's files, if these are wanted. */
static int choose_files(struct init *in, const struct option_list *packs, const char *forge)
{
	struct compile c;
	const char *network = NULL;
	int found = find_tree(in, &c, &network), status = found < 0 ? EXIT_CANNOT : EXIT_HOLDS;

	if (found > 0 && packs->n == 0 && forge == NULL && in->signer == NULL)
		status = cmd_fail(in->cmd, "%s holds a policy tree already (its network: %s); --pack adds packs to it",
				  in->dir, network);
	else if (found == 0)
		vec_push(&in->files, templates);
	compile_release(&c);
	if (status == EXIT_HOLDS)
		status = add_trust(in, found == 0);
	if (status == EXIT_HOLDS)
		status = add_packs(in, packs);
	const struct init_file *ci = forge != NULL ? init_forge_files(forge) : NULL;
	if (status == EXIT_HOLDS && forge != NULL && ci == NULL)
		return cmd_fail(in->cmd, "--forge is " INIT_FORGES ", not %s", forge);
	if (ci != NULL)
		vec_push(&in->files, ci);
	return status;
}

static int write_tree(const struct init *in)
{
	if (mkdir(in->dir, 0777) < 0 && errno != EEXIST)
		return cmd_fail(in->cmd, "cannot make the folder %s: %s", in->dir, strerror(errno));
	int dirfd = open(in->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return cmd_fail(in->cmd, "cannot open the folder %s: %s", in->dir, strerror(errno));
	int status = write_files(in, dirfd);
	close(dirfd);
	return status;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct init in = { .cmd = cmd };
	struct option_list packs = { 0 };
	const char *forge = NULL;
	const struct cmd_option own[] = {
		{ "forge", 0, OPTION_TEXT, "FORGE", "also the CI files for github, gitlab or gitea", &forge },
		{ "signer", 0, OPTION_TEXT, "FILE.pub", "who signs for the tree (default: git's user.signingkey)", &in.signer },
		{ "pack", 0, OPTION_LIST, "PACK", "also this pack of policies and guardrails; may be repeated", &packs },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &in.common), status;

	if (npos < 0)
		return cmd_parse_status(npos);
	arena_init(&in.arena);
	in.dir = npos == 1 ? argv[0] : in.common.dir;
	status = npos > 1 ? cmd_fail(cmd, "it takes one folder") : choose_files(&in, &packs, forge);
	if (status == EXIT_HOLDS)
		status = write_tree(&in);
	vec_release(&in.files);
	arena_release(&in.arena);
	free(packs.v);
	return status;
}

const struct cmd cmd_init = {
	.name = "init",
	.args = "[DIR]",
	.summary = "Write a small policy tree to begin with",
	.help = "trust/ says that commits are signed, for now by one person: --signer, or whose key git signs with (gpg.format ssh).\n"
		"With --forge also what CI runs there: `yett check`, and on a pull request `yett diff` as a comment.\n"
		"Packs are baseline, contractors, guests, hygiene and production; a tree that is there gets them too.\n"
		"Nothing that is there is overwritten.",
	.formats = 1u << FORMAT_TEXT,
	.run = run,
};
