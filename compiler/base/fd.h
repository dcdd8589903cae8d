/* SPDX-License-Identifier: Apache-2.0 */
/* fd - a descriptor that closes itself at the end of its scope. */
#pragma once

#include <unistd.h>

static inline void fd_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define FD_CLEANUP __attribute__((cleanup(fd_cleanup)))
