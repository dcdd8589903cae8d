/* SPDX-License-Identifier: Apache-2.0 */
/* types: what each scalar type takes, how it prints it again, and with which code it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bug.h"
#include "field.h"

#define KEY "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="
#define LONG_NAME "a23456789012345678901234567890123456789012345678901234567890123"
#define LABEL_63 LONG_NAME

/* Text that is taken and its canonical form. */
static const struct {
	const struct type *type;
	const char *text, *canonical;
} taken[] = {
	{ &type_name, "alice", "alice" },
	{ &type_name, "no", "no" },
	{ &type_name, "1e3", "1e3" },
	{ &type_name, "0777", "0777" },
	{ &type_name, "a.b_c@d+e-f", "a.b_c@d+e-f" },
	{ &type_name, LONG_NAME, LONG_NAME },
	{ &type_tag, "prod", "prod" },
	{ &type_string, "", "" },
	{ &type_string, "Zürich, \"NO\"", "Zürich, \"NO\"" },
	{ &type_text, "two\nlines", "two\nlines" },
	{ &type_domain, "corp.example.com", "corp.example.com" },
	{ &type_url, "https://gw.example.com:8443/health?x=1", "https://gw.example.com:8443/health?x=1" },
	{ &type_bool, "true", "true" },
	{ &type_bool, "false", "false" },
	{ &type_switch, "true", "true" },
	{ &type_int, "0", "0" },
	{ &type_int, "-1000", "-1000" },
	{ &type_int, "9223372036854775807", "9223372036854775807" },
	{ &type_all_or_int, "all", "all" },
	{ &type_all_or_int, "2", "2" },
	{ &type_duration, "25s", "25s" },
	{ &type_duration, "0s", "0s" },
	{ &type_duration, "120s", "2m" },
	{ &type_duration, "24h", "1d" },
	{ &type_duration, "36500d", "36500d" },
	{ &type_bytes, "100GiB", "100GiB" },
	{ &type_bytes, "5MB", "5MB" },
	{ &type_bytes, "1024B", "1KiB" },
	{ &type_bytes, "1kB", "1kB" },
	{ &type_rate, "50mbit", "50mbit" },
	{ &type_rate, "1000kbit", "1mbit" },
	{ &type_rate, "9bit", "9bit" },
	{ &type_time, "2026-12-31", "2026-12-31T00:00:00Z" },
	{ &type_time, "2026-12-31T18:00:00+01:00", "2026-12-31T17:00:00Z" },
	{ &type_address, "10.7.0.2", "10.7.0.2" },
	{ &type_address, "FD00:0::2", "fd00::2" },
	{ &type_prefix, "10.7.0.0/24", "10.7.0.0/24" },
	{ &type_prefix, "::/0", "::/0" },
	{ &type_range, "10.7.0.5-10.7.0.9", "10.7.0.5-10.7.0.9" },
	{ &type_range, "10.7.0.2", "10.7.0.2" },
	{ &type_ports, "tcp/443", "tcp/443" },
	{ &type_ports, "udp/5000-5100", "udp/5000-5100" },
	{ &type_ports, "icmp", "icmp" },
	{ &type_ports, "proto/6", "tcp" },
	{ &type_ports, "any", "any" },
	{ &type_key, KEY, KEY },
	{ &type_endpoint, "vpn.example.com:51820", "vpn.example.com:51820" },
	{ &type_endpoint, "192.0.2.1:1", "192.0.2.1:1" },
	{ &type_endpoint, "[2001:db8::1]:65535", "[2001:db8::1]:65535" },
	{ &type_endpoint, "3com.example:80", "3com.example:80" },
	{ &type_selector, "user:alice", "user:alice" },
	{ &type_selector, "self", "self" },
	{ &type_selector, "internet", "internet" },
	{ &type_selector, "any", "any" },
	{ &type_selector, "fd00::/64", "fd00::/64" },
	{ &type_selector, "dead:beef::1", "dead:beef::1" },
	{ &type_selector, "10.7.0.5-10.7.0.9", "10.7.0.5-10.7.0.9" },
	{ &type_interface, "wg0", "wg0" },
	{ &type_interface, "a_B-3.456789012", "a_B-3.456789012" },
	{ &type_timezone, "UTC", "UTC" },
	{ &type_timezone, "+02:00", "+02:00" },
	{ &type_timezone, "-12:00", "-12:00" },
	{ &type_timezone, "+14:00", "+14:00" },
	{ &type_hours, "08:00-18:00", "08:00-18:00" },
	{ &type_hours, "22:00-06:00", "22:00-06:00" },
	{ &type_hours, "00:00-24:00", "00:00-24:00" },
	{ &type_degrees, "50.1109", "50.1109" },
	{ &type_degrees, "-0.5", "-0.5" },
	{ &type_degrees, "180", "180" },
};

