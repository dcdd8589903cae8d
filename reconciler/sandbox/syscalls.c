/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscalls - which process may make which system call: the one table.
 *
 * When a process ends with "asked for the system call NAME, which is not on its list", and it should be, this is the place: add its
 * letter to the row, or a row; with conditions on the arguments wherever the call can do more than what is needed. The probes
 * (probe.c, `yettd --probe-sandbox`) say what must stay impossible. A call that one architecture lacks has its #ifdef.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/bug.h"
#include "sandbox/seccomp.h"

#define L (1u << SANDBOX_LAUNCHER)
#define S (1u << SANDBOX_SUPERVISOR)
#define F (1u << SANDBOX_FETCH)
#define J (1u << SANDBOX_JUDGE)
#define C (1u << SANDBOX_COMPILE)
#define A (1u << SANDBOX_APPLY)
#define T (1u << SANDBOX_STATUS)
#define ALL (S | F | J | C | A | T) /* all but the launcher, which has only the list of what nobody may */

#define NR(call) .name = #call, .nr = __NR_##call
#define ARG(n, m, v) { .arg = (n), .mask = (m), .value = (v) }
#define IS(n, v) ARG(n, 0xffffffffu, (uint32_t)(v))
#define SELF(n) { .arg = (n), .mask = 0xffffffffu, .self = true }
#define NO_EXEC ARG(2, PROT_EXEC, 0)
#define READ_ONLY ARG(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)
#define DATAGRAM ARG(1, 0xf, SOCK_DGRAM)

