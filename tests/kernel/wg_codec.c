/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard's two languages without a device: what is written has the form of the kernel's header and of the socket's text, and replies are read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/bug.h"
#include "base/clock.h"
#include "kernel/nl_attr.h"
#include "kernel/wg_genl.h"
#include "kernel/wg_uapi.h"

static struct pubkey key_of(uint8_t first)
{
	struct pubkey k = { .b = { [0] = first, [31] = 0x40 } };

	return k;
}

static struct prefix prefix_at(const char *text)
{
	struct prefix p = { 0, 0 }, fixed;

	assert_int_equal(prefix_parse(text, strlen(text), &p, &fixed), ADDR_OK);
	return p;
}

/* --- generic netlink: what was sent is decoded here by hand --- */

struct sent {
	size_t messages, peers, ips, removed, replaced;
	uint16_t keepalive, port;
	uint8_t private_key[32];
	struct prefix *ip; /* seen so far, in order */
	const char *interface;
};

static void see_sent_ips(struct sent *s, const struct nlattr *list)
{
	const struct nlattr *attr, *field;

	attr_each_nested(attr, list) {
		uint8_t b[16] = { [10] = 0xff, [11] = 0xff }, len = 0;
		uint16_t family = 0;
		attr_each_nested(field, attr) {
			if (mnl_attr_get_type(field) == WGALLOWEDIP_A_FAMILY)
				family = mnl_attr_get_u16(field);
			if (mnl_attr_get_type(field) == WGALLOWEDIP_A_CIDR_MASK)
				len = mnl_attr_get_u8(field);
			if (mnl_attr_get_type(field) == WGALLOWEDIP_A_IPADDR)
				memcpy(b + 16 - mnl_attr_get_payload_len(field), mnl_attr_get_payload(field), mnl_attr_get_payload_len(field));
		}
		assert_true(family == AF_INET || family == AF_INET6);
		if (s->ip != NULL) {
			assert_true(addr_from_bytes(b) == s->ip[s->ips].addr);
			assert_int_equal(len, s->ip[s->ips].len);
		}
		s->ips++;
	}
}

static void see_sent_peer(struct sent *s, const struct nlattr *peer)
{
	const struct nlattr *attr;
	bool key = false;

	s->peers++;
	attr_each_nested(attr, peer) {
		switch (mnl_attr_get_type(attr)) {
		case WGPEER_A_PUBLIC_KEY:
			assert_int_equal(mnl_attr_get_payload_len(attr), 32);
			key = true;
			break;
		case WGPEER_A_FLAGS:
			s->removed += (mnl_attr_get_u32(attr) & WGPEER_F_REMOVE_ME) != 0;
			s->replaced += (mnl_attr_get_u32(attr) & WGPEER_F_REPLACE_ALLOWEDIPS) != 0;
			break;
		case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
			s->keepalive = mnl_attr_get_u16(attr);
			break;
		case WGPEER_A_ALLOWEDIPS:
			see_sent_ips(s, attr);
			break;
		default:
			fail_msg("peer attribute %u", mnl_attr_get_type(attr));
		}
	}
	assert_true(key);
}

static int see_sent(void *arg, struct nlmsghdr *nlh)
{
	struct sent *s = arg;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *peer;

	s->messages++;
	assert_true(nlh->nlmsg_len <= WG_MESSAGE_MAX);
	assert_int_equal(genl->cmd, WG_CMD_SET_DEVICE);
	attr_each(attr, nlh, sizeof(*genl)) {
		switch (mnl_attr_get_type(attr)) {
		case WGDEVICE_A_IFNAME:
			assert_string_equal(mnl_attr_get_str(attr), "wg0");
			break;
		case WGDEVICE_A_PRIVATE_KEY:
			memcpy(s->private_key, mnl_attr_get_payload(attr), 32);
			break;
		case WGDEVICE_A_LISTEN_PORT:
			s->port = mnl_attr_get_u16(attr);
			break;
		case WGDEVICE_A_PEERS:
			attr_each_nested(peer, attr)
				see_sent_peer(s, peer);
			break;
		default:
			fail_msg("device attribute %u", mnl_attr_get_type(attr));
		}
	}
	return 0;
}

