/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag - what is wrong with what a person wrote.
 *
 * Every diagnostic has a stable code, a place and a sentence. They are collected for the
 * whole run, sorted by file, line, column, code, and each is kept once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

/* A place in a policy tree. file is an index into diags.file; line and col count from 1; line 0: the whole file. */
struct loc {
	uint32_t file, line, col;
};

#define LOC_NONE ((struct loc){ UINT32_MAX, 0, 0 })

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diag_file {
	const char *path; /* relative to the policy root */
	const char *data; /* the file's bytes, for the source line; may be NULL */
	size_t len;
};

struct diag {
	const char *code; /* E_... or W_..., static storage */
	enum diag_severity severity;
	struct loc loc;
	const char *message; /* one sentence, without a final full stop or newline */
	const char *hint;    /* what to do about it, or NULL */
};

struct diags {
	struct arena *arena;
	struct diag_file *file;
	size_t nfiles, cap_files;
	struct diag *v;
	size_t n, cap;
	size_t errors, warnings; /* counted also beyond max */
	size_t max;              /* how many are kept; 0: 1000. An error takes the place of a warning */
	size_t kept_warnings;
	bool newest_kept;        /* whether diag_hint() has one to attach to */
};

void diags_init(struct diags *d, struct arena *a);
void diags_release(struct diags *d);
/* Registers a file (path is copied; data must outlive d); returns its index. */
uint32_t diags_add_file(struct diags *d, const char *path, const char *data, size_t len);

/* code starts with E_ (an error) or W_ (a warning). */
void diag_add(struct diags *d, const char *code, struct loc loc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Forgets what was said, and all files but the first nfiles. */
void diags_clear(struct diags *d, size_t nfiles);
/* Attaches a hint to the newest diagnostic. */
void diag_hint(struct diags *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void diags_sort(struct diags *d); /* file order (by path bytes), line, column, code; drops repeats */

enum diag_format { DIAG_TEXT, DIAG_JSON, DIAG_SARIF, DIAG_GITHUB, DIAG_JUNIT };

struct diag_style {
	enum diag_format format;
	bool color;
	size_t max_bytes; /* of text; 0: 16384 */
	const char *root; /* printed before each path; NULL: nothing */
};

/*
 * Text: "path:line:col: error: message [CODE]", the source line (a window of at most 120
 * columns) with a caret, and the hint. JSON: one array of objects. SARIF 2.1.0, GitHub's workflow commands and JUnit's XML:
 * what CI systems show beside the lines.
 */
void diags_print(const struct diags *d, const struct diag_style *style, FILE *out);

/* "path:line", "path:line:col", or "-"; into the arena. */
const char *diag_loc_text(const struct diags *d, struct arena *a, struct loc loc);

/*
 * The candidate nearest to word by edit distance (at most a third of its length, at least 1),
 * or NULL. Ties go to the one whose bytes sort first.
 */
const char *diag_nearest(const char *word, const char *const *candidate, size_t n);
