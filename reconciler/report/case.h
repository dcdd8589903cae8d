/* SPDX-License-Identifier: Apache-2.0 */
/* case - what yettctl shows of the evidence that yettd keeps (state/evidence.h). */
#pragma once

#include <jansson.h>

int case_print(const json_t *answer);
/* Writes each case into a folder of dir, which is made. 0, or a negative errno and a sentence on standard error. */
int case_export(const json_t *answer, const char *dir);
