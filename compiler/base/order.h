/* SPDX-License-Identifier: Apache-2.0 */
/* order - sorting of large arrays by what their items begin with, in time that grows with their number alone. */
#pragma once

#include "base/addr.h"

/*
 * What qsort(v, n, size, cmp) does. key gives a number that agrees with cmp: a smaller one comes before whatever else differs, and cmp is asked only
 * about items whose keys are equal. Items that cmp finds equal stay in the order in which they came.
 */
void order_sort(void *v, size_t n, size_t size, u128 (*key)(const void *item), int (*cmp)(const void *a, const void *b));

/* The first 16 bytes of a run of bytes, for what is compared by memcmp(); those that it has not are 0. */
u128 order_key_bytes(const void *p, size_t n);
/* The same of a string, for what is compared by strcmp(). */
u128 order_key_text(const char *s);
