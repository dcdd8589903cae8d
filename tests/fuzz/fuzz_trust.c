/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures, commit objects and allowed_signers. The first byte chooses. */
#include "fuzz.h"

#include <sodium.h>

#include "trust/commit_object.h"
#include "trust/signers.h"

static void fuzz_signature(const uint8_t *data, size_t size)
{
	struct sshsig sig;

	if (sshsig_verify(data, size, "git", "hello\n", 6, &sig) != SSHSIG_OK)
		FUZZ_ASSERT(sig.key_len == 0);
}

static void fuzz_commit(const uint8_t *data, size_t size)
{
	char *scratch = malloc(2 * size + 1);
	struct commit_object c;
	struct sshsig sig;

	/* Payload and armor together are the object less "gpgsig" and the spaces. */
	if (commit_object_split((const char *)data, size, scratch, &c) == COMMIT_OK) {
		FUZZ_ASSERT(c.payload_len + c.armor_len < size);
		(void)sshsig_verify(c.armor, c.armor_len, "git", c.payload, c.payload_len, &sig);
	}
	free(scratch);
}

static void fuzz_signers(const uint8_t *data, size_t size)
{
	struct signers s;
	struct arena a;
	char err[200] = "";

	arena_init(&a);
	if (signers_parse(&s, (const char *)data, size, &a, err, sizeof(err)) < 0)
		FUZZ_ASSERT(s.n == 0 && err[0] != '\0');
	for (size_t i = 0; i < s.n; i++)
		FUZZ_ASSERT(s.v[i].namespaces != 0 && s.v[i].key_len > 32);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const target[])(const uint8_t *, size_t) = { fuzz_signature, fuzz_commit, fuzz_signers };

	if (size < 1 || sodium_init() < 0)
		return 0;
	target[data[0] % 3](data + 1, size - 1);
	return 0;
}
