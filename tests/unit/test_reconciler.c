/* SPDX-License-Identifier: Apache-2.0 */
/* The reconciler's parts without a kernel: frames, messages, configuration, state, keys, enforcement, turns. */
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
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "apply/enforce.h"
#include "base/bug.h"
#include "base/clock.h"
#include "config.h"
#include "fetch/mirror.h"
#include "ipc.h"
#include "message.h"
#include "observe/host.h"
#include "report/control.h"
#include "report/text.h"
#include "seckey.h"
#include "state/durable.h"
#include "state/lock.h"
#include "state/patch.h"
#include "state/store.h"
#include "turn.h"

#define COMMIT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMMIT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* ---- helpers ---- */

static size_t open_fds(void)
{
	size_t n = 0;
	DIR *d = opendir("/proc/self/fd");

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

struct place {
	char path[64];
	int fd;
};

static int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->path, sizeof(p->path), "/tmp/yett-unit-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
	*state = p;
	return 0;
}

static void empty(const char *path)
{
	char sub[512];
	DIR *d = opendir(path);

	if (d == NULL)
		return;
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (unlink(sub) < 0) {
			empty(sub);
			rmdir(sub);
		}
	}
	closedir(d);
}

static int place_teardown(void **state)
{
	struct place *p = *state;

	close(p->fd);
	empty(p->path);
	rmdir(p->path);
	free(p);
	return 0;
}

static void put_file(const struct place *p, const char *name, const char *text, mode_t mode)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(durable_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void assert_file(const struct place *p, const char *name, const char *text)
{
	struct buf b BUF_CLEANUP = BUF_INIT;

	assert_int_equal(durable_read(p->fd, name, 1 << 20, &b), 0);
	assert_string_equal(buf_str(&b), text);
}

static size_t entries(const struct place *p)
{
	size_t n = 0;
	DIR *d = opendir(p->path);

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

/* ---- ipc ---- */

static void pair_open(int s[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
}

static void pair_close(int s[2])
{
	close(s[0]);
	close(s[1]);
}

static void test_ipc_round_trip(void **state)
{
	(void)state;
	int s[2];
	struct ipc_frame f;
	const void *data;
	size_t len;

	pair_open(s);
	size_t before = open_fds();
	int fd = ipc_memfd("t", "hello", 5);
	assert_true(fd >= 0);
	assert_int_equal(ipc_send(s[0], IPC_COMPILE_REQ, 7, "body", 4, fd), 0);
	assert_int_equal(ipc_send(s[0], IPC_FETCH_REQ, 8, NULL, 0, -1), 0);
	close(fd);
	assert_int_equal(ipc_recv(s[1], &f, 1000), 0);
	assert_int_equal(f.h.type, IPC_COMPILE_REQ);
	assert_int_equal(f.h.job, 7);
	assert_int_equal(f.h.len, 4);
	assert_memory_equal(f.body, "body", 4);
	assert_int_equal(ipc_map(f.fd, 5, &data, &len), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "hello", 5);
	munmap((void *)(uintptr_t)data, len);
	assert_int_equal(ipc_map(f.fd, 4, &data, &len), -EFBIG);
	assert_true(write(f.fd, "x", 1) < 0);
	close(f.fd);
	uint64_t seq = f.h.seq;
	assert_int_equal(ipc_recv(s[1], &f, 1000), 0);
	assert_int_equal(f.fd, -1);
	assert_true(f.h.seq >= seq);
	assert_int_equal(ipc_recv(s[1], &f, 1), -EAGAIN);
	assert_int_equal(open_fds(), before);
	assert_int_equal(ipc_send(s[0], IPC_FETCH_REQ, 1, NULL, IPC_BODY_MAX + 1, -1), -EMSGSIZE);
	close(s[0]);
	assert_int_equal(ipc_recv(s[1], &f, 1000), -EPIPE);
	assert_int_equal(ipc_send(s[1], IPC_FETCH_REQ, 1, NULL, 0, -1), -EPIPE);
	close(s[1]);
}

static void test_ipc_malformed(void **state)
{
	(void)state;
	const struct ipc_header good = { .magic = IPC_MAGIC, .version = IPC_VERSION, .type = IPC_FETCH_REQ };
	struct {
		struct ipc_header h;
		size_t send;
	} rows[] = {
		{ good, sizeof(good) - 1 }, { good, 1 }, { good, sizeof(good) + 3 }, { good, sizeof(good) },
		{ good, sizeof(good) },     { good, sizeof(good) }, { good, sizeof(good) },
	};
	uint8_t bytes[sizeof(good) + 16] = { 0 };
	int s[2];
	struct ipc_frame f;

	rows[3].h.magic ^= 1;
	rows[4].h.version = 2;
	rows[5].h.type = 0;
	rows[6].h.len = 0xffffffffu;
	pair_open(s);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(bytes, &rows[i].h, sizeof(good));
		assert_int_equal(send(s[0], bytes, rows[i].send, 0), rows[i].send);
		assert_int_equal(ipc_recv(s[1], &f, 1000), -EBADMSG);
		assert_int_equal(f.fd, -1);
	}
	/* Longer than a frame. */
	static uint8_t large[IPC_FRAME_MAX + 1];
	struct ipc_header h = good;
	h.len = sizeof(large) - sizeof(h);
	memcpy(large, &h, sizeof(h));
	assert_int_equal(send(s[0], large, sizeof(large), 0), sizeof(large));
	assert_int_equal(ipc_recv(s[1], &f, 1000), -EBADMSG);
	pair_close(s);
}

static void send_fds(int sock, size_t n)
{
	const struct ipc_header h = { .magic = IPC_MAGIC, .version = IPC_VERSION, .type = IPC_FETCH_REQ };
	struct iovec iov = { (void *)(uintptr_t)&h, sizeof(h) };
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(16 * sizeof(int))];
	} c;
	int fds[16];

	for (size_t i = 0; i < n; i++)
		fds[i] = STDERR_FILENO;
	memset(&c, 0, sizeof(c));
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	assert_int_equal(sendmsg(sock, &m, 0), sizeof(h));
}

static void test_ipc_surplus_descriptors(void **state)
{
	(void)state;
	static const size_t counts[] = { 2, 4, 5, 16 };
	int s[2];
	struct ipc_frame f;

	pair_open(s);
	size_t before = open_fds();
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		send_fds(s[0], counts[i]);
		assert_int_equal(ipc_recv(s[1], &f, 1000), -EBADMSG);
		assert_int_equal(f.fd, -1);
		assert_int_equal(open_fds(), before);
	}
	pair_close(s);
}

static void test_ipc_seals(void **state)
{
	(void)state;
	static const int partial[] = { 0, F_SEAL_SHRINK | F_SEAL_GROW, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
				       F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_WRITE };
	const void *data;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(partial); i++) {
		int fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(write(fd, "x", 1), 1);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, partial[i]), 0);
		assert_int_equal(ipc_map(fd, 100, &data, &len), -EBADMSG);
		close(fd);
	}
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(ipc_map(fd, SIZE_MAX, &data, &len), -EBADMSG);
	close(fd);
	fd = ipc_memfd("t", "", 0);
	assert_int_equal(ipc_map(fd, 100, &data, &len), -EBADMSG);
	close(fd);
}

/* ---- messages ---- */

static struct ipc_frame frame_of(enum ipc_type type, size_t len, bool fd)
{
	struct ipc_frame f = { .h = { .type = (uint16_t)type, .len = (uint32_t)len }, .fd = -1 };

	if (fd)
		f.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return f;
}

