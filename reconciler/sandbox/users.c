/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/users.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/fd.h"
#include "sandbox/caps.h"
#include "state/durable.h"

#define NEEDED ((uint64_t)1 << CAP_SETUID | (uint64_t)1 << CAP_SETGID)

static void none(struct users *u)
{
	u->separate = false;
	for (size_t i = 0; i < SANDBOX_COUNT; i++) {
		u->uid[i] = (uid_t)-1;
		u->gid[i] = (gid_t)-1;
	}
}

void users_find(struct users *u)
{
	*u = (struct users){ .separate = true };
	none(u);
	if ((caps_permitted() & NEEDED) != NEEDED) {
		snprintf(u->why, sizeof(u->why), "all processes run as user %lu, because yettd was started without CAP_SETUID and CAP_SETGID",
			 (unsigned long)getuid());
		return;
	}
	for (size_t i = 0; i < SANDBOX_COUNT; i++) {
		const char *name = sandbox_user((enum sandbox_who)i);
		const struct passwd *p = name != NULL ? getpwnam(name) : NULL;
		if (name == NULL)
			continue;
		if (p == NULL || p->pw_uid == 0) {
			none(u);
			u->missing = true;
			snprintf(u->why, sizeof(u->why), "all processes run as user %lu, because there is no user %s; type: systemd-sysusers yett.conf",
				 (unsigned long)getuid(), name);
			return;
		}
		u->uid[i] = p->pw_uid;
		u->gid[i] = p->pw_gid;
	}
	u->separate = true;
}

/*
 * A folder that root made before there were users goes to its user with all in it. One that is its user's already is left as it
 * is: there, that user could have laid links to files of others.
 */
static int give_folder(const char *dir, uid_t uid, gid_t gid, mode_t mode)
{
	char *const roots[] = { (char *)(uintptr_t)dir, NULL };
	struct stat st;
	int ret = 0;

	if (lstat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (st.st_uid == uid)
		return (st.st_mode & 07777) != mode && chmod(dir, mode) < 0 ? -errno : 0;
	if (st.st_uid != 0)
		return -EACCES;
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	for (FTSENT *e = f != NULL ? fts_read(f) : NULL; e != NULL && ret == 0; e = fts_read(f))
		if (e->fts_info != FTS_D && e->fts_statp->st_uid == 0 && lchown(e->fts_path, uid, gid) < 0) /* a folder after what is in it */
			ret = -errno;
	if (f == NULL)
		return -errno;
	fts_close(f);
	return ret == 0 && chmod(dir, mode) < 0 ? -errno : ret;
}

static int own(const struct users *u, const char *state_dir, const char *fetch)
{
	FD_CLEANUP int state = durable_dir(AT_FDCWD, state_dir);
	if (state < 0)
		return state;
	if (mkdirat(state, USERS_FETCH_FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (!u->separate)
		return 0;
	/* The fetch role's user passes through the outer folder and reads nothing in it. */
	int ret = give_folder(fetch, u->uid[SANDBOX_FETCH], u->gid[SANDBOX_FETCH], 0700);
	return ret < 0 ? ret : give_folder(state_dir, u->uid[SANDBOX_SUPERVISOR], u->gid[SANDBOX_SUPERVISOR], 0711);
}

int users_own(const struct users *u, const char *state_dir, char *err, size_t err_size)
{
	char fetch[PATH_MAX];

	snprintf(fetch, sizeof(fetch), "%s/" USERS_FETCH_FOLDER, state_dir);
	int ret = own(u, state_dir, fetch);
	if (ret < 0)
		snprintf(err, err_size, "cannot use the state folder %s: %s", state_dir, strerror(-ret));
	return ret;
}
