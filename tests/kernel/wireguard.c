/* SPDX-License-Identifier: Apache-2.0 */
/* A WireGuard interface, its peers, addresses and routes: the kernel's where it has WireGuard, wireguard-go's everywhere. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <sodium.h>

#include "base/clock.h"
#include "kernel/kernel.h"
#include "kernel_test.h"

static struct kernel kernel;
static char err[512];
static struct seckey *secret;

#define NPEERS 4

/* A peer whose key and addresses follow from its number. */
static struct gw_peer make_peer(struct arena *a, uint32_t i)
{
	uint8_t seed[32] = { 0 };
	struct gw_peer p = { .name = arena_printf(a, "peer%u", i), .not_before = CLOCK_EVER, .expires = CLOCK_NEVER,
			     .keepalive = i % 2 ? 25 : 0, .nallowed = 2 };

	memcpy(seed + 8, &i, sizeof(i));
	crypto_scalarmult_base(p.public_key.b, seed);
	p.allowed_ips = arena_array(a, 2, struct prefix);
	p.allowed_ips[0] = (struct prefix){ at("fd09::") + i, 128 };
	p.allowed_ips[1] = (struct prefix){ at("10.9.0.0") + i, 32 };
	return p;
}

static int prefix_order(const void *a, const void *b)
{
	return addr_cmp(((const struct prefix *)a)->addr, ((const struct prefix *)b)->addr);
}

static int peer_order(const void *a, const void *b)
{
	return pubkey_cmp(&((const struct gw_peer *)a)->public_key, &((const struct gw_peer *)b)->public_key);
}

static void make_peers(struct gw_plan *p, struct arena *a, uint32_t n)
{
	p->peer = arena_array(a, n, struct gw_peer);
	p->npeers = n;
	for (uint32_t i = 0; i < n; i++) {
		p->peer[i] = make_peer(a, i + 1);
		qsort(p->peer[i].allowed_ips, p->peer[i].nallowed, sizeof(struct prefix), prefix_order);
	}
	qsort(p->peer, n, sizeof(*p->peer), peer_order);
}

static void make_plan(struct gw_plan *p, struct arena *a)
{
	static const char *const addresses[] = { "fd09::ffff/128", "10.9.255.1/32" };
	static const char *const routes[] = { "fd09::/64", "10.9.0.0/16", "10.20.0.0/24" };

	*p = (struct gw_plan){ .gateway = "gw", .interface = "wg0", .present = true, .up = true, .listen_port = 51820, .mtu = 1420 };
	crypto_scalarmult_base(p->public_key.b, secret->b);
	p->address = arena_array(a, 2, struct prefix);
	for (size_t i = 0; i < 2; i++)
		p->address[p->naddresses++] = prefix_at(addresses[i]);
	p->route = arena_array(a, 3, struct prefix);
	for (size_t i = 0; i < 3; i++)
		p->route[p->nroutes++] = prefix_at(routes[i]);
	qsort(p->address, p->naddresses, sizeof(*p->address), prefix_order);
	qsort(p->route, p->nroutes, sizeof(*p->route), prefix_order);
	make_peers(p, a, NPEERS);
	make_table(a, &p->nft);
}

static enum kernel_look how = LOOK_DRIFT;

static int difference(const struct gw_plan *want, struct arena *a, struct plan_delta *d)
{
	struct gw_plan *have = arena_new(a, struct gw_plan);
	int rc = kernel.observe(kernel.ctx, "wg0", how, a, have, err, sizeof(err));

	memset(d, 0, sizeof(*d));
	if (rc == 0)
		gw_plan_diff(have, want, clock_now(), a, d);
	else
		diag(err);
	return rc;
}

static void same(const struct gw_plan *want, const char *name)
{
	struct arena a;
	struct plan_delta d;

	arena_init(&a);
	int rc = difference(want, &a, &d);
	if (!ok(rc == 0 && d.nops == 0 && d.link == 0, "%s", name)) {
		struct buf text = BUF_INIT;
		d.nops = d.nops < 20 ? d.nops : 20;
		plan_delta_print(&d, &text);
		diag(buf_str(&text));
		buf_release(&text);
	}
	arena_release(&a);
}

static int bring_to(const struct gw_plan *want, struct kernel_stats *st)
{
	struct arena a;
	struct plan_delta d;

	arena_init(&a);
	err[0] = '\0';
	int rc = difference(want, &a, &d);
	if (rc == 0)
		rc = kernel.apply(kernel.ctx, &d, secret, st, err, sizeof(err));
	if (rc < 0)
		diag(err);
	arena_release(&a);
	return rc;
}