static void test_message_rules(void **state)
{
	(void)state;
	const struct {
		enum ipc_type type;
		size_t len;
		bool fd;
		enum role_id role;
		enum message_direction dir;
		bool ok;
	} rows[] = {
		{ IPC_FETCH_RES, sizeof(struct ipc_fetch_res), false, ROLE_FETCH, FROM_ROLE, true },
		{ IPC_FETCH_RES, sizeof(struct ipc_fetch_res) + 9, true, ROLE_FETCH, FROM_ROLE, true },
		{ IPC_FETCH_RES, sizeof(struct ipc_fetch_res) - 1, false, ROLE_FETCH, FROM_ROLE, false },
		{ IPC_FETCH_RES, sizeof(struct ipc_fetch_res), false, ROLE_COMPILE, FROM_ROLE, false },
		{ IPC_FETCH_RES, sizeof(struct ipc_fetch_res), false, ROLE_FETCH, TO_ROLE, false },
		{ IPC_COMPILE_REQ, sizeof(struct ipc_compile_req), true, ROLE_COMPILE, TO_ROLE, true },
		{ IPC_COMPILE_REQ, sizeof(struct ipc_compile_req), false, ROLE_COMPILE, TO_ROLE, false },
		{ IPC_COMPILE_REQ, sizeof(struct ipc_compile_req) + 1, true, ROLE_COMPILE, TO_ROLE, false },
		{ IPC_COMPARE_REQ, sizeof(struct ipc_compare_req), true, ROLE_COMPILE, TO_ROLE, true },
		{ IPC_COMPARE_REQ, sizeof(struct ipc_compare_req), false, ROLE_COMPILE, TO_ROLE, false },
		{ IPC_COMPARE_REQ, sizeof(struct ipc_compare_req), true, ROLE_APPLY, TO_ROLE, false },
		{ IPC_COMPARE_REQ, sizeof(struct ipc_compare_req), true, ROLE_COMPILE, FROM_ROLE, false },
		{ IPC_COMPARE_RES, sizeof(struct ipc_compare_res), true, ROLE_COMPILE, FROM_ROLE, true },
		{ IPC_COMPARE_RES, sizeof(struct ipc_compare_res), true, ROLE_FETCH, FROM_ROLE, false },
		{ IPC_HELLO_REQ, sizeof(struct ipc_hello_req), false, ROLE_APPLY, TO_ROLE, true },
		{ IPC_HELLO_REQ, sizeof(struct ipc_hello_req), true, ROLE_APPLY, TO_ROLE, false },
		{ IPC_APPLY_RES, sizeof(struct ipc_apply_res), false, ROLE_FETCH, FROM_ROLE, false },
		{ (enum ipc_type)999, 0, false, ROLE_FETCH, FROM_ROLE, false },
	};
	size_t before = open_fds();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipc_frame f = frame_of(rows[i].type, rows[i].len, rows[i].fd);
		assert_int_equal(message_check(&f, rows[i].role, rows[i].dir), rows[i].ok ? 0 : -EBADMSG);
		if (f.fd >= 0)
			close(f.fd);
	}
	assert_int_equal(open_fds(), before);
}

static void test_message_text(void **state)
{
	(void)state;
	int s[2];
	struct ipc_frame f;
	const struct ipc_hello_res res = { 0 };
	static char out[MESSAGE_TEXT_MAX + 1], large[2 * MESSAGE_TEXT_MAX];

	pair_open(s);
	assert_int_equal(message_send(s[0], IPC_HELLO_RES, 1, &res, sizeof(res), "a\033[2Jb\nc\r\n", 10, -1), 0);
	assert_int_equal(ipc_recv(s[1], &f, 1000), 0);
	assert_int_equal(message_check(&f, ROLE_APPLY, FROM_ROLE), 0);
	assert_string_equal(message_text(&f, out, sizeof(out)), "a?[2Jb\nc?");
	assert_string_equal(message_text(&f, out, 3), "a?");
	memset(large, 'x', sizeof(large));
	assert_int_equal(message_send(s[0], IPC_HELLO_RES, 1, &res, sizeof(res), large, sizeof(large), -1), 0);
	assert_int_equal(ipc_recv(s[1], &f, 1000), 0);
	assert_int_equal(strlen(message_text(&f, out, sizeof(out))), MESSAGE_TEXT_MAX);
	pair_close(s);
}

static void test_commit_text(void **state)
{
	(void)state;
	const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "", true }, { COMMIT_A, true }, { "abc", false }, { COMMIT_A "0", false },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false }, { "../../../../../../../../../../../../../../", false },
	};
	char text[COMMIT_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(text, 0, sizeof(text));
		memcpy(text, rows[i].text, strlen(rows[i].text));
		assert_int_equal(commit_text_ok(text), rows[i].ok);
	}
	memset(text, 'a', sizeof(text)); /* no NUL */
	assert_false(commit_text_ok(text));
}

/* ---- configuration ---- */

#define CONFIG_GOOD \
	"gateway: fra-1\nrepository: https://git.example.com/net/policy.git\nprivate_key_file: /etc/yett/key\n" \
	"trust: {mode: unsigned}\n"

struct parsed {
	struct arena arena;
	struct diags diags;
	struct config config;
};

static void parse(struct parsed *p, const char *text)
{
	arena_init(&p->arena);
	diags_init(&p->diags, &p->arena);
	config_parse(&p->config, "yettd.yaml", text, strlen(text), &p->arena, &p->diags);
}

static void parsed_release(struct parsed *p)
{
	diags_release(&p->diags);
	arena_release(&p->arena);
}

static void test_config_good(void **state)
{
	(void)state;
	struct parsed p;

	parse(&p, CONFIG_GOOD);
	assert_int_equal(p.diags.errors, 0);
	assert_string_equal(p.config.gateway, "fra-1");
	assert_string_equal(p.config.branch, "main");
	assert_string_equal(p.config.path, "");
	assert_string_equal(p.config.state_dir, CONFIG_DEFAULT_STATE);
	assert_string_equal(p.config.control_socket, CONFIG_DEFAULT_SOCKET);
	assert_int_equal(p.config.interval, 60);
	assert_int_equal(p.config.trust.mode, TRUST_UNSIGNED);
	assert_int_equal(p.config.wireguard.backend, WG_AUTO);
	parsed_release(&p);

	parse(&p, CONFIG_GOOD "interval: 2m\nbranch: live\npath: net/vpn\nwireguard: {backend: userspace}\nstate_dir: /srv/y\n");
	assert_int_equal(p.diags.errors, 0);
	assert_int_equal(p.config.interval, 120);
	assert_string_equal(p.config.branch, "live");
	assert_string_equal(p.config.path, "net/vpn");
	assert_int_equal(p.config.wireguard.backend, WG_USERSPACE);
	parsed_release(&p);
	parse(&p, "gateway: a\nrepository: /r\nprivate_key_file: /k\ntrust: {allowed_signers: /s}\n");
	assert_int_equal(p.diags.errors, 0);
	assert_int_equal(p.config.trust.mode, TRUST_COMMIT); /* what stands there says it */
	parsed_release(&p);
}

