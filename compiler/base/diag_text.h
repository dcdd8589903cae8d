/* SPDX-License-Identifier: Apache-2.0 */
/* diag_text - what the forms of a diagnostic report share; private to base/diag*.c and base/junit.c. */
#pragma once

#include <jansson.h>

#include "base/diag.h"

/* Text as it may be shown: what could act on a terminal or turn what a reader sees is spelt out. */
void diag_text_add(struct buf *out, const char *s);
/* root and the path, unescaped; root NULL, "" or ".": the path alone. */
void diag_path_add(struct buf *out, const char *root, const char *path);
/* NULL where the place has no file. */
const struct diag_file *diag_file_of(const struct diags *d, struct loc loc);
/* A string of valid UTF-8: anything else becomes U+FFFD. */
json_t *diag_json_text(const char *s);
const char *diag_severity_text(enum diag_severity severity);

void diags_print_sarif(const struct diags *d, const struct diag_style *style, FILE *out);
void diags_print_github(const struct diags *d, const struct diag_style *style, FILE *out);
void diags_print_junit(const struct diags *d, const struct diag_style *style, FILE *out);
