/* SPDX-License-Identifier: Apache-2.0 */
#include "release_text.h"

#include <string.h>

#include "base/clock.h"

const char *release_digest_text(const struct digest *d, struct arena *a)
{
	char hex[DIGEST_HEX_MAX];

	return arena_printf(a, "sha256:%s", digest_hex(d, DIGEST_BYTES, hex));
}

/* ---- text ---- */

static void print_record(const struct record *r, const struct digest *d)
{
	char hex[DIGEST_HEX_MAX], made[CLOCK_TEXT_MAX], flags[RECORD_FLAGS_TEXT_MAX];

	printf("  record %s\n  commit %.12s, made %s\n", digest_hex(d, DIGEST_BYTES, hex), r->commit, clock_format(r->made, made));
	if (r->note[0] != '\0')
		printf("  note: %s\n", r->note);
	if (r->flags != 0)
		printf("  flags: %s\n", record_flags_text(r->flags, flags));
}

void release_text_head(struct release_log *l)
{
	const struct releases *c = &l->releases;

	if (c->serial == 0) {
		printf("no release is approved yet\n");
		return;
	}
	printf("release %llu is approved\n", (unsigned long long)c->serial);
	print_record(&c->record, &c->digest);
}

void release_text_needs(struct release_log *l, const struct approvals *p)
{
	for (size_t i = 0; i < p->nneeds; i++)
		printf("  [%c] %s\n", p->need[i].have >= p->need[i].want ? 'x' : ' ', approval_need_text(&p->need[i], &l->arena));
}

static void print_signers(const struct approvals *p)
{
	for (size_t i = 0; i < p->nby; i++)
		printf("  signed by %s (%s%s)\n", p->by[i].principal, p->by[i].fingerprint,
		       p->by[i].security_key ? ", a security key" : "");
	for (size_t i = 0; i < p->nrefused; i++)
		printf("  does not count: %s: %s\n", p->refused[i].code, p->refused[i].why);
}

void release_text_candidate(struct release_log *l, const struct releases_candidate *x)
{
	printf("release %llu %s\n", (unsigned long long)x->r.record.serial,
	       x->accepted ? "has its approvals" : x->pending ? "waits" : "cannot be approved as it is");
	print_record(&x->r.record, &x->r.digest);
	print_signers(&x->approvals);
	release_text_needs(l, &x->approvals);
	if (x->code != NULL)
		printf("  %s: %s\n", x->code, x->why);
	if (x->pending && strcmp(x->code, "E_NOT_BEFORE") != 0)
		printf("  to approve it: yett approve %.12s\n", x->r.record.commit);
}

/* ---- JSON ---- */

static json_t *record_json(const struct record *r, const struct digest *d, struct arena *a)
{
	char made[CLOCK_TEXT_MAX], flags[RECORD_FLAGS_TEXT_MAX];

	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:i}", "serial", (json_int_t)r->serial, "record",
			 release_digest_text(d, a), "commit", r->commit, "made", clock_format(r->made, made), "flags",
			 record_flags_text(r->flags, flags), "note", r->note, "trust", (int)r->trust);
}

json_t *release_json_head(struct release_log *l)
{
	const struct releases *c = &l->releases;

	return c->serial > 0 ? record_json(&c->record, &c->digest, &l->arena) : json_null();
}

static json_t *needs_json(const struct approvals *p)
{
	json_t *out = json_array();

	for (size_t i = 0; i < p->nneeds; i++) {
		const struct approval_need *n = &p->need[i];
		json_array_append_new(out, json_pack("{s:s, s:i, s:s, s:s, s:i, s:i, s:s, s:s}", "what", n->what, "more",
						     (int)n->more, "rule", n->rule, "role", n->role, "have", (int)n->have,
						     "want", (int)n->want, "signed", n->who, "could_add", n->others));
	}
	return out;
}

json_t *release_json_candidate(struct release_log *l, const struct releases_candidate *x)
{
	json_t *out = record_json(&x->r.record, &x->r.digest, &l->arena), *by = json_array(), *refused = json_array();

	for (size_t i = 0; i < x->approvals.nby; i++)
		json_array_append_new(by, json_pack("{s:s, s:s, s:b}", "signer", x->approvals.by[i].principal, "key",
						    x->approvals.by[i].fingerprint, "hardware", x->approvals.by[i].security_key));
	for (size_t i = 0; i < x->approvals.nrefused; i++)
		json_array_append_new(refused, json_pack("{s:s, s:s}", "code", x->approvals.refused[i].code, "why",
							 x->approvals.refused[i].why));
	json_object_set_new(out, "accepted", json_boolean(x->accepted));
	json_object_set_new(out, "pending", json_boolean(x->pending));
	json_object_set_new(out, "code", x->code != NULL ? json_string(x->code) : json_null());
	json_object_set_new(out, "why", x->why != NULL ? json_string(x->why) : json_null());
	json_object_set_new(out, "signatures", by);
	json_object_set_new(out, "refused", refused);
	json_object_set_new(out, "needs", needs_json(&x->approvals));
	return out;
}

/* ---- ticks ---- */

static bool names_ours(const struct releases *c, const struct tick *t)
{
	return t->serial == c->serial && memcmp(t->record.b, c->digest.b, DIGEST_BYTES) == 0;
}

struct release_tick release_tick_of(struct release_log *l, int64_t now)
{
	const struct releases *c = &l->releases;
	struct release_tick out = { .state = TICK_NONE };
	struct ledger_tick *v;
	bool any = false;

	if (c->trust == NULL)
		return out;
	size_t n = ledger_ticks(&l->ledger, &v, &l->arena);
	for (size_t i = 0; i < n; i++) {
		struct tick t;
		const char *why = NULL, *code = tick_verify(&t, &c->trust->file, &c->trust->signers, v[i].text, v[i].len, v[i].armor,
							    v[i].armor_len, now, &l->arena, &why);
		if (code != NULL) {
			out.code = code;
			out.why = why;
			continue;
		}
		out.ahead |= t.serial > c->serial;
		if (!names_ours(c, &t) || (any && t.time <= out.tick.time))
			continue;
		out.tick = t;
		any = true;
	}
	out.state = tick_state_at(any ? &out.tick : NULL, c->trust->file.tick_ttl, now);
	return out;
}
