/* SPDX-License-Identifier: Apache-2.0 */
/* yett test - each Test as one TAP line, the counterexample under a failing one. */
#include "access/examples.h"
#include "cmd.h"

static size_t print_tap(struct compile *c, const struct example_result *res, size_t n)
{
	size_t failed = 0;

	printf("TAP version 13\n1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		if (res[i].why == NULL) {
			printf("ok %zu - %s\n", i + 1, res[i].name);
			continue;
		}
		failed++;
		printf("not ok %zu - %s\n", i + 1, res[i].name);
		printf("# %s: %s\n", diag_loc_text(&c->diags, &c->arena, res[i].loc), res[i].why);
		if (res[i].policy != NULL)
			printf("# policy %s: %s\n", res[i].policy,
			       diag_loc_text(&c->diags, &c->arena, res[i].policy_loc));
	}
	return failed;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	struct compile c;
	const char *at = NULL;
	int64_t now;
	int status = EXIT_FAILS;
	const struct cmd_option own[] = {
		{ "at", 0, OPTION_TEXT, "TIME", "the moment that tests take for now (default: the clock)", &at },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos > 0)
		return cmd_fail(cmd, "it takes no arguments; name the folder with -C");
	if (cmd_time(cmd, at, &now) < 0)
		return EXIT_CANNOT;
	if (cmd_load(cmd, &common, common.rev, &c) < 0) {
		status = EXIT_CANNOT;
	} else if (c.ready) {
		struct example_result *res;
		size_t n = examples_run(&c.access, &c.resolved, now, &c.arena, &res);
		status = print_tap(&c, res, n) == 0 ? EXIT_HOLDS : EXIT_FAILS;
	}
	compile_release(&c);
	return status;
}

const struct cmd cmd_test = {
	.name = "test",
	.args = "",
	.summary = "Run the tests of a tree, one TAP line each",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_TAP,
	.run = run,
};
