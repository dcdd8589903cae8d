/* SPDX-License-Identifier: Apache-2.0 */
/* yett - the policy compiler: a table of commands. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/diag.h"
#include "base/text.h"
#include "cmd.h"

static const struct cmd *const commands[] = {
	&cmd_access, &cmd_address, &cmd_approve, &cmd_build, &cmd_can, &cmd_check, &cmd_complete, &cmd_diff, &cmd_doctor, &cmd_enroll, &cmd_explain, &cmd_fmt, &cmd_import, &cmd_init, &cmd_log, &cmd_schema, &cmd_test, &cmd_tick, &cmd_verify, &cmd_who,
};

const struct cmd *const *cmd_table(size_t *n)
{
	*n = ARRAY_SIZE(commands);
	return commands;
}

enum { SUMMARY_COLUMN = 11 };

static void usage(FILE *file)
{
	struct buf out BUF_CLEANUP = BUF_INIT;

	buf_adds(&out, "Usage: yett COMMAND [OPTION]... [ARGUMENT]...\n");
	text_add_paragraphs(&out, "Compiles a WireGuard access policy: checks it, answers questions, shows what a change does, renders it.");
	buf_adds(&out, "\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		buf_addf(&out, "  %-8s ", commands[i]->name);
		text_add_wrapped(&out, commands[i]->summary, SUMMARY_COLUMN, SUMMARY_COLUMN);
		buf_addc(&out, '\n');
	}
	buf_adds(&out, "\n`yett COMMAND --help` tells more. `yett --version` prints the version.\n");
	fputs(buf_str(&out), file);
}

static int unknown_command(const char *word)
{
	const char *names[ARRAY_SIZE(commands)];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	const char *near = diag_nearest(word, names, ARRAY_SIZE(commands));
	struct buf safe BUF_CLEANUP = BUF_INIT;
	text_add_safe(&safe, word, strlen(word));
	fprintf(stderr, "yett: there is no command %s", buf_str(&safe));
	if (near != NULL)
		fprintf(stderr, "; did you mean %s?", near);
	fprintf(stderr, "\nyett --help lists the commands.\n");
	return EXIT_CANNOT;
}

/* The status, if the result reached whoever reads it. */
static int written(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "yett: cannot write the result\n");
	return EXIT_CANNOT;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_CANNOT;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return written(EXIT_HOLDS);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("yett " YETT_VERSION);
		return written(EXIT_HOLDS);
	}
	if (sodium_init() < 0) {
		fprintf(stderr, "yett: libsodium cannot start\n");
		return EXIT_CANNOT;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i]->name) != 0)
			continue;
		return written(commands[i]->run(commands[i], argc - 1, argv + 1));
	}
	return unknown_command(argv[1]);
}
