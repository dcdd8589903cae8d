/* SPDX-License-Identifier: Apache-2.0 */
/* yett address - free addresses for a new device or gateway. */
#include <string.h>

#include "cmd.h"
#include "field.h"
#include "resolve/vacant.h"

#define COUNT_MAX 65536

/* The families that the network has pools for. */
struct families {
	struct vacant v[2];
	size_t n;
};

static void print_text(u128 (*row)[2], size_t n, size_t nfamilies)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		for (size_t f = 0; f < nfamilies; f++)
			printf("%s%c", addr_format(row[i][f], text), f + 1 < nfamilies ? ' ' : '\n');
}

static void print_json(const char *name, u128 (*row)[2], size_t n, size_t nfamilies)
{
	char text[ADDR_TEXT_MAX];

	printf("{\"name\": \"%s\", \"proposals\": [", name);
	for (size_t i = 0; i < n; i++) {
		fputs(i > 0 ? ", [" : "[", stdout);
		for (size_t f = 0; f < nfamilies; f++)
			printf("%s\"%s\"", f > 0 ? ", " : "", addr_format(row[i][f], text));
		putchar(']');
	}
	puts("]}");
}

static void families_open(struct families *fam, const struct compile *c, const char *name, struct arena *a)
{
	fam->n = 0;
	for (int v4 = 1; v4 >= 0; v4--)
		if (vacant_open(&fam->v[fam->n], &c->resolved, v4 != 0, name, a))
			fam->n++;
}

static int propose(const struct cmd *cmd, const struct cmd_common *common, struct compile *c, const char *name,
		   size_t count)
{
	struct families fam;
	u128(*row)[2] = arena_calloc(&c->arena, count, sizeof(*row));
	size_t n = 0;

	families_open(&fam, c, name, &c->arena);
	for (bool more = fam.n > 0; more && n < count; n += more)
		for (size_t f = 0; f < fam.n && more; f++)
			more = vacant_next(&fam.v[f], &row[n][f]);
	if (common->format == FORMAT_JSON)
		print_json(name, row, n, fam.n);
	else
		print_text(row, n, fam.n);
	if (n == count)
		return EXIT_HOLDS;
	cmd_fail(cmd, fam.n == 0 ? "the network has no pools" :
		 n == 0 ? "the pools have no free address left" : "the pools have no more free addresses");
	return EXIT_FAILS;
}

static bool name_ok(const struct cmd *cmd, const char *name, struct arena *a)
{
	const char *out, *code, *why = NULL, *hint = NULL;

	if (type_name.parse(a, name, strlen(name), &out, &code, &why, &hint) == 0)
		return true;
	cmd_fail(cmd, "%s%s%s", why, hint != NULL ? "; " : "", hint != NULL ? hint : "");
	return false;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	struct compile c;
	uint64_t count = 1;
	const struct cmd_option own[] = {
		{ "count", 'n', OPTION_SIZE, "N", "how many to propose (default 1)", &count },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos != 1)
		return cmd_fail(cmd, "it takes the name of a device or gateway; see yett address --help");
	if (count < 1 || count > COUNT_MAX)
		return cmd_fail(cmd, "--count is 1 to %d", COUNT_MAX);
	int status = EXIT_CANNOT;
	if (cmd_compile(cmd, &common, common.rev, &c) == 0 && name_ok(cmd, argv[0], &c.arena)) {
		common.quiet = true; /* warnings are `yett check`'s */
		cmd_print_diags(&common, &c);
		/* What was left out may hold an address. */
		status = c.diags.errors > 0 ? EXIT_FAILS : propose(cmd, &common, &c, argv[0], (size_t)count);
	}
	compile_release(&c);
	return status;
}

const struct cmd cmd_address = {
	.name = "address",
	.args = "NAME",
	.summary = "Propose free addresses for a device or gateway",
	.help = "Prints one line a proposal: an address of each family that the network has pools for. It starts at a place that the\n"
		"name gives and takes the next free one, so that two branches rarely propose the same. Nothing is reserved: what\n"
		"counts is what stands in the tree, and `yett check` refuses an address that two have.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON,
	.run = run,
};
