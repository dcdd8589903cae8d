/* SPDX-License-Identifier: Apache-2.0 */
#include "config_watch.h"

#include <string.h>

#include "config.h"
#include "listen.h"
#include "log.h"
#include "message.h"
#include "yaml/yaml.h"

static const char *const log_words[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json", NULL };

#define IN(member) .offset = offsetof(struct config, member)

const struct field config_hook_fields[] = {
	{ .name = "secret_file", .type = &type_string, IN(watch.hook_secret), .flags = FIELD_REQUIRED },
	{ 0 },
};

const struct field config_metrics_fields[] = {
	{ .name = "devices", .type = &type_bool, IN(watch.devices) },
	{ 0 },
};

const struct field config_log_fields[] = {
	{ .name = "format", .words = log_words, IN(watch.log) },
	{ 0 },
};

static struct loc place(const struct node *map, const char *name)
{
	const struct node *v = node_get(map, name);

	return v != NULL ? v->loc : map->loc;
}

void config_watch_check(const struct config *c, const struct node *map, struct diags *d)
{
	const struct config_watch *w = &c->watch;
	struct listen_at at;

	if (*w->listen && !listen_parse(w->listen, &at)) {
		diag_add(d, "E_TYPE", place(map, "listen"), "listen is an address of this machine and a port");
		diag_hint(d, "such as 127.0.0.1:9469 or [::1]:9469");
	}
	if (*w->hook_secret && *w->hook_secret != '/')
		diag_add(d, "E_TYPE", place(map, "hook"), "secret_file is a path that starts with /");
	if (strlen(w->hook_secret) >= SETTING_MAX)
		diag_add(d, "E_TYPE", place(map, "hook"), "secret_file is longer than %d bytes", SETTING_MAX - 1);
	if (*w->hook_secret && !*w->listen)
		diag_add(d, "E_REQUIRED", place(map, "hook"), "a webhook comes over HTTP, so it needs the field listen too");
}