static void test_config_errors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *code, *message;
		uint32_t line, col;
	} rows[] = {
		{ CONFIG_GOOD "intervall: 5s\n", "E_FIELD", "intervall", 5, 1 },
		{ CONFIG_GOOD "wireguard: {engine: auto}\n", "E_FIELD", "engine", 5, 13 },
		{ CONFIG_GOOD "wireguard: {backend: fast}\n", "E_TYPE", "auto, kernel, userspace", 5, 22 },
		{ CONFIG_GOOD "wireguard: auto\n", "E_TYPE", "mapping", 5, 12 },
		{ CONFIG_GOOD "confirm: {window: 20s}\n", "E_TYPE", "30s and 10m", 5, 19 },
		{ CONFIG_GOOD "confirm: {share: 101}\n", "E_TYPE", "0 and 100", 5, 18 },
		{ CONFIG_GOOD "confirm: {probes: [git, ping]}\n", "E_TYPE", "not ping", 5, 25 },
		{ CONFIG_GOOD "confirm: {probes: [\"tcp:1.2.3.4:0\"]}\n", "E_TYPE", "tcp:ADDRESS:PORT", 5, 20 },
		{ CONFIG_GOOD "confirm: {probes: [\"tcp:::1:22\"]}\n", "E_TYPE", "tcp:ADDRESS:PORT", 5, 20 },
		{ CONFIG_GOOD "confirm: {probes: git}\n", "E_TYPE", "list", 5, 19 },
		{ CONFIG_GOOD "limits: {removed_peers: -1}\n", "E_TYPE", "removed_peers", 5, 25 },
		{ CONFIG_GOOD "management: {networks: [10.0.0.1/8]}\n", NULL, "networks", 5, 25 },
		{ CONFIG_GOOD "operators: [-1]\n", "E_TYPE", "user numbers", 5, 13 },
		{ CONFIG_GOOD "listen: localhost:9469\n", "E_TYPE", "listen", 5, 9 },
		{ CONFIG_GOOD "listen: 127.0.0.1:0\n", "E_TYPE", "listen", 5, 9 },
		{ CONFIG_GOOD "listen: 127.0.0.1\n", "E_TYPE", "listen", 5, 9 },
		{ CONFIG_GOOD "hook: {secret_file: /etc/yett/hook}\n", "E_REQUIRED", "listen", 5, 7 },
		{ CONFIG_GOOD "log: {format: xml}\n", "E_TYPE", "text, json", 5, 15 },
		{ CONFIG_GOOD "interval: 0s\n", "E_TYPE", "interval", 5, 11 },
		{ CONFIG_GOOD "interval: soon\n", NULL, "interval", 5, 11 },
		{ CONFIG_GOOD "interval: [5s]\n", "E_TYPE", "interval", 5, 11 },
		{ CONFIG_GOOD "state_dir: yett\n", "E_TYPE", "state_dir", 5, 12 },
		{ CONFIG_GOOD "branch:\n", "E_TYPE", "branch", 5, 8 },
		{ CONFIG_GOOD "gateway: other\n", "E_YAML_DUP", "", 5, 1 },
		{ "gateway: a\nrepository: /r\nprivate_key_file: /k\n", "E_TRUST", "trust", 1, 1 },
		{ "gateway: a\nrepository: /r\nprivate_key_file: /k\ntrust: {mode: release}\n", "E_LATER", "release mode", 4, 15 },
		{ "gateway: a\nrepository: /r\nprivate_key_file: /k\ntrust: {mode: commit}\n", "E_TRUST", "whom to trust", 4, 8 },
		{ "gateway: a\nrepository: /r\nprivate_key_file: /k\ntrust: {anchor: abc}\n", "E_TYPE", "whole commit id", 4, 17 },
		{ "gateway: a\nrepository: /r\nprivate_key_file: /k\ntrust: {allowed_signers: here}\n", "E_TYPE", "starts with /", 4, 26 },
		{ "gateway: a\nrepository: /r\nprivate_key_file: /k\ntrust: {mode: unsigned, allowed_signers: /s}\n", "E_TRUST",
		  "nobody is to be named", 4, 8 },
		{ "gateway: a\nrepository: http://x/y\nprivate_key_file: /k\ntrust: {mode: unsigned}\n", "E_REPOSITORY", "http", 2, 13 },
		{ "gateway: a\nrepository: some/where\nprivate_key_file: /k\ntrust: {mode: unsigned}\n", "E_REPOSITORY", "path", 2, 13 },
		{ "gateway: a\nrepository: /r\ntrust: {mode: unsigned}\n", "E_REQUIRED", "private_key_file", 1, 1 },
		{ "- a\n", "E_TYPE", "document", 1, 1 },
		{ "", "E_TYPE", "document", 1, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct parsed p;
		parse(&p, rows[i].text);
		if (p.diags.errors != 1)
			diags_print(&p.diags, &(struct diag_style){ .format = DIAG_TEXT }, stderr);
		assert_int_equal(p.diags.errors, 1);
		const struct diag *d = &p.diags.v[0];
		if (rows[i].code != NULL)
			assert_string_equal(d->code, rows[i].code);
		assert_non_null(strstr(d->message, rows[i].message));
		assert_int_equal(d->loc.line, rows[i].line);
		if (rows[i].col != 8) /* an empty value's place is the parser's */
			assert_int_equal(d->loc.col, rows[i].col);
		parsed_release(&p);
	}
}

static void test_config_confirm(void **state)
{
	(void)state;
	struct parsed p;

	parse(&p, CONFIG_GOOD);
	assert_int_equal(p.config.confirm.mode, CONFIRM_AUTO);
	assert_int_equal(p.config.confirm.when, CONFIRM_RISKY);
	assert_int_equal(p.config.confirm.window, 120);
	assert_true(p.config.confirm.git && p.config.confirm.tunnels);
	assert_int_equal(p.config.limits.removed_share, 30);
	assert_int_equal(p.config.limits.removed_peers, 10);
	assert_true(config_may_operate(&p.config, 0));
	assert_false(config_may_operate(&p.config, 1000));
	parsed_release(&p);

	parse(&p, CONFIG_GOOD "confirm: {mode: manual, when: always, window: 10m, probes: [tunnels, \"tcp:192.0.2.1:22\", \"tcp:[2001:db8::1]:443\"]}\n"
			      "management: {networks: [192.0.2.0/24], keys: [gMrJYh+i5WwaWcQZIy8yu9r+Eygx34juDe0ncOJmW3Y=]}\n"
			      "operators: [1000, 1001]\nlimits: {removed_share: 50, removed_peers: 3}\n");
	assert_int_equal(p.diags.errors, 0);
	assert_int_equal(p.config.confirm.mode, CONFIRM_MANUAL);
	assert_int_equal(p.config.confirm.when, CONFIRM_ALWAYS);
	assert_int_equal(p.config.confirm.window, 600);
	assert_true(!p.config.confirm.git && p.config.confirm.tunnels);
	assert_int_equal(p.config.confirm.ntargets, 2);
	assert_int_equal(p.config.confirm.target[0].port, 22);
	assert_true(p.config.confirm.target[0].addr == addr_from_v4(0xc0000201));
	assert_false(addr_is_v4(p.config.confirm.target[1].addr));
	assert_int_equal(p.config.management.networks.n, 1);
	assert_int_equal(((const struct prefix *)p.config.management.networks.v)[0].len, 24);
	assert_int_equal(p.config.management.keys.n, 1);
	assert_true(config_may_operate(&p.config, 1001));
	assert_false(config_may_operate(&p.config, 1002));
	assert_int_equal(p.config.limits.removed_peers, 3);
	parsed_release(&p);
}

static void test_config_says_what_to_write(void **state)
{
	(void)state;
	struct parsed p;

	parse(&p, "gateway: a\nrepository: /r\nprivate_key_file: /k\n");
	assert_non_null(p.diags.v[0].hint);
	assert_non_null(strstr(p.diags.v[0].hint, "trust: {mode: unsigned}"));
	parsed_release(&p);
	parse(&p, CONFIG_GOOD "intervall: 5s\n");
	assert_non_null(p.diags.v[0].hint);
	assert_non_null(strstr(p.diags.v[0].hint, "interval"));
	parsed_release(&p);
}

static void test_config_redact(void **state)
{
	(void)state;
	struct arena a;

	arena_init(&a);
	assert_string_equal(config_redact("https://u:secret@h/p.git", &a), "https://u:***@h/p.git");
	assert_string_equal(config_redact("https://u@h/p:q@r", &a), "https://u@h/p:q@r");
	assert_string_equal(config_redact("git@h:p", &a), "git@h:p");
	assert_string_equal(config_redact("/srv/x", &a), "/srv/x");
	arena_release(&a);
}

/* ---- state ---- */

static void test_durable(void **state)
{
	struct place *p = *state;
	struct buf b BUF_CLEANUP = BUF_INIT;

	assert_int_equal(durable_write(p->fd, "f", "one", 3), 0);
	assert_file(p, "f", "one");
	put_file(p, ".f.tmp", "left by a crash", 0600);
	assert_int_equal(durable_write(p->fd, "f", "two", 3), 0);
	assert_file(p, "f", "two");
	assert_int_equal(entries(p), 1);
	assert_int_equal(durable_read(p->fd, "f", 2, &b), -EFBIG);
	assert_int_equal(durable_read(p->fd, "none", 2, &b), -ENOENT);
	assert_int_equal(symlinkat("f", p->fd, "link"), 0);
	assert_int_equal(durable_read(p->fd, "link", 100, &b), -ELOOP);
	/* A link in the way is replaced, not followed. */
	assert_int_equal(durable_write(p->fd, "link", "new", 3), 0);
	assert_file(p, "f", "two");
	assert_file(p, "link", "new");
}

/* A disk that takes no more: RLIMIT_FSIZE stands in for it. */
static void test_durable_full(void **state)
{
	struct place *p = *state;
	struct rlimit old, small;
	static const char big[8192];

	assert_int_equal(durable_write(p->fd, "f", "old", 3), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int ret = durable_write(p->fd, "f", big, sizeof(big));
	struct journal j;
	int opened = journal_open(&j, p->fd);
	char *text = malloc(8192);
	assert_non_null(text);
	memset(text, 'x', 8191);
	text[8191] = '\0';
	const struct journal_entry e = { "applied", COMMIT_A, "p", text, NULL };
	int appended = journal_append(&j, &e);
	free(text);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(ret, -EFBIG);
	assert_file(p, "f", "old");
	assert_int_equal(opened, 0);
	assert_int_equal(appended, -EFBIG);
	assert_file(p, JOURNAL_FILE, ""); /* the half line is cut off again */
	journal_close(&j);
	assert_int_equal(entries(p), 2);
}

static void append(struct journal *j, const char *event, const char *commit, const char *plan)
{
	const struct journal_entry e = { event, commit, plan, "text", NULL };

	assert_int_equal(journal_append(j, &e), 0);
}

static void test_journal(void **state)
{
	struct place *p = *state;
	struct journal j;
	char commit[COMMIT_TEXT_MAX] = "";

	assert_int_equal(journal_open(&j, p->fd), 0);
	assert_false(journal_applied(&j, "p1", commit));
	append(&j, "applying", COMMIT_A, "p1");
	assert_false(journal_applied(&j, "p1", commit));
	append(&j, "applied", COMMIT_A, "p1");
	append(&j, "applied", COMMIT_B, "p2");
	assert_true(journal_applied(&j, "p1", commit));
	assert_string_equal(commit, COMMIT_A);
	journal_close(&j);

	/* Power went away in the middle of a line. */
	int fd = openat(p->fd, JOURNAL_FILE, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"commit\":\"x", 12), 12);
	close(fd);
	assert_int_equal(journal_open(&j, p->fd), 0);
	assert_int_equal(j.seq, 4);
	append(&j, "applied", COMMIT_B, "p1");
	assert_true(journal_applied(&j, "p1", commit));
	assert_string_equal(commit, COMMIT_B);
	journal_close(&j);
}

