/* SPDX-License-Identifier: Apache-2.0 */
#include "report/metrics.h"

#include <string.h>

#include "base/bug.h"
#include "base/clock.h"

/* Upper bounds in microseconds: from a small change of the kernel to a first clone. */
static const uint64_t bounds[HISTOGRAM_BUCKETS] = {
	1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000, 60000000, 600000000,
};

/* ---- counting ---- */

void histogram_add(struct histogram *h, uint64_t us)
{
	h->count++;
	h->sum_us += us;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (us > bounds[i])
			continue;
		h->bucket[i]++;
		return;
	}
}

void metrics_turn(struct metrics *m, const struct turn *t)
{
	const uint64_t took[PHASE_COUNT] = { t->fetch_us, t->compile_us, t->apply_us, t->took_us };

	m->turns[t->outcome]++;
	for (size_t i = 0; i < PHASE_COUNT; i++)
		if (took[i] > 0)
			histogram_add(&m->phase[i], took[i]);
}

void metrics_repair(struct metrics *m, const struct change_counts *c)
{
	m->repairs[REPAIR_LINK] += c->link != 0;
	m->repairs[REPAIR_PEERS] += c->peers_added + c->peers_removed + c->peers_updated > 0;
	m->repairs[REPAIR_ADDRESSES] += c->addresses_added + c->addresses_removed > 0;
	m->repairs[REPAIR_ROUTES] += c->routes_added + c->routes_removed > 0;
	m->repairs[REPAIR_TABLE] += c->tables_added + c->tables_removed + c->sets_added + c->sets_removed + c->elements_added +
				    c->elements_removed + c->chains_added + c->chains_removed + c->rules_replaced > 0;
}

void metrics_drift(struct metrics *m, const struct drift *d)
{
	for (size_t i = 0; i < DRIFT_KINDS; i++)
		m->drift[i] += (d->kinds >> i) & 1;
}

void metrics_audit(struct metrics *m, const char *event)
{
	size_t len = strnlen(event, sizeof(m->audit[0].event) - 1);

	for (size_t i = 0; i < METRICS_EVENTS; i++) {
		if (m->audit[i].n == 0)
			memcpy(m->audit[i].event, event, len);
		if (strncmp(m->audit[i].event, event, sizeof(m->audit[0].event) - 1) != 0)
			continue;
		m->audit[i].n++;
		return;
	}
}

/* ---- text ---- */

static void put_escaped(struct buf *out, const char *text, size_t max)
{
	for (size_t i = 0; i < max && text[i] != '\0'; i++) {
		if (text[i] == '\n')
			buf_adds(out, "\\n");
		else if (text[i] == '"' || text[i] == '\\')
			buf_addf(out, "\\%c", text[i]);
		else
			buf_addc(out, text[i]);
	}
}

static void put_label(struct buf *out, char before, const char *name, const char *value, size_t max)
{
	buf_addf(out, "%c%s=\"", before, name);
	put_escaped(out, value, max);
	buf_addc(out, '"');
}

#define UNBOUNDED ((size_t)-1)

static void put_number(struct buf *out, uint64_t n)
{
	buf_addf(out, " %llu\n", (unsigned long long)n);
}

static const uint64_t *values_of(const struct metric_row *r, const struct metrics_view *v)
{
	return (const uint64_t *)(const void *)((const char *)&v->s->m + r->offset);
}

/* One value, or one for each word of a label. */
static void put_values(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		buf_adds(out, r->name);
		if (r->label != NULL) {
			put_label(out, '{', r->label, r->values[i], UNBOUNDED);
			buf_addc(out, '}');
		}
		put_number(out, values_of(r, v)[i]);
	}
}

static void put_outcomes(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		buf_adds(out, r->name);
		put_label(out, '{', r->label, turn_outcome_text((enum turn_outcome)i), UNBOUNDED);
		buf_addc(out, '}');
		put_number(out, values_of(r, v)[i]);
	}
}

/* A moment, which is left out when there was none. */
static void put_time(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	int64_t at = (int64_t)*values_of(r, v);

	if (at > 0 && at != CLOCK_NEVER)
		buf_addf(out, "%s %lld\n", r->name, (long long)at);
}

static void put_age(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	int64_t at = (int64_t)*values_of(r, v);

	if (at > 0)
		buf_addf(out, "%s %lld\n", r->name, (long long)(v->now > at ? v->now - at : 0));
}

