/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revocation - whether a change of a policy file only takes: what a rule's `effect: {revoke: N}` may approve with fewer signatures.
 *
 * Either the file goes and holds nothing but Devices and Users, or it differs in nothing but `revoked: true` or `disabled: true` of
 * its Devices and Users. Whether anybody gains access by it is asked of the compiled trees besides.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* is == NULL: the file goes. was == NULL (a new file) is never a revocation. */
bool revocation_only(const char *was, size_t was_len, const char *is, size_t is_len);
