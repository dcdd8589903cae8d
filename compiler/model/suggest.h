/* SPDX-License-Identifier: Apache-2.0 */
/* suggest - what a writer may have meant, from the rows of schema/; private to model/. Texts go into the arena. */
#pragma once

#include "base/arena.h"
#include "field.h"

/* "linux, macos, windows". */
const char *suggest_words(struct arena *a, const char *const *words);
/* "servers, search". */
const char *suggest_fields(struct arena *a, const struct field *rows);
/* The kinds that this version has. */
const char *suggest_kinds(struct arena *a);
/* The kind whose name is nearest, however it is capitalised; NULL. */
const struct kind_row *suggest_kind(const char *word);
/* A hint for a field that a mapping (its rows in two tables) does not have, or NULL. */
const char *suggest_field(struct arena *a, const struct field *const rows[2], const char *name, bool document);
/* A hint that shows how a field that is missing may be written: "addresses: [10.7.0.2]". */
const char *suggest_value(struct arena *a, const struct field *f);
