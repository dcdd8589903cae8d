/* SPDX-License-Identifier: Apache-2.0 */
/* risk - what a reviewer wants to see first of an access that changes. */
#pragma once

#include "access/diff.h"

/* The greater the number, the earlier it is read. */
enum risk {
	RISK_PERMANENT = 1,  /* it never ends by itself */
	RISK_WIDE = 2,       /* an IPv4 range of 256 addresses or more, an IPv6 range of 2^64 or more */
	RISK_PRODUCTION = 4, /* resources, devices and networks of sites that carry tag:production or tag:prod */
	RISK_INTERNET = 8,
};
#define RISK_BITS 4

struct risk_index; /* in the arena it was made in */

struct risk_index *risk_index_make(const struct resolved *r, struct arena *a);
/* Of a grant of that tree. */
unsigned int risk_of(const struct risk_index *x, const struct diff_grant *g, struct arena *scratch);
/* The word for one bit: "internet". */
const char *risk_word(enum risk bit);