static void test_journal_begins_anew(void **state)
{
	struct place *p = *state;
	struct journal j;
	char commit[COMMIT_TEXT_MAX] = "";
	struct stat st;

	assert_int_equal(journal_open(&j, p->fd), 0);
	j.max = 600;
	append(&j, "applied", COMMIT_A, "p1");
	for (int i = 0; i < 50; i++)
		append(&j, "repaired", COMMIT_A, "p1");
	assert_int_equal(fstatat(p->fd, JOURNAL_FILE, &st, 0), 0);
	assert_true(st.st_size < 1200);
	assert_int_equal(st.st_size, j.size);
	assert_true(journal_applied(&j, "p1", commit));
	uint64_t seq = j.seq;
	journal_close(&j);
	assert_int_equal(journal_open(&j, p->fd), 0);
	assert_int_equal(j.seq, seq);
	journal_close(&j);
}

static void test_lock(void **state)
{
	struct place *p = *state;
	pid_t holder = 0;
	int fd = lock_take(p->fd, &holder);

	assert_true(fd >= 0);
	assert_int_equal(lock_take(p->fd, &holder), -EAGAIN);
	assert_int_equal(holder, getpid());
	close(fd);
	fd = lock_take(p->fd, &holder);
	assert_true(fd >= 0);
	close(fd);
}

static void take(struct plan_ref *p, const void *bytes, size_t len, const char *commit)
{
	assert_int_equal(plan_ref_take(p, ipc_memfd("p", bytes, len), commit), 0);
}

static void test_store(void **state)
{
	struct place *p = *state;
	struct store s;
	struct plan_ref none = PLAN_REF_NONE, a = PLAN_REF_NONE, b = PLAN_REF_NONE;
	char err[256] = "";

	assert_int_equal(store_open(&s, p->path, err, sizeof(err)), 0);
	assert_int_equal(store_load_good(&s, &a, err, sizeof(err)), -ENOENT);
	take(&a, "plan bytes", 10, COMMIT_A);
	assert_int_equal(store_begin(&s, &none, &a), 0);
	assert_int_equal(store_applied(&s, &a, "done"), 0);
	assert_file(p, "plan/last-good", "plan bytes");
	struct store second;
	assert_int_equal(store_open(&second, p->path, err, sizeof(err)), -EAGAIN);
	assert_non_null(strstr(err, "another yettd"));
	store_close(&s);
	assert_int_equal(store_open(&s, p->path, err, sizeof(err)), 0);
	assert_int_equal(store_load_good(&s, &b, err, sizeof(err)), 0);
	assert_string_equal(a.digest, b.digest);
	assert_string_equal(b.commit, COMMIT_A);
	plan_ref_release(&a);
	plan_ref_release(&b);
	store_close(&s);
	assert_true(store_open(&s, "/proc/yett", err, sizeof(err)) < 0);
	assert_non_null(strstr(err, "/proc/yett"));
}

/* What the next start would find. */
static void assert_survives(const struct place *p, const struct plan_ref *want)
{
	struct store s = { .dirfd = -1, .plan_dirfd = -1, .lock_fd = -1, .journal.fd = -1, .audit = AUDIT_LOG_NONE };
	struct plan_ref got = PLAN_REF_NONE;
	char err[256] = "";

	s.dirfd = dup(p->fd);
	s.plan_dirfd = durable_dir(p->fd, "plan");
	assert_int_equal(journal_open(&s.journal, s.dirfd), 0);
	assert_int_equal(store_load_good(&s, &got, err, sizeof(err)), 0);
	assert_string_equal(got.digest, want->digest);
	plan_ref_release(&got);
	store_close(&s);
}

#define PLAN_BYTES 60000

/* One plan after the other, each a little different, with a crash at every point between. */
static void test_store_patches(void **state)
{
	struct place *p = *state;
	struct store s;
	struct plan_ref good = PLAN_REF_NONE, next = PLAN_REF_NONE;
	static uint8_t bytes[PLAN_BYTES + 400];
	char err[256] = "";
	struct stat st;

	randombytes_buf(bytes, sizeof(bytes));
	assert_int_equal(store_open(&s, p->path, err, sizeof(err)), 0);
	take(&next, bytes, PLAN_BYTES, COMMIT_A);
	assert_int_equal(store_begin(&s, &good, &next), 0);
	assert_int_equal(store_applied(&s, &next, ""), 0);
	assert_int_equal(s.behind, 0);
	good = next;
	for (size_t i = 1; i <= 150; i++) {
		memmove(bytes + 5000 + 41, bytes + 5000, sizeof(bytes) - 5000 - 41); /* something comes in */
		randombytes_buf(bytes + 5000, 41);
		randombytes_buf(bytes + PLAN_BYTES - 32, 32);                       /* and the checksum */
		bytes[9]++;                                                          /* and a count */
		next = (struct plan_ref)PLAN_REF_NONE;
		take(&next, bytes, PLAN_BYTES, COMMIT_B);
		assert_int_equal(store_begin(&s, &good, &next), 0);
		if (i % 10 == 1)
			assert_survives(p, &good);
		if (i % 7 == 0) { /* the kernel refused it: the next is made from the same */
			const struct journal_entry e = { "failed", COMMIT_B, next.digest, "no", NULL };
			assert_int_equal(store_note(&s, &good, &e), 0);
			plan_ref_release(&next);
			continue;
		}
		assert_int_equal(store_applied(&s, &next, ""), 0);
		plan_ref_release(&good);
		good = next;
		if (i % 10 == 2)
			assert_survives(p, &good);
		if (i == 40)
			assert_int_equal(store_settle(&s, &good), 0);
		if (i == 100)
			s.journal.max = 1; /* begins anew with each line: nothing may depend on older ones */
		if (i == 110)
			s.journal.max = JOURNAL_BYTES_MAX;
		assert_true(s.behind <= STORE_BEHIND_MAX);
	}
	assert_true(s.behind > 0);
	assert_survives(p, &good);
	assert_int_equal(store_settle(&s, &good), 0);
	assert_int_equal(s.behind, 0);
	assert_survives(p, &good);
	/* The lines of patches are short. */
	assert_int_equal(fstatat(p->fd, JOURNAL_FILE, &st, 0), 0);
	assert_true(st.st_size < 200 * 1000);
	/* A journal that was lost: the file alone, and patches go on from it. */
	store_close(&s);
	assert_int_equal(unlinkat(p->fd, JOURNAL_FILE, 0), 0);
	assert_int_equal(store_open(&s, p->path, err, sizeof(err)), 0);
	plan_ref_release(&good);
	assert_int_equal(store_load_good(&s, &good, err, sizeof(err)), 0);
	bytes[77]++;
	next = (struct plan_ref)PLAN_REF_NONE;
	take(&next, bytes, PLAN_BYTES, COMMIT_A);
	assert_int_equal(store_begin(&s, &good, &next), 0);
	assert_int_equal(store_applied(&s, &next, ""), 0);
	assert_int_equal(s.behind, 1);
	assert_survives(p, &next);
	plan_ref_release(&good);
	plan_ref_release(&next);
	store_close(&s);
}

