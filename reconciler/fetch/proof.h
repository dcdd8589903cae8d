/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof - what shows the git host who we are, and us who it is: keys, passwords, host keys, certificate authorities.
 *
 * Files are read while the process may read them, before its lock-down; afterwards they are in memory, and libgit2 finds the host keys where it
 * looks, below HOME, which is the fetch role's folder.
 */
#pragma once

#include <stddef.h>

#include "fetch/remote.h"
#include "message.h"

#define PROOF_BYTES_MAX 65536 /* of any of the files */

struct proof { /* "" or NULL: none */
	char *ssh_key;          /* PEM, as in its file */
	char *user, *password;  /* for https */
	char *host_keys;        /* lines of known_hosts, see sshd(8) */
	bool authority;         /* a ca_file takes the place of the system's authorities */
};

/* 0, or a negative errno and a sentence that names the file. */
int proof_load(struct proof *p, const struct ipc_hello_req *settings, const struct remote *r, char *err, size_t err_size);
/*
 * Sets HOME and writes .ssh/known_hosts there, unless it says the same already: a start needs no room on the disk. Without host keys a
 * file that cannot be written is taken away instead. 0, or a negative errno and a sentence.
 */
int proof_settle(const struct proof *p, const char *folder, char *err, size_t err_size);
void proof_release(struct proof *p); /* wipes */
