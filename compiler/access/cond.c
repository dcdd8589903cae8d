/* SPDX-License-Identifier: Apache-2.0 */
/* cond - policy dates and `when` as dates and a canonical week in UTC. */
#include "access/cond.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/vec.h"

#define DAY 86400u
#define EVERY_DAY 0x7fu

const struct cond cond_always = { .not_before = CLOCK_EVER, .expires = CLOCK_NEVER };

/* ---- building ---- */

static void insert_sorted(struct week_span *v, uint32_t *n, struct week_span s)
{
	uint32_t i = *n;

	for (; i && v[i - 1].from > s.from; i--)
		v[i] = v[i - 1];
	v[i] = s;
	(*n)++;
}

/* A window of a day that starts at `from` (any sign: offsets move it over the week's edges). */
static void add_window(struct week_span *v, uint32_t *n, int64_t from, uint32_t length)
{
	uint32_t start = (uint32_t)((from % WEEK_SECONDS + WEEK_SECONDS) % WEEK_SECONDS);

	if (start + length <= WEEK_SECONDS) {
		insert_sorted(v, n, (struct week_span){ start, start + length });
		return;
	}
	insert_sorted(v, n, (struct week_span){ 0, start + length - WEEK_SECONDS });
	insert_sorted(v, n, (struct week_span){ start, WEEK_SECONDS });
}

static uint32_t merge_spans(struct week_span *v, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (kept && v[i].from <= v[kept - 1].until) {
			if (v[i].until > v[kept - 1].until)
				v[kept - 1].until = v[i].until;
			continue;
		}
		v[kept++] = v[i];
	}
	return kept;
}

void cond_of_policy(const struct policy *p, struct cond *out)
{
	struct week_span span[COND_WEEK_MAX + 1];
	uint32_t n = 0;

	*out = cond_always;
	out->not_before = p->not_before;
	out->expires = p->expires;
	if (!p->when.set)
		return;
	uint32_t days = p->when.days ? p->when.days : EVERY_DAY;
	const struct hours *h = &p->when.hours;
	uint32_t from = h->set ? h->from * 60 : 0, until = h->set ? h->until * 60 : DAY;
	uint32_t length = until > from ? until - from : until + DAY - from;

	for (uint32_t day = 0; day < 7; day++)
		if (days & 1u << day)
			add_window(span, &n, (int64_t)day * DAY + from - p->when.timezone, length);
	n = merge_spans(span, n);
	if (n == 1 && span[0].from == 0 && span[0].until == WEEK_SECONDS)
		return;
	out->nweek = n;
	memcpy(out->week, span, n * sizeof(*span));
}

/* ---- asking ---- */

static bool week_holds(const struct cond *c, uint32_t second)
{
	for (uint32_t i = 0; i < c->nweek; i++)
		if (c->week[i].from <= second && second < c->week[i].until)
			return true;
	return c->nweek == 0;
}

bool cond_holds(const struct cond *c, int64_t t)
{
	return c->not_before <= t && t < c->expires && (!c->nweek || week_holds(c, clock_week_second(t)));
}

bool cond_is_always(const struct cond *c)
{
	return c->not_before == CLOCK_EVER && c->expires == CLOCK_NEVER && !c->nweek;
}

bool cond_is_never(const struct cond *c)
{
	return c->expires <= c->not_before;
}

static int i64_cmp(int64_t x, int64_t y)
{
	return x < y ? -1 : x > y;
}

int cond_cmp(const struct cond *a, const struct cond *b)
{
	int ret = i64_cmp(a->not_before, b->not_before);

	if (!ret)
		ret = i64_cmp(a->expires, b->expires);
	if (!ret)
		ret = i64_cmp(a->nweek, b->nweek);
	for (uint32_t i = 0; !ret && i < a->nweek; i++) {
		ret = i64_cmp(a->week[i].from, b->week[i].from);
		if (!ret)
			ret = i64_cmp(a->week[i].until, b->week[i].until);
	}
	return ret;
}

int64_t cond_next(const struct cond *c, int64_t t)
{
	if (t < c->not_before)
		t = c->not_before;
	if (c->nweek) {
		uint32_t second = clock_week_second(t), wait = WEEK_SECONDS - second + c->week[0].from;
		for (uint32_t i = c->nweek; i-- > 0;) {
			if (c->week[i].until <= second)
				break;
			wait = c->week[i].from > second ? c->week[i].from - second : 0;
		}
		if (__builtin_add_overflow(t, (int64_t)wait, &t))
			return CLOCK_NEVER;
	}
	return t < c->expires ? t : CLOCK_NEVER;
}

