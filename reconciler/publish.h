/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish - what the supervisor tells the status role: where it listens, how things stand, what the kernel counted. The role is told; it
 * asks nothing but for a fetch.
 */
#pragma once

#include "report/metrics.h"

struct supervisor;

#define PUBLISH_MS 10000    /* at least so often, so that silence means something */
#define PUBLISH_PAUSE_MS 200
#define PUBLISH_STUCK_MS 60000
#define HOOK_PAUSE_MS 2000  /* between two fetches that webhooks ask for */

struct publish {
	int listen_fd;      /* -1: nobody is answered */
	struct ipc_listen settings; /* the webhook's secret is in it */
	struct metrics m;
	bool dirty;
	int64_t sent_ms, tried_ms;
	int64_t hook_ms;    /* no fetch for a webhook before */
	bool hook_waits;
};

/* Opens the socket and reads the secret, if the configuration wants it. 0, or a negative errno and a sentence. */
int publish_open(struct publish *p, const struct config *c, char *err, size_t err_size);
void publish_close(struct publish *p);
/* The status role has begun a life: it is given the socket. 0 or a negative errno. */
int publish_begin(struct supervisor *s);
/* Sends a snapshot when one is due; never waits. -ETIMEDOUT: the role takes none and has to go. */
int publish_work(struct supervisor *s, int64_t now_ms);
/* When the next is due. */
int64_t publish_deadline(const struct supervisor *s);
/* What the kernel counted, as the apply role says; passed on unread. */
void publish_tally(struct supervisor *s, int fd);
/* A webhook came. */
void publish_hook(struct supervisor *s);