/* Back and forth between the same two plans: which is in force is a question of order. */
static void test_store_back_and_forth(void **state)
{
	struct place *p = *state;
	struct store s;
	struct plan_ref none = PLAN_REF_NONE, plan[2] = { PLAN_REF_NONE, PLAN_REF_NONE };
	char err[256] = "";

	assert_int_equal(store_open(&s, p->path, err, sizeof(err)), 0);
	take(&plan[0], "one plan, and a tail", 20, COMMIT_A);
	take(&plan[1], "two plan, and a tail", 20, COMMIT_B);
	assert_int_equal(store_begin(&s, &none, &plan[0]), 0);
	assert_int_equal(store_applied(&s, &plan[0], ""), 0);
	for (int i = 1; i < 9; i++) {
		assert_int_equal(store_begin(&s, &plan[(i - 1) % 2], &plan[i % 2]), 0);
		assert_survives(p, &plan[(i - 1) % 2]);
		assert_int_equal(store_applied(&s, &plan[i % 2], ""), 0);
		assert_survives(p, &plan[i % 2]);
		if (i == 5)
			assert_int_equal(store_settle(&s, &plan[1]), 0);
	}
	plan_ref_release(&plan[0]);
	plan_ref_release(&plan[1]);
	store_close(&s);
}

static void test_patch(void **state)
{
	(void)state;
	static uint8_t old[20000], new[20000], huge[200000];
	struct buf patch BUF_CLEANUP = BUF_INIT, got BUF_CLEANUP = BUF_INIT;

	randombytes_buf(huge, sizeof(huge));
	for (int round = 0; round < 1000; round++) {
		size_t n = randombytes_uniform(round % 10 ? 200 : sizeof(old)), m = 0;
		randombytes_buf(old, n);
		for (size_t i = 0; i < n && round % 2; i++)
			old[i] &= 1; /* where much repeats, anchors mislead */
		for (size_t i = 0; i < n && m < sizeof(new) - 8; i++) { /* now and then something goes, comes or changes */
			uint32_t dice = (huge[(i * 7 + (size_t)round) % sizeof(huge)] << 8 | huge[(i * 11 + (size_t)round * 3) % sizeof(huge)]) % 1000;
			if (dice != 0)
				new[m++] = (uint8_t)(old[i] + (dice == 1));
			for (uint32_t k = 0; dice == 2 && k < 7; k++)
				new[m++] = (uint8_t)randombytes_random();
		}
		buf_reset(&patch);
		buf_reset(&got);
		if (patch_make(old, n, new, m, &patch) < 0)
			continue;
		assert_true(patch.len <= PATCH_MAX);
		assert_int_equal(patch_apply(old, n, patch.p, patch.len, sizeof(new), &got), 0);
		assert_int_equal(got.len, m);
		assert_true(m == 0 || memcmp(got.p, new, m) == 0);
		/* For other bytes, with less room, or damaged it is refused or gives other bytes; it never reads beyond. */
		for (size_t cut = 0; cut < patch.len && cut < 40; cut++) {
			buf_reset(&got);
			(void)patch_apply(old, n / 2, patch.p, patch.len - cut, m / 2, &got);
			assert_true(got.len <= m / 2);
			uint8_t was = (uint8_t)patch.p[cut];
			patch.p[cut] = (char)huge[(cut + (size_t)round) % sizeof(huge)];
			buf_reset(&got);
			(void)patch_apply(old, n, patch.p, patch.len, sizeof(new), &got);
			patch.p[cut] = (char)was;
		}
	}
	buf_reset(&patch);
	assert_int_equal(patch_make(huge, 100000, huge + 100000, 100000, &patch), -EFBIG);
}

/* ---- the private key ---- */

/* RFC 7748, section 6.1. */
#define KEY_TEXT "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo="
#define KEY_PUBLIC "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="

static int load_key(const struct place *p, const char *name, struct seckey **k, char *err, size_t err_size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", p->path, name);
	return seckey_load(path, k, err, err_size);
}

static void test_seckey(void **state)
{
	struct place *p = *state;
	struct seckey *k = NULL;
	struct pubkey pub;
	char text[KEY_TEXT_MAX], err[512] = "";

	put_file(p, "good", KEY_TEXT "\n", 0600);
	assert_int_equal(load_key(p, "good", &k, err, sizeof(err)), 0);
	seckey_public(k, &pub);
	assert_string_equal(pubkey_format(&pub, text), KEY_PUBLIC);
	seckey_free(k);
	put_file(p, "strict", KEY_TEXT, 0400);
	assert_int_equal(load_key(p, "strict", &k, err, sizeof(err)), 0);
	seckey_free(k);
	seckey_free(NULL);

	const struct {
		const char *text;
		mode_t mode;
		const char *says;
	} rows[] = {
		{ KEY_TEXT "\n", 0640, "chmod 600" },        { KEY_TEXT "\n", 0604, "chmod 600" },
		{ "", 0600, "wg genkey" },                   { KEY_TEXT "\n\n", 0600, "wg genkey" },
		{ KEY_TEXT "AAAA", 0600, "wg genkey" },      { "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCp=", 0600, "wg genkey" },
		{ "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC==", 0600, "wg genkey" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put_file(p, "bad", rows[i].text, rows[i].mode);
		assert_true(load_key(p, "bad", &k, err, sizeof(err)) < 0);
		assert_non_null(strstr(err, rows[i].says));
		assert_null(strstr(err, "dwdtCn"));
	}
	assert_int_equal(symlinkat("good", p->fd, "link"), 0);
	assert_int_equal(load_key(p, "link", &k, err, sizeof(err)), -ELOOP);
	assert_int_equal(load_key(p, "none", &k, err, sizeof(err)), -ENOENT);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(p->fd, "good", 65534, 65534, 0), 0);
		assert_int_equal(load_key(p, "good", &k, err, sizeof(err)), -EPERM);
	}
}

/* ---- enforcement against a kernel of our own ---- */

struct fake {
	struct gw_peer peers[4];
	size_t npeers;
	struct prefix address;
	int observes, applies;
	enum kernel_look look; /* of the last observe */
	int observe_error, apply_error;
	bool deaf; /* says yes and does nothing */
};

static int fake_observe(void *ctx, const char *interface, enum kernel_look look, struct arena *a, struct gw_plan *p, char *err, size_t err_size)
{
	struct fake *f = ctx;

	f->observes++;
	f->look = look;
	if (f->observe_error != 0) {
		snprintf(err, err_size, "none [E_NO_WIREGUARD]");
		return f->observe_error;
	}
	*p = (struct gw_plan){ .gateway = "", .interface = arena_strdup(a, interface), .present = true, .up = true, .mtu = 1420,
			       .listen_port = 51820, .address = &f->address, .naddresses = 1, .peer = f->peers,
			       .npeers = f->npeers, .nft = { .present = true } };
	p->public_key.b[0] = 9;
	return 0;
}

static int fake_apply(void *ctx, const struct plan_delta *d, const struct seckey *key, struct kernel_stats *st, char *err,
		      size_t err_size)
{
	struct fake *f = ctx;

	(void)key;
	f->applies++;
	st->sent_bytes = 100;
	if (f->apply_error != 0) {
		snprintf(err, err_size, "the kernel refuses the rule");
		return f->apply_error;
	}
	if (f->deaf)
		return 0;
	f->npeers = 0;
	for (size_t i = 0; i < d->want->npeers; i++) {
		f->peers[f->npeers] = d->want->peer[i];
		f->peers[f->npeers].name = NULL;
		f->peers[f->npeers].not_before = CLOCK_EVER;
		f->peers[f->npeers].expires = CLOCK_NEVER;
		f->npeers++;
	}
	return 0;
}

struct bench {
	struct fake fake;
	struct kernel kernel;
	struct gw_plan want;
	struct gw_peer peer;
	struct prefix ip;
	struct enforce e;
	struct ipc_apply_res res;
	struct buf text;
	uint64_t same_table;
	char err[512];
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->ip = (struct prefix){ addr_from_v4(0x0a070002), 32 };
	b->fake.address = (struct prefix){ addr_from_v4(0x0a070001), 32 };
	b->peer = (struct gw_peer){ .name = "laptop", .allowed_ips = &b->ip, .nallowed = 1, .not_before = CLOCK_EVER,
				    .expires = CLOCK_NEVER };
	b->peer.public_key.b[0] = 5;
	b->want = (struct gw_plan){ .gateway = "g", .interface = "wg0", .present = true, .up = true, .mtu = 1420,
				    .listen_port = 51820, .address = &b->fake.address, .naddresses = 1, .peer = &b->peer,
				    .npeers = 1, .nft = { .present = true } };
	b->want.public_key.b[0] = 9;
	b->kernel = (struct kernel){ .ctx = &b->fake, .observe = fake_observe, .apply = fake_apply };
	b->e = (struct enforce){ .kernel = &b->kernel, .want = &b->want, .now = 1000000, .mode = APPLY_ENFORCE, .same_table = &b->same_table };
}

