/* SPDX-License-Identifier: Apache-2.0 */
#include "state/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int fill(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size >= RESERVE_BYTES)
		return 0;
	if (fallocate(fd, 0, 0, RESERVE_BYTES) < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	return 0;
}

int reserve_take(struct reserve *r)
{
	if (r->there)
		return 0;
	int fd = openat(r->dirfd, RESERVE_FILE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int ret = fill(fd);
	close(fd);
	if (ret < 0)
		unlinkat(r->dirfd, RESERVE_FILE, 0); /* half of it helps nobody */
	r->there = ret == 0;
	return ret;
}

bool reserve_let_go(struct reserve *r, int error)
{
	if (!r->there || (error != -ENOSPC && error != -EDQUOT))
		return false;
	r->there = false;
	return unlinkat(r->dirfd, RESERVE_FILE, 0) == 0;
}
