/* SPDX-License-Identifier: Apache-2.0 */
/* remote - the address of a repository, taken apart. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum remote_kind { REMOTE_LOCAL, REMOTE_HTTPS, REMOTE_SSH };

struct remote {
	enum remote_kind kind;
	char host[256];   /* without brackets; "" for REMOTE_LOCAL */
	uint16_t port;    /* 0 for REMOTE_LOCAL */
	const char *path; /* REMOTE_LOCAL: inside what was parsed, begins with / */
};

/* https://, ssh://, file:/// or user@host:path, or a path that begins with /. False for anything else. */
bool remote_parse(const char *repository, struct remote *r);
