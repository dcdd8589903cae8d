/* SPDX-License-Identifier: Apache-2.0 */
/* What processes may do: the tables, and what is said of a process that left them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include "base/bug.h"
#include "fetch/remote.h"
#include "lockdown.h"
#include "role.h"
#include "sandbox/seccomp.h"
#include "sandbox/witness.h"

static const enum sandbox_who roles[] = { SANDBOX_SUPERVISOR, SANDBOX_FETCH, SANDBOX_JUDGE, SANDBOX_COMPILE,
					       SANDBOX_APPLY, SANDBOX_STATUS };

/* The first row that fits a call whose arguments are of no matter: none means that it is not on the list. */
static const struct call_row *find(enum sandbox_who who, int nr)
{
	for (size_t i = 0; i < call_rows_n; i++)
		if (call_rows[i].nr == nr && call_rows[i].who & 1u << who)
			return &call_rows[i];
	return NULL;
}

static void test_calls_nobody_may(void **state)
{
	static const int never[] = {
		SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf, SYS_io_uring_setup,
		SYS_userfaultfd, SYS_perf_event_open, SYS_keyctl, SYS_mount, SYS_unshare, SYS_setns, SYS_pivot_root, SYS_chroot,
		SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_open_by_handle_at, SYS_reboot,
	};
	static const int unlisted[] = { SYS_clone, SYS_clone3, SYS_setuid, SYS_setresuid, SYS_capset, SYS_prctl, SYS_seccomp, SYS_kill, SYS_socketpair };

	(void)state;
	for (size_t r = 0; r < ARRAY_SIZE(roles); r++) {
		for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
			const struct call_row *row = find(roles[r], never[i]);
			assert_non_null(row);
			assert_int_equal(row->verdict, CALL_KILL);
		}
		for (size_t i = 0; i < ARRAY_SIZE(unlisted); i++)
			assert_null(find(roles[r], unlisted[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) /* the launcher executes roles, and nothing of the rest */
		if (never[i] != SYS_execve && never[i] != SYS_execveat)
			assert_int_equal(find(SANDBOX_LAUNCHER, never[i])->verdict, CALL_KILL);
}

/* A row without conditions that allows, before another of the same call, would make that one dead. */
static void test_no_dead_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < call_rows_n; i++) {
		assert_non_null(call_name(call_rows[i].nr));
		assert_string_equal(call_name(call_rows[i].nr), call_rows[i].name);
		assert_true(call_rows[i].verdict == CALL_ERRNO || call_rows[i].error == 0);
		for (size_t k = 0; k < i; k++)
			if (call_rows[k].nr == call_rows[i].nr && call_rows[k].cond[0].mask == 0 && call_rows[k].when == 0 &&
			    (call_rows[k].who & call_rows[i].who) == call_rows[i].who)
				fail_msg("row %zu of %s is never reached", i, call_rows[i].name);
	}
}

static void test_only_these_open_and_execute(void **state)
{
	(void)state;
	assert_null(find(SANDBOX_JUDGE, SYS_openat));
	assert_null(find(SANDBOX_JUDGE, SYS_socket));
	assert_null(find(SANDBOX_JUDGE, SYS_connect));
	assert_null(find(SANDBOX_COMPILE, SYS_openat));
	assert_null(find(SANDBOX_APPLY, SYS_openat));
	assert_null(find(SANDBOX_COMPILE, SYS_socket));
	assert_null(find(SANDBOX_COMPILE, SYS_connect));
	assert_null(find(SANDBOX_APPLY, SYS_connect));
	assert_null(find(SANDBOX_SUPERVISOR, SYS_connect));
	assert_null(find(SANDBOX_STATUS, SYS_socket));
	assert_null(find(SANDBOX_STATUS, SYS_connect));
	assert_null(find(SANDBOX_STATUS, SYS_openat));
	assert_int_equal(sandbox_caps(SANDBOX_APPLY), 1ull << CAP_NET_ADMIN);
	assert_int_equal(sandbox_caps(SANDBOX_FETCH) | sandbox_caps(SANDBOX_COMPILE) | sandbox_caps(SANDBOX_SUPERVISOR), 0);
	for (size_t i = 0; i < call_rows_n; i++)
		if (call_rows[i].nr == SYS_mprotect || call_rows[i].nr == SYS_mmap)
			assert_true(call_rows[i].cond[0].mask != 0 || call_rows[i].verdict != CALL_ALLOW);
}

static void test_witness(void **state)
{
	struct witness w;

	(void)state;
	witness_parse("Name:\tyettd\nUid:\t991\t991\t991\t991\nCapPrm:\tffff\nCapEff:\t0000000000001000\nNoNewPrivs:\t1\nSeccomp:\t2\n", &w);
	assert_int_equal(w.uid, 991);
	assert_int_equal(w.cap_eff, 1ull << CAP_NET_ADMIN);
	assert_int_equal(w.no_new_privs, 1);
	assert_int_equal(w.seccomp, 2);
	assert_true(w.known);
}