/* Text that is refused, with the code and a part of the message or hint (NULL: any). */
static const struct {
	const struct type *type;
	const char *text, *code, *part;
} refused[] = {
	{ &type_name, "", "E_NAME", NULL },
	{ &type_name, "Alice", "E_NAME", "write alice" },
	{ &type_name, "\xd0\xb0lice", "E_NAME", "U+0430" },
	{ &type_name, "a b", "E_NAME", "a space" },
	{ &type_name, "a/b", "E_NAME", "\"/\"" },
	{ &type_name, "-a", "E_NAME", "starts" },
	{ &type_name, "a.", "E_NAME", "ends" },
	{ &type_name, LONG_NAME "4", "E_NAME", "64" },
	{ &type_name, "\xff", "E_NAME", "UTF-8" },
	{ &type_string, "a\nb", "E_BYTES", "line break" },
	{ &type_string, "a\x1b[2J", "E_BYTES", "U+001B" },
	{ &type_text, "\xe2\x80\xae", "E_BYTES", "U+202E" },
	{ &type_domain, "corp_.example", "E_TYPE", NULL },
	{ &type_domain, "corp.example.", "E_TYPE", NULL },
	{ &type_domain, LABEL_63 "x.example", "E_TYPE", NULL },
	{ &type_domain, "a\nDNS = 1.1.1.1", "E_TYPE", NULL },
	{ &type_url, "gw.example.com/health", "E_TYPE", NULL },
	{ &type_url, "https://", "E_TYPE", NULL },
	{ &type_url, "file:///etc/passwd", "E_TYPE", NULL },
	{ &type_bool, "yes", "E_TYPE", NULL },
	{ &type_bool, "no", "E_TYPE", NULL },
	{ &type_bool, "True", "E_TYPE", NULL },
	{ &type_bool, "1", "E_TYPE", NULL },
	{ &type_bool, "", "E_TYPE", NULL },
	{ &type_int, "0o777", "E_TYPE", NULL },
	{ &type_int, "0x10", "E_TYPE", NULL },
	{ &type_int, "1_000", "E_TYPE", NULL },
	{ &type_int, "12:30:00", "E_TYPE", NULL },
	{ &type_int, "0777", "E_TYPE", NULL },
	{ &type_int, "+5", "E_TYPE", NULL },
	{ &type_int, "1e3", "E_TYPE", NULL },
	{ &type_int, "1.0", "E_TYPE", NULL },
	{ &type_int, "", "E_TYPE", NULL },
	{ &type_int, "-", "E_TYPE", NULL },
	{ &type_int, "9223372036854775808", "E_RANGE", NULL },
	{ &type_all_or_int, "0", "E_RANGE", NULL },
	{ &type_all_or_int, "-1", "E_TYPE", NULL },
	{ &type_duration, "25", "E_TYPE", "unit is missing" },
	{ &type_duration, "1.5h", "E_TYPE", NULL },
	{ &type_duration, "s", "E_TYPE", NULL },
	{ &type_duration, "10 m", "E_TYPE", NULL },
	{ &type_duration, "10M", "E_TYPE", NULL },
	{ &type_duration, "1w", "E_TYPE", NULL },
	{ &type_duration, "-5s", "E_TYPE", NULL },
	{ &type_duration, "010s", "E_TYPE", NULL },
	{ &type_duration, "36501d", "E_RANGE", NULL },
	{ &type_duration, "99999999999999999999d", "E_RANGE", NULL },
	{ &type_bytes, "100", "E_TYPE", "unit" },
	{ &type_bytes, "5mb", "E_TYPE", NULL },
	{ &type_bytes, "9223372036854775807TiB", "E_RANGE", NULL },
	{ &type_rate, "50Mbit", "E_TYPE", NULL },
	{ &type_rate, "50", "E_TYPE", NULL },
	{ &type_time, "2026-02-30", "E_TYPE", NULL },
	{ &type_time, "2026-12-31 18:00:00", "E_TYPE", NULL },
	{ &type_time, "tomorrow", "E_TYPE", NULL },
	{ &type_address, "10.7.0", "E_IP_FORM", NULL },
	{ &type_address, "010.7.0.1", "E_IP_FORM", "zeros" },
	{ &type_address, "::ffff:10.0.0.1", "E_IP_FORM", "IPv4" },
	{ &type_address, "fe80::1%eth0", "E_IP_FORM", "zone" },
	{ &type_address, "10.7.0.2/24", "E_IP_FORM", "10.7.0.2" },
	{ &type_prefix, "10.7.0.2/24", "E_IP_FORM", "10.7.0.0/24" },
	{ &type_prefix, "10.7.0.2", "E_IP_FORM", "10.7.0.2/32" },
	{ &type_prefix, "10.7.0.0/33", "E_IP_FORM", "/32" },
	{ &type_range, "10.7.0.9-10.7.0.5", "E_IP_FORM", "before" },
	{ &type_range, "10.7.0.9-fd00::1", "E_IP_FORM", "mixes" },
	{ &type_ports, "443", "E_TYPE", "tcp/443" },
	{ &type_ports, "tcp/70000", "E_TYPE", NULL },
	{ &type_ports, "tcp/90-80", "E_TYPE", NULL },
	{ &type_ports, "https", "E_TYPE", NULL },
	{ &type_ports, "proto/256", "E_TYPE", NULL },
	{ &type_key, "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw", "E_KEY_FORMAT", NULL },
	{ &type_key, "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykx=", "E_KEY_FORMAT", NULL },
	{ &type_key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "E_KEY_WEAK", NULL },
	{ &type_endpoint, "$(id).evil:51820", "E_ENDPOINT", NULL },
	{ &type_endpoint, "127.0.0.1:51820", "E_ENDPOINT", NULL },
	{ &type_endpoint, "127.0.0.1:0", "E_ENDPOINT", NULL },
	{ &type_endpoint, "192.0.2.1:0", "E_ENDPOINT", NULL },
	{ &type_endpoint, "192.0.2.1:65536", "E_ENDPOINT", NULL },
	{ &type_endpoint, "192.0.2.1:051820", "E_ENDPOINT", NULL },
	{ &type_endpoint, "192.0.2.1", "E_ENDPOINT", "no port" },
	{ &type_endpoint, "192.0.2.256:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "0.0.0.0:51820", "E_ENDPOINT", NULL },
	{ &type_endpoint, "[::]:51820", "E_ENDPOINT", NULL },
	{ &type_endpoint, "[::1]:51820", "E_ENDPOINT", NULL },
	{ &type_endpoint, "[::1%25lo]:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "[fe80::1%eth0]:1", "E_ENDPOINT", "zone" },
	{ &type_endpoint, "[::ffff:192.0.2.1]:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "[192.0.2.1]:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "2001:db8::1:51820", "E_ENDPOINT", "brackets" },
	{ &type_endpoint, "localhost:51820", "E_ENDPOINT", NULL },
	{ &type_endpoint, "-a.example:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "vpn.example.com.:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "a.123:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "[]:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "[", "E_ENDPOINT", NULL },
	{ &type_endpoint, "]:1", "E_ENDPOINT", NULL },
	{ &type_endpoint, ":1", "E_ENDPOINT", NULL },
	{ &type_endpoint, "", "E_ENDPOINT", NULL },
	{ &type_selector, "alice", "E_TYPE", "user:alice" },
	{ &type_selector, "usr:alice", "E_TYPE", "user:alice" },
	{ &type_selector, "any:alice", "E_TYPE", NULL },
	{ &type_selector, "user", "E_TYPE", NULL },
	{ &type_selector, "user:", "E_NAME", NULL },
	{ &type_selector, "user:Alice", "E_NAME", "alice" },
	{ &type_selector, "Internet", "E_TYPE", "internet" },
	{ &type_selector, "10.7.0.2/24", "E_IP_FORM", "10.7.0.0/24" },
	{ &type_selector, "", "E_TYPE", NULL },
	{ &type_interface, "wg0;reboot", "E_IFNAME", NULL },
	{ &type_interface, "../x", "E_IFNAME", NULL },
	{ &type_interface, "..", "E_IFNAME", NULL },
	{ &type_interface, "a234567890123456", "E_IFNAME", NULL },
	{ &type_interface, "eth0", "E_IFNAME", NULL },
	{ &type_interface, "lo", "E_IFNAME", NULL },
	{ &type_interface, "all", "E_IFNAME", NULL },
	{ &type_interface, "", "E_IFNAME", NULL },
	{ &type_timezone, "Europe/Berlin", "E_TYPE", NULL },
	{ &type_timezone, "+14:01", "E_TYPE", NULL },
	{ &type_timezone, "-12:01", "E_TYPE", NULL },
	{ &type_timezone, "+2:00", "E_TYPE", NULL },
	{ &type_timezone, "02:00", "E_TYPE", NULL },
	{ &type_hours, "08:00-08:00", "E_TYPE", NULL },
	{ &type_hours, "24:00-08:00", "E_TYPE", NULL },
	{ &type_hours, "08:00-24:01", "E_TYPE", NULL },
	{ &type_hours, "8:00-18:00", "E_TYPE", NULL },
	{ &type_hours, "08:60-18:00", "E_TYPE", NULL },
	{ &type_degrees, "1e2", "E_TYPE", NULL },
	{ &type_degrees, "50.", "E_TYPE", NULL },
	{ &type_degrees, ".5", "E_TYPE", NULL },
	{ &type_degrees, "nan", "E_TYPE", NULL },
};

union any_value {
	u128 align;
	char bytes[64];
};

static int parse(struct arena *a, const struct type *t, const char *text, union any_value *v, const char **code,
		 const char **why, const char **hint)
{
	*code = "E_TYPE";
	*why = *hint = NULL;
	memset(v, 0, sizeof(*v));
	assert_true(t->size <= sizeof(*v));
	return t->parse(a, text, strlen(text), v, code, why, hint);
}

static void test_taken(void **state)
{
	struct arena a;
	const char *code, *why, *hint;
	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		union any_value v, again;
		if (parse(&a, taken[i].type, taken[i].text, &v, &code, &why, &hint) < 0)
			fail_msg("%s: %s", taken[i].text, why);
		const char *printed = taken[i].type->print(&a, &v);
		assert_string_equal(printed, taken[i].canonical);
		/* What is printed means the same. */
		assert_int_equal(parse(&a, taken[i].type, printed, &again, &code, &why, &hint), 0);
		assert_string_equal(taken[i].type->print(&a, &again), printed);
	}
	arena_release(&a);
}

static void test_refused(void **state)
{
	struct arena a;
	const char *code, *why, *hint;
	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		union any_value v;
		if (parse(&a, refused[i].type, refused[i].text, &v, &code, &why, &hint) == 0)
			fail_msg("%s is taken as a %s", refused[i].text, refused[i].type->name);
		assert_non_null(why);
		if (strcmp(code, refused[i].code) != 0)
			fail_msg("%s: %s instead of %s", refused[i].text, code, refused[i].code);
		if (refused[i].part && !strstr(why, refused[i].part) && !(hint && strstr(hint, refused[i].part)))
			fail_msg("%s: nothing of \"%s\" in: %s (%s)", refused[i].text, refused[i].part, why, hint);
		assert_int_not_equal(why[strlen(why) - 1], '.');
	}
	arena_release(&a);
}

