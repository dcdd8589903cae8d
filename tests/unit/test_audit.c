/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: written, judged after every kind of tampering, and read as what was enforced when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "log/enforced.h"
#include "state/audit_log.h"
#include "state/durable.h"
#include "trust/trail.h"

#define COMMIT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMMIT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct place {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->path, sizeof(p->path), "/tmp/yett-audit-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return p->fd < 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char sub[300], dir[80];
	struct dirent *e;

	snprintf(dir, sizeof(dir), "%s/" AUDIT_DIR, p->path);
	DIR *d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(sub, sizeof(sub), "%s/%.200s", dir, e->d_name);
		unlink(sub);
	}
	if (d != NULL)
		closedir(d);
	rmdir(dir);
	rmdir(p->path);
	close(p->fd);
	free(p);
	return 0;
}

static void open_log(struct audit_log *a, const struct place *p)
{
	assert_int_equal(audit_log_open(a, p->fd), 0);
	a->gateway = "gw";
}

static void add(struct audit_log *a, const char *event, const char *commit, const char *text)
{
	const struct audit_entry_new e = { event, commit, NULL, text };

	assert_int_equal(audit_log_add(a, &e), 0);
}

static void read_log(const struct place *p, unsigned int number, struct buf *out)
{
	char name[64];

	buf_reset(out);
	snprintf(name, sizeof(name), AUDIT_DIR "/%06u.log", number);
	assert_int_equal(durable_read(p->fd, name, TRAIL_FILE_MAX, out), 0);
}

static int walk_folder(const struct place *p, struct trail *t, char *err, size_t err_size)
{
	char dir[80];
	const char *path = dir;

	memset(t, 0, sizeof(*t));
	snprintf(dir, sizeof(dir), "%s/" AUDIT_DIR, p->path);
	return trail_walk_paths(t, &path, 1, NULL, NULL, err, err_size);
}

static int judge(const char *data, size_t len, size_t *line)
{
	struct trail t = { .seq = 0 };
	char err[256] = "";
	int ret = trail_walk(&t, data, len, NULL, NULL, line, err, sizeof(err));

	assert_true(ret == 0 || (ret == -EBADMSG && err[0] != '\0'));
	return ret;
}

/* ---- writing ---- */

static void test_write(void **state)
{
	const struct place *p = *state;
	struct audit_log a;
	struct trail t;
	char err[256];

	open_log(&a, p);
	add(&a, "started", NULL, NULL);
	add(&a, "applied", COMMIT_A, "text with \"quotes\", \n lines and \xff bytes");
	audit_log_close(&a);
	open_log(&a, p); /* goes on */
	add(&a, "stopped", NULL, NULL);
	assert_int_equal(a.seq, 3);
	struct digest head = a.head;
	audit_log_close(&a);
	assert_int_equal(walk_folder(p, &t, err, sizeof(err)), 0);
	assert_int_equal(t.first, 1);
	assert_int_equal(t.seq, 3);
	assert_memory_equal(t.head.b, head.b, sizeof(head.b));
}

static void test_torn(void **state)
{
	const struct place *p = *state;
	struct buf b BUF_CLEANUP = BUF_INIT;
	struct audit_log a;
	struct trail t;
	char err[256];

	open_log(&a, p);
	add(&a, "started", NULL, NULL);
	add(&a, "applied", COMMIT_A, NULL);
	assert_int_equal(write(a.fd, "{\"boot\":\"x", 10), 10); /* power loss within a line */
	audit_log_close(&a);
	assert_int_equal(walk_folder(p, &t, err, sizeof(err)), -EBADMSG);
	assert_non_null(strstr(err, "000001.log:3: the last line is cut off"));
	open_log(&a, p);
	audit_log_close(&a);
	assert_int_equal(walk_folder(p, &t, err, sizeof(err)), 0);
	read_log(p, 1, &b);
	assert_non_null(strstr(buf_str(&b), "\"ev\":\"torn\""));
	assert_non_null(strstr(buf_str(&b), "10 bytes"));
}

