/* SPDX-License-Identifier: ISC */
#include "cli/mailq.h"

#include "cli/confine.h"
#include "cli/listing.h"
#include "cli/queue_open.h"

static int
fail(const struct caller *caller, const struct status *st)
{
	caller_say(caller, st);
	return status_exit(st);
}

int
mailq_main(const struct caller *caller)
{
	const uid_t *only = caller_sees_all(caller) ? NULL :
	    &caller->identity->caller;
	struct listing listing = { .ids = NULL };
	struct status st = STATUS_INIT;
	struct queue q;
	int rc = queue_open(&q, &caller->source, &st);

	if (rc == -1)
		return fail(caller, &st);
	if (rc == 0)
		confine_reader(&q.config);
	if (rc == 0 && listing_read(&listing, &q.spool, false, &st) == -1) {
		queue_close(&q);
		return fail(caller, &st);
	}
	listing_print(&listing, &q.spool, false, only);
	listing_release(&listing);
	if (rc == 0)
		queue_close(&q);
	return EX_OK;
}
