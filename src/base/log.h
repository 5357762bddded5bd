/* SPDX-License-Identifier: ISC
 *
 * The log: one line per event, key=value, to syslog (facility mail), stderr or
 * a file.  Values are quoted where they need it and printable always; secrets
 * never come here (nobody hands them over).
 */
#ifndef LOG_H
#define LOG_H

#include "base/status.h"

/* Where lines go: "syslog", "stderr", or the path of a file that is appended to
 * (made 0640).  `ident` is the name in syslog and in front of lines on stderr.
 * A file that cannot be opened falls back to syslog and returns -1 with *st.
 * Before any call, lines go to syslog as "mailbearer". */
int	log_open(const char *ident, const char *target, struct status *st);

/* One line at LOG_INFO, LOG_NOTICE, LOG_WARNING or LOG_ERR of syslog(3). */
void	log_line(int priority, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* Building a line: the event, then key=value pairs, as in
 * "sent account=alerts error=\"two words\"".
 *	struct log_event e;
 *	log_event_begin(&e, "sent");
 *	log_event_add(&e, "account", "%s", name);
 *	log_event_end(&e, LOG_INFO);
 * A value is quoted when it is empty or holds a blank, a quote or '='; in it a
 * backslash stands before quotes and backslashes.  What does not fit is cut. */
struct log_event {
	char	line[2000];	/* syslog(3) loses more than 2048 bytes */
	size_t	len;
};
void	log_event_begin(struct log_event *e, const char *event);
void	log_event_add(struct log_event *e, const char *key, const char *format,
	    ...) __attribute__((format(printf, 3, 4)));
/* exit=, reply=, enhanced=, error= (text), remote=, hint=, as far as set. */
void	log_event_add_status(struct log_event *e, const struct status *st);
void	log_event_end(struct log_event *e, int priority);

#endif
