/* SPDX-License-Identifier: Apache-2.0 */
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc.h"
#include "log.h"
#include "report/text.h"
#include "state/durable.h"
#include "trust/judge.h"

/* ---- counting ---- */

const char *code_in(const char *text, char out[static CODE_TEXT_MAX])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	out[0] = '\0';
	for (const char *p = text; (p = strstr(p, "E_")) != NULL; p += 2) {
		size_t n = strspn(p, letters);
		if (n <= 2 || n >= CODE_TEXT_MAX || (p > text && strchr(letters, p[-1]) != NULL))
			continue;
		memcpy(out, p, n);
		out[n] = '\0';
		break;
	}
	return out;
}

void refusals_count(struct refusals *t, const char *text)
{
	char code[CODE_TEXT_MAX];
	size_t i = 0;

	code_in(text, code);
	while (i < t->nrows && strcmp(t->row[i].code, code) != 0)
		i++;
	if (code[0] == '\0' || i == REFUSAL_CODES) {
		t->other++;
		return;
	}
	if (i == t->nrows)
		memcpy(t->row[t->nrows++].code, code, sizeof(code));
	t->row[i].n++;
}

/* ---- the mark ---- */

void trust_init(struct trust *t)
{
	*t = (struct trust){ .signers_fd = -1, .proof_fd = -1 };
}

void trust_release(struct trust *t)
{
	if (t->signers_fd >= 0)
		close(t->signers_fd);
	if (t->proof_fd >= 0)
		close(t->proof_fd);
	buf_release(&t->why);
	buf_release(&t->alarm);
	trust_init(t);
}

static int read_signers(struct trust *t, const char *file, char *err, size_t err_size)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	struct signers s;
	struct arena a;
	char why[256];
	int ret = durable_read(AT_FDCWD, file, SIGNERS_BYTES_MAX, &b);

	if (ret < 0) {
		snprintf(err, err_size, "cannot read %s: %s", file, strerror(-ret));
		return ret;
	}
	arena_init(&a);
	if (signers_parse(&s, buf_str(&b), b.len, &a, why, sizeof(why)) < 0) {
		snprintf(err, err_size, "%s: %s [E_SIGNERS]", file, why);
		ret = -EINVAL;
	} else if (s.n == 0) {
		snprintf(err, err_size, "%s names nobody [E_SIGNERS]", file);
		ret = -EINVAL;
	} else {
		ret = t->signers_fd = ipc_memfd("signers", b.p, b.len);
	}
	arena_release(&a);
	return ret < 0 ? ret : 0;
}

static void alarm_text(struct trust *t, const char *text)
{
	log_line("alarm: %s", text);
	buf_reset(&t->alarm);
	buf_adds(&t->alarm, text);
}

int trust_open(struct trust *t, const struct config *c, int statedir, char *err, size_t err_size)
{
	t->on = c->trust.mode == TRUST_COMMIT;
	if (!t->on)
		return 0;
	switch (hwm_load(statedir, &t->mark)) {
	case HWM_NONE:
	case HWM_BOTH:
		break;
	case HWM_ONE:
		alarm_text(t, "one of the two copies of the high-water mark is lost or damaged; the other one counts");
		break;
	case HWM_DAMAGED:
		alarm_text(t, "both copies of the high-water mark are damaged; the kernel's copy or the configuration's anchor counts");
		break;
	}
	return *c->trust.allowed_signers ? read_signers(t, c->trust.allowed_signers, err, err_size) : 0;
}

static int save(const struct trust *t, int statedir)
{
	int ret = hwm_save(statedir, &t->mark);

	if (ret < 0)
		log_line("the high-water mark cannot be written: %s", strerror(-ret));
	return ret;
}

void trust_take_mark(struct trust *t, int statedir, const char *mark)
{
	struct hwm kernel;
	char c[COMMIT_TEXT_MAX];
	bool had = t->mark.serial > 0;

	t->asked = true;
	if (!hwm_mark_parse(&kernel, mark) || !hwm_adopt(&t->mark, &kernel))
		return;
	struct buf line BUF_CLEANUP = BUF_INIT;
	buf_addf(&line, "the state folder %s, and the kernel holds %s as accepted commit %llu: that one counts",
		 had ? "is older than what is in force" : "knows of no accepted commit", text_of_commit(t->mark.commit, c),
		 (unsigned long long)t->mark.serial);
	alarm_text(t, buf_str(&line));
	if (strlen(t->mark.repo) == DIGEST_HEX_MAX - 1)
		save(t, statedir);
}

