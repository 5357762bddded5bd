/* SPDX-License-Identifier: ISC */
#include "cli/caller.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "diagnose/diagnose.h"

struct config_source
caller_source(const struct identity *id, const char *file)
{
	/* The installation's user trusts root alone, however it was started: the
	 * timer must not believe a file that sendmail would refuse. */
	return (struct config_source){
		.path = file, .given = file != NULL,
		.trust.owner = privilege_is_installation(id) ? 0 : id->uid,
		.trust.group = id->gid
	};
}

bool
caller_sees_all(const struct caller *c)
{
	return c->identity->caller == 0 || !c->identity->special;
}

/* A failure with a file or directory, which nobody else had a say in. */
static bool
is_about_files(const struct status *st)
{
	return (st->sysexit == EX_CANTCREAT || st->sysexit == EX_CONFIG ||
	    st->sysexit == EX_IOERR || st->sysexit == EX_NOPERM) &&
	    st->remote[0] == '\0';
}

/* Hints of base/safefile.h that change an owner or a mode. */
static bool
gives_files_away(const struct status *st)
{
	static const char *const commands[] = {
		"chown ", "chgrp ", "chmod ", "install -d "
	};
	size_t i;

	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strncmp(st->hint, commands[i], strlen(commands[i])) == 0)
			return true;
	return false;
}

const char *
caller_advice(const struct caller *c, const struct status *st)
{
	if (c->identity == NULL || !is_about_files(st))
		return diagnose_advice(st);
	if (privilege_is_lost(c->identity))
		return "the set-user-ID bit of this program has no effect here, "
		    "and what only " MAILBEARER_USER " may read or write is out "
		    "of reach: set NoNewPrivileges=no in the unit of the caller, "
		    "or see after a nosuid mount or the container";
	if (!c->source.given && privilege_is_guest(c->identity) &&
	    gives_files_away(st))
		return "run this as root: what belongs to the installation is "
		    "for " MAILBEARER_USER " alone to read, and sendmail runs as "
		    MAILBEARER_USER;
	return diagnose_advice(st);
}

void
caller_say(const struct caller *c, const struct status *st)
{
	if (st->remote[0] == '\0')
		caller_say_line(c, "%s", st->text);
	else if (st->reply == 0)
		caller_say_line(c, "%s: %s", st->text, st->remote);
	else
		caller_say_line(c, "%s: %d %s%s%s", st->text, st->reply,
		    st->enhanced, st->enhanced[0] != '\0' ? " " : "",
		    st->remote);
	caller_say_line(c, "hint: %s", caller_advice(c, st));
}

void
caller_say_line(const struct caller *c, const char *format, ...)
{
	char line[1200];
	va_list ap;

	if (c->options != NULL && c->options->quiet)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", c->name, line);
}

/* How long all of a trace may wait for its reader, and then how often the write
 * is interrupted, should the first time have come too early. */
#define TRACE_PATIENCE	{ .it_value = { .tv_sec = 3 }, \
	.it_interval = { .tv_usec = 50000 } }

static void
interrupt(int number)
{
	(void)number;
}

/* False when the reader was too slow for what is left of `patience`. */
static bool
write_in_time(const char *text, size_t len, struct itimerval *patience)
{
	static const struct itimerval never;
	struct sigaction sa = { .sa_handler = interrupt }, old;
	struct itimerval left;
	ssize_t n = 0;

	sigemptyset(&sa.sa_mask);	/* and no SA_RESTART */
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, patience, NULL);
	while (len != 0 && (n = write(STDERR_FILENO, text, len)) > 0) {
		text += n;
		len -= (size_t)n;
	}
	setitimer(ITIMER_REAL, &never, &left);
	sigaction(SIGALRM, &old, NULL);
	patience->it_value = left.it_value;
	return n > 0;
}

/* Traced is what happens in a session with the server, while we hold one of the
 * mailbox's connections: a caller who does not read his stderr must not keep
 * that from others, and loses the rest of his trace. */
void
caller_trace(void *context, char direction, const char *line)
{
	static struct itimerval patience = TRACE_PATIENCE;
	static bool is_given_up;
	char text[4200];
	int len;

	(void)context;
	len = snprintf(text, sizeof text, "%s%s\n",
	    direction == '>' ? ">>> " : "", line);
	if (len >= (int)sizeof text) {
		len = sizeof text - 1;
		text[len - 1] = '\n';
	}
	if (!is_given_up)
		is_given_up = !write_in_time(text, (size_t)len, &patience);
}

void
caller_drain_stdin(void)
{
	char scrap[65536];
	ssize_t n;

	if (isatty(STDIN_FILENO))
		return;
	do
		n = read(STDIN_FILENO, scrap, sizeof scrap);
	while (n > 0 || (n == -1 && errno == EINTR));
}
