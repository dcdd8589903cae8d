/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - the bodies of ipc frames, and who may send which.
 *
 * A body is a fixed struct (all bytes of it zeroed first, so that padding tells nothing), and after a response's struct
 * a text up to the end of the frame.
 */
#pragma once

#include "config_confirm.h"
#include "ipc.h"
#include "kernel/kernel.h"
#include "kernel/monitor.h"
#include "plan/weigh.h"

enum role_id { ROLE_FETCH, ROLE_JUDGE, ROLE_COMPILE, ROLE_APPLY, ROLE_STATUS, ROLE_COUNT };

#define COMMIT_TEXT_MAX 65 /* 40 or 64 hex digits and the NUL */
#define SETTING_MAX 1024   /* a path or an address in the configuration, with its NUL */
#define MESSAGE_TEXT_MAX 12288
#define CODE_TEXT_MAX 32   /* E_… and the NUL */
#define MARK_TEXT_MAX 128  /* the high-water mark in the kernel, see state/hwm.h */

/* Settings; each role gets only what it needs, the rest is empty. */
struct ipc_hello_req {
	char gateway[64];
	char repository[2 * SETTING_MAX];
	char branch[256];
	char path[SETTING_MAX];
	char mirror[SETTING_MAX];
	char ssh_key_file[SETTING_MAX], credentials_file[SETTING_MAX];
	char ca_file[SETTING_MAX], known_hosts[SETTING_MAX], host_key[SETTING_MAX];
	char private_key_file[SETTING_MAX];
	int32_t backend; /* enum wg_backend */
	uint32_t tally;  /* enum tally_want bits: what of the kernel's counters is told */
	uint16_t probe_port[PROBE_TARGETS_MAX]; /* 0: no more: ports that probes connect to */
	uint32_t uid, gid; /* to become; (uid_t)-1: stays */
};

enum tally_want { TALLY_POLICIES = 1, TALLY_DEVICES = 2 };

/* The socket that is listened at comes with it as a descriptor. */
struct ipc_listen {
	char secret[320]; /* the webhook's; room for more than is taken, so that a longer one is seen */
	uint32_t secret_len; /* 0: no webhook */
};

struct ipc_rights { /* see sandbox/sandbox.h */
	uint64_t cap_eff;
	uint32_t guards; /* enum sandbox_guard bits */
	int32_t landlock_abi;
	uint32_t uid, no_new_privs, seccomp, known; /* struct witness */
};

struct ipc_hello_res {
	int32_t error; /* a negative errno: the settings can never work, the daemon ends with the text */
	struct ipc_rights rights;
};

struct ipc_denied {
	int32_t call; /* the number of a system call that is not on the role's list; the role ends */
};

struct ipc_fetch_req {
	char known[COMMIT_TEXT_MAX]; /* the commit whose bundle needs not be sent again; may be empty */
	/* A commit of the mirror, perhaps only its first digits: its bundle is the answer, and nothing is fetched. "": the branch. */
	char pick[COMMIT_TEXT_MAX];
	/* 1: IPC_FETCH_PROOF comes before a bundle, with what a judge needs to decide whether it may follow base, which may be empty. */
	uint32_t proof;
	char base[COMMIT_TEXT_MAX];
};

/* Comes with the objects as a descriptor, see source/proof.h. */
struct ipc_fetch_proof {
	uint32_t reserved;
};

enum fetch_verdict { FETCH_NEW = 1, FETCH_SAME, FETCH_TREE_ERRORS, FETCH_FAILED };

struct ipc_fetch_res {
	uint32_t verdict; /* enum fetch_verdict; NEW comes with a bundle, the last two with a text */
	char commit[COMMIT_TEXT_MAX];
	uint64_t elapsed_us;
};

struct ipc_fetch_progress {
	uint64_t bytes, objects;
};

/* Comes with the bundle that the next request is about, or with the bytes of the gateway's own allowed_signers. */
struct ipc_judge_bytes {
	uint32_t reserved;
};