static int bench_run(struct bench *b)
{
	memset(&b->res, 0, sizeof(b->res));
	buf_reset(&b->text);
	return enforce_run(&b->e, &b->res, &b->text, b->err, sizeof(b->err));
}

static void test_enforce(void **state)
{
	(void)state;
	struct bench b;

	bench_init(&b);
	b.e.mode = APPLY_DRY;
	assert_int_equal(bench_run(&b), 0);
	assert_int_equal(b.res.counts.peers_added, 1);
	assert_int_equal(b.fake.applies, 0);
	assert_true(b.text.len > 0);
	b.e.mode = APPLY_ENFORCE;
	assert_int_equal(bench_run(&b), 0);
	assert_int_equal(b.fake.applies, 1);
	assert_int_equal(b.res.counts.peers_added, 1);
	assert_int_equal(b.res.stats.sent_bytes, 100);
	assert_int_equal(b.res.peers_configured, 1);
	assert_int_equal(b.res.peers_planned, 1);
	/* Nothing differs: one look, no touch. */
	b.fake.observes = b.fake.applies = 0;
	assert_int_equal(bench_run(&b), 0);
	assert_int_equal(b.fake.observes, 1);
	assert_int_equal(b.fake.applies, 0);
	assert_int_equal(b.res.counts.total, 0);
	buf_release(&b.text);
}

static void test_enforce_failures(void **state)
{
	(void)state;
	struct bench b;

	bench_init(&b);
	b.fake.observe_error = -ENODEV;
	assert_int_equal(bench_run(&b), -ENODEV);
	assert_non_null(strstr(b.err, "E_NO_WIREGUARD"));
	b.fake.observe_error = 0;
	b.fake.apply_error = -EINVAL;
	assert_int_equal(bench_run(&b), -EINVAL);
	assert_non_null(strstr(b.err, "refuses"));
	assert_int_equal(b.fake.applies, 1);
	/* The read-back finds what acknowledgements hide. */
	b.fake.apply_error = 0;
	b.fake.applies = 0;
	b.fake.deaf = true;
	assert_int_equal(bench_run(&b), -EIO);
	assert_int_equal(b.fake.applies, ENFORCE_ROUNDS);
	assert_non_null(strstr(b.err, "differs"));
	buf_release(&b.text);
}

/* ---- the host ---- */

static uint32_t forwarding(const struct gw_plan *plan, const char *root)
{
	struct host h = HOST_NONE;

	host_open(&h, root);
	uint32_t off = host_forwarding(plan, &h);
	host_close(&h);
	return off;
}

static void test_host(void **state)
{
	struct place *p = *state;
	struct prefix both[2] = { { addr_from_v4(0x0a070001), 32 }, { (u128)0xfd << 120 | 1, 128 } };
	struct gw_plan plan = { .address = both, .naddresses = 2 };
	static const char *const dirs[] = { "proc", "proc/sys", "proc/sys/net", "proc/sys/net/ipv4", "proc/sys/net/ipv6",
					    "proc/sys/net/ipv6/conf", "proc/sys/net/ipv6/conf/all" };

	assert_int_equal(forwarding(&plan, p->path), 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		assert_int_equal(mkdirat(p->fd, dirs[i], 0700), 0);
	put_file(p, "proc/sys/net/ipv4/ip_forward", "0\n", 0600);
	put_file(p, "proc/sys/net/ipv6/conf/all/forwarding", "0\n", 0600);
	assert_int_equal(forwarding(&plan, p->path), HOST_FORWARDING4_OFF | HOST_FORWARDING6_OFF);
	plan.naddresses = 1;
	assert_int_equal(forwarding(&plan, p->path), HOST_FORWARDING4_OFF);
	put_file(p, "proc/sys/net/ipv4/ip_forward", "1\n", 0600);
	assert_int_equal(forwarding(&plan, p->path), 0);
	const struct {
		uint32_t bit;
		struct nft_neighbour n;
		const char *part[2];
	} rows[] = {
		{ HOST_FORWARDING4_OFF, { .kind = 0 }, { "sysctl -w net.ipv4.ip_forward=1", "W_FORWARDING_OFF" } },
		{ HOST_FORWARDING6_OFF, { .kind = 0 }, { "sysctl -w net.ipv6.conf.all.forwarding=1", "W_FORWARDING_OFF" } },
		{ HOST_FOREIGN_DROP, { NEIGHBOUR_OTHER, "ip", "mine", "fwd" },
		  { "nft insert rule ip mine fwd iifname wg7 accept && nft insert rule ip mine fwd oifname wg7 accept", "W_FOREIGN_DROP" } },
		{ HOST_FOREIGN_DROP, { NEIGHBOUR_DOCKER, "ip6", "filter", "FORWARD" },
		  { "ip6tables -I DOCKER-USER -i wg7 -j ACCEPT && ip6tables -I DOCKER-USER -o wg7 -j ACCEPT", "table ip6 filter" } },
		{ HOST_FOREIGN_DROP, { NEIGHBOUR_UFW, "ip", "filter", "FORWARD" },
		  { "ufw route allow in on wg7 && ufw route allow out on wg7", "chain FORWARD" } },
		{ HOST_FOREIGN_DROP, { NEIGHBOUR_FIREWALLD, "inet", "firewalld", "filter_FORWARD" },
		  { "--zone=trusted --add-interface=wg7", "W_FOREIGN_DROP" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipc_apply_res r = { .interface = "wg7", .neighbour = rows[i].n };
		struct buf text BUF_CLEANUP = BUF_INIT;
		host_warning_print(rows[i].bit, &r, &text);
		assert_non_null(strstr(buf_str(&text), rows[i].part[0]));
		assert_non_null(strstr(buf_str(&text), rows[i].part[1]));
	}
}

static void test_kernel_zone(void **state)
{
	(void)state;
	struct nft_item hour = { .kind = NFT_MATCH, .field = NFT_HOUR, .op = NFT_RANGE };
	struct nft_item plain = { .kind = NFT_MATCH, .field = NFT_TIME, .op = NFT_GE };
	struct nft_rule rules[2] = { { .item = &plain, .nitems = 1 }, { .item = &hour, .nitems = 1 } };
	struct nft_chain chain = { .name = "c_1", .rule = rules, .nrules = 1 };
	struct gw_plan plan = { .nft = { .chain = &chain, .nchains = 1 } };
	char err[512] = "";

	assert_int_equal(host_check_zone(&plan, -60, err, sizeof(err)), 0);
	chain.nrules = 2;
	assert_int_equal(host_check_zone(&plan, 0, err, sizeof(err)), 0);
	assert_int_equal(host_check_zone(&plan, -60, err, sizeof(err)), -ENOTSUP);
	assert_non_null(strstr(err, "E_KERNEL_TZ"));
}

/* ---- turns: the test plays the roles ---- */

struct stage {
	struct place *place;
	struct config config;
	struct store store;
	struct role role[ROLE_COUNT];
	int peer[ROLE_COUNT];
	struct turn turn;
};

static void stage_open(struct stage *s, struct place *p)
{
	char err[256];

	memset(s, 0, sizeof(*s));
	s->place = p;
	s->config = (struct config){ .gateway = "g", .repository = "/r", .branch = "main", .path = "" };
	assert_int_equal(store_open(&s->store, p->path, err, sizeof(err)), 0);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		int pair[2];
		pair_open(pair);
		role_init(&s->role[i], (enum role_id)i);
		s->role[i].sock = pair[0];
		s->role[i].ready = true;
		s->role[i].starts = 1;
		s->peer[i] = pair[1];
	}
	turn_init(&s->turn, &s->config, &s->store, s->role, "/r");
}

static void stage_close(struct stage *s)
{
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		close(s->role[i].sock);
		close(s->peer[i]);
	}
	turn_release(&s->turn);
	store_close(&s->store);
}

/* What a role was asked; the descriptor is closed. */
static struct ipc_frame *asked(struct stage *s, enum role_id id, enum ipc_type type)
{
	static struct ipc_frame f;

	assert_int_equal(ipc_recv(s->peer[id], &f, 1000), 0);
	assert_int_equal(message_check(&f, id, TO_ROLE), 0);
	assert_int_equal(f.h.type, type);
	if (f.fd >= 0)
		close(f.fd);
	return &f;
}

static int reply(struct stage *s, enum role_id id, enum ipc_type type, const void *fixed, size_t len, const char *text, int fd)
{
	struct ipc_frame f;

	assert_int_equal(message_send(s->peer[id], type, s->turn.job, fixed, len, text, strlen(text), fd), 0);
	assert_int_equal(ipc_recv(s->role[id].sock, &f, 1000), 0);
	assert_int_equal(message_check(&f, id, FROM_ROLE), 0);
	int ret = turn_frame(&s->turn, id, &f);
	if (f.fd >= 0)
		close(f.fd);
	return ret;
}

static void fetched(struct stage *s, enum fetch_verdict v, const char *commit, const char *text)
{
	struct ipc_fetch_res res = { .verdict = v };
	int fd = v == FETCH_NEW ? ipc_memfd("b", "bundle", 6) : -1;

	asked(s, ROLE_FETCH, IPC_FETCH_REQ);
	memcpy(res.commit, commit, strlen(commit));
	assert_int_equal(reply(s, ROLE_FETCH, IPC_FETCH_RES, &res, sizeof(res), text, fd), 0);
	if (fd >= 0)
		close(fd);
}

static void compiled(struct stage *s, enum compile_verdict v, const char *plan)
{
	struct ipc_compile_res res = { .verdict = v };
	int fd = v == COMPILE_PLAN ? ipc_memfd("p", plan, strlen(plan)) : -1;

	asked(s, ROLE_COMPILE, IPC_COMPILE_REQ);
	assert_int_equal(reply(s, ROLE_COMPILE, IPC_COMPILE_RES, &res, sizeof(res), v == COMPILE_PLAN ? "" : plan, fd), 0);
	if (fd >= 0)
		close(fd);
}

static bool applied(struct stage *s, int error, uint32_t changes)
{
	struct ipc_apply_res res = { .error = error, .counts = { .peers_added = changes, .total = changes },
				     .next_change = CLOCK_NEVER };
	struct ipc_apply_req req;

	memcpy(&req, asked(s, ROLE_APPLY, IPC_APPLY_REQ)->body, sizeof(req));
	assert_int_equal(reply(s, ROLE_APPLY, IPC_APPLY_RES, &res, sizeof(res), error ? "the kernel says no" : "", -1), 0);
	return req.reuse != 0;
}

static void first_plan(struct stage *s)
{
	turn_start(&s->turn, TURN_FULL, false);
	fetched(s, FETCH_NEW, COMMIT_A, "");
	compiled(s, COMPILE_PLAN, "plan one");
	assert_false(applied(s, 0, 1));
	assert_false(turn_running(&s->turn));
	assert_int_equal(s->turn.outcome, OUTCOME_APPLIED);
	assert_string_equal(s->turn.good.commit, COMMIT_A);
}

static void test_turn_applies(void **state)
{
	struct stage s;
	struct place *p = *state;

	stage_open(&s, p);
	first_plan(&s);
	assert_file(p, "plan/last-good", "plan one");
	/* Nothing new and somebody asks: the plan is enforced again, and not sent again. */
	turn_start(&s.turn, TURN_FULL, true);
	fetched(&s, FETCH_SAME, COMMIT_A, "");
	assert_true(applied(&s, 0, 0));
	assert_int_equal(s.turn.outcome, OUTCOME_UNCHANGED);
	/* Nothing new a moment after a look at the kernel: there is nothing to do. */
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_SAME, COMMIT_A, "");
	assert_false(turn_running(&s.turn));
	assert_int_equal(s.turn.outcome, OUTCOME_UNCHANGED);
	assert_non_null(strstr(buf_str(&s.turn.text), "is in force"));
	/* A while after it, or when that look found something, or was another life's. */
	s.turn.seen_ms -= 60000;
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_SAME, COMMIT_A, "");
	assert_true(turn_running(&s.turn));
	assert_true(applied(&s, 0, 1));
	assert_int_equal(s.turn.outcome, OUTCOME_REPAIRED);
	/* Drift. */
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_SAME, COMMIT_A, "");
	assert_true(applied(&s, 0, 2));
	assert_int_equal(s.turn.outcome, OUTCOME_REPAIRED);
	/* A commit that changes nothing here. */
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_NEW, COMMIT_B, "");
	compiled(&s, COMPILE_PLAN, "plan one");
	assert_true(applied(&s, 0, 0));
	assert_string_equal(s.turn.good.commit, COMMIT_B);
	/* The apply role began a new life: it needs the plan again. */
	s.role[ROLE_APPLY].starts++;
	turn_start(&s.turn, TURN_ENFORCE, false);
	assert_false(applied(&s, 0, 0));
	stage_close(&s);
}

