/* SPDX-License-Identifier: Apache-2.0 */
/* filter - the bytes that a policy file may consist of, judged before a parser sees them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/*
 * E_BYTES for what is not UTF-8 (RFC 3629) and for the first of each character that is not allowed:
 * controls but tab and line feed, line breaks that a review does not show, the byte-order mark,
 * bidirectional controls and noncharacters. False when there was any.
 */
bool filter_file(uint32_t diag_file, const char *data, size_t len, struct diags *d);

/* The same for the value of a quoted scalar, whose escapes may have made such characters; at loc. */
bool filter_scalar(const char *text, size_t len, struct loc loc, struct diags *d);
/* Whether the character may stand in text that people review. */
bool filter_allows(uint32_t cp);
