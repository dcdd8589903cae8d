/* SPDX-License-Identifier: Apache-2.0 */
/* yett enroll - a key pair made on this machine, and the Device document for its public half. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/vec.h"
#include "cmd.h"
#include "field.h"
#include "resolve/vacant.h"

struct enroll {
	const struct cmd *cmd;
	struct cmd_common common;
	const char *name, *owner, *key, *platform;
	struct option_list tags;
	struct compile c;
	bool has_tree;
	u128 address[2];
	size_t naddresses;
	struct pubkey public_key;
};

static bool value_ok(struct enroll *e, const struct type *type, const char *text)
{
	const char *out, *code, *why = NULL, *hint = NULL;

	if (type->parse(&e->c.arena, text, strlen(text), &out, &code, &why, &hint) == 0)
		return true;
	cmd_fail(e->cmd, "%s%s%s", why, hint != NULL ? "; " : "", hint != NULL ? hint : "");
	return false;
}

static const char *const *platform_words(void)
{
	for (const struct field *f = kind_rows[KIND_DEVICE].fields; f->name != NULL; f++)
		if (strcmp(f->name, "platform") == 0)
			return f->words;
	return NULL;
}

static bool platform_ok(struct enroll *e)
{
	const char *const *word = platform_words();

	for (; word != NULL && *word != NULL; word++)
		if (strcmp(*word, e->platform) == 0)
			return true;
	cmd_fail(e->cmd, "%s is no platform; a platform is linux, macos, windows, ios, android or router", e->platform);
	return false;
}

static bool arguments_ok(struct enroll *e)
{
	if (!value_ok(e, &type_name, e->name) || (e->owner != NULL && !value_ok(e, &type_name, e->owner)))
		return false;
	for (size_t i = 0; i < e->tags.n; i++)
		if (!value_ok(e, &type_tag, e->tags.v[i]))
			return false;
	return e->platform == NULL || platform_ok(e);
}

/* Whether the folder that nobody named has anything of a policy tree at its top. */
static bool looks_like_tree(const char *dir)
{
	char path[PATH_MAX];
	static const char *const signs[] = { ".yettignore", "network.yaml", "network.yml", "devices", "users" };

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, signs[i]) < sizeof(path) && access(path, F_OK) == 0)
			return true;
	return false;
}

static void pick_addresses(struct enroll *e)
{
	struct vacant v;

	for (int v4 = 1; v4 >= 0; v4--)
		if (vacant_open(&v, &e->c.resolved, v4 != 0, e->name, &e->c.arena) && vacant_next(&v, &e->address[e->naddresses]))
			e->naddresses++;
}

static bool owner_ok(struct enroll *e)
{
	const struct model *m = &e->c.model;
	VEC(const char *) names = VEC_INIT;

	if (e->owner == NULL || model_find(m, KIND_USER, e->owner) != NULL)
		return true;
	for (size_t i = 0; i < m->n[KIND_USER]; i++)
		vec_push(&names, m->object[KIND_USER][i]->name);
	const char *near = diag_nearest(e->owner, names.v, names.n);
	vec_release(&names);
	cmd_fail(e->cmd, "there is no user %s in the tree%s%s%s", e->owner, near != NULL ? "; did you mean " : "",
		 near != NULL ? near : "", near != NULL ? "?" : "");
	return false;
}

/* What the tree says about the new device; an exit status. */
static int read_tree(struct enroll *e)
{
	e->has_tree = e->common.rev != NULL || strcmp(e->common.dir, ".") != 0 || looks_like_tree(".");
	if (!e->has_tree)
		return EXIT_HOLDS;
	compile_release(&e->c);
	if (cmd_compile(e->cmd, &e->common, e->common.rev, &e->c) < 0)
		return EXIT_CANNOT;
	struct cmd_common quiet = e->common;
	quiet.quiet = true; /* warnings are `yett check`'s */
	cmd_print_diags(&quiet, &e->c);
	if (e->c.diags.errors > 0) {
		cmd_fail(e->cmd, "the tree has errors, so its free addresses cannot be told; no key was made");
		return EXIT_FAILS;
	}
	const struct object *old = model_find(&e->c.model, KIND_DEVICE, e->name);
	if (old != NULL) {
		cmd_fail(e->cmd, "there is a device %s already, at %s; no key was made", e->name,
			 diag_loc_text(&e->c.diags, &e->c.arena, old->loc));
		return EXIT_CANNOT;
	}
	if (!owner_ok(e))
		return EXIT_CANNOT;
	pick_addresses(e);
	return EXIT_HOLDS;
}

