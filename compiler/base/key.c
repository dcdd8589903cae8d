/* SPDX-License-Identifier: Apache-2.0 */
#include "base/key.h"

#include <string.h>

#define KEY_TEXT (KEY_TEXT_MAX - 1)

/*
 * The encodings of points of order 1, 2, 4 and 8, and of their likes beyond p (RFC 7748 section 5
 * takes them modulo p), little-endian; the top bit of the last byte is ignored by X25519.
 */
/* clang-format off */
static const uint8_t weak_points[][KEY_BYTES] = {
	{ 0 },
	{ 1 },
	{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
	  0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
	{ 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
	  0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
	/* p - 1, p and p + 1 */
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};
/* clang-format on */

static bool is_weak(const struct pubkey *k)
{
	struct pubkey masked = *k;
	masked.b[KEY_BYTES - 1] &= 0x7f;
	for (size_t i = 0; i < sizeof(weak_points) / sizeof(weak_points[0]); i++) {
		if (memcmp(masked.b, weak_points[i], KEY_BYTES) == 0)
			return true;
	}
	return false;
}

/* The value of a character of RFC 4648's base64, and one: 0 is none. */
static const uint8_t base64_value[256] = {
#define FOUR(c, v) [c] = (v) + 1, [(c) + 1] = (v) + 2, [(c) + 2] = (v) + 3, [(c) + 3] = (v) + 4
#define TWENTY_SIX(c, v) \
	FOUR(c, v), FOUR((c) + 4, (v) + 4), FOUR((c) + 8, (v) + 8), FOUR((c) + 12, (v) + 12), FOUR((c) + 16, (v) + 16), \
		FOUR((c) + 20, (v) + 20), [(c) + 24] = (v) + 25, [(c) + 25] = (v) + 26
	TWENTY_SIX('A', 0), TWENTY_SIX('a', 26), FOUR('0', 52), FOUR('4', 56), ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/*
 * 43 characters and one =, whose last two bits are 0: two texts of one key would be two keys to whoever compares texts. The time it takes
 * tells of the key, which is public.
 */
static bool decode_key(const char *s, struct pubkey *k)
{
	uint32_t bits = 0;
	unsigned int have = 0;
	size_t n = 0;
	if (s[KEY_TEXT - 1] != '=')
		return false;
	for (size_t i = 0; i < KEY_TEXT - 1; i++) {
		uint8_t v = base64_value[(unsigned char)s[i]];
		if (v == 0)
			return false;
		bits = bits << 6 | (v - 1u);
		have += 6;
		if (have >= 8) {
			have -= 8;
			k->b[n++] = (uint8_t)(bits >> have);
		}
	}
	return (bits & 3) == 0;
}

enum key_error pubkey_parse(const char *s, size_t n, struct pubkey *out)
{
	struct pubkey k;
	if (n != KEY_TEXT || !decode_key(s, &k))
		return KEY_FORMAT;
	if (is_weak(&k))
		return KEY_WEAK;
	*out = k;
	return KEY_OK;
}

char *pubkey_format(const struct pubkey *k, char out[static KEY_TEXT_MAX])
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *p = out;
	for (size_t i = 0; i < KEY_BYTES; i += 3) {
		uint32_t v = (uint32_t)k->b[i] << 16 | (uint32_t)k->b[i + 1] << 8 | (i + 2 < KEY_BYTES ? k->b[i + 2] : 0u);
		for (int shift = 18; shift >= 0; shift -= 6)
			*p++ = digit[v >> shift & 63];
	}
	p[-1] = '=';
	*p = '\0';
	return out;
}

int pubkey_cmp(const struct pubkey *a, const struct pubkey *b)
{
	return memcmp(a->b, b->b, KEY_BYTES);
}
