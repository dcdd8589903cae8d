/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/attempts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>

#include "base/bug.h"

#define S (1u << SANDBOX_SUPERVISOR)
#define F (1u << SANDBOX_FETCH)
#define A (1u << SANDBOX_APPLY)
#define TRY(name) static int try_##name(const struct ground *g, const struct sandbox *s)
#define UNUSED (void)g, (void)s

static int result(long ret)
{
	return ret < 0 ? errno : 0;
}

static int open_at(const char *dir, const char *name, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", dir, name);
	return result(open(path, flags | O_CLOEXEC, 0666));
}

static void join(char out[static PATH_MAX], const char *dir, const char *name)
{
	snprintf(out, PATH_MAX, "%s/%s", dir, name);
}

/* ---- what the kernel says ---- */

TRY(caps_told) { (void)g; return s->seen.known && (s->seen.cap_eff & ~sandbox_caps(s->who)) != 0 ? 0 : EPERM; }
TRY(privs_told) { (void)g; return s->seen.known && s->seen.no_new_privs != 1 ? 0 : EPERM; }
TRY(seccomp_told) { (void)g; return s->seen.known && s->seen.seccomp != 2 ? 0 : EPERM; }

/* ---- files ---- */

TRY(shadow) { UNUSED; return open_at("", "/etc/shadow", O_RDONLY); }
TRY(passwd) { UNUSED; return open_at("", "/etc/passwd", O_RDONLY); }
TRY(root_list) { UNUSED; return open_at("", "/", O_RDONLY | O_DIRECTORY); }
TRY(read_own) { (void)s; return open_at(g->own, "/file", O_RDONLY); }
TRY(write_own) { (void)s; return open_at(g->own, "/new", O_RDWR | O_CREAT); }
TRY(read_outside) { (void)s; return open_at(g->outside, "/file", O_RDONLY); }
TRY(write_outside) { (void)s; return open_at(g->outside, "/file", O_WRONLY); }
TRY(create_outside) { (void)s; return open_at(g->outside, "/new", O_WRONLY | O_CREAT); }
TRY(proc_mem) { UNUSED; return open_at("", "/proc/self/mem", O_RDWR); }
TRY(proc_environ) { UNUSED; return open_at("", "/proc/self/environ", O_RDONLY); }
TRY(sysctl) { UNUSED; return open_at("", "/proc/sys/kernel/core_pattern", O_WRONLY); }
TRY(device) { UNUSED; return open_at("", "/dev/null", O_RDWR); }

TRY(rename_out)
{
	char from[PATH_MAX], to[PATH_MAX];

	(void)s;
	join(from, g->own, "file");
	join(to, g->outside, "moved");
	int error = result(rename(from, to));
	if (error == 0)
		(void)rename(to, from);
	return error;
}

TRY(link_in)
{
	char from[PATH_MAX], to[PATH_MAX];

	(void)s;
	join(from, g->outside, "file");
	join(to, g->own, "link");
	int error = result(link(from, to));
	(void)(error == 0 && unlink(to));
	return error;
}

TRY(symlink)
{
	char to[PATH_MAX];

	(void)s;
	join(to, g->own, "symlink");
	int error = result(symlink("/etc/passwd", to));
	(void)(error == 0 && unlink(to));
	return error;
}

TRY(truncate)
{
	char path[PATH_MAX];

	(void)s;
	join(path, g->outside, "file");
	return result(truncate(path, 0));
}

TRY(device_node)
{
	char path[PATH_MAX];

	(void)s;
	join(path, g->own, "node");
	int error = result(mknod(path, S_IFCHR | 0600, (dev_t)0x103));
	(void)(error == 0 && unlink(path));
	return error;
}

TRY(mount)
{
	(void)s;
	int error = result(mount("tmpfs", g->outside, "tmpfs", 0, NULL));
	(void)(error == 0 && umount2(g->outside, MNT_DETACH));
	return error;
}

TRY(chroot) { (void)s; return result(chroot(g->outside)); }

/* ---- code ---- */

