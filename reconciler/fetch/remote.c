/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

static const struct scheme {
	const char *text;
	enum remote_kind kind;
	uint16_t port;
} schemes[] = {
	{ "https://", REMOTE_HTTPS, 443 },
	{ "ssh://", REMOTE_SSH, 22 },
	{ "file://", REMOTE_LOCAL, 0 },
};

static bool take_host(struct remote *r, const char *text, size_t len)
{
	if (len == 0 || len >= sizeof(r->host) || memchr(text, '/', len) != NULL)
		return false;
	memcpy(r->host, text, len);
	r->host[len] = '\0';
	return true;
}

static bool take_port(struct remote *r, const char *text, const char *end)
{
	char *stop;
	unsigned long port = strtoul(text, &stop, 10);

	if (text == end || stop != end || *text < '0' || *text > '9' || port == 0 || port > 65535)
		return false;
	r->port = (uint16_t)port;
	return true;
}

/* [user[:password]@]host[:port] up to end; an IPv6 address stands in brackets. */
static bool take_authority(struct remote *r, const char *p, const char *end)
{
	const char *at = memrchr(p, '@', (size_t)(end - p));

	if (at != NULL)
		p = at + 1;
	const char *close = *p == '[' ? memchr(p, ']', (size_t)(end - p)) : NULL;
	if (*p == '[' && close == NULL)
		return false;
	const char *colon = memchr(close ? close : p, ':', (size_t)(end - (close ? close : p)));
	const char *stop = colon != NULL ? colon : end;
	if (close != NULL && (close + 1 != stop || !take_host(r, p + 1, (size_t)(close - p - 1))))
		return false;
	if (close == NULL && !take_host(r, p, (size_t)(stop - p)))
		return false;
	return colon == NULL || take_port(r, colon + 1, end);
}

/* user@host:path, as ssh and git write it. */
static bool take_short(struct remote *r, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *at = colon != NULL ? memrchr(text, '@', (size_t)(colon - text)) : NULL;
	const char *host = at != NULL ? at + 1 : text;

	r->kind = REMOTE_SSH;
	r->port = 22;
	return colon != NULL && strncmp(colon, "://", 3) != 0 && take_host(r, host, (size_t)(colon - host));
}

bool remote_parse(const char *repository, struct remote *r)
{
	*r = (struct remote){ .kind = REMOTE_LOCAL, .path = "" };
	if (*repository == '/') {
		r->path = repository;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i].text);
		if (strncmp(repository, schemes[i].text, n) != 0)
			continue;
		r->kind = schemes[i].kind;
		r->port = schemes[i].port;
		if (r->kind == REMOTE_LOCAL) {
			r->path = repository + n;
			return *r->path == '/';
		}
		return take_authority(r, repository + n, repository + n + strcspn(repository + n, "/"));
	}
	return take_short(r, repository);
}
