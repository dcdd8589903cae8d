/* SPDX-License-Identifier: Apache-2.0 */
#include "commit_text.h"

#include "base/bug.h"
#include "base/clock.h"

json_t *commit_text_person(const struct commit_person *p)
{
	char date[CLOCK_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s}", "name", p->name, "email", p->email, "date", clock_format(p->date, date));
}

static const char *state_word(enum commit_signature s)
{
	switch (s) {
	case COMMIT_SIGNATURE_NONE: return "none";
	case COMMIT_SIGNATURE_GOOD: return "good";
	case COMMIT_SIGNATURE_BAD: return "bad";
	}
	BUG("signature state %d", (int)s);
}

json_t *commit_text_signature_json(const struct commit *c)
{
	return json_pack("{s:s, s:s?, s:s?, s:s?}", "state", state_word(c->signature), "fingerprint", c->fingerprint,
			 "signer", c->principal, "code", c->why);
}

void commit_text_signature(const struct commit *c, struct buf *out)
{
	buf_adds(out, state_word(c->signature));
	switch (c->signature) {
	case COMMIT_SIGNATURE_NONE: break;
	case COMMIT_SIGNATURE_BAD: buf_addf(out, " (%s)", c->why); break;
	case COMMIT_SIGNATURE_GOOD:
		buf_addf(out, ", by %s (%s)", c->principal ? c->principal : "a key that is not listed", c->fingerprint);
		break;
	}
}
