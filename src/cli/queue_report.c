/* SPDX-License-Identifier: ISC */
#include "cli/queue_report.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/listing.h"
#include "cli/out.h"
#include "cli/report.h"
#include "queue/limits.h"

#define OBJECT_MAX (64 * 1024 * 1024)

void
queue_report_record(struct record *r)
{
	struct buf text;

	buf_init(&text, OBJECT_MAX);
	record_format(r, &text);
	puts(text.data);
	buf_release(&text);
	record_free(r);
}

void
queue_report_run(const struct runner_counts *counts, bool json)
{
	struct record *r;

	if (!json) {
		printf("%zu tried: %zu delivered, %zu deferred, %zu failed\n",
		    counts->tried, counts->delivered, counts->deferred,
		    counts->failed);
		return;
	}
	r = record_new();
	record_put_number(r, "tried", (int64_t)counts->tried);
	record_put_number(r, "delivered", (int64_t)counts->delivered);
	record_put_number(r, "deferred", (int64_t)counts->deferred);
	record_put_number(r, "failed", (int64_t)counts->failed);
	queue_report_record(r);
}

static void
report_pause(struct out *out, const struct config *c, const struct account *a)
{
	char why[LISTING_REASON], span[CLOCK_SPAN_SIZE];
	struct status pause = STATUS_INIT;
	int64_t until = limits_paused_until(c, a, &pause);

	if (until == 0)
		return;
	clock_span(span, clock_wall(), until);
	listing_status(why, &pause);
	out->column = printf("%s pauses, goes on %s: ", a->name, span);
	out_wrap(out, 2, why);
}

/* Those that it leaves untried know nothing of it, and show older reasons. */
static void
report_minute(struct out *out, const struct config *c, const struct account *a)
{
	char why[120], span[CLOCK_SPAN_SIZE];
	int64_t until = limits_minute_until(c, a);

	if (until == 0)
		return;
	clock_span(span, clock_wall(), until);
	snprintf(why, sizeof why, "messages-per-minute allows no more than %d",
	    a->messages_per_minute);
	out->column = printf("%s goes on %s: ", a->name, span);
	out_wrap(out, 2, why);
}

static void
report_accounts(const struct config *c, bool is_waiting)
{
	struct out out;
	size_t i;

	out_init(&out, stdout);
	for (i = 0; i < c->account_count; i++) {
		report_pause(&out, c, &c->accounts[i]);
		if (is_waiting)
			report_minute(&out, c, &c->accounts[i]);
	}
}

void
queue_report_rest(struct queue *q)
{
	struct status st = STATUS_INIT;
	struct listing l;
	size_t waiting;

	if (listing_read(&l, &q->spool, false, &st) == -1)
		return;
	waiting = l.count;
	listing_release(&l);
	if (waiting > 0)
		printf("%zu still waiting: mailbearer queue tells why\n", waiting);
	report_accounts(&q->config, waiting > 0);
}

/* With the lock: what another run has was not for this one to try. */
void
queue_report_reason(struct queue *q, const char *id)
{
	char reason[LISTING_REASON] = "another queue run works on it";
	struct status st = STATUS_INIT;
	struct out out;
	struct spool_entry e;
	bool is_tried = true;
	int rc = spool_load(&q->spool, id, false, &e, &st);

	if (rc == 1 && st.sysexit != EX_TEMPFAIL)
		return;
	if (rc == -1)
		listing_status(reason, &st);
	else if (rc == 0) {
		listing_reason(reason, &e);
		spool_entry_release(&e);
		is_tried = reason[0] != '\0';
	}
	out_init(&out, stdout);
	out.column = printf("%s: ", id);
	out_wrap(&out, 2, is_tried ? reason : "not tried yet");
	if (!is_tried)
		report_accounts(&q->config, true);
}
