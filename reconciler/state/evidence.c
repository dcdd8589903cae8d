/* SPDX-License-Identifier: Apache-2.0 */
#include "state/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/buf.h"
#include "ipc.h"
#include "message.h"
#include "state/durable.h"

#define NAME_SIZE 80

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_case(const struct dirent *d)
{
	return d->d_name[0] == 'E' && strlen(d->d_name) < NAME_SIZE;
}

static int write_case(int dirfd, const struct evidence *e)
{
	const void *data;
	size_t len;
	int ret = ipc_map(e->fd, 2 * JUDGE_EVIDENCE_MAX, &data, &len);

	if (ret < 0)
		return ret;
	if ((uint64_t)e->have_len + e->offered_len != len)
		ret = -EBADMSG;
	if (ret == 0 && e->have_len > 0)
		ret = durable_write(dirfd, "have.commit", data, e->have_len);
	if (ret == 0)
		ret = durable_write(dirfd, "offered.commit", (const char *)data + e->have_len, e->offered_len);
	munmap((void *)(uintptr_t)data, len);
	return ret == 0 ? durable_write(dirfd, "why", e->why, strlen(e->why)) : ret;
}

int evidence_keep(int statedir, const struct evidence *e)
{
	struct dirent **list = NULL;
	char name[NAME_SIZE];
	int top = durable_dir(statedir, EVIDENCE_DIR), dirfd = -1;

	if (top < 0)
		return top;
	snprintf(name, sizeof(name), "%s-%.12s-%.12s", e->code, e->have, e->offered);
	int n = scandirat(top, ".", &list, is_case, by_name);
	int ret = n < 0 ? -errno : n >= EVIDENCE_MAX ? -EDQUOT : 1;
	for (int i = 0; i < n; i++) {
		if (strcmp(list[i]->d_name, name) == 0)
			ret = 0;
		free(list[i]);
	}
	free(list);
	if (ret > 0) {
		dirfd = durable_dir(top, name);
		int written = dirfd < 0 ? dirfd : write_case(dirfd, e);
		ret = written < 0 ? written : ret;
	}
	if (dirfd >= 0)
		close(dirfd);
	close(top);
	return ret;
}

static json_t *file_json(int dirfd, const char *name, bool hex)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	if (durable_read(dirfd, name, JUDGE_EVIDENCE_MAX, &b) < 0)
		return json_null();
	if (!hex)
		return json_string(buf_str(&b));
	char *text = malloc(2 * b.len + 1);
	if (text == NULL)
		return json_null();
	sodium_bin2hex(text, 2 * b.len + 1, (const unsigned char *)buf_str(&b), b.len);
	json_t *o = json_string(text);
	free(text);
	return o;
}

json_t *evidence_json(int statedir)
{
	json_t *all = json_array();
	struct dirent **list = NULL;
	int top = openat(statedir, EVIDENCE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int n = top < 0 ? 0 : scandirat(top, ".", &list, is_case, by_name);

	for (int i = 0; i < n; i++) {
		int dirfd = i < EVIDENCE_MAX ? openat(top, list[i]->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (dirfd >= 0) {
			json_array_append_new(all, json_pack("{ss so so so}", "name", list[i]->d_name, "why", file_json(dirfd, "why", false),
							     "have", file_json(dirfd, "have.commit", true), "offered",
							     file_json(dirfd, "offered.commit", true)));
			close(dirfd);
		}
		free(list[i]);
	}
	free(list);
	if (top >= 0)
		close(top);
	return all;
}
