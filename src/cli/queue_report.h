/* SPDX-License-Identifier: ISC
 *
 * What `mailbearer queue` prints about one message or a run that somebody waited
 * for.
 */
#ifndef CLI_QUEUE_REPORT_H
#define CLI_QUEUE_REPORT_H

#include <stdbool.h>

#include "base/record.h"
#include "cli/queue_open.h"
#include "queue/runner.h"

/* An object on a line of its own; frees it. */
void	queue_report_record(struct record *r);
void	queue_report_run(const struct runner_counts *counts, bool json);
/* How many messages are left, and what holds them back: the pause of an account,
 * or its full minute, leaves its other messages untried. */
void	queue_report_rest(struct queue *q);
/* Why a message that was to be tried by itself is there still; nothing if it is
 * gone. */
void	queue_report_reason(struct queue *q, const char *id);

#endif
