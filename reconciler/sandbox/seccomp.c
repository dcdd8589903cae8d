/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/seccomp.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/bug.h"
#include "base/vec.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0 /* no list was made for it: no filter */
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument comes first");

struct program {
	VEC(struct sock_filter) code;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	vec_push(&p->code, ((struct sock_filter){ code, yes, no, k }));
}

static void load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void give(struct program *p, uint32_t verdict)
{
	put(p, BPF_RET | BPF_K, verdict, 0, 0);
}

static uint32_t verdict_of(const struct call_row *row)
{
	switch (row->verdict) {
	case CALL_ALLOW: return SECCOMP_RET_ALLOW;
	case CALL_ERRNO: return SECCOMP_RET_ERRNO | (uint32_t)row->error;
	case CALL_KILL: return SECCOMP_RET_KILL_PROCESS;
	}
	BUG("no such verdict");
}

#define COND_CODE 3 /* instructions of one condition */

/* On the way out of a row that does not fit the accumulator must hold the number again. */
static void put_row(struct program *p, const struct call_row *row)
{
	size_t conds = 0;

	while (conds < ARRAY_SIZE(row->cond) && row->cond[conds].mask != 0)
		conds++;
	put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)row->nr, 0, (uint8_t)(conds * COND_CODE + 1 + (conds > 0)));
	for (size_t i = 0; i < conds; i++) {
		const struct call_cond *c = &row->cond[i];
		load(p, offsetof(struct seccomp_data, args[c->arg]));
		put(p, BPF_ALU | BPF_AND | BPF_K, c->mask, 0, 0);
		put(p, BPF_JMP | BPF_JEQ | BPF_K, c->self ? (uint32_t)getpid() : c->value, 0, (uint8_t)((conds - 1 - i) * COND_CODE + 1));
	}
	give(p, verdict_of(row));
	if (conds > 0)
		load(p, offsetof(struct seccomp_data, nr));
}

static void put_start(struct program *p)
{
	load(p, offsetof(struct seccomp_data, arch));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	give(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
	put(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	give(p, SECCOMP_RET_KILL_PROCESS);
#endif
}

static void make(struct program *p, const struct sandbox *s)
{
	uint32_t state = s->unix_sockets ? WHEN_UNIX : WHEN_NO_UNIX;

	put_start(p);
	for (size_t i = 0; i < call_rows_n; i++)
		if (call_rows[i].who & 1u << s->who && (call_rows[i].when == 0 || call_rows[i].when & state))
			put_row(p, &call_rows[i]);
	/* What the launcher forbids is forbidden to all that it starts, so its list names what nobody needs; the rest is open. */
	give(p, s->who == SANDBOX_LAUNCHER ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP);
}

int seccomp_enter(const struct sandbox *s)
{
	struct program p = { .code = VEC_INIT };
	int ret = 0;

#ifdef YETT_SANITIZED /* the run-time library calls whatever it likes */
	return -ENOSYS;
#endif
	if (ARCH == 0)
		return -ENOSYS;
	make(&p, s);
	const struct sock_fprog prog = { (unsigned short)p.code.n, p.code.v };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		ret = -errno;
	vec_release(&p.code);
	return ret;
}
