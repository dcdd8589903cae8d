/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways as peers of gateways: their endpoint in a plan's bytes and difference, and in WireGuard's two languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "base/clock.h"
#include "kernel/nl_attr.h"
#include "kernel/wg_genl.h"
#include "kernel/wg_uapi.h"
#include "plan/gw_plan.h"
#include "resolve/links.h"
#include "resolve/place.h"

#define NOW 1000000

static u128 addr_at(const char *text)
{
	u128 a = 0;

	assert_int_equal(addr_parse(text, strlen(text), &a), ADDR_OK);
	return a;
}

static struct gw_peer peer_at(uint8_t key, const char *endpoint, uint16_t port)
{
	struct gw_peer p = { .public_key = { .b = { [0] = key, [31] = 0x40 } },
			     .name = "far-1",
			     .keepalive = 25,
			     .not_before = CLOCK_EVER,
			     .expires = CLOCK_NEVER };

	if (endpoint)
		p.endpoint = (struct gw_endpoint){ addr_at(endpoint), port };
	return p;
}

static struct gw_plan plan_of(struct gw_peer *peer, size_t n)
{
	return (struct gw_plan){
		.gateway = "here", .interface = "wg0", .present = true, .up = true, .peer = peer, .npeers = n
	};
}

/* --- the plan --- */

static void test_bytes(void **state)
{
	(void)state;
	struct gw_peer peer[] = { peer_at(1, NULL, 0), peer_at(2, "192.0.2.7", 51820), peer_at(3, "2001:db8::7", 1) };
	struct gw_plan p = plan_of(peer, 3), again;
	struct buf out = BUF_INIT;
	struct arena a;
	char err[256];

	arena_init(&a);
	gw_plan_encode(&p, &out);
	assert_int_equal(gw_plan_decode(&again, out.p, out.len, &a, err, sizeof(err)), 0);
	assert_int_equal(again.npeers, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(again.peer[i].endpoint.addr == peer[i].endpoint.addr);
		assert_int_equal(again.peer[i].endpoint.port, peer[i].endpoint.port);
	}
	peer[1].revoked = true; /* never configured, and so nowhere */
	buf_reset(&out);
	gw_plan_encode(&p, &out);
	assert_int_not_equal(gw_plan_decode(&again, out.p, out.len, &a, err, sizeof(err)), 0);
	assert_string_equal(err, "the plan is damaged: a revoked peer has addresses");
	buf_release(&out);
	arena_release(&a);
}

/* What turns a peer here into a peer there: at most one op. */
static struct plan_op difference(struct gw_peer have, struct gw_peer want, struct arena *a)
{
	struct gw_plan *x = arena_new(a, struct gw_plan), *y = arena_new(a, struct gw_plan);
	struct plan_delta d;

	*x = plan_of(arena_dup(a, &have, sizeof(have)), 1);
	*y = plan_of(arena_dup(a, &want, sizeof(want)), 1);
	gw_plan_diff(x, y, NOW, a, &d);
	assert_true(d.nops <= 1);
	return d.nops ? d.op[0] : (struct plan_op){ .kind = OP_LINK };
}

static void test_difference(void **state)
{
	(void)state;
	struct gw_peer want = peer_at(1, "192.0.2.7", 51820), have = want, device = peer_at(1, NULL, 0);
	struct arena a;

	arena_init(&a);
	assert_int_equal(difference(have, want, &a).kind, OP_LINK);
	have.endpoint.port = 0; /* not known yet */
	assert_int_equal(difference(have, want, &a).kind, OP_PEER_UPDATE);
	assert_true(difference(have, want, &a).set_endpoint);
	have.endpoint = (struct gw_endpoint){ addr_at("198.51.100.1"), 4000 };
	assert_true(difference(have, want, &a).set_endpoint);
	have.handshake = NOW - 179; /* it has moved, and its session lives */
	assert_int_equal(difference(have, want, &a).kind, OP_LINK);
	have.handshake = NOW - 180;
	assert_true(difference(have, want, &a).set_endpoint);
	have.handshake = NOW - 10;
	have.keepalive = 5; /* another reason to update leaves it where it is */
	assert_int_equal(difference(have, want, &a).kind, OP_PEER_UPDATE);
	assert_false(difference(have, want, &a).set_endpoint);
	have = device;
	have.endpoint = (struct gw_endpoint){ addr_at("203.0.113.9"), 4000 }; /* devices come from anywhere */
	assert_int_equal(difference(have, device, &a).kind, OP_LINK);
	arena_release(&a);
}

