/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simple - reads a file of the everyday form without libyaml, to the very nodes that libyaml's events lead to.
 *
 * The everyday form: documents that are block mappings with keys of letters, digits, - and _; lists in either style; mappings in
 * braces; values on one line, plain or quoted without escapes, in ASCII; comments. Whatever is not plainly of that form is left to
 * libyaml, mistakes above all: this reader never complains, and what it takes has no mistake. tests/fuzz/fuzz_simple.c and
 * tests/prop/prop_simple.c compare the two.
 */
#pragma once

#include "yaml/yaml.h"

/* False: the file is not of that form, and *docs is as it was. data has passed filter_file(). */
bool simple_read(struct arena *a, uint32_t diag_file, const char *data, size_t len, struct node ***docs, size_t *ndocs);

/* yaml_parse() by libyaml alone. */
int yaml_parse_full(struct arena *a, uint32_t diag_file, const char *data, size_t len, struct diags *d, struct node ***docs,
		    size_t *ndocs);
/* Appends to what yaml_parse() takes and gives. */
void yaml_append(struct arena *a, struct node ***docs, size_t *ndocs, struct node *root);
