/* SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *fmt, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char text[512];
	va_list ap;

	if (path == NULL || (*path != '/' && *path != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	size_t len = strlen(path);
	memcpy(to.sun_path, path, len);
	if (*path == '@') /* the abstract name space */
		to.sun_path[0] = '\0';
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	int fd = n > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return;
	size_t bytes = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	/* The service manager's absence is no reason to stop. */
	(void)!sendto(fd, text, bytes, MSG_NOSIGNAL, (const struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

static bool number_of(const char *name, unsigned long long *out)
{
	const char *text = getenv(name);
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

int64_t notify_watchdog_ms(void)
{
	unsigned long long us, pid;

	if (!number_of("WATCHDOG_USEC", &us) || us < 3000 || us > INT64_MAX / 2)
		return 0;
	if (getenv("WATCHDOG_PID") != NULL && (!number_of("WATCHDOG_PID", &pid) || pid != (unsigned long long)getpid()))
		return 0;
	return (int64_t)(us / 3000);
}
