/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/bug.h"
#include "base/vec.h"
#include "field.h"
#include "message.h"
#include "state/durable.h"
#include "yaml/yaml.h"

#define CONFIG_BYTES_MAX ((size_t)64 << 10)
#define INTERVAL_MAX (24 * 3600)

static const char *const backend_words[] = {
	[WG_AUTO] = "auto", [WG_KERNEL] = "kernel", [WG_USERSPACE] = "userspace", NULL,
};
static const char *const trust_words[] = { [TRUST_UNSIGNED] = "unsigned", [TRUST_COMMIT] = "commit",
					    [TRUST_RELEASE] = "release", NULL };

#define IN(member) .offset = offsetof(struct config, member)

static const struct field trust_fields[] = {
	{ .name = "mode", .words = trust_words, IN(trust.mode) },
	{ .name = "allowed_signers", .type = &type_string, IN(trust.allowed_signers) },
	{ .name = "anchor", .type = &type_string, IN(trust.anchor) },
	{ 0 },
};

static const struct field wireguard_fields[] = {
	{ .name = "backend", .words = backend_words, IN(wireguard.backend) },
	{ 0 },
};

static const struct field fields[] = {
	{ .name = "gateway", .type = &type_name, IN(gateway), .flags = FIELD_REQUIRED },
	{ .name = "repository", .type = &type_string, IN(repository), .flags = FIELD_REQUIRED },
	{ .name = "branch", .type = &type_string, IN(branch) },
	{ .name = "path", .type = &type_string, IN(path) },
	{ .name = "interval", .type = &type_duration, IN(interval) },
	{ .name = "private_key_file", .type = &type_string, IN(private_key_file), .flags = FIELD_REQUIRED },
	{ .name = "ssh_key_file", .type = &type_string, IN(ssh_key_file) },
	{ .name = "credentials_file", .type = &type_string, IN(credentials_file) },
	{ .name = "ca_file", .type = &type_string, IN(ca_file) },
	{ .name = "known_hosts", .type = &type_string, IN(known_hosts) },
	{ .name = "host_key", .type = &type_string, IN(host_key) },
	{ .name = "fetch_timeout", .type = &type_duration, IN(fetch_timeout) },
	{ .name = "state_dir", .type = &type_string, IN(state_dir) },
	{ .name = "control_socket", .type = &type_string, IN(control_socket) },
	{ .name = "require_sandbox", .type = &type_bool, IN(require_sandbox) },
	{ .name = "require_landlock", .type = &type_bool, IN(require_landlock) },
	{ .name = "trust", .object = trust_fields },
	{ .name = "wireguard", .object = wireguard_fields },
	{ .name = "confirm", .object = config_confirm_fields },
	{ .name = "limits", .object = config_limits_fields },
	{ .name = "management", .object = config_management_fields },
	{ .name = "operators", .type = &type_int, IN(operators), .flags = FIELD_LIST },
	{ .name = "listen", .type = &type_string, IN(watch.listen) },
	{ .name = "hook", .object = config_hook_fields },
	{ .name = "metrics", .object = config_metrics_fields },
	{ .name = "log", .object = config_log_fields },
	{ 0 },
};

struct decoder {
	struct config *c;
	struct arena *arena;
	struct diags *diags;
};

static void decode_map(struct decoder *x, const struct node *map, const struct field *rows);

static void unknown_field(struct decoder *x, const struct node *key, const struct field *rows)
{
	VEC(const char *) names = VEC_INIT;

	for (const struct field *f = rows; f->name != NULL; f++)
		vec_push(&names, f->name);
	const char *near = diag_nearest(key->text, names.v, names.n);
	diag_add(x->diags, "E_FIELD", key->loc, "the configuration has no field %s here", key->text);
	if (near != NULL)
		diag_hint(x->diags, "did you mean %s?", near);
	vec_release(&names);
}

