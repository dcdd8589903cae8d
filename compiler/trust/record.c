/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/record.h"

#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "trust/lines.h"
#include "yaml/filter.h"

#define TITLE "yett-release-v1"

static const struct {
	const char *word;
	unsigned int bit;
} flag_rows[] = { /* sorted, as they are written */
	{ "checkpoint", RECORD_CHECKPOINT },
	{ "mass-change", RECORD_MASS_CHANGE },
	{ "rewind", RECORD_REWIND },
};

static bool is_dash(const char *text)
{
	return strcmp(text, "-") == 0;
}

static bool read_commit(void *to, const char *text, size_t n)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL)
		return false;
	size_t word = (size_t)(colon - text), digits = n - word - 1;
	bool known = (strncmp(text, "sha1:", 5) == 0 && digits == 40) || (strncmp(text, "sha256:", 7) == 0 && digits == 64);
	if (!known || strspn(colon + 1, "0123456789abcdef") != digits)
		return false;
	memcpy(to, colon + 1, digits + 1);
	return true;
}

static void write_commit(const void *from, struct buf *out)
{
	buf_addf(out, "%s:%s", strlen(from) == 64 ? "sha256" : "sha1", (const char *)from);
}

/* A root and, beside it, whether there is one. */
static bool read_root(struct digest *to, bool *has, const char *text, size_t n)
{
	*has = !is_dash(text);
	return !*has || lines_read_digest(to, text, n);
}

static void write_root(const struct digest *d, bool has, struct buf *out)
{
	if (has)
		lines_write_digest(d, out);
	else
		buf_addc(out, '-');
}

static bool read_plans(void *to, const char *text, size_t n)
{
	struct record *r = to;

	return read_root(&r->plans, &r->has_plans, text, n);
}

static void write_plans(const void *from, struct buf *out)
{
	const struct record *r = from;

	write_root(&r->plans, r->has_plans, out);
}

static bool read_profiles(void *to, const char *text, size_t n)
{
	struct record *r = to;

	return read_root(&r->profiles, &r->has_profiles, text, n);
}

static void write_profiles(const void *from, struct buf *out)
{
	const struct record *r = from;

	write_root(&r->profiles, r->has_profiles, out);
}

static bool read_flags(void *to, const char *text, size_t n)
{
	unsigned int flags = 0;

	for (const char *p = text, *end = text + n; !is_dash(text);) {
		size_t k = strcspn(p, ","), i = 0;
		while (i < ARRAY_SIZE(flag_rows) && (strlen(flag_rows[i].word) != k || memcmp(flag_rows[i].word, p, k) != 0))
			i++;
		if (i == ARRAY_SIZE(flag_rows))
			return false;
		flags |= flag_rows[i].bit;
		if (p + k == end)
			break;
		p += k + 1;
	}
	*(unsigned int *)to = flags;
	return true;
}

char *record_flags_text(unsigned int flags, char out[static RECORD_FLAGS_TEXT_MAX])
{
	size_t n = 0;

	snprintf(out, RECORD_FLAGS_TEXT_MAX, "-");
	for (size_t i = 0; i < ARRAY_SIZE(flag_rows); i++)
		if (flags & flag_rows[i].bit)
			n += (size_t)snprintf(out + n, RECORD_FLAGS_TEXT_MAX - n, "%s%s", n > 0 ? "," : "", flag_rows[i].word);
	return out;
}

static void write_flags(const void *from, struct buf *out)
{
	char text[RECORD_FLAGS_TEXT_MAX];

	buf_adds(out, record_flags_text(*(const unsigned int *)from, text));
}

static bool read_not_before(void *to, const char *text, size_t n)
{
	*(int64_t *)to = CLOCK_EVER;
	return is_dash(text) || lines_read_time(to, text, n);
}

static void write_not_before(const void *from, struct buf *out)
{
	if (*(const int64_t *)from == CLOCK_EVER)
		buf_addc(out, '-');
	else
		lines_write_time(from, out);
}

/* People read it on a terminal before they sign: nothing that hides or turns text. */
static bool note_ok(const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t k = utf8_next(text + i, n - i, &c);
		if (k == 0 || c == '\t' || !filter_allows(c))
			return false;
		i += k;
	}
	return n <= RECORD_NOTE_MAX;
}

static bool read_note(void *to, const char *text, size_t n)
{
	if (!note_ok(text, n))
		return false;
	snprintf(to, RECORD_NOTE_MAX + 1, "%s", is_dash(text) ? "" : text);
	return true;
}

static void write_note(const void *from, struct buf *out)
{
	const char *text = from;

	buf_adds(out, *text != '\0' ? text : "-");
}

static const struct line_row rows[] = {
	{ "repo", offsetof(struct record, repo), lines_read_repo, lines_write_repo },
	{ "serial", offsetof(struct record, serial), lines_read_u64, lines_write_u64 },
	{ "prev", offsetof(struct record, prev), lines_read_digest, lines_write_digest },
	{ "commit", offsetof(struct record, commit), read_commit, write_commit },
	{ "content", offsetof(struct record, content), lines_read_digest, lines_write_digest },
	{ "plans", 0, read_plans, write_plans },
	{ "profiles", 0, read_profiles, write_profiles },
	{ "trust", offsetof(struct record, trust), lines_read_u32, lines_write_u32 },
	{ "format", offsetof(struct record, format), lines_read_u32, lines_write_u32 },
	{ "flags", offsetof(struct record, flags), read_flags, write_flags },
	{ "not-before", offsetof(struct record, not_before), read_not_before, write_not_before },
	{ "made", offsetof(struct record, made), lines_read_time, lines_write_time },
	{ "note", offsetof(struct record, note), read_note, write_note },
	{ 0 },
};

int record_parse(struct record *r, const char *text, size_t len, char *err, size_t err_size)
{
	static const struct digest zero;

	memset(r, 0, sizeof(*r));
	int ret = lines_parse(TITLE, rows, text, len, RECORD_MAX, r, err, err_size);
	if (ret == 0 && (r->serial == 1) != (memcmp(&r->prev, &zero, sizeof(zero)) == 0)) {
		snprintf(err, err_size, "line 4: prev is zeros for serial 1 and for no other");
		ret = -1;
	}
	if (ret < 0)
		memset(r, 0, sizeof(*r));
	return ret;
}

void record_write(const struct record *r, struct buf *out)
{
	lines_write(TITLE, rows, r, out);
}

struct digest record_digest(const char *text, size_t len)
{
	return digest_of(text, len);
}
