/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "source/tree.h"

#define MAGIC "YETTBND1"
#define MAGIC_BYTES (sizeof(MAGIC) - 1)

static void add_number(struct buf *out, uint32_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_addc(out, (char)(v >> 8 * i & 0xff));
}

static void add_bytes(struct buf *out, const char *p, size_t n, size_t length_bytes)
{
	if (n > (length_bytes == 2 ? UINT16_MAX : UINT32_MAX))
		BUG("%zu bytes in a bundle", n);
	add_number(out, (uint32_t)n, length_bytes);
	buf_add(out, p, n);
}

void source_to_bundle(const struct source *s, struct buf *out)
{
	const char *commit = s->commit ? s->commit : "";
	if (s->nfiles > SOURCE_FILES_MAX)
		BUG("%zu files in a bundle", s->nfiles);
	buf_add(out, MAGIC, MAGIC_BYTES);
	add_bytes(out, commit, strlen(commit), 2);
	add_number(out, (uint32_t)s->nfiles, 4);
	for (size_t i = 0; i < s->nfiles; i++) {
		add_bytes(out, s->file[i].path, strlen(s->file[i].path), 4);
		add_bytes(out, s->file[i].data, s->file[i].len, 4);
	}
}

/* What is left of a bundle. Every take_ function says false where it ends too early. */
struct rest {
	const char *p;
	size_t n;
};

static bool take(struct rest *r, size_t n, const char **out)
{
	if (n > r->n)
		return false;
	*out = r->p;
	r->p += n;
	r->n -= n;
	return true;
}

static bool take_number(struct rest *r, size_t bytes, uint32_t *out)
{
	const char *p;
	if (!take(r, bytes, &p))
		return false;
	*out = 0;
	for (size_t i = 0; i < bytes; i++)
		*out |= (uint32_t)(unsigned char)p[i] << 8 * i;
	return true;
}

static bool take_bytes(struct rest *r, size_t length_bytes, size_t max, const char **out, size_t *n)
{
	uint32_t len;
	if (!take_number(r, length_bytes, &len) || len > max)
		return false;
	*n = len;
	return take(r, len, out);
}

static bool take_commit(struct rest *r, struct arena *a, const char **commit)
{
	const char *hex;
	size_t n;
	if (!take_bytes(r, 2, 64, &hex, &n) || (n != 0 && n != 40 && n != 64))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!strchr("0123456789abcdef", hex[i]) || !hex[i])
			return false;
	}
	*commit = n ? arena_strndup(a, hex, n) : NULL;
	return true;
}

static bool take_file(struct rest *r, struct arena *a, struct source_file *f)
{
	const size_t path_max = SOURCE_DEPTH_MAX * (TREE_NAME_MAX + 1);
	const char *path;
	size_t n;
	if (!take_bytes(r, 4, path_max, &path, &n) || n == 0 || memchr(path, '\0', n) ||
	    !take_bytes(r, 4, SOURCE_FILE_MAX, &f->data, &f->len))
		return false;
	f->path = arena_strndup(a, path, n);
	return tree_path_ok(f->path);
}

int source_open_bundle(struct source *s, const void *data, size_t len, struct arena *a, struct diags *d)
{
	struct rest r = {data, len};
	const char *magic;
	uint32_t count;
	*s = (struct source){0};
	if (!take(&r, MAGIC_BYTES, &magic) || memcmp(magic, MAGIC, MAGIC_BYTES) != 0 ||
	    !take_commit(&r, a, &s->commit) || !take_number(&r, 4, &count) || count > SOURCE_FILES_MAX ||
	    count > r.n / 8)
		return -EBADMSG;
	s->file = arena_array(a, count, struct source_file);
	for (uint32_t i = 0; i < count; i++) {
		struct source_file *f = &s->file[i];
		/* Ascending, so that none stands twice and the order is that of a walk. */
		if (!take_file(&r, a, f) || (i > 0 && strcmp(s->file[i - 1].path, f->path) >= 0))
			return -EBADMSG;
		f->diag_file = diags_add_file(d, f->path, f->data, f->len);
		s->bytes += f->len;
		s->nfiles++;
	}
	return r.n == 0 ? 0 : -EBADMSG;
}