static void decode_words(struct decoder *x, const struct node *v, const struct field *f)
{
	struct buf all BUF_CLEANUP = BUF_INIT;

	for (int i = 0; f->words[i] != NULL; i++) {
		if (strcmp(f->words[i], v->text) == 0) {
			*(int *)((char *)x->c + f->offset) = i;
			return;
		}
		buf_addf(&all, "%s%s", i ? ", " : "", f->words[i]);
	}
	diag_add(x->diags, "E_TYPE", v->loc, "%s is one of %s, not %s", f->name, buf_str(&all), v->text);
}

static void decode_scalar(struct decoder *x, const struct node *v, const struct field *f, void *out)
{
	const char *code = "E_TYPE", *why = "it cannot be read", *hint = NULL;

	if (v->kind != NODE_SCALAR || v->null) {
		diag_add(x->diags, "E_TYPE", v->loc, "%s takes one value", f->name);
		return;
	}
	if (f->words != NULL) {
		decode_words(x, v, f);
		return;
	}
	if (f->type->parse(x->arena, v->text, v->len, out, &code, &why, &hint) == 0)
		return;
	diag_add(x->diags, code, v->loc, "%s: %s", f->name, why);
	if (hint != NULL)
		diag_hint(x->diags, "%s", hint);
}

static void decode_list(struct decoder *x, const struct node *v, const struct field *f, struct config_list *out)
{
	if (v->kind != NODE_SEQ) {
		diag_add(x->diags, "E_TYPE", v->loc, "%s is a list, such as [a, b]", f->name);
		return;
	}
	out->n = v->n;
	out->v = arena_alloc(x->arena, (v->n + 1) * f->type->size);
	memset(out->v, 0, (v->n + 1) * f->type->size);
	for (size_t i = 0; i < v->n; i++)
		decode_scalar(x, v->item[i], f, (char *)out->v + i * f->type->size);
}

static void decode_field(struct decoder *x, const struct node_pair *p, const struct field *f)
{
	if (f->flags & FIELD_LATER)
		diag_add(x->diags, "E_LATER", p->key->loc, "%s belongs to a later version of yettd and has no effect yet; remove it",
			 f->name);
	else if (f->object != NULL && p->value->kind == NODE_MAP)
		decode_map(x, p->value, f->object);
	else if (f->object != NULL)
		diag_add(x->diags, "E_TYPE", p->value->loc, "%s is a mapping, such as {%s: …}", f->name, f->object->name);
	else if (f->flags & FIELD_LIST)
		decode_list(x, p->value, f, (struct config_list *)((char *)x->c + f->offset));
	else
		decode_scalar(x, p->value, f, (char *)x->c + f->offset);
}

static void decode_map(struct decoder *x, const struct node *map, const struct field *rows)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct field *f = rows;
		while (f->name != NULL && strcmp(f->name, map->pair[i].key->text) != 0)
			f++;
		if (f->name == NULL)
			unknown_field(x, map->pair[i].key, rows);
		else
			decode_field(x, &map->pair[i], f);
	}
	for (const struct field *f = rows; f->name != NULL; f++)
		if (f->flags & FIELD_REQUIRED && node_get(map, f->name) == NULL)
			diag_add(x->diags, "E_REQUIRED", map->loc, "the configuration needs the field %s", f->name);
}

/* Place of a field, for the checks over decoded values; "trust.mode" with one dot. */
static struct loc place(const struct node *map, const char *name)
{
	char first[64];
	const char *dot = strchrnul(name, '.');

	snprintf(first, sizeof(first), "%.*s", (int)(dot - name), name);
	const struct node *v = node_get(map, first);
	if (v == NULL)
		return map->loc;
	return *dot && v->kind == NODE_MAP ? place(v, dot + 1) : v->loc;
}

static bool anchor_ok(const char *hex)
{
	size_t n = strlen(hex);

	return (n == 40 || n == 64) && strspn(hex, "0123456789abcdef") == n;
}

