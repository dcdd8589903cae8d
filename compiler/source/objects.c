/* SPDX-License-Identifier: Apache-2.0 */
#include "source/objects.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <sodium.h>

#include "base/bug.h"
#include "base/vec.h"

#define MAGIC "YETTOBJ1"
#define MAGIC_BYTES (sizeof(MAGIC) - 1)

static const char *const type_names[] = { [OBJECT_COMMIT] = "commit", [OBJECT_TREE] = "tree", [OBJECT_BLOB] = "blob" };

bool object_id_parse_n(struct object_id *id, const char *hex, size_t n)
{
	size_t got = 0;

	*id = (struct object_id){ .len = 0 };
	if ((n != 40 && n != 64) || sodium_hex2bin(id->b, sizeof(id->b), hex, n, NULL, &got, NULL) != 0 || 2 * got != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (hex[i] >= 'A' && hex[i] <= 'F')
			return false;
	id->len = (uint8_t)got;
	return true;
}

bool object_id_parse(struct object_id *id, const char *hex)
{
	*id = (struct object_id){ .len = 0 };
	return *hex == '\0' || object_id_parse_n(id, hex, strlen(hex));
}

char *object_id_text(const struct object_id *id, char out[static OBJECT_ID_TEXT_MAX])
{
	sodium_bin2hex(out, OBJECT_ID_TEXT_MAX, id->b, id->len);
	return out;
}

bool object_id_equal(const struct object_id *a, const struct object_id *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

struct object_id object_hash(enum object_type type, const void *data, size_t len, uint8_t id_len)
{
	struct object_id id = { .len = id_len };
	char head[32];
	int n = snprintf(head, sizeof(head), "%s %zu", type_names[type], len);

	if (id_len == SHA1_DIGEST_SIZE) {
		struct sha1_ctx c;
		sha1_init(&c);
		sha1_update(&c, (size_t)n + 1, (const uint8_t *)head);
		sha1_update(&c, len, data);
		sha1_digest(&c, SHA1_DIGEST_SIZE, id.b);
	} else {
		struct sha256_ctx c;
		sha256_init(&c);
		sha256_update(&c, (size_t)n + 1, (const uint8_t *)head);
		sha256_update(&c, len, data);
		sha256_digest(&c, SHA256_DIGEST_SIZE, id.b);
	}
	return id;
}

/* ---- writing ---- */

void objects_begin(struct buf *out, uint8_t id_len)
{
	buf_add(out, MAGIC, MAGIC_BYTES);
	buf_addc(out, (char)id_len);
}

void objects_add(struct buf *out, enum object_type type, const void *data, size_t len)
{
	if (len > UINT32_MAX)
		BUG("an object of %zu bytes", len);
	buf_addc(out, (char)type);
	for (size_t i = 0; i < 4; i++)
		buf_addc(out, (char)(len >> 8 * i & 0xff));
	if (len > 0)
		buf_add(out, data, len);
}

/* ---- reading ---- */

static uint32_t *place_of(const struct objects *o, const struct object_id *id)
{
	uint64_t h;

	memcpy(&h, id->b, sizeof(h)); /* as good as random already; who finds many alike has only his own objects to look for */
	for (size_t i = (size_t)h & (o->places - 1);; i = (i + 1) & (o->places - 1))
		if (o->place[i] == 0 || object_id_equal(&o->v[o->place[i] - 1].id, id))
			return &o->place[i];
}

static void index_all(struct objects *o, struct arena *a)
{
	for (o->places = 16; o->places < 2 * o->n;)
		o->places *= 2;
	o->place = arena_array(a, o->places, uint32_t);
	for (size_t i = 0; i < o->n; i++) {
		o->v[i].id = object_hash(o->v[i].type, o->v[i].data, o->v[i].len, o->id_len);
		uint32_t *place = place_of(o, &o->v[i].id);
		if (*place == 0)
			*place = (uint32_t)i + 1;
	}
}

static bool take_object(const uint8_t **p, const uint8_t *end, struct raw_object *out)
{
	if (end - *p < 5 || (*p)[0] < OBJECT_COMMIT || (*p)[0] > OBJECT_BLOB)
		return false;
	uint32_t len = (uint32_t)(*p)[1] | (uint32_t)(*p)[2] << 8 | (uint32_t)(*p)[3] << 16 | (uint32_t)(*p)[4] << 24;
	*out = (struct raw_object){ .type = (enum object_type)(*p)[0], .data = (const char *)*p + 5, .len = len };
	if (len > (size_t)(end - *p) - 5)
		return false;
	*p += 5 + (size_t)len;
	return true;
}

int objects_open(struct objects *o, const void *data, size_t len, struct arena *a)
{
	const uint8_t *p = data, *end = p + len;
	VEC(struct raw_object) v = VEC_INIT;
	bool ok = len > MAGIC_BYTES && memcmp(p, MAGIC, MAGIC_BYTES) == 0;

	*o = (struct objects){ .id_len = ok ? p[MAGIC_BYTES] : 0 };
	ok = ok && (o->id_len == SHA1_DIGEST_SIZE || o->id_len == SHA256_DIGEST_SIZE);
	for (p += MAGIC_BYTES + 1; ok && p < end;) {
		struct raw_object one;
		ok = v.n < OBJECTS_MAX && take_object(&p, end, &one);
		if (ok)
			vec_push(&v, one);
	}
	if (ok) {
		o->n = v.n;
		o->v = vec_freeze(&v, a);
		index_all(o, a);
	}
	vec_release(&v);
	return ok ? 0 : -EBADMSG;
}

const struct raw_object *objects_find(const struct objects *o, const struct object_id *id, enum object_type type)
{
	if (o->n == 0 || id->len != o->id_len)
		return NULL;
	uint32_t at = *place_of(o, id);
	return at != 0 && o->v[at - 1].type == type ? &o->v[at - 1] : NULL;
}