static void test_values(void **state)
{
	struct arena a;
	const char *code, *why, *hint;
	union any_value v;
	(void)state;
	arena_init(&a);
	parse(&a, &type_bytes, "100GiB", &v, &code, &why, &hint);
	assert_int_equal(*(int64_t *)(void *)&v, INT64_C(107374182400));
	parse(&a, &type_rate, "50mbit", &v, &code, &why, &hint);
	assert_int_equal(*(int64_t *)(void *)&v, 50000000);
	parse(&a, &type_timezone, "-05:30", &v, &code, &why, &hint);
	assert_int_equal(*(int32_t *)(void *)&v, -19800);
	parse(&a, &type_switch, "false", &v, &code, &why, &hint);
	assert_int_equal(*(int *)(void *)&v, NO);
	parse(&a, &type_degrees, "-33.8688", &v, &code, &why, &hint);
	assert_true(*(double *)(void *)&v == -33.8688);
	parse(&a, &type_hours, "22:30-06:00", &v, &code, &why, &hint);
	const struct hours *h = (void *)&v;
	assert_int_equal(h->from, 1350);
	assert_int_equal(h->until, 360);
	assert_true(h->set);
	arena_release(&a);
}

/* The table is sorted and complete in itself: every type has a schema that is JSON, and examples that it takes. */
static void test_table(void **state)
{
	struct arena a;
	(void)state;
	arena_init(&a);
	for (size_t i = 0; types[i]; i++) {
		const char *code, *why, *hint;
		union any_value v;
		if (i > 0)
			assert_true(strcmp(types[i - 1]->name, types[i]->name) < 0);
		json_t *schema = json_loads(types[i]->json_schema, 0, NULL);
		assert_non_null(schema);
		json_decref(schema);
		const char *first = arena_strndup(&a, types[i]->examples, strcspn(types[i]->examples, ","));
		if (parse(&a, types[i], first, &v, &code, &why, &hint) < 0)
			fail_msg("example of %s: %s", types[i]->name, why);
	}
	arena_release(&a);
}

