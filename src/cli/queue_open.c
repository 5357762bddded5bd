/* SPDX-License-Identifier: ISC */
#include "cli/queue_open.h"

#include <errno.h>

static int
load(struct queue *q, const struct config_source *source, struct status *st)
{
	struct status wrong = STATUS_INIT, ignored;

	if (config_load(&q->config, source, &wrong) == 0)
		return 0;
	if (errno == ENOENT && !source->given)
		return 1;
	if (!source->given && wrong.sysexit == EX_CONFIG &&
	    config_default(&q->config, source, &ignored) == 0) {
		q->config_status = wrong;
		return 0;
	}
	*st = wrong;
	return -1;
}

int
queue_open(struct queue *q, const struct config_source *source,
    struct status *st)
{
	struct status problem = STATUS_INIT;
	int rc;

	*q = (struct queue){ .config_status = STATUS_INIT };
	if ((rc = load(q, source, st)) != 0)
		return rc;
	if (spool_open(&q->spool, &q->config, &problem) == 0)
		return 0;
	rc = q->config.spool ? -1 : 1;
	if (rc == -1)
		*st = problem;
	config_release(&q->config);
	return rc;
}

void
queue_close(struct queue *q)
{
	spool_close(&q->spool);
	config_release(&q->config);
}
