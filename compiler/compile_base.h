/* SPDX-License-Identifier: Apache-2.0 */
/* compile_base - a commit's tree read from one that is much like it; private to compile.c. */
#pragma once

#include "compile.h"

/*
 * Fills source and model of c, taking what in->base has of the same files. 0, or a negative errno and one line in err; 1: nothing was
 * done, since something is to be said of one of the trees, and c is as it was.
 */
int compile_base(struct compile *c, const struct compile_input *in, char *err, size_t err_size);
