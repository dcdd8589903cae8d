/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinds - what a document of each kind declares, as the rows of schema/ fill it in.
 *
 * Strings are NUL-terminated arena memory; an absent optional string is NULL. Every list has the
 * layout {v, n, loc}, loc[i] being the place of item i. Absent numbers hold the default that
 * their row names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/key.h"
#include "base/service.h"

enum kind {
	KIND_NETWORK, KIND_USER, KIND_GROUP, KIND_DEVICE, KIND_SITE, KIND_GATEWAY,
	KIND_RESOURCE, KIND_PLAN, KIND_POLICY, KIND_TEST,
	KIND_LINK, KIND_GUARDRAIL,
	KIND_COUNT
};

enum selector_kind {
	SEL_USER, SEL_GROUP, SEL_DEVICE, SEL_TAG, SEL_PLAN, SEL_SITE, SEL_GATEWAY, SEL_RESOURCE,
	SEL_SELF, SEL_ANY, SEL_INTERNET, SEL_RANGE,
	SEL_COUNT
};

struct selector {
	enum selector_kind kind;
	const char *name;   /* what follows the colon; NULL for self, any, internet and ranges */
	struct range range; /* SEL_RANGE */
};

struct endpoint {
	const char *host; /* a name or an address without brackets */
	uint16_t port;    /* 1..65535 */
	bool is_v6;       /* host is an IPv6 literal: print it in brackets */
};

#define LIST(type) struct { type *v; size_t n; struct loc *loc; }
typedef LIST(const char *) string_list;
typedef LIST(struct selector) selector_list;
typedef LIST(struct prefix) prefix_list;
typedef LIST(u128) addr_list;
typedef LIST(struct range) range_list;
/* One item of the text is one item here: 1 or 2 intervals, n2 of them. */
struct port_spec {
	struct service s[2];
	size_t n;
};
typedef LIST(struct port_spec) port_list;

/* What every document has; first member of every kind's struct. */
struct object {
	enum kind kind;
	const char *name;
	const char *description;
	string_list tags;
	struct loc loc;          /* the document's first line */
	const struct node *node; /* its YAML, for places of fields: see object_loc() in model/model.h */
};

enum tristate { UNSET = -1, NO = 0, YES = 1 };
enum tunnel { TUNNEL_UNSET = -1, TUNNEL_SPLIT, TUNNEL_FULL };

struct profile_settings {
	int tunnel;      /* enum tunnel */
	int kill_switch; /* enum tristate */
	int block_ipv6;  /* enum tristate */
};

struct dns_settings {
	addr_list servers;
	string_list search;
};

struct network {
	struct object o;
	const char *domain;
	const char *home; /* a Site's name */
	prefix_list pools;
	struct dns_settings dns;
	int64_t mtu;         /* default 1420; 1280..9000 */
	int64_t keepalive;   /* seconds, default 25, 0..65535 */
	int64_t listen_port; /* default 51820 */
	struct profile_settings profile;
	struct {
		int64_t max_per_user; /* 0: no limit */
		int64_t max_key_age;  /* seconds; 0: no limit */
		bool require_preshared_key;
	} devices;
};

struct user {
	struct object o;
	const char *email, *plan, *external_id;
	bool enabled;
	int64_t not_before, expires; /* UTC seconds; CLOCK_EVER, CLOCK_NEVER */
};

struct group {
	struct object o;
	selector_list members;
};

struct device {
	struct object o;
	const char *owner;
	struct pubkey public_key;
	addr_list addresses;
	prefix_list networks;
	const char *home;
	const char *platform; /* one of the language's words */
	bool enabled, revoked;
	int64_t not_before, expires;
	int64_t key_created; /* CLOCK_EVER: not said */
	struct profile_settings profile;
};

struct site {
	struct object o;
	struct {
		const char *city, *country, *region;
		double latitude, longitude; /* NAN: not said */
	} location;
	prefix_list networks;
	bool exit;
	int64_t redundancy; /* 0: all */
	struct dns_settings dns;
};

enum gateway_state { GATEWAY_ACTIVE, GATEWAY_DRAINING, GATEWAY_MAINTENANCE };
enum gateway_nat { NAT_MASQUERADE, NAT_NONE };