static char message[WG_MESSAGE_MAX];

static struct wg_genl_writer writer_to(struct sent *s)
{
	struct wg_genl_writer w = { .buf = message, .family = 30, .interface = "wg0", .send = see_sent, .arg = s };

	wg_genl_begin(&w);
	return w;
}

static void genl_device(void **state)
{
	(void)state;
	struct sent s = { 0 };
	struct wg_genl_writer w = writer_to(&s);
	struct seckey key;

	memset(key.b, 0x42, sizeof(key.b));
	wg_genl_put_device(&w, &key, 51820);
	see_sent(&s, w.nlh);
	assert_memory_equal(s.private_key, key.b, 32);
	assert_int_equal(s.port, 51820);
}

static void genl_peers(void **state)
{
	(void)state;
	struct prefix old_ip[] = { prefix_at("10.0.0.1/32"), prefix_at("10.1.0.0/16") };
	struct prefix ip[] = { prefix_at("10.0.0.1/32"), prefix_at("10.1.0.0/16"), prefix_at("fd00::1/128") };
	struct gw_peer old = { .public_key = key_of(1), .allowed_ips = old_ip, .nallowed = 2, .keepalive = 25 };
	struct gw_peer new = { .public_key = key_of(1), .allowed_ips = ip, .nallowed = 3, .keepalive = 25 };
	struct plan_op add = { .kind = OP_PEER_ADD, .peer = &new };
	struct plan_op grow = { .kind = OP_PEER_UPDATE, .peer = &new, .old_peer = &old };
	struct plan_op shrink = { .kind = OP_PEER_UPDATE, .peer = &old, .old_peer = &new };
	struct plan_op revoke = { .kind = OP_PEER_REMOVE, .peer = &old, .early = true };
	struct plan_op clean = { .kind = OP_PEER_REMOVE, .peer = &old };
	struct wg_change c = { 0 };
	struct sent s = { .ip = ip };
	struct wg_genl_writer w = writer_to(&s);

	assert_false(wg_change_get(&c, &add, WG_REVOKE));
	assert_false(wg_change_get(&c, &revoke, WG_GRANT));
	assert_false(wg_change_get(&c, &revoke, WG_CLEAN));
	assert_false(wg_change_get(&c, &clean, WG_REVOKE));

	assert_true(wg_change_get(&c, &add, WG_GRANT));
	wg_genl_put_peer(&w, &c);
	assert_int_equal(wg_genl_end(&w), 0);
	assert_int_equal(s.ips, 3);
	assert_int_equal(s.replaced, 1);
	assert_int_equal(s.keepalive, 25);

	/* What only grew is added to, and says nothing about what stays. */
	s = (struct sent){ .ip = ip + 2 };
	w = writer_to(&s);
	assert_true(wg_change_get(&c, &grow, WG_GRANT));
	wg_genl_put_peer(&w, &c);
	wg_genl_end(&w);
	assert_int_equal(s.ips, 1);
	assert_int_equal(s.replaced, 0);
	assert_int_equal(s.keepalive, 0);

	s = (struct sent){ .ip = ip };
	w = writer_to(&s);
	assert_true(wg_change_get(&c, &shrink, WG_GRANT));
	wg_genl_put_peer(&w, &c);
	wg_genl_end(&w);
	assert_int_equal(s.ips, 2);
	assert_int_equal(s.replaced, 1);

	s = (struct sent){ 0 };
	w = writer_to(&s);
	assert_true(wg_change_get(&c, &revoke, WG_REVOKE));
	wg_genl_put_peer(&w, &c);
	assert_true(wg_change_get(&c, &clean, WG_CLEAN));
	wg_genl_put_peer(&w, &c);
	wg_genl_end(&w);
	assert_int_equal(s.removed, 2);
	assert_int_equal(s.ips, 0);
	wg_change_release(&c);
}

