/* SPDX-License-Identifier: Apache-2.0 */
/* answer - what yettd answered, for people: yettctl's side of report/status.h. */
#pragma once

#include <jansson.h>

int answer_print_status(const json_t *o);
int answer_print_diff(const json_t *o);
int answer_print_sync(const json_t *o);
int answer_print_verify(const json_t *o);
int answer_print_text(const json_t *o);
int answer_print_history(const json_t *o);
/* 0; of a verify 1 when the kernel differs; of a sync 1 when the tree has errors or the plan is held, and 2 when it failed. */
int answer_status(const json_t *o);
/* The text of a member, or "-". */
const char *answer_text(const json_t *o, const char *member);
