/* SPDX-License-Identifier: Apache-2.0 */
#include "state/hwm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "state/durable.h"

#define FIRST_LINE "yett-hwm-v1"
#define MARK_WORD "yett"

static const char *const copies[] = { "a", "b" };

void hwm_encode(const struct hwm *h, struct buf *out)
{
	size_t start = out->len;
	char hex[DIGEST_HEX_MAX];

	buf_addf(out, FIRST_LINE "\nserial: %" PRIu64 "\ncommit: %s\nrepo: %s\nversion: %u\nseen: %" PRId64 "\n", h->serial,
		 h->commit, h->repo, h->version, h->seen);
	struct digest d = digest_fast(out->p + start, out->len - start);
	buf_addf(out, "sum: %s\n", digest_hex(&d, DIGEST_BYTES, hex));
}

/* The rest of a line that begins with name; p moves past it. */
static bool take_line(const char **p, const char *end, const char *name, char *value, size_t size)
{
	size_t n = strlen(name);
	const char *lf = memchr(*p, '\n', (size_t)(end - *p));

	if (lf == NULL || (size_t)(lf - *p) < n || memcmp(*p, name, n) != 0 || (size_t)(lf - *p) - n >= size)
		return false;
	memcpy(value, *p + n, (size_t)(lf - *p) - n);
	value[(size_t)(lf - *p) - n] = '\0';
	*p = lf + 1;
	return true;
}

/* Digits as they are printed, no more than fit. */
static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
	*out = 0;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || *out > (max - (uint64_t)(*p - '0')) / 10)
			return false;
		*out = 10 * *out + (uint64_t)(*p - '0');
	}
	return *text != '\0' && (text[0] != '0' || text[1] == '\0');
}

static bool take_number(const char **p, const char *end, const char *name, uint64_t max, uint64_t *out)
{
	char text[32];

	return take_line(p, end, name, text, sizeof(text)) && parse_number(text, max, out);
}

static bool hex_ok(const char *text, size_t n)
{
	return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

int hwm_decode(struct hwm *h, const void *data, size_t len)
{
	const char *p = data, *end = p + len, *body = p;
	char sum[DIGEST_HEX_MAX], want[DIGEST_HEX_MAX], first[2];
	uint64_t version = 0, seen = 0;

	memset(h, 0, sizeof(*h));
	bool ok = len <= HWM_BYTES_MAX && take_line(&p, end, FIRST_LINE, first, sizeof(first)) && first[0] == '\0' &&
		  take_number(&p, end, "serial: ", UINT64_MAX, &h->serial) && h->serial > 0 &&
		  take_line(&p, end, "commit: ", h->commit, sizeof(h->commit)) && commit_text_ok(h->commit) && h->commit[0] &&
		  take_line(&p, end, "repo: ", h->repo, sizeof(h->repo)) && hex_ok(h->repo, DIGEST_HEX_MAX - 1) &&
		  take_number(&p, end, "version: ", UINT32_MAX, &version) && take_number(&p, end, "seen: ", INT64_MAX, &seen);
	size_t covered = (size_t)(p - body);
	ok = ok && take_line(&p, end, "sum: ", sum, sizeof(sum)) && p == end;
	if (ok) {
		struct digest d = digest_fast(body, covered);
		ok = strcmp(sum, digest_hex(&d, DIGEST_BYTES, want)) == 0;
	}
	if (!ok) {
		memset(h, 0, sizeof(*h));
		return -EBADMSG;
	}
	h->version = (uint32_t)version;
	h->seen = (int64_t)seen;
	return 0;
}

void hwm_mark(const struct hwm *h, char out[static MARK_TEXT_MAX])
{
	out[0] = '\0';
	if (h->serial > 0)
		snprintf(out, MARK_TEXT_MAX, MARK_WORD " %" PRIu64 " %s %.*s", h->serial, h->commit, HWM_REPO_MARK, h->repo);
}

bool hwm_mark_parse(struct hwm *h, const char *text)
{
	char serial[24], again[MARK_TEXT_MAX];
	struct hwm x = { .serial = 0 };

	memset(h, 0, sizeof(*h));
	if (sscanf(text, MARK_WORD " %23s %64s %64s", serial, x.commit, x.repo) != 3 ||
	    !parse_number(serial, UINT64_MAX, &x.serial) || x.serial == 0 || !commit_text_ok(x.commit) ||
	    !hex_ok(x.repo, HWM_REPO_MARK))
		return false;
	hwm_mark(&x, again);
	if (strcmp(text, again) != 0)
		return false;
	*h = x;
	return true;
}

enum hwm_found hwm_load(int statedir, struct hwm *h)
{
	int dirfd = durable_dir(statedir, HWM_DIR);
	unsigned int good = 0, bad = 0;

	memset(h, 0, sizeof(*h));
	for (size_t i = 0; dirfd >= 0 && i < ARRAY_SIZE(copies); i++) {
		struct buf b BUF_CLEANUP = BUF_INIT;
		struct hwm one;
		int ret = durable_read(dirfd, copies[i], HWM_BYTES_MAX, &b);
		if (ret == 0)
			ret = hwm_decode(&one, buf_str(&b), b.len);
		good += ret == 0;
		bad += ret < 0 && ret != -ENOENT;
		if (ret == 0 && one.serial > h->serial)
			*h = one;
	}
	if (dirfd >= 0)
		close(dirfd);
	return good == 2 ? HWM_BOTH : good == 1 ? HWM_ONE : bad > 0 ? HWM_DAMAGED : HWM_NONE;
}

int hwm_save(int statedir, const struct hwm *h)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	int dirfd = durable_dir(statedir, HWM_DIR), ret = dirfd < 0 ? dirfd : 0;

	hwm_encode(h, &b);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(copies); i++)
		ret = durable_write(dirfd, copies[i], b.p, b.len);
	if (dirfd >= 0)
		close(dirfd);
	return ret;
}

bool hwm_adopt(struct hwm *h, const struct hwm *kernel)
{
	bool same = strncmp(h->repo, kernel->repo, HWM_REPO_MARK) == 0;

	if (kernel->serial == 0 || (h->serial > 0 && (!same || kernel->serial <= h->serial)))
		return false;
	char repo[DIGEST_HEX_MAX] = ""; /* of a file, it is whole */
	if (h->serial > 0)
		memcpy(repo, h->repo, sizeof(repo));
	int64_t seen = h->seen;
	*h = *kernel;
	if (*repo)
		memcpy(h->repo, repo, sizeof(repo));
	h->seen = seen;
	return true;
}
