/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

/* Control characters never reach a terminal or the journal. */
static void put_line(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			line[i] = '?';
	line[len] = '\n';
	ssize_t n = write(STDERR_FILENO, line, len + 1);
	(void)n; /* nowhere to say that there is nowhere to say it */
}

void log_line(const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list ap;
	int head = snprintf(line, sizeof(line), "yettd: ");

	va_start(ap, fmt);
	int n = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	va_end(ap);
	size_t room = sizeof(line) - (size_t)head - 2;
	put_line(line, (size_t)head + (n < 0 ? 0 : (size_t)n < room ? (size_t)n : room));
}

void log_text(const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		log_line("  %.*s", (int)(end - text), text);
		text = *end ? end + 1 : end;
	}
}
