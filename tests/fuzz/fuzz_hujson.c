/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Tailscale reader: HuJSON, and the documents that a policy file makes. What is read must make documents that our own
 * reader of YAML takes, whatever the names and comments hold. The bytes before a line "====" are a policy, those behind it
 * a nodes file.
 */
#include "fuzz.h"

#include <sodium.h>

#include "import/tailscale.h"
#include "yaml/yaml.h"

static const uint8_t *divider(const uint8_t *data, size_t size)
{
	return size > 0 ? memmem(data, size, "\n====\n", 6) : NULL;
}

static void check_documents(struct import *im)
{
	for (size_t i = 0; i < im->file.n; i++) {
		struct buf text BUF_CLEANUP = BUF_INIT;
		struct arena a;
		struct diags d;
		struct node **docs = NULL;
		size_t ndocs = 0;

		import_file_text(&im->file.v[i], &text);
		arena_init(&a);
		diags_init(&d, &a);
		uint32_t file = diags_add_file(&d, im->file.v[i].path, text.p, text.len);
		FUZZ_ASSERT(yaml_parse(&a, file, buf_str(&text), text.len, &d, &docs, &ndocs) == 0);
		FUZZ_ASSERT(ndocs == 1 && docs[0]->kind == NODE_MAP);
		diags_release(&d);
		arena_release(&a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = divider(data, size);
	size_t n = cut ? (size_t)(cut - data) : size;
	struct arena a;
	struct diags d;
	struct import im;
	struct hujson policy, nodes;
	struct buf report BUF_CLEANUP = BUF_INIT;

	if (sodium_init() < 0)
		abort();
	arena_init(&a);
	diags_init(&d, &a);
	import_init(&im, &a, &d);
	uint32_t file = diags_add_file(&d, "policy.hujson", (const char *)data, n);
	bool ok = hujson_parse(&policy, &a, file, (const char *)data, n, &d) == 0;
	FUZZ_ASSERT(ok == (d.errors == 0));
	struct tailscale_input in = { .policy = &policy, .text = (const char *)data, .len = n, .file = file, .placeholder_keys = true };
	if (ok && cut != NULL) {
		uint32_t other = diags_add_file(&d, "nodes.json", (const char *)cut + 6, size - n - 6);
		in.nodes = &nodes;
		ok = hujson_parse(&nodes, &a, other, (const char *)cut + 6, size - n - 6, &d) == 0;
	}
	if (ok && tailscale_import(&im, &in))
		check_documents(&im);
	import_report(&im, "a policy", &report);
	import_release(&im);
	diags_release(&d);
	arena_release(&a);
	return 0;
}
