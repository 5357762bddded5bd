/* SPDX-License-Identifier: ISC */
#include "base/inherited.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define DESCRIPTORS_MAX	65536	/* closed one by one where nothing else works */

/* The first thing that could not be done, NULL if all was done. */
static const char *problem;

/* environ(7) for good: the strings are ours, none is the caller's. */
static char path_variable[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
static char *environment[8] = { path_variable, NULL };

static void
fail(const char *what)
{
	if (problem == NULL)
		problem = what;
}

/* A parent's death is no reason to die, and a caller who likes his timers late
 * (the slack is inherited, and may be hours) does not make ours late. */
static void
reset_process(void)
{
#ifdef HAVE_SYS_PRCTL_H
	prctl(PR_SET_PDEATHSIG, 0L, 0L, 0L, 0L);
	prctl(PR_SET_TIMERSLACK, 50000L, 0L, 0L, 0L);
#endif
}

/* Low soft limits are a way to make us fail half-way; what is above the hard
 * limit we cannot have.  NOFILE and STACK go no higher than they help. */
static void
raise_limits(void)
{
	static const struct {
		int	resource;
		rlim_t	wanted;
	} limits[] = {
		{ RLIMIT_AS, RLIM_INFINITY },
		{ RLIMIT_CPU, RLIM_INFINITY },
		{ RLIMIT_DATA, RLIM_INFINITY },
		{ RLIMIT_FSIZE, RLIM_INFINITY },
		{ RLIMIT_NPROC, RLIM_INFINITY },
		{ RLIMIT_NOFILE, 1024 },
		{ RLIMIT_STACK, 8 * 1024 * 1024 },
	};
	struct rlimit r = { 0, 0 };
	rlim_t wanted;
	size_t i;

	/* Tokens and messages never go to a core file. */
	if (setrlimit(RLIMIT_CORE, &r) == -1)
		fail("cannot forbid core dumps");
	for (i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (getrlimit(limits[i].resource, &r) == -1)
			continue;
		wanted = limits[i].wanted < r.rlim_max ? limits[i].wanted :
		    r.rlim_max;
		if (r.rlim_cur >= wanted)
			continue;
		r.rlim_cur = wanted;
		setrlimit(limits[i].resource, &r);
	}
}

/* A file that we open must never become stdin, stdout or stderr.  A closed
 * stdin is opened for writing: reading it fails, and does not yield an empty
 * message that nobody wrote. */
static void
open_standard_descriptors(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDWR) != fd)
			fail("cannot open /dev/null");
}

int
descriptors_to_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	if (null == -1)
		return -1;
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) == -1)
			return -1;
	return close(null);
}

/* As the kernel lists them; false if it does not. */
static bool
close_listed(int first)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd;

	if (d == NULL)
		return false;
	while ((entry = readdir(d)) != NULL) {
		fd = (int)strtol(entry->d_name, NULL, 10);
		if (fd >= first && fd != dirfd(d))
			close(fd);
	}
	closedir(d);
	return true;
}

void
descriptors_close(int first)
{
	int fd;

#if defined(HAVE_CLOSE_RANGE)
	if (close_range((unsigned)first, ~0U, 0) == 0)
		return;
#elif defined(SYS_close_range)
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0)
		return;
#endif
	if (close_listed(first))
		return;
	for (fd = first; fd < DESCRIPTORS_MAX; fd++)
		close(fd);
}

/* Ignored and blocked signals survive execve(2). */
int
signals_reset(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;
	int n;

	sigemptyset(&sa.sa_mask);
	for (n = 1; n < NSIG; n++)
		sigaction(n, &sa, NULL);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Timers do, too. */
static void
reset_signals(void)
{
	static const struct itimerval never;
	struct sigaction sa = { .sa_handler = SIG_IGN };

	alarm(0);
	setitimer(ITIMER_REAL, &never, NULL);
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	setitimer(ITIMER_PROF, &never, NULL);
	if (signals_reset() == -1)
		fail("cannot unblock signals");
	/* write(2) says EPIPE and EFBIG, which we can tell somebody. */
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGPIPE, &sa, NULL) == -1 ||
	    sigaction(SIGXFSZ, &sa, NULL) == -1)
		fail("cannot ignore signals");
}

/* Variables that a caller whose rights we have may choose. */
static struct kept {
	const char	*name;
	char		 text[80];	/* "NAME=value", "" if not kept */
} kept[] = {
	{ .name = "TERM" }, { .name = "NO_COLOR" }, { .name = "COLUMNS" },
	{ .name = "TZ" },
};

/* A name of a terminal or zone: nothing that could be a path upwards or from /,
 * a format, or (":...") a file to be read as a zone. */
static bool
is_harmless(const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";

	return strlen(value) < 64 && value[0] != '/' &&
	    value[strspn(value, plain)] == '\0';
}

static void
replace_environment(void)
{
	const char *value;
	size_t i;

	for (i = 0; i < sizeof kept / sizeof *kept; i++) {
		value = getenv(kept[i].name);
		if (value != NULL && is_harmless(value))
			snprintf(kept[i].text, sizeof kept[i].text, "%s=%s",
			    kept[i].name, value);
	}
	environ = environment;
}

void
inherited_bring_back(void)
{
	size_t i, used = 1;

	for (i = 0; i < sizeof kept / sizeof *kept; i++)
		if (kept[i].text[0] != '\0')
			environment[used++] = kept[i].text;
	environment[used] = NULL;
}

/* The charset in "de_DE.ISO-8859-15@euro": what the first of LC_ALL, LC_CTYPE
 * and LANG that is set says, as POSIX has it.  Only letters, digits and what
 * charset names have besides. */
static void
note_charset(char *charset, size_t size)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *value = NULL;
	size_t i, len;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if ((value = getenv(names[i])) != NULL && *value != '\0')
			break;
	if (value == NULL || (value = strchr(value, '.')) == NULL)
		return;
	len = strspn(++value, allowed);
	if ((value[len] == '\0' || value[len] == '@') && len < size)
		snprintf(charset, size, "%.*s", (int)len, value);
}

const char *
inherited_undo(char *charset, size_t size)
{
	reset_process();
	raise_limits();		/* first: a limit may be why nothing opens */
	open_standard_descriptors();
	/* The caller's others are none of our business; and an open one may be
	 * all that a full table leaves us. */
	descriptors_close(STDERR_FILENO + 1);
	reset_signals();
	umask(027);
	note_charset(charset, size);
	replace_environment();
	return problem;
}
