/* SPDX-License-Identifier: Apache-2.0 */
/* diff_report - what `yett diff` found, in each of its forms. */
#pragma once

#include "access/changes.h"
#include "access/outage.h"
#include "compile.h"
#include "diff_text.h"

struct diff_report {
	struct compile *tree[2]; /* BASE, HEAD; may be the same */
	const char *name[2];
	const char *at;        /* as given, or NULL */
	bool moments;          /* access now against access at `at` */
	const char *const *down; /* gateways that are down in HEAD */
	size_t ndown;
	struct access_diff access;
	struct changes changes;
	struct outage outage;
	struct diff_text text;
	struct arena *arena;
};

/* Nothing is added to out by the first two where nothing changes. */
void diff_report_text(const struct diff_report *r, struct buf *out);
/* At most DIFF_MARKDOWN_MAX bytes, whatever there is to say: it fits a comment of every forge. */
void diff_report_markdown(const struct diff_report *r, struct buf *out);
json_t *diff_report_json(const struct diff_report *r); /* complete; docs/diff.md */

#define DIFF_MARKDOWN_MAX 60000

/* The lists beside access. */
struct diff_section {
	const char *key, *title;
	const struct change_list *list;
};
#define DIFF_SECTIONS 3
void diff_report_sections(const struct diff_report *r, struct diff_section out[static DIFF_SECTIONS]);

const char *diff_report_how(enum change_how how); /* "added" */
/* A field's value, shortened. */
const char *diff_report_value(const struct diff_report *r, const char *value);
/* "no gateway is left without hq-1", "hq-2 in place of hq-1" */
const char *diff_report_path(const struct diff_report *r, const struct outage_path *p);
