/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor - hears of every change of nftables, links, addresses and routes, and tells which of them may have made the kernel differ from
 * a plan: the groups NFNLGRP_NFTABLES (linux/netfilter/nfnetlink.h) and RTNLGRP_* (linux/rtnetlink.h).
 *
 * A change that puts something as the plan has it is no drift, nor is one of our own sockets. WireGuard says nothing about its peers.
 */
#pragma once

#include <poll.h>

#include "kernel/kernel.h"
#include "kernel/nl_sock.h"

enum drift_kind {
	DRIFT_TABLE = 1,
	DRIFT_LINK = 2,
	DRIFT_ADDRESS = 4,
	DRIFT_ROUTE = 8,
	DRIFT_LOST = 16, /* notifications came faster than they were read: anything may have changed */
};

#define DRIFT_KINDS 5
#define DRIFT_PROGRAM_MAX 16 /* TASK_COMM_LEN */

/* What changed since it was last asked, and by whom: of several the first that the kernel named. */
struct drift {
	uint32_t kinds;   /* enum drift_kind bits */
	uint32_t process; /* id in the machine's own process table; 0: not told */
	uint32_t port;    /* netlink port of the sender, mostly the process id; 0: not told */
	char program[DRIFT_PROGRAM_MAX]; /* "": not told */
};

struct monitor {
	struct nl_sock nft, rtnl;
	bool touched; /* the nftables transaction that is being told has changed our table */
};

#define MONITOR_POLLS 2

/* 0, or a negative errno and a sentence. */
int monitor_open(struct monitor *m, char *err, size_t err_size);
void monitor_close(struct monitor *m);
void monitor_polls(const struct monitor *m, struct pollfd p[static MONITOR_POLLS]);
/* Reads all that has come, adding to *d what concerns the plan. want NULL: nothing concerns anybody. */
void monitor_read(struct monitor *m, const struct gw_plan *want, const struct kernel_self *self, struct drift *d);
/* Reads without an end to the batch, as bytes; for tests and fuzzing. */
void monitor_nft(struct monitor *m, const void *data, size_t len, const struct kernel_self *self, struct drift *d);
void monitor_rtnl(const void *data, size_t len, const struct gw_plan *want, const struct kernel_self *self, struct drift *d);
