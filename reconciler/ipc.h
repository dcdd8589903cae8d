/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc - messages between the roles of yettd over SOCK_SEQPACKET pairs.
 *
 * One frame is one message, at most IPC_FRAME_MAX bytes; bulk data goes as exactly one descriptor: a memfd sealed
 * against writing, growing and shrinking, checked by the receiver before it is mapped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPC_MAGIC 0x59455454u
#define IPC_VERSION 1
#define IPC_FRAME_MAX 16384
#define IPC_BODY_MAX (IPC_FRAME_MAX - sizeof(struct ipc_header))

/* The bodies are in message.h, with who may send what. */
enum ipc_type {
	IPC_FETCH_REQ = 1,  /* supervisor -> fetch: struct ipc_fetch_req */
	IPC_FETCH_RES,      /* fetch -> supervisor: struct ipc_fetch_res, perhaps a bundle; then text */
	IPC_COMPILE_REQ,    /* supervisor -> compile: struct ipc_compile_req and a bundle */
	IPC_COMPILE_RES,    /* compile -> supervisor: struct ipc_compile_res, perhaps a plan; then text */
	IPC_APPLY_REQ,      /* supervisor -> apply: struct ipc_apply_req, perhaps a plan */
	IPC_APPLY_RES,      /* apply -> supervisor: struct ipc_apply_res, perhaps a long text; then text */
	IPC_HELLO_REQ,      /* supervisor -> each role, first: struct ipc_hello_req */
	IPC_HELLO_RES,      /* each role -> supervisor: struct ipc_hello_res; then text */
	IPC_QUOTA_USE,      /* supervisor -> apply: struct ipc_quota and what was used, which it goes on from */
	IPC_QUOTA_ASK,      /* supervisor -> apply: struct ipc_quota; answered by the next, perhaps after others of it */
	IPC_QUOTA_STATE,    /* apply -> supervisor, whenever it has changed: struct ipc_quota and what is used */
	IPC_DRIFT,          /* apply -> supervisor: struct drift; the kernel was changed, once until the next request */
	IPC_LISTEN,         /* supervisor -> status, once: struct ipc_listen and the socket that it answers at */
	IPC_SNAPSHOT,       /* supervisor -> status: how things stand, see report/metrics.h */
	IPC_SYNC,           /* status -> supervisor: somebody who may wants a fetch */
	IPC_TALLY,          /* apply -> supervisor: what the kernel counted, see report/metrics.h */
	IPC_TALLY_SHOW,     /* supervisor -> status: the same */
	IPC_FETCH_PROGRESS, /* fetch -> supervisor while a request runs: struct ipc_fetch_progress */
	IPC_COMPARE_REQ,    /* supervisor -> compile: struct ipc_compare_req and a plan, or what was observed; the latter is answered */
	IPC_COMPARE_RES,    /* compile -> supervisor: struct ipc_compare_res, perhaps a document; then text */
	IPC_DENIED,         /* each role -> supervisor, last: struct ipc_denied */
	IPC_FETCH_PROOF,    /* fetch -> supervisor, before a bundle, where it was asked for: struct ipc_fetch_proof and objects */
	IPC_JUDGE_TREE,     /* supervisor -> judge: struct ipc_judge_bytes and a bundle; not answered */
	IPC_JUDGE_SIGNERS,  /* supervisor -> judge: struct ipc_judge_bytes and a file's bytes; not answered */
	IPC_JUDGE_REQ,      /* supervisor -> judge: struct ipc_judge_req and objects */
	IPC_JUDGE_RES,      /* judge -> supervisor: struct ipc_judge_res, perhaps evidence; then text */
	IPC_MARK_ASK,       /* supervisor -> apply: struct ipc_mark */
	IPC_MARK_STATE,     /* apply -> supervisor: struct ipc_mark; then text */
	IPC_APPLY_BASE,     /* supervisor -> apply: struct ipc_base and the plan in force, for one that it does not hold */
	IPC_GUARD_USE,      /* supervisor -> apply: struct ipc_guard and apply/guard.h's text: who stays out of every plan */
	IPC_GUARD_NEWS,     /* apply -> supervisor, before its answer: struct ipc_guard and the lines to be kept */
	IPC_PROBE_REQ,      /* supervisor -> fetch: struct ipc_probe_req */
	IPC_PROBE_RES,      /* fetch -> supervisor: struct ipc_probe_res; then text */
};

struct ipc_header {
	uint32_t magic;
	uint16_t version, type;
	uint32_t len; /* bytes after the header */
	uint32_t job; /* a response carries its request's */
	uint64_t seq; /* CLOCK_MONOTONIC at sending, nanoseconds */
};

struct ipc_frame {
	struct ipc_header h;
	uint8_t body[IPC_FRAME_MAX - sizeof(struct ipc_header)];
	int fd; /* -1: none; owned by the receiver */
};

/* 0 or a negative errno. send: fd stays the caller's. recv: -EPIPE when the peer is gone, -EBADMSG on a malformed frame, -EAGAIN past timeout_ms (-1: wait). */
int ipc_send(int sock, enum ipc_type type, uint32_t job, const void *body, size_t len, int fd);
int ipc_recv(int sock, struct ipc_frame *f, int timeout_ms);

/* A sealed memfd that holds data; the descriptor or a negative errno. */
int ipc_memfd(const char *name, const void *data, size_t len);
/* Maps a received memfd read-only after checking its seals and size (1..max). munmap() is the caller's. */
int ipc_map(int fd, size_t max, const void **data, size_t *len);
