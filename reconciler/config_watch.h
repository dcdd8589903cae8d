/* SPDX-License-Identifier: Apache-2.0 */
/* config_watch - what yettd.yaml says about being watched: where it listens, its webhook, what is counted, how it logs. */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "field.h"

struct node;
struct config;

struct config_watch {
	const char *listen;      /* "127.0.0.1:9469", "[::1]:9469"; "": nowhere */
	const char *hook_secret; /* file; "": no webhook */
	bool devices;            /* transfer and handshakes of each device */
	int log;                 /* enum log_format */
};

extern const struct field config_hook_fields[], config_metrics_fields[], config_log_fields[];

/* Judges the decoded values; map is the document. */
void config_watch_check(const struct config *c, const struct node *map, struct diags *d);
