/* SPDX-License-Identifier: Apache-2.0 */
/* yettctl - asks the yettd of this machine, and tells it what to do. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/diag.h"
#include "base/text.h"
#include "config.h"
#include "report/answer.h"
#include "report/audit_text.h"
#include "report/case.h"

#define ANSWER_MAX ((size_t)8 << 20)

enum { CTL_OK = 0, CTL_REJECTED = 1, CTL_CANNOT = 2 };

struct arguments {
	const char *commit; /* or NULL */
	int64_t seconds;    /* -1: not said */
	const char *to;     /* or NULL */
};

static const struct command {
	const char *name, *summary;
	int (*print)(const json_t *answer);
	bool commit, seconds; /* what it takes */
} commands[] = {
	{ "audit", "verify or show [PATH]...: the audit trail; asks no daemon", NULL, false, false },
	{ "confirm", "the change that waits is right: keep it", answer_print_text, true, false },
	{ "diff", "what the kernel holds against what it should hold; nothing is changed", answer_print_diff, false, false },
	{ "evidence", "commits of a branch that went back or was rewritten, as yettd keeps them", case_print, false, false },
	{ "evidence export", "the same as git's raw objects, in files of the folder --to", case_print, false, false },
	{ "history", "what was done, the newest last", answer_print_history, false, false },
	{ "resume", "ends a suspension", answer_print_text, false, false },
	{ "retry", "tries again what is held or was refused, removals of many peers too; waits for the result", answer_print_sync,
	  false, false },
	{ "rollback", "the change that waits is wrong: back to what was confirmed last", answer_print_text, false, false },
	{ "status", "what is in force, what waits, the last turn, the last error, the peers and the processes", answer_print_status,
	  false, false },
	{ "suspend", "applies nothing new for a while, 2h or as --for says; drift is repaired", answer_print_text, false, true },
	{ "sync", "one turn now; waits for its result", answer_print_sync, false, false },
	{ "trust reanchor", "judges what comes by the tree of --commit from now on, after history was rewritten on purpose",
	  answer_print_text, true, false },
	{ "verify", "whether the kernel grants exactly what the commit in force, or another one, says", answer_print_verify, true, false },
};

enum { SUMMARY_COLUMN = 18 };

static void usage(FILE *file)
{
	struct buf out BUF_CLEANUP = BUF_INIT;

	buf_adds(&out, "Usage: yettctl [OPTION]... COMMAND\nAsks the yettd that runs on this gateway, or tells it what to do.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		buf_addf(&out, "  %-15s ", commands[i].name);
		text_add_wrapped(&out, commands[i].summary, SUMMARY_COLUMN, SUMMARY_COLUMN);
		buf_addc(&out, '\n');
	}
	buf_adds(&out, "\n"
		       "      --commit=COMMIT  named by 7 or more digits; verify: compare with it;\n"
		       "                       confirm: only if that one waits\n"
		       "      --to=DIR         evidence export: a folder, which is made\n"
		       "      --for=DURATION   how long suspend lasts, such as 30m; at most 24h\n"
		       "      --checkpoint=SEQ:HASH\n"
		       "                       audit verify: this line, as the log told it, has to be\n"
		       "                       there\n"
		       "      --socket=PATH    yettd's control_socket (default\n"
		       "                       " CONFIG_DEFAULT_SOCKET ")\n"
		       "      --format=FORMAT  text or json (default text)\n"
		       "  -h, --help           print this and exit\n"
		       "      --version        print the version and exit\n\n");
	text_add_paragraphs(&out, "confirm, resume, retry, rollback and suspend are for root and for the operators that "
				  "yettd.yaml lists, trust reanchor is for root. Exit status: 0 done; sync and retry give 1 when the tree has errors or the "
				  "plan is held, verify when the kernel differs; 2 it could not be done.");
	fputs(buf_str(&out), file);
}

