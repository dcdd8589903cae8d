/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar types of time: moments, hours of the day, offsets from UTC. */
#include <string.h>

#include "types.h"

#define DAY_MINUTES 1440u
#define OFFSET_MIN (-12 * 60)
#define OFFSET_MAX (14 * 60)

static int parse_time(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		      const char **hint)
{
	(void)code;
	if (clock_parse(text, len, out))
		return 0;
	*why = arena_printf(a, "%s is not a time", type_quote(a, text, len));
	*hint = "2026-12-31 (00:00 UTC of that day), 2026-12-31T18:00:00Z or 2026-12-31T18:00:00+01:00";
	return -1;
}

static const char *print_time(struct arena *a, const void *value)
{
	int64_t t = *(const int64_t *)value;
	char text[CLOCK_TEXT_MAX];
	return t == CLOCK_EVER || t == CLOCK_NEVER ? "" : arena_strdup(a, clock_format(t, text));
}

const struct type type_time = {
	"time", sizeof(int64_t), parse_time, print_time,
	"{\"type\": \"string\", \"pattern\": "
	"\"^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$\"}",
	"2026-12-31, 2026-12-31T18:00:00Z",
};

/* "HH:MM" with MM below 60; -1 for anything else. */
static int minutes(const char *s)
{
	for (int i = 0; i < 5; i++)
		if (i == 2 ? s[i] != ':' : s[i] < '0' || s[i] > '9')
			return -1;
	int hour = (s[0] - '0') * 10 + s[1] - '0', minute = (s[3] - '0') * 10 + s[4] - '0';
	return minute > 59 ? -1 : hour * 60 + minute;
}

static int parse_hours(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		       const char **hint)
{
	(void)code;
	bool shape = len == 11 && text[5] == '-';
	int from = shape ? minutes(text) : -1, until = shape ? minutes(text + 6) : -1;
	*hint = "HH:MM-HH:MM, the end up to 24:00; 22:00-06:00 wraps midnight";
	if (from < 0 || until < 0 || from >= (int)DAY_MINUTES || until > (int)DAY_MINUTES) {
		*why = arena_printf(a, "%s is not a span of hours", type_quote(a, text, len));
		return -1;
	}
	if (from == until) {
		*why = arena_printf(a, "%s starts and ends at the same minute", type_quote(a, text, len));
		*hint = "leave hours out for the whole day";
		return -1;
	}
	*(struct hours *)out = (struct hours){ (uint32_t)from, (uint32_t)until, true };
	return 0;
}

static const char *print_hours(struct arena *a, const void *value)
{
	const struct hours *h = value;
	return h->set ? arena_printf(a, "%02u:%02u-%02u:%02u", h->from / 60, h->from % 60, h->until / 60, h->until % 60)
		      : "";
}

const struct type type_hours = {
	"hours", sizeof(struct hours), parse_hours, print_hours,
	"{\"type\": \"string\", \"pattern\": "
	"\"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$\"}",
	"08:00-18:00, 22:00-06:00",
};

static int parse_timezone(struct arena *a, const char *text, size_t len, void *out, const char **code,
			  const char **why, const char **hint)
{
	(void)code;
	int offset = strcmp(text, "UTC") == 0 ? 0 : INT32_MAX;
	if (len == 6 && (text[0] == '+' || text[0] == '-') && minutes(text + 1) >= 0)
		offset = text[0] == '-' ? -minutes(text + 1) : minutes(text + 1);
	if (offset < OFFSET_MIN || offset > OFFSET_MAX) {
		*why = arena_printf(a, "%s is not an offset from UTC", type_quote(a, text, len));
		*hint = "UTC, or a fixed offset from -12:00 to +14:00 such as +02:00";
		return -1;
	}
	*(int32_t *)out = offset * 60;
	return 0;
}

static const char *print_timezone(struct arena *a, const void *value)
{
	int offset = *(const int32_t *)value / 60, size = offset < 0 ? -offset : offset;
	return offset == 0 ? "UTC" : arena_printf(a, "%c%02d:%02d", offset < 0 ? '-' : '+', size / 60, size % 60);
}

const struct type type_timezone = {
	"timezone", sizeof(int32_t), parse_timezone, print_timezone,
	"{\"type\": \"string\", \"pattern\": "
	"\"^(UTC|[+](0[0-9]|1[0-3]):[0-5][0-9]|[+]14:00|-(0[0-9]|1[01]):[0-5][0-9]|-12:00)$\"}",
	"UTC, +02:00, -05:30",
};
