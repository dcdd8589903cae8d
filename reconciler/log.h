/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - lines on standard error, each a single write: "yettd: applied 1f2e3d4 in 12.3 ms: +1 peer", or as one JSON object:
 *
 *	{"level":"info","message":"applied ...","pid":4711,"role":"supervisor","time":"2026-01-02T03:04:05Z"}
 *
 * Where standard error is journald's (systemd.exec(5) JOURNAL_STREAM) text lines begin with their priority, as sd-daemon(3) has it.
 */
#pragma once

#include <stddef.h>

enum log_format { LOG_TEXT, LOG_JSON };
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO };

/* Before the first line; role: a string that stays. Processes that are started later take the format over by the environment. */
void log_setup(enum log_format format, const char *role);
/* In a process that was started so. */
void log_inherit(const char *role);

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* LOG_INFO */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Each line of text as one line of the log, indented. */
void log_text(const char *text);

/* One line as it is written, with its newline, into out; its length. For tests too. */
#define LOG_MESSAGE_MAX 4000 /* more is cut off by the caller */
#define LOG_LINE_MAX 10240
size_t log_format_line(enum log_format format, enum log_level level, const char *role, const char *message, size_t len,
		       char out[static LOG_LINE_MAX]);