/* More than one message holds: peers go to the next, and a peer's allowed IPs go on in it, not replaced again. */
static void genl_chunks(void **state)
{
	(void)state;
	static struct prefix ip[5000];
	struct gw_peer big = { .public_key = key_of(7), .allowed_ips = ip, .nallowed = 5000 };
	struct plan_op add = { .kind = OP_PEER_ADD, .peer = &big };
	struct wg_change c = { 0 };
	struct sent s = { .ip = ip };
	struct wg_genl_writer w = writer_to(&s);

	for (uint32_t i = 0; i < 5000; i++)
		ip[i] = (struct prefix){ addr_from_v4(0x0a000000 + i), 32 };
	assert_true(wg_change_get(&c, &add, WG_GRANT));
	wg_genl_put_peer(&w, &c);
	assert_int_equal(wg_genl_end(&w), 0);
	assert_true(s.messages > 4);
	assert_int_equal(s.ips, 5000);
	assert_int_equal(s.replaced, 1);
	assert_int_equal(s.peers, s.messages);

	s = (struct sent){ 0 };
	w = writer_to(&s);
	big.nallowed = 1;
	for (int i = 0; i < 3000; i++) {
		assert_true(wg_change_get(&c, &add, WG_GRANT));
		wg_genl_put_peer(&w, &c);
	}
	assert_int_equal(wg_genl_end(&w), 0);
	assert_int_equal(s.peers, 3000);
	assert_int_equal(s.ips, 3000);
	assert_true(s.messages > 5);
	wg_change_release(&c);
}

static void put_ip(struct nlmsghdr *nlh, struct prefix p)
{
	uint8_t b[16];
	size_t n = addr_to_wire(p.addr, b);
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);

	mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, n == 4 ? AF_INET : AF_INET6);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, n, b);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, p.len);
	mnl_attr_nest_end(nlh, nest);
}

static struct nlmsghdr *begin_reply(void)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(message);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = WG_CMD_GET_DEVICE;
	return nlh;
}

/* As drivers/net/wireguard/netlink.c lays a dump out: the peer that did not fit goes on in the next message by its key alone. */
static void genl_reply(void **state)
{
	(void)state;
	struct arena a;
	struct gw_plan p = { 0 };
	struct wg_peers w = { .a = &a };
	struct pubkey device = key_of(99), first = key_of(9), second = key_of(3);
	int64_t handshake[2] = { 1700000000, 5 };
	uint8_t secret[32] = { 1 };

	arena_init(&a);
	struct nlmsghdr *nlh = begin_reply();
	mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, 51820);
	mnl_attr_put_u32(nlh, WGDEVICE_A_FWMARK, 0);
	mnl_attr_put_u32(nlh, WGDEVICE_A_IFINDEX, 4);
	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, "wg0");
	mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, 32, secret);
	mnl_attr_put(nlh, WGDEVICE_A_PUBLIC_KEY, 32, device.b);
	struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	struct nlattr *peer = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, 32, first.b);
	mnl_attr_put(nlh, WGPEER_A_PRESHARED_KEY, 32, secret);
	mnl_attr_put(nlh, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof(handshake), handshake);
	mnl_attr_put_u16(nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	mnl_attr_put_u64(nlh, WGPEER_A_TX_BYTES, 11);
	mnl_attr_put_u64(nlh, WGPEER_A_RX_BYTES, 22);
	struct nlattr *list = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	put_ip(nlh, prefix_at("10.9.0.0/16"));
	put_ip(nlh, prefix_at("fd00::/64"));
	mnl_attr_nest_end(nlh, list);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, peers);
	assert_int_equal(wg_genl_parse(nlh, &w, &p), 0);

	nlh = begin_reply();
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	peer = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, 32, first.b);
	list = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	put_ip(nlh, prefix_at("10.0.0.1/32"));
	mnl_attr_nest_end(nlh, list);
	mnl_attr_nest_end(nlh, peer);
	peer = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, 32, second.b);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, peers);
	assert_int_equal(wg_genl_parse(nlh, &w, &p), 0);
	wg_peers_finish(&w, &p);

	assert_int_equal(p.listen_port, 51820);
	assert_memory_equal(p.public_key.b, device.b, 32);
	assert_int_equal(p.npeers, 2);
	assert_memory_equal(p.peer[0].public_key.b, second.b, 32);
	assert_int_equal(p.peer[0].nallowed, 0);
	const struct gw_peer *q = &p.peer[1];
	assert_memory_equal(q->public_key.b, first.b, 32);
	assert_int_equal(q->handshake, 1700000000);
	assert_int_equal(q->keepalive, 25);
	assert_int_equal(q->tx_bytes, 11);
	assert_int_equal(q->rx_bytes, 22);
	assert_int_equal(q->nallowed, 3);
	assert_true(q->allowed_ips[0].addr == prefix_at("fd00::/64").addr || q->allowed_ips[0].addr == prefix_at("10.0.0.1/32").addr);
	assert_true(q->not_before == CLOCK_EVER && q->expires == CLOCK_NEVER);
	arena_release(&a);
}