static void test_words(void **state)
{
	(void)state;
	struct gw_peer have = peer_at(1, NULL, 0), want = peer_at(1, "2001:db8::7", 51820);
	struct gw_plan x = plan_of(&have, 0), y = plan_of(&want, 1);
	struct plan_delta d;
	struct buf out = BUF_INIT;
	struct arena a;

	arena_init(&a);
	gw_plan_diff(&x, &y, NOW, &a, &d);
	assert_int_equal(d.nops, 1);
	assert_true(d.op[0].kind == OP_PEER_ADD && d.op[0].set_endpoint);
	plan_delta_print(&d, &out);
	assert_non_null(strstr(buf_str(&out), "(far-1) at [2001:db8::7]:51820 keepalive 25s"));
	buf_release(&out);
	arena_release(&a);
}

/* --- the socket's text --- */

static void test_uapi(void **state)
{
	(void)state;
	struct gw_peer peer = peer_at(1, "2001:db8::7", 51820);
	struct wg_change c = { .peer = &peer, .set_endpoint = true };
	struct buf out = BUF_INIT;

	wg_uapi_put_peer(&out, &c);
	assert_non_null(strstr(buf_str(&out), "\nendpoint=[2001:db8::7]:51820\n"));
	c.set_endpoint = false;
	buf_reset(&out);
	wg_uapi_put_peer(&out, &c);
	assert_null(strstr(buf_str(&out), "endpoint"));
	buf_release(&out);
}

static void test_uapi_reply(void **state)
{
	(void)state;
	static const struct {
		const char *line, *addr; /* addr NULL: not one of ours; "": the line is damaged */
		uint16_t port;
	} rows[] = {
		{ "endpoint=192.0.2.7:51820", "192.0.2.7", 51820 },
		{ "endpoint=[2001:db8::7]:1", "2001:db8::7", 1 },
		{ "endpoint=[fe80::7%eth0]:51820", NULL, 51820 },
		{ "endpoint=192.0.2.7", "", 0 },
		{ "endpoint=192.0.2.7:", "", 0 },
		{ "endpoint=192.0.2.7:65536", "", 0 },
		{ "endpoint=", "", 0 },
	};
	char key[80] = "public_key=";

	memset(key + 11, '1', 64);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a;
		struct gw_plan p = { .npeers = 0 };
		arena_init(&a);
		struct wg_uapi_reader r = { .peers = { .a = &a }, .p = &p };
		assert_int_equal(wg_uapi_line(&r, key, 75), 0);
		int ret = wg_uapi_line(&r, rows[i].line, strlen(rows[i].line));
		bool damaged = rows[i].addr && !*rows[i].addr;
		assert_int_equal(ret != 0, damaged);
		wg_peers_finish(&r.peers, &p);
		assert_int_equal(p.npeers, 1);
		if (!damaged) {
			assert_true(p.peer[0].endpoint.addr == (rows[i].addr ? addr_at(rows[i].addr) : 0));
			assert_int_equal(p.peer[0].endpoint.port, rows[i].port);
		}
		arena_release(&a);
	}
}

/* --- netlink --- */

static struct nlmsghdr *sent;

static int take(void *arg, struct nlmsghdr *nlh)
{
	(void)arg;
	sent = nlh;
	return 0;
}