static void put_roles(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		if (!v->s->m.role_wanted[i])
			continue;
		buf_adds(out, r->name);
		put_label(out, '{', r->label, role_name((enum role_id)i), UNBOUNDED);
		buf_addc(out, '}');
		put_number(out, values_of(r, v)[i]);
	}
}

static void put_us(struct buf *out, uint64_t us)
{
	buf_addf(out, "%llu.%06llu", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
}

static void put_histograms(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct histogram *h = &v->s->m.phase[i];
		uint64_t below = 0;
		for (size_t k = 0; k < HISTOGRAM_BUCKETS; k++) {
			below += h->bucket[k];
			buf_addf(out, "%s_bucket{phase=\"%s\",le=\"", r->name, r->values[i]);
			put_us(out, bounds[k]);
			buf_addf(out, "\"} %llu\n", (unsigned long long)below);
		}
		buf_addf(out, "%s_bucket{phase=\"%s\",le=\"+Inf\"} %llu\n", r->name, r->values[i], (unsigned long long)h->count);
		buf_addf(out, "%s_sum{phase=\"%s\"} ", r->name, r->values[i]);
		put_us(out, h->sum_us);
		buf_addf(out, "\n%s_count{phase=\"%s\"} %llu\n", r->name, r->values[i], (unsigned long long)h->count);
	}
}

static void put_build(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	(void)v;
	buf_addf(out, "%s{version=\"%s\"} 1\n", r->name, YETT_VERSION);
}

static void put_gateway(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	const struct snapshot *s = v->s;

	buf_adds(out, r->name);
	put_label(out, '{', "gateway", s->gateway, sizeof(s->gateway));
	put_label(out, ',', "commit", s->commit, sizeof(s->commit));
	put_label(out, ',', "plan", s->plan, sizeof(s->plan));
	buf_adds(out, "} 1\n");
}

static void put_healthy(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	buf_addf(out, "%s %d\n", r->name, v->s->unhealthy[0] == '\0');
}

static void put_events(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (size_t i = 0; i < METRICS_EVENTS && v->s->m.audit[i].n > 0; i++) {
		buf_adds(out, r->name);
		put_label(out, '{', r->label, v->s->m.audit[i].event, sizeof(v->s->m.audit[i].event));
		buf_addc(out, '}');
		put_number(out, v->s->m.audit[i].n);
	}
}

/* ---- the status role's own ---- */

const unsigned int metrics_http_code[HTTP_CODES] = { 200, 202, 400, 401, 404, 405, 413, 429, 503 };

static void put_http(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (size_t i = 0; i < HTTP_CODES; i++)
		buf_addf(out, "%s{code=\"%u\"} %llu\n", r->name, metrics_http_code[i], (unsigned long long)v->http[i]);
}

static void put_hook(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (size_t i = 0; i < HOOK_RESULTS; i++)
		buf_addf(out, "%s{result=\"%s\"} %llu\n", r->name, r->values[i], (unsigned long long)v->hook[i]);
}

static void put_snapshot_age(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	buf_addf(out, "%s %.3f\n", r->name, v->snapshot_age);
}

/* ---- rows of the kernel ---- */

static void put_policy(struct buf *out, const struct metric_row *r, const struct tally_policy *p, const char *verdict, uint64_t n)
{
	buf_adds(out, r->name);
	put_label(out, '{', "policy", p->name, sizeof(p->name));
	put_label(out, ',', "verdict", verdict, UNBOUNDED);
	buf_addc(out, '}');
	put_number(out, n);
}

static void put_policies(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (uint32_t i = 0; v->tally != NULL && i < v->tally->npolicies; i++) {
		const struct tally_policy *p = &v->policy[i];
		bool bytes = r->offset != 0;
		put_policy(out, r, p, "accept", bytes ? p->accepted_bytes : p->accepted_packets);
		put_policy(out, r, p, "drop", bytes ? p->dropped_bytes : p->dropped_packets);
	}
}

static void put_denied(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	if (v->tally == NULL)
		return;
	buf_adds(out, r->name);
	put_number(out, r->offset != 0 ? v->tally->denied_bytes : v->tally->denied_packets);
}

