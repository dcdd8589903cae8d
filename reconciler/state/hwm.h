/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hwm - the high-water mark of commit mode: which commit was accepted last, and the how manieth it was. It never goes down, so a branch that
 * goes back is noticed whoever moved it.
 *
 * Two copies lie in state_dir/trust (a, b), a third in the kernel as the comment of one rule in chain HWM_CHAIN of our table, which is
 * replaced together with the rules that the commit asks for. A file:
 *
 *	yett-hwm-v1
 *	serial: 42
 *	commit: 4c30…           hex, 40 or 64 digits
 *	repo: 6f0c…             64 hex digits
 *	version: 7              of trust/trust.yaml
 *	seen: 1795000000        the latest UTC second at which it was written
 *	sum: …                  BLAKE2b-256 of the lines before, hex
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "message.h"

#define HWM_DIR "trust"
#define HWM_CHAIN "in_force"
#define HWM_BYTES_MAX 1024
#define HWM_REPO_MARK 32 /* hex digits of repo that the kernel's copy holds */

struct hwm {
	uint64_t serial; /* 0: nothing was accepted yet */
	char commit[COMMIT_TEXT_MAX];
	char repo[DIGEST_HEX_MAX];
	uint32_t version;
	int64_t seen;
};

void hwm_encode(const struct hwm *h, struct buf *out);
/* 0 or -EBADMSG: anything but what hwm_encode() writes. */
int hwm_decode(struct hwm *h, const void *data, size_t len);

/* The kernel's copy, "" for no mark; MARK_TEXT_MAX bytes. */
void hwm_mark(const struct hwm *h, char out[static MARK_TEXT_MAX]);
/* False when it is none. version and seen stay 0, repo is cut. */
bool hwm_mark_parse(struct hwm *h, const char *text);

enum hwm_found { HWM_NONE, HWM_BOTH, HWM_ONE /* the other copy is lost or damaged */, HWM_DAMAGED /* there were some, none is good */ };

/* The higher of the two copies. statedir: the state folder. */
enum hwm_found hwm_load(int statedir, struct hwm *h);
/* Writes both copies, one after the other. 0 or a negative errno. */
int hwm_save(int statedir, const struct hwm *h);

/* Raises *h to what the kernel says, when that is of the same repository and higher, or when h has nothing. True when it did. */
bool hwm_adopt(struct hwm *h, const struct hwm *kernel);
