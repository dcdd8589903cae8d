/* SPDX-License-Identifier: Apache-2.0 */
/* A file of YAML to access classes: no crash, and a tree is ready exactly when it has no errors. Files are parted by a line of "%%%%". */
#include "fuzz.h"

#include <sodium.h>

#include "access/examples.h"
#include "compile.h"

#define FILES_MAX 4
#define MARK "\n%%%%\n"

/* A bundle, as the compile role gets its files. */
static void bundle_of(const char *text, size_t len, struct buf *out)
{
	struct source_file file[FILES_MAX];
	struct source s = { .file = file };
	static const char *const path[FILES_MAX] = { "a.yaml", "b.yaml", "c/d.yaml", "e.yml" };

	while (s.nfiles < FILES_MAX) {
		const char *mark = memmem(text, len, MARK, sizeof(MARK) - 1);
		size_t n = mark != NULL && s.nfiles + 1 < FILES_MAX ? (size_t)(mark - text) : len;
		file[s.nfiles] = (struct source_file){ .path = path[s.nfiles], .data = text, .len = n };
		s.nfiles++;
		if (n == len)
			break;
		text += n + sizeof(MARK) - 1;
		len -= n + sizeof(MARK) - 1;
	}
	source_to_bundle(&s, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bundle BUF_CLEANUP = BUF_INIT;
	struct compile c;
	char err[256];

	if (sodium_init() < 0)
		abort();
	bundle_of((const char *)data, size, &bundle);
	const struct compile_input in = { .bundle = bundle.p, .bundle_len = bundle.len };
	compile_init(&c);
	if (compile_run(&c, &in, err, sizeof(err)) == 0) {
		FUZZ_ASSERT(c.ready == (c.diags.errors == 0));
		if (c.ready && c.resolved.ngateways > 0) {
			struct gw_plan plan;
			struct example_result *res;
			plan_gateway(&plan, &c.access, &c.resolved, 0, &c.arena);
			examples_run(&c.access, &c.resolved, 1800000000, &c.arena, &res);
		}
	}
	compile_release(&c);
	return 0;
}
