/* SPDX-License-Identifier: ISC
 *
 * Where in a line of somebody's log the reply of a mail server stands.  Pure.
 */
#ifndef CLI_REPLY_TEXT_H
#define CLI_REPLY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The place of the reply in a line, NULL if there is none: the number of which
 * it is surest that it is one. */
const char *reply_text_find(const char *line);
/* The place of an enhanced code of a failure (RFC 3463) without a reply code. */
const char *reply_text_find_enhanced(const char *line);
/* The codes at such a place, 0 and "" for what is not there; returns the words
 * behind them. */
const char *reply_text_read(const char *s, int *code, char enhanced[12]);

/* The code that a text begins with: three digits, of which the second is 0 to 5
 * (RFC 5321 4.2), and no more; or 0. */
int	reply_text_code(const char *s);
/* How many digits a text begins with. */
size_t	reply_text_digits(const char *s);
/* Whether a code may stand beside this character. */
bool	reply_text_edge(char c);

#endif
