/* SPDX-License-Identifier: Apache-2.0 */
#include "source/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tree_begin(struct tree *t, struct source *s, const struct source_limits *lim, struct arena *a, struct diags *d)
{
	*s = (struct source){0};
	*t = (struct tree){.s = s, .arena = a, .d = d};
	t->max_bytes = lim && lim->max_bytes ? lim->max_bytes : SOURCE_BYTES_MAX;
}

void tree_end(struct tree *t)
{
	t->s->nfiles = t->file.n;
	t->s->file = vec_freeze(&t->file, t->arena);
	vec_release(&t->file);
	buf_release(&t->path);
}

size_t tree_enter(struct tree *t, const char *name)
{
	size_t mark = t->path.len;
	if (mark > 0)
		buf_addc(&t->path, '/');
	buf_adds(&t->path, name);
	t->depth++;
	return mark;
}

void tree_leave(struct tree *t, size_t mark)
{
	t->path.len = mark;
	t->path.p[mark] = '\0';
	t->depth--;
}

void tree_report(struct tree *t, const char *code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	const char *path = t->path.len ? t->path.p : ".";
	bool last = t->reports >= TREE_REPORTS_MAX;
	if (last && code[0] == 'W')
		return;
	t->reports++;
	t->full |= last;
	diag_add(t->d, code, (struct loc){diags_add_file(t->d, path, NULL, 0), 0, 0}, "%s", text);
}

bool tree_count(struct tree *t)
{
	if (++t->entries <= TREE_ENTRIES_MAX)
		return true;
	if (!t->full)
		tree_report(t, "E_TREE_COUNT", "the tree has more than %u files and folders", TREE_ENTRIES_MAX);
	t->full = true;
	return false;
}

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int cmp_folded(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return fold(*a) - fold(*b);
}

static bool in_name(char c)
{
	return (fold(c) >= 'a' && fold(c) <= 'z') || (c >= '0' && c <= '9') || (c && strchr("._@+-", c));
}

/* What some file system takes for the repository's own folder: .git in any case, and its short names. */
static bool is_git_folder(const char *name)
{
	if (cmp_folded(name, ".git") == 0)
		return true;
	for (const char *git = "git~"; *git; git++, name++) {
		if (fold(*name) != (unsigned char)*git)
			return false;
	}
	return *name && name[strspn(name, "0123456789")] == '\0';
}

bool tree_name_ok(const char *name)
{
	size_t n = 0;
	while (in_name(name[n]))
		n++;
	return name[n] == '\0' && n >= 1 && n <= TREE_NAME_MAX && name[0] != '-' && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && !is_git_folder(name);
}

bool tree_check_name(struct tree *t, const char *name)
{
	if (tree_name_ok(name))
		return true;
	if (is_git_folder(name) || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		tree_report(t, "E_TREE_NAME", "the name \"%s\" is not allowed", name);
	else if (name[0] == '-')
		tree_report(t, "E_TREE_NAME", "a name may not start with -");
	else
		tree_report(t, "E_TREE_NAME", "the name \"%s\" is not 1 to %d characters of A-Z a-z 0-9 . _ @ + -",
			    name, TREE_NAME_MAX);
	return false;
}

bool tree_check_path(struct tree *t)
{
	char name[256]; /* no system has longer ones */
	for (const char *s = t->path.p;;) {
		size_t n = strcspn(s, "/");
		snprintf(name, sizeof(name), "%.*s", (int)n, s);
		if (!tree_check_name(t, name))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

bool tree_too_deep(struct tree *t)
{
	if (t->depth <= SOURCE_DEPTH_MAX)
		return false;
	tree_report(t, "E_TREE_DEPTH", "this lies deeper than %u folders", SOURCE_DEPTH_MAX);
	return true;
}

static int cmp_name(const void *pa, const void *pb)
{
	const char *a = *(const char *const *)pa, *b = *(const char *const *)pb;
	int c = cmp_folded(a, b);
	return c ? c : strcmp(a, b);
}

void tree_check_case(struct tree *t, const char **name, size_t n)
{
	if (n > 1)
		qsort(name, n, sizeof(*name), cmp_name);
	for (size_t i = 1; i < n && !t->full; i++) {
		if (cmp_folded(name[i - 1], name[i]) != 0)
			continue;
		size_t mark = tree_enter(t, name[i]);
		if (strcmp(name[i - 1], name[i]) == 0)
			tree_report(t, "E_TREE_ORDER", "\"%s\" stands twice in its folder", name[i]);
		else
			tree_report(t, "E_TREE_CASE", "\"%s\" and \"%s\" differ only in upper and lower case",
				    name[i - 1], name[i]);
		tree_leave(t, mark);
	}
}

bool tree_reads_folder(const struct tree *t, const char *name)
{
	return name[0] != '.' && !(t->depth == 1 && strcmp(name, "trust") == 0);
}

bool tree_is_policy(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

bool tree_path_ok(const char *path)
{
	size_t depth = 1;
	if (strncmp(path, "trust/", 6) == 0)
		return false;
	for (const char *s = path;; depth++) {
		char name[TREE_NAME_MAX + 1];
		size_t n = strcspn(s, "/");
		if (n > TREE_NAME_MAX)
			return false;
		memcpy(name, s, n);
		name[n] = '\0';
		if (!tree_name_ok(name) || (s[n] == '/' && name[0] == '.'))
			return false;
		if (s[n] == '\0')
			return depth <= SOURCE_DEPTH_MAX && tree_is_policy(name);
		s += n + 1;
	}
}

bool tree_has_room(struct tree *t, uint64_t size)
{
	if (size > SOURCE_FILE_MAX) {
		tree_report(t, "E_LIMIT_FILE", "the file has %llu bytes; at most %u are allowed",
			    (unsigned long long)size, SOURCE_FILE_MAX);
		return false;
	}
	if (t->file.n >= SOURCE_FILES_MAX)
		tree_report(t, "E_LIMIT_FILES", "the tree has more than %u policy files", SOURCE_FILES_MAX);
	else if (size > t->max_bytes - t->s->bytes)
		tree_report(t, "E_LIMIT_BYTES",
			    "with this file the tree has more than %llu bytes (--max-bytes raises that)",
			    (unsigned long long)t->max_bytes);
	else
		return true;
	t->full = true;
	return false;
}

void tree_add(struct tree *t, const char *data, size_t len)
{
	struct source_file f = {.data = data, .len = len};
	f.path = arena_strdup(t->arena, t->path.p);
	f.diag_file = diags_add_file(t->d, f.path, data, len);
	t->s->bytes += len;
	vec_push(&t->file, f);
}
