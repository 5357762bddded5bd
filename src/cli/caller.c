/* SPDX-License-Identifier: ISC */
#include "cli/caller.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diagnose/diagnose.h"
#include "queue/eventlog.h"

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
	char line[STATUS_LINE_SIZE];

	status_line(st, line);
	caller_say_line(c, "%s", line);
	caller_say_line(c, "hint: %s", caller_advice(c, st));
}

void
caller_refuse(const struct caller *c, const struct status *st)
{
	struct status told = *st;

	caller_say(c, st);
	status_hint(&told, "%s", caller_advice(c, st));
	eventlog_refused(c->identity->caller, c->options->tag, &told);
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
