/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/witness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int witness_open(void)
{
	return open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

static uint64_t number_of(const char *text, const char *name, int base)
{
	const char *at = strstr(text, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, base) : 0;
}

void witness_parse(const char *text, struct witness *w)
{
	*w = (struct witness){
		.cap_eff = number_of(text, "\nCapEff:\t", 16), .uid = (uint32_t)number_of(text, "\nUid:\t", 10),
		.no_new_privs = (uint32_t)number_of(text, "\nNoNewPrivs:\t", 10),
		.seccomp = (uint32_t)number_of(text, "\nSeccomp:\t", 10), .known = 1,
	};
}

void witness_read(int fd, struct witness *w)
{
	char text[8192];
	size_t got = 0;

	*w = (struct witness){ .known = 0 };
	while (fd >= 0 && got < sizeof(text) - 1) {
		ssize_t n = read(fd, text + got, sizeof(text) - 1 - got);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	text[got] = '\0';
	if (got > 0)
		witness_parse(text, w);
}
