/* SPDX-License-Identifier: Apache-2.0 */
/* config_confirm - what yettd.yaml says about changes that could lock somebody out: windows, probes, limits, operators. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/key.h"
#include "field.h"

struct node;

enum confirm_mode { CONFIRM_AUTO, CONFIRM_MANUAL };
enum confirm_when { CONFIRM_RISKY, CONFIRM_ALWAYS, CONFIRM_NEVER };

#define CONFIRM_WINDOW_MIN 30
#define CONFIRM_WINDOW_MAX 600
#define CONFIRM_WINDOW 120
#define CONFIRM_SHARE 10
#define LIMIT_REMOVED_SHARE 30
#define LIMIT_REMOVED_PEERS 10
#define PROBE_TARGETS_MAX 8

/* A list field: n values of the field's type. */
struct config_list {
	void *v;
	size_t n;
};

struct probe_target { /* a TCP port that must take a connection */
	u128 addr;
	uint16_t port;
};

struct config_confirm {
	int mode;       /* enum confirm_mode */
	int when;       /* enum confirm_when */
	int64_t window; /* seconds */
	int64_t share;  /* per cent of the peers that may lose access without a window */
	struct config_list words; /* const char *, as written; what follows is read from them */
	bool git, tunnels;
	struct probe_target target[PROBE_TARGETS_MAX];
	size_t ntargets;
};

struct config_limits { /* more than both: E_MASS_CHANGE */
	int64_t removed_share; /* per cent of the peers */
	int64_t removed_peers;
};

struct config_management { /* never kept out by a revocation that was rolled back */
	struct config_list networks; /* struct prefix */
	struct config_list keys;     /* struct pubkey */
};

/* Rows for config.c's table; offsets are in struct config. */
extern const struct field config_confirm_fields[], config_limits_fields[], config_management_fields[];
/* Whoever may change what yettd does, by number; root always may. */
struct config;
bool config_may_operate(const struct config *c, uid_t uid);

void config_confirm_init(struct config *c);
/* Reads probes and checks ranges; mistakes go to d. */
void config_confirm_check(struct config *c, const struct node *map, struct diags *d);
