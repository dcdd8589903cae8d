/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree read by several threads. Files are independent up to model_join(), so each is read by whoever comes to it, with an arena and
 * diagnostics of his own. A file that something is to be said about is read again at the end, in order, into the diagnostics of all:
 * what is said, and in which order, does not show how many threads there were.
 */
#include <stdatomic.h>

#include "base/crew.h"
#include "model/model.h"

#define SHARE 64	 /* files that a thread takes at a time */
#define FILES_MIN 512	 /* of fewer it is not worth it */

struct reading {
	const struct source *source;
	struct model_part **part; /* NULL: something is to be said about it */
	atomic_size_t next;
	struct arena arena[CREW_MAX];
};

static void read_share(struct reading *r, struct model_reader *reader, struct diags *d, size_t from)
{
	size_t to = from + SHARE < r->source->nfiles ? from + SHARE : r->source->nfiles;

	for (size_t i = from; i < to; i++) {
		r->part[i] = model_reader_part(reader, &r->source->file[i]);
		if (d->errors + d->warnings > 0)
			r->part[i] = NULL;
		diags_clear(d, 0);
	}
}

static void work(void *ctx, unsigned int member)
{
	struct reading *r = ctx;
	struct diags d;

	diags_init(&d, &r->arena[member]);
	d.max = 1; /* that there is one is enough */
	struct model_reader *reader = model_reader_make(&r->arena[member], &d);
	for (;;) {
		size_t from = atomic_fetch_add(&r->next, SHARE);
		if (from >= r->source->nfiles)
			break;
		read_share(r, reader, &d, from);
	}
	diags_release(&d);
}

void model_read_crew(struct model *m, const struct source *s, unsigned int threads, struct arena *a, struct diags *d)
{
	struct reading r = { .source = s };
	bool torn = d->errors > 0;

	if (threads < 2 || s->nfiles < FILES_MIN) {
		model_read(m, s, a, d);
		return;
	}
	r.part = arena_array(a, s->nfiles, struct model_part *);
	for (unsigned int i = 0; i < CREW_MAX; i++)
		arena_init(&r.arena[i]);
	crew_run(threads < CREW_MAX ? threads : CREW_MAX, work, &r);
	for (unsigned int i = 0; i < CREW_MAX; i++)
		arena_adopt(a, &r.arena[i]);
	struct model_reader *reader = model_reader_make(a, d);
	for (size_t i = 0; i < s->nfiles; i++)
		if (r.part[i] == NULL)
			r.part[i] = model_reader_part(reader, &s->file[i]);
	model_join(m, r.part, s->nfiles, torn, a, d);
}
