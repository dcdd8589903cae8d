/* SPDX-License-Identifier: Apache-2.0 */
#include "report/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/bug.h"

#define WAIT_MS 5000 /* for a request, and for an answer to be read */

void control_init(struct control *c)
{
	*c = (struct control){ .fd = -1 };
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i].fd = -1;
}

static bool somebody_answers(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return yes;
}

static void make_folder(struct control *c, const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(c->folder, sizeof(c->folder), "%.*s", (int)(slash - path), path);
	c->made = *c->folder && mkdir(c->folder, 0755) == 0; /* bind() tells what is wrong */
}

static int listen_at(const struct sockaddr_un *at)
{
	if (somebody_answers(at))
		return -EADDRINUSE;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (unlink(at->sun_path) < 0 && errno != ENOENT)
		goto failed;
	mode_t old = umask(0117);
	int ret = bind(fd, (const struct sockaddr *)at, sizeof(*at));
	umask(old);
	if (ret == 0 && listen(fd, CONTROL_CLIENTS) == 0)
		return fd;
failed:;
	int code = -errno;
	close(fd);
	return code;
}

int control_open(struct control *c, const char *path, char *err, size_t err_size)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	make_folder(c, path);
	int fd = listen_at(&at);
	if (fd == -EADDRINUSE)
		snprintf(err, err_size, "another yettd answers at %s", path);
	else if (fd < 0)
		snprintf(err, err_size, "cannot listen at %s: %s", path, strerror(-fd));
	if (fd < 0)
		return fd;
	c->fd = fd;
	memcpy(c->path, at.sun_path, sizeof(c->path));
	return 0;
}

int control_give(const struct control *c, uid_t uid, gid_t gid)
{
	if (c->fd < 0)
		return 0;
	if (c->made && chown(c->folder, uid, gid) < 0)
		return -errno;
	return lchown(c->path, uid, gid) < 0 ? -errno : 0;
}

static void drop(struct control_client *k)
{
	if (k->fd >= 0)
		close(k->fd);
	buf_release(&k->in);
	buf_release(&k->out);
	*k = (struct control_client){ .fd = -1 };
}

void control_close(struct control *c)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		drop(&c->client[i]);
	if (c->fd >= 0) {
		close(c->fd);
		unlink(c->path);
	}
	c->fd = -1;
}

void control_polls(const struct control *c, struct pollfd *p)
{
	bool room = false;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		const struct control_client *k = &c->client[i];
		room |= k->fd < 0;
		p[1 + i] = (struct pollfd){ .fd = k->fd, .events = k->out.len > 0 ? POLLOUT : POLLIN };
		if (k->verb != VERB_NONE)
			p[1 + i].events = 0; /* only its going away matters */
	}
	p[0] = (struct pollfd){ .fd = room ? c->fd : -1, .events = POLLIN };
}

static void take_connection(struct control *c, int64_t now_ms)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(who);
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->client[i].fd >= 0)
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
			break;
		c->client[i] = (struct control_client){ .fd = fd, .deadline_ms = now_ms + WAIT_MS, .uid = who.uid, .pid = who.pid };
		return;
	}
	close(fd);
}

static const struct verb_row {
	const char *name;
	bool operates;
} verbs[VERB_COUNT] = {
	[VERB_STATUS] = { "status", false },    [VERB_DIFF] = { "diff", false },       [VERB_SYNC] = { "sync", false },
	[VERB_VERIFY] = { "verify", false },
	[VERB_HISTORY] = { "history", false },  [VERB_CONFIRM] = { "confirm", true },  [VERB_ROLLBACK] = { "rollback", true },
	[VERB_REANCHOR] = { "trust reanchor", true }, [VERB_EVIDENCE] = { "evidence", false },
	[VERB_RETRY] = { "retry", true },       [VERB_SUSPEND] = { "suspend", true },  [VERB_RESUME] = { "resume", true },
};

const char *control_verb_name(enum control_verb v)
{
	return v > VERB_NONE && v < VERB_COUNT ? verbs[v].name : "";
}

bool control_verb_operates(enum control_verb v)
{
	return v > VERB_NONE && v < VERB_COUNT && verbs[v].operates;
}

