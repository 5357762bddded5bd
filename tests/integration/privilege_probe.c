/* SPDX-License-Identifier: ISC
 *
 * What a program sees after privilege_start() and one of its successors, as one
 * line of JSON on stdout.  Arguments: "keep", "drop" or "drop-root"; then
 * "wait", to stay until stdin ends.  See test_privilege.py.
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/privilege.h"

static void
print_ids(const struct identity *id)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;
	gid_t groups[64];
	int i, n = getgroups(64, groups);

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	printf("\"uids\": [%u, %u, %u], \"gids\": [%u, %u, %u], ", r, e, s, rg,
	    eg, sg);
	printf("\"caller\": [%u, %u], \"now\": [%u, %u], \"special\": %s, ",
	    id->caller, id->caller_group, id->uid, id->gid,
	    id->special ? "true" : "false");
	printf("\"groups\": [");
	for (i = 0; i < n; i++)
		printf("%s%u", i == 0 ? "" : ", ", groups[i]);
	printf("], ");
}

static void
print_descriptors(void)
{
	const char *comma = "";
	int fd;

	printf("\"descriptors\": [");
	for (fd = 0; fd < 2000; fd++)
		if (fcntl(fd, F_GETFD) != -1) {
			printf("%s%d", comma, fd);
			comma = ", ";
		}
	printf("], \"stdin_mode\": %d, ", fcntl(0, F_GETFL) & O_ACCMODE);
}

static void
print_signals(void)
{
	struct sigaction sa;
	struct itimerval timer;
	sigset_t mask;
	const char *comma = "";
	int n, slack = prctl(PR_GET_TIMERSLACK);

	printf("\"ignored\": [");
	for (n = 1; n < NSIG; n++)
		if (sigaction(n, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN) {
			printf("%s%d", comma, n);
			comma = ", ";
		}
	sigprocmask(SIG_SETMASK, NULL, &mask);
	comma = "";
	printf("], \"blocked\": [");
	for (n = 1; n < NSIG; n++)
		if (sigismember(&mask, n) == 1) {
			printf("%s%d", comma, n);
			comma = ", ";
		}
	getitimer(ITIMER_REAL, &timer);
	printf("], \"timer\": %ld, \"slack\": %d, ",
	    (long)timer.it_value.tv_sec, slack);
}

static void
print_limits(void)
{
	static const struct {
		const char *name;
		int resource;
	} limits[] = {
		{ "core", RLIMIT_CORE }, { "fsize", RLIMIT_FSIZE },
		{ "nofile", RLIMIT_NOFILE }, { "as", RLIMIT_AS },
	};
	struct rlimit r;
	size_t i;

	for (i = 0; i < sizeof limits / sizeof *limits; i++) {
		getrlimit(limits[i].resource, &r);
		printf("\"%s\": [%lld, %lld], ", limits[i].name,
		    (long long)r.rlim_cur, (long long)r.rlim_max);
	}
}

static void
print_capabilities(void)
{
	char line[100];
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "CapPrm:\t", 8) == 0 ||
		    strncmp(line, "CapEff:\t", 8) == 0)
			printf("\"%.6s\": \"%.16s\", ", line, line + 8);
	if (f != NULL)
		fclose(f);
}

static void
print_surroundings(void)
{
	char cwd[4096] = "";
	mode_t mask = umask(0);
	char **variable;

	if (getcwd(cwd, sizeof cwd) == NULL)
		cwd[0] = '\0';
	printf("\"umask\": %u, \"cwd\": \"%s\", \"environment\": [",
	    (unsigned)mask, cwd);
	for (variable = environ; *variable != NULL; variable++)
		printf("%s\"%s\"", variable == environ ? "" : ", ", *variable);
	printf("], \"dumpable\": %d, \"no_new_privs\": %d",
	    prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

int
main(int argc, char *argv[])
{
	struct identity id;
	struct status st = STATUS_INIT;
	const char *mode = argc > 1 ? argv[1] : "keep";
	int r;

	privilege_start(&id);
	if (strcmp(mode, "keep") == 0)
		r = privilege_keep(&id, &st);
	else
		r = privilege_drop(&id, strcmp(mode, "drop-root") == 0, &st);
	if (r == -1) {
		printf("{\"error\": \"%s\", \"hint\": \"%s\", \"exit\": %d}\n",
		    st.text, st.hint, st.sysexit);
		fflush(stdout);
		return st.sysexit;
	}
	printf("{");
	print_ids(&id);
	print_descriptors();
	print_signals();
	print_limits();
	print_capabilities();
	print_surroundings();
	printf("}\n");
	fflush(stdout);
	if (argc > 2 && strcmp(argv[2], "wait") == 0)
		while (getchar() != EOF)
			continue;
	return EXIT_SUCCESS;
}
