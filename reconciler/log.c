/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

#define FORMAT_VARIABLE "YETTD_LOG"

static struct {
	enum log_format format;
	bool journal;
	const char *role;
} how = { .role = "supervisor" };

/* "8:1234": the device and inode of the journal's socket; that it is set does not say that standard error still goes there. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char have[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(have, sizeof(have), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	return strcmp(have, stream) == 0;
}

void log_setup(enum log_format format, const char *role)
{
	how.format = format;
	how.journal = is_journal();
	how.role = role;
	if (format == LOG_JSON)
		setenv(FORMAT_VARIABLE, "json", 1);
	else
		unsetenv(FORMAT_VARIABLE);
}

void log_inherit(const char *role)
{
	const char *format = getenv(FORMAT_VARIABLE);

	how.format = format != NULL && strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT;
	how.journal = is_journal();
	how.role = role;
}

struct line {
	char *out;
	size_t n;
};

static void put(struct line *l, const char *text, size_t len)
{
	if (len > LOG_LINE_MAX - 256 - l->n) /* room for what comes after a message */
		len = LOG_LINE_MAX - 256 - l->n;
	memcpy(l->out + l->n, text, len);
	l->n += len;
}

/* Control characters and broken UTF-8 never reach a terminal or a collector. */
static void put_text(struct line *l, const char *text, size_t len, bool json)
{
	for (size_t i = 0, step; i < len; i += step) {
		uint32_t cp = 0;
		step = utf8_next(text + i, len - i, &cp);
		if (step == 0) {
			step = 1;
			put(l, "?", 1);
		} else if (json && cp == '\t') {
			put(l, "\\t", 2);
		} else if ((cp < 0x20 && cp != '\t') || (cp >= 0x7f && cp < 0xa0)) {
			put(l, "?", 1);
		} else {
			if (json && (cp == '"' || cp == '\\'))
				put(l, "\\", 1);
			put(l, text + i, step);
		}
	}
}

static void put_json(struct line *l, enum log_level level, const char *role, const char *message, size_t len)
{
	static const char *const names[] = { [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info" };
	char text[128], time[CLOCK_TEXT_MAX];

	put(l, text, (size_t)snprintf(text, sizeof(text), "{\"level\":\"%s\",\"message\":\"", names[level]));
	put_text(l, message, len, true);
	int n = snprintf(text, sizeof(text), "\",\"pid\":%ld,\"role\":\"%s\",\"time\":\"%s\"}", (long)getpid(), role,
			 clock_format(clock_now(), time));
	memcpy(l->out + l->n, text, (size_t)n);
	l->n += (size_t)n;
}

size_t log_format_line(enum log_format format, enum log_level level, const char *role, const char *message, size_t len,
		       char out[static LOG_LINE_MAX])
{
	struct line l = { .out = out };

	switch (format) {
	case LOG_TEXT:
		put(&l, "yettd: ", 7);
		put_text(&l, message, len, false);
		break;
	case LOG_JSON:
		put_json(&l, level, role, message, len);
		break;
	}
	out[l.n++] = '\n';
	return l.n;
}

static void say(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const priority[] = { [LOG_ERROR] = "<3>", [LOG_WARNING] = "<4>", [LOG_INFO] = "<6>" };
	char message[LOG_MESSAGE_MAX], line[LOG_LINE_MAX + 3];
	int n = vsnprintf(message, sizeof(message), fmt, ap);
	size_t head = how.format == LOG_TEXT && how.journal ? 3 : 0;

	if (n < 0)
		return;
	memcpy(line, priority[level], 3);
	size_t len = log_format_line(how.format, level, how.role, message, (size_t)n < sizeof(message) ? (size_t)n : sizeof(message) - 1,
				     line + head);
	ssize_t w = write(STDERR_FILENO, line, head + len);
	(void)w; /* nowhere to say that there is nowhere to say it */
}

void log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_INFO, fmt, ap);
	va_end(ap);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(level, fmt, ap);
	va_end(ap);
}

void log_text(const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		log_line("  %.*s", (int)(end - text), text);
		text = *end ? end + 1 : end;
	}
}
