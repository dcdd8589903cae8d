/* SPDX-License-Identifier: Apache-2.0 */
/* yett tick - a signed word that the newest release still is the newest one. */
#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "release_text.h"

static int make(struct release_log *l, const char *key, int64_t now)
{
	BUF_CLEANUP struct buf text = BUF_INIT, armor = BUF_INIT;
	const struct releases *c = &l->releases;
	struct tick t = { .serial = c->serial, .record = c->digest, .time = now, .ttl = c->trust->file.tick_ttl };
	struct sshsig sig;
	char name[LEDGER_NAME_MAX], time[CLOCK_TEXT_MAX];
	const char *why = NULL;

	memcpy(t.repo, c->trust->file.repo_id, sizeof(t.repo));
	tick_write(&t, &text);
	if (release_log_sign(l, key, TICK_NAMESPACE, &text, &armor) < 0)
		return -1;
	const char *code = tick_verify(&t, &c->trust->file, &c->trust->signers, text.p, text.len, armor.p, armor.len, now, &l->arena, &why);
	if (code != NULL) {
		snprintf(l->err, sizeof(l->err), "%s: %s", code, why);
		return -1;
	}
	if (sshsig_verify(armor.p, armor.len, TICK_NAMESPACE, text.p, text.len, &sig) != SSHSIG_OK)
		BUG("a tick that verified does not");
	ledger_key_name(sig.key, sig.key_len, name);
	const struct ledger_file file[] = {
		{ arena_printf(&l->arena, "tick/%s.tick", name), text.p, text.len },
		{ arena_printf(&l->arena, "tick/%s.sig", name), armor.p, armor.len },
	};
	if (release_log_add(l, file, ARRAY_SIZE(file), NULL) < 0)
		return -1;
	if (!l->common->quiet)
		printf("release %llu is the newest one at %s\n", (unsigned long long)t.serial, clock_format(now, time));
	return 0;
}

/* Only a chain that was judged here is vouched for. */
static int tick(struct release_log *l, const struct release_options *o, const char *key, int64_t now)
{
	if (release_log_open(l, l->cmd, l->common, o, now) < 0)
		return cmd_fail(l->cmd, "%s", l->err);
	if (l->state == RELEASES_STOPPED)
		return cmd_fail(l->cmd, "%s: %s", l->releases.code, l->releases.why);
	if (l->releases.serial == 0)
		return cmd_fail(l->cmd, "no release is approved yet");
	return make(l, key, now) < 0 ? cmd_fail(l->cmd, "%s", l->err) : EXIT_HOLDS;
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct cmd_common common;
	struct release_options o = { .remote = NULL };
	const char *key = NULL;
	const struct cmd_option own[] = {
		{ "key", 0, OPTION_TEXT, "FILE", "the key to sign with (default: git's user.signingkey)", &key },
		{ "remote", 0, OPTION_TEXT, "NAME", "where the log of releases is (default: origin; \"\" for this repository alone)", &o.remote },
		{ "log", 0, OPTION_TEXT, "REF", "its ref (default: " LEDGER_REF ", else " LEDGER_BRANCH ")", &o.ref },
		{ "anchor", 0, OPTION_TEXT, "SERIAL:DIGEST", "a release that is known to be good (default: the log's first)", &o.anchor },
		{ 0 },
	};
	int npos = cmd_parse(cmd, argc, argv, own, &common);

	if (npos < 0)
		return cmd_parse_status(npos);
	if (npos > 0)
		return cmd_fail(cmd, "it takes no argument; see yett tick --help");
	struct release_log l = { .cmd = cmd, .common = &common };
	int status = tick(&l, &o, key, clock_now());
	release_log_close(&l);
	return status;
}

const struct cmd cmd_tick = {
	.name = "tick",
	.args = "",
	.summary = "Sign that the newest release still is the newest one, for a timer to run every day",
	.help = "Judges the releases so far and adds the tick to their log. The key can sign nothing else: its namespaces in\n"
		"trust/allowed_signers are tick@yett alone, its owner is in a role with may: [tick]. Gateways that see no fresh tick\n"
		"raise an alarm; traffic goes on.",
	.formats = 1u << FORMAT_TEXT,
	.run = run,
};
