/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

#define KEPT_MAX 1000
#define SENTENCE_MAX 2000 /* bytes: a message may quote what somebody wrote, not all of it */

void diags_init(struct diags *d, struct arena *a)
{
	*d = (struct diags){.arena = a};
}

void diags_release(struct diags *d)
{
	free(d->file);
	free(d->v);
	diags_init(d, d->arena);
}

void diags_clear(struct diags *d, size_t nfiles)
{
	d->n = d->errors = d->warnings = d->kept_warnings = 0;
	d->newest_kept = false;
	d->nfiles = nfiles;
}

uint32_t diags_add_file(struct diags *d, const char *path, const char *data, size_t len)
{
	if (d->nfiles == d->cap_files)
		d->file = vec_grow(d->file, &d->cap_files, d->nfiles + 1, sizeof(*d->file));
	d->file[d->nfiles] = (struct diag_file){arena_strdup(d->arena, path), data, len};
	return (uint32_t)d->nfiles++;
}

static const char *sentence(struct diags *d, const char *fmt, va_list ap)
{
	char text[SENTENCE_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		BUG("a message that can not be formatted: %s", fmt);
	if ((size_t)n < sizeof(text))
		return arena_strndup(d->arena, text, (size_t)n);
	size_t end = sizeof(text) - 1;
	while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	return arena_printf(d->arena, "%.*s…", (int)end, text);
}

/* A place for one more, or NULL: among those that are kept errors come before warnings. */
static struct diag *slot(struct diags *d, enum diag_severity severity)
{
	size_t max = d->max ? d->max : KEPT_MAX;
	d->newest_kept = d->n < max || (severity == DIAG_ERROR && d->kept_warnings > 0);
	if (!d->newest_kept)
		return NULL;
	if (d->n >= max) {
		size_t i = d->n - 1;
		while (d->v[i].severity != DIAG_WARNING)
			i--;
		memmove(&d->v[i], &d->v[i + 1], (d->n - 1 - i) * sizeof(*d->v));
		d->n--;
		d->kept_warnings--;
	}
	if (d->n == d->cap)
		d->v = vec_grow(d->v, &d->cap, d->n + 1, sizeof(*d->v));
	d->kept_warnings += severity == DIAG_WARNING;
	return &d->v[d->n++];
}

void diag_add(struct diags *d, const char *code, struct loc loc, const char *fmt, ...)
{
	if (code[0] == '\0' || code[1] != '_' || (code[0] != 'E' && code[0] != 'W'))
		BUG("diagnostic code %s", code);
	enum diag_severity severity = code[0] == 'E' ? DIAG_ERROR : DIAG_WARNING;
	*(severity == DIAG_ERROR ? &d->errors : &d->warnings) += 1;
	struct diag *g = slot(d, severity);
	if (!g)
		return;
	va_list ap;
	va_start(ap, fmt);
	const char *message = sentence(d, fmt, ap);
	va_end(ap);
	*g = (struct diag){code, severity, loc, message, NULL};
}

void diag_hint(struct diags *d, const char *fmt, ...)
{
	if (!d->newest_kept)
		return;
	va_list ap;
	va_start(ap, fmt);
	d->v[d->n - 1].hint = sentence(d, fmt, ap);
	va_end(ap);
}

static int cmp_u32(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static const char *path_of(const struct diags *d, struct loc loc)
{
	return loc.file < d->nfiles ? d->file[loc.file].path : "";
}

static int cmp_diag(const void *pa, const void *pb, void *arg)
{
	const struct diags *d = arg;
	const struct diag *a = pa, *b = pb;
	int c = a->loc.file == b->loc.file ? 0 : strcmp(path_of(d, a->loc), path_of(d, b->loc));
	c = c ? c : cmp_u32(a->loc.line, b->loc.line);
	c = c ? c : cmp_u32(a->loc.col, b->loc.col);
	c = c ? c : strcmp(a->code, b->code);
	c = c ? c : strcmp(a->message, b->message);
	return c ? c : strcmp(a->hint ? a->hint : "", b->hint ? b->hint : "");
}

static void forget(struct diags *d, enum diag_severity severity)
{
	*(severity == DIAG_ERROR ? &d->errors : &d->warnings) -= 1;
	d->kept_warnings -= severity == DIAG_WARNING;
}

void diags_sort(struct diags *d)
{
	size_t kept = 0;
	d->newest_kept = false;
	if (d->n > 1)
		qsort_r(d->v, d->n, sizeof(*d->v), cmp_diag, d);
	for (size_t i = 0; i < d->n; i++) {
		if (kept > 0 && cmp_diag(&d->v[kept - 1], &d->v[i], d) == 0)
			forget(d, d->v[i].severity);
		else
			d->v[kept++] = d->v[i];
	}
	d->n = kept;
}

const char *diag_loc_text(const struct diags *d, struct arena *a, struct loc loc)
{
	if (loc.file >= d->nfiles)
		return "-";
	const char *path = d->file[loc.file].path;
	if (loc.line == 0)
		return path;
	return loc.col ? arena_printf(a, "%s:%u:%u", path, loc.line, loc.col)
		       : arena_printf(a, "%s:%u", path, loc.line);
}
