/* SPDX-License-Identifier: Apache-2.0 */
/* denied - a process that asked for a system call off its list says which, and ends. Only what a signal handler may call. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"
#include "role.h"
#include "sandbox/seccomp.h"

static void say(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
}

static void say_call(int nr)
{
	char digits[12], *p = digits + sizeof(digits) - 1;
	const char *name = call_name(nr);

	*p = '\0';
	for (unsigned int n = (unsigned int)nr; p == digits + sizeof(digits) - 1 || n > 0; n /= 10)
		*--p = (char)('0' + n % 10);
	say(name != NULL ? name : "number ");
	if (name == NULL)
		say(p);
}

/*
 * The signal is blocked in here and its handler is gone: one more denied call is the end, by the kernel. No process is
 * allowed to trace others.
 */
static _Noreturn void end(void)
{
	syscall(SYS_ptrace, 0, 0, 0, 0);
	_exit(70);
}

/* A role's socket is always the same descriptor, so the handler needs no state. */
static void on_denied_role(int sig, siginfo_t *info, void *context)
{
	struct ipc_denied m = { .call = info->si_syscall };

	(void)sig;
	(void)context;
	(void)message_send(ROLE_SOCKET, IPC_DENIED, 0, &m, sizeof(m), NULL, 0, -1);
	end();
}

static void on_denied_supervisor(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	say("yettd: the supervisor asked for the system call ");
	say_call(info->si_syscall);
	say(", which is not on its list, and ends; what is in force stays in force [E_SANDBOX]\n");
	end();
}

int seccomp_on_denied(enum sandbox_who who)
{
	struct sigaction a = { .sa_flags = SA_SIGINFO | (int)SA_RESETHAND };

	a.sa_sigaction = who == SANDBOX_SUPERVISOR ? on_denied_supervisor : on_denied_role;
	return sigaction(SIGSYS, &a, NULL) < 0 ? -errno : 0;
}
