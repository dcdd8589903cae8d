/* SPDX-License-Identifier: Apache-2.0 */
/* names - system calls by their names, from the C library's header by way of the Makefile. */
#include <stddef.h>
#include <sys/syscall.h>

#include "base/bug.h"
#include "sandbox/seccomp.h"

static const struct {
	const char *name;
	int nr;
} names[] = {
#include "syscall_names.h"
};

const char *call_name(int nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].nr == nr)
			return names[i].name;
	return NULL;
}