static void test_how_a_role_ended(void **state)
{
	struct role r;
	char why[200];

	(void)state;
	role_init(&r, ROLE_FETCH);
	role_describe_end(&r, SIGSYS, why, sizeof(why));
	assert_string_equal(why, "the fetch role asked for a system call that no role may make, and was killed [E_SANDBOX]");
	r.denied = SYS_socketpair;
	role_describe_end(&r, SIGSYS, why, sizeof(why));
	assert_non_null(strstr(why, "the fetch role asked for the system call socketpair ("));
	assert_non_null(strstr(why, "[E_SANDBOX]"));
	role_describe_end(&r, SIGXCPU, why, sizeof(why));
	assert_string_equal(why, "the fetch role used more than 120 s of processor time for one job and was killed [E_ROLE_LIMIT]");
	role_describe_end(&r, 3 << 8, why, sizeof(why));
	assert_string_equal(why, "the fetch role ended with status 3");
}

static void test_what_is_required(void **state)
{
	struct config c = { .require_landlock = true };
	struct ipc_rights r = { .guards = GUARD_ALL & ~(uint32_t)GUARD_SCOPES };
	struct users u = { .separate = true };
	char why[512];

	(void)state;
	assert_true(lockdown_allows(&c, &u, "fetch", &r, why, sizeof(why)));
	c.require_sandbox = true;
	assert_false(lockdown_allows(&c, &u, "fetch", &r, why, sizeof(why)));
	assert_non_null(strstr(why, "require_sandbox: true"));
	c.require_sandbox = false;
	r.guards = GUARD_SECCOMP;
	assert_false(lockdown_allows(&c, &u, "fetch", &r, why, sizeof(why)));
	assert_non_null(strstr(why, "Landlock"));
	c.require_landlock = false;
	assert_true(lockdown_allows(&c, &u, "fetch", &r, why, sizeof(why)));
}

static void test_remotes(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		enum remote_kind kind;
		const char *host;
		uint16_t port;
		const char *path;
	} cases[] = {
		{ "/srv/net.git", true, REMOTE_LOCAL, "", 0, "/srv/net.git" },
		{ "file:///srv/net.git", true, REMOTE_LOCAL, "", 0, "/srv/net.git" },
		{ "file://host/net.git", false, REMOTE_LOCAL, "", 0, "" },
		{ "https://git.example.com/net.git", true, REMOTE_HTTPS, "git.example.com", 443, "" },
		{ "https://u:p:w@git.example.com:8443/net.git", true, REMOTE_HTTPS, "git.example.com", 8443, "" },
		{ "https://u:p@ss@[2001:db8::1]:8443/net.git", true, REMOTE_HTTPS, "2001:db8::1", 8443, "" },
		{ "https://[2001:db8::1]/net.git", true, REMOTE_HTTPS, "2001:db8::1", 443, "" },
		{ "https://[2001:db8::1/net.git", false, REMOTE_HTTPS, "", 0, "" },
		{ "https:///net.git", false, REMOTE_HTTPS, "", 0, "" },
		{ "https://h:0/", false, REMOTE_HTTPS, "", 0, "" },
		{ "https://h:65536/", false, REMOTE_HTTPS, "", 0, "" },
		{ "https://h:/", false, REMOTE_HTTPS, "", 0, "" },
		{ "https://h:+1/", false, REMOTE_HTTPS, "", 0, "" },
		{ "ssh://git@git.example.com:2222/net.git", true, REMOTE_SSH, "git.example.com", 2222, "" },
		{ "git@git.example.com:net/policy.git", true, REMOTE_SSH, "git.example.com", 22, "" },
		{ "git.example.com:net", true, REMOTE_SSH, "git.example.com", 22, "" },
		{ "git://git.example.com/net", false, REMOTE_SSH, "", 0, "" },
		{ "nonsense", false, REMOTE_SSH, "", 0, "" },
		{ ":net", false, REMOTE_SSH, "", 0, "" },
	};
	struct remote r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (remote_parse(cases[i].text, &r) != cases[i].ok)
			fail_msg("%s", cases[i].text);
		if (!cases[i].ok)
			continue;
		assert_int_equal(r.kind, cases[i].kind);
		assert_string_equal(r.host, cases[i].host);
		assert_int_equal(r.port, cases[i].port);
		assert_string_equal(r.path, cases[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_nobody_may),
		cmocka_unit_test(test_no_dead_rows),
		cmocka_unit_test(test_only_these_open_and_execute),
		cmocka_unit_test(test_witness),
		cmocka_unit_test(test_how_a_role_ended),
		cmocka_unit_test(test_what_is_required),
		cmocka_unit_test(test_remotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
