/* SPDX-License-Identifier: Apache-2.0 */
#include "import/hujson.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "base/vec.h"

struct reader {
	struct arena *a;
	struct diags *d;
	const char *s;
	size_t n, i;
	uint32_t file, line;
	size_t line_begin;
	unsigned int depth;
	size_t nvalues;
	VEC(struct hujson_comment) comment;
};

static struct loc here(const struct reader *r)
{
	return (struct loc){r->file, r->line, (uint32_t)(r->i - r->line_begin + 1)};
}

static int wrong(struct reader *r, struct loc loc, const char *why)
{
	diag_add(r->d, "E_IMPORT", loc, "%s", why);
	return -1;
}

static int peek(const struct reader *r)
{
	return r->i < r->n ? (unsigned char)r->s[r->i] : -1;
}

static void newline(struct reader *r)
{
	r->line++;
	r->line_begin = r->i + 1;
}

/* ---- blanks and comments ---- */

static void add_comment(struct reader *r, size_t mark, size_t begin, size_t end)
{
	struct hujson_comment c = {mark, r->i - mark, arena_strndup(r->a, r->s + begin, end - begin), end - begin};
	vec_push(&r->comment, c);
}

static int line_comment(struct reader *r)
{
	size_t mark = r->i, begin = r->i + 2;

	while (r->i < r->n && r->s[r->i] != '\n')
		r->i++;
	add_comment(r, mark, begin, r->i);
	return 0;
}

static int block_comment(struct reader *r)
{
	struct loc loc = here(r);
	size_t mark = r->i, begin = r->i + 2;

	for (r->i += 2; r->i + 1 < r->n; r->i++) {
		if (r->s[r->i] == '*' && r->s[r->i + 1] == '/') {
			size_t end = r->i;
			r->i += 2;
			add_comment(r, mark, begin, end);
			return 0;
		}
		if (r->s[r->i] == '\n')
			newline(r);
	}
	return wrong(r, loc, "this comment does not end");
}

/* Past blanks and comments; with one_line only up to the end of the line (a comment may lead over it). */
static int skip(struct reader *r, bool one_line)
{
	for (;;) {
		int c = peek(r);
		if (c == '\n') {
			if (one_line)
				return 0;
			newline(r);
			r->i++;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			r->i++;
		} else if (c == '/') {
			char next = r->i + 1 < r->n ? r->s[r->i + 1] : '\0';
			if (next != '/' && next != '*')
				return wrong(r, here(r), "a single / is not JSON; a comment starts with // or /*");
			if (r->comment.n >= HUJSON_VALUES_MAX)
				return wrong(r, here(r), "the file has too many comments");
			if (next == '/' ? line_comment(r) < 0 : block_comment(r) < 0)
				return -1;
		} else {
			return 0;
		}
	}
}

/* ---- scalars ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int hex4(struct reader *r, uint32_t *out)
{
	*out = 0;
	for (int k = 0; k < 4; k++) {
		int v = r->i < r->n ? hex_digit(r->s[r->i]) : -1;
		if (v < 0)
			return wrong(r, here(r), "\\u takes four hexadecimal digits");
		*out = *out << 4 | (uint32_t)v;
		r->i++;
	}
	return 0;
}

static void add_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
		return;
	}
	int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
	buf_addc(b, (char)(lead[more] | c >> (6 * more)));
	while (more-- > 0)
		buf_addc(b, (char)(0x80 | (c >> (6 * more) & 0x3f)));
}

/* After "\u": RFC 8259 section 7, a pair of surrogates for what lies past U+FFFF. */
static int unicode_escape(struct reader *r, struct buf *b, struct loc loc)
{
	uint32_t c, low;

	if (hex4(r, &c) < 0)
		return -1;
	if (c >= 0xd800 && c < 0xdc00 && r->i + 1 < r->n && r->s[r->i] == '\\' && r->s[r->i + 1] == 'u') {
		r->i += 2;
		if (hex4(r, &low) < 0)
			return -1;
		if (low < 0xdc00 || low > 0xdfff)
			return wrong(r, loc, "half of a pair of surrogates stands alone");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c >= 0xd800 && c <= 0xdfff)
		return wrong(r, loc, "half of a pair of surrogates stands alone");
	if (c == 0)
		return wrong(r, loc, "a string holds a NUL");
	add_utf8(b, c);
	return 0;
}

