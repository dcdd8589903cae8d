/* SPDX-License-Identifier: Apache-2.0 */
#include "log/reach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/delta.h"
#include "access/examples.h"
#include "base/clock.h"
#include "base/vec.h"

typedef VEC(struct reach_stay) stay_vec;

/* A source as the trees so far left it. */
struct holder {
	const char *name;
	struct digest content; /* of its access to the destination */
	stay_vec open;
	bool seen;             /* in the tree that is looked at */
};

/* What a source may do in one tree. */
struct claim {
	const char *name, *user;
	uint32_t class;
	struct access_window window;
	struct digest content;
};

struct follower {
	struct arena *a, scratch;
	const struct history_commit *commit; /* that is looked at */
	struct access narrow;                /* its classes, of the destination alone */
	VEC(struct holder) holder;           /* by name */
	VEC(struct claim) claim;             /* by name */
	stay_vec done;
};

/* ---- one tree's access to the destination ---- */

static const char *owner_of(const struct resolved *r, uint32_t source)
{
	if (source >= r->ndevices || r->device[source].owner == NONE)
		return NULL;
	return r->user[r->device[source].owner]->o.name;
}

/* The same parts and classes, but of the parts only what lies in the region; classes lose the parts that have nothing there. */
static void narrow(struct follower *f, const struct access *x, struct region asked)
{
	struct arena *a = &f->scratch;

	f->narrow = *x;
	f->narrow.part = arena_dup(a, x->part, x->nparts * sizeof(*x->part));
	f->narrow.class = arena_dup(a, x->class, x->nclasses * sizeof(*x->class));
	for (size_t i = 0; i < x->nparts; i++)
		f->narrow.part[i].region = region_overlaps(x->part[i].region, asked) ?
					   region_intersect(a, x->part[i].region, asked) : REGION_EMPTY;
	for (size_t c = 0; c < x->nclasses; c++) {
		const struct access_class *class = &x->class[c];
		uint32_t *part = arena_array(a, class->nparts, uint32_t);
		size_t n = 0;
		for (size_t i = 0; i < class->nparts; i++)
			if (!region_is_empty(f->narrow.part[class->part[i]].region))
				part[n++] = class->part[i];
		f->narrow.class[c].part = part;
		f->narrow.class[c].nparts = n;
	}
}

static struct digest *digest_classes(struct follower *f)
{
	const struct access *x = &f->narrow;
	struct digest *part = arena_array(&f->scratch, x->nparts, struct digest);
	struct digest *class = arena_array(&f->scratch, x->nclasses, struct digest);

	for (size_t i = 0; i < x->nparts; i++)
		if (!region_is_empty(x->part[i].region))
			part[i] = delta_part_digest(&x->part[i], 0);
	for (size_t c = 0; c < x->nclasses; c++) {
		struct digest_ctx ctx;
		digest_begin(&ctx);
		for (size_t i = 0; i < x->class[c].nparts; i++)
			digest_add(&ctx, &part[x->class[c].part[i]], sizeof(struct digest));
		class[c] = digest_end(&ctx);
	}
	return class;
}

static int claim_cmp(const void *px, const void *py)
{
	return strcmp(((const struct claim *)px)->name, ((const struct claim *)py)->name);
}

static struct digest digest_claim(const struct claim *c, const struct digest *class)
{
	struct digest_ctx ctx;

	digest_begin(&ctx);
	digest_add(&ctx, class, sizeof(*class));
	digest_add_u64(&ctx, (uint64_t)c->window.from);
	digest_add_u64(&ctx, (uint64_t)c->window.until);
	digest_add_str(&ctx, c->user ? c->user : "");
	return digest_end(&ctx);
}

/* The sources that the destination's parts speak of at all. */
static void find_claims(struct follower *f, const struct compile *c)
{
	const struct digest *class = digest_classes(f);

	f->claim.n = 0;
	for (size_t i = 0; i < c->access.nsources; i++) {
		uint32_t source = (uint32_t)i, k = c->access.class_of[i];
		struct access_window w = c->access.window[i];
		if (f->narrow.class[k].nparts == 0 || w.from >= w.until)
			continue;
		struct claim claim = { source_text(&c->resolved, source, &f->scratch), owner_of(&c->resolved, source), k, w,
				       { { 0 } } };
		claim.content = digest_claim(&claim, &class[k]);
		vec_push(&f->claim, claim);
	}
	if (f->claim.n)
		qsort(f->claim.v, f->claim.n, sizeof(*f->claim.v), claim_cmp);
}

/* ---- what a claim allows from now on ---- */

static struct region keep_region(struct arena *a, struct region r)
{
	struct slab *out = arena_dup(a, r.v, r.n * sizeof(*r.v));

	for (size_t i = 0; i < r.n; i++)
		out[i].addr.v = arena_dup(a, out[i].addr.v, out[i].addr.n * sizeof(*out[i].addr.v));
	return (struct region){ out, r.n };
}

