/* SPDX-License-Identifier: Apache-2.0 */
/* yettd - the reconciler: what a gateway runs to follow its policy repository. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <sodium.h>

#include "config.h"
#include "log.h"
#include "role.h"
#include "sandbox/probe.h"
#include "supervisor.h"

static void usage(void)
{
	puts("Usage: yettd [OPTION]...\n"
	     "Follows a policy repository: fetches it, compiles it for this gateway, and keeps\n"
	     "WireGuard, addresses, routes and the nftables table inet yett as it says.\n\n"
	     "      --config=FILE  configuration (default " CONFIG_DEFAULT_FILE ")\n"
	     "      --once         one full turn, then exit\n"
	     "      --boot         put the last good plan in force from the disk, then exit\n"
	     "      --check        read the configuration, say what is wrong with it, and exit\n"
	     "      --probe-sandbox=PROCESS\n"
	     "                     try what supervisor, fetch, judge, compile, apply or\n"
	     "                     status must not be able to do; prints TAP\n"
	     "      --without=GUARDS\n"
	     "                     ... and leave out user, caps, limits, landlock, ports,\n"
	     "                     scopes, seccomp or all, to see each attempt get through\n"
	     "  -h, --help         print this and exit\n"
	     "      --version      print the version and exit\n\n"
	     "Exit status: 0 in force or unchanged; 1 the tree has errors (the last good plan\n"
	     "stays in force); 2 it could not run; 75 another yettd works in the same state\n"
	     "folder. yettd(8) tells more.");
}

/* The status of what was only printed. */
static int printed(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return YETTD_OK;
	fprintf(stderr, "yettd: cannot write the result\n");
	return YETTD_CANNOT;
}

/* 0, or an exit status after saying why. */
static int load(struct config *c, const char *file, struct arena *a)
{
	struct diags d;
	char err[1024] = "";
	const struct diag_style style = { .format = DIAG_TEXT };

	diags_init(&d, a);
	int ret = config_load(c, file, a, &d, err, sizeof(err));
	if (ret < 0)
		fprintf(stderr, "yettd: %s\n", err);
	else if (d.n > 0)
		diags_print(&d, &style, stderr);
	bool bad = ret < 0 || d.errors > 0;
	diags_release(&d);
	return bad ? YETTD_CANNOT : YETTD_OK;
}

/* Only what the configuration says. */
static int check(const char *file)
{
	struct arena a;
	struct config c;

	if (sodium_init() < 0)
		return YETTD_CANNOT;
	arena_init(&a);
	int status = load(&c, file, &a);
	if (status == YETTD_OK)
		printf("%s: nothing is wrong with it\n", file);
	arena_release(&a);
	return status;
}

static int run(const char *file, enum supervisor_for what)
{
	struct arena a;
	struct config c;

	if (sodium_init() < 0) {
		fprintf(stderr, "yettd: libsodium cannot start\n");
		return YETTD_CANNOT;
	}
	arena_init(&a);
	int status = load(&c, file, &a);
	if (status == YETTD_OK) {
		log_setup((enum log_format)c.watch.log, "supervisor");
		umask(077);
		prctl(PR_SET_DUMPABLE, 0);
		status = supervisor_run(&c, what);
	}
	arena_release(&a);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "once", no_argument, NULL, 'o' },
		{ "boot", no_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'v' },
		{ "probe-sandbox", required_argument, NULL, 'p' }, { "without", required_argument, NULL, 'w' },
		{ "role", required_argument, NULL, 'r' },   { "check", no_argument, NULL, 'k' },
		{ 0 },
	};
	const char *file = CONFIG_DEFAULT_FILE, *probe = NULL, *without = NULL;
	enum supervisor_for what = RUN_DAEMON;
	bool only_check = false;
	int o;

	while ((o = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (o) {
		case 'c': file = optarg; break;
		case 'o': what = RUN_ONCE; break;
		case 'b': what = RUN_BOOT; break;
		case 'k': only_check = true; break;
		case 'p': probe = optarg; break;
		case 'w': without = optarg; break;
		case 'r': return role_main(optarg);
		case 'h': usage(); return printed();
		case 'v': puts("yettd " YETT_VERSION); return printed();
		default: fprintf(stderr, "yettd --help lists the options.\n"); return YETTD_CANNOT;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "yettd: unexpected argument %s; yettd --help lists the options.\n", argv[optind]);
		return YETTD_CANNOT;
	}
	if (without != NULL && probe == NULL) {
		fprintf(stderr, "yettd: --without is for --probe-sandbox alone; yettd always locks down all it can\n");
		return YETTD_CANNOT;
	}
	if (probe != NULL)
		return probe_run(probe, without);
	return only_check ? check(file) : run(file, what);
}
