/* SPDX-License-Identifier: Apache-2.0 */
/* config - yettd.yaml: what this machine is told locally, and the repository cannot change. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "config_confirm.h"
#include "config_watch.h"
#include "kernel/kernel.h"

#define CONFIG_DEFAULT_FILE "/etc/yett/yettd.yaml"
#define CONFIG_DEFAULT_STATE "/var/lib/yett"
#define CONFIG_DEFAULT_SOCKET "/run/yett/yettctl.sock"

/* What this machine asks of a commit at least; the tree's trust file may ask for more. */
enum config_trust { TRUST_UNSET = -1, TRUST_UNSIGNED, TRUST_COMMIT, TRUST_RELEASE };

struct config { /* strings are arena memory, "" where absent */
	const char *gateway, *repository, *branch, *path;
	int64_t interval; /* seconds */
	const char *private_key_file, *ssh_key_file;
	const char *credentials_file, *ca_file, *known_hosts, *host_key; /* of the repository's host */
	int64_t fetch_timeout; /* seconds without anything coming in */
	const char *state_dir, *control_socket;
	bool require_sandbox, require_landlock; /* else what the machine lacks is told and gone without */
	struct {
		int mode; /* enum config_trust; TRUST_COMMIT where one of these stands and no mode */
		const char *allowed_signers; /* file: who may sign the first tip; "" */
		const char *anchor;          /* hex of a commit that the first tip comes after, or is; "" */
	} trust;
	struct {
		int backend; /* enum wg_backend */
	} wireguard;
	struct config_confirm confirm;
	struct config_limits limits;
	struct config_management management;
	struct config_watch watch;
	struct config_list operators; /* int64_t: user numbers */
};

/*
 * Mistakes of the writer, a missing `trust` among them, go to d and give 0 with d->errors set; a file
 * that cannot be read gives a negative errno and a sentence.
 */
int config_load(struct config *c, const char *file, struct arena *a, struct diags *d, char *err, size_t err_size);
/* The same from memory; data must outlive d. */
void config_parse(struct config *c, const char *file, const char *data, size_t len, struct arena *a, struct diags *d);

/* A repository's address without the password that may stand in it, for messages; into the arena. */
const char *config_redact(const char *repository, struct arena *a);
