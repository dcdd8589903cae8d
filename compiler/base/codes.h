/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codes - every diagnostic code: what it says, why, and an example that has it beside one that does not.
 *
 * `yett explain`, docs/diagnostics.md and the SARIF report's rules are made from this one table.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

enum code_group {
	CODES_FILES, CODES_YAML, CODES_DOCUMENTS, CODES_MEANING, CODES_UNWISE, CODES_IMPORT, CODES_DAEMON, CODES_SIGNATURES,
	CODE_GROUP_COUNT
};

struct code_row {
	const char *code;
	enum code_group group;
	/*
	 * The examples are told, not compiled: they are no documents of a tree. All others a test compiles beside
	 * examples/quickstart/tree (without its tests), where a document takes the place of the one with its kind and
	 * name: `bad` has this code and no other, `good` has none.
	 */
	bool told;
	const char *title; /* one line, no full stop; may hold `code` */
	const char *about; /* sentences: why, and what to do */
	const char *bad, *good;
};

extern const struct code_row code_rows[]; /* by group, then in the order of the manual */
extern const size_t ncode_rows;
extern const char *const code_group_titles[CODE_GROUP_COUNT];

enum diag_severity code_severity(const char *code);
/* NULL where there is none. */
const struct code_row *code_find(const char *code);
/* The row whose code is nearest to the word, whatever its case, or NULL. */
const struct code_row *code_nearest(const char *word);