static struct reach_stay make_stay(struct follower *f, const struct claim *c, const struct diff_grant *g,
			       const struct diff_span *s)
{
	int64_t now = f->commit->since;
	return (struct reach_stay){
		.source = c->name, .user = c->user, .region = g->region, .policy = g->policy, .by = f->commit,
		.from = s->from == CLOCK_EVER || s->from < now ? now : s->from, .until = s->until,
		.week = s->week, .nweek = s->nweek,
	};
}

static void find_stays(struct follower *f, const struct claim *c, stay_vec *out)
{
	const struct delta_side side[2] = {
		{ .access = &f->narrow, .class = NONE },
		{ .access = &f->narrow, .class = c->class, .window = delta_window(c->window, f->commit->since) },
	};
	struct delta d;

	delta_compute(&d, side, f->commit->since, &f->scratch);
	for (size_t i = 0; i < d.n[1]; i++)
		for (size_t k = 0; k < d.grant[1][i].nspans; k++)
			vec_push(out, make_stay(f, c, &d.grant[1][i], &d.grant[1][i].span[k]));
}

/* ---- from tree to tree ---- */

static bool same_week(const struct reach_stay *x, const struct reach_stay *y)
{
	return x->nweek == y->nweek &&
	       (x->nweek == 0 || memcmp(x->week, y->week, x->nweek * sizeof(*x->week)) == 0);
}

static bool same_user(const struct reach_stay *x, const struct reach_stay *y)
{
	return strcmp(x->user ? x->user : "", y->user ? y->user : "") == 0;
}

static const char *keep_text(struct arena *a, const char *s)
{
	return s ? arena_strdup(a, s) : NULL;
}

/* Moves what a stay holds out of the tree that it came from. */
static struct reach_stay keep_stay(struct follower *f, const struct reach_stay *t)
{
	struct reach_stay k = *t;

	k.week = arena_dup(f->a, t->week, t->nweek * sizeof(*t->week));
	k.region = keep_region(f->a, t->region);
	k.source = keep_text(f->a, t->source);
	k.user = keep_text(f->a, t->user);
	k.policy = keep_text(f->a, t->policy);
	k.when = week_text(k.week, k.nweek, f->a);
	return k;
}

static void end_stay(struct follower *f, struct reach_stay *t, const struct history_commit *by)
{
	if (by) {
		t->until = by->since;
		t->ended = by;
	}
	if (t->from < t->until)
		vec_push(&f->done, *t);
}

/* What of an open stay the new ones go on with stays the old one's, with the new one's end. */
static void go_on(struct follower *f, struct reach_stay *old, stay_vec *fresh, stay_vec *out)
{
	struct arena *a = &f->scratch;
	int64_t now = f->commit->since;

	if (old->until <= now) {
		end_stay(f, old, NULL);
		return;
	}
	for (size_t i = 0; i < fresh->n && !region_is_empty(old->region); i++) {
		struct reach_stay *n = &fresh->v[i];
		int64_t from = old->from > now ? old->from : now;
		if (n->from > from || n->until <= from || !same_week(old, n) || !same_user(old, n) ||
		    !region_overlaps(old->region, n->region))
			continue;
		struct reach_stay both = *old;
		both.region = region_intersect(a, old->region, n->region);
		both.until = n->until;
		old->region = region_subtract(a, old->region, both.region);
		n->region = region_subtract(a, n->region, both.region);
		vec_push(out, keep_stay(f, &both));
	}
	if (!region_is_empty(old->region) && old->from < now) {
		old->region = keep_region(f->a, old->region);
		end_stay(f, old, f->commit);
	}
}

static void change(struct follower *f, struct holder *h, const struct claim *c)
{
	stay_vec fresh = VEC_INIT, open = VEC_INIT;

	if (c)
		find_stays(f, c, &fresh);
	for (size_t i = 0; i < h->open.n; i++)
		go_on(f, &h->open.v[i], &fresh, &open);
	for (size_t i = 0; i < fresh.n; i++)
		if (!region_is_empty(fresh.v[i].region))
			vec_push(&open, keep_stay(f, &fresh.v[i]));
	vec_release(&fresh);
	vec_release(&h->open);
	h->open.v = open.v;
	h->open.n = open.n;
	h->open.cap = open.cap;
	h->content = c ? c->content : (struct digest){ { 0 } };
}

static int holder_cmp(const void *px, const void *py)
{
	return strcmp(((const struct holder *)px)->name, ((const struct holder *)py)->name);
}

