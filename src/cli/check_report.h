/* SPDX-License-Identifier: ISC
 *
 * What the steps of `mailbearer check` found, for a person, for a program
 * (--json), or for monitoring (--nagios).
 */
#ifndef CLI_CHECK_REPORT_H
#define CLI_CHECK_REPORT_H

#include "base/record.h"
#include "cli/check_step.h"

struct check_report {
	enum { REPORT_TEXT, REPORT_JSON, REPORT_NAGIOS } form;
	struct out	 out;
	struct record	*json, *group;		/* of the account, if any */
	struct record	*accounts;
	const char	*account;		/* NULL before the first */
	size_t		 count[OUT_MARKS];
	int		 sysexit;		/* of the first failure */
	char		 first[600];		/* the worst so far, in a line */
	enum out_mark	 worst;
};

void	check_report_begin(struct check_report *r, const struct check *k);
/* The steps from here on are about this account. */
void	check_report_account(struct check_report *r, const struct account *a);
void	check_report_step(struct check_report *r, const char *name,
	    const struct check_result *result);
/* Says what there is to say at the end; returns the exit code. */
int	check_report_end(struct check_report *r);
/* Nothing could be looked at; the same. */
int	check_report_refusal(struct check_report *r, const struct check *k,
	    const struct status *st);

#endif