static void check_trust(struct decoder *x, const struct node *map)
{
	struct config *c = x->c;
	bool pinned = *c->trust.allowed_signers || *c->trust.anchor;

	if (c->trust.mode == TRUST_UNSET && pinned)
		c->trust.mode = TRUST_COMMIT;
	if (c->trust.mode == TRUST_RELEASE)
		diag_add(x->diags, "E_LATER", place(map, "trust.mode"), "a gateway does not have release mode yet; commit is what it has");
	if (*c->trust.anchor && !anchor_ok(c->trust.anchor))
		diag_add(x->diags, "E_TYPE", place(map, "trust.anchor"), "anchor is a whole commit id, 40 hexadecimal digits");
	if (c->trust.mode == TRUST_UNSIGNED && pinned) {
		diag_add(x->diags, "E_TRUST", place(map, "trust"), "in mode unsigned nobody's signature counts, so nobody is to be named");
		diag_hint(x->diags, "write: trust: {mode: commit, ...}, or take allowed_signers and anchor out");
	}
	if ((c->trust.mode != TRUST_COMMIT && c->trust.mode != TRUST_UNSET) || pinned)
		return;
	diag_add(x->diags, "E_TRUST", place(map, "trust"), "nothing says whom to trust");
	diag_hint(x->diags, "write: trust: {mode: commit, allowed_signers: /etc/yett/allowed_signers}, a file that says who may sign the first "
			    "commit; or, to accept whatever stands on the branch: trust: {mode: unsigned}");
}

/* What git_remote can reach with somebody's identity proved, or a path on this machine. */
static bool repository_ok(const char *r)
{
	static const char *const schemes[] = { "https://", "ssh://", "file:///", "/" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncmp(r, schemes[i], strlen(schemes[i])) == 0)
			return true;
	const char *colon = strchr(r, ':'); /* git@example.com:net/policy.git */
	return colon != NULL && colon > r && strncmp(colon, "://", 3) != 0 && memchr(r, '/', (size_t)(colon - r)) == NULL;
}

static void check_repository(struct decoder *x, const struct node *map)
{
	const char *r = x->c->repository;

	if (*r == '\0')
		return;
	if (strlen(r) >= 2 * SETTING_MAX)
		diag_add(x->diags, "E_TYPE", place(map, "repository"), "repository is longer than %d bytes",
			 2 * SETTING_MAX - 1);
	else if (strncmp(r, "http://", 7) == 0 || strncmp(r, "git://", 6) == 0)
		diag_add(x->diags, "E_REPOSITORY", place(map, "repository"),
			 "anybody on the way can change what %.*s fetches; use https or ssh",
			 (int)(strchr(r, ':') - r), r);
	else if (!repository_ok(r))
		diag_add(x->diags, "E_REPOSITORY", place(map, "repository"),
			 "repository is an https, ssh or file URL, or a path that starts with /");
}

static void check_path(struct decoder *x, const struct node *map, const char *name, const char *value, size_t max)
{
	if (*value == '\0')
		return;
	if (*value != '/')
		diag_add(x->diags, "E_TYPE", place(map, name), "%s is a path that starts with /", name);
	else if (strlen(value) >= max)
		diag_add(x->diags, "E_TYPE", place(map, name), "%s is longer than %zu bytes", name, max - 1);
}

/* "ssh-ed25519 AAAA...": as ssh-keyscan prints it, without the host in front. */
static void check_host_key(struct decoder *x, const struct node *map)
{
	const char *k = x->c->host_key, *space = strchr(k, ' ');

	if (*k == '\0')
		return;
	if (space == NULL || space == k || space[1] == '\0' || strpbrk(k, "\r\n") != NULL || strncmp(space + 1, "AAAA", 4) != 0)
		diag_add(x->diags, "E_TYPE", place(map, "host_key"), "host_key is a kind and a key, such as ssh-ed25519 AAAA…, without the host's name");
	else if (strlen(k) >= SETTING_MAX)
		diag_add(x->diags, "E_TYPE", place(map, "host_key"), "host_key is longer than %d bytes", SETTING_MAX - 1);
	if (*x->c->known_hosts)
		diag_add(x->diags, "E_TYPE", place(map, "host_key"), "host_key and known_hosts say the same thing; give one of them");
}

