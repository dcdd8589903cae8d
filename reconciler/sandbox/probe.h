/* SPDX-License-Identifier: Apache-2.0 */
/* probe - tries what a locked-down process must not be able to do, and what it must; `yettd --probe-sandbox=PROCESS`. */
#pragma once

/*
 * TAP on standard output: one line an attempt, ok when it went as the table says. without: NULL, or names of guards to leave
 * out, by commas, to see that an attempt fails for its guard and not for another reason. 0: all ok, 1: not, 2: bad arguments.
 */
int probe_run(const char *process, const char *without);