/* The status of what was only printed. */
static int printed(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CTL_OK;
	fprintf(stderr, "yettctl: cannot write the result\n");
	return CTL_CANNOT;
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

static void make_request(const char *verb, const struct arguments *args, struct buf *out)
{
	json_t *o = json_pack("{ss}", "verb", verb);

	if (args->commit != NULL)
		json_object_set_new(o, "commit", json_string(args->commit));
	if (args->seconds >= 0)
		json_object_set_new(o, "for", json_integer(args->seconds));
	char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	if (text == NULL)
		BUG("no memory for a request");
	buf_addf(out, "%s\n", text);
	free(text);
	json_decref(o);
}

static int talk(int fd, const char *verb, const struct arguments *args, struct buf *answer)
{
	char block[65536];
	struct buf ask BUF_CLEANUP = BUF_INIT;

	make_request(verb, args, &ask);
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

static int run(const struct command *c, const struct arguments *args, const char *path, bool json)
{
	struct buf answer BUF_CLEANUP = BUF_INIT;
	int fd = dial(path);

	if (fd < 0) {
		fprintf(stderr, "yettctl: cannot reach yettd at %s: %s%s\n", path, strerror(-fd),
			fd == -ENOENT || fd == -ECONNREFUSED ? "; is it running?" : "");
		return CTL_CANNOT;
	}
	int ret = talk(fd, args->to != NULL ? "evidence" : c->name, args, &answer);
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
	else if (args->to != NULL)
		status = case_export(o, args->to) < 0 ? CTL_CANNOT : CTL_OK;
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
	struct buf safe BUF_CLEANUP = BUF_INIT;
	text_add_safe(&safe, word, strlen(word));
	fprintf(stderr, "yettctl: there is no command %s%s%s%s\nyettctl --help lists the commands.\n", buf_str(&safe),
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return CTL_CANNOT;
}

/* Whether a command takes what was written; else says why. */
static bool arguments_fit(const struct command *c, const struct arguments *args)
{
	size_t n = args->commit != NULL ? strlen(args->commit) : 0;

	if (args->commit != NULL && !c->commit)
		fprintf(stderr, "yettctl: %s takes no --commit\n", c->name);
	else if (args->commit != NULL && (n < 7 || n > 64 || strspn(args->commit, "0123456789abcdef") != n))
		fprintf(stderr, "yettctl: --commit takes 7 to 64 hexadecimal digits, not %s\n", args->commit);
	else if ((args->to != NULL) != (strcmp(c->name, "evidence export") == 0))
		fprintf(stderr, "yettctl: evidence export and --to=DIR go together\n");
	else if (args->seconds >= 0 && !c->seconds)
		fprintf(stderr, "yettctl: %s takes no --for\n", c->name);
	else
		return true;
	return false;
}

static bool read_duration(const char *text, int64_t *seconds)
{
	const char *code = NULL, *why = "it cannot be read", *hint = NULL;
	struct arena a;

	arena_init(&a);
	bool ok = type_duration.parse(&a, text, strlen(text), seconds, &code, &why, &hint) == 0;
	if (!ok)
		fprintf(stderr, "yettctl: --for: %s\n", why);
	arena_release(&a);
	return ok;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' }, { "format", required_argument, NULL, 'f' },
		{ "commit", required_argument, NULL, 'c' }, { "for", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'v' },
		{ "checkpoint", required_argument, NULL, 'p' }, { "to", required_argument, NULL, 'o' },
		{ 0 },
	};
	const char *checkpoint = NULL;
	const char *path = CONFIG_DEFAULT_SOCKET, *format = "text";
	struct arguments args = { .seconds = -1 };
	int o;

	while ((o = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (o) {
		case 's': path = optarg; break;
		case 'f': format = optarg; break;
		case 'c': args.commit = optarg; break;
		case 'p': checkpoint = optarg; break;
		case 'o': args.to = optarg; break;
		case 't':
			if (!read_duration(optarg, &args.seconds))
				return CTL_CANNOT;
			break;
		case 'h': usage(stdout); return printed();
		case 'v': puts("yettctl " YETT_VERSION); return printed();
		default: fprintf(stderr, "yettctl --help lists the options.\n"); return CTL_CANNOT;
		}
	}
	if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
		fprintf(stderr, "yettctl: --format takes text or json, not %s\n", format);
		return CTL_CANNOT;
	}
	if (optind < argc && strcmp(argv[optind], "audit") == 0)
		return audit_command((const char *const *)argv + optind + 1, (size_t)(argc - optind - 1), checkpoint,
				     strcmp(format, "json") == 0);
	if (optind == argc || argc - optind > 2 || checkpoint != NULL) {
		usage(stderr);
		return CTL_CANNOT;
	}
	char name[64]; /* some have two words */
	snprintf(name, sizeof(name), "%s%s%s", argv[optind], optind + 2 == argc ? " " : "", optind + 2 == argc ? argv[optind + 1] : "");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return arguments_fit(&commands[i], &args) ? run(&commands[i], &args, path, strcmp(format, "json") == 0)
								  : CTL_CANNOT;
	return unknown(name);
}