static void drift(const struct gw_plan *want)
{
	static const char *const by_hand[] = {
		"wg set wg0 peer $(wg show wg0 peers | head -n 1) remove",
		"wg set wg0 peer YFqNkcUrgFhvSZBFHGBBZ1Ml4oMd1d8yyVZbMdd3eUY= allowed-ips 10.77.0.0/16",
		"wg set wg0 peer $(wg show wg0 peers | head -n 1) allowed-ips 0.0.0.0/0,::/0",
		"wg set wg0 peer $(wg show wg0 peers | head -n 1) allowed-ips ''",
		"wg set wg0 peer $(wg show wg0 peers | head -n 1) persistent-keepalive 99",
		"wg set wg0 listen-port 4444",
		"wg genkey >/run/key && wg set wg0 private-key /run/key",
		"ip addr del 10.9.255.1/32 dev wg0",
		"ip addr add 10.50.0.7/24 dev wg0",
		"ip addr add fd50::1/64 dev wg0",
		"ip route del 10.9.0.0/16 dev wg0",
		"ip route add 10.99.0.0/16 dev wg0 proto 199",
		"ip -6 route add fd99::/48 dev wg0 proto 199",
		"ip link set wg0 down",
		"ip link set wg0 mtu 1300",
		"nft flush table inet yett",
	};

	for (size_t i = 0; i < ARRAY_SIZE(by_hand); i++) {
		struct arena a;
		struct plan_delta d;
		must(by_hand[i]);
		arena_init(&a);
		int rc = difference(want, &a, &d);
		ok(rc == 0 && d.nops > 0, "seen: %s (%zu operations)", by_hand[i], d.nops);
		arena_release(&a);
		ok(bring_to(want, NULL) == 0, "repaired");
		same(want, "and all is as it was");
	}
}

static void foreign(const struct gw_plan *want)
{
	struct arena a;
	struct buf out = BUF_INIT;
	struct gw_plan next = *want;

	arena_init(&a);
	must("ip route add 10.66.0.0/16 dev wg0 && ip link add other type veth peer name other2 && ip link set other2 up && ip link set other up && "
	     "ip addr add 10.67.0.1/24 dev other && ip route add 10.68.0.0/16 dev other proto 199 && ip route add 10.69.0.0/16 dev other");
	same(want, "others' routes and addresses are not ours to see");
	ok(bring_to(want, NULL) == 0 && run(&out, "ip route show") == 0 && strstr(buf_str(&out), "10.66.0.0/16") != NULL &&
		   strstr(buf_str(&out), "10.68.0.0/16") != NULL,
	   "nor to touch");
	next.route = arena_array(&a, want->nroutes + 1, struct prefix);
	memcpy(next.route, want->route, want->nroutes * sizeof(*want->route));
	next.route[next.nroutes++] = prefix_at("10.69.0.0/16");
	int rc = bring_to(&next, NULL);
	ok(rc == -EEXIST && strstr(err, "10.69.0.0/16") != NULL, "another's route in the way is named: %s", err);
	must("ip link del other; ip route del 10.66.0.0/16 dev wg0");
	buf_release(&out);
	arena_release(&a);
}

/* One more peer, then the address of one given to another. */
static void peer_changes(const struct gw_plan *want)
{
	struct arena a;
	struct gw_plan next = *want;
	struct kernel_stats st = { 0 };

	arena_init(&a);
	make_peers(&next, &a, NPEERS + 1);
	int rc = bring_to(&next, &st);
	ok(rc == 0 && st.sent_bytes < 1024 && st.sent_bytes == st.wg_bytes + st.rtnl_bytes && st.nft_bytes == 0,
	   "one more peer is %llu bytes in %llu messages", (unsigned long long)st.sent_bytes, (unsigned long long)st.messages);
	same(&next, "and is there");
	struct prefix moved = next.peer[0].allowed_ips[1];
	next.peer[0].allowed_ips[1] = next.peer[1].allowed_ips[1];
	next.peer[1].allowed_ips[1] = moved;
	ok(bring_to(&next, NULL) == 0, "two peers exchange an address");
	same(&next, "and each has the other's");
	next.peer[2].revoked = true;
	next.peer[2].nallowed = 0;
	ok(bring_to(&next, NULL) == 0, "a peer is revoked");
	same(&next, "and is gone");
	ok(bring_to(want, NULL) == 0, "back again");
	same(want, "and all is as it was");
	arena_release(&a);
}

