/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control - the socket of yettctl: one JSON line asks, one JSON line answers, and the connection ends.
 *
 *	{"verb":"status"}   {"verb":"diff"}   {"verb":"sync"}   {"verb":"history"}   {"verb":"verify"}   {"verb":"verify","commit":"7 to 64 hex digits"}
 *	{"verb":"trust reanchor","commit":"40 or 64 hex digits"}   {"verb":"evidence"}
 *	{"verb":"confirm","commit":"1f2e3d4"}   {"verb":"rollback"}   {"verb":"retry"}   {"verb":"suspend","for":7200}   {"verb":"resume"}
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/buf.h"
#include "message.h"

#define CONTROL_CLIENTS 8
#define CONTROL_REQUEST_MAX 4096
#define CONTROL_POLLS (1 + CONTROL_CLIENTS)

enum control_verb {
	VERB_NONE, VERB_STATUS, VERB_DIFF, VERB_SYNC, VERB_VERIFY, VERB_HISTORY, VERB_CONFIRM, VERB_ROLLBACK, VERB_RETRY, VERB_SUSPEND,
	VERB_RESUME, VERB_REANCHOR, VERB_EVIDENCE, VERB_COUNT
};

/* What a request says beside its verb; what it does not say is as in CONTROL_ARGS_NONE. */
struct control_args {
	int64_t seconds;  /* "for"; -1: not said */
	char commit[COMMIT_TEXT_MAX]; /* "commit": verify: compare with that one; confirm: only if it is that one; "": not said */
};

#define CONTROL_ARGS_NONE { .seconds = -1 }

const char *control_verb_name(enum control_verb v);
/* Whether it changes what yettd does, so that only operators may ask for it. */
bool control_verb_operates(enum control_verb v);

struct control_client {
	int fd; /* -1: free */
	struct buf in, out;
	size_t sent;
	enum control_verb verb; /* asked and not answered yet */
	struct control_args args;
	uint64_t ticket;        /* the supervisor's: which turn answers it */
	int64_t deadline_ms;    /* of reading the request and of writing the answer; 0 while it waits */
	uid_t uid;
	pid_t pid;
};

struct control {
	int fd; /* -1: none */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* path's; "" for the root */
	bool made; /* the folder was made now */
	struct control_client client[CONTROL_CLIENTS];
};

void control_init(struct control *c);
/* Makes the socket (0660) and its folder. 0, or a negative errno and a sentence; -EADDRINUSE: somebody answers there. */
int control_open(struct control *c, const char *path, char *err, size_t err_size);
/* Gives the socket, and the folder if it was made for it, to who will serve it. 0 or a negative errno. */
int control_give(const struct control *c, uid_t uid, gid_t gid);
void control_close(struct control *c);

/* Fills p[CONTROL_POLLS]; entries without a descriptor have fd -1. */
void control_polls(const struct control *c, struct pollfd *p);
/* After poll(): takes connections, reads, writes, drops those past their time. */
void control_work(struct control *c, const struct pollfd *p, int64_t now_ms);
/* The next deadline, or INT64_MAX. */
int64_t control_deadline(const struct control *c);
/* Answers a waiting client with one line (without the newline). */
void control_answer(struct control_client *k, const char *json, int64_t now_ms);

/* What a request asks for; VERB_NONE with *why. */
enum control_verb control_parse(const char *line, size_t len, struct control_args *args, const char **why);