/* A request to set a peer has the form of a dump's answer. */
static void netlink_round(const char *endpoint, uint16_t port)
{
	static char room[WG_MESSAGE_MAX];
	struct gw_peer peer = peer_at(7, endpoint, port);
	struct wg_change c = { .peer = &peer, .set_endpoint = endpoint != NULL };
	struct wg_genl_writer w = { .buf = room, .family = 99, .interface = "wg0", .send = take };
	struct arena a;
	struct gw_plan p = { .npeers = 0 };

	arena_init(&a);
	wg_genl_begin(&w);
	wg_genl_put_peer(&w, &c);
	assert_int_equal(wg_genl_end(&w), 0);
	struct wg_peers peers = { .a = &a };
	assert_int_equal(wg_genl_parse(sent, &peers, &p), 0);
	wg_peers_finish(&peers, &p);
	assert_int_equal(p.npeers, 1);
	assert_true(p.peer[0].endpoint.addr == peer.endpoint.addr);
	assert_int_equal(p.peer[0].endpoint.port, peer.endpoint.port);
	arena_release(&a);
}

static void test_netlink(void **state)
{
	(void)state;
	netlink_round(NULL, 0);
	netlink_round("192.0.2.7", 51820);
	netlink_round("2001:db8::7", 65535);
}

/* --- which gateway --- */

/* Two sites; the first has three gateways in these states. */
static void choose(const char *const state[3], struct arena *a, struct resolved *r)
{
	struct buf text = BUF_INIT;
	struct diags diags;
	struct model *m = arena_new(a, struct model);

	diags_init(&diags, a);
	buf_adds(&text, "kind: Network\nname: n\npools: [10.0.0.0/24]\n"
			"---\nkind: Site\nname: a\n---\nkind: Site\nname: b\n");
	for (unsigned int i = 0; i < 4; i++) {
		struct pubkey k = { .b = { [0] = (uint8_t)(i + 1), [31] = 0x40 } };
		char key[KEY_TEXT_MAX];
		buf_addf(&text, "---\nkind: Gateway\nname: g%u\nsite: %s\n", i, i < 3 ? "a" : "b");
		buf_addf(&text, "endpoint: 192.0.2.%u:51820\naddresses: [10.0.0.%u]\n", i + 1, i + 1);
		buf_addf(&text, "public_key: %s\nstate: %s\n", pubkey_format(&k, key), i < 3 ? state[i] : "active");
	}
	buf_adds(&text, "---\nkind: Link\nname: l\ntopology: pair\nsites: [a, b]\n");
	struct source_file file = { .path = "t.yaml", .data = arena_strdup(a, buf_str(&text)), .len = text.len };
	file.diag_file = diags_add_file(&diags, file.path, file.data, file.len);
	struct source source = { .file = &file, .nfiles = 1, .bytes = file.len };
	model_read(m, &source, a, &diags);
	resolve(r, m, a, &diags);
	assert_int_equal(diags.errors, 0);
	diags_release(&diags);
	buf_release(&text);
}

static uint32_t chosen(const char *x, const char *y, const char *z, size_t *peers)
{
	const char *const state[3] = { x, y, z };
	struct resolved r;
	struct link_peer *peer;
	struct arena a;

	arena_init(&a);
	choose(state, &a, &r);
	*peers = links_peers(&r, 3, &a, &peer);
	uint32_t g = r.links->link[0].gateway[0];
	for (size_t i = 0; i < *peers; i++) /* one address each, and nothing else: no site has networks */
		assert_int_equal(peer[i].nranges, 1);
	arena_release(&a);
	return g;
}

static void test_choice(void **state)
{
	(void)state;
	static const char *const active = "active", *const draining = "draining", *const maintenance = "maintenance";
	size_t n;
	uint32_t best = chosen(active, active, active, &n);

	assert_int_equal(n, 3);
	assert_true(best < 3);
	/* Others come and go without moving it. */
	const char *s[3] = { maintenance, maintenance, maintenance };
	s[best] = active;
	assert_int_equal(chosen(s[0], s[1], s[2], &n), best);
	assert_int_equal(n, 1);
	s[best] = draining;
	s[(best + 1) % 3] = active;
	assert_int_equal(chosen(s[0], s[1], s[2], &n), (best + 1) % 3);
	assert_int_equal(n, 2);
	assert_int_equal(chosen(maintenance, maintenance, maintenance, &n), NONE);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_difference), cmocka_unit_test(test_words),
		cmocka_unit_test(test_uapi),  cmocka_unit_test(test_uapi_reply), cmocka_unit_test(test_netlink),
		cmocka_unit_test(test_choice),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
