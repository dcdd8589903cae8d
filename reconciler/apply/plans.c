/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/plans.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "ipc.h"

static void slot_drop(struct plan_slot *s)
{
	arena_release(&s->arena);
	memset(&s->plan, 0, sizeof(s->plan));
	mark_init(&s->mark);
	s->there = false;
	s->denied = 0;
}

void plans_init(struct plans *p)
{
	memset(p, 0, sizeof(*p));
	arena_init(&p->next.arena);
	arena_init(&p->base.arena);
	arena_init(&p->both.arena);
}

void plans_release(struct plans *p)
{
	slot_drop(&p->next);
	slot_drop(&p->base);
	slot_drop(&p->both);
	guard_release(&p->guard);
}

static int slot_take(struct plans *p, struct plan_slot *s, int fd, char *err, size_t err_size)
{
	const void *data;
	size_t len;

	slot_drop(s);
	slot_drop(&p->both);
	int ret = ipc_map(fd, GW_PLAN_BYTES_MAX, &data, &len);
	if (ret < 0) {
		snprintf(err, err_size, "the plan cannot be used: %s", strerror(-ret));
		return ret;
	}
	ret = gw_plan_decode(&s->plan, data, len, &s->arena, err, err_size);
	munmap((void *)(uintptr_t)data, len);
	if (ret < 0) {
		slot_drop(s);
		return ret;
	}
	s->there = true;
	s->denied = guard_apply(&p->guard, &s->plan);
	return 0;
}

bool plans_mark(struct plans *p, bool both, const char *text)
{
	struct plan_slot *s = both ? &p->both : &p->next;

	return s->there && mark_set(&s->mark, &s->plan, text, &s->arena);
}

int plans_take(struct plans *p, int fd, bool keep, char *err, size_t err_size)
{
	if (keep && p->next.there) {
		slot_drop(&p->base);
		plans_mark(p, false, ""); /* it points into its slot */
		p->base = p->next;
		mark_init(&p->base.mark);
		p->next = (struct plan_slot){ .there = false };
		arena_init(&p->next.arena);
	}
	return slot_take(p, &p->next, fd, err, err_size);
}

int plans_take_base(struct plans *p, int fd, char *err, size_t err_size)
{
	return slot_take(p, &p->base, fd, err, err_size);
}

void plans_settle(struct plans *p)
{
	slot_drop(&p->base);
	slot_drop(&p->both);
}

int plans_guard(struct plans *p, const void *text, size_t len)
{
	int ret = guard_parse(&p->guard, text, len);

	slot_drop(&p->both);
	if (p->next.there)
		p->next.denied += guard_apply(&p->guard, &p->next.plan);
	if (p->base.there)
		p->base.denied += guard_apply(&p->guard, &p->base.plan);
	return ret;
}

static void make_both(struct plans *p, const char **why)
{
	const struct gate_exempt exempt = guard_exempt(&p->guard);
	struct gw_plan *out = &p->both.plan;

	plans_mark(p, false, "");
	*why = gate_plan(&p->base.plan, &p->next.plan, &exempt, &p->both.arena, out);
	p->gated = *why == NULL;
	if (*why != NULL)
		*out = p->next.plan;
	p->both.there = true;
}

const struct gw_plan *plans_both(struct plans *p, uint64_t ms, const char **why)
{
	*why = NULL;
	if (!p->base.there || !p->next.there)
		return NULL;
	if (!p->both.there)
		make_both(p, why);
	gate_open(&p->both.plan, ms, &p->both.arena);
	return &p->both.plan;
}
