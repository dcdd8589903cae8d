/* SPDX-License-Identifier: Apache-2.0 */
#include "report/answer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "report/verdict.h"

const char *answer_text(const json_t *o, const char *member)
{
	const char *text = json_string_value(json_object_get(o, member));

	return text != NULL && *text ? text : "-";
}

static long long number(const json_t *o, const char *member)
{
	return (long long)json_integer_value(json_object_get(o, member));
}

static void print_turn(const json_t *t, const char *label)
{
	if (json_is_object(t))
		printf("%-12s%s (%s)\n", label, answer_text(t, "text"), answer_text(t, "at"));
}

static void print_roles(const json_t *roles)
{
	const char *name;
	json_t *r;

	printf("%-12s", "processes");
	const char *comma = "";
	json_object_foreach((json_t *)(uintptr_t)roles, name, r) {
		printf("%s%s %lld", comma, name, number(r, "pid"));
		if (number(r, "starts") > 1)
			printf(" (start %lld)", number(r, "starts"));
		comma = ", ";
	}
	putchar('\n');
}

/* What stands between the branch and this gateway. */
static void print_waiting(const json_t *o)
{
	const json_t *suspended = json_object_get(o, "suspended"), *window = json_object_get(o, "window");
	size_t i;
	json_t *h;

	if (json_is_object(window))
		printf("%-12s%.7s is in force until %s, because %s; it stays if %s%s\n", "window", answer_text(window, "commit"),
		       answer_text(window, "until"), answer_text(window, "why"),
		       json_is_true(json_object_get(window, "manual")) ? "somebody types yettctl confirm"
		       : strcmp(answer_text(window, "waits"), "-") != 0 ? answer_text(window, "waits") : "its probes pass",
		       json_is_true(json_object_get(window, "gated")) ? "" : "; the kernel does not go back by itself");
	json_array_foreach(json_object_get(o, "held"), i, h)
		printf("%-12s%.7s since %s: %s\n", "held", answer_text(h, "commit"), answer_text(h, "at"), answer_text(h, "reason"));
	if (json_is_object(suspended))
		printf("%-12suntil %s by user %lld%s\n", "suspended", answer_text(suspended, "until"), number(suspended, "by"),
		       json_is_true(json_object_get(suspended, "removals_wait")) ? "; changes that take access away wait" : "");
}

static void print_sandbox(const json_t *s)
{
	size_t i;
	json_t *w;

	if (!json_is_object(s))
		return;
	const char *users = answer_text(s, "users");
	bool separate = strcmp(users, "separate") == 0;
	printf("%-12s%s%s%s\n", "sandbox", answer_text(s, "state"), separate ? ", each process as its own user" : "; ", separate ? "" : users);
	json_array_foreach(json_object_get(s, "missing"), i, w)
		if (strcmp(json_string_value(w), users) != 0)
			printf("%-12s%s\n", "", json_string_value(w));
}

static void print_trust(const json_t *t)
{
	const json_t *refused = json_object_get(t, "refused");

	if (strcmp(answer_text(t, "mode"), "commit") != 0) {
		printf("%-12sunsigned: whatever stands on the branch is applied\n", "trust");
		return;
	}
	if (number(t, "serial") > 0)
		printf("%-12scommit mode, %.12s is accepted commit %lld\n", "trust", answer_text(t, "commit"), number(t, "serial"));
	else
		printf("%-12scommit mode, no commit was accepted yet\n", "trust");
	if (json_is_string(json_object_get(t, "alarm")))
		printf("%-12s%s\n", "alarm", answer_text(t, "alarm"));
	if (!json_is_object(refused))
		return;
	printf("%-12s%s\n", json_is_true(json_object_get(refused, "pending")) ? "pending" : "rejected", answer_text(refused, "text"));
	if (json_is_string(json_object_get(refused, "signer")))
		printf("%-12s%s (%s)\n", "signed by", answer_text(refused, "signer"), answer_text(refused, "key"));
}

