/* SPDX-License-Identifier: Apache-2.0 */
/* inbound - from which addresses each VPN address may ever be reached. Private to plan/. */
#pragma once

#include "access/access.h"

struct inbound;

/* out[class]: the addresses that the class may ever reach. Everything lives in a. */
struct inbound *inbound_make(const struct access *x, const struct resolved *r, const struct range_set *out,
			     struct arena *a);
/* The sources that may reach any address of r, in a; r lies in one device's address or network. */
struct range_set inbound_of(const struct inbound *in, struct range r, struct arena *a);
