/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examples - Test documents judged by the classes.
 *
 * `allow` means all of it: each device, each address, each port; `deny` means none of it. With `at`, at that moment; without,
 * `allow` asks for some moment from now on (each device, address and port its own) and `deny` for none. A `from` or
 * `to` that resolves to nothing fails.
 */
#pragma once

#include "access/access.h"

struct example_result {
	const char *name;
	struct loc loc;  /* of the case that failed, else of the test */
	const char *why; /* NULL: it holds; else one sentence with the counterexample */
	const char *policy; /* what decided the counterexample, or NULL */
	struct loc policy_loc;
};

/* One result a Test, in name order; *out in the arena. now: UTC seconds. */
size_t examples_run(const struct access *x, const struct resolved *r, int64_t now, struct arena *a,
		    struct example_result **out);

/* One Test. */
void example_run(const struct access *x, const struct resolved *r, const struct r_test *t, int64_t now, struct arena *a,
		 struct example_result *res);

/* The region of (destinations × ports); ports NULL: each destination's own when own_ports, else any. */
struct region dests_region(const struct r_dest *to, size_t nto, const struct service *port, size_t nports,
			   bool own_ports, struct arena *a);
/* The addresses and networks of the other devices of a source device's owner. */
struct range_set other_devices(const struct resolved *r, uint32_t source, struct arena *a);
