/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define DAY 86400
#define WEEK (7 * DAY)
#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* What is left of the text; every take_ function moves on or says false. */
struct cursor {
	const char *s;
	size_t n;
};

static bool take_char(struct cursor *c, char want)
{
	if (c->n == 0 || *c->s != want)
		return false;
	c->s++;
	c->n--;
	return true;
}

static bool take_digits(struct cursor *c, size_t count, int lo, int hi, int *out)
{
	int v = 0;
	if (c->n < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (c->s[i] < '0' || c->s[i] > '9')
			return false;
		v = v * 10 + (c->s[i] - '0');
	}
	c->s += count;
	c->n -= count;
	*out = v;
	return v >= lo && v <= hi;
}

/*
 * Days since 1970-01-01 in the Gregorian calendar: years are taken to start in March, so that the day
 * that may be missing is the last of its year; 400 years are 146097 days.
 */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * m + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t d = z - era * 146097;
	int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	int64_t of_year = d - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = y + era * 400 + (*month <= 2);
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

/* A fraction of a second can not be held; one that is zero loses nothing. */
static bool take_fraction(struct cursor *c)
{
	if (!take_char(c, '.'))
		return true;
	if (!take_char(c, '0'))
		return false;
	while (take_char(c, '0'))
		;
	return true;
}

static bool take_offset(struct cursor *c, int *seconds)
{
	*seconds = 0;
	if (take_char(c, 'Z'))
		return true;
	int sign = take_char(c, '+') ? 1 : take_char(c, '-') ? -1 : 0;
	int h, m;
	if (sign == 0 || !take_digits(c, 2, 0, 23, &h) || !take_char(c, ':') || !take_digits(c, 2, 0, 59, &m))
		return false;
	*seconds = sign * (h * 3600 + m * 60);
	return true;
}

bool clock_parse(const char *s, size_t n, int64_t *utc)
{
	struct cursor c = {s, n};
	int year, month, day;
	if (!take_digits(&c, 4, 1970, 9999, &year) || !take_char(&c, '-') || !take_digits(&c, 2, 1, 12, &month) ||
	    !take_char(&c, '-') || !take_digits(&c, 2, 1, 31, &day) || day > days_in(year, month))
		return false;
	int64_t t = days_of(year, month, day) * DAY;
	if (c.n > 0) {
		int h, m, sec, offset;
		if (!take_char(&c, 'T') || !take_digits(&c, 2, 0, 23, &h) || !take_char(&c, ':') ||
		    !take_digits(&c, 2, 0, 59, &m) || !take_char(&c, ':') || !take_digits(&c, 2, 0, 59, &sec) ||
		    !take_fraction(&c) || !take_offset(&c, &offset) || c.n > 0)
			return false;
		t += h * 3600 + m * 60 + sec - offset;
	}
	if (t < 0 || t > LAST_SECOND)
		return false;
	*utc = t;
	return true;
}

char *clock_format(int64_t utc, char out[static CLOCK_TEXT_MAX])
{
	if (utc == CLOCK_EVER || utc == CLOCK_NEVER) {
		snprintf(out, CLOCK_TEXT_MAX, "%s", utc == CLOCK_EVER ? "ever" : "never");
		return out;
	}
	int64_t days = utc / DAY - (utc % DAY < 0);
	unsigned int second = (unsigned int)((utc % DAY + DAY) % DAY);
	int64_t year;
	int month, day;
	date_of(days, &year, &month, &day);
	snprintf(out, CLOCK_TEXT_MAX, "%04lld-%02u-%02uT%02u:%02u:%02uZ", (long long)year, (unsigned int)month % 100,
		 (unsigned int)day % 100, second / 3600 % 100, second / 60 % 60, second % 60);
	return out;
}

int64_t clock_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec;
}

uint32_t clock_week_second(int64_t utc)
{
	/* 1970-01-01 was a Thursday: three days into its week. */
	int64_t s = (utc % WEEK + 3 * DAY) % WEEK;
	return (uint32_t)(s < 0 ? s + WEEK : s);
}
