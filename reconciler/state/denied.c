/* SPDX-License-Identifier: Apache-2.0 */
#include "state/denied.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/durable.h"

static int cut(int dirfd, size_t len)
{
	int fd = openat(dirfd, DENIED_FILE, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int ret = ftruncate(fd, (off_t)len) < 0 || fdatasync(fd) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int denied_load(int dirfd, struct buf *out)
{
	size_t start = out->len;
	int ret = durable_read(dirfd, DENIED_FILE, DENIED_BYTES_MAX, out);

	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	size_t whole = out->len;
	while (whole > start && out->p[whole - 1] != '\n')
		whole--;
	if (whole == out->len)
		return 0;
	out->len = whole;
	return cut(dirfd, whole - start);
}

static int append(int fd, off_t at, const void *text, size_t len)
{
	int ret = durable_write_all(fd, text, len);

	if (ret == 0 && fdatasync(fd) < 0)
		ret = -errno;
	if (ret < 0 && ftruncate(fd, at) < 0)
		return ret; /* the next load cuts it off */
	return ret;
}

int denied_append(int dirfd, const void *text, size_t len)
{
	struct stat st;
	int fd = openat(dirfd, DENIED_FILE, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int ret = fstat(fd, &st) < 0 ? -errno : 0;
	if (ret == 0)
		ret = append(fd, st.st_size, text, len);
	close(fd);
	/* Of a new file the name has to last too. */
	if (ret == 0 && st.st_size == 0 && fsync(dirfd) < 0)
		ret = -errno;
	return ret;
}
