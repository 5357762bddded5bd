/* SPDX-License-Identifier: ISC
 *
 * Who talks to us and how we talk back.
 */
#ifndef CLI_CALLER_H
#define CLI_CALLER_H

#include "base/privilege.h"
#include "base/status.h"
#include "cli/options.h"
#include "config/config.h"

struct caller {
	const char		*name;		/* base name of argv[0], in messages */
	const struct identity	*identity;	/* NULL before it is known */
	const struct options	*options;
	struct config_source	 source;
};

/* The installation's config, or, under -C, `file`; and whom its files are
 * believed from: root, and the caller where nothing has to be protected from
 * him, because the rights are his own. */
struct config_source caller_source(const struct identity *id,
	    const char *file);
/* Whether everybody's messages are his to see and to handle: root's, and those
 * of the user whose spool it is. */
bool	caller_sees_all(const struct caller *c);
/* The two lines of a failure on stderr (design 8):
 *	NAME: what failed: what the server said
 *	NAME: hint: what to do
 * Nothing with -oeq. */
void	caller_say(const struct caller *c, const struct status *st);
/* The hint for a failure.  Where the file that it speaks of is the
 * installation's, and we cannot have it only because of who we are, it is not to
 * give that file away. */
const char *caller_advice(const struct caller *c, const struct status *st);
/* The same for mail that is refused before anything was tried, and in the log:
 * cron and PHP show nobody what is on stderr. */
void	caller_refuse(const struct caller *c, const struct status *st);
/* One line "NAME: ..." on stderr, under the same rule. */
void	caller_say_line(const struct caller *c, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* Reads stdin to its end unless it is a terminal: a caller that is still writing
 * when we exit dies of SIGPIPE. */
void	caller_drain_stdin(void);

#endif
