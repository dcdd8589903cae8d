/* SPDX-License-Identifier: Apache-2.0 */
/* profiles - those of phones that no QR code holds. */
#include "lint/checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/buf.h"
#include "base/vec.h"
#include "emit/emit.h"
#include "model/model.h"
#include "plan/plan.h"

#define QR_BYTES_MAX 2953 /* ISO/IEC 18004: version 40, level L, bytes */

/* Phones whose profiles are alike but for names and keys. */
struct kin {
	uint32_t class, plan, home;
	struct profile_settings settings;
	uint32_t first; /* device */
	size_t bytes;
};

static bool is_phone(const struct r_device *d)
{
	const char *platform = d->decl->platform;

	return !d->dead && platform && (strcmp(platform, "ios") == 0 || strcmp(platform, "android") == 0);
}

static int kin_cmp(const void *px, const void *py)
{
	const struct kin *x = px, *y = py;
	const int64_t a[] = { x->class, x->plan, x->home, x->settings.tunnel, x->settings.kill_switch,
			      x->settings.block_ipv6, x->first };
	const int64_t b[] = { y->class, y->plan, y->home, y->settings.tunnel, y->settings.kill_switch,
			      y->settings.block_ipv6, y->first };

	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static bool alike(const struct kin *x, const struct kin *y)
{
	struct kin other = *y;

	other.first = x->first;
	return kin_cmp(x, &other) == 0;
}

static size_t profile_bytes(const struct lint *l, struct profiles *s, uint32_t device)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	struct device_profile p;
	struct arena a;

	arena_init(&a);
	if (profiles_make(s, device, &a, &p) == 0)
		emit_profile_conf(&p, l->r->network, &out);
	arena_release(&a);
	return out.len;
}

/* One for the tree: what makes them long is mostly one policy. */
static void warn(const struct lint *l, const struct kin *longest, size_t phones)
{
	const struct object *o = &l->r->device[longest->first].decl->o;

	if (phones == 1)
		diag_add(l->d, "W_PROFILE_QR", o->loc, "the profile of %s has %zu bytes, and a QR code holds at most %d",
			 o->name, longest->bytes, QR_BYTES_MAX);
	else
		diag_add(l->d, "W_PROFILE_QR", o->loc,
			 "the profiles of %zu phones are too large for a QR code: that of %s has %zu bytes, and %d would fit",
			 phones, o->name, longest->bytes, QR_BYTES_MAX);
	diag_hint(l->d, "prefixes that join make it short, and so does tunnel: full where a policy allows the internet");
}

void lint_profiles(const struct lint *l)
{
	VEC(struct kin) kin = VEC_INIT;
	struct profiles *s = NULL;
	size_t longest = 0, phones = 0;

	for (uint32_t i = 0; i < l->r->ndevices; i++) {
		const struct r_device *d = &l->r->device[i];
		if (is_phone(d))
			vec_push(&kin, ((struct kin){ l->x->class_of[i], d->plan, d->home, d->profile, i, 0 }));
	}
	if (kin.n)
		qsort(kin.v, kin.n, sizeof(*kin.v), kin_cmp);
	for (size_t i = 0, end; i < kin.n; i = end) {
		for (end = i + 1; end < kin.n && alike(&kin.v[i], &kin.v[end]);)
			end++;
		s = s ? s : profiles_open(l->x, l->r);
		kin.v[i].bytes = profile_bytes(l, s, kin.v[i].first);
		if (kin.v[i].bytes > QR_BYTES_MAX)
			phones += end - i;
		if (kin.v[i].bytes > kin.v[longest].bytes)
			longest = i;
	}
	if (phones)
		warn(l, &kin.v[longest], phones);
	profiles_close(s);
	vec_release(&kin);
}
