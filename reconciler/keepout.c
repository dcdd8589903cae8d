/* SPDX-License-Identifier: Apache-2.0 */
#include "keepout.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apply/guard.h"
#include "state/denied.h"

void keepout_release(struct keepout *k)
{
	buf_release(&k->denied);
	k->n = 0;
}

static int count(const struct buf *text, size_t *n)
{
	struct guard g = { .deny = VEC_INIT };
	int ret = guard_parse(&g, buf_str(text), text->len);

	if (ret == 0 && (g.key.n > 0 || g.network.n > 0))
		ret = -EBADMSG; /* exceptions are the configuration's alone */
	*n = g.deny.n;
	guard_release(&g);
	return ret;
}

int keepout_load(struct keepout *k, const struct store *s)
{
	buf_reset(&k->denied);
	int ret = denied_load(s->dirfd, &k->denied);
	return ret < 0 ? ret : count(&k->denied, &k->n);
}

static void add_exempt(const struct config *c, struct buf *out)
{
	const struct pubkey *key = c->management.keys.v;
	const struct prefix *network = c->management.networks.v;
	char text[ADDR_TEXT_MAX > KEY_TEXT_MAX ? ADDR_TEXT_MAX : KEY_TEXT_MAX];

	for (size_t i = 0; i < c->management.keys.n; i++)
		buf_addf(out, "except-key %s\n", pubkey_format(&key[i], text));
	for (size_t i = 0; i < c->management.networks.n; i++)
		buf_addf(out, "except-network %s\n", prefix_format(network[i], text));
}

int keepout_send(const struct keepout *k, const struct config *c, const struct role *apply)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	struct ipc_guard m;

	buf_add(&text, buf_str(&k->denied), k->denied.len);
	add_exempt(c, &text);
	if (text.len == 0)
		return 0;
	memset(&m, 0, sizeof(m));
	int fd = ipc_memfd("guard", text.p, text.len);
	if (fd < 0)
		return fd;
	int ret = message_send(apply->sock, IPC_GUARD_USE, 0, &m, sizeof(m), NULL, 0, fd);
	close(fd);
	return ret;
}

static bool is_exempt(const struct config *c, const struct pubkey *key)
{
	const struct pubkey *v = c->management.keys.v;

	for (size_t i = 0; i < c->management.keys.n; i++)
		if (pubkey_cmp(&v[i], key) == 0)
			return true;
	return false;
}

static int keep_news(struct keepout *k, const struct config *c, const struct store *s, const struct guard *news)
{
	struct buf text BUF_CLEANUP = BUF_INIT;
	char key[KEY_TEXT_MAX];

	for (size_t i = 0; i < news->deny.n; i++)
		if (!is_exempt(c, &news->deny.v[i]))
			buf_addf(&text, "deny %s\n", pubkey_format(&news->deny.v[i], key));
	int ret = text.len > 0 ? denied_append(s->dirfd, text.p, text.len) : 0;
	if (ret < 0)
		return ret;
	buf_add(&k->denied, buf_str(&text), text.len);
	return count(&k->denied, &k->n);
}

int keepout_take(struct keepout *k, const struct config *c, const struct store *s, int fd)
{
	struct guard news = { .deny = VEC_INIT };
	const void *data;
	size_t len;
	int ret = ipc_map(fd, GUARD_BYTES_MAX, &data, &len);

	if (ret < 0)
		return ret;
	ret = guard_parse(&news, data, len);
	munmap((void *)(uintptr_t)data, len);
	if (ret == 0)
		ret = keep_news(k, c, s, &news);
	guard_release(&news);
	return ret;
}
