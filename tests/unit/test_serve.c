/* SPDX-License-Identifier: Apache-2.0 */
/* Being watched: signatures of webhooks, listening addresses, metrics as text, tallies, lines of the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "apply/tally.h"
#include "base/bug.h"
#include "base/clock.h"
#include "listen.h"
#include "log.h"
#include "report/metrics.h"
#include "serve/hook.h"

/* ---- the webhook ---- */

/* RFC 4231, test case 2. */
static void test_signature(void **state)
{
	static const char key[] = "Jefe", data[] = "what do ya want for nothing?";
	static const char right[] = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
	char header[sizeof(right)];
	struct hook_check c;

	(void)state;
	for (size_t i = 0; i <= sizeof(right) - 1; i++) { /* each digit matters; the last round is right */
		memcpy(header, right, sizeof(right));
		if (i < sizeof(right) - 1)
			header[i] = header[i] == '0' ? '1' : '0';
		hook_begin(&c, key, 4);
		hook_body(&c, data, 10);
		hook_body(&c, data + 10, sizeof(data) - 11);
		assert_int_equal(hook_signed(&c, header), i == sizeof(right) - 1);
	}
	static const char *const wrong[] = {
		"", "sha256=", "sha1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384",
		"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec38433",
		"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384 ",
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		hook_begin(&c, key, 4);
		hook_body(&c, data, sizeof(data) - 1);
		assert_false(hook_signed(&c, wrong[i]));
	}
	hook_begin(&c, key, 4);
	assert_false(hook_signed(&c, NULL));
	assert_true(hook_token("secret", 6, "secret"));
	assert_false(hook_token("secret", 6, "secre"));
	assert_false(hook_token("secret", 6, "secret2"));
	assert_false(hook_token("secret", 6, NULL));
}

static void test_bucket(void **state)
{
	struct hook_bucket b = { 0 };
	int taken = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		taken += hook_allow(&b, 1000);
	assert_int_equal(taken, HOOK_BURST);
	assert_false(hook_allow(&b, 1000 + HOOK_REFILL_MS - 1));
	assert_true(hook_allow(&b, 1000 + HOOK_REFILL_MS));
	assert_false(hook_allow(&b, 1000 + HOOK_REFILL_MS));
	for (taken = 0; hook_allow(&b, 10000000); taken++)
		;
	assert_int_equal(taken, HOOK_BURST);
}

/* ---- where it listens ---- */

static void test_listen(void **state)
{
	static const struct {
		const char *text;
		int family;
	} rows[] = {
		{ "127.0.0.1:9469", AF_INET }, { "0.0.0.0:1", AF_INET }, { "[::1]:65535", AF_INET6 }, { "[fd00::1]:80", AF_INET6 },
		{ "", 0 }, { ":80", 0 }, { "127.0.0.1", 0 }, { "127.0.0.1:", 0 }, { "127.0.0.1:0", 0 }, { "127.0.0.1:65536", 0 },
		{ "127.0.0.1:80x", 0 }, { "127.0.0.1:-1", 0 }, { "127.0.0.1: 80", 0 }, { "localhost:80", 0 }, { "::1:80", 0 },
		{ "[::1]", 0 }, { "[::1]80", 0 }, { "[:80", 0 }, { "[]:80", 0 }, { "[127.0.0.1]:80", 0 }, { "127.1:80", 0 },
		{ "127.0.0.1:000080", 0 },
	};
	struct listen_at at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool ok = listen_parse(rows[i].text, &at);
		if (ok != (rows[i].family != 0))
			fail_msg("%s", rows[i].text);
		if (ok)
			assert_int_equal(at.addr.ss_family, rows[i].family);
	}
}

