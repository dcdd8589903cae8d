/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar types that are numbers: bool, integers, and what has a unit. */
#include <string.h>

#include "base/bug.h"
#include "types.h"

#define DIGITS "0123456789"
#define DURATION_MAX (36500 * INT64_C(86400)) /* a hundred years */
#define SIZE_MAX_64 (INT64_C(1) << 60)

enum number_error { NUMBER_OK, NUMBER_SYNTAX, NUMBER_BIG };

/* A decimal number without sign or leading zeros, all of text; at most max. */
static enum number_error parse_number(const char *text, size_t len, int64_t max, int64_t *out)
{
	int64_t v = 0;
	if (len == 0 || type_span(text, len, DIGITS) < len || (len > 1 && text[0] == '0'))
		return NUMBER_SYNTAX;
	for (size_t i = 0; i < len; i++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, text[i] - '0', &v))
			return NUMBER_BIG;
	*out = v;
	return v > max ? NUMBER_BIG : NUMBER_OK;
}

static int parse_bool(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		      const char **hint)
{
	(void)code;
	bool yes = strcmp(text, "true") == 0;
	if (!yes && strcmp(text, "false") != 0) {
		*why = arena_printf(a, "%s is neither true nor false", type_quote(a, text, len));
		*hint = "only true and false are; not yes, no, on, off, 1 or 0";
		return -1;
	}
	*(bool *)out = yes;
	return 0;
}

static const char *print_bool(struct arena *a, const void *value)
{
	(void)a;
	return *(const bool *)value ? "true" : "false";
}

#define BOOL_SCHEMA "{\"enum\": [true, false, \"true\", \"false\"]}"

const struct type type_bool = { "bool", sizeof(bool), parse_bool, print_bool, BOOL_SCHEMA, "true, false" };

static int parse_switch(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
			const char **hint)
{
	bool yes;
	if (parse_bool(a, text, len, &yes, code, why, hint) < 0)
		return -1;
	*(int *)out = yes ? YES : NO;
	return 0;
}

static const char *print_switch(struct arena *a, const void *value)
{
	(void)a;
	int v = *(const int *)value;
	return v == UNSET ? "" : v == YES ? "true" : "false";
}

const struct type type_switch = { "switch", sizeof(int), parse_switch, print_switch, BOOL_SCHEMA, "true, false" };

static int parse_int(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		     const char **hint)
{
	int64_t v = 0;
	bool negative = text[0] == '-';
	enum number_error e = parse_number(text + negative, len - negative, INT64_MAX, &v);
	if (e == NUMBER_OK) {
		*(int64_t *)out = negative ? -v : v;
		return 0;
	}
	*why = arena_printf(a, "%s is %s", type_quote(a, text, len),
			    e == NUMBER_BIG ? "too big a number" : "not a whole number");
	if (e == NUMBER_BIG)
		*code = "E_RANGE";
	else
		*hint = "digits alone, without leading zeros: 1420";
	return -1;
}

static const char *print_int(struct arena *a, const void *value)
{
	return arena_printf(a, "%lld", (long long)*(const int64_t *)value);
}

const struct type type_int = {
	"integer", sizeof(int64_t), parse_int, print_int,
	"{\"type\": [\"integer\", \"string\"], \"pattern\": \"^-?(0|[1-9][0-9]*)$\"}", "0, 25, 1420",
};

static int parse_all_or_int(struct arena *a, const char *text, size_t len, void *out, const char **code,
			    const char **why, const char **hint)
{
	int64_t v;
	if (strcmp(text, "all") == 0) {
		*(int64_t *)out = 0;
		return 0;
	}
	enum number_error e = parse_number(text, len, INT64_MAX, &v);
	if (e == NUMBER_OK && v > 0) {
		*(int64_t *)out = v;
		return 0;
	}
	if (e != NUMBER_SYNTAX)
		*code = "E_RANGE";
	*why = arena_printf(a, "%s is neither all nor a whole number from 1", type_quote(a, text, len));
	*hint = "all, or how many: 2";
	return -1;
}

static const char *print_all_or_int(struct arena *a, const void *value)
{
	return *(const int64_t *)value ? print_int(a, value) : "all";
}

const struct type type_all_or_int = {
	"all-or-int", sizeof(int64_t), parse_all_or_int, print_all_or_int,
	"{\"type\": [\"integer\", \"string\"], \"minimum\": 1, \"pattern\": \"^(all|[1-9][0-9]*)$\"}", "all, 1, 2",
};

struct unit {
	const char *suffix;
	int64_t factor;
};

/* Biggest first, as printing wants it. */
static const struct unit duration_units[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } };
static const struct unit byte_units[] = {
	{ "TiB", INT64_C(1) << 40 }, { "TB", INT64_C(1000000000000) }, { "GiB", 1 << 30 }, { "GB", 1000000000 },
	{ "MiB", 1 << 20 }, { "MB", 1000000 }, { "KiB", 1 << 10 }, { "kB", 1000 }, { "B", 1 },
};
static const struct unit rate_units[] = { { "gbit", 1000000000 }, { "mbit", 1000000 }, { "kbit", 1000 }, { "bit", 1 } };

static enum number_error parse_units(const char *text, size_t len, const struct unit *unit, size_t n, int64_t max,
				     int64_t *out)
{
	size_t digits = type_span(text, len, DIGITS);
	for (size_t i = 0; i < n; i++) {
		int64_t v;
		if (strcmp(text + digits, unit[i].suffix) != 0)
			continue;
		enum number_error e = parse_number(text, digits, max / unit[i].factor, &v);
		if (e == NUMBER_OK)
			*out = v * unit[i].factor;
		return e;
	}
	return NUMBER_SYNTAX;
}