static void check_values(struct decoder *x, const struct node *map)
{
	const struct config *c = x->c;

	check_trust(x, map);
	config_confirm_check(x->c, map, x->diags);
	config_watch_check(x->c, map, x->diags);
	check_repository(x, map);
	check_path(x, map, "private_key_file", c->private_key_file, SETTING_MAX);
	check_path(x, map, "ssh_key_file", c->ssh_key_file, SETTING_MAX);
	check_path(x, map, "trust.allowed_signers", c->trust.allowed_signers, SETTING_MAX);
	check_path(x, map, "credentials_file", c->credentials_file, SETTING_MAX);
	check_path(x, map, "ca_file", c->ca_file, SETTING_MAX);
	check_path(x, map, "known_hosts", c->known_hosts, SETTING_MAX);
	check_host_key(x, map);
	if (c->fetch_timeout < 1 || c->fetch_timeout > 600)
		diag_add(x->diags, "E_TYPE", place(map, "fetch_timeout"), "fetch_timeout lies between 1s and 10m");
	check_path(x, map, "state_dir", c->state_dir, SETTING_MAX - 32); /* room for /repo.git */
	check_path(x, map, "control_socket", c->control_socket, sizeof(((struct sockaddr_un *)0)->sun_path));
	if (c->interval < 1 || c->interval > INTERVAL_MAX)
		diag_add(x->diags, "E_TYPE", place(map, "interval"), "interval lies between 1s and 24h");
	if (strlen(c->branch) >= sizeof(((struct ipc_hello_req *)0)->branch) || *c->branch == '\0')
		diag_add(x->diags, "E_TYPE", place(map, "branch"), "branch is the name of a branch, such as main");
	if (strlen(c->path) >= SETTING_MAX)
		diag_add(x->diags, "E_TYPE", place(map, "path"), "path is longer than %d bytes", SETTING_MAX - 1);
}

void config_parse(struct config *c, const char *file, const char *data, size_t len, struct arena *a, struct diags *d)
{
	struct decoder x = { c, a, d };
	struct node **docs = NULL;
	size_t ndocs = 0;
	uint32_t index = diags_add_file(d, file, data, len);

	*c = (struct config){
		.gateway = "", .repository = "", .branch = "main", .path = "", .interval = 60,
		.private_key_file = "", .ssh_key_file = "", .credentials_file = "", .ca_file = "", .known_hosts = "", .host_key = "",
		.fetch_timeout = 60, .state_dir = CONFIG_DEFAULT_STATE,
		.control_socket = CONFIG_DEFAULT_SOCKET, .trust = { TRUST_UNSET, "", "" }, .wireguard = { WG_AUTO },
		.watch = { .listen = "", .hook_secret = "" },
	};
	config_confirm_init(c);
	if (yaml_parse(a, index, data, len, d, &docs, &ndocs) < 0)
		return;
	if (ndocs != 1 || docs[0]->kind != NODE_MAP) {
		struct loc at = { index, 1, 1 };
		diag_add(d, "E_TYPE", ndocs > 1 ? docs[1]->loc : at, "the configuration is one document with fields");
		return;
	}
	decode_map(&x, docs[0], fields);
	check_values(&x, docs[0]);
	diags_sort(d);
}

int config_load(struct config *c, const char *file, struct arena *a, struct diags *d, char *err, size_t err_size)
{
	struct buf b BUF_CLEANUP = BUF_INIT;
	int ret = durable_read(AT_FDCWD, file, CONFIG_BYTES_MAX, &b);

	if (ret < 0) {
		snprintf(err, err_size, "cannot read the configuration %s: %s", file, strerror(-ret));
		return ret;
	}
	config_parse(c, file, arena_dup(a, buf_str(&b), b.len + 1), b.len, a, d);
	return 0;
}

const char *config_redact(const char *r, struct arena *a)
{
	const char *start = strstr(r, "://");
	if (start == NULL)
		return r;
	start += 3;
	size_t host = strcspn(start, "/");
	const char *at = memrchr(start, '@', host);
	const char *colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
	if (colon == NULL)
		return r;
	return arena_printf(a, "%.*s:***%s", (int)(colon - r), r, at);
}
