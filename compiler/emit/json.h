/* SPDX-License-Identifier: Apache-2.0 */
/* json - what the JSON writers share. Large lists are written one entry a line, so memory does not grow with them. */
#pragma once

#include <jansson.h>

#include "base/addr.h"
#include "base/buf.h"

/* One line of compact JSON with sorted keys, without a newline; v is released. */
void json_line(struct buf *out, json_t *v);
/* Indented, with sorted keys and a final newline; v is released. */
void json_page(struct buf *out, json_t *v);
/* A JSON string of ASCII text without control characters, which is all that names, rules and elements are made of. */
void json_text(struct buf *out, const char *ascii);
json_t *json_prefixes(const struct prefix *v, size_t n);
/* RFC 3339, or null for CLOCK_EVER and CLOCK_NEVER. */
json_t *json_time(int64_t utc);
/* Sets a member of object; v is released. */
void json_put(json_t *object, const char *key, json_t *v);