struct ipc_judge_req { /* and the objects */
	char base[COMMIT_TEXT_MAX]; /* in force; "": none is */
	char tip[COMMIT_TEXT_MAX];
	uint32_t first; /* 1: nothing was accepted yet: the gateway's own allowed_signers judges, if there is one */
	int64_t seen;   /* UTC second that the clock has reached before */
};

enum judge_verdict { JUDGE_ACCEPTED = 1, JUDGE_PENDING, JUDGE_REJECTED };
#define JUDGE_EVIDENCE_MAX (64u << 10) /* bytes of a commit */

struct ipc_judge_res { /* and why, as text */
	uint32_t verdict; /* enum judge_verdict */
	uint32_t steps;   /* accepted commits since base; 0: tip is base */
	uint32_t version; /* of the tip's trust file */
	char repo[65];    /* its repo-id, when accepted */
	char content[65]; /* digest of the policy files, likewise */
	char code[CODE_TEXT_MAX];
	char signer[260]; /* principal; "" where not known */
	char key[64];     /* fingerprint */
	char could_sign[1024];
	uint32_t have_len, offered_len; /* of both commits, which come one after the other as a descriptor; 0: none does */
	uint64_t elapsed_us;
};

/* The kernel's copy of the high-water mark. */
struct ipc_mark {
	int32_t error; /* of the answer: a negative errno when it could not be read */
	char mark[MARK_TEXT_MAX]; /* "": there is none */
};

struct ipc_compile_req {
	char commit[COMMIT_TEXT_MAX]; /* what the bundle must say too */
	char refusal[512];            /* "": a plan is wanted; else who asked for what this sentence says was refused */
};

enum compile_verdict { COMPILE_PLAN = 1, COMPILE_TREE_ERRORS, COMPILE_FAILED, COMPILE_BLAME };

struct ipc_compile_res {
	uint32_t verdict; /* enum compile_verdict; PLAN comes with a plan, and warnings as text; BLAME with places as text */
	uint32_t errors, warnings;
	uint64_t elapsed_us;
};

/* Which half of a comparison it is. The plan comes first and is not answered. */
enum compare_half { COMPARE_PLAN = 1, COMPARE_OBSERVED };

struct ipc_compare_req {
	uint32_t half; /* enum compare_half */
};

struct ipc_compare_res {
	int32_t error;  /* 0, or a negative errno and the text; else a document (report/verdict.h) comes as descriptor */
	uint32_t equal; /* 1: they do not differ */
	uint64_t elapsed_us;
};

enum apply_mode {
	APPLY_ENFORCE = 1, /* the plan in force: whatever differs is repaired */
	APPLY_DRY,         /* nothing is changed */
	APPLY_CHANGE,      /* a new plan: what was known before is enough to begin with */
	APPLY_READ,        /* nothing is changed or compared: the answer's descriptor is what was observed, encoded */
	APPLY_WATCH,       /* nothing is changed; a table that nobody has changed is not read */
	APPLY_GATE,        /* a new plan beside the base, for the length of a window */
	APPLY_WEIGH,       /* nothing is changed or read: what the plan would take away */
};

/*
 * What a plan beside the one in force is measured by. Only the local configuration says it, so that no commit can widen its own way.
 */
struct apply_terms {
	uint32_t when;  /* enum confirm_when */
	uint32_t share; /* per cent of the sources that may lose access without a window */
	uint32_t removed_share, removed_peers; /* more than both is too much at once */
	uint32_t mass_allowed; /* 1: a person said that it is meant */
};

struct ipc_apply_req {
	uint32_t mode;  /* enum apply_mode */
	uint32_t reuse; /* 1: the plan of the last request; no descriptor comes with it */
	char mark[MARK_TEXT_MAX]; /* stands in the table beside the plan's rules; "": none does */
	uint32_t keep;  /* 1: the plan that it holds is the one in force, so the base of the one that comes */
	uint32_t gate;  /* 1: not the plan alone but it and the base, behind a gate until the deadline */
	uint32_t noted; /* APPLY_CHANGE: what it said in IPC_GUARD_NEWS is kept */
	int64_t deadline_ms; /* CLOCK_BOOTTIME, with gate */
	struct apply_terms terms; /* APPLY_CHANGE, APPLY_WEIGH */
};

