/* SPDX-License-Identifier: Apache-2.0 */
/* bug - our own mistakes: says where, aborts. The writer's are diagnostics, the world's negative errnos. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define BUG(...) \
	do { \
		fprintf(stderr, "%s:%d: BUG: ", __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr); \
		abort(); \
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
