/* SPDX-License-Identifier: Apache-2.0 */
/* state.json: the whole plan as data: what the reconciler applies, for people and other programs to read. */
#include <inttypes.h>

#include "base/clock.h"
#include "emit/emit.h"
#include "emit/json.h"

static void put_gateway(json_t *o, const struct gw_peer *p)
{
	struct buf endpoint BUF_CLEANUP = BUF_INIT;

	gw_endpoint_print(&p->endpoint, &endpoint);
	json_put(o, "endpoint", json_string(buf_str(&endpoint)));
	json_put(o, "gateway", p->name != NULL ? json_string(p->name) : json_null());
}

static json_t *peer_json(const struct gw_peer *p)
{
	char key[KEY_TEXT_MAX];
	json_t *o = json_object();

	json_put(o, "public_key", json_string(pubkey_format(&p->public_key, key)));
	if (p->endpoint.port != 0)
		put_gateway(o, p);
	else
		json_put(o, "device", p->name != NULL ? json_string(p->name) : json_null());
	json_put(o, "allowed_ips", json_prefixes(p->allowed_ips, p->nallowed));
	json_put(o, "keepalive", json_integer(p->keepalive));
	json_put(o, "not_before", json_time(p->not_before));
	json_put(o, "expires", json_time(p->expires));
	json_put(o, "revoked", json_boolean(p->revoked));
	return o;
}

static const char *const set_kinds[] = {
	[NFT_MAP_CLASS4] = "class4",  [NFT_MAP_CLASS6] = "class6",  [NFT_MAP_NET4] = "network4",
	[NFT_MAP_NET6] = "network6",  [NFT_MAP_CHAIN] = "dispatch", [NFT_SET_ADDR4] = "address4",
	[NFT_SET_ADDR6] = "address6", [NFT_SET_BOX4] = "box4",      [NFT_SET_BOX6] = "box6",
	[NFT_SET_RATE] = "rate",      [NFT_SET_QUOTA] = "quota",
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
		json_line(out, peer_json(&p->peer[i]));
	}
	buf_adds(out, "],\n");
	add_member(out, "public_key", json_string(pubkey_format(&p->public_key, key)));
	buf_adds(out, "  \"routes\": ");
	json_line(out, json_prefixes(p->route, p->nroutes));
	buf_adds(out, "\n}\n");
}
