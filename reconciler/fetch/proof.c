/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <git2.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/fd.h"
#include "state/durable.h"

/* A secret that others can read is none. */
static int check_secret(const char *path, const char *name, char *err, size_t err_size)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		int ret = -errno;
		snprintf(err, err_size, "cannot read %s %s: %s", name, path, strerror(-ret));
		return ret;
	}
	if (!(st.st_mode & 007))
		return 0;
	snprintf(err, err_size, "%s %s can be read by others (mode %04o); type: chmod 600 %s", name, path,
		 (unsigned int)st.st_mode & 07777, path);
	return -EPERM;
}

static int read_file(const char *path, const char *name, char **out, char *err, size_t err_size)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	int ret = durable_read(AT_FDCWD, path, PROOF_BYTES_MAX, &b);

	if (ret == 0 && memchr(buf_str(&b), '\0', b.len) != NULL)
		ret = -EINVAL;
	if (ret == 0) {
		*out = strdup(buf_str(&b));
		ret = *out != NULL ? 0 : -ENOMEM;
	}
	if (ret < 0)
		snprintf(err, err_size, "cannot read %s %s: %s", name, path, strerror(-ret));
	if (b.p != NULL)
		sodium_memzero(b.p, b.len);
	return ret;
}

/* One line, USER:PASSWORD; a password may hold colons. */
static int take_credentials(struct proof *p, const char *path, char *text, char *err, size_t err_size)
{
	text[strcspn(text, "\r\n")] = '\0';
	char *colon = strchr(text, ':');

	if (colon == NULL || colon == text || colon[1] == '\0') {
		snprintf(err, err_size, "credentials_file %s holds one line USER:PASSWORD", path);
		return -EINVAL;
	}
	*colon = '\0';
	p->user = strdup(text);
	p->password = strdup(colon + 1);
	return p->user != NULL && p->password != NULL ? 0 : -ENOMEM;
}

static int load_credentials(struct proof *p, const char *path, char *err, size_t err_size)
{
	char *text = NULL;
	int ret = check_secret(path, "credentials_file", err, err_size);

	if (ret == 0)
		ret = read_file(path, "credentials_file", &text, err, err_size);
	if (ret == 0)
		ret = take_credentials(p, path, text, err, err_size);
	if (text != NULL)
		sodium_memzero(text, strlen(text));
	free(text);
	return ret;
}

/* host_key as a line for this host; known_hosts names other ports than 22 in brackets. */
static int pin(struct proof *p, const char *key, const struct remote *r)
{
	struct buf line BUF_CLEANUP = BUF_INIT;

	if (r->port == 22)
		buf_addf(&line, "%s %s\n", r->host, key);
	else
		buf_addf(&line, "[%s]:%u %s\n", r->host, r->port, key);
	p->host_keys = strdup(buf_str(&line));
	return p->host_keys != NULL ? 0 : -ENOMEM;
}

static int load_host_keys(struct proof *p, const struct ipc_hello_req *s, const struct remote *r, char *err, size_t err_size)
{
	char home[PATH_MAX];

	if (*s->host_key)
		return pin(p, s->host_key, r);
	if (*s->known_hosts)
		return read_file(s->known_hosts, "known_hosts", &p->host_keys, err, err_size);
	/* As ssh has it; there need be none, and then no host is known. */
	snprintf(home, sizeof(home), "%s/.ssh/known_hosts", getenv("HOME") ? getenv("HOME") : "/var/lib/yett");
	return access(home, R_OK) < 0 ? 0 : read_file(home, "known_hosts", &p->host_keys, err, err_size);
}

static int load_authority(struct proof *p, const char *file, char *err, size_t err_size)
{
	if (git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, NULL) < 0) {
		const git_error *e = git_error_last();
		snprintf(err, err_size, "ca_file %s holds no certificates in PEM: %s", file, e != NULL && e->message ? e->message : "unreadable");
		return -EINVAL;
	}
	p->authority = true;
	return 0;
}

int proof_load(struct proof *p, const struct ipc_hello_req *s, const struct remote *r, char *err, size_t err_size)
{
	int ret = 0;

	*p = (struct proof){ .ssh_key = NULL };
	if (r->kind == REMOTE_SSH && *s->ssh_key_file) {
		ret = check_secret(s->ssh_key_file, "ssh_key_file", err, err_size);
		if (ret == 0)
			ret = read_file(s->ssh_key_file, "ssh_key_file", &p->ssh_key, err, err_size);
	}
	if (ret == 0 && r->kind == REMOTE_SSH)
		ret = load_host_keys(p, s, r, err, err_size);
	if (ret == 0 && r->kind == REMOTE_HTTPS && *s->credentials_file)
		ret = load_credentials(p, s->credentials_file, err, err_size);
	if (ret == 0 && r->kind == REMOTE_HTTPS && *s->ca_file)
		ret = load_authority(p, s->ca_file, err, err_size);
	return ret;
}

/* A start on a full disk changes nothing there: what stands there is let stand. */
static int write_known_hosts(int dirfd, const char *text)
{
	struct buf now BUF_CLEANUP = BUF_INIT;

	if (durable_read(dirfd, "known_hosts", PROOF_BYTES_MAX, &now) == 0 && strcmp(buf_str(&now), text) == 0)
		return 0;
	return durable_write(dirfd, "known_hosts", text, strlen(text));
}

int proof_settle(const struct proof *p, const char *folder, char *err, size_t err_size)
{
	static const char none[] = "# no host is known\n";
	const char *text = p->host_keys != NULL && *p->host_keys ? p->host_keys : none;

	setenv("HOME", folder, 1);
	FD_CLEANUP int own = durable_dir(AT_FDCWD, folder);
	FD_CLEANUP int ssh = own < 0 ? own : durable_dir(own, ".ssh");
	int ret = ssh < 0 ? ssh : write_known_hosts(ssh, text);
	/* No file and one that names nobody are the same; one of an earlier configuration must not stay. */
	if (ret < 0 && p->host_keys == NULL && (ssh < 0 || unlinkat(ssh, "known_hosts", 0) == 0 || errno == ENOENT))
		ret = 0;
	if (ret < 0)
		snprintf(err, err_size, "cannot write %s/.ssh/known_hosts: %s", folder, strerror(-ret));
	return ret;
}

static void wipe(char **text)
{
	if (*text != NULL)
		sodium_memzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void proof_release(struct proof *p)
{
	wipe(&p->ssh_key);
	wipe(&p->user);
	wipe(&p->password);
	wipe(&p->host_keys);
}
