/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics - what the supervisor counts, and all that is known as text for Prometheus (its text format 0.0.4, see
 * prometheus.io "Exposition formats").
 *
 * A snapshot is one memfd: struct snapshot, then the status as JSON. Rows of policies and devices come in another, which the apply role
 * fills: struct tally_head, then the rows. Both are read only by the same program that wrote them; sizes are checked all the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "message.h"
#include "turn.h"

#define HISTOGRAM_BUCKETS 14
#define SNAPSHOT_BYTES_MAX ((size_t)8 << 20)
#define TALLY_BYTES_MAX ((size_t)64 << 20)
#define METRICS_EVENTS 24 /* kinds of audit events that are counted by name */

struct histogram {
	uint64_t bucket[HISTOGRAM_BUCKETS]; /* not cumulative; what is longer is in count alone */
	uint64_t count, sum_us;
};

enum metrics_phase { PHASE_FETCH, PHASE_COMPILE, PHASE_APPLY, PHASE_TURN, PHASE_COUNT };
enum metrics_repair { REPAIR_TABLE, REPAIR_LINK, REPAIR_ADDRESSES, REPAIR_ROUTES, REPAIR_PEERS, REPAIR_COUNT };

struct metrics {
	/* Counted from the start. */
	uint64_t turns[OUTCOME_COUNT];
	uint64_t fetch_failures, refusals; /* git; the kernel of a new plan */
	struct histogram phase[PHASE_COUNT];
	uint64_t drift[DRIFT_KINDS]; /* notices */
	uint64_t repairs[REPAIR_COUNT];
	uint64_t contentions, watch_failures;
	uint64_t hooks; /* fetches that a webhook brought about */
	struct {
		char event[24];
		uint64_t n;
	} audit[METRICS_EVENTS];
	uint64_t audit_failures;
	/* As it is; times are UTC seconds, 0: never. */
	int64_t started_at, turn_at, fetched_at, enforced_at, next_change;
	uint64_t rejected, pending, paused, held;
	int64_t suspended_until;
	uint64_t sandboxed; /* all guards are in force for all processes */
	uint64_t peers_planned, peers_configured, peers_recent;
	uint64_t forwarding_off[2]; /* IPv4, IPv6 */
	uint64_t role_starts[ROLE_COUNT], role_ready[ROLE_COUNT], role_wanted[ROLE_COUNT];
};

#define SNAPSHOT_MAGIC 0x59534e31u

struct snapshot {
	uint32_t magic, status_len;
	char version[32], gateway[64], commit[COMMIT_TEXT_MAX], plan[DIGEST_HEX_MAX];
	char unhealthy[512]; /* why, in one sentence; "": all is well */
	struct metrics m;
};

struct tally_policy {
	char name[64];
	uint64_t accepted_packets, accepted_bytes, dropped_packets, dropped_bytes;
};

struct tally_device {
	char name[64];
	int64_t handshake; /* UTC seconds, 0: never */
	uint64_t rx_bytes, tx_bytes;
};

#define TALLY_MAGIC 0x59544c31u

struct tally_head {
	uint32_t magic, npolicies, ndevices, pad;
	uint64_t denied_packets, denied_bytes;
};

/* What one page is made of. */
struct metrics_view {
	const struct snapshot *s;         /* NULL: none has come */
	const struct tally_head *tally;        /* NULL: none has come */
	const struct tally_policy *policy;
	const struct tally_device *device;
	int64_t now;                      /* UTC seconds */
	double snapshot_age;              /* seconds */
	const uint64_t *http, *hook;      /* counters of the status role, HTTP_CODES and HOOK_RESULTS of them */
};

#define HTTP_CODES 9
extern const unsigned int metrics_http_code[HTTP_CODES];
#define HOOK_RESULTS 4
enum hook_result { HOOK_ACCEPTED, HOOK_UNSIGNED, HOOK_WRONG, HOOK_LIMITED };

/* One family of metrics. */
struct metric_row {
	const char *name, *type, *help;
	void (*put)(const struct metric_row *row, const struct metrics_view *v, struct buf *out);
	size_t offset; /* in struct metrics, where put reads that */
	size_t n;      /* how many values lie there */
	const char *label;
	const char *const *values;
};

extern const struct metric_row metric_rows[]; /* ends in {0} */

void metrics_render(const struct metrics_view *v, struct buf *out);

/* Checks a mapped snapshot or tally; false: it is none. */
bool snapshot_check(const void *data, size_t len);
bool tally_check(const void *data, size_t len);

void histogram_add(struct histogram *h, uint64_t us);
/* A turn that has ended, with what it took. */
void metrics_turn(struct metrics *m, const struct turn *t);
/* What a repair has put back. */
void metrics_repair(struct metrics *m, const struct change_counts *c);
void metrics_drift(struct metrics *m, const struct drift *d);
void metrics_audit(struct metrics *m, const char *event);
