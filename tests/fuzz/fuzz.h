/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz - what the libFuzzer targets share: one function a file, run by tests/fuzz/fuzz.t and `make fuzz`. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input. */
#define FUZZ_ASSERT(c) \
	do { \
		if (!(c)) \
			abort(); \
	} while (0)
