/* SPDX-License-Identifier: Apache-2.0 */
#include "release/draft.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "plan/gw_plan.h"

static int compile_trees(struct draft *d, struct releases *c, const git_oid *root, char *err, size_t err_size)
{
	if (c->serial > 0) {
		d->before = archive_get(c->archive, &c->manifest.root, err, err_size);
		if (d->before == NULL)
			return -EIO;
		if (!d->before->ready)
			d->before = NULL;
	}
	d->tree = archive_get(c->archive, root, err, err_size);
	if (d->tree == NULL)
		return -EIO;
	if (d->tree->ready)
		return 0;
	snprintf(err, err_size, "the tree has mistakes, and what does not compile is not released");
	return -EBADMSG;
}

static int fill_in(struct draft *d, struct releases *c, const struct draft_wish *wish, const git_oid *root, char *err,
		   size_t err_size)
{
	struct record *r = &d->record;
	struct manifest content = { .v = NULL };
	const struct releases_trust *trust = releases_trust_read(c->repo, root, &c->step, err, err_size);

	if (trust == NULL)
		return -EBADMSG;
	int ret = manifest_read(&content, c->repo, root, &trust->file, c->serial > 0 ? &c->manifest : NULL, &c->step, err, err_size);
	if (ret == 0 && plans_compile(&d->plans, d->tree, trust->file.repo_id, &c->step) < 0) {
		snprintf(err, err_size, "a gateway's plan cannot be made from the tree");
		ret = -EBADMSG;
	}
	r->serial = c->serial + 1;
	r->prev = c->digest;
	r->content = content.content;
	r->plans = plans_root(&d->plans);
	r->has_plans = true;
	r->trust = trust->file.version;
	r->format = GW_PLAN_FORMAT;
	r->flags = wish->flags;
	r->not_before = wish->not_before;
	r->made = clock_now();
	memcpy(r->repo, trust->file.repo_id, sizeof(r->repo));
	snprintf(r->commit, sizeof(r->commit), "%s", wish->commit);
	snprintf(r->note, sizeof(r->note), "%s", wish->note);
	manifest_release(&content);
	return ret;
}

static int check_text(struct draft *d, char *err, size_t err_size)
{
	struct record again;
	char why[160];

	record_write(&d->record, &d->text);
	plans_write(&d->plans, &d->plans_text);
	if (record_parse(&again, d->text.p, d->text.len, why, sizeof(why)) == 0)
		return 0;
	snprintf(err, err_size, "the note is one line of at most %u bytes, without control characters", RECORD_NOTE_MAX);
	return -EINVAL;
}

int draft_make(struct draft *d, struct releases *c, const struct draft_wish *wish, char *err, size_t err_size)
{
	static const struct approval_signature none;
	git_oid root;

	*d = (struct draft){ .same = false };
	int ret = releases_root(c->repo, wish->commit, &root, err, err_size);
	if (ret == 0)
		ret = compile_trees(d, c, &root, err, err_size);
	if (ret == 0)
		ret = fill_in(d, c, wish, &root, err, err_size);
	if (ret == 0)
		ret = check_text(d, err, err_size);
	if (ret < 0)
		return ret;
	d->same = c->serial > 0 && memcmp(&c->record.content, &d->record.content, sizeof(struct digest)) == 0 &&
		  memcmp(&c->record.plans, &d->record.plans, sizeof(struct digest)) == 0;
	d->x.r = (struct ledger_record){ .record = d->record, .text = d->text.p, .len = d->text.len, .signature = (void *)(uintptr_t)&none };
	d->x.r.digest = record_digest(d->text.p, d->text.len);
	releases_judge(c, &d->x);
	return 0;
}

void draft_release(struct draft *d)
{
	manifest_release(&d->x.manifest);
	buf_release(&d->text);
	buf_release(&d->plans_text);
}

bool draft_matches(const struct draft *d, const struct record *r)
{
	struct record mine = d->record;

	/* The approver sees what else the record says; what he asked for himself has to be in it. */
	if ((r->flags & mine.flags) != mine.flags)
		return false;
	mine.flags = r->flags;
	mine.not_before = r->not_before;
	mine.made = r->made;
	memcpy(mine.note, r->note, sizeof(mine.note));
	struct buf x BUF_CLEANUP = BUF_INIT, y BUF_CLEANUP = BUF_INIT;
	record_write(&mine, &x);
	record_write(r, &y);
	return x.len == y.len && memcmp(x.p, y.p, x.len) == 0;
}
