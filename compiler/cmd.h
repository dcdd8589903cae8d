/* SPDX-License-Identifier: Apache-2.0 */
/* cmd - what the commands of yett share: options as tables, loading a tree, exit statuses. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "compile.h"

enum { EXIT_HOLDS = 0, EXIT_FAILS = 1, EXIT_CANNOT = 2 }; /* compiler.md, "Exit status" */

enum cmd_format {
	FORMAT_TEXT, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_TAP, FORMAT_SARIF, FORMAT_GITHUB, FORMAT_JUNIT
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_LIST, OPTION_SIZE };

struct option_list {
	const char **v;
	size_t n;
};

/* One option; the tables of options make both the parsing and --help. Ends in {0}. */
struct cmd_option {
	const char *name; /* without dashes */
	char letter;      /* 0: none */
	enum option_kind kind;
	const char *arg;  /* "DIR", for --help; NULL for flags */
	const char *help;
	void *value;      /* bool *, const char **, struct option_list *, uint64_t * */
};

/* Options that every command takes. */
struct cmd_common {
	const char *dir;  /* -C, default "." */
	const char *rev;  /* --rev */
	const char *path; /* --path: root inside the commit's tree */
	const char *format_text, *color_text;
	enum cmd_format format;
	bool color;       /* of standard error, settled from --color, NO_COLOR and the terminal */
	bool quiet;
	uint64_t max_bytes, max_errors;
	uint64_t threads; /* 0: not said */
	char rev_then[72]; /* of cmd_rev_at() */
};

struct cmd {
	const char *name;
	const char *args;    /* "DEVICE DEST [PORT]" */
	const char *summary; /* one line */
	const char *help;    /* more lines for --help, or NULL */
	unsigned int formats; /* bit set of 1 << enum cmd_format */
	int (*run)(const struct cmd *cmd, int argc, char **argv); /* argv[0] is the command's name */
};

/*
 * Parses options anywhere among the arguments; afterwards argv[0..return) are the positional ones. -1: usage error (already
 * explained on standard error; exit EXIT_CANNOT); -2: --help was printed (exit EXIT_HOLDS).
 */
int cmd_parse(const struct cmd *cmd, int argc, char **argv, const struct cmd_option *own, struct cmd_common *common);
/* Exit status for a negative return of cmd_parse(). */
int cmd_parse_status(int ret);

/* "yett: check: no such folder" on standard error; returns EXIT_CANNOT. */
int cmd_fail(const struct cmd *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The two halves of cmd_load(): compile without printing, then print what stands in c->diags (sorted first; no warnings when quiet). */
int cmd_compile(const struct cmd *cmd, const struct cmd_common *common, const char *rev, struct compile *c);
void cmd_print_diags(const struct cmd_common *common, struct compile *c);
/*
 * For a command whose result the diagnostics are: text as above, any other format to standard output, whole and also when there
 * is none. SARIF, GitHub and JUnit name files from the current folder (or the repository's root, with a revision).
 */
void cmd_report_diags(const struct cmd_common *common, struct compile *c);

/*
 * Compiles common->dir (or rev of it) and prints diagnostics to standard error (JSON format: as JSON). -1: could not run (explained);
 * 0: compiled, c->ready says whether it has no errors. *c must be released by the caller in each case.
 */
int cmd_load(const struct cmd *cmd, const struct cmd_common *common, const char *rev, struct compile *c);
/* The same, sharing with base, which may be NULL, what compile_input.base says. */
int cmd_load_after(const struct cmd *cmd, const struct cmd_common *common, const char *rev, const struct compile *base, struct compile *c);
/* --at TEXT to UTC seconds; NULL: now. -1 after explaining. */
int cmd_time(const struct cmd *cmd, const char *text, int64_t *t);
/*
 * A past date is answered by the commit that was current then: where --at (NULL: not given) has passed and --rev is not a whole commit id, --rev
 * becomes the commit of its own history that was current at t (log/history.h). -1 after explaining.
 */
int cmd_rev_at(const struct cmd *cmd, struct cmd_common *common, const char *at, int64_t t);

/* Every command, in the order of `yett --help`. */
const struct cmd *const *cmd_table(size_t *n);
extern const struct cmd cmd_approve, cmd_doctor, cmd_tick, cmd_complete, cmd_enroll, cmd_address, cmd_fmt, cmd_explain, cmd_check, cmd_test, cmd_build, cmd_diff, cmd_can, cmd_who, cmd_access, cmd_import, cmd_init, cmd_log, cmd_schema, cmd_verify;
