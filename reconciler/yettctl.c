/* SPDX-License-Identifier: Apache-2.0 */
/* yettctl - asks the yettd of this machine: status, diff, sync. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/diag.h"
#include "config.h"
#include "report/answer.h"

#define ANSWER_MAX ((size_t)8 << 20)

enum { CTL_OK = 0, CTL_REJECTED = 1, CTL_CANNOT = 2 };

static const struct command {
	const char *name, *summary;
	int (*print)(const json_t *answer);
	bool commit; /* takes --commit */
} commands[] = {
	{ "diff", "what the kernel holds against what it should hold; nothing is changed", answer_print_diff, false },
	{ "status", "what is in force, the last turn, the last error, the peers and the processes", answer_print_status, false },
	{ "sync", "one turn now; waits for its result", answer_print_sync, false },
	{ "verify", "whether the kernel grants exactly what the commit in force, or another one, says", answer_print_verify, true },
};

static void usage(FILE *out)
{
	fprintf(out, "Usage: yettctl [OPTION]... COMMAND\nAsks the yettd that runs on this gateway.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n      --socket=PATH    yettd's control_socket (default " CONFIG_DEFAULT_SOCKET ")\n"
		     "      --commit=COMMIT  verify: compare with that commit, named by 7 or more digits\n"
		     "      --format=FORMAT  text or json (default text)\n"
		     "  -h, --help           print this and exit\n"
		     "      --version        print the version and exit\n\n"
		     "Exit status: 0 done; sync gives 1 when the tree has errors, verify when the kernel differs;\n"
		     "2 it could not be done.\n");
}

static int dial(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		int ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static int talk(int fd, const char *verb, const char *commit, struct buf *answer)
{
	char block[65536];
	struct buf ask BUF_CLEANUP = BUF_INIT;

	buf_addf(&ask, "{\"verb\":\"%s\"", verb);
	if (commit != NULL)
		buf_addf(&ask, ",\"commit\":\"%s\"", commit);
	buf_adds(&ask, "}\n");
	if (send(fd, ask.p, ask.len, MSG_NOSIGNAL) != (ssize_t)ask.len)
		return -EPIPE;
	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return answer->len > 0 ? 0 : -EPIPE;
		if (answer->len + (size_t)n > ANSWER_MAX)
			return -EFBIG;
		buf_add(answer, block, (size_t)n);
	}
}

static int run(const struct command *c, const char *path, const char *commit, bool json)
{
	struct buf answer BUF_CLEANUP = BUF_INIT;
	int fd = dial(path);

	if (fd < 0) {
		fprintf(stderr, "yettctl: cannot reach yettd at %s: %s%s\n", path, strerror(-fd),
			fd == -ENOENT || fd == -ECONNREFUSED ? "; is it running?" : "");
		return CTL_CANNOT;
	}
	int ret = talk(fd, c->name, commit, &answer);
	close(fd);
	json_t *o = ret == 0 ? json_loadb(answer.p, answer.len, 0, NULL) : NULL;
	if (o == NULL) {
		fprintf(stderr, "yettctl: yettd gave no answer%s%s\n", ret < 0 ? ": " : "", ret < 0 ? strerror(-ret) : "");
		return CTL_CANNOT;
	}
	int status = json_is_true(json_object_get(o, "ok")) ? CTL_OK : CTL_CANNOT;
	if (status != CTL_OK && !json)
		fprintf(stderr, "yettctl: %s\n", answer_text(o, "text"));
	else if (json)
		fwrite(answer.p, 1, answer.len, stdout);
	else
		c->print(o);
	if (status == CTL_OK)
		status = answer_status(o);
	json_decref(o);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "yettctl: cannot write the result\n");
		return CTL_CANNOT;
	}
	return status;
}

static int unknown(const char *word)
{
	const char *names[ARRAY_SIZE(commands)];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	const char *near = diag_nearest(word, names, ARRAY_SIZE(commands));
	fprintf(stderr, "yettctl: there is no command %s%s%s%s\nyettctl --help lists the commands.\n", word,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return CTL_CANNOT;
}

static bool commit_fits(const struct command *c, const char *commit)
{
	size_t n = commit != NULL ? strlen(commit) : 0;

	if (commit != NULL && !c->commit)
		fprintf(stderr, "yettctl: %s takes no --commit\n", c->name);
	else if (commit != NULL && (n < 7 || n > 64 || strspn(commit, "0123456789abcdef") != n))
		fprintf(stderr, "yettctl: --commit takes 7 to 64 hexadecimal digits, not %s\n", commit);
	else
		return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' }, { "format", required_argument, NULL, 'f' },
		{ "commit", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *path = CONFIG_DEFAULT_SOCKET, *format = "text", *commit = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (o) {
		case 's': path = optarg; break;
		case 'f': format = optarg; break;
		case 'c': commit = optarg; break;
		case 'h': usage(stdout); return CTL_OK;
		case 'v': puts("yettctl " YETT_VERSION); return CTL_OK;
		default: fprintf(stderr, "yettctl --help lists the options.\n"); return CTL_CANNOT;
		}
	}
	if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
		fprintf(stderr, "yettctl: --format takes text or json, not %s\n", format);
		return CTL_CANNOT;
	}
	if (optind + 1 != argc) {
		usage(stderr);
		return CTL_CANNOT;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, argv[optind]) == 0)
			return commit_fits(&commands[i], commit) ? run(&commands[i], path, commit, strcmp(format, "json") == 0)
								 : CTL_CANNOT;
	return unknown(argv[optind]);
}
