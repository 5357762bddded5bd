/* SPDX-License-Identifier: ISC */
#include "cli/caller.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
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
	caller_say_line(c, "hint: %s", diagnose_advice(st));
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
caller_trace(void *context, char direction, const char *line)
{
	(void)context;
	fprintf(stderr, "%s%s\n", direction == '>' ? ">>> " : "", line);
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
