/* SPDX-License-Identifier: Apache-2.0 */
/* types - what the scalar types share; private to schema/. */
#pragma once

#include "field.h"

/* Quotes what somebody wrote for a message: at most 60 bytes of it, cut between characters. */
const char *type_quote(struct arena *a, const char *text, size_t len);

/* The offset of the first character of text that the set lacks; len where there is none. */
size_t type_span(const char *text, size_t len, const char *set);

/* The rule of `name`, also for the names inside other types. As parse() of a type; sets *code. */
int type_check_name(struct arena *a, const char *text, size_t len, const char **code, const char **why,
		    const char **hint);

/* RFC 1123 section 2.1, RFC 1035 section 2.3.4: labels of letters, digits and hyphens, the last not all digits. */
bool type_is_domain(const char *text, size_t len);

/* JSON Schema patterns that several types share. */
#define NAME_PATTERN "[a-z0-9]([a-z0-9._@+-]{0,61}[a-z0-9])?"
#define DOMAIN_PATTERN "([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\\\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define ADDRESS_PATTERN "([0-9.]{7,15}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)"
#define PREFIX_PATTERN ADDRESS_PATTERN "/[0-9]{1,3}"
