/* SPDX-License-Identifier: Apache-2.0 */
/* ticket - which turn a client of the control socket waits for, and its answer when that turn has ended. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "supervisor.h"

/* Gives each waiting client the number of the first turn that begins after it asked; who asks for the status is answered. */
void tickets_give(struct supervisor *s);
/* Answers all who wait for that turn or an earlier one. */
void tickets_answer(struct supervisor *s, enum control_verb verb, uint64_t ticket,
		    void (*json)(const struct supervisor *, struct buf *));
/*
 * What the first who waits for a verify wants compared ("": what is in force), or NULL. All who want the same get that number; nobody has one
 * before.
 */
const char *tickets_take_verify(struct supervisor *s, uint64_t ticket);
bool tickets_any(const struct supervisor *s, enum control_verb verb);
