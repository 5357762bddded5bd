/* SPDX-License-Identifier: ISC */
#include "cli/submit.h"

#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/starter.h"
#include "cli/trace.h"
#include "queue/delivery.h"
#include "queue/eventlog.h"
#include "queue/limits.h"

#define FIRST_RETRY	60	/* seconds until a runner tries again */

static void
count(struct outcome *out, const struct envelope *e)
{
	out->delivered = envelope_count(e, RECIPIENT_DELIVERED);
	out->deferred = envelope_count(e, RECIPIENT_DEFERRED) +
	    envelope_count(e, RECIPIENT_PENDING);
	out->refused = envelope_count(e, RECIPIENT_REFUSED);
}

/* The status that speaks for the whole: of what is worst to overlook. */
static void
pick_status(struct outcome *out, const struct envelope *e)
{
	const struct recipient *r = envelope_first(e,
	    out->deferred != 0 ? RECIPIENT_DEFERRED :
	    out->refused != 0 ? RECIPIENT_REFUSED : RECIPIENT_DELIVERED);

	if (r != NULL)
		recipient_status(r, &out->status);
}

static void
attempt(struct submitter *s, struct submission *m,
    struct delivery_report *report)
{
	const struct options *o = s->caller->options;
	struct delivery_options options = {
		.deadline = clock_deadline(s->config.send_timeout * 1000),
		.trace = o->verbose ? trace_line : NULL,
		.progress = o->verbose ? trace_octets : NULL,
	};
	struct status st = STATUS_INIT;

	/* Why it failed, if it did, each recipient knows. */
	(void)delivery_attempt(&s->config, m, &options, report, &st);
	trace_end();
}

/* Why a message is not tried now; NULL if it is. */
static const struct status *
reason_to_wait(struct submitter *s, const struct submission *m,
    struct status *over)
{
	if (s->config_status.sysexit != EX_OK)
		return &s->config_status;
	if (limits_count_user(&s->config, m->uid, over) == 1)
		return over;
	return NULL;
}

static const char *
account_of(const struct delivery_report *report)
{
	return report->account != NULL ? report->account->name : NULL;
}

/* What is not delivered goes to the spool. */
static int
keep_waiting(struct submitter *s, struct submission *m,
    const struct delivery_report *report, struct outcome *out,
    struct status *st)
{
	const struct status *why = out->status.sysexit != EX_OK ?
	    &out->status : NULL;
	/* Not tried yet, or kept from it by our own limits. */
	bool at_once = why == NULL || report->held_until != 0;

	if (out->deferred == 0)
		return 0;
	if (spool_commit(&s->spool, m, account_of(report), why, clock_wall() +
	    (at_once ? 0 : FIRST_RETRY), out->spool_id, st) == -1)
		return -1;
	/* From here on the mail is safe. */
	out->run_queue = at_once &&
	    s->caller->options->delivery != DELIVER_QUEUE;
	return 0;
}

/* Who was refused goes to failed/, and who is no address; these change no exit
 * code, HACKING.  False if that cannot be. */
static bool
keep_refused(struct submitter *s, struct submission *m,
    const struct delivery_report *report, const struct outcome *out)
{
	struct status st = STATUS_INIT;
	char id[SPOOL_ID_SIZE];

	if (out->refused == 0 &&
	    envelope_first(&m->envelope, RECIPIENT_UNUSABLE) == NULL)
		return true;
	if (!s->has_spool)
		return false;
	if (spool_commit_failed(&s->spool, m, account_of(report), id,
	    &st) == 0)
		return true;
	log_line(LOG_ERR, "refused message not kept in failed/: %s", st.text);
	return false;
}

/* Design section 8: the column "spool on" for those who are kept, else "off".
 * To serve some is no success where the others are kept nowhere (promise 1). */
static int
exit_code(const struct outcome *out, bool waits, bool in_failed)
{
	if (out->deferred != 0 && !waits)
		return out->delivered != 0 ? EX_TEMPFAIL : status_exit(&out->status);
	if (out->refused != 0 && out->delivered + out->deferred != 0)
		return in_failed ? EX_OK : EX_NOUSER;
	return out->refused != 0 ? status_exit(&out->status) : EX_OK;
}

/* Neither sent nor kept: the caller and the log have to know, and both reasons. */
static void
blame_spool(struct outcome *out, struct submission *m, const struct status *st)
{
	struct status both = *st;

	if (out->status.text[0] != '\0') {
		snprintf(both.text, sizeof both.text, "%s; and it was not sent: "
		    "%s", st->text, out->status.text);
		status_remote(&both, out->status.reply, out->status.enhanced,
		    out->status.remote);
	}
	status_context(&both, "the message cannot be kept");
	out->status = both;
	out->sysexit = status_exit(&both);
	envelope_settle(&m->envelope, RECIPIENT_PENDING, RECIPIENT_DEFERRED,
	    &both);
	envelope_settle(&m->envelope, RECIPIENT_DEFERRED, RECIPIENT_DEFERRED,
	    &both);
}

void
submit(struct submitter *s, struct submission *m, struct outcome *out)
{
	struct delivery_report report = { 0 };
	struct status over, st = STATUS_INIT;
	const struct status *why;

	*out = (struct outcome){ .sysexit = EX_SOFTWARE };
	if ((why = reason_to_wait(s, m, &over)) != NULL)
		envelope_settle(&m->envelope, RECIPIENT_PENDING,
		    RECIPIENT_DEFERRED, why);
	else if (!s->has_spool || s->caller->options->delivery == DELIVER_NOW)
		attempt(s, m, &report);
	count(out, &m->envelope);
	pick_status(out, &m->envelope);
	if (s->has_spool && keep_waiting(s, m, &report, out, &st) == -1)
		blame_spool(out, m, &st);
	else if (s->config.spool && !s->has_spool && out->deferred != 0)
		blame_spool(out, m, &s->spool_status);
	else
		out->sysexit = exit_code(out, s->has_spool,
		    keep_refused(s, m, &report, out));
	eventlog_attempt(m, &report, out->spool_id, out->spool_id[0] != '\0' ?
	    EVENTLOG_SPOOLED : EVENTLOG_REFUSED);
	out->renew = report.wants_renewal ? report.account : NULL;
	delivery_report_release(&report);
}

void
submit_afterwards(const struct submitter *s, const struct outcome *out)
{
	struct status st = STATUS_INIT;

	if (out->run_queue &&
	    starter_ask(ERRAND_QUEUE_RUN, 0, NULL, &st) == -1)
		log_line(LOG_WARNING, "no queue run: %s", st.text);
	if (out->renew != NULL && starter_ask(ERRAND_RENEWAL,
	    out->renew - s->config.accounts, NULL, &st) == -1)
		log_line(LOG_WARNING, "no new token: %s", st.text);
}