/* What the apply role makes of a change before it touches anything. */
enum apply_verdict {
	VERDICT_DONE,   /* it is done */
	VERDICT_NOTE,   /* IPC_GUARD_NEWS is to be kept first */
	VERDICT_MASS,   /* too many peers would go */
	VERDICT_WINDOW, /* somebody may be locked out: it wants a window */
};

struct ipc_base {
	uint32_t unused;
};

struct ipc_guard {
	uint32_t unused;
};

struct ipc_probe_req {
	uint8_t addr[16]; /* network order, IPv4 mapped */
	uint16_t port;
	uint16_t wait_ms;
};

struct ipc_probe_res {
	int32_t error; /* 0: it took a connection */
};

/* What a delta holds, counted. */
struct change_counts {
	uint32_t peers_added, peers_removed, peers_updated;
	uint32_t addresses_added, addresses_removed;
	uint32_t routes_added, routes_removed;
	uint32_t tables_added, tables_removed;
	uint32_t sets_added, sets_removed;
	uint32_t elements_added, elements_removed;
	uint32_t chains_added, chains_removed;
	uint32_t rules_replaced; /* chains whose rules were written anew */
	uint32_t link;           /* enum link_change bits */
	uint32_t total;
};

enum host_warning { HOST_FORWARDING4_OFF = 1, HOST_FORWARDING6_OFF = 2, HOST_FOREIGN_DROP = 4, HOST_WARNINGS = 7 };

struct ipc_apply_res {
	int32_t error; /* 0, or a negative errno and the text */
	uint32_t warnings; /* enum host_warning bits */
	struct change_counts counts;
	struct kernel_stats stats;
	uint64_t elapsed_us;
	int64_t next_change; /* gw_plan_next_change(), CLOCK_NEVER */
	uint32_t peers_planned, peers_configured, peers_recent; /* recent: a handshake in the last 3 minutes */
	uint32_t peers_unread; /* 1: too many to be read before and after the change; APPLY_ENFORCE does it */
	char interface[16];
	struct nft_neighbour neighbour; /* of HOST_FOREIGN_DROP */
	uint32_t verdict; /* enum apply_verdict */
	struct weight weight; /* APPLY_CHANGE, APPLY_WEIGH, where there is a base */
	uint32_t gated;   /* with gate: 1: the kernel goes back by itself */
	uint32_t alive;   /* with gate: 1: it has not yet */
	uint32_t tunnels, tunnels_back; /* with gate: active peers that the change does not concern, and those heard from since */
	uint32_t denied;  /* peers of the plan that stay out, because their keys were revoked */
	struct drift seen;     /* what others did since the request before */
};

/* What is used of quotas comes with it as a descriptor, see state/quota.h. */
struct ipc_quota {
	uint32_t asked; /* 1: the answer to IPC_QUOTA_ASK */
};

enum message_direction { TO_ROLE, FROM_ROLE };

/*
 * Whether this frame may go between this role and the supervisor, in size and descriptor too. 0 or -EBADMSG; then the
 * descriptor is closed.
 */
int message_check(struct ipc_frame *f, enum role_id role, enum message_direction dir);

/* Sends a fixed part and a text (NULL: none; cut at MESSAGE_TEXT_MAX). */
int message_send(int sock, enum ipc_type type, uint32_t job, const void *fixed, size_t fixed_len, const char *text,
		 size_t text_len, int fd);
/* The text after a checked response's fixed part, printable (others but newlines become '?'), into out. */
char *message_text(const struct ipc_frame *f, char *out, size_t out_size);

/* COMMIT_PICK_MIN to 64 lower-case hex digits with a NUL inside the array: a commit's name or how it begins. */
#define COMMIT_PICK_MIN 7
bool commit_pick_ok(const char text[static COMMIT_TEXT_MAX]);
/* "" or 40 or 64 lower-case hex digits with a NUL inside the array. */
bool commit_text_ok(const char text[static COMMIT_TEXT_MAX]);
