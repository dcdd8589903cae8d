/* SPDX-License-Identifier: Apache-2.0 */
#include "report/case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "report/answer.h"
#include "state/durable.h"

static const json_t *cases_of(const json_t *answer)
{
	return json_object_get(answer, "evidence");
}

int case_print(const json_t *answer)
{
	size_t i;
	json_t *c;

	if (json_array_size(cases_of(answer)) == 0)
		puts("there is no evidence of a branch that went back or was rewritten");
	json_array_foreach(cases_of(answer), i, c)
		printf("%s\n  %s\n", answer_text(c, "name"), answer_text(c, "why"));
	return 0;
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 2 && n < 100 && name[0] == 'E' && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789abcdef") == n;
}

/* hex: the member is bytes in hex; else it is text. */
static int write_member(int dirfd, const json_t *c, const char *member, const char *file, bool hex)
{
	const char *text = json_string_value(json_object_get(c, member));
	size_t len = text != NULL ? strlen(text) : 0;

	if (text == NULL)
		return 0;
	if (!hex)
		return durable_write(dirfd, file, text, len);
	unsigned char *bytes = malloc(len / 2 + 1);
	if (bytes == NULL)
		return -ENOMEM;
	int ret = sodium_hex2bin(bytes, len / 2 + 1, text, len, NULL, &len, NULL) != 0 ? -EBADMSG : durable_write(dirfd, file, bytes, len);
	free(bytes);
	return ret;
}

static int write_one(int top, const json_t *c)
{
	const char *name = answer_text(c, "name");
	int dirfd = name_ok(name) ? durable_dir(top, name) : -EBADMSG;

	if (dirfd < 0)
		return dirfd;
	int ret = write_member(dirfd, c, "have", "have.commit", true);
	if (ret == 0)
		ret = write_member(dirfd, c, "offered", "offered.commit", true);
	if (ret == 0)
		ret = write_member(dirfd, c, "why", "why", false);
	close(dirfd);
	if (ret == 0)
		printf("%s\n", name);
	return ret;
}

int case_export(const json_t *answer, const char *dir)
{
	int top = durable_dir(AT_FDCWD, dir), ret = top < 0 ? top : 0;
	size_t i;
	json_t *c;

	json_array_foreach(cases_of(answer), i, c)
		ret = ret == 0 ? write_one(top, c) : ret;
	if (top >= 0)
		close(top);
	if (ret < 0)
		fprintf(stderr, "yettctl: cannot write the evidence into %s: %s\n", dir, strerror(-ret));
	return ret;
}