int answer_print_status(const json_t *o)
{
	const json_t *peers = json_object_get(o, "peers");
	size_t i;
	json_t *w;

	printf("%-12s%s\n", "gateway", answer_text(o, "gateway"));
	printf("%-12s%s of %s\n", "follows", answer_text(o, "branch"), answer_text(o, "repository"));
	printf("%-12s%s\n", "commit", answer_text(o, "commit"));
	printf("%-12s%s\n", "plan", answer_text(o, "plan"));
	print_trust(json_object_get(o, "trust"));
	if (json_is_string(json_object_get(o, "rejected")) && !json_is_object(json_object_get(json_object_get(o, "trust"), "refused")))
		printf("%-12s%s has errors\n", "rejected", answer_text(o, "rejected"));
	if (json_is_string(json_object_get(o, "pending")))
		printf("%-12s%s was refused by the kernel and is tried again\n", "pending", answer_text(o, "pending"));
	print_waiting(o);
	print_turn(json_object_get(o, "last_turn"), "last turn");
	print_turn(json_object_get(o, "last_error"), "last error");
	printf("%-12s%lld turns, the next in %lld s\n", "since start", number(o, "turns"), number(o, "next_turn_s"));
	printf("%-12s%lld on %s, %lld planned, %lld with a handshake in the last 3 minutes\n", "peers",
	       number(peers, "configured"), answer_text(o, "interface"), number(peers, "planned"), number(peers, "recent"));
	if (json_is_string(json_object_get(o, "next_date")))
		printf("%-12s%s: a peer's dates begin or end\n", "next date", answer_text(o, "next_date"));
	json_array_foreach(json_object_get(o, "warnings"), i, w)
		printf("%-12s%s\n", "warning", json_string_value(w));
	print_roles(json_object_get(o, "roles"));
	print_sandbox(json_object_get(o, "sandbox"));
	return 0;
}

/* The document inside an answer; json_decref() it. NULL: there is none. */
static json_t *verdict_of(const json_t *o)
{
	const char *text = json_string_value(json_object_get(o, "verdict"));

	return text != NULL ? json_loads(text, 0, NULL) : NULL;
}

int answer_print_diff(const json_t *o)
{
	if (number(o, "changes") == 0) {
		puts("no difference");
		return 0;
	}
	const char *text = answer_text(o, "text");
	printf("%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
	json_t *v = verdict_of(o);
	if (v != NULL)
		verdict_print_access(v);
	json_decref(v);
	return 0;
}

int answer_print_sync(const json_t *o)
{
	const char *detail = answer_text(o, "detail");

	printf("%s\n", answer_text(o, "text"));
	if (strcmp(detail, "-") != 0)
		printf("%s%s", detail, detail[strlen(detail) - 1] == '\n' ? "" : "\n");
	return 0;
}

int answer_print_verify(const json_t *o)
{
	json_t *v = verdict_of(o);
	const char *commit = answer_text(o, "commit");

	if (json_is_true(json_object_get(o, "equal")))
		printf("the live kernel equals commit %s\n", commit);
	else if (json_is_true(json_object_get(v, "access_equal")))
		printf("the live kernel grants the access of commit %s and differs otherwise\n", commit);
	else
		printf("the live kernel differs from commit %s\n", commit);
	if (v != NULL)
		verdict_print(v);
	json_decref(v);
	return 0;
}

int answer_print_text(const json_t *o)
{
	printf("%s\n", answer_text(o, "text"));
	return 0;
}

int answer_print_history(const json_t *o)
{
	size_t i;
	json_t *l;

	json_array_foreach(json_object_get(o, "lines"), i, l)
		printf("%s  %-11s %-7.7s  %s\n", answer_text(l, "time"), answer_text(l, "event"), answer_text(l, "commit"),
		       answer_text(l, "text"));
	return 0;
}

int answer_status(const json_t *o)
{
	if (json_is_false(json_object_get(o, "equal")))
		return 1;
	const char *outcome = json_string_value(json_object_get(o, "outcome"));

	if (outcome == NULL)
		return 0;
	static const char *const waits[] = { "rejected", "held", "pending" };
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		if (strcmp(outcome, waits[i]) == 0)
			return 1;
	return strcmp(outcome, "failed") == 0 ? 2 : 0;
}
