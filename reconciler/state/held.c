/* SPDX-License-Identifier: Apache-2.0 */
#include "state/held.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "state/jsonfile.h"

static bool take_text(const json_t *o, const char *member, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(o, member));

	return text != NULL && (size_t)snprintf(out, size, "%s", text) < size;
}

static bool take_plan(const json_t *o, struct held_plan *p)
{
	p->at = json_integer_value(json_object_get(o, "at"));
	return take_text(o, "plan", p->plan, sizeof(p->plan)) && take_text(o, "commit", p->commit, sizeof(p->commit)) &&
	       commit_text_ok(p->commit) && take_text(o, "reason", p->reason, sizeof(p->reason));
}

int held_load(struct held *h, int dirfd)
{
	json_t *o = NULL;
	int ret = jsonfile_read(dirfd, HELD_FILE, &o);

	h->n = 0;
	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	const json_t *list = json_object_get(o, "held");
	bool ok = json_is_array(list) && json_array_size(list) <= HELD_MAX;
	for (size_t i = 0; ok && i < json_array_size(list); i++)
		ok = take_plan(json_array_get(list, i), &h->v[h->n++]);
	if (!ok)
		h->n = 0;
	json_decref(o);
	return ok ? 0 : -EBADMSG;
}

const struct held_plan *held_find(const struct held *h, const char *plan)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->v[i].plan, plan) == 0)
			return &h->v[i];
	return NULL;
}

/* What the kernel said may be no UTF-8. */
static json_t *reason_json(const char *reason)
{
	json_t *t = json_string(reason);

	return t != NULL ? t : json_string("(not readable)");
}

static int save(const struct held *h, int dirfd)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(list, json_pack("{ss ss so sI}", "plan", h->v[i].plan, "commit", h->v[i].commit, "reason",
						      reason_json(h->v[i].reason), "at", (json_int_t)h->v[i].at));
	return jsonfile_write(dirfd, HELD_FILE, json_pack("{so}", "held", list));
}

static void take_out(struct held *h, const char *plan)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (strcmp(h->v[i].plan, plan) == 0)
			continue;
		if (kept != i)
			h->v[kept] = h->v[i];
		kept++;
	}
	h->n = kept;
}

int held_add(struct held *h, int dirfd, const struct held_plan *p)
{
	const struct held_plan add = *p;

	take_out(h, add.plan);
	if (h->n == HELD_MAX)
		memmove(&h->v[0], &h->v[1], --h->n * sizeof(h->v[0]));
	h->v[h->n++] = add;
	return save(h, dirfd);
}

int held_drop(struct held *h, int dirfd, const char *plan)
{
	size_t before = h->n;

	take_out(h, plan);
	return h->n == before ? 0 : save(h, dirfd);
}
