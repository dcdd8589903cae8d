/* SPDX-License-Identifier: Apache-2.0 */
/* junit - results as the XML that CI systems show as tests. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct junit_case {
	const char *name;
	const char *classname;
	const char *file;    /* or NULL */
	uint32_t line;       /* 0: not known */
	const char *failure; /* what is wrong, in one line; NULL: it passes */
	const char *type;    /* of the failure: a code */
	const char *details; /* more lines under a failure, or what a passing case prints; NULL: nothing */
};

/* One suite. Any bytes may stand in the texts; what XML cannot hold is spelt out. */
void junit_print(const char *suite, const struct junit_case *v, size_t n, FILE *out);