/* clang-format off */
const struct call_row call_rows[] = {
	/* ---- memory, time, the end ---- */
	{ NR(read), ALL }, { NR(write), ALL }, { NR(close), ALL },
	{ NR(brk), ALL }, { NR(munmap), ALL }, { NR(mremap), ALL }, { NR(madvise), ALL },
	{ NR(mmap), ALL, { NO_EXEC } }, { NR(mprotect), ALL, { NO_EXEC } },
	{ NR(mmap), F, .verdict = CALL_ERRNO, .error = EPERM }, /* a name service module: it does without */
	{ NR(futex), ALL }, { NR(clock_gettime), ALL }, { NR(getrandom), ALL }, { NR(restart_syscall), ALL },
	{ NR(exit), ALL }, { NR(exit_group), ALL }, { NR(rt_sigreturn), ALL },
	{ NR(getpid), ALL }, { NR(gettid), ALL }, { NR(sysinfo), ALL }, /* qsort() asks how much memory there is */
	{ NR(rt_sigprocmask), ALL }, { NR(tgkill), ALL, { SELF(0) } }, /* abort() */
	{ NR(mlock), A | T }, { NR(munlock), A | T }, /* locked memory for the private key and the webhook's secret */
	{ NR(gettimeofday), A | F }, /* the kernel's own time zone */
	{ NR(clock_nanosleep), F }, { NR(sched_getaffinity), F },
	{ NR(getrusage), F | J | C }, { NR(prlimit64), F | J | C, { IS(0, 0), IS(1, RLIMIT_CPU) } }, /* sandbox_job() */

	/* ---- messages between our processes; each makes and checks its own memfds ---- */
	{ NR(sendmsg), ALL }, { NR(recvmsg), ALL },
	{ NR(ppoll), ALL },
#ifdef __NR_poll
	{ NR(poll), ALL },
#endif
	{ NR(memfd_create), ALL }, { NR(newfstatat), S | F }, { NR(newfstatat), ALL, { ARG(3, AT_EMPTY_PATH, AT_EMPTY_PATH) } },
	{ NR(fstat), ALL },
	{ NR(fcntl), ALL, { IS(1, F_GET_SEALS) } }, { NR(fcntl), ALL, { IS(1, F_ADD_SEALS) } },
	{ NR(dup), S | F | J | T },
	{ NR(lseek), S | F | C },

	/* ---- files: Landlock says which ---- */
	{ NR(openat), S | F },
	{ NR(fcntl), S | F, { IS(1, F_GETFD) } }, { NR(fcntl), S | F, { IS(1, F_SETFD) } }, { NR(fcntl), S | F, { IS(1, F_GETFL) } },
	{ NR(fcntl), F, { IS(1, F_SETFL) } },
	{ NR(fsync), S | F }, { NR(fdatasync), S | F },
	{ NR(renameat), S | F }, { NR(renameat2), S | F }, { NR(unlinkat), S | F }, { NR(mkdirat), S | F },
	{ NR(ftruncate), S | F }, { NR(pread64), S | F }, { NR(pwrite64), S | F }, { NR(fallocate), S },
	{ NR(getdents64), S | F }, { NR(faccessat), F }, { NR(faccessat2), F }, { NR(readlinkat), F }, { NR(linkat), F },
	{ NR(statx), F }, { NR(statfs), F }, { NR(fchmod), F }, { NR(fchmodat), F }, { NR(getcwd), F }, { NR(umask), F },
	{ NR(utimensat), F }, { NR(writev), F }, { NR(readv), F }, { NR(uname), F },
	{ NR(getuid), F }, { NR(geteuid), F }, { NR(getgid), F }, { NR(getegid), F }, { NR(getppid), F },
	{ NR(pread64), A }, /* what the kernel forwards, from files opened before */
	{ NR(symlinkat), F, .verdict = CALL_ERRNO, .error = EPERM }, /* a new repository looks whether it could */
#ifdef __NR_symlink
	{ NR(symlink), F, .verdict = CALL_ERRNO, .error = EPERM },
#endif
#ifdef __NR_open /* an architecture with the old calls beside the new ones */
	{ NR(open), F }, { NR(stat), F }, { NR(lstat), F }, { NR(access), F }, { NR(readlink), F }, { NR(rename), S | F },
	{ NR(unlink), S | F }, { NR(rmdir), F }, { NR(mkdir), F }, { NR(link), F }, { NR(chmod), F },
#endif

	/* ---- sockets ---- */
	{ NR(accept4), S },
	{ NR(socket), S, { IS(0, AF_UNIX), DATAGRAM } }, /* the service manager's */
	{ NR(sendto), S | F | A }, { NR(recvfrom), S | F | A },
	{ NR(getsockopt), S | F | A }, { NR(setsockopt), F | A }, { NR(getsockname), F | A }, { NR(getpeername), F },
	{ NR(socket), F, { IS(0, AF_INET) } }, { NR(socket), F, { IS(0, AF_INET6) } },
	{ NR(socket), F, { IS(0, AF_UNIX) }, .when = WHEN_UNIX }, /* an SSH agent */
	{ NR(socket), F, { IS(0, AF_UNIX) }, CALL_ERRNO, EAFNOSUPPORT, WHEN_NO_UNIX }, /* a name service daemon: it does without */
	{ NR(socket), F, { IS(0, AF_NETLINK) }, CALL_ERRNO, EAFNOSUPPORT }, /* the order of addresses: it does without */
	{ NR(connect), F }, { NR(bind), F }, { NR(shutdown), F }, { NR(sendmmsg), F },
	{ NR(ioctl), F, { IS(1, FIONREAD) } }, { NR(ioctl), F, { IS(1, FIONBIO) } },
#ifdef __NR_select
	{ NR(select), F },
#endif
	{ NR(pselect6), F },
	{ NR(socket), A, { IS(0, AF_NETLINK) } }, /* after a refusal all its sockets are made anew */
	{ NR(bind), A },

	{ NR(accept4), T }, /* the listening socket came from the supervisor */
	{ NR(epoll_create1), T }, { NR(epoll_ctl), T }, { NR(epoll_pwait), T }, { NR(eventfd2), T },
#ifdef __NR_epoll_wait
	{ NR(epoll_wait), T },
#endif
	{ NR(sendto), T }, { NR(recvfrom), T }, { NR(writev), T }, { NR(shutdown), T }, { NR(setsockopt), T }, { NR(getsockopt), T },
	{ NR(getsockname), T }, { NR(getpeername), T },
	{ NR(fcntl), T, { IS(1, F_GETFD) } }, { NR(fcntl), T, { IS(1, F_SETFD) } }, { NR(fcntl), T, { IS(1, F_GETFL) } },
	{ NR(fcntl), T, { IS(1, F_SETFL) } },

	/* ---- our children: the launcher alone ends roles; it is reaped at the end ---- */
	{ NR(wait4), S },

	/* ---- what nobody may, the launcher and all that it starts neither ---- */
#define NOBODY(call) { NR(call), L | ALL, .verdict = CALL_KILL }
	NOBODY(ptrace), NOBODY(process_vm_readv), NOBODY(process_vm_writev), NOBODY(kcmp),
	NOBODY(bpf), NOBODY(perf_event_open), NOBODY(userfaultfd),
	NOBODY(io_uring_setup), NOBODY(io_uring_enter), NOBODY(io_uring_register),
	NOBODY(add_key), NOBODY(request_key), NOBODY(keyctl),
	NOBODY(mount), NOBODY(umount2), NOBODY(pivot_root), NOBODY(chroot), NOBODY(unshare), NOBODY(setns),
	NOBODY(fsopen), NOBODY(fsmount), NOBODY(fsconfig), NOBODY(fspick), NOBODY(move_mount), NOBODY(open_tree),
	NOBODY(open_by_handle_at), NOBODY(init_module), NOBODY(finit_module), NOBODY(delete_module),
	NOBODY(kexec_load), NOBODY(reboot), NOBODY(swapon), NOBODY(swapoff), NOBODY(acct), NOBODY(quotactl),
	NOBODY(settimeofday), NOBODY(clock_settime), NOBODY(adjtimex), NOBODY(clock_adjtime), NOBODY(sethostname), NOBODY(setdomainname),
	NOBODY(syslog), NOBODY(personality), NOBODY(vhangup), NOBODY(lookup_dcookie), NOBODY(mknodat), NOBODY(fanotify_init),
	NOBODY(pidfd_getfd), NOBODY(process_madvise), NOBODY(move_pages), NOBODY(migrate_pages), NOBODY(mbind), NOBODY(set_mempolicy),
#ifdef __NR_iopl
	NOBODY(iopl), NOBODY(ioperm), NOBODY(modify_ldt), NOBODY(uselib), NOBODY(ustat), NOBODY(mknod),
#endif
	{ NR(execve), ALL, .verdict = CALL_KILL }, { NR(execveat), ALL, .verdict = CALL_KILL },
};
/* clang-format on */

const size_t call_rows_n = ARRAY_SIZE(call_rows);
