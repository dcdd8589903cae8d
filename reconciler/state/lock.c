/* SPDX-License-Identifier: Apache-2.0 */
#include "state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "state/durable.h"

static pid_t read_holder(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	long pid = strtol(text, NULL, 10);
	return pid > 0 ? (pid_t)pid : 0;
}

static int write_holder(int fd)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0)
		return -errno;
	return durable_write_all(fd, text, (size_t)n);
}

int lock_take(int dirfd, pid_t *holder)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int ret = 0;
	if (fcntl(fd, F_OFD_SETLK, &l) < 0)
		ret = errno == EACCES ? -EAGAIN : -errno;
	if (ret == -EAGAIN)
		*holder = read_holder(fd);
	if (ret == 0)
		ret = write_holder(fd);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}
