/* SPDX-License-Identifier: Apache-2.0 */
#include "state/jsonfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/durable.h"

int jsonfile_write(int dirfd, const char *name, json_t *o)
{
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(o);
	if (text == NULL)
		return -ENOMEM;
	int ret = durable_write(dirfd, name, text, strlen(text));
	free(text);
	return ret;
}

int jsonfile_read(int dirfd, const char *name, json_t **o)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	int ret = durable_read(dirfd, name, JSONFILE_BYTES_MAX, &b);

	*o = NULL;
	if (ret < 0)
		return ret;
	*o = json_loadb(buf_str(&b), b.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(*o))
		return 0;
	json_decref(*o);
	*o = NULL;
	return -EBADMSG;
}

int jsonfile_remove(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(dirfd) < 0 ? -errno : 0;
}