static void secret_file(const char *path, mode_t mode, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_secret(void **state)
{
	char path[] = "/tmp/yett-secret-XXXXXX", err[512], link[64];
	struct ipc_listen m;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	secret_file(path, 0600, "0123456789abcdef\n");
	assert_int_equal(listen_secret(path, &m, err, sizeof(err)), 0);
	assert_int_equal(m.secret_len, 16);
	assert_memory_equal(m.secret, "0123456789abcdef", 16);
	static const char *const wrong[] = { "", "0123456789abcde\n", "0123456789abcdef\nmore\n" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		secret_file(path, 0600, wrong[i]);
		assert_int_equal(listen_secret(path, &m, err, sizeof(err)), -EINVAL);
		assert_null(strstr(err, "0123"));
	}
	char large[400];
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	secret_file(path, 0600, large);
	assert_int_equal(listen_secret(path, &m, err, sizeof(err)), -EINVAL);
	large[HOOK_SECRET_MAX] = '\0';
	secret_file(path, 0600, large);
	assert_int_equal(listen_secret(path, &m, err, sizeof(err)), 0);
	secret_file(path, 0640, "0123456789abcdef\n");
	assert_int_equal(listen_secret(path, &m, err, sizeof(err)), -EPERM);
	snprintf(link, sizeof(link), "%s.link", path);
	assert_int_equal(symlink(path, link), 0);
	assert_true(listen_secret(link, &m, err, sizeof(err)) < 0);
	assert_true(listen_secret("/dev/null", &m, err, sizeof(err)) < 0);
	unlink(link);
	unlink(path);
}

/* ---- metrics ---- */

static struct snapshot *some_snapshot(void)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct turn t = { .outcome = OUTCOME_APPLIED, .fetch_us = 3000, .compile_us = 900, .apply_us = 1001, .took_us = 700000000 };
	const struct change_counts c = { .peers_added = 2, .elements_removed = 1 };
	const struct drift d = { .kinds = DRIFT_TABLE | DRIFT_LOST };

	assert_non_null(s);
	s->magic = SNAPSHOT_MAGIC;
	memcpy(s->gateway, "g\"w\\\n", sizeof("g\"w\\\n"));
	metrics_turn(&s->m, &t);
	metrics_repair(&s->m, &c);
	metrics_drift(&s->m, &d);
	metrics_audit(&s->m, "applied");
	metrics_audit(&s->m, "applied");
	metrics_audit(&s->m, "repaired");
	s->m.fetched_at = 900;
	s->m.role_wanted[ROLE_FETCH] = s->m.role_ready[ROLE_FETCH] = 1;
	return s;
}

static char *render(const struct snapshot *s)
{
	static const uint64_t http[HTTP_CODES] = { 5 }, hook[HOOK_RESULTS] = { 0, 2 };
	static const struct tally_head head = { .magic = TALLY_MAGIC, .npolicies = 1, .ndevices = 2, .denied_packets = 9 };
	static const struct tally_policy policy[] = { { "wiki", 7, 700, 1, 100 } };
	static const struct tally_device device[] = { { "a", 50, 1, 2 }, { "b", 0, 0, 0 } };
	const struct metrics_view v = { s, s ? &head : NULL, policy, device, 1000, 1.5, http, hook };
	struct buf out = BUF_INIT;

	metrics_render(&v, &out);
	return out.p;
}