/* Of many peers a change reads none: what was read or written before is enough, and the next look at drift tells. */
static void kept_peers(const struct gw_plan *want, uint32_t n)
{
	struct arena a;
	struct gw_plan next = *want;
	struct kernel_stats st = { 0 };
	double t = now_seconds();

	arena_init(&a);
	make_peers(&next, &a, n + 1);
	how = LOOK_CHANGE;
	int rc = bring_to(&next, &st);
	ok(rc == 0 && st.messages == 1, "one more of many is %llu message", (unsigned long long)st.messages);
	printf("# in %.1f ms\n", (now_seconds() - t) * 1e3);
	same(&next, "believed to be there");
	next.peer[2].revoked = true;
	next.peer[2].nallowed = 0;
	struct prefix moved = next.peer[0].allowed_ips[1];
	next.peer[0].allowed_ips[1] = next.peer[1].allowed_ips[1];
	next.peer[1].allowed_ips[1] = moved;
	ok(bring_to(&next, NULL) == 0, "one is revoked, two exchange an address");
	same(&next, "believed");
	how = LOOK_DRIFT;
	same(&next, "and so it is");
	must("wg set wg0 peer $(wg show wg0 peers | head -n 1) remove");
	how = LOOK_CHANGE;
	same(&next, "what others do to peers is not seen in a change");
	how = LOOK_DRIFT;
	ok(bring_to(&next, &st) == 0 && st.wg_bytes > 0, "but when drift is looked for");
	same(&next, "it is repaired");
	how = LOOK_CHANGE;
	ok(bring_to(want, NULL) == 0, "and back");
	how = LOOK_DRIFT;
	same(want, "as it was");
	arena_release(&a);
}

static void many_peers(const struct gw_plan *want, uint32_t n)
{
	struct arena a;
	struct gw_plan next = *want;

	arena_init(&a);
	make_peers(&next, &a, n);
	double t = now_seconds();
	int rc = bring_to(&next, NULL);
	ok(rc == 0, "%u peers in %.0f ms", n, (now_seconds() - t) * 1e3);
	t = now_seconds();
	same(&next, "read back and the same");
	printf("# read back in %.0f ms\n", (now_seconds() - t) * 1e3);
	kept_peers(&next, n);
	ok(bring_to(want, NULL) == 0, "and gone again");
	arena_release(&a);
}

static void suite(void)
{
	struct arena a;
	struct gw_plan want;
	struct kernel_stats st = { 0 };

	arena_init(&a);
	make_plan(&want, &a);
	int rc = bring_to(&want, &st);
	ok(rc == 0, "the whole gateway: nft %llu, WireGuard %llu, links and routes %llu bytes",
	   (unsigned long long)st.nft_bytes, (unsigned long long)st.wg_bytes, (unsigned long long)st.rtnl_bytes);
	same(&want, "what was written is read back as what was meant");
	drift(&want);
	peer_changes(&want);
	foreign(&want);
	many_peers(&want, 2000);
	struct plan_delta d = { .link = LINK_KEY, .want = &want };
	rc = kernel.apply(kernel.ctx, &d, NULL, NULL, err, sizeof(err));
	ok(rc == -EINVAL, "no key where one is needed: %s", err);
	arena_release(&a);
}

static pid_t start_wireguard_go(void)
{
	pid_t pid = fork();
	struct stat st;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execlp("wireguard-go", "wireguard-go", "-f", "wg0", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && stat("/var/run/wireguard/wg0.sock", &st) < 0; i++)
		usleep(25000);
	return pid;
}

static void userspace(void)
{
	struct arena a;
	struct gw_plan p;
	int rc = kernel_open(&kernel, WG_USERSPACE, NULL, err, sizeof(err));

	if (!ok(rc == 0, "the userspace backend opens"))
		return;
	arena_init(&a);
	rc = kernel.observe(kernel.ctx, "wg0", LOOK_DRIFT, &a, &p, err, sizeof(err));
	ok(rc == -ENODEV && strlen(err) > 17 && strcmp(err + strlen(err) - 17, " [E_NO_WIREGUARD]") == 0, "nobody listens: %s", err);
	rc = kernel.observe(kernel.ctx, "../wg0", LOOK_ALL, &a, &p, err, sizeof(err));
	ok(rc == -EINVAL, "a name that is a path: %s", err);
	arena_release(&a);
	pid_t pid = start_wireguard_go();
	suite();
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	arena_init(&a);
	rc = kernel.observe(kernel.ctx, "wg0", LOOK_DRIFT, &a, &p, err, sizeof(err));
	ok(rc == -ENODEV, "it has gone: %s", err);
	arena_release(&a);
	kernel_close(&kernel);
}

static void in_kernel(void)
{
	int rc = kernel_open(&kernel, WG_KERNEL, NULL, err, sizeof(err));

	if (rc == -EOPNOTSUPP) {
		ok(strstr(err, "no WireGuard") != NULL, "a kernel without WireGuard says so: %s", err);
		return;
	}
	if (ok(rc == 0, "the kernel backend opens")) {
		suite();
		kernel_close(&kernel);
		must("ip link del wg0");
	}
}

int main(void)
{
	enter_namespaces(CLONE_NEWNS);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 ||
	    mkdir("/run/wireguard", 0755) < 0 || sodium_init() < 0) {
		printf("Bail out! cannot have a /run of our own: %s\n", strerror(errno));
		return 1;
	}
	secret = sodium_malloc(sizeof(*secret));
	memset(secret->b, 0x5a, sizeof(secret->b));
	in_kernel();
	userspace();
	sodium_free(secret);
	return finish();
}
