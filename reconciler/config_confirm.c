/* SPDX-License-Identifier: Apache-2.0 */
#include "config_confirm.h"

#include <string.h>

#include "base/bug.h"
#include "config.h"
#include "types.h"
#include "yaml/yaml.h"

static const char *const mode_words[] = { [CONFIRM_AUTO] = "auto", [CONFIRM_MANUAL] = "manual", NULL };
static const char *const when_words[] = {
	[CONFIRM_RISKY] = "risky", [CONFIRM_ALWAYS] = "always", [CONFIRM_NEVER] = "never", NULL,
};

#define IN(member) .offset = offsetof(struct config, member)

const struct field config_confirm_fields[] = {
	{ .name = "mode", .words = mode_words, IN(confirm.mode) },
	{ .name = "when", .words = when_words, IN(confirm.when) },
	{ .name = "window", .type = &type_duration, IN(confirm.window) },
	{ .name = "share", .type = &type_int, IN(confirm.share) },
	{ .name = "probes", .type = &type_string, IN(confirm.words), .flags = FIELD_LIST },
	{ 0 },
};

const struct field config_limits_fields[] = {
	{ .name = "removed_share", .type = &type_int, IN(limits.removed_share) },
	{ .name = "removed_peers", .type = &type_int, IN(limits.removed_peers) },
	{ 0 },
};

const struct field config_management_fields[] = {
	{ .name = "networks", .type = &type_prefix, IN(management.networks), .flags = FIELD_LIST },
	{ .name = "keys", .type = &type_key, IN(management.keys), .flags = FIELD_LIST },
	{ 0 },
};

void config_confirm_init(struct config *c)
{
	c->confirm = (struct config_confirm){ .window = CONFIRM_WINDOW, .share = CONFIRM_SHARE, .git = true, .tunnels = true };
	c->limits = (struct config_limits){ LIMIT_REMOVED_SHARE, LIMIT_REMOVED_PEERS };
}

bool config_may_operate(const struct config *c, uid_t uid)
{
	const int64_t *listed = c->operators.v;

	for (size_t i = 0; i < c->operators.n; i++)
		if ((uint64_t)listed[i] == uid)
			return true;
	return uid == 0;
}

static struct loc place(const struct node *map, const char *name)
{
	const struct node *v = map->kind == NODE_MAP ? node_get(map, name) : NULL;

	return v != NULL ? v->loc : map->loc;
}

static const struct node *part(const struct node *map, const char *name)
{
	const struct node *v = node_get(map, name);

	return v != NULL ? v : map;
}

/* "tcp:192.0.2.1:22", "tcp:[2001:db8::1]:22" */
static bool parse_target(const char *text, struct probe_target *out)
{
	char addr[ADDR_TEXT_MAX];
	unsigned int port = 0;
	const char *colon = strrchr(text, ':');

	if (strncmp(text, "tcp:", 4) != 0 || colon == text + 3 || colon == NULL)
		return false;
	const char *from = text + 4, *end = colon;
	if (*from == '[' && end > from && end[-1] == ']') {
		from++;
		end--;
	} else if (memchr(from, ':', (size_t)(end - from)) != NULL) {
		return false;
	}
	size_t n = (size_t)(end - from), digits = strspn(colon + 1, "0123456789");
	if (n == 0 || n >= sizeof(addr) || digits == 0 || digits > 5 || colon[1 + digits] != '\0')
		return false;
	memcpy(addr, from, n);
	addr[n] = '\0';
	for (const char *p = colon + 1; *p; p++)
		port = port * 10 + (unsigned int)(*p - '0');
	out->port = (uint16_t)port;
	return port > 0 && port <= 65535 && addr_parse(addr, n, &out->addr) == ADDR_OK;
}

static void read_probes(struct config_confirm *c, const struct node *map, struct diags *d)
{
	const char *const *word = c->words.v;
	const struct node *list = map->kind == NODE_MAP ? node_get(map, "probes") : NULL;

	if (list == NULL || list->kind != NODE_SEQ)
		return;
	c->git = c->tunnels = false;
	for (size_t i = 0; i < c->words.n; i++) {
		struct loc at = i < list->n ? list->item[i]->loc : list->loc;
		if (word[i] == NULL)
			continue; /* told already */
		if (strcmp(word[i], "git") == 0)
			c->git = true;
		else if (strcmp(word[i], "tunnels") == 0)
			c->tunnels = true;
		else if (c->ntargets == PROBE_TARGETS_MAX)
			diag_add(d, "E_TYPE", at, "probes takes at most %d addresses", PROBE_TARGETS_MAX);
		else if (parse_target(word[i], &c->target[c->ntargets]))
			c->ntargets++;
		else
			diag_add(d, "E_TYPE", at, "a probe is git, tunnels, or tcp:ADDRESS:PORT, not %s", word[i]);
	}
}

static void check_range(const struct node *map, const char *name, int64_t v, int64_t lo, int64_t hi, const char *text,
			struct diags *d)
{
	if (v < lo || v > hi)
		diag_add(d, "E_TYPE", place(map, name), "%s lies between %s", name, text);
}

void config_confirm_check(struct config *c, const struct node *map, struct diags *d)
{
	const struct node *confirm = part(map, "confirm"), *limits = part(map, "limits"), *operators = node_get(map, "operators");
	const int64_t *uid = c->operators.v;

	read_probes(&c->confirm, confirm, d);
	check_range(confirm, "window", c->confirm.window, CONFIRM_WINDOW_MIN, CONFIRM_WINDOW_MAX, "30s and 10m", d);
	check_range(confirm, "share", c->confirm.share, 0, 100, "0 and 100", d);
	check_range(limits, "removed_share", c->limits.removed_share, 0, 100, "0 and 100", d);
	check_range(limits, "removed_peers", c->limits.removed_peers, 0, INT32_MAX, "0 and 2147483647", d);
	for (size_t i = 0; i < c->operators.n; i++)
		if (uid[i] < 0 || uid[i] >= UINT32_MAX)
			diag_add(d, "E_TYPE", operators->item[i]->loc, "operators are user numbers, such as 1000");
}
