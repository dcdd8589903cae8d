/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "state/jsonfile.h"

int64_t window_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void window_release(struct window *w)
{
	plan_ref_release(&w->pending);
	buf_release(&w->why);
	buf_release(&w->waits);
	*w = (struct window){ .pending = PLAN_REF_NONE };
}

static int write_down(const struct window *w, struct store *s, const struct plan_ref *p)
{
	int ret = store_save_pending(s, p);

	if (ret < 0)
		return ret;
	return jsonfile_write(s->dirfd, WINDOW_FILE,
			      json_pack("{ss ss ss sI sI}", "plan", p->digest, "commit", p->commit, "boot", s->boot, "deadline_ms",
					(json_int_t)w->deadline_ms, "until", (json_int_t)w->until));
}

int window_open(struct window *w, struct store *s, const struct plan_ref *p, int64_t seconds)
{
	w->deadline_ms = window_clock_ms() + seconds * 1000;
	w->until = clock_now() + seconds;
	int ret = write_down(w, s, p);
	int fd = ret == 0 ? dup(p->fd) : ret;
	if (ret == 0 && fd < 0)
		ret = -errno;
	if (ret == 0)
		ret = plan_ref_take(&w->pending, fd, p->commit);
	w->open = ret == 0;
	return ret;
}

static int forget(struct store *s)
{
	int ret = jsonfile_remove(s->dirfd, WINDOW_FILE);
	int ret2 = store_drop_pending(s);

	return ret < 0 ? ret : ret2;
}

int window_close(struct window *w, struct store *s)
{
	window_release(w);
	return forget(s);
}

/* Where the kernel names no boot, no window goes on over a restart. */
static bool same_boot(const struct store *s, const json_t *o)
{
	const char *then = json_string_value(json_object_get(o, "boot"));

	return then != NULL && *s->boot != '\0' && strcmp(s->boot, then) == 0;
}

static int load_pending(struct window *w, struct store *s, const json_t *o)
{
	char commit[COMMIT_TEXT_MAX] = "";
	const char *plan = json_string_value(json_object_get(o, "plan")), *text = json_string_value(json_object_get(o, "commit"));
	int ret = store_load_pending(s, &w->pending);

	if (ret < 0)
		return ret;
	if (text == NULL || plan == NULL || strlen(text) >= sizeof(commit) || strcmp(plan, w->pending.digest) != 0)
		return -EBADMSG;
	memcpy(commit, text, strlen(text) + 1);
	if (!commit_text_ok(commit))
		return -EBADMSG;
	memcpy(w->pending.commit, commit, sizeof(commit));
	w->deadline_ms = json_integer_value(json_object_get(o, "deadline_ms"));
	w->until = json_integer_value(json_object_get(o, "until"));
	return 0;
}

int window_load(struct window *w, struct store *s, const struct plan_ref *good, bool *over)
{
	json_t *o = NULL;
	int ret = jsonfile_read(s->dirfd, WINDOW_FILE, &o);

	*over = false;
	if (ret == -ENOENT)
		return forget(s);
	if (ret == 0)
		ret = load_pending(w, s, o);
	bool confirmed = good->fd >= 0 && strcmp(w->pending.digest, good->digest) == 0;
	bool goes_on = ret == 0 && !confirmed && good->fd >= 0 && same_boot(s, o) && !window_expired(w) &&
		       w->deadline_ms - window_clock_ms() <= WINDOW_MAX_MS;
	json_decref(o);
	if (goes_on) {
		w->open = w->resumed = true;
		return 1;
	}
	*over = !confirmed;
	return window_close(w, s);
}