static void test_rotation(void **state)
{
	const struct place *p = *state;
	struct audit_log a;
	struct trail t;
	char err[256], name[64];

	open_log(&a, p);
	a.max = 1000;
	for (int i = 0; i < 300; i++)
		add(&a, "repaired", COMMIT_A, "twenty bytes of text");
	unsigned int last = a.number;
	assert_true(last > AUDIT_FILES + 10);
	audit_log_close(&a);
	snprintf(name, sizeof(name), AUDIT_DIR "/%06u.log", last - AUDIT_FILES);
	assert_int_equal(faccessat(p->fd, name, F_OK, 0), -1);
	snprintf(name, sizeof(name), AUDIT_DIR "/%06u.log", last - AUDIT_FILES + 1);
	assert_int_equal(faccessat(p->fd, name, F_OK, 0), 0);
	/* What is left is whole, from where it begins. */
	assert_int_equal(walk_folder(p, &t, err, sizeof(err)), 0);
	assert_int_equal(t.seq, 300);
	assert_true(t.first > 1);
	open_log(&a, p);
	assert_int_equal(a.number, last);
	add(&a, "started", NULL, NULL);
	assert_int_equal(a.seq, 301);
	audit_log_close(&a);
	/* A file of the middle is gone. */
	snprintf(name, sizeof(name), AUDIT_DIR "/%06u.log", last - 3);
	assert_int_equal(unlinkat(p->fd, name, 0), 0);
	assert_int_equal(walk_folder(p, &t, err, sizeof(err)), -EBADMSG);
	assert_non_null(strstr(err, "lines are missing"));
}

/* A disk without room, by the size that a file may have: a line is whole, or not there. */
static void test_full(void **state)
{
	const struct place *p = *state;
	const struct audit_entry_new e = { "applied", COMMIT_A, NULL, "some text that makes the line longer than what is left" };
	struct rlimit old, small;
	struct audit_log a;
	struct trail t;
	char err[256];
	struct buf b BUF_CLEANUP = BUF_INIT;

	signal(SIGXFSZ, SIG_IGN);
	open_log(&a, p);
	add(&a, "started", NULL, NULL);
	off_t before = a.size;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ (rlim_t)before + 30, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int ret = audit_log_add(&a, &e), again = audit_log_add(&a, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(ret, -EFBIG);
	assert_int_equal(again, -EFBIG);
	assert_int_equal(a.size, before);
	assert_int_equal(a.seq, 1);
	add(&a, "applied", COMMIT_A, NULL); /* there is room again */
	audit_log_close(&a);
	assert_int_equal(walk_folder(p, &t, err, sizeof(err)), 0);
	assert_int_equal(t.seq, 2);
	read_log(p, 1, &b);
	assert_non_null(strstr(buf_str(&b), "\"missed\":2"));
}

static void test_closed(void **state)
{
	struct audit_log a = AUDIT_LOG_NONE;
	const struct audit_entry_new e = { .event = "started" };

	(void)state;
	assert_int_equal(audit_log_add(&a, &e), -EBADF); /* it goes to the log */
	assert_true(audit_log_deadline(&a) == INT64_MAX);
	audit_log_work(&a, 0, true);
	audit_log_close(&a);
}

static void test_checkpoint(void **state)
{
	const struct place *p = *state;
	struct audit_log a;

	open_log(&a, p);
	int64_t now = a.told_ms;
	for (int i = 0; i < AUDIT_CHECKPOINT_LINES - 1; i++)
		add(&a, "repaired", COMMIT_A, NULL);
	assert_true(a.unsynced);
	audit_log_work(&a, now, false);
	assert_true(a.unsynced); /* a turn waits */
	audit_log_work(&a, now, true);
	assert_false(a.unsynced);
	assert_int_equal(a.told_seq, 0);
	assert_true(audit_log_deadline(&a) == a.told_ms + AUDIT_CHECKPOINT_MS);
	add(&a, "repaired", COMMIT_A, NULL);
	audit_log_work(&a, now, true);
	assert_int_equal(a.told_seq, AUDIT_CHECKPOINT_LINES);
	add(&a, "repaired", COMMIT_A, NULL);
	audit_log_work(&a, a.unsynced_ms + AUDIT_SYNC_MS, false);
	assert_false(a.unsynced);
	audit_log_work(&a, now + AUDIT_CHECKPOINT_MS, true);
	assert_int_equal(a.told_seq, AUDIT_CHECKPOINT_LINES + 1);
	audit_log_close(&a);
}

/* ---- tampering ---- */

static void some_trail(const struct place *p, struct buf *out)
{
	struct audit_log a;

	open_log(&a, p);
	for (int i = 0; i < 6; i++)
		add(&a, i % 2 ? "repaired" : "applied", COMMIT_A, "a text");
	audit_log_close(&a);
	read_log(p, 1, out);
}

/* Any bit of any byte: told, at that line or the next; but for the last line only where it does not parse or belong any more. */
static void test_bits(void **state)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	size_t line, at = 1;

	some_trail(*state, &b);
	assert_int_equal(judge(b.p, b.len, &line), 0);
	assert_int_equal(line, 6);
	const char *last = memrchr(b.p, '\n', b.len - 1);
	for (size_t i = 0; b.p + i <= last; i++) {
		at += i > 0 && b.p[i - 1] == '\n';
		for (int bit = 0; bit < 8; bit++) {
			b.p[i] = (char)(b.p[i] ^ (1 << bit));
			assert_int_equal(judge(b.p, b.len, &line), -EBADMSG);
			assert_true(line == at || line == at + 1);
			b.p[i] = (char)(b.p[i] ^ (1 << bit));
		}
	}
}

