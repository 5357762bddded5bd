/* SPDX-License-Identifier: ISC
 *
 * mailbearer queue --check: the spool for Nagios and its relatives.
 */
#ifndef CLI_QUEUE_CHECK_H
#define CLI_QUEUE_CHECK_H

#include "cli/admin_config.h"
#include "cli/queue_open.h"

enum queue_measure {
	MEASURE_OLDEST,		/* age of the oldest waiting message, seconds */
	MEASURE_WAITING,
	MEASURE_FAILED,
	MEASURES
};

struct queue_check {
	int64_t	value[MEASURES];
	int64_t	warning[MEASURES], critical[MEASURES];	/* 0: never */
};

/* Codes of the monitoring plugins. */
enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

/* Takes --oldest, --waiting and --failed WARNING[,CRITICAL] out of the
 * arguments; defaults for what is not there.  EX_USAGE. */
int	queue_check_options(struct queue_check *check, struct arguments *a,
	    struct status *st);
/* Fills in the values. */
int	queue_check_measure(struct queue_check *check, struct queue *q,
	    struct status *st);
/* The code that the values give. */
int	queue_check_judge(const struct queue_check *check);
/* One line with performance data, or a JSON object.  Returns the code. */
int	queue_check_report(const struct queue_check *check, bool json);
/* The spool could not be looked at: CHECK_UNKNOWN, said on stdout. */
int	queue_check_unknown(const struct status *st, bool json);

#endif
