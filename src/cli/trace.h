/* SPDX-License-Identifier: ISC
 *
 * What a person sees of a send while it goes on, on stderr: the dialogue, as
 * sendmail -v shows it, and on a terminal how far long work has come, in one line
 * that is drawn again and again and is gone in the end.
 *
 * All of it ends for good when nobody reads it.
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdint.h>

/* For delivery_options and runner_options. */
void	trace_line(void *context, char direction, const char *line);
/* Octets of a message; a small one is sent before it could be read. */
void	trace_octets(void *context, int64_t done, int64_t whole);
/* Messages of a queue run. */
void	trace_messages(void *context, int64_t done, int64_t whole);
/* The work is done, or something else is to be said. */
void	trace_end(void);

#endif