static const char *print_units(struct arena *a, int64_t v, const struct unit *unit, size_t n)
{
	size_t i = 0;
	while (i + 1 < n && (v == 0 || v % unit[i].factor != 0))
		i++;
	return arena_printf(a, "%lld%s", (long long)(v / unit[i].factor), unit[i].suffix);
}

/* The message for a number with a unit; `what` as in "a duration". */
static int refuse_units(struct arena *a, enum number_error e, const char *text, size_t len, const char *what,
			const char *limit, const char **code, const char **why)
{
	const char *quoted = type_quote(a, text, len);
	if (e == NUMBER_BIG) {
		*code = "E_RANGE";
		*why = arena_printf(a, "%s is more than %s", quoted, limit);
	} else if (len > 0 && type_span(text, len, DIGITS) == len) {
		*why = arena_printf(a, "%s is not %s: its unit is missing", quoted, what);
	} else {
		*why = arena_printf(a, "%s is not %s", quoted, what);
	}
	return -1;
}

static int parse_duration(struct arena *a, const char *text, size_t len, void *out, const char **code,
			  const char **why, const char **hint)
{
	enum number_error e = parse_units(text, len, duration_units, ARRAY_SIZE(duration_units), DURATION_MAX, out);
	if (e == NUMBER_OK)
		return 0;
	*hint = "a whole number and s, m, h or d: 25s, 10m, 24h, 90d";
	return refuse_units(a, e, text, len, "a duration", "36500d", code, why);
}

static const char *print_duration(struct arena *a, const void *value)
{
	return print_units(a, *(const int64_t *)value, duration_units, ARRAY_SIZE(duration_units));
}

const struct type type_duration = {
	"duration", sizeof(int64_t), parse_duration, print_duration,
	"{\"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]{0,9})[smhd]$\"}", "25s, 10m, 24h, 90d",
};

static int parse_bytes(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		       const char **hint)
{
	enum number_error e = parse_units(text, len, byte_units, ARRAY_SIZE(byte_units), SIZE_MAX_64, out);
	if (e == NUMBER_OK)
		return 0;
	*hint = "a whole number and B, kB, KiB, MB, MiB, GB, GiB, TB or TiB: 100GiB";
	return refuse_units(a, e, text, len, "a number of bytes", "1048576TiB", code, why);
}

static const char *print_bytes(struct arena *a, const void *value)
{
	return print_units(a, *(const int64_t *)value, byte_units, ARRAY_SIZE(byte_units));
}

const struct type type_bytes = {
	"bytes", sizeof(int64_t), parse_bytes, print_bytes,
	"{\"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]{0,18})([KMGT]iB|[kMGT]?B)$\"}", "100GiB, 5MB",
};

static int parse_rate(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
		      const char **hint)
{
	enum number_error e = parse_units(text, len, rate_units, ARRAY_SIZE(rate_units), SIZE_MAX_64, out);
	if (e == NUMBER_OK)
		return 0;
	*hint = "a whole number and bit, kbit, mbit or gbit, each second: 50mbit";
	return refuse_units(a, e, text, len, "a rate", "1152921504gbit", code, why);
}

static const char *print_rate(struct arena *a, const void *value)
{
	return print_units(a, *(const int64_t *)value, rate_units, ARRAY_SIZE(rate_units));
}

const struct type type_rate = {
	"rate", sizeof(int64_t), parse_rate, print_rate,
	"{\"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]{0,18})[kmg]?bit$\"}", "50mbit, 1gbit, 512kbit",
};

#define DEGREES_DIGITS 9 /* after the point: a tenth of a millimetre */

/* Digits, perhaps a point and digits. Both parts fit a double exactly, so the division rounds once and rightly. */
static int parse_degrees(struct arena *a, const char *text, size_t len, void *out, const char **code, const char **why,
			 const char **hint)
{
	(void)code;
	bool negative = text[0] == '-';
	const char *s = text + negative, *point = strchr(s, '.');
	size_t n = len - negative, whole = point ? (size_t)(point - s) : n, digits = point ? n - whole - 1 : 0;
	int64_t v = 0, power = 1;
	if (whole > 3 || parse_number(s, whole, 999, &v) != NUMBER_OK || (point && digits == 0) ||
	    digits > DEGREES_DIGITS || (point && type_span(point + 1, digits, DIGITS) < digits)) {
		*why = arena_printf(a, "%s is not a number of degrees", type_quote(a, text, len));
		*hint = "degrees with a point: 50.1109, -33.86";
		return -1;
	}
	for (size_t i = 0; i < digits; i++) {
		v = v * 10 + (point[1 + i] - '0');
		power *= 10;
	}
	double value = (double)v / (double)power;
	*(double *)out = negative ? -value : value;
	return 0;
}

static const char *print_degrees(struct arena *a, const void *value)
{
	double d = *(const double *)value;
	if (!(d >= -999 && d <= 999))
		return "";
	int64_t scaled = (int64_t)((d < 0 ? -d : d) * 1e9 + 0.5);
	char *s = arena_printf(a, "%s%lld.%09lld", d < 0 ? "-" : "", (long long)(scaled / 1000000000),
			       (long long)(scaled % 1000000000));
	size_t n = strlen(s);
	while (s[n - 1] == '0')
		n--;
	s[s[n - 1] == '.' ? n - 1 : n] = '\0';
	return s;
}

const struct type type_degrees = {
	"degrees", sizeof(double), parse_degrees, print_degrees,
	"{\"type\": [\"number\", \"string\"], \"pattern\": \"^-?(0|[1-9][0-9]{0,2})([.][0-9]{1,9})?$\"}", "50.1109, -33.86",
};