/* ---- verdicts ---- */

static bool text_ok(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f)
			return false;
	return n < size;
}

static bool digest_ok(const char *text, size_t size)
{
	return text_ok(text, size) && strlen(text) == DIGEST_HEX_MAX - 1 && strspn(text, "0123456789abcdef") == strlen(text);
}

int trust_take_verdict(struct trust *t, const char *tip, const struct ipc_judge_res *res, const char *why)
{
	bool accepted = res->verdict == JUDGE_ACCEPTED;

	if (res->verdict < JUDGE_ACCEPTED || res->verdict > JUDGE_REJECTED || !text_ok(res->code, sizeof(res->code)) ||
	    !text_ok(res->signer, sizeof(res->signer)) || !text_ok(res->key, sizeof(res->key)) ||
	    !text_ok(res->could_sign, sizeof(res->could_sign)))
		return -EBADMSG;
	if (accepted && (!digest_ok(res->repo, sizeof(res->repo)) || !digest_ok(res->content, sizeof(res->content))))
		return -EBADMSG;
	t->verdict = *res;
	snprintf(t->tip, sizeof(t->tip), "%s", tip);
	buf_reset(&t->why);
	buf_adds(&t->why, why);
	if (!accepted)
		return 0;
	t->next = t->mark;
	t->next.serial += res->steps + (t->mark.serial == 0 && res->steps == 0); /* the anchor itself is the first */
	t->next.version = res->version;
	memcpy(t->next.repo, res->repo, sizeof(t->next.repo));
	snprintf(t->next.commit, sizeof(t->next.commit), "%s", tip);
	memcpy(t->content, res->content, sizeof(t->content));
	return 0;
}

bool trust_refuses(const struct trust *t, const char *commit)
{
	return t->on && t->verdict.verdict != 0 && t->verdict.verdict != JUDGE_ACCEPTED && strcmp(t->tip, commit) == 0;
}

void trust_say(const struct trust *t, struct buf *out)
{
	char c[COMMIT_TEXT_MAX];
	const struct ipc_judge_res *v = &t->verdict;

	buf_addf(out, "%s %s: %s: %s", text_of_commit(t->tip, c),
		 v->verdict == JUDGE_PENDING ? "waits for a signature" : "is rejected", v->code, buf_str(&t->why));
	if (v->verdict != JUDGE_PENDING)
		return;
	if (v->could_sign[0] != '\0')
		buf_addf(out, "; could sign: %s", v->could_sign);
	if (strstr(buf_str(&t->why), JUDGE_WHAT_TO_TYPE) == NULL)
		buf_adds(out, "; type: " JUDGE_WHAT_TO_TYPE);
}

const struct hwm *trust_mark_of(const struct trust *t, const char *commit)
{
	return t->next.serial >= t->mark.serial && strcmp(t->next.commit, commit) == 0 ? &t->next : &t->mark;
}

int trust_in_force(struct trust *t, int statedir, const char *commit)
{
	int64_t now = clock_now();
	bool grown = t->next.serial != t->mark.serial || strcmp(t->next.commit, t->mark.commit) != 0 ||
		     strcmp(t->next.repo, t->mark.repo) != 0;

	if (!t->on || t->next.serial == 0 || !grown || trust_mark_of(t, commit) != &t->next)
		return 0;
	t->mark = t->next;
	t->mark.seen = now > t->mark.seen ? now : t->mark.seen;
	return save(t, statedir);
}

int trust_reanchor(struct trust *t, int statedir, const char *commit)
{
	struct hwm next = t->mark;

	next.serial++;
	snprintf(next.commit, sizeof(next.commit), "%s", commit);
	if (next.repo[0] == '\0') /* of the commit's own tree, when it is judged */
		memset(next.repo, '0', sizeof(next.repo) - 1);
	next.seen = clock_now() > next.seen ? clock_now() : next.seen;
	int ret = hwm_save(statedir, &next);
	if (ret == 0) {
		t->mark = next;
		t->verdict.verdict = 0;
		t->tip[0] = '\0';
	}
	return ret;
}