static const char *parse_args(const json_t *o, struct control_args *args)
{
	const json_t *seconds = json_object_get(o, "for"), *commit = json_object_get(o, "commit");

	*args = (struct control_args)CONTROL_ARGS_NONE;
	if (seconds != NULL && (!json_is_integer(seconds) || json_integer_value(seconds) < 0))
		return "for takes a number of seconds";
	if (seconds != NULL)
		args->seconds = json_integer_value(seconds);
	if (commit == NULL)
		return NULL;
	const char *text = json_string_value(commit);
	if (text != NULL && json_string_length(commit) < COMMIT_TEXT_MAX)
		memcpy(args->commit, text, json_string_length(commit));
	return commit_pick_ok(args->commit) ? NULL : "a commit is 7 to 64 hexadecimal digits, in lower case";
}

enum control_verb control_parse(const char *line, size_t len, struct control_args *args, const char **why)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *verb = json_string_value(json_object_get(o, "verb"));
	enum control_verb found = VERB_NONE;

	for (size_t i = VERB_STATUS; verb != NULL && i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, verb) == 0)
			found = (enum control_verb)i;
	if (found == VERB_NONE)
		*why = verb == NULL ? "a request is one JSON object with a verb" : "yettd does not know that verb; is it older than yettctl?";
	const char *wrong = found != VERB_NONE ? parse_args(o, args) : NULL;
	if (wrong != NULL) {
		*why = wrong;
		found = VERB_NONE;
	}
	json_decref(o);
	return found;
}

static void refuse(struct control_client *k, const char *why, int64_t now_ms)
{
	char line[256];

	snprintf(line, sizeof(line), "{\"ok\":false,\"text\":\"%s\"}", why); /* why is one of ours */
	control_answer(k, line, now_ms);
}

static void read_request(struct control_client *k, int64_t now_ms)
{
	char block[1024];
	const char *why = "";
	ssize_t n = read(k->fd, block, sizeof(block));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(k);
		return;
	}
	buf_add(&k->in, block, (size_t)n);
	const char *end = memchr(k->in.p, '\n', k->in.len);
	if (end == NULL && k->in.len < CONTROL_REQUEST_MAX)
		return;
	if (end == NULL || end - k->in.p > CONTROL_REQUEST_MAX) {
		refuse(k, "the request is too long", now_ms);
		return;
	}
	k->verb = control_parse(k->in.p, (size_t)(end - k->in.p), &k->args, &why);
	k->deadline_ms = 0;
	if (k->verb == VERB_NONE)
		refuse(k, why, now_ms);
}

static void write_answer(struct control_client *k)
{
	ssize_t n = send(k->fd, k->out.p + k->sent, k->out.len - k->sent, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		k->sent += (size_t)n;
	if (n <= 0 || k->sent == k->out.len)
		drop(k);
}

void control_answer(struct control_client *k, const char *json, int64_t now_ms)
{
	k->verb = VERB_NONE;
	k->deadline_ms = now_ms + WAIT_MS;
	buf_adds(&k->out, json);
	buf_addc(&k->out, '\n');
}

static void work_client(struct control_client *k, short revents, int64_t now_ms)
{
	if (k->deadline_ms != 0 && now_ms >= k->deadline_ms)
		drop(k);
	else if (revents & POLLOUT)
		write_answer(k);
	else if (revents & POLLIN)
		read_request(k, now_ms);
	else if (revents & (POLLHUP | POLLERR | POLLNVAL))
		drop(k);
}

void control_work(struct control *c, const struct pollfd *p, int64_t now_ms)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (c->client[i].fd >= 0 && c->client[i].fd == p[1 + i].fd)
			work_client(&c->client[i], p[1 + i].revents, now_ms);
	if (c->fd >= 0 && p[0].fd == c->fd && p[0].revents & POLLIN)
		take_connection(c, now_ms);
}

int64_t control_deadline(const struct control *c)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (c->client[i].fd >= 0 && c->client[i].deadline_ms != 0 && c->client[i].deadline_ms < first)
			first = c->client[i].deadline_ms;
	return first;
}