static int escape(struct reader *r, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	struct loc loc = here(r);

	r->i++;
	int c = peek(r);
	if (c == 'u') {
		r->i++;
		return unicode_escape(r, b, loc);
	}
	const char *known = c > 0 ? strchr(from, c) : NULL;
	if (known == NULL)
		return wrong(r, loc, "JSON has no such escape");
	buf_addc(b, to[known - from]);
	r->i++;
	return 0;
}

static int read_string(struct reader *r, const char **text, size_t *len)
{
	struct loc loc = here(r);
	struct buf b BUF_CLEANUP = BUF_INIT;

	for (r->i++; peek(r) != '"';) {
		uint32_t cp;
		int c = peek(r);
		if (c < 0)
			return wrong(r, loc, "this string does not end");
		if (c < 0x20)
			return wrong(r, here(r),
				     c == '\n' ? "a string ends on the line on which it starts"
					       : "a string holds a control character");
		if (c == '\\') {
			if (escape(r, &b) < 0)
				return -1;
			continue;
		}
		size_t n = utf8_next(r->s + r->i, r->n - r->i, &cp);
		buf_add(&b, r->s + r->i, n);
		r->i += n;
	}
	r->i++;
	*text = arena_strndup(r->a, buf_str(&b), b.len);
	*len = b.len;
	return 0;
}

static size_t digits(struct reader *r)
{
	size_t begin = r->i;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->i++;
	return r->i - begin;
}

static int read_number(struct reader *r, struct hujson_value *v)
{
	if (peek(r) == '-')
		r->i++;
	bool zero = peek(r) == '0';
	size_t whole = digits(r);
	bool ok = whole > 0 && !(zero && whole > 1);
	if (ok && peek(r) == '.') {
		r->i++;
		ok = digits(r) > 0;
	}
	if (ok && (peek(r) == 'e' || peek(r) == 'E')) {
		r->i++;
		if (peek(r) == '+' || peek(r) == '-')
			r->i++;
		ok = digits(r) > 0;
	}
	if (!ok)
		return wrong(r, v->loc, "this is not a number as JSON writes it");
	v->kind = HUJSON_NUMBER;
	v->len = r->i - v->begin;
	v->text = arena_strndup(r->a, r->s + v->begin, v->len);
	return 0;
}

static int read_word(struct reader *r, struct hujson_value *v)
{
	static const struct {
		const char *word;
		enum hujson_kind kind;
		bool truth;
	} words[] = {{"true", HUJSON_BOOL, true}, {"false", HUJSON_BOOL, false}, {"null", HUJSON_NULL, false}};

	for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
		size_t n = strlen(words[k].word);
		if (r->n - r->i < n || memcmp(r->s + r->i, words[k].word, n) != 0)
			continue;
		r->i += n;
		v->kind = words[k].kind;
		v->truth = words[k].truth;
		return 0;
	}
	return wrong(r, v->loc, "a value is missing here: a string, a number, [, {, true, false or null");
}

/* ---- arrays and objects ---- */

static int read_value(struct reader *r, struct hujson_value **out);

typedef VEC(struct hujson_member) member_vec;

static int read_key(struct reader *r, struct hujson_member *m)
{
	size_t len;

	if (peek(r) != '"')
		return wrong(r, here(r), "a key is missing here: a string in double quotes");
	if (read_string(r, &m->key, &len) < 0 || skip(r, false) < 0)
		return -1;
	if (peek(r) != ':')
		return wrong(r, here(r), "a colon is missing after the key");
	r->i++;
	return skip(r, false);
}

static int read_members(struct reader *r, member_vec *v, bool object, uint32_t *done)
{
	char close = object ? '}' : ']';

	for (;;) {
		if (skip(r, false) < 0)
			return -1;
		if (peek(r) == close)
			return 0;
		struct hujson_member m = {.loc = here(r), .begin = r->i, .comments = {*done, 0}};
		if ((object && read_key(r, &m) < 0) || read_value(r, &m.value) < 0 || skip(r, true) < 0)
			return -1;
		*done = (uint32_t)r->comment.n;
		vec_push(v, m);
		if (skip(r, false) < 0)
			return -1;
		if (peek(r) == ',') {
			r->i++;
			if (skip(r, true) < 0)
				return -1;
			*done = (uint32_t)r->comment.n;
		} else if (peek(r) != close) {
			return wrong(r, here(r),
				     object ? "a comma or } is missing here" : "a comma or ] is missing here");
		}
		v->v[v->n - 1].comments.end = *done;
	}
}

