/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/caps.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#define BITS 64

static int get(uint64_t *permitted)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (syscall(SYS_capget, &h, d) < 0)
		return -errno;
	*permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	return 0;
}

static int set(uint64_t caps, uint64_t inheritable)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		d[i].effective = d[i].permitted = (uint32_t)(caps >> (32 * i));
		d[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

uint64_t caps_permitted(void)
{
	uint64_t have = 0;

	return get(&have) < 0 ? 0 : have;
}

void caps_drop_bounds(uint64_t keep)
{
	for (int i = 0; i < BITS && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(keep & (uint64_t)1 << i))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

int caps_become(uid_t uid, gid_t gid)
{
	uint64_t have;
	int ret = get(&have);

	if (ret < 0)
		return ret;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return -errno;
	return set(have, 0); /* the change of user took them out of effect */
}

int caps_keep(uint64_t keep, bool ambient)
{
	uint64_t have;
	uid_t uid = getuid();
	int ret = get(&have);

	if (ret < 0)
		return ret;
	keep &= have;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* a kernel that lacks them has none to clear */
	ret = set(keep, ambient ? keep : 0);
	if (ret < 0)
		return ret;
	for (int i = 0; ambient && i < BITS; i++)
		if (keep & (uint64_t)1 << i && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return -errno;
	/* Nobody believes this without a try: the way back to root is closed. */
	if (uid != 0 && !(keep & (uint64_t)1 << CAP_SETUID) && (setuid(0) == 0 || geteuid() == 0))
		return -EPERM;
	return 0;
}