static void test_turn_wears_the_compile_role(void **state)
{
	struct stage s;

	stage_open(&s, *state);
	first_plan(&s);
	for (uint32_t i = 1; i < ROLE_JOBS_MAX; i++) {
		assert_false(s.role[ROLE_COMPILE].worn);
		turn_start(&s.turn, TURN_FULL, false);
		fetched(&s, FETCH_NEW, i % 2 ? COMMIT_B : COMMIT_A, "");
		compiled(&s, COMPILE_PLAN, "plan one");
		applied(&s, 0, 0);
	}
	assert_true(s.role[ROLE_COMPILE].worn);
	stage_close(&s);
}

static void test_turn_rejects(void **state)
{
	struct stage s;

	stage_open(&s, *state);
	first_plan(&s);
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_NEW, COMMIT_B, "");
	assert_false(s.role[ROLE_COMPILE].worn);
	compiled(&s, COMPILE_TREE_ERRORS, "users.yaml:3:1: error: no");
	assert_true(s.role[ROLE_COMPILE].worn);
	applied(&s, 0, 0);
	assert_int_equal(s.turn.outcome, OUTCOME_REJECTED);
	assert_string_equal(s.turn.good.commit, COMMIT_A);
	/* The verdict lasts while the branch stays; a repair does not hide it. */
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_SAME, COMMIT_B, "");
	applied(&s, 0, 3);
	assert_int_equal(s.turn.outcome, OUTCOME_REJECTED);
	stage_close(&s);
}

static void test_turn_git_away(void **state)
{
	struct stage s;

	stage_open(&s, *state);
	/* Nothing to fall back on. */
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_FAILED, "", "cannot reach");
	assert_false(turn_running(&s.turn));
	assert_int_equal(s.turn.outcome, OUTCOME_FAILED);
	first_plan(&s);
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_FAILED, "", "cannot reach");
	applied(&s, 0, 5);
	assert_int_equal(s.turn.outcome, OUTCOME_FAILED);
	assert_string_equal(buf_str(&s.turn.text), "cannot reach");
	stage_close(&s);
}

static void test_turn_refused_plan(void **state)
{
	struct stage s;
	struct place *p = *state;

	stage_open(&s, p);
	first_plan(&s);
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_NEW, COMMIT_B, "");
	compiled(&s, COMPILE_PLAN, "plan two");
	assert_false(applied(&s, -EBUSY, 0));
	assert_true(turn_running(&s.turn)); /* back to the last good one */
	assert_false(applied(&s, 0, 4));
	assert_int_equal(s.turn.outcome, OUTCOME_FAILED);
	assert_string_equal(s.turn.good.commit, COMMIT_A);
	assert_file(p, "plan/last-good", "plan one");
	/* Not again before its time, unless somebody asks. */
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_SAME, COMMIT_B, "");
	applied(&s, 0, 0);
	assert_int_equal(s.turn.outcome, OUTCOME_FAILED);
	/* What cannot change by itself is held, over a restart too, until somebody says to try. */
	turn_start(&s.turn, TURN_FULL, true);
	fetched(&s, FETCH_SAME, COMMIT_B, "");
	applied(&s, -EINVAL, 0);
	applied(&s, 0, 0);
	assert_int_equal(s.turn.outcome, OUTCOME_FAILED);
	turn_start(&s.turn, TURN_FULL, true);
	fetched(&s, FETCH_SAME, COMMIT_B, "");
	applied(&s, 0, 0);
	assert_int_equal(s.turn.outcome, OUTCOME_HELD);
	assert_non_null(strstr(buf_str(&s.turn.text), "yettctl retry"));
	s.turn.held.n = 0;
	turn_load(&s.turn);
	assert_int_equal(s.turn.held.n, 1);
	assert_string_equal(s.turn.held.v[0].commit, COMMIT_B);
	s.turn.retry = true;
	turn_start(&s.turn, TURN_FULL, true);
	fetched(&s, FETCH_SAME, COMMIT_B, "");
	applied(&s, 0, 1);
	assert_int_equal(s.turn.outcome, OUTCOME_APPLIED);
	assert_string_equal(s.turn.good.commit, COMMIT_B);
	assert_survives(p, &s.turn.good);
	assert_int_equal(store_settle(&s.store, &s.turn.good), 0);
	assert_file(p, "plan/last-good", "plan two");
	stage_close(&s);
}