static void test_render(void **state)
{
	static const char *const wanted[] = {
		"yett_gateway_info{gateway=\"g\\\"w\\\\\\n\",commit=\"\",plan=\"\"} 1\n",
		"yett_turns_total{outcome=\"applied\"} 1\n",
		"yett_phase_duration_seconds_bucket{phase=\"fetch\",le=\"0.002500\"} 0\n",
		"yett_phase_duration_seconds_bucket{phase=\"fetch\",le=\"0.005000\"} 1\n",
		"yett_phase_duration_seconds_bucket{phase=\"turn\",le=\"600.000000\"} 0\n",
		"yett_phase_duration_seconds_bucket{phase=\"turn\",le=\"+Inf\"} 1\n",
		"yett_phase_duration_seconds_sum{phase=\"apply\"} 0.001001\n",
		"yett_drift_repairs_total{kind=\"peers\"} 1\n",
		"yett_drift_repairs_total{kind=\"table\"} 1\n",
		"yett_drift_repairs_total{kind=\"link\"} 0\n",
		"yett_drift_notices_total{kind=\"lost\"} 1\n",
		"yett_fetch_age_seconds 100\n",
		"yett_role_ready{role=\"fetch\"} 1\n",
		"yett_audit_events_total{event=\"applied\"} 2\n",
		"yett_audit_events_total{event=\"repaired\"} 1\n",
		"yett_policy_packets_total{policy=\"wiki\",verdict=\"accept\"} 7\n",
		"yett_policy_bytes_total{policy=\"wiki\",verdict=\"drop\"} 100\n",
		"yett_denied_packets_total 9\n",
		"yett_device_receive_bytes_total{device=\"b\"} 0\n",
		"yett_device_last_handshake_timestamp_seconds{device=\"a\"} 50\n",
		"yett_http_requests_total{code=\"200\"} 5\n",
		"yett_hook_requests_total{result=\"unsigned\"} 2\n",
		"yett_snapshot_age_seconds 1.500\n",
	};
	struct snapshot *s = some_snapshot();
	char *text = render(s);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (strstr(text, wanted[i]) == NULL)
			fail_msg("missing: %s in %s", wanted[i], text);
	assert_null(strstr(text, "last_handshake_timestamp_seconds{device=\"b\"}"));
	assert_null(strstr(text, "role=\"compile\""));
	free(text);
	free(s);
	text = render(NULL);
	assert_non_null(strstr(text, "yett_build_info"));
	assert_null(strstr(text, "yett_turns_total"));
	free(text);
}

static void test_rows(void **state)
{
	(void)state;
	for (const struct metric_row *r = metric_rows; r->name != NULL; r++) {
		bool counter = strcmp(r->type, "counter") == 0;
		const char *total = strstr(r->name, "_total");
		assert_int_equal(counter, total != NULL && total[6] == '\0');
		assert_true(strncmp(r->name, "yett_", 5) == 0 && strlen(r->help) > 10);
		for (const struct metric_row *q = metric_rows; q < r; q++)
			assert_string_not_equal(q->name, r->name);
	}
}

/* Each metric has its line in the manual, and the manual no other. */
static void test_manual(void **state)
{
	char line[1024], name[128];
	size_t found = 0, rows = 0;
	FILE *f = fopen("docs/monitoring.md", "r");

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		const struct metric_row *r = metric_rows;
		if (sscanf(line, "| `%127[a-z0-9_]` |", name) != 1)
			continue;
		while (r->name != NULL && strcmp(r->name, name) != 0)
			r++;
		if (r->name == NULL)
			fail_msg("docs/monitoring.md has %s, which does not exist", name);
		struct buf want BUF_CLEANUP = BUF_INIT;
		buf_addf(&want, "| `%s` | %s | %s | %s |\n", r->name, r->type, r->label ? r->label : "", r->help);
		assert_string_equal(line, buf_str(&want));
		found++;
	}
	fclose(f);
	for (const struct metric_row *r = metric_rows; r->name != NULL; r++)
		rows++;
	assert_int_equal(found, rows);
}

static void test_checks(void **state)
{
	struct snapshot *s = some_snapshot();
	struct tally_head t = { .magic = TALLY_MAGIC, .npolicies = UINT32_MAX, .ndevices = UINT32_MAX };

	(void)state;
	assert_true(snapshot_check(s, sizeof(*s)));
	assert_false(snapshot_check(s, sizeof(*s) - 1));
	s->status_len = 1;
	assert_false(snapshot_check(s, sizeof(*s)));
	s->status_len = 0;
	memset(s->commit, 'a', sizeof(s->commit));
	assert_false(snapshot_check(s, sizeof(*s)));
	free(s);
	assert_false(tally_check(&t, sizeof(t)));
	assert_false(tally_check(&t, 3));
	t.npolicies = t.ndevices = 0;
	assert_true(tally_check(&t, sizeof(t)));
}

/* ---- tallies ---- */

