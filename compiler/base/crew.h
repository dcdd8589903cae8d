/* SPDX-License-Identifier: Apache-2.0 */
/* crew - the same work by several threads, each with its own memory. */
#pragma once

#define CREW_MAX 4

/* As many as there are processors to run on, at most CREW_MAX. */
unsigned int crew_size(void);
/*
 * Calls work(ctx, 0) … work(ctx, n - 1), n at most CREW_MAX, each in a thread of its own but the first, and returns when all have. A thread that
 * cannot be had is no failure: its call is then made after the others.
 */
void crew_run(unsigned int n, void (*work)(void *ctx, unsigned int member), void *ctx);
