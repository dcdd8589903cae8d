/* SPDX-License-Identifier: Apache-2.0 */
/* yett - the policy compiler: a table of commands. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/bug.h"
#include "base/diag.h"
#include "cmd.h"

static const struct cmd *const commands[] = {
	&cmd_access, &cmd_address, &cmd_approve, &cmd_build, &cmd_can, &cmd_check, &cmd_complete, &cmd_diff, &cmd_doctor, &cmd_enroll, &cmd_explain, &cmd_fmt, &cmd_import, &cmd_init, &cmd_log, &cmd_schema, &cmd_test, &cmd_tick, &cmd_verify, &cmd_who,
};

const struct cmd *const *cmd_table(size_t *n)
{
	*n = ARRAY_SIZE(commands);
	return commands;
}

static void usage(FILE *out)
{
	fprintf(out, "Usage: yett COMMAND [OPTION]... [ARGUMENT]...\n"
		     "Compiles a WireGuard access policy: checks it, answers questions, shows what a change does, renders it.\n\n"
		     "Commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(out, "\n`yett COMMAND --help` tells more. `yett --version` prints the version.\n");
}

static int unknown_command(const char *word)
{
	const char *names[ARRAY_SIZE(commands)];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i]->name;
	const char *near = diag_nearest(word, names, ARRAY_SIZE(commands));
	fprintf(stderr, "yett: there is no command %s", word);
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