/* ~/.config/yett/NAME.key, where no repository is; the folder is made. NULL after explaining. */
static const char *default_key(struct enroll *e)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	struct arena *a = &e->c.arena;

	if ((config == NULL || *config != '/') && (home == NULL || *home != '/')) {
		cmd_fail(e->cmd, "HOME is not set; say with --key where the private key shall be");
		return NULL;
	}
	const char *base = config != NULL && *config == '/' ? config : arena_printf(a, "%s/.config", home);
	const char *dir = arena_printf(a, "%s/yett", base);
	if ((mkdir(base, 0700) < 0 && errno != EEXIST) || (mkdir(dir, 0700) < 0 && errno != EEXIST)) {
		cmd_fail(e->cmd, "cannot make the folder %s: %s", dir, strerror(errno));
		return NULL;
	}
	return arena_printf(a, "%s/%s.key", dir, e->name);
}

/* The work tree of git that a folder lies in, in top; a private key has no place there. */
static bool in_work_tree(const char *dir, char top[static PATH_MAX])
{
	char git[PATH_MAX + 8];

	if (realpath(dir, top) == NULL)
		return false;
	for (;;) {
		snprintf(git, sizeof(git), "%s/.git", strcmp(top, "/") == 0 ? "" : top);
		if (access(git, F_OK) == 0)
			return true;
		char *slash = strrchr(top, '/');
		if (slash == NULL || strcmp(top, "/") == 0)
			return false;
		slash[slash == top] = '\0';
	}
}

static bool key_place_ok(struct enroll *e)
{
	char top[PATH_MAX];
	const char *slash = strrchr(e->key, '/');
	const char *dir = slash == NULL ? "." : arena_strndup(&e->c.arena, e->key, (size_t)(slash - e->key) + 1);

	if (!in_work_tree(dir, top))
		return true;
	cmd_fail(e->cmd, "%s lies in the git repository %s, where a private key could be committed; say another place with --key",
		 e->key, top);
	return false;
}