static const char *line_at(const struct buf *b, size_t n, size_t *len)
{
	const char *p = b->p;

	for (; n > 1; n--)
		p = strchr(p, '\n') + 1;
	*len = (size_t)(strchr(p, '\n') - p) + 1;
	return p;
}

/* Puts lines together, 1 to 6, and says which is the first that is wrong; 0: none. */
static size_t first_wrong(const struct buf *b, const char *order)
{
	struct buf out BUF_CLEANUP = BUF_INIT;
	size_t line, len;

	for (; *order; order++) {
		const char *p = line_at(b, (size_t)(*order - '0'), &len);
		buf_add(&out, p, len);
	}
	return judge(buf_str(&out), out.len, &line) < 0 ? line : 0;
}

static void test_order(void **state)
{
	static const struct {
		const char *order;
		size_t wrong;
	} rows[] = {
		{ "123456", 0 }, { "13456", 2 }, { "213456", 2 }, { "1123456", 2 }, { "132456", 2 }, { "12345", 0 }, { "3456", 0 },
		{ "1234565", 7 }, { "1234561", 7 }, { "12356", 4 }, { "", 0 },
	};
	struct buf b BUF_CLEANUP = BUF_INIT;
	size_t line;

	some_trail(*state, &b);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (first_wrong(&b, rows[i].order) != rows[i].wrong)
			fail_msg("%s: %zu", rows[i].order, first_wrong(&b, rows[i].order));
	/* Cut anywhere: whole lines are whole, all else is told. */
	for (size_t len = 1; len < b.len; len++)
		assert_int_equal(judge(b.p, len, &line), b.p[len - 1] == '\n' ? 0 : -EBADMSG);
	/* A line that is right in itself and never was there. */
	char *seq = strstr(b.p, "\"seq\":1,");
	seq[6] = '2';
	assert_int_equal(judge(b.p, b.len, &line), -EBADMSG);
}

static void test_lines(void **state)
{
	static const char prev[] = "\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\"";
	static const char *const wrong[] = {
		"", "[]", "{}", "null", "{\"seq\":1}", "{\"ev\":\"x\",\"seq\":0,\"t\":\"2026-01-01T00:00:00Z\",%s}",
		"{\"ev\":\"\",\"seq\":9,\"t\":\"2026-01-01T00:00:00Z\",%s}", "{\"ev\":\"x\",\"seq\":9,\"t\":\"yesterday\",%s}",
		"{\"ev\":\"x\",\"seq\":\"9\",\"t\":\"2026-01-01T00:00:00Z\",%s}", "{\"ev\":\"x\",\"seq\":9,\"seq\":9,\"t\":\"2026-01-01T00:00:00Z\",%s}",
		"{\"ev\":\"x\",\"seq\":9,\"t\":\"2026-01-01T00:00:00Z\",\"prev\":\"00\"}", "{\"ev\":\"x\",\"seq\":-9,\"t\":\"2026-01-01T00:00:00Z\",%s}",
		"{\"commit\":\"HEAD\",\"ev\":\"x\",\"seq\":9,\"t\":\"2026-01-01T00:00:00Z\",%s}",
	};
	struct trail_event e;
	char err[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct buf line BUF_CLEANUP = BUF_INIT;
		const char *at = strstr(wrong[i], "%s");
		buf_add(&line, wrong[i], at ? (size_t)(at - wrong[i]) : strlen(wrong[i]));
		buf_adds(&line, at ? prev : "");
		buf_adds(&line, at ? at + 2 : "");
		assert_int_equal(trail_parse(&e, buf_str(&line), line.len, err, sizeof(err)), -EBADMSG);
	}
	struct buf line BUF_CLEANUP = BUF_INIT;
	buf_addf(&line, "{\"ev\":\"x\",\"seq\":9,\"t\":\"2026-01-01T00:00:00Z\",%s}", prev);
	assert_int_equal(trail_parse(&e, buf_str(&line), line.len, err, sizeof(err)), 0);
	assert_int_equal(e.seq, 9);
	trail_event_release(&e);
}

