/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "base/fd.h"

/* linux/landlock.h of newer kernels; the kernel that runs may know more than the headers that built us. */
#define FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define NET_BIND_TCP (1ULL << 0) /* ABI 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL (1ULL << 1)
#define RULE_NET_PORT 2

struct ruleset { /* struct landlock_ruleset_attr of ABI 6 */
	uint64_t fs, net, scoped;
};

struct port_rule { /* struct landlock_net_port_attr */
	uint64_t access, port;
};

/* What each ABI can restrict; all of it is. */
static const struct {
	int abi;
	uint64_t fs, net, scoped;
	size_t size; /* of the structure that it knows */
} levels[] = {
	{ 1, (1ULL << 13) - 1, 0, 0, 8 },
	{ 2, LANDLOCK_ACCESS_FS_REFER, 0, 0, 8 },
	{ 3, FS_TRUNCATE, 0, 0, 8 },
	{ 4, 0, NET_BIND_TCP | NET_CONNECT_TCP, 0, 16 },
	{ 5, FS_IOCTL_DEV, 0, 0, 16 },
	{ 6, 0, 0, SCOPE_ABSTRACT | SCOPE_SIGNAL, 24 },
};

#define FS_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE)

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static size_t fill(struct ruleset *r, int abi)
{
	size_t size = 0;

	*r = (struct ruleset){ 0 };
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels) && levels[i].abi <= abi; i++) {
		r->fs |= levels[i].fs;
		r->net |= levels[i].net;
		r->scoped |= levels[i].scoped;
		size = levels[i].size;
	}
	return size;
}

static int add_place(int ruleset, uint64_t handled, const struct sandbox_place *p)
{
	static const uint64_t rights[] = {
		[PLACE_READ] = FS_READ, [PLACE_WRITE] = FS_WRITE, [PLACE_UNLINK] = LANDLOCK_ACCESS_FS_REMOVE_FILE,
	};
	struct landlock_path_beneath_attr rule = { 0 };
	struct stat st;
	FD_CLEANUP int fd = open(p->path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	rule.parent_fd = fd;
	rule.allowed_access = rights[p->access] & handled;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_FILE;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int add_rules(int ruleset, const struct ruleset *r, const struct sandbox *s)
{
	int ret = 0;

	for (size_t i = 0; i < s->nplaces && ret == 0 && r->fs != 0; i++)
		ret = add_place(ruleset, r->fs, &s->place[i]);
	for (size_t i = 0; i < s->nports && ret == 0 && r->net != 0; i++) {
		const struct port_rule rule = { NET_CONNECT_TCP, s->port[i] };
		ret = syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0 ? -errno : 0;
	}
	return ret;
}

int landlock_enter(struct sandbox *s)
{
	struct ruleset r;
	size_t size = fill(&r, landlock_abi());

	s->landlock_abi = landlock_abi();
	if (s->without & GUARD_LANDLOCK)
		r.fs = 0;
	if (s->without & GUARD_PORTS)
		r.net = 0;
	if (s->without & GUARD_SCOPES)
		r.scoped = 0;
	if (s->abstract)
		r.scoped &= ~SCOPE_ABSTRACT;
	if (size == 0 || (r.fs | r.net | r.scoped) == 0)
		return 0;
	FD_CLEANUP int ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (ruleset < 0)
		return -errno;
	int ret = add_rules(ruleset, &r, s);
	if (ret == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0))
		ret = -errno;
	if (ret == 0)
		s->guards |= (r.fs ? GUARD_LANDLOCK : 0u) | (r.net ? GUARD_PORTS : 0u) | (r.scoped ? GUARD_SCOPES : 0u);
	return ret;
}