static void genl_bad_reply(void **state)
{
	(void)state;
	struct arena a;
	struct gw_plan p = { 0 };
	struct wg_peers w = { .a = &a };

	arena_init(&a);
	struct nlmsghdr *nlh = begin_reply();
	struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	struct nlattr *peer = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, 31, message + 1000);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, peers);
	assert_int_equal(wg_genl_parse(nlh, &w, &p), -EBADMSG);
	wg_peers_finish(&w, &p);
	arena_release(&a);
}

/* --- the socket's text --- */

static int feed(struct wg_uapi_reader *r, const char *text)
{
	int rc = 0;

	while (*text != '\0' && rc == 0) {
		size_t n = strcspn(text, "\n");
		rc = wg_uapi_line(r, text, n);
		text += n + 1;
	}
	return rc;
}

#define HEX_A "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33"
#define HEX_B "58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376"

static void uapi_reply(void **state)
{
	(void)state;
	struct arena a;
	struct gw_plan p = { 0 };
	struct wg_uapi_reader r = { .peers = { .a = &a }, .p = &p, .code = -1 };
	uint8_t secret[32], public_key[32];
	char hex[65], line[128];

	arena_init(&a);
	memset(secret, 0x33, sizeof(secret));
	crypto_scalarmult_base(public_key, secret);
	snprintf(line, sizeof(line), "private_key=%s\n", sodium_bin2hex(hex, sizeof(hex), secret, 32));
	assert_int_equal(feed(&r, line), 0);
	assert_int_equal(feed(&r, "listen_port=12912\nfwmark=1\npublic_key=" HEX_A "\npreshared_key=" HEX_B
				  "\nallowed_ip=192.168.4.4/32\nallowed_ip=fd00::/64\nendpoint=[abcd:23::33%2]:51820\n"
				  "last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=1\ntx_bytes=38333\nrx_bytes=2224\n"
				  "persistent_keepalive_interval=111\nprotocol_version=1\npublic_key=" HEX_B "\nallowed_ip=::ffff:1.2.3.4/128\n"
				  "errno=0\n\n"), 0);
	assert_true(r.ended);
	assert_int_equal(r.code, 0);
	wg_peers_finish(&r.peers, &p);
	assert_memory_equal(p.public_key.b, public_key, 32);
	assert_int_equal(p.listen_port, 12912);
	assert_int_equal(p.npeers, 2);
	const struct gw_peer *q = &p.peer[1];
	assert_int_equal(q->public_key.b[0], 0xb8);
	assert_int_equal(q->nallowed, 2);
	assert_int_equal(q->keepalive, 111);
	assert_int_equal(q->handshake, 1700000000);
	assert_int_equal(q->rx_bytes, 2224);
	assert_int_equal(q->tx_bytes, 38333);
	assert_int_equal(p.peer[0].nallowed, 1); /* what we cannot say is there all the same, and equal to nothing of ours */
	assert_int_equal(p.peer[0].allowed_ips[0].len, 128);
	assert_true(addr_is_v4(p.peer[0].allowed_ips[0].addr));
	arena_release(&a);
}

