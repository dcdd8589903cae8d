/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A patch is a run of steps, each four parts: u32 bytes of the old to keep, u32 of the old to leave out, u32 to put in (little-endian), and
 * those. What the old has left at the end is left out.
 */
#include "state/patch.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define STEP_BYTES 12
#define ANCHOR 24     /* as many equal bytes are taken for the same place */
#define REACH 4096    /* how far it is looked for */
#define BOTH_MAX 64   /* of the old that go where others come at the same place */
#define TAIL_MAX 4096 /* of either side at the end without any anchor: the old's checksum against the new's */

struct side {
	const char *p;
	size_t left;
};

static void put_u32(struct buf *out, size_t v)
{
	for (int i = 0; i < 4; i++)
		buf_addc(out, (char)(v >> 8 * i & 0xff));
}

static size_t get_u32(const unsigned char *p)
{
	return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

static size_t common(const struct side *a, const struct side *b)
{
	size_t n = a->left < b->left ? a->left : b->left, i = 0;

	while (n - i >= 4096 && memcmp(a->p + i, b->p + i, 4096) == 0)
		i += 4096;
	while (i < n && a->p[i] == b->p[i])
		i++;
	return i;
}

static void skip(struct side *s, size_t n)
{
	s->p += n;
	s->left -= n;
}

/* How far into s the anchor at the start of of is found again; SIZE_MAX: not within reach. */
static size_t find(const struct side *s, const struct side *of)
{
	size_t n = s->left < REACH + ANCHOR ? s->left : REACH + ANCHOR;
	const char *at = of->left >= ANCHOR ? memmem(s->p, n, of->p, ANCHOR) : NULL;

	return at != NULL ? (size_t)(at - s->p) : SIZE_MAX;
}

/* As many bytes changed in place. */
static size_t find_both(const struct side *a, const struct side *b)
{
	size_t n = a->left < b->left ? a->left : b->left;

	for (size_t i = 1; i <= REACH && i + ANCHOR <= n; i++)
		if (memcmp(a->p + i, b->p + i, ANCHOR) == 0)
			return i;
	return SIZE_MAX;
}

/* Something was put in right before something that was changed: neither side goes on with what the other begins with. */
static size_t find_beyond(const struct side *old, const struct side *new, size_t *gone)
{
	for (*gone = 1; *gone <= BOTH_MAX && *gone < old->left; ++*gone) {
		const struct side rest = { old->p + *gone, old->left - *gone };
		size_t come = find(new, &rest);
		if (come != SIZE_MAX)
			return come;
	}
	return SIZE_MAX;
}

/* Where the sides differ: what goes and what comes until they agree again. */
static int resync(const struct side *old, const struct side *new, size_t *gone, size_t *come)
{
	size_t drop = find(old, new), add = find(new, old), change = find_both(old, new), beyond;

	*gone = *come = 0;
	if (change <= drop && change <= add && change != SIZE_MAX)
		*gone = *come = change;
	else if (drop <= add && drop != SIZE_MAX)
		*gone = drop;
	else if (add != SIZE_MAX)
		*come = add;
	else if (old->left <= TAIL_MAX && new->left <= TAIL_MAX) {
		*gone = old->left;
		*come = new->left;
	} else if ((beyond = find_beyond(old, new, gone)) != SIZE_MAX) {
		*come = beyond;
	} else if ((beyond = find_beyond(new, old, come)) != SIZE_MAX) {
		*gone = beyond;
	} else {
		return -EFBIG;
	}
	return 0;
}

int patch_make(const void *old, size_t old_len, const void *new, size_t new_len, struct buf *out)
{
	struct side a = { old, old_len }, b = { new, new_len };
	size_t start = out->len, gone, come;

	while (a.left > 0 || b.left > 0) {
		size_t keep = common(&a, &b);
		skip(&a, keep);
		skip(&b, keep);
		int ret = resync(&a, &b, &gone, &come);
		if (ret < 0 || out->len - start + STEP_BYTES + come > PATCH_MAX || keep > UINT32_MAX)
			return -EFBIG;
		put_u32(out, keep);
		put_u32(out, gone);
		put_u32(out, come);
		buf_add(out, b.p, come);
		skip(&a, gone);
		skip(&b, come);
	}
	return 0;
}

int patch_apply(const void *old, size_t old_len, const void *patch, size_t patch_len, size_t max, struct buf *out)
{
	struct side a = { old, old_len }, p = { patch, patch_len };
	size_t room = max;

	while (p.left > 0) {
		if (p.left < STEP_BYTES)
			return -EBADMSG;
		const unsigned char *step = (const unsigned char *)p.p;
		size_t keep = get_u32(step), gone = get_u32(step + 4), come = get_u32(step + 8);
		skip(&p, STEP_BYTES);
		if (keep > a.left || gone > a.left - keep || come > p.left || keep > room || come > room - keep)
			return -EBADMSG;
		buf_add(out, a.p, keep);
		buf_add(out, p.p, come);
		room -= keep + come;
		skip(&a, keep + gone);
		skip(&p, come);
	}
	return 0;
}
