/* SPDX-License-Identifier: Apache-2.0 */
#include "state/suspend.h"

#include <errno.h>

#include "state/jsonfile.h"

int suspend_load(struct suspend *s, int dirfd)
{
	json_t *o = NULL;
	int ret = jsonfile_read(dirfd, SUSPEND_FILE, &o);

	*s = (struct suspend){ .until = 0 };
	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	const json_t *until = json_object_get(o, "until"), *by = json_object_get(o, "by");
	bool ok = json_is_integer(until) && json_is_integer(by) && json_integer_value(by) >= 0;
	if (ok)
		*s = (struct suspend){ json_integer_value(until), (uid_t)json_integer_value(by) };
	json_decref(o);
	return ok ? 0 : -EBADMSG;
}

int suspend_set(struct suspend *s, int dirfd, int64_t until, uid_t by)
{
	*s = (struct suspend){ until, by };
	if (until == 0)
		return jsonfile_remove(dirfd, SUSPEND_FILE);
	return jsonfile_write(dirfd, SUSPEND_FILE, json_pack("{sI sI}", "until", (json_int_t)until, "by", (json_int_t)by));
}

bool suspend_holds(const struct suspend *s, int64_t now)
{
	return s->until > now && s->until - now <= SUSPEND_MAX_S;
}
