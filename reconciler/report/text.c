/* SPDX-License-Identifier: Apache-2.0 */
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"

#define DIAGS_BYTES_MAX 10000

uint64_t text_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void text_of_diags(struct diags *d, struct buf *out)
{
	const struct diag_style style = { .format = DIAG_TEXT, .max_bytes = DIAGS_BYTES_MAX };
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return;
	diags_sort(d);
	diags_print(d, &style, f);
	if (fclose(f) == 0)
		buf_add(out, text, len < MESSAGE_TEXT_MAX ? len : MESSAGE_TEXT_MAX);
	free(text);
}

static void add_count(struct buf *out, char sign, uint32_t n, const char *one, const char *many)
{
	if (n == 0)
		return;
	if (out->len > 0)
		buf_adds(out, ", ");
	buf_addf(out, "%c%u %s", sign, n, n == 1 ? one : many);
}

static void add_link(struct buf *out, uint32_t link)
{
	static const struct {
		enum link_change bit;
		const char *text;
	} names[] = {
		{ LINK_CREATE, "interface made" }, { LINK_KEY, "key set" }, { LINK_PORT, "port set" },
		{ LINK_MTU, "MTU set" },           { LINK_UP, "interface up" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (link & names[i].bit)
			buf_addf(out, "%s%s", out->len > 0 ? ", " : "", names[i].text);
}

void text_of_counts(const struct change_counts *c, struct buf *out)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	const struct {
		char sign;
		uint32_t n;
		const char *one, *many;
	} rows[] = {
		{ '+', c->peers_added, "peer", "peers" },           { '-', c->peers_removed, "peer", "peers" },
		{ '~', c->peers_updated, "peer", "peers" },         { '+', c->addresses_added, "address", "addresses" },
		{ '-', c->addresses_removed, "address", "addresses" }, { '+', c->routes_added, "route", "routes" },
		{ '-', c->routes_removed, "route", "routes" },      { '+', c->tables_added, "table", "tables" },
		{ '-', c->tables_removed, "table", "tables" },      { '+', c->sets_added, "set", "sets" },
		{ '-', c->sets_removed, "set", "sets" },            { '+', c->elements_added, "element", "elements" },
		{ '-', c->elements_removed, "element", "elements" }, { '+', c->chains_added, "chain", "chains" },
		{ '-', c->chains_removed, "chain", "chains" },      { '~', c->rules_replaced, "chain", "chains" },
	};

	add_link(&b, c->link);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		add_count(&b, rows[i].sign, rows[i].n, rows[i].one, rows[i].many);
	buf_adds(out, b.len > 0 ? buf_str(&b) : "nothing");
}

void text_of_us(uint64_t us, struct buf *out)
{
	buf_addf(out, "%llu.%llu ms", (unsigned long long)(us / 1000), (unsigned long long)(us % 1000 / 100));
}

const char *text_of_commit(const char *commit, char out[static COMMIT_TEXT_MAX])
{
	if (*commit == '\0')
		return "a plan of unknown commit";
	snprintf(out, COMMIT_TEXT_MAX, "%.7s", commit);
	return out;
}

static void add_kinds(uint32_t kinds, struct buf *out)
{
	static const char *const names[DRIFT_KINDS] = { "the table", "the interface", "an address", "a route", "more than could be followed" };
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(kinds & (1u << i)))
			continue;
		buf_addf(out, "%s%s", comma, names[i]);
		comma = ", ";
	}
}

void text_of_drift(const struct drift *d, struct buf *out)
{
	if (d->kinds == 0)
		return;
	if (d->program[0] != '\0')
		buf_addf(out, "%s (process %u)", d->program, d->process);
	else if (d->port != 0)
		buf_addf(out, "the owner of netlink port %u", d->port);
	else
		buf_adds(out, "somebody");
	buf_adds(out, " changed ");
	add_kinds(d->kinds, out);
}

void text_of_repair(const struct ipc_apply_res *res, const char *commit, struct buf *out)
{
	char c[COMMIT_TEXT_MAX];

	buf_adds(out, "repaired in ");
	text_of_us(res->elapsed_us, out);
	if (res->seen.kinds != 0)
		buf_adds(out, " after ");
	text_of_drift(&res->seen, out);
	buf_adds(out, ": ");
	text_of_counts(&res->counts, out);
	buf_addf(out, "; %s is in force", text_of_commit(commit, c));
}