static struct nft_counted rule(const char *chain, const char *policy, uint64_t handle, uint64_t packets, struct nft_item item[2],
			       enum nft_item_kind verdict)
{
	item[0] = (struct nft_item){ .kind = NFT_COUNTER, .packets = packets, .bytes = 100 * packets };
	item[1] = (struct nft_item){ .kind = verdict };
	return (struct nft_counted){ { .item = item, .nitems = 2, .comment = policy, .handle = handle }, chain };
}

static uint64_t policy_accepts(const struct tally *t, const char *name)
{
	for (size_t i = 0; i < t->policy.n; i++)
		if (strcmp(t->policy.v[i].name, name) == 0)
			return t->policy.v[i].accepted_packets;
	return 0;
}

static void test_tally(void **state)
{
	struct tally t = { .wanted = TALLY_POLICIES };
	struct nft_item item[4][2];
	struct nft_counted r[4] = {
		rule("c_1", "wiki", 9, 5, item[0], NFT_ACCEPT), rule("c_2", "wiki", 4, 1, item[1], NFT_ACCEPT),
		rule("c_2", "blocked", 5, 3, item[2], NFT_GOTO), rule("denied", NULL, 2, 7, item[3], NFT_DROP),
	};

	(void)state;
	tally_rules(&t, r, 4);
	assert_int_equal(policy_accepts(&t, "wiki"), 6);
	assert_int_equal(t.policy.v[0].dropped_packets, 3);
	assert_int_equal(t.denied_packets, 7);
	assert_int_equal(t.denied_bytes, 700);
	/* One goes on, one was made anew under the same handle, one is new, one is gone. */
	r[0] = rule("c_1", "wiki", 9, 8, item[0], NFT_ACCEPT);
	r[1] = rule("c_2", "wiki", 4, 0, item[1], NFT_ACCEPT);
	r[2] = rule("c_3", "wiki", 11, 2, item[2], NFT_ACCEPT);
	tally_rules(&t, r, 3);
	assert_int_equal(policy_accepts(&t, "wiki"), 6 + 3 + 0 + 2);
	/* The whole table anew. */
	r[0] = rule("c_1", "wiki", 3, 1, item[0], NFT_ACCEPT);
	tally_rules(&t, r, 1);
	assert_int_equal(policy_accepts(&t, "wiki"), 12);
	tally_rules(&t, r, 0);
	tally_rules(&t, r, 1);
	assert_int_equal(t.denied_packets, 7);
	tally_release(&t);
}

/* ---- the log ---- */

static void test_log(void **state)
{
	static const char nasty[] = "a \"b\" \\c\td\n\x1b[31m\xff\xc3\xa9";
	char line[LOG_LINE_MAX], big[LOG_MESSAGE_MAX];
	size_t n = log_format_line(LOG_TEXT, LOG_INFO, "apply", nasty, sizeof(nasty) - 1, line);

	(void)state;
	line[n] = '\0';
	assert_string_equal(line, "yettd: a \"b\" \\c\td??[31m?\xc3\xa9\n");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = "\"\\\t\n"[i % 4];
	for (int i = 0; i < 2; i++) {
		n = log_format_line(LOG_JSON, LOG_WARNING, "apply", i ? big : nasty, i ? sizeof(big) : sizeof(nasty) - 1, line);
		assert_int_equal(line[n - 1], '\n');
		assert_null(memchr(line, '\n', n - 1));
		json_t *o = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(o);
		assert_string_equal(json_string_value(json_object_get(o, "level")), "warning");
		assert_string_equal(json_string_value(json_object_get(o, "role")), "apply");
		assert_int_equal(json_string_length(json_object_get(o, "message")), i ? sizeof(big) : sizeof(nasty) - 1);
		json_decref(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature), cmocka_unit_test(test_bucket), cmocka_unit_test(test_listen),
		cmocka_unit_test(test_secret),    cmocka_unit_test(test_render), cmocka_unit_test(test_rows),
		cmocka_unit_test(test_manual),    cmocka_unit_test(test_checks), cmocka_unit_test(test_tally),
		cmocka_unit_test(test_log),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
