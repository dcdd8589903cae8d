/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/tick.h"

#include <string.h>

#include "base/bug.h"
#include "trust/lines.h"

#define TITLE "yett-tick-v1"

static const struct line_row rows[] = {
	{ "repo", offsetof(struct tick, repo), lines_read_repo, lines_write_repo },
	{ "serial", offsetof(struct tick, serial), lines_read_u64, lines_write_u64 },
	{ "record", offsetof(struct tick, record), lines_read_digest, lines_write_digest },
	{ "time", offsetof(struct tick, time), lines_read_time, lines_write_time },
	{ "ttl", offsetof(struct tick, ttl), lines_read_u32, lines_write_u32 },
	{ 0 },
};

int tick_parse(struct tick *t, const char *text, size_t len, char *err, size_t err_size)
{
	memset(t, 0, sizeof(*t));
	int ret = lines_parse(TITLE, rows, text, len, TICK_MAX, t, err, err_size);
	if (ret < 0)
		memset(t, 0, sizeof(*t));
	return ret;
}

void tick_write(const struct tick *t, struct buf *out)
{
	lines_write(TITLE, rows, t, out);
}

static bool may_tick(const struct trust_file *t, const char *principal)
{
	for (size_t i = 0; i < t->nroles; i++)
		for (size_t k = 0; t->role[i].may & TRUST_MAY_TICK && k < t->role[i].nmembers; k++)
			if (strcmp(t->role[i].member[k], principal) == 0)
				return true;
	return false;
}

static const char *judge(struct tick *t, const struct trust_file *trust, const struct signers *signers, const char *text,
			 size_t len, const void *armor, size_t armor_len, int64_t now, struct arena *a, const char **why)
{
	char err[160], fingerprint[SSHSIG_FINGERPRINT_MAX];
	struct sshsig sig;

	if (tick_parse(t, text, len, err, sizeof(err)) < 0) {
		*why = arena_printf(a, "the tick is damaged: %s", err);
		return "E_TICK";
	}
	if (memcmp(t->repo, trust->repo_id, sizeof(t->repo)) != 0) {
		*why = "the tick is of another repository";
		return "E_TICK";
	}
	enum sshsig_error e = sshsig_verify(armor, armor_len, TICK_NAMESPACE, text, len, &sig);
	if (e != SSHSIG_OK) {
		*why = "the tick's signature does not hold";
		return sshsig_error_code(e);
	}
	const struct signer *s = signers_find(signers, &sig);
	sshsig_fingerprint(&sig, fingerprint);
	if (s == NULL || s->namespaces != SIGNER_TICK || !may_tick(trust, s->principal)) {
		*why = arena_printf(a, "the key %s is not one of namespaces=\"tick@yett\" alone, of a role that may tick", fingerprint);
		return "E_SIGNER";
	}
	if (now < s->valid_after || now >= s->valid_before) {
		*why = arena_printf(a, "%s's key %s is outside its validity window", s->principal, fingerprint);
		return "E_KEY_EXPIRED";
	}
	return NULL;
}

const char *tick_verify(struct tick *t, const struct trust_file *trust, const struct signers *signers, const char *text,
			size_t len, const void *armor, size_t armor_len, int64_t now, struct arena *a, const char **why)
{
	const char *code = judge(t, trust, signers, text, len, armor, armor_len, now, a, why);

	if (code != NULL)
		memset(t, 0, sizeof(*t));
	return code;
}

enum tick_state tick_state_at(const struct tick *t, uint32_t trust_ttl, int64_t now)
{
	if (t == NULL)
		return TICK_NONE;
	int64_t ttl = t->ttl < trust_ttl ? t->ttl : trust_ttl, age = now - t->time;
	if (age < -TICK_AHEAD_MAX)
		return TICK_AHEAD;
	return age <= ttl ? TICK_FRESH : age <= 3 * ttl ? TICK_STALE : TICK_FROZEN;
}

const char *tick_state_word(enum tick_state s)
{
	switch (s) {
	case TICK_NONE: return "none";
	case TICK_FRESH: return "fresh";
	case TICK_STALE: return "stale";
	case TICK_FROZEN: return "frozen";
	case TICK_AHEAD: return "ahead";
	}
	BUG("tick state %d", (int)s);
}