struct gateway {
	struct object o;
	const char *site;
	struct endpoint endpoint;
	struct pubkey public_key;
	addr_list addresses;
	const char *interface; /* default wg0 */
	int64_t listen_port;   /* 0: the network's */
	int state;             /* enum gateway_state */
	int64_t capacity;      /* 0: no limit */
	int nat;               /* enum gateway_nat */
	const char *health_url;
};

struct resource {
	struct object o;
	range_list addresses;
	port_list ports; /* n == 0: any */
	const char *site;
};

struct plan {
	struct object o;
	string_list sites; /* n == 0: every site */
	int64_t max_devices; /* 0: no limit */
	int64_t rate;        /* bits a second; 0: none */
	struct {
		int64_t bytes;  /* 0: none */
		int64_t period; /* seconds */
	} quota;
};

enum policy_action { ACTION_ALLOW, ACTION_DENY };

struct hours {
	uint32_t from, until; /* minutes of the day, 0..1440; until < from wraps; both 0 with set == false: whole day */
	bool set;
};

struct policy {
	struct object o;
	int action; /* enum policy_action */
	selector_list from, to;
	port_list ports; /* n == 0: any */
	int64_t priority;
	struct {
		bool set;         /* `when` is there */
		uint8_t days;     /* bit 0 Monday .. bit 6 Sunday; 0: every day */
		struct hours hours;
		int32_t timezone; /* seconds east of UTC */
	} when;
	int64_t not_before, expires;
	bool log, enabled;
};

struct test_case {
	selector_list to;
	port_list ports; /* n == 0: see language.md (each destination's own for allow, any for deny) */
	struct loc loc;
};
typedef LIST(struct test_case) test_case_list;

struct test {
	struct object o;
	selector_list from;
	int64_t at; /* CLOCK_EVER: not said */
	test_case_list allow, deny;
};

enum link_topology { TOPOLOGY_MESH, TOPOLOGY_HUB, TOPOLOGY_PAIR };
enum link_transport { TRANSPORT_WIREGUARD, TRANSPORT_IPSEC };

#define LINK_KEEPALIVE_UNSET (-1)

/* The kind Link. */
struct site_link {
	struct object o;
	int topology;    /* enum link_topology */
	const char *hub; /* a Site's name, with TOPOLOGY_HUB */
	string_list sites;
	int transport;     /* enum link_transport */
	int64_t keepalive; /* seconds, 0: off; LINK_KEEPALIVE_UNSET: the network's */
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

/* Part of what a guardrail forbids; an empty list leaves that side whole. */
struct guardrail_case {
	selector_list from, to;
	port_list ports;
	struct loc loc;
};
typedef LIST(struct guardrail_case) guardrail_case_list;

struct waiver {
	const char *policy; /* NULL: whichever decides */
	selector_list from, to;
	port_list ports;
	const char *reason;
	int64_t expires;
	struct loc loc;
};
typedef LIST(struct waiver) waiver_list;

/* Bits of guardrail.require.fields. */
enum require_field {
	REQUIRE_DESCRIPTION, REQUIRE_TAGS, REQUIRE_PORTS, REQUIRE_WHEN, REQUIRE_NOT_BEFORE, REQUIRE_EXPIRES, REQUIRE_LOG,
	REQUIRE_COUNT
};
enum require_action { REQUIRE_ANY, REQUIRE_ALLOW, REQUIRE_DENY };

struct guardrail {
	struct object o;
	int severity; /* enum severity */
	struct {
		bool set;
		selector_list from, to;
		port_list ports; /* n == 0: any */
		guardrail_case_list except;
	} never;
	struct {
		bool set;
		selector_list to;
		port_list ports; /* n == 0: any */
		selector_list from;
	} only;
	struct {
		bool set;
		struct {
			selector_list from, to; /* n == 0: whoever, whatever */
			int action;             /* enum require_action */
		} policies;
		uint8_t fields;         /* 1 << enum require_field */
		int64_t expires_within; /* seconds; 0: not said */
	} require;
	waiver_list waivers;
};
