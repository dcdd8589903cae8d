/* SPDX-License-Identifier: Apache-2.0 */
/* ts - what the parts of the Tailscale import share; private to this folder. */
#pragma once

#include "import/tailscale.h"
#include "resolve/ranges.h"

#define TS_HOME "tailnet" /* the site where everything is that no route says more of */

enum ts_side { TS_SRC, TS_DST };

enum ts_target_kind {
	TS_LEFT_OUT, /* a note says why */
	TS_ANY,
	TS_SELF,
	TS_INTERNET,
	TS_SELECTOR, /* as the language writes it */
	TS_RANGES,
};

/* What one word of a rule stands for. */
struct ts_target {
	enum ts_target_kind kind;
	bool person;	   /* a user, a group or an autogroup of users: what may stand beside autogroup:self */
	bool whole_family; /* 0.0.0.0/0 or ::/0 */
	bool host;	   /* one address, or a name */
	const char *selector;
	const struct range *range;
	size_t nranges;
	const char *label;    /* the name that the ranges have in the policy file, or NULL */
	const char *resource; /* the Resource that holds just them, or NULL */
};

/* A named set of addresses: a host or an ipset. */
struct ts_set {
	const char *key; /* "webserver", "ipset:prod" */
	const struct hujson_member *m;
	bool is_ipset;
	enum { TS_SET_NEW, TS_SET_OPEN, TS_SET_DONE, TS_SET_BAD } state;
	struct range *range;
	size_t nranges;
	const char *resource;
};

struct ts_user {
	const char *id; /* the email, or the name where there is none */
	const char *name;
	struct loc loc;
};

struct ts_site {
	const char *name, *route;
	struct ranges nets;
	struct loc loc;
};

struct ts_tag {
	const char *key; /* "tag:prod" */
	const char *name;
};

enum { TS_AUTO_MEMBER, TS_AUTO_TAGGED, TS_AUTO_ROLES = 2, TS_AUTO_MAX = 12 };

struct ts {
	struct import *im;
	const struct tailscale_input *in;
	const struct hujson_value *root;
	struct strmap group_of, set_of, tag_of, user_of, user_by_name, domain_of;
	VEC(struct ts_set) set;
	VEC(struct ts_tag) tag;
	VEC(struct ts_user) user;
	VEC(struct ts_site) site;
	struct ranges pools;
	bool v4, v6, exit;
	bool postures; /* defaultSrcPosture is set */
	bool auto_used[TS_AUTO_MAX];
	VEC(const char *) domain; /* "@example.com" of user:*@example.com, each once */
	unsigned int set_depth;
};

/* tailscale.c */
void ts_comments(struct ts *ts, struct doc *d, struct hujson_span span);
void ts_from(struct ts *ts, struct doc *d, struct loc loc);		       /* "# From policy.hujson:12" */
void ts_keep(struct ts *ts, const struct hujson_member *m, const char *title); /* into IMPORT.md, with its comments */
const char *ts_user_name(struct ts *ts, const char *email, struct loc loc);    /* makes the user */
const char *ts_tag_add(struct ts *ts, const char *key, size_t len);
/* Says E_IMPORT and gives NULL where the value is another kind. */
const struct hujson_value *ts_expect(struct ts *ts, const struct hujson_member *m, enum hujson_kind kind,
				     const char *what);

void ts_set_pools(struct ts *ts); /* of the families in v4 and v6 */

/* ts_target.c */
bool ts_target_read(struct ts *ts, const char *text, size_t len, struct loc loc, enum ts_side side,
		    struct ts_target *out);
bool ts_sets_read(struct ts *ts);	/* hosts and ipsets, and their Resources */
const char *const *ts_autogroups(void); /* indexed as auto_used, NULL-terminated */

/* ts_service.c: "tcp", "22,80-443" to the language's ports. proto NULL: TCP, UDP and ICMP. */
typedef VEC(const char *) ts_words;
bool ts_services(struct ts *ts, const char *proto, const char *ports, size_t len, struct loc loc, ts_words *out);
/* "tcp:443", "22", "*". */
bool ts_service_of_grant(struct ts *ts, const char *text, struct loc loc, ts_words *out);

/* ts_rules.c, ts_tests.c */
bool ts_acls_read(struct ts *ts, const struct hujson_member *m);
bool ts_grants_read(struct ts *ts, const struct hujson_member *m);
void ts_default_rule(struct ts *ts);
bool ts_tests_read(struct ts *ts, const struct hujson_member *m);
/* "host:22" -> the length of what stands before the last colon (brackets of IPv6 taken off into *text, *len), *ports
 * behind it. */
bool ts_split_ports(struct ts *ts, const struct hujson_value *v, const char **text, size_t *len, const char **ports);
/* The selectors of a source, or of a destination, one doc_item() each. */
struct ts_item {
	const char *text, *comment;
};
typedef VEC(struct ts_item) ts_items;
void ts_source_items(struct ts *ts, const struct ts_target *t, struct loc loc, ts_items *out);
void ts_dest_items(struct ts *ts, const struct ts_target *t, ts_items *out);

/* ts_nodes.c: users, devices, pools and sites of the nodes file; before the rules are read. */
bool ts_nodes_read(struct ts *ts);