/* A new key (RFC 7748 section 5: clamped) as its text and a line feed in locked memory; the public half in *pub. */
static char *make_key(struct pubkey *pub)
{
	unsigned char *secret = sodium_malloc(crypto_scalarmult_SCALARBYTES);
	char *text = sodium_malloc(KEY_TEXT_MAX);

	if (secret == NULL || text == NULL) {
		sodium_free(secret);
		sodium_free(text);
		return NULL;
	}
	randombytes_buf(secret, crypto_scalarmult_SCALARBYTES);
	secret[0] &= 248;
	secret[31] = (unsigned char)((secret[31] & 127) | 64);
	crypto_scalarmult_base(pub->b, secret);
	sodium_bin2base64(text, KEY_TEXT_MAX, secret, KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
	text[KEY_TEXT_MAX - 1] = '\n'; /* in place of the NUL */
	sodium_free(secret);
	return text;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Into a file that was not there, for its owner alone. */
static int store_key(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int ret = fchmod(fd, 0600) < 0 ? -errno : write_all(fd, text, KEY_TEXT_MAX);
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret < 0)
		unlink(path);
	return ret;
}

static int make_and_store(struct enroll *e)
{
	/* Neither a core dump nor another process of this user may have it. */
	prctl(PR_SET_DUMPABLE, 0);
	char *text = make_key(&e->public_key);
	if (text == NULL)
		return cmd_fail(e->cmd, "there is no locked memory to make a key in");
	int ret = store_key(e->key, text);
	sodium_free(text);
	if (ret == -EEXIST)
		return cmd_fail(e->cmd, "%s is already there, and a key is never overwritten; say another place with --key", e->key);
	if (ret < 0)
		return cmd_fail(e->cmd, "cannot write %s: %s", e->key, strerror(-ret));
	return EXIT_HOLDS;
}

/* As yett fmt lays it out. */
static void print_document(const struct enroll *e)
{
	char key[KEY_TEXT_MAX], text[ADDR_TEXT_MAX], now[CLOCK_TEXT_MAX];

	printf("kind: Device\nname: %s\n", e->name);
	if (e->tags.n > 0)
		puts("tags:");
	for (size_t i = 0; i < e->tags.n; i++)
		printf("  - %s\n", e->tags.v[i]);
	if (e->owner != NULL)
		printf("owner: %s\n", e->owner);
	printf("public_key: %s\n", pubkey_format(&e->public_key, key));
	if (e->naddresses > 0)
		puts("addresses:");
	for (size_t i = 0; i < e->naddresses; i++)
		printf("  - %s\n", addr_format(e->address[i], text));
	if (e->platform != NULL)
		printf("platform: %s\n", e->platform);
	printf("key_created: %s\n", clock_format(clock_now(), now));
}

static void print_advice(const struct enroll *e)
{
	if (e->common.quiet)
		return;
	fprintf(stderr, "The private key is in %s and stays on this machine.\n", e->key);
	if (e->owner == NULL && e->tags.n == 0)
		fprintf(stderr, "The document still needs an owner, or tags for a server.\n");
	if (e->naddresses == 0)
		fprintf(stderr, e->has_tree ? "The pools have no free address for it.\n" :
			"There is no policy tree here, so the document has no addresses yet: yett address %s proposes some.\n", e->name);
	fprintf(stderr, "Put the document into the tree, for example as devices/%s.yaml, and propose it for review.\n", e->name);
}

static int enroll(struct enroll *e)
{
	if (!arguments_ok(e))
		return EXIT_CANNOT;
	int status = read_tree(e);
	if (status != EXIT_HOLDS)
		return status;
	if (e->key == NULL && (e->key = default_key(e)) == NULL)
		return EXIT_CANNOT;
	if (!key_place_ok(e))
		return EXIT_CANNOT;
	status = make_and_store(e);
	if (status != EXIT_HOLDS)
		return status;
	print_document(e);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		unlink(e->key); /* nobody has seen its public half */
		return cmd_fail(e->cmd, "cannot write the document, so the key is gone again");
	}
	print_advice(e);
	return EXIT_HOLDS;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct enroll e = { .cmd = cmd };
	const struct cmd_option own[] = {
		{ "owner", 0, OPTION_TEXT, "USER", "whose device it is", &e.owner },
		{ "tag", 0, OPTION_LIST, "TAG", "a tag of the device; may be repeated", &e.tags },
		{ "platform", 0, OPTION_TEXT, "PLATFORM", "linux, macos, windows, ios, android or router", &e.platform },
		{ "key", 0, OPTION_TEXT, "FILE", "where the private key goes (default ~/.config/yett/NAME.key)", &e.key },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &e.common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos != 1)
		return cmd_fail(cmd, "it takes the name of the new device; see yett enroll --help");
	e.name = argv[0];
	compile_init(&e.c);
	int status = enroll(&e);
	compile_release(&e.c);
	free(e.tags.v);
	return status;
}

const struct cmd cmd_enroll = {
	.name = "enroll",
	.args = "NAME",
	.summary = "Make a key pair here and print the Device document for it",
	.help = "The private key is written to a new file that only its owner can read; it is never printed, sent or overwritten.\n"
		"The document with the public key and free addresses goes to standard output. Without a policy tree in the\n"
		"current folder, or -C, it has no addresses.",
	.formats = 1u << FORMAT_TEXT,
	.run = run,
};
