/* SPDX-License-Identifier: Apache-2.0 */
#include "log/enforced.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

void enforced_init(struct enforced *e)
{
	memset(e, 0, sizeof(*e));
	arena_init(&e->a);
}

void enforced_release(struct enforced *e)
{
	vec_release(&e->stay);
	arena_release(&e->a);
}

/* After these the kernel holds the plan that the line names. */
static bool says_in_force(const struct trail_event *v)
{
	static const char *const events[] = { "applied", "confirmed", "enforced", "pending", "repaired" };

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (strcmp(v->event, events[i]) == 0)
			return true;
	return false;
}

/* The stay that the gateway is in; NULL: none. */
static struct enforced_stay *current(struct enforced *e, const char *gateway)
{
	for (size_t i = e->stay.n; i > 0; i--)
		if (strcmp(e->stay.v[i - 1].gateway, gateway) == 0)
			return e->stay.v[i - 1].end == ENFORCED_STILL ? &e->stay.v[i - 1] : NULL;
	return NULL;
}

static void begin(struct enforced *e, const struct trail_event *v, const char *commit, const char *plan)
{
	const struct enforced_stay s = {
		.gateway = arena_strdup(&e->a, v->gateway), .commit = arena_strdup(&e->a, commit), .plan = arena_strdup(&e->a, plan),
		.boot = arena_strdup(&e->a, v->boot), .since = v->time, .until = v->time,
	};

	vec_push(&e->stay, s);
}

/* The line names the plan that was taken back; or the one that is in force again, when the stay ended with a crash. */
static int take_back(struct enforced *e, struct enforced_stay *s, const struct trail_event *v)
{
	const struct enforced_stay *before = NULL;

	if (s == NULL || strcmp(s->commit, v->commit) != 0 || strcmp(s->plan, v->plan) != 0)
		return 0; /* an "enforced" follows */
	for (const struct enforced_stay *i = e->stay.v; i < s; i++)
		if (strcmp(i->gateway, v->gateway) == 0)
			before = i;
	s->end = ENFORCED_BACK;
	if (before != NULL)
		begin(e, v, before->commit, before->plan);
	return 0;
}

static int take(void *ctx, const struct trail *t, const struct trail_event *v, const char *line, size_t len)
{
	struct enforced *e = ctx;
	struct enforced_stay *s = current(e, v->gateway);

	(void)t, (void)line, (void)len;
	if (s != NULL && strcmp(s->boot, v->boot) != 0) {
		s->end = ENFORCED_DOWN;
		s = NULL;
	}
	if (s != NULL)
		s->until = v->time;
	if (strcmp(v->event, "rolled-back") == 0)
		return take_back(e, s, v);
	if (!says_in_force(v))
		return 0;
	if (s != NULL && strcmp(s->commit, v->commit) == 0) {
		s->repairs += strcmp(v->event, "repaired") == 0;
		return 0;
	}
	if (s != NULL)
		s->end = ENFORCED_REPLACED;
	begin(e, v, v->commit, v->plan);
	return 0;
}

int enforced_read(struct enforced *e, const char *path, char *err, size_t err_size)
{
	struct trail t = { .seq = 0 };

	return trail_walk_paths(&t, &path, 1, take, e, err, err_size);
}

static int stay_cmp(const void *a, const void *b)
{
	const struct enforced_stay *x = a, *y = b;
	int c = strcmp(x->gateway, y->gateway);

	return c != 0 ? c : x->since < y->since ? -1 : x->since > y->since;
}

void enforced_sort(struct enforced *e)
{
	if (e->stay.n > 1)
		qsort(e->stay.v, e->stay.n, sizeof(*e->stay.v), stay_cmp);
}
