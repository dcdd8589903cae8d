/* SPDX-License-Identifier: Apache-2.0 */
/* operate - what operators tell yettd to do: each verb of the control socket that changes something, and who may say it. */
#pragma once

#include "supervisor.h"

/* Refuses who may not, answers what is done at once, and gives the others a ticket. */
void operate(struct supervisor *s, struct control_client *k);