TRY(exec)
{
	char name[] = "true", *argv[] = { name, NULL };

	UNUSED;
	return result(execv("/bin/true", argv));
}

TRY(exec_memfd)
{
	char name[] = "true", *argv[] = { name, NULL }, *envp[] = { NULL };
	static const char script[] = "#!/bin/true\n";
	int fd = memfd_create("code", 0);

	UNUSED;
	if (fd < 0 || write(fd, script, sizeof(script) - 1) < 0 || fchmod(fd, 0700) < 0)
		return errno;
	return result(syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH));
}

TRY(fork)
{
	UNUSED;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	int error = result(pid);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return error;
}

TRY(mmap_code)
{
	UNUSED;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

TRY(mprotect_code)
{
	UNUSED;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? errno : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

TRY(personality) { UNUSED; return result(syscall(SYS_personality, 0xffffffffu)); }

#ifdef __x86_64__
TRY(x32)
{
	UNUSED;
	return result(syscall(0x40000000 | SYS_getpid));
}

TRY(int80)
{
	long ret;

	UNUSED;
	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20L) : "memory", "r8", "r9", "r10", "r11"); /* getpid of the 32-bit table */
	return ret == -ENOSYS ? ENOSYS : ret < 0 ? EPERM : 0;
}
#endif

/* ---- other processes ---- */

TRY(kill) { (void)s; return result(kill(g->victim, 0)); }
TRY(kill_parent) { UNUSED; return result(kill(getppid(), 0)); }
TRY(ptrace) { (void)s; return result(ptrace(PTRACE_SEIZE, g->victim, NULL, NULL)); }
TRY(pidfd) { (void)s; return result(syscall(SYS_pidfd_open, g->victim, 0)); }

TRY(vm_read)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)g, 1 };

	(void)s;
	return result(process_vm_readv(g->victim, &here, 1, &there, 1, 0));
}

/* ---- rights ---- */

TRY(setuid) { UNUSED; return result(setresuid(0, 0, 0)); }
TRY(dumpable) { UNUSED; return result(prctl(PR_SET_DUMPABLE, 1)); }
TRY(namespace) { UNUSED; return result(unshare(CLONE_NEWNS)); }
TRY(user_namespace) { UNUSED; return result(unshare(CLONE_NEWUSER)); }

TRY(hostname)
{
	char name[65];

	UNUSED;
	if (gethostname(name, sizeof(name)) < 0)
		return errno;
	return result(sethostname(name, strlen(name)));
}

/* ---- the kernel's own machines ---- */

TRY(bpf)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	UNUSED;
	return result(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

TRY(io_uring)
{
	char params[120] = { 0 };

	UNUSED;
	return result(syscall(SYS_io_uring_setup, 1, params));
}

TRY(keyring) { UNUSED; return result(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -2 /* the process's */, 1)); }
TRY(userfaultfd) { UNUSED; return result(syscall(SYS_userfaultfd, O_CLOEXEC)); }

TRY(perf)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_DUMMY };

	UNUSED;
	return result(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}

/* ---- networks ---- */

static int connect_tcp(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

TRY(tcp_open) { (void)s; return connect_tcp(g->open_port); }
TRY(tcp_other) { (void)s; return connect_tcp(g->other_port); }
TRY(udp) { UNUSED; return result(socket(AF_INET, SOCK_DGRAM, 0)); }

TRY(tcp_listen)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(45999) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	UNUSED;
	if (fd < 0)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return result(bind(fd, (struct sockaddr *)&at, sizeof(at)));
}

static int connect_unix(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 ? errno : result(connect(fd, (const struct sockaddr *)to, sizeof(*to)));
}

TRY(unix_path) { (void)s; return connect_unix(&g->path_socket); }
TRY(unix_abstract) { (void)s; return connect_unix(&g->abstract); }
TRY(netlink) { UNUSED; return result(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)); }
TRY(packet) { UNUSED; return result(socket(AF_PACKET, SOCK_RAW, 0)); }
TRY(raw) { UNUSED; return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }

/* ---- resources ---- */