static void test_turn_lost_role(void **state)
{
	struct stage s;
	int64_t now = role_clock_ms();

	stage_open(&s, *state);
	first_plan(&s);
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_NEW, COMMIT_B, "");
	asked(&s, ROLE_COMPILE, IPC_COMPILE_REQ);
	turn_role_lost(&s.turn, ROLE_COMPILE, "the compile role was killed");
	applied(&s, 0, 0);
	assert_int_equal(s.turn.outcome, OUTCOME_FAILED);
	/* The same commit is asked for again; a role that is not ready yet is waited for. */
	s.role[ROLE_FETCH].ready = false;
	turn_start(&s.turn, TURN_FULL, false);
	assert_false(s.turn.sent);
	s.role[ROLE_FETCH].ready = true;
	turn_role_ready(&s.turn, ROLE_FETCH);
	struct ipc_fetch_req req;
	memcpy(&req, asked(&s, ROLE_FETCH, IPC_FETCH_REQ)->body, sizeof(req));
	assert_string_equal(req.known, COMMIT_A);
	assert_int_equal(turn_overdue(&s.turn, now), ROLE_COUNT);
	assert_int_equal(turn_overdue(&s.turn, now + 10 * 60000), ROLE_FETCH);
	turn_timeout(&s.turn);
	applied(&s, 0, 0);
	assert_int_equal(s.turn.outcome, OUTCOME_FAILED);
	stage_close(&s);
}

static void test_turn_wrong_frames(void **state)
{
	struct stage s;
	struct ipc_fetch_res res = { .verdict = FETCH_NEW, .commit = COMMIT_A };

	stage_open(&s, *state);
	turn_start(&s.turn, TURN_FULL, false);
	/* New without a bundle; a commit that is none; an answer to another question. */
	assert_int_equal(reply(&s, ROLE_FETCH, IPC_FETCH_RES, &res, sizeof(res), "", -1), -EBADMSG);
	res.verdict = FETCH_SAME;
	memset(res.commit, 'z', sizeof(res.commit));
	assert_int_equal(reply(&s, ROLE_FETCH, IPC_FETCH_RES, &res, sizeof(res), "", -1), -EBADMSG);
	struct ipc_compile_res compile = { .verdict = COMPILE_FAILED };
	assert_int_equal(reply(&s, ROLE_COMPILE, IPC_COMPILE_RES, &compile, sizeof(compile), "", -1), -EBADMSG);
	s.turn.job++;
	struct ipc_frame f = { .h = { .type = IPC_FETCH_RES, .job = s.turn.job - 1, .len = sizeof(res) }, .fd = -1 };
	assert_int_equal(turn_frame(&s.turn, ROLE_FETCH, &f), -EBADMSG);
	stage_close(&s);
}

static void test_turn_blames(void **state)
{
	struct stage s;
	struct ipc_compile_res res = { .verdict = COMPILE_BLAME };
	struct ipc_compile_req req;

	stage_open(&s, *state);
	first_plan(&s);
	turn_start(&s.turn, TURN_FULL, false);
	fetched(&s, FETCH_NEW, COMMIT_B, "");
	compiled(&s, COMPILE_PLAN, "plan two");
	applied(&s, -EINVAL, 0);
	memcpy(&req, asked(&s, ROLE_COMPILE, IPC_COMPILE_REQ)->body, sizeof(req));
	assert_string_equal(req.refusal, "the kernel says no");
	assert_string_equal(req.commit, COMMIT_B);
	assert_int_equal(reply(&s, ROLE_COMPILE, IPC_COMPILE_RES, &res, sizeof(res), "net.yaml:3:1 (Policy wiki)", -1), 0);
	applied(&s, 0, 0);
	assert_int_equal(s.turn.outcome, OUTCOME_FAILED);
	assert_non_null(strstr(buf_str(&s.turn.text), "the kernel says no; asked for by net.yaml:3:1 (Policy wiki)"));
	assert_non_null(strstr(s.turn.held.v[0].reason, "net.yaml:3:1"));
	stage_close(&s);
}

/* ---- words ---- */

static void test_control_parse(void **state)
{
	(void)state;
	const struct {
		const char *line;
		enum control_verb verb;
	} rows[] = {
		{ "{\"verb\":\"status\"}", VERB_STATUS }, { "{\"verb\":\"diff\"}", VERB_DIFF }, { "{\"verb\":\"sync\"}", VERB_SYNC },
		{ "{\"verb\":\"stop\"}", VERB_NONE },     { "{}", VERB_NONE }, { "[]", VERB_NONE }, { "", VERB_NONE },
		{ "{\"verb\":\"verify\"}", VERB_VERIFY }, { "{\"verb\":\"verify\",\"commit\":\"0123abc\"}", VERB_VERIFY },
		{ "{\"verb\":\"verify\",\"commit\":\"0123ab\"}", VERB_NONE }, { "{\"verb\":\"verify\",\"commit\":\"HEAD\"}", VERB_NONE },
		{ "{\"verb\":\"verify\",\"commit\":7}", VERB_NONE }, { "{\"verb\":\"verify\",\"commit\":\"0123ab\\u0000c\"}", VERB_NONE },
		{ "{\"verb\":1}", VERB_NONE },            { "{\"verb\":\"sync\",\"verb\":\"diff\"}", VERB_NONE },
		{ "{\"verb\":\"suspend\",\"for\":60}", VERB_SUSPEND },   { "{\"verb\":\"suspend\",\"for\":-1}", VERB_NONE },
		{ "{\"verb\":\"suspend\",\"for\":\"2h\"}", VERB_NONE },  { "{\"verb\":\"confirm\",\"commit\":\"1f2e3d4\"}", VERB_CONFIRM },
		{ "{\"verb\":\"confirm\",\"commit\":\"HEAD\"}", VERB_NONE }, { "{\"verb\":\"confirm\",\"commit\":\"\"}", VERB_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = NULL;
		struct control_args args;
		assert_int_equal(control_parse(rows[i].line, strlen(rows[i].line), &args, &why), rows[i].verb);
		assert_int_equal(why != NULL, rows[i].verb == VERB_NONE);
	}
}

static void test_text_of_counts(void **state)
{
	(void)state;
	struct buf b BUF_CLEANUP = BUF_INIT;
	struct change_counts c = { 0 };

	text_of_counts(&c, &b);
	assert_string_equal(buf_str(&b), "nothing");
	c.peers_added = 1;
	c.elements_removed = 2;
	c.link = LINK_UP;
	buf_reset(&b);
	text_of_counts(&c, &b);
	assert_string_equal(buf_str(&b), "interface up, +1 peer, -2 elements");
	buf_reset(&b);
	text_of_us(12345, &b);
	assert_string_equal(buf_str(&b), "12.3 ms");
}

#define in_place(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipc_round_trip),
		cmocka_unit_test(test_ipc_malformed),
		cmocka_unit_test(test_ipc_surplus_descriptors),
		cmocka_unit_test(test_ipc_seals),
		cmocka_unit_test(test_message_rules),
		cmocka_unit_test(test_message_text),
		cmocka_unit_test(test_commit_text),
		cmocka_unit_test(test_config_good),
		cmocka_unit_test(test_config_errors),
		cmocka_unit_test(test_config_confirm),
		cmocka_unit_test(test_config_says_what_to_write),
		cmocka_unit_test(test_config_redact),
		in_place(test_durable),
		in_place(test_durable_full),
		in_place(test_journal),
		in_place(test_journal_begins_anew),
		in_place(test_lock),
		in_place(test_store),
		in_place(test_store_patches),
		in_place(test_store_back_and_forth),
		cmocka_unit_test(test_patch),
		in_place(test_seckey),
		cmocka_unit_test(test_enforce),
		cmocka_unit_test(test_enforce_failures),
		in_place(test_host),
		cmocka_unit_test(test_kernel_zone),
		in_place(test_turn_applies),
		in_place(test_turn_wears_the_compile_role),
		in_place(test_turn_rejects),
		in_place(test_turn_git_away),
		in_place(test_turn_refused_plan),
		in_place(test_turn_blames),
		in_place(test_turn_lost_role),
		in_place(test_turn_wrong_frames),
		cmocka_unit_test(test_control_parse),
		cmocka_unit_test(test_text_of_counts),
	};

	if (sodium_init() < 0)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
