/* SPDX-License-Identifier: ISC
 *
 * What a command has to tell about one thing: a line for each fact for a person,
 * or one JSON object for a program.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdint.h>

#include "base/record.h"
#include "base/status.h"
#include "cli/out.h"

struct report {
	struct out	 out;
	struct record	*json;		/* NULL for a person */
};

void	report_begin(struct report *r, bool json);
/* Prints the object; lines are out already. */
void	report_end(struct report *r);

/* A heading, for people only. */
void	report_title(struct report *r, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
/* "  LABEL    text"; the member's name is the label with "_" for blanks and
 * "-".  A text that is NULL or "" is left out.  Control bytes become '?'. */
void	report_text(struct report *r, const char *label, const char *text);
void	report_flag(struct report *r, const char *label, bool flag);
void	report_number(struct report *r, const char *label, int64_t number);
/* A point in time, and how far off; 0 is left out.  A number in JSON. */
void	report_time(struct report *r, const char *label, int64_t wall);
/* What failed, what the server said, and under it what to do. */
void	report_status(struct report *r, const char *label,
	    const struct status *st);

#endif
