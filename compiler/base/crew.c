/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include "base/bug.h"

struct member {
	pthread_t thread;
	bool started;
	unsigned int number;
	void (*work)(void *ctx, unsigned int member);
	void *ctx;
};

unsigned int crew_size(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > CREW_MAX ? CREW_MAX : (unsigned int)n;
}

static void *start(void *ctx)
{
	const struct member *m = ctx;

	m->work(m->ctx, m->number);
	return NULL;
}

void crew_run(unsigned int n, void (*work)(void *ctx, unsigned int member), void *ctx)
{
	struct member member[CREW_MAX];
	sigset_t all, before;

	if (n > CREW_MAX)
		BUG("a crew of %u", n);
	/* Signals are for the thread that was there before. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned int i = 1; i < n; i++) {
		member[i] = (struct member){ .number = i, .work = work, .ctx = ctx };
		member[i].started = pthread_create(&member[i].thread, NULL, start, &member[i]) == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (n > 0)
		work(ctx, 0);
	for (unsigned int i = 1; i < n; i++) {
		if (member[i].started)
			pthread_join(member[i].thread, NULL);
		else
			work(ctx, i);
	}
}
