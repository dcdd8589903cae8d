/* SPDX-License-Identifier: Apache-2.0 */
/* lock - one yettd per state folder: an open-file-description write lock, held for life (fcntl(2), F_OFD_SETLK). */
#pragma once

#include <sys/types.h>

/* The descriptor to keep, or a negative errno; -EAGAIN: held, *holder is the holder's pid (0: unknown). */
int lock_take(int dirfd, pid_t *holder);
