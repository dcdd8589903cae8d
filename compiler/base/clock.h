/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - UTC seconds and their text. Never looks at TZ or the locale.
 * INT64_MIN stands for "since ever", INT64_MAX for "for ever".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_MAX 32
#define CLOCK_EVER INT64_MIN
#define CLOCK_NEVER INT64_MAX

/* RFC 3339: 2026-12-31, 2026-12-31T18:00:00Z, ...+01:00. Years 1970..9999. */
bool clock_parse(const char *s, size_t n, int64_t *utc);
char *clock_format(int64_t utc, char out[static CLOCK_TEXT_MAX]); /* 2026-12-31T18:00:00Z */
int64_t clock_now(void);                                           /* CLOCK_REALTIME, seconds */
/* Second of the week of a UTC time: 0 is Monday 00:00:00; 0..604799. */
uint32_t clock_week_second(int64_t utc);
