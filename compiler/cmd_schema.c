/* SPDX-License-Identifier: Apache-2.0 */
/* yett schema - the JSON Schema of the language, for editors. */
#include "base/buf.h"
#include "cmd.h"

static int run(const struct cmd *cmd, int argc, char **argv)
{
	static const struct cmd_option own[] = { { 0 } };
	struct cmd_common common;
	BUF_CLEANUP struct buf out = BUF_INIT;
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos > 0)
		return cmd_fail(cmd, "it takes no arguments");
	if (common.format == FORMAT_MARKDOWN)
		model_field_tables(&out);
	else
		model_json_schema(&out);
	fputs(buf_str(&out), stdout);
	return EXIT_HOLDS;
}

const struct cmd cmd_schema = {
	.name = "schema",
	.args = "",
	.summary = "Print the JSON Schema of the language",
	.help = "The schema (JSON Schema 2020-12) describes one document of a policy tree, for editors that complete and\n"
		"check YAML. It knows fields and forms; `yett check` knows the whole tree. With --format=markdown the\n"
		"same fields are printed as the tables of the reference.",
	.formats = 1u << FORMAT_TEXT | 1u << FORMAT_JSON | 1u << FORMAT_MARKDOWN,
	.run = run,
};
