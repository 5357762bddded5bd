/* SPDX-License-Identifier: ISC */
#include "cli/queue_run.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "cli/admin_config.h"
#include "cli/confine.h"
#include "cli/queue_adopt.h"
#include "cli/queue_open.h"
#include "cli/trace.h"
#include "queue/runner.h"

#define LINGER_RECORD_MS	50000	/* the timer starts the next one */
#define LINGER_DETACHED_MS	120000	/* the longest pause after a 432 */

/* -qI, -qR, -qS as they were given. */
static char *
selection(const struct options *o)
{
	if (o->queue_id != NULL)
		return xasprintf("-qI%s", o->queue_id);
	if (o->queue_recipient != NULL)
		return xasprintf("-qR%s", o->queue_recipient);
	if (o->queue_sender != NULL)
		return xasprintf("-qS%s", o->queue_sender);
	return xstrdup("-q");
}

static int
start_detached(const struct caller *caller, struct status *st)
{
	char name[] = "sendmail", background[] = "-odb";
	char *queue = selection(caller->options);
	char *argv[] = { name, background, queue, NULL };
	int rc = runner_start_detached(argv, st);

	free(queue);
	if (rc == 1) {
		status_set(st, EX_TEMPFAIL, "no queue run: the limits of this "
		    "process are too low for one");
		return status_hint(st, "see ulimit -a; the timer runs the queue "
		    "every minute anyway");
	}
	return rc;
}

static int64_t
linger(const struct caller *caller, bool is_detached)
{
	if (is_detached)
		return LINGER_DETACHED_MS;
	/* A person waits for the end of it. */
	return caller->identity->caller == 0 || caller->source.given ? 0 :
	    LINGER_RECORD_MS;
}

static int
run(const struct caller *caller, const struct config *config, struct status *st)
{
	const struct options *o = caller->options;
	struct runner_options options = {
		.is_detached = o->delivery == DELIVER_BACKGROUND,
		.ignore_times = caller->identity->caller == 0 &&
		    o->delivery != DELIVER_BACKGROUND,
		.id = o->queue_id, .recipient = o->queue_recipient,
		.sender = o->queue_sender,
		.trace = o->verbose ? trace_line : NULL,
		.progress = o->verbose ? trace_messages : NULL,
	};
	int rc;

	options.linger_ms = linger(caller, options.is_detached);
	admin_log(config);
	confine_queue(caller, config);
	queue_adopt(caller, config);
	rc = runner_run(config, &options, NULL, st);
	trace_end();
	confine_end();
	return rc;
}

static int
open_and_run(const struct caller *caller, struct status *st)
{
	struct queue q;
	int rc = queue_open(&q, &caller->source, st);

	if (rc == 1)	/* nothing can be waiting */
		return 0;
	if (rc == -1)
		return -1;
	if (q.config_status.sysexit == EX_OK)
		rc = run(caller, &q.config, st);
	else {
		*st = q.config_status;
		rc = -1;
	}
	queue_close(&q);
	return rc;
}

int
queue_run_main(const struct caller *caller)
{
	struct status st = STATUS_INIT;
	int rc = caller_sees_all(caller) ? open_and_run(caller, &st) :
	    start_detached(caller, &st);

	return rc == -1 ? admin_fail(caller, &st) : EX_OK;
}

int
queue_run_start(const struct caller *caller, const struct config *config,
    struct status *st)
{
	char mailbearer[] = "mailbearer", name[] = "sendmail", flag[] = "-C";
	char background[] = "-odb", queue[] = "-q";
	char *path = realpath(config->path, NULL);	/* it will run in / */
	char *own[] = { name, background, queue, NULL };
	char *given[] = { mailbearer, name, flag, path, background, queue, NULL };
	int rc;

	if (path == NULL)
		return status_set_errno(st, EX_CONFIG, "%s", config->path);
	rc = runner_start_detached(caller->source.given ? given : own, st);
	free(path);
	return rc;
}
