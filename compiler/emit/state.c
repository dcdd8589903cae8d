/* SPDX-License-Identifier: Apache-2.0 */
/* state.json: the whole plan as data: what the reconciler applies, for people and other programs to read. */
#include <inttypes.h>

#include "base/clock.h"
#include "emit/emit.h"
#include "emit/json.h"

static void add_key(struct buf *out, const char *key)
{
	buf_addc(out, '"');
	buf_adds(out, key);
	buf_adds(out, "\": ");
}

static void add_text(struct buf *out, const char *key, const char *text)
{
	add_key(out, key);
	if (text != NULL)
		json_text(out, text);
	else
		buf_adds(out, "null");
	buf_adds(out, ", ");
}

static void add_moment(struct buf *out, const char *key, int64_t utc)
{
	char text[CLOCK_TEXT_MAX];
	bool none = utc == CLOCK_EVER || utc == CLOCK_NEVER;

	add_text(out, key, none ? NULL : clock_format(utc, text));
}

static void add_prefixes(struct buf *out, const struct prefix *v, size_t n)
{
	char text[ADDR_TEXT_MAX];

	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_adds(out, ", ");
		json_text(out, prefix_format(v[i], text));
	}
	buf_addc(out, ']');
}

/* Written out, with its keys in order: there are as many peers as devices. */
static void add_peer(struct buf *out, const struct gw_peer *p)
{
	char key[KEY_TEXT_MAX];
	struct buf endpoint BUF_CLEANUP = BUF_INIT;
	bool gateway = p->endpoint.port != 0;

	buf_adds(out, "{\"allowed_ips\": ");
	add_prefixes(out, p->allowed_ips, p->nallowed);
	buf_adds(out, ", ");
	if (gateway) {
		gw_endpoint_print(&p->endpoint, &endpoint);
		add_text(out, "endpoint", buf_str(&endpoint));
	} else {
		add_text(out, "device", p->name);
	}
	add_moment(out, "expires", p->expires);
	if (gateway)
		add_text(out, "gateway", p->name);
	buf_addf(out, "\"keepalive\": %u, ", p->keepalive);
	add_moment(out, "not_before", p->not_before);
	add_text(out, "public_key", pubkey_format(&p->public_key, key));
	buf_adds(out, p->revoked ? "\"revoked\": true}" : "\"revoked\": false}");
}

static const char *const set_kinds[] = {
	[NFT_MAP_CLASS4] = "class4",  [NFT_MAP_CLASS6] = "class6",  [NFT_MAP_NET4] = "network4",
	[NFT_MAP_NET6] = "network6",  [NFT_MAP_CHAIN] = "dispatch", [NFT_SET_ADDR4] = "address4",
	[NFT_SET_ADDR6] = "address6", [NFT_SET_BOX4] = "box4",      [NFT_SET_BOX6] = "box6",
	[NFT_SET_RATE] = "rate",      [NFT_SET_QUOTA] = "quota",
	[NFT_SET_ALIVE] = "alive",
};

static const char *const hooks[] = {
	[NFT_HOOK_INPUT] = "input",
	[NFT_HOOK_FORWARD] = "forward",
	[NFT_HOOK_OUTPUT] = "output",
	[NFT_HOOK_POSTROUTING_NAT] = "postrouting",
	[NFT_HOOK_FORWARD_AFTER] = "forward after",
};

static void add_set(const struct nft_set *s, struct buf *out)
{
	struct buf text BUF_CLEANUP = BUF_INIT;

	buf_addf(out, "    {\"name\": \"%s\", \"kind\": \"%s\", \"size\": %u, ", s->name, set_kinds[s->kind], s->size);
	if (s->kind == NFT_SET_QUOTA)
		buf_addf(out, "\"bytes\": %" PRIu64 ", \"period\": %u, ", s->bytes, s->period);
	buf_adds(out, "\"elements\": [");
	for (size_t i = 0; i < s->nelems; i++) {
		buf_reset(&text);
		emit_nft_elem(s, &s->elem[i], &text);
		buf_adds(out, i == 0 ? "\n      " : ",\n      ");
		json_text(out, buf_str(&text));
	}
	buf_adds(out, "]}");
}

static void add_chain(const struct nft_chain *c, struct buf *out)
{
	struct buf text BUF_CLEANUP = BUF_INIT;

	buf_addf(out, "    {\"name\": \"%s\", \"hook\": ", c->name);
	if (c->hook == NFT_HOOK_NONE)
		buf_adds(out, "null, \"rules\": [");
	else
		buf_addf(out, "\"%s\", \"rules\": [", hooks[c->hook]);
	for (size_t i = 0; i < c->nrules; i++) {
		buf_reset(&text);
		emit_nft_rule(&c->rule[i], &text);
		buf_adds(out, i == 0 ? "\n      " : ",\n      ");
		json_text(out, buf_str(&text));
	}
	buf_adds(out, "]}");
}

static void add_member(struct buf *out, const char *key, json_t *v)
{
	buf_addf(out, "  \"%s\": ", key);
	json_line(out, v);
	buf_adds(out, ",\n");
}

void emit_state_json(const struct gw_plan *p, struct buf *out)
{
	char key[KEY_TEXT_MAX];

	buf_adds(out, "{\n");
	add_member(out, "addresses", json_prefixes(p->address, p->naddresses));
	add_member(out, "format", json_integer(GW_PLAN_FORMAT));
	add_member(out, "gateway", json_string(p->gateway));
	add_member(out, "interface", json_string(p->interface));
	add_member(out, "listen_port", json_integer(p->listen_port));
	add_member(out, "mtu", json_integer(p->mtu));
	buf_adds(out, "  \"nft_chains\": [");
	for (size_t i = 0; i < p->nft.nchains; i++) {
		buf_adds(out, i == 0 ? "\n" : ",\n");
		add_chain(&p->nft.chain[i], out);
	}
	buf_adds(out, "],\n  \"nft_sets\": [");
	for (size_t i = 0; i < p->nft.nsets; i++) {
		buf_adds(out, i == 0 ? "\n" : ",\n");
		add_set(&p->nft.set[i], out);
	}
	buf_adds(out, "],\n  \"peers\": [");
	for (size_t i = 0; i < p->npeers; i++) {
		buf_adds(out, i == 0 ? "\n    " : ",\n    ");
		add_peer(out, &p->peer[i]);
	}
	buf_adds(out, "],\n");
	add_member(out, "public_key", json_string(pubkey_format(&p->public_key, key)));
	buf_adds(out, "  \"routes\": ");
	json_line(out, json_prefixes(p->route, p->nroutes));
	buf_adds(out, "\n}\n");
}