static void uapi_bad_replies(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"no equals sign\n", "public_key=12\n", "public_key=" HEX_A "00\n", "listen_port=65536\n", "listen_port=-1\n", "listen_port=\n",
		"allowed_ip=10.0.0.0/8\n", "public_key=" HEX_A "\nallowed_ip=10.0.0.0/33\n", "keepalive\n",
		"persistent_keepalive_interval=5\n", "rx_bytes=1\n", "errno=x\n", "private_key=zz\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct arena a;
		struct gw_plan p = { 0 };
		struct wg_uapi_reader r = { .peers = { .a = &a }, .p = &p, .code = -1 };
		arena_init(&a);
		assert_int_equal(feed(&r, bad[i]), -EBADMSG);
		wg_peers_finish(&r.peers, &p);
		arena_release(&a);
	}
	struct wg_uapi_reader set = { .p = NULL, .code = -1 };
	assert_int_equal(feed(&set, "errno=-22\n\n"), 0);
	assert_int_equal(set.code, 22);
}

static void uapi_requests(void **state)
{
	(void)state;
	struct prefix ip[] = { prefix_at("10.0.0.1/32"), prefix_at("fd00::1/128") };
	struct gw_peer peer = { .allowed_ips = ip, .nallowed = 2, .keepalive = 25 };
	struct gw_peer old = { .allowed_ips = ip, .nallowed = 1, .keepalive = 25 };
	struct plan_op add = { .kind = OP_PEER_ADD, .peer = &peer };
	struct plan_op grow = { .kind = OP_PEER_UPDATE, .peer = &peer, .old_peer = &old };
	struct plan_op gone = { .kind = OP_PEER_REMOVE, .peer = &peer };
	struct wg_change c = { 0 };
	struct buf b = BUF_INIT;

	sodium_hex2bin(peer.public_key.b, 32, HEX_A, 64, NULL, NULL, NULL);
	assert_true(wg_change_get(&c, &add, WG_GRANT));
	wg_uapi_put_peer(&b, &c);
	assert_string_equal(buf_str(&b), "public_key=" HEX_A "\npersistent_keepalive_interval=25\nreplace_allowed_ips=true\n"
					 "allowed_ip=10.0.0.1/32\nallowed_ip=fd00::1/128\n");
	buf_reset(&b);
	assert_true(wg_change_get(&c, &grow, WG_GRANT));
	wg_uapi_put_peer(&b, &c);
	assert_string_equal(buf_str(&b), "public_key=" HEX_A "\nallowed_ip=fd00::1/128\n");
	buf_reset(&b);
	assert_true(wg_change_get(&c, &gone, WG_CLEAN));
	wg_uapi_put_peer(&b, &c);
	assert_string_equal(buf_str(&b), "public_key=" HEX_A "\nupdate_only=true\nremove=true\n");
	wg_change_release(&c);
	buf_release(&b);
}

static void interface_names(void **state)
{
	(void)state;
	static const char *const good[] = { "wg0", "wg-office", "a", "wg_0.1+=", "fifteen-letters" };
	static const char *const bad[] = { "", ".", "..", "a/b", "../x", "sixteen--letters", "a b", "wg\n", "wg%s", "\xc3\xa4" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(wg_interface_name_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(wg_interface_name_valid(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(genl_device),   cmocka_unit_test(genl_peers),     cmocka_unit_test(genl_chunks),
		cmocka_unit_test(genl_reply),    cmocka_unit_test(genl_bad_reply), cmocka_unit_test(uapi_reply),
		cmocka_unit_test(uapi_bad_replies), cmocka_unit_test(uapi_requests), cmocka_unit_test(interface_names),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