static void put_devices(const struct metric_row *r, const struct metrics_view *v, struct buf *out)
{
	for (uint32_t i = 0; v->tally != NULL && i < v->tally->ndevices; i++) {
		const struct tally_device *d = &v->device[i];
		uint64_t n = *(const uint64_t *)(const void *)((const char *)d + r->offset);
		if (r->n == 0 && n == 0) /* a moment that has not been */
			continue;
		buf_adds(out, r->name);
		put_label(out, '{', "device", d->name, sizeof(d->name));
		buf_addc(out, '}');
		put_number(out, n);
	}
}

/* ---- the table ---- */

static const char *const phases[] = { "fetch", "compile", "apply", "turn" };
static const char *const notices[] = { "table", "link", "address", "route", "lost" };
static const char *const repairs[] = { "table", "link", "addresses", "routes", "peers" };
static const char *const states[] = { "planned", "configured", "recent" };
static const char *const families[] = { "ipv4", "ipv6" };
static const char *const hook_results[HOOK_RESULTS] = { "accepted", "unsigned", "wrong", "limited" };

#define OF(member) .offset = offsetof(struct metrics, member)
#define DEVICE(member) .offset = offsetof(struct tally_device, member)

const struct metric_row metric_rows[] = {
	{ "yett_build_info", "gauge", "The version of yettd; always 1.", put_build, .label = "version" },
	{ "yett_gateway_info", "gauge", "The commit and the digest of the plan in force; always 1.", put_gateway, .label = "gateway, commit, plan" },
	{ "yett_healthy", "gauge", "1 while /healthz says that all is well.", put_healthy, .label = NULL },
	{ "yett_start_timestamp_seconds", "gauge", "When yettd started.", put_time, OF(started_at), .n = 1 },
	{ "yett_last_turn_timestamp_seconds", "gauge", "When the newest turn ended.", put_time, OF(turn_at), .n = 1 },
	{ "yett_last_fetch_timestamp_seconds", "gauge", "When the repository was last reached.", put_time, OF(fetched_at), .n = 1 },
	{ "yett_fetch_age_seconds", "gauge", "Time since the repository was last reached.", put_age, OF(fetched_at), .n = 1 },
	{ "yett_enforced_timestamp_seconds", "gauge", "When the kernel was last found, or made, to agree with the plan.", put_time,
	  OF(enforced_at), .n = 1 },
	{ "yett_next_date_timestamp_seconds", "gauge", "When the next date in the plan passes.", put_time, OF(next_change), .n = 1 },
	{ "yett_turns_total", "counter", "Turns by their outcome.", put_outcomes, OF(turns), .n = OUTCOME_COUNT, .label = "outcome" },
	{ "yett_phase_duration_seconds", "histogram", "What turns and their phases took.", put_histograms, OF(phase), .n = PHASE_COUNT,
	  .label = "phase", .values = phases },
	{ "yett_fetch_failures_total", "counter", "Turns in which the repository could not be fetched.", put_values, OF(fetch_failures), .n = 1 },
	{ "yett_refusals_total", "counter", "New plans that the kernel refused.", put_values, OF(refusals), .n = 1 },
	{ "yett_rejected", "gauge", "1 while the newest commit has errors and an older one stays in force.", put_values, OF(rejected), .n = 1 },
	{ "yett_pending", "gauge", "1 while a plan that the kernel refused waits to be tried again.", put_values, OF(pending), .n = 1 },
	{ "yett_held", "gauge", "Plans that are not tried again by themselves: rolled back, refused for good, or removing too many peers.",
	  put_values, OF(held), .n = 1 },
	{ "yett_suspended_until_timestamp_seconds", "gauge", "Until when nothing new is applied, on a person's word.", put_time,
	  OF(suspended_until), .n = 1 },
	{ "yett_drift_notices_total", "counter", "Changes by others that the kernel told of, by what they concerned; lost: too many at once.",
	  put_values, OF(drift), .n = DRIFT_KINDS, .label = "kind", .values = notices },
	{ "yett_drift_repairs_total", "counter", "Repairs, by what was put back.", put_values, OF(repairs), .n = REPAIR_COUNT,
	  .label = "kind", .values = repairs },
	{ "yett_drift_failures_total", "counter", "Repairs that the kernel refused.", put_values, OF(watch_failures), .n = 1 },
	{ "yett_drift_contentions_total", "counter", "Fights with another program that repairs were paused for.", put_values,
	  OF(contentions), .n = 1 },
	{ "yett_drift_paused", "gauge", "1 while repairs pause because of such a fight.", put_values, OF(paused), .n = 1 },
	{ "yett_peers", "gauge", "Peers: in the plan now, on the interface, with a handshake in the last 3 minutes.", put_values,
	  OF(peers_planned), .n = 3, .label = "state", .values = states },
	{ "yett_forwarding_off", "gauge", "1 where the plan needs forwarding and the kernel has it off.", put_values, OF(forwarding_off),
	  .n = 2, .label = "family", .values = families },
	{ "yett_role_starts_total", "counter", "Starts of each process.", put_roles, OF(role_starts), .n = ROLE_COUNT, .label = "role" },
	{ "yett_role_ready", "gauge", "1 while the process is there and has its settings.", put_roles, OF(role_ready), .n = ROLE_COUNT,
	  .label = "role" },
	{ "yett_sandbox_complete", "gauge", "1 while every process has given up what it does not need.", put_values, OF(sandboxed), .n = 1 },
	{ "yett_audit_events_total", "counter", "Lines of the audit journal by their event.", put_events, .label = "event" },
	{ "yett_audit_failures_total", "counter", "Lines that could not be written to the audit journal.", put_values, OF(audit_failures), .n = 1 },
	{ "yett_hook_fetches_total", "counter", "Fetches that a webhook brought about.", put_values, OF(hooks), .n = 1 },
	{ "yett_hook_requests_total", "counter", "Requests of webhooks by what became of them.", put_hook, .label = "result",
	  .values = hook_results },
	{ "yett_http_requests_total", "counter", "Answers over HTTP by their status code.", put_http, .label = "code" },
	{ "yett_snapshot_age_seconds", "gauge", "Time since the supervisor last told how things stand.", put_snapshot_age, .label = NULL },
	{ "yett_denied_packets_total", "counter", "Packets that no policy allowed, or one denied.", put_denied, .offset = 0 },
	{ "yett_denied_bytes_total", "counter", "Their bytes.", put_denied, .offset = 1 },
	{ "yett_policy_packets_total", "counter", "Packets that a policy decided.", put_policies, .label = "policy, verdict" },
	{ "yett_policy_bytes_total", "counter", "Their bytes.", put_policies, .offset = 1, .label = "policy, verdict" },
	{ "yett_device_receive_bytes_total", "counter", "What came from a device (metrics: {devices: true}).", put_devices, DEVICE(rx_bytes),
	  .n = 1, .label = "device" },
	{ "yett_device_transmit_bytes_total", "counter", "What went to a device (metrics: {devices: true}).", put_devices, DEVICE(tx_bytes),
	  .n = 1, .label = "device" },
	{ "yett_device_last_handshake_timestamp_seconds", "gauge", "A device's newest handshake (metrics: {devices: true}).", put_devices,
	  DEVICE(handshake), .label = "device" },
	{ 0 },
};

