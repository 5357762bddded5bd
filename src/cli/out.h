/* SPDX-License-Identifier: ISC
 *
 * What the administrator's commands print for a person: lines of at most 80
 * columns, marks in colour where that helps, and commands that can be copied.
 * Needs no locale: UTF-8 passes through, one column for each character.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OUT_WIDTH 80	/* no line is longer unless a path in it is */

struct out {
	FILE	*to;
	bool	 colour;
	int	 column;	/* where the next character goes, from 0 */
};

enum out_mark { OUT_OK, OUT_DOUBT, OUT_FAILED, OUT_NOT_TRIED, OUT_MARKS };

/* After the last word on stdout, which must have got there: the code to end with.
 * `sysexit` if so; else it is said on stderr, and success becomes EX_IOERR.  Not
 * for what sends a message: who is told of a failure sends it again. */
int	out_end(const char *name, int sysexit);

/* Colour is for terminals, and not where NO_COLOR is set or TERM is "dumb". */
void	out_init(struct out *o, FILE *to);

/* One step of a list: mark, name, and what was seen, wrapped behind them. */
void	out_step(struct out *o, enum out_mark mark, const char *name,
	    const char *text);
/* "LABEL:" and a text under a step or on its own, `indent` columns in, the text
 * in a column of its own.  As out_advice(). */
void	out_field(struct out *o, int indent, const char *label,
	    const char *text);

/* Words from the column where we are, later lines from `indent` on, and the end
 * of the line.  A '\n' in the text begins a new line. */
void	out_wrap(struct out *o, int indent, const char *text);
/* The same for what somebody is to do: a PowerShell command in the text gets
 * lines of its own, so that it can be copied, broken with a back-tick before an
 * option where it is too long. */
void	out_advice(struct out *o, int indent, const char *text);

#endif