static void check_rows(const struct field *rows)
{
	for (const struct field *f = rows; f->name; f++) {
		assert_non_null(f->doc);
		for (const struct field *other = rows; other < f; other++)
			assert_string_not_equal(other->name, f->name);
		if (f->object)
			check_rows(f->object);
		else if (!(f->flags & FIELD_LATER))
			assert_true(f->words || f->type);
		if (f->words && f->fallback)
			assert_string_equal(f->words[0], f->fallback);
		if (f->flags & FIELD_REF)
			assert_ptr_equal(f->type, &type_name);
	}
}

/* Every kind has its row in its place, fields of different names, and word defaults that are the first word. */
static void test_kinds(void **state)
{
	(void)state;
	for (enum kind k = 0; k < KIND_COUNT; k++) {
		assert_int_equal(kind_rows[k].kind, k);
		assert_string_equal(kind_rows[k].name, common_fields[0].words[k]);
		assert_ptr_equal(kind_by_name(kind_rows[k].name), &kind_rows[k]);
		assert_true(kind_rows[k].later == (kind_rows[k].fields == NULL));
		if (kind_rows[k].fields)
			check_rows(kind_rows[k].fields);
	}
	assert_null(common_fields[0].words[KIND_COUNT]);
	assert_null(kind_by_name("device"));
	check_rows(common_fields);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken), cmocka_unit_test(test_refused), cmocka_unit_test(test_values),
		cmocka_unit_test(test_table), cmocka_unit_test(test_kinds),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