/* ---- what was enforced ---- */

static void raw(struct buf *out, struct trail *t, const char *event, const char *boot, const char *commit, int minute)
{
	char hex[DIGEST_HEX_MAX];
	size_t from = out->len;

	if (t->seq == 0)
		t->head = trail_hash("", 0);
	buf_addf(out, "{\"boot\":\"%s\",\"commit\":\"%s\",\"ev\":\"%s\",\"gateway\":\"gw\",\"prev\":\"%s\",\"seq\":%llu,\"t\":\"2026-01-01T00:%02d:00Z\"}", boot,
		 commit, event, digest_hex(&t->head, DIGEST_BYTES, hex), (unsigned long long)++t->seq, minute);
	t->head = trail_hash(out->p + from, out->len - from);
	buf_addc(out, '\n');
}

static void test_enforced(void **state)
{
	const struct place *p = *state;
	struct buf b BUF_CLEANUP = BUF_INIT;
	struct trail t = { .seq = 0 };
	struct enforced e;
	char path[100], err[256];

	raw(&b, &t, "started", "one", "", 0);
	raw(&b, &t, "applied", "one", COMMIT_A, 1);
	raw(&b, &t, "repaired", "one", COMMIT_A, 2);
	raw(&b, &t, "rejected", "one", COMMIT_B, 3);
	raw(&b, &t, "stopped", "one", COMMIT_A, 4);
	raw(&b, &t, "started", "one", COMMIT_A, 5); /* the kernel went on */
	raw(&b, &t, "enforced", "one", COMMIT_A, 6);
	raw(&b, &t, "applied", "one", COMMIT_B, 7);
	raw(&b, &t, "failed", "one", COMMIT_A, 8);
	raw(&b, &t, "started", "two", COMMIT_B, 20); /* the machine was down */
	raw(&b, &t, "enforced", "two", COMMIT_B, 21);
	raw(&b, &t, "pending", "two", COMMIT_A, 22);
	raw(&b, &t, "rolled-back", "two", COMMIT_A, 23);
	raw(&b, &t, "pending", "two", COMMIT_A, 24);
	raw(&b, &t, "applied", "two", COMMIT_A, 25);
	assert_int_equal(mkdirat(p->fd, AUDIT_DIR, 0700), 0);
	int dir = openat(p->fd, AUDIT_DIR, O_RDONLY | O_DIRECTORY);
	assert_int_equal(durable_write(dir, "000001.log", b.p, b.len), 0);
	close(dir);
	snprintf(path, sizeof(path), "%s/" AUDIT_DIR, p->path);
	enforced_init(&e);
	assert_int_equal(enforced_read(&e, path, err, sizeof(err)), 0);
	enforced_sort(&e);
	static const struct {
		const char *commit;
		int since, until;
		enum enforced_end end;
		uint64_t repairs;
	} want[] = {
		{ COMMIT_A, 1, 7, ENFORCED_REPLACED, 1 }, { COMMIT_B, 7, 8, ENFORCED_DOWN, 0 }, { COMMIT_B, 21, 22, ENFORCED_REPLACED, 0 },
		{ COMMIT_A, 22, 23, ENFORCED_BACK, 0 },   { COMMIT_B, 23, 24, ENFORCED_REPLACED, 0 }, { COMMIT_A, 24, 25, ENFORCED_STILL, 0 },
	};
	assert_int_equal(e.stay.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_string_equal(e.stay.v[i].commit, want[i].commit);
		assert_int_equal(e.stay.v[i].since / 60 % 60, want[i].since);
		assert_int_equal(e.stay.v[i].until / 60 % 60, want[i].until);
		assert_int_equal(e.stay.v[i].end, want[i].end);
		assert_int_equal(e.stay.v[i].repairs, want[i].repairs);
	}
	enforced_release(&e);
	assert_int_equal(enforced_read(&e, "/nowhere", err, sizeof(err)), -ENOENT);
	enforced_release(&e);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_write), WITH_PLACE(test_torn),  WITH_PLACE(test_rotation), WITH_PLACE(test_full),
		cmocka_unit_test(test_closed), WITH_PLACE(test_checkpoint), WITH_PLACE(test_bits), WITH_PLACE(test_order),
		cmocka_unit_test(test_lines), WITH_PLACE(test_enforced),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