/* ---- text ---- */

static const char *const day_name[7] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

/* Stretches of the week with the one that crosses its edge in one piece; may end after the week's last second. */
struct stretch {
	uint32_t from, length;
};

typedef VEC(struct stretch) stretch_vec;

static void join_over_edge(const struct week_span *v, size_t n, stretch_vec *out)
{
	bool joined = n > 1 && v[0].from == 0 && v[n - 1].until == WEEK_SECONDS;

	for (size_t i = joined; i < n; i++)
		vec_push(out, ((struct stretch){ v[i].from, v[i].until - v[i].from }));
	if (joined)
		out->v[out->n - 1].length += v[0].until;
}

static void add_days(struct buf *b, uint32_t days)
{
	const char *comma = "";

	for (uint32_t d = 0; d < 7; d++) {
		if (!(days & 1u << d))
			continue;
		uint32_t last = d;
		while (last < 6 && (days & 1u << (last + 1)))
			last++;
		buf_addf(b, "%s%s", comma, day_name[d]);
		if (last > d)
			buf_addf(b, "%c%s", last > d + 1 ? '-' : ',', day_name[last]);
		comma = ",";
		d = last;
	}
}

static void add_clock(struct buf *b, uint32_t second)
{
	buf_addf(b, "%02u:%02u", second / 3600, second / 60 % 60);
	if (second % 60)
		buf_addf(b, ":%02u", second % 60);
}

/* Days on which the same hours hold are named together; *done marks them. */
static void add_hours(struct buf *b, const stretch_vec *s, size_t i, bool *done)
{
	uint32_t days = 0, from = s->v[i].from % DAY, length = s->v[i].length;

	for (size_t k = i; k < s->n; k++)
		if (s->v[k].from % DAY == from && s->v[k].length == length) {
			days |= 1u << s->v[k].from / DAY;
			done[k] = true;
		}
	if (days != EVERY_DAY) {
		add_days(b, days);
		buf_addc(b, ' ');
	}
	add_clock(b, from);
	buf_addc(b, '-');
	add_clock(b, from + length > DAY ? from + length - DAY : from + length);
}

static void add_moment(struct buf *b, uint32_t second)
{
	buf_addf(b, "%s ", day_name[second / DAY % 7]);
	add_clock(b, second % DAY);
}

static void add_stretch(struct buf *b, const stretch_vec *s, size_t i, bool *done)
{
	struct stretch x = s->v[i];

	done[i] = true;
	if (x.length < DAY) {
		add_hours(b, s, i, done);
	} else if (x.from % DAY == 0 && x.length % DAY == 0) {
		uint32_t first = x.from / DAY, last = (x.from + x.length - 1) / DAY % 7;
		buf_adds(b, day_name[first]);
		if (last != first)
			buf_addf(b, "%c%s", x.length > 2 * DAY ? '-' : ',', day_name[last]);
	} else {
		add_moment(b, x.from);
		buf_adds(b, " to ");
		add_moment(b, x.from + x.length);
	}
}

const char *week_text(const struct week_span *v, size_t n, struct arena *a)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	stretch_vec s = VEC_INIT;

	if (!n)
		return "";
	join_over_edge(v, n, &s);
	bool *done = arena_array(a, s.n, bool);

	for (size_t i = 0; i < s.n; i++) {
		if (done[i])
			continue;
		if (b.len)
			buf_adds(&b, ", ");
		add_stretch(&b, &s, i, done);
	}
	vec_release(&s);
	buf_adds(&b, " UTC");
	return arena_strdup(a, buf_str(&b));
}

const char *dates_text(int64_t from, int64_t until, struct arena *a)
{
	char first[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];

	if (from == CLOCK_EVER && until == CLOCK_NEVER)
		return "";
	if (from == CLOCK_EVER)
		return arena_printf(a, "until %s", clock_format(until, end));
	if (until == CLOCK_NEVER)
		return arena_printf(a, "from %s", clock_format(from, first));
	return arena_printf(a, "from %s until %s", clock_format(from, first), clock_format(until, end));
}

const char *cond_text(const struct cond *c, struct arena *a)
{
	if (cond_is_never(c))
		return "never";
	const char *dates = dates_text(c->not_before, c->expires, a), *week = week_text(c->week, c->nweek, a);

	if (!*dates && !*week)
		return "always";
	return arena_printf(a, "%s%s%s", dates, *dates && *week ? ", " : "", week);
}