/* Both lists are sorted; holders that are new are put behind, and sorted in at the end. */
static void compare(struct follower *f)
{
	size_t known = f->holder.n;

	for (size_t i = 0, j = 0; i < known || j < f->claim.n;) {
		const struct claim *c = j < f->claim.n ? &f->claim.v[j] : NULL;
		int cmp = i == known ? 1 : !c ? -1 : strcmp(f->holder.v[i].name, c->name);
		if (cmp > 0) {
			struct holder h = { .name = arena_strdup(f->a, c->name) };
			change(f, &h, c);
			vec_push(&f->holder, h);
		} else if (cmp < 0) {
			if (f->holder.v[i].open.n)
				change(f, &f->holder.v[i], NULL);
			f->holder.v[i].content = (struct digest){ { 0 } };
		} else if (memcmp(&f->holder.v[i].content, &c->content, sizeof(c->content)) != 0) {
			change(f, &f->holder.v[i], c);
		}
		i += cmp <= 0;
		j += cmp >= 0;
	}
	if (f->holder.n > known)
		qsort(f->holder.v, f->holder.n, sizeof(*f->holder.v), holder_cmp);
}

/* 0, or -EINVAL with *why where this tree does not know the destination: then nobody reaches it. */
static int follow(struct follower *f, struct compile *c, const char *dest, const char **why)
{
	const struct service any = { 0, SERVICE_LAST };
	struct region asked = REGION_EMPTY;
	struct r_dest *to;
	size_t nto;
	bool to_self;
	int ret = resolve_dests_text(&c->resolved, dest, &f->scratch, &to, &nto, &to_self, why) < 0 ? -EINVAL : 0;

	if (ret == 0 && to_self) {
		*why = "self means another device for each owner; name a device instead";
		ret = -EINVAL;
	}
	if (ret == 0)
		asked = dests_region(to, nto, &any, 1, false, &f->scratch);
	narrow(f, &c->access, asked);
	find_claims(f, c);
	compare(f);
	return ret;
}

/* ---- the history ---- */

/* 1: another tree than before, in *c; 0: nothing to see. */
static int tree_of(const struct source_repo *repo, struct archive *archive, const struct history_commit *h, git_oid *last,
		   struct compile **c, char *err, size_t err_size)
{
	git_commit *commit = NULL;
	git_oid root;

	if (git_commit_lookup(&commit, repo->git, &h->id) < 0) {
		snprintf(err, err_size, "cannot read a commit of the history");
		return -EIO;
	}
	int ret = source_repo_root(repo, commit, &root, err, err_size);

	git_commit_free(commit);
	if (ret == -ENOENT || (ret == 0 && git_oid_cmp(last, &root) == 0))
		return 0;
	if (ret < 0)
		return ret;
	git_oid_cpy(last, &root);
	*c = archive_get(archive, &root, err, err_size);
	return *c ? 1 : -EIO;
}

static int stay_cmp(const void *px, const void *py)
{
	const struct reach_stay *x = px, *y = py;
	int ret = strcmp(x->source, y->source);

	if (ret)
		return ret;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->until != y->until)
		return x->until < y->until ? -1 : 1;
	struct box bx = region_first(x->region), by = region_first(y->region);

	ret = addr_cmp(bx.addr.lo, by.addr.lo);
	if (ret)
		return ret;
	return bx.service.lo < by.service.lo ? -1 : bx.service.lo > by.service.lo;
}

static void finish(struct follower *f, struct reach *out)
{
	for (size_t i = 0; i < f->holder.n; i++) {
		for (size_t k = 0; k < f->holder.v[i].open.n; k++)
			end_stay(f, &f->holder.v[i].open.v[k], NULL);
		vec_release(&f->holder.v[i].open);
	}
	if (f->done.n)
		qsort(f->done.v, f->done.n, sizeof(*f->done.v), stay_cmp);
	out->v = vec_freeze(&f->done, f->a);
	out->n = f->done.n;
	vec_release(&f->done);
	vec_release(&f->holder);
	vec_release(&f->claim);
}

int reach_read(struct reach *out, const struct source_repo *repo, struct archive *archive, const struct history *h,
	       const char *dest, void (*progress)(size_t done, size_t all), struct arena *a, char *err, size_t err_size)
{
	struct follower f = { .a = a };
	git_oid last = { { 0 } };
	bool known = false;
	int ret = 0;

	*out = (struct reach){ .n = 0 };
	for (size_t i = h->n; ret >= 0 && i-- > 0;) {
		struct compile *c;
		const char *why = NULL;
		archive_trim(archive);
		ret = tree_of(repo, archive, &h->v[i], &last, &c, err, err_size);
		if (ret <= 0)
			continue;
		if (progress)
			progress(h->n - i, h->n);
		out->broken += !c->ready;
		if (!c->ready)
			continue;
		arena_init(&f.scratch);
		f.commit = &h->v[i];
		if (follow(&f, c, dest, &why) == 0)
			known = true;
		else if (!known)
			snprintf(err, err_size, "%s", why);
		arena_release(&f.scratch);
	}
	finish(&f, out);
	if (ret < 0)
		return ret;
	return known || h->n == 0 ? 0 : -EINVAL;
}
