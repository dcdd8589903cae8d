/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bug.h"
#include "message.h"

static const struct forwarding {
	uint32_t bit;
	bool v6;
	const char *file;
	const char *text;
} forwardings[] = {
	{ HOST_FORWARDING4_OFF, false, "/proc/sys/net/ipv4/ip_forward",
	  "this machine forwards no IPv4 packets, so devices reach nothing behind it; type: sysctl -w net.ipv4.ip_forward=1 [W_FORWARDING_OFF]" },
	{ HOST_FORWARDING6_OFF, true, "/proc/sys/net/ipv6/conf/all/forwarding",
	  "this machine forwards no IPv6 packets, so devices reach nothing behind it; type: sysctl -w net.ipv6.conf.all.forwarding=1 (router advertisements then need accept_ra=2) [W_FORWARDING_OFF]" },
};

void host_open(struct host *h, const char *root)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(forwardings); i++) {
		snprintf(path, sizeof(path), "%s%s", root, forwardings[i].file);
		h->forwarding[i] = open(path, O_RDONLY | O_CLOEXEC);
	}
}

void host_close(struct host *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(forwardings); i++)
		if (h->forwarding[i] >= 0)
			close(h->forwarding[i]);
	*h = (struct host)HOST_NONE;
}

/* A file that was not there was not compiled in, or is hidden: nothing to advise. */
static bool says_zero(int fd)
{
	char c = '\0';

	return fd >= 0 && pread(fd, &c, 1, 0) == 1 && c == '0';
}

static bool has_family(const struct gw_plan *p, bool v6)
{
	for (size_t i = 0; i < p->naddresses; i++)
		if (addr_is_v4(p->address[i].addr) != v6)
			return true;
	return false;
}

uint32_t host_forwarding(const struct gw_plan *p, const struct host *h)
{
	uint32_t off = 0;

	for (size_t i = 0; i < ARRAY_SIZE(forwardings); i++)
		if (has_family(p, forwardings[i].v6) && says_zero(h->forwarding[i]))
			off |= forwardings[i].bit;
	return off;
}

/* Two rules, since each chain judges both directions by itself. Interface names hold nothing that a shell would mind. */
static void print_neighbour(const struct nft_neighbour *n, const char *interface, struct buf *out)
{
	const char *iptables = strcmp(n->family, "ip6") == 0 ? "ip6tables" : "iptables";

	buf_addf(out, "the table %s %s drops in its chain %s what yett lets through, so devices reach nothing behind this machine; type: ",
		 n->family, n->table, n->chain);
	switch ((enum neighbour_kind)n->kind) {
	case NEIGHBOUR_DOCKER:
		buf_addf(out, "%s -I DOCKER-USER -i %s -j ACCEPT && %s -I DOCKER-USER -o %s -j ACCEPT", iptables, interface,
			 iptables, interface);
		break;
	case NEIGHBOUR_UFW:
		buf_addf(out, "ufw route allow in on %s && ufw route allow out on %s", interface, interface);
		break;
	case NEIGHBOUR_FIREWALLD:
		buf_addf(out, "firewall-cmd --permanent --zone=trusted --add-interface=%s && firewall-cmd --reload", interface);
		break;
	case NEIGHBOUR_NONE:
	case NEIGHBOUR_OTHER:
		buf_addf(out, "nft insert rule %s %s %s iifname %s accept && nft insert rule %s %s %s oifname %s accept", n->family,
			 n->table, n->chain, interface, n->family, n->table, n->chain, interface);
		break;
	}
	buf_adds(out, " [W_FOREIGN_DROP]");
}

void host_warning_print(uint32_t bit, const struct ipc_apply_res *r, struct buf *out)
{
	if (bit == HOST_FOREIGN_DROP)
		print_neighbour(&r->neighbour, r->interface, out);
	for (size_t i = 0; i < ARRAY_SIZE(forwardings); i++)
		if (forwardings[i].bit == bit)
			buf_adds(out, forwardings[i].text);
}

int host_minutes_west(void)
{
	struct timeval tv;
	struct timezone tz = { 0, 0 };

	/* The C library's gettimeofday() answers 0 whatever the kernel has. */
	if (syscall(SYS_gettimeofday, &tv, &tz) < 0)
		return 0;
	return tz.tz_minuteswest;
}

static bool has_windows(const struct gw_plan *p)
{
	for (size_t c = 0; c < p->nft.nchains; c++)
		for (size_t r = 0; r < p->nft.chain[c].nrules; r++) {
			const struct nft_rule *rule = &p->nft.chain[c].rule[r];
			for (size_t i = 0; i < rule->nitems; i++)
				if (rule->item[i].kind == NFT_MATCH &&
				    (rule->item[i].field == NFT_DAY || rule->item[i].field == NFT_HOUR))
					return true;
		}
	return false;
}

int host_check_zone(const struct gw_plan *p, int minutes_west, char *err, size_t err_size)
{
	if (minutes_west == 0 || !has_windows(p))
		return 0;
	snprintf(err, err_size,
		 "the kernel's own time zone is %d minutes west of UTC, so hours and days in policies would be shifted; set the hardware clock to UTC (timedatectl set-local-rtc 0) and boot again [E_KERNEL_TZ]",
		 minutes_west);
	return -ENOTSUP;
}
