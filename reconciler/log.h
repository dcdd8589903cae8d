/* SPDX-License-Identifier: Apache-2.0 */
/* log - plain lines on standard error, each a single write: "yettd: applied 1f2e3d4 in 12.3 ms: +1 peer". */
#pragma once

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Each line of text as one line of the log, indented. */
void log_text(const char *text);