TRY(memory)
{
	UNUSED;
	return mmap(NULL, (size_t)16 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED ?
		       errno : 0;
}

TRY(big_file)
{
	UNUSED;
	int fd = memfd_create("big", 0);
	for (size_t i = 0; fd >= 0 && i < 2; i++) /* past every limit, the largest is below 3 GiB */
		if (pwrite(fd, "x", 1, (off_t)3 << 30) < 0)
			return errno;
	return fd < 0 ? errno : 0;
}

TRY(descriptors)
{
	UNUSED;
	for (size_t i = 0; i < 600; i++)
		if (memfd_create("one", 0) < 0)
			return errno;
	return 0;
}

const struct attempt attempts[] = {
	{ "hold capabilities, as the kernel says", try_caps_told, 0 },
	{ "gain privileges, as the kernel says", try_privs_told, 0 },
	{ "do without a filter, as the kernel says", try_seccomp_told, 0 },
	{ "read /etc/shadow", try_shadow, 0 },
	{ "read /etc/passwd", try_passwd, 0 },
	{ "list /", try_root_list, 0 },
	{ "read a file of its folder", try_read_own, S | F },
	{ "make a file in its folder", try_write_own, S | F },
	{ "read a file outside", try_read_outside, 0 },
	{ "write a file outside", try_write_outside, 0 },
	{ "make a file outside", try_create_outside, 0 },
	{ "open its own memory as a file", try_proc_mem, 0 },
	{ "read its environment from /proc", try_proc_environ, 0 },
	{ "open a sysctl for writing", try_sysctl, 0 },
	{ "open a device", try_device, 0 },
	{ "move a file out of its folder", try_rename_out, 0 },
	{ "link a file from outside into its folder", try_link_in, 0 },
	{ "make a symbolic link", try_symlink, 0 },
	{ "truncate a file outside", try_truncate, 0 },
	{ "make a device node", try_device_node, 0 },
	{ "mount", try_mount, 0 },
	{ "change its root", try_chroot, 0 },
	{ "execute a program", try_exec, 0 },
	{ "execute memory as a program", try_exec_memfd, 0 },
	{ "fork", try_fork, 0 },
	{ "map memory that is writable and executable", try_mmap_code, 0 },
	{ "make memory executable", try_mprotect_code, 0 },
	{ "ask for another personality", try_personality, 0 },
#ifdef __x86_64__
	{ "make a call of the x32 table", try_x32, 0 },
	{ "make a call of the 32-bit table", try_int80, 0 },
#endif
	{ "signal a process of its user", try_kill, 0 },
	{ "signal who started it", try_kill_parent, 0 },
	{ "trace a process", try_ptrace, 0 },
	{ "open a process", try_pidfd, 0 },
	{ "read a process's memory", try_vm_read, 0 },
	{ "become root", try_setuid, 0 },
	{ "become dumpable", try_dumpable, 0 },
	{ "make a mount namespace", try_namespace, 0 },
	{ "make a user namespace", try_user_namespace, 0 },
	{ "name the host", try_hostname, 0 },
	{ "use bpf", try_bpf, 0 },
	{ "use io_uring", try_io_uring, 0 },
	{ "use keyrings", try_keyring, 0 },
	{ "use userfaultfd", try_userfaultfd, 0 },
	{ "use performance counters", try_perf, 0 },
	{ "connect to the port of its repository", try_tcp_open, F },
	{ "connect to another TCP port", try_tcp_other, 0 },
	{ "make a UDP socket, for names", try_udp, F },
	{ "listen on TCP", try_tcp_listen, 0 },
	{ "connect to a socket in a folder", try_unix_path, 0 },
	{ "connect to an abstract socket", try_unix_abstract, 0 },
	{ "make a netlink socket", try_netlink, A },
	{ "make a packet socket", try_packet, 0 },
	{ "make a raw socket", try_raw, 0 },
	{ "take 16 GiB of addresses", try_memory, 0 },
	{ "write 3 GiB", try_big_file, 0 },
	{ "hold 600 descriptors", try_descriptors, 0 },
};

const size_t attempts_n = ARRAY_SIZE(attempts);