static int cmp_key(const void *pa, const void *pb)
{
	const struct hujson_member *const *a = pa, *const *b = pb;
	int c = strcmp((*a)->key, (*b)->key);

	return c ? c : (*a)->value->begin < (*b)->value->begin ? -1 : 1;
}

static int check_twice(struct reader *r, const struct hujson_value *v)
{
	const struct hujson_member **sorted = arena_array(r->a, v->n, const struct hujson_member *);

	for (size_t i = 0; i < v->n; i++)
		sorted[i] = &v->member[i];
	if (v->n > 1)
		qsort(sorted, v->n, sizeof(*sorted), cmp_key);
	for (size_t i = 1; i < v->n; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			return wrong(r, sorted[i]->loc, "this key stands twice in one object");
	return 0;
}

static int read_container(struct reader *r, struct hujson_value *v, bool object)
{
	member_vec members = VEC_INIT;
	uint32_t done = (uint32_t)r->comment.n;

	if (++r->depth > HUJSON_DEPTH_MAX)
		return wrong(r, v->loc, "the file is nested deeper than 64 levels");
	v->kind = object ? HUJSON_OBJECT : HUJSON_ARRAY;
	r->i++;
	int ret = read_members(r, &members, object, &done);
	if (ret == 0) {
		v->n = members.n;
		v->member = members.n > 0 ? vec_freeze(&members, r->a) : NULL;
		v->tail = (struct hujson_span){done, (uint32_t)r->comment.n};
		r->i++;
		r->depth--;
		if (object)
			ret = check_twice(r, v);
	}
	vec_release(&members);
	return ret;
}

static int read_value(struct reader *r, struct hujson_value **out)
{
	struct hujson_value *v = arena_new(r->a, struct hujson_value);
	int c = peek(r), ret;

	*out = v;
	v->loc = here(r);
	v->begin = r->i;
	if (++r->nvalues > HUJSON_VALUES_MAX)
		return wrong(r, v->loc, "the file has more than 200000 values");
	if (c == '{' || c == '[') {
		ret = read_container(r, v, c == '{');
	} else if (c == '"') {
		v->kind = HUJSON_STRING;
		ret = read_string(r, &v->text, &v->len);
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		ret = read_number(r, v);
	} else {
		ret = read_word(r, v);
	}
	v->end = r->i;
	return ret;
}

/* ---- the file ---- */

static int check_bytes(struct reader *r)
{
	if (r->n > HUJSON_BYTES_MAX)
		return wrong(r, (struct loc){r->file, 0, 0}, "the file is larger than 4 MiB");
	for (; r->i < r->n;) {
		uint32_t cp;
		size_t n = utf8_next(r->s + r->i, r->n - r->i, &cp);
		if (n == 0 || cp == 0 || cp == 0xfeff)
			return wrong(r, here(r),
				     n == 0 ? "a byte that is not UTF-8"
				     : cp   ? "a byte-order mark"
					    : "a NUL byte");
		if (cp == '\n')
			newline(r);
		r->i += n;
	}
	r->i = 0;
	r->line = 1;
	r->line_begin = 0;
	return 0;
}

int hujson_parse(struct hujson *h, struct arena *a, uint32_t file, const char *data, size_t len, struct diags *d)
{
	struct reader r = {.a = a, .d = d, .s = data, .n = len, .file = file, .line = 1};

	*h = (struct hujson){0};
	int ret = check_bytes(&r);
	if (ret == 0)
		ret = skip(&r, false);
	if (ret == 0)
		ret = read_value(&r, &h->root);
	if (ret == 0)
		ret = skip(&r, false);
	if (ret == 0 && r.i < r.n)
		ret = wrong(&r, here(&r), "the file goes on after its value");
	h->ncomments = r.comment.n;
	h->comment = r.comment.n > 0 ? vec_freeze(&r.comment, a) : NULL;
	vec_release(&r.comment);
	return ret;
}

const struct hujson_member *hujson_find(const struct hujson_value *object, const char *key)
{
	if (object == NULL || object->kind != HUJSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->n; i++)
		if (strcasecmp(object->member[i].key, key) == 0)
			return &object->member[i];
	return NULL;
}

const char *hujson_kind_word(enum hujson_kind kind)
{
	static const char *const words[] = {"null", "true or false", "a number", "a string", "an array", "an object"};
	return words[kind];
}
