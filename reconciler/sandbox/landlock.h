/* SPDX-License-Identifier: Apache-2.0 */
/* landlock - files, TCP ports and scopes of a process, by landlock(7). */
#pragma once

#include "sandbox/sandbox.h"

/* The kernel's Landlock ABI; 0: none, or it is switched off. */
int landlock_abi(void);
/* Sets up what s wants as far as the ABI goes and tells so in s->guards and s->landlock_abi. 0 or a negative errno. */
int landlock_enter(struct sandbox *s);