static bool is_own(const struct metric_row *r)
{
	return r->put == put_build || r->put == put_http || r->put == put_hook || r->put == put_snapshot_age;
}

void metrics_render(const struct metrics_view *v, struct buf *out)
{
	for (const struct metric_row *r = metric_rows; r->name != NULL; r++) {
		if (v->s == NULL && !is_own(r))
			continue;
		buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", r->name, r->help, r->name, r->type);
		r->put(r, v, out);
	}
}

/* ---- what is mapped ---- */

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

bool snapshot_check(const void *data, size_t len)
{
	const struct snapshot *s = data;

	return len >= sizeof(*s) && s->magic == SNAPSHOT_MAGIC && len - sizeof(*s) == s->status_len &&
	       terminated(s->version, sizeof(s->version)) && terminated(s->gateway, sizeof(s->gateway)) &&
	       terminated(s->commit, sizeof(s->commit)) && terminated(s->plan, sizeof(s->plan)) &&
	       terminated(s->unhealthy, sizeof(s->unhealthy));
}

bool tally_check(const void *data, size_t len)
{
	const struct tally_head *t = data;

	return len >= sizeof(*t) && t->magic == TALLY_MAGIC &&
	       len - sizeof(*t) == (uint64_t)t->npolicies * sizeof(struct tally_policy) + (uint64_t)t->ndevices * sizeof(struct tally_device);
}
