/* SPDX-License-Identifier: ISC
 *
 * A real message, by the path that every message takes; what cannot be sent now
 * is not kept.
 */
#include "cli/check_step.h"

#include <string.h>
#include <unistd.h>

#include "cli/submit.h"

#define PIPE_SAFE 4096		/* a pipe takes so much without a reader */

/* The message text as a descriptor to read it from. */
static int
open_message(const struct check *k, struct status *st)
{
	char text[PIPE_SAFE];
	int ends[2], n;

	n = snprintf(text, sizeof text, "%s%s%sTo: %s\n"
	    "Subject: mailbearer check of account %s\n"
	    "Auto-Submitted: auto-generated\n\n"
	    "This message was sent by \"mailbearer check --send\".\n"
	    "It has arrived, so everything on the way works.\n",
	    k->from != NULL ? "From: " : "", k->from != NULL ? k->from : "",
	    k->from != NULL ? "\n" : "", k->send, k->account->name);
	if (n < 0 || (size_t)n >= sizeof text) {
		status_set(st, EX_USAGE, "an address is too long");
		return -1;
	}
	if (pipe(ends) == -1)
		return status_set_errno(st, EX_OSERR, "pipe");
	if (safefile_write_all(ends[1], text, (size_t)n) == -1) {
		status_set_errno(st, EX_OSERR, "pipe");
		close(ends[0]);
		ends[0] = -1;
	}
	close(ends[1]);
	return ends[0];
}

static int
take_in(struct submission *m, struct submitter *s, const struct check *k,
    struct status *st)
{
	struct message_options mo = { .directory = -1 };
	int rc, fd = open_message(k, st);

	if (fd == -1)
		return -1;
	rc = submission_begin(m, s, st);
	if (rc == 0)
		rc = message_read(&m->message, fd, &mo, st);
	close(fd);
	return rc == -1 ? -1 : submission_address(m, s, st);
}

/* Whoever looks at the screen wants the failure and not a spooled test. */
static void
without_spool(struct submitter *s)
{
	if (s->has_spool) {
		spool_close(&s->spool);
		s->directory = -1;
	}
	s->has_spool = s->config.spool = false;
}

static void
tell(struct check_result *r, const struct check *k, const struct outcome *out)
{
	if (out->delivered == 0) {
		check_fail_status(r, k, &out->status);
		return;
	}
	check_ok(r, "sent to %s: %d %s%s%s", k->send, out->status.reply,
	    out->status.enhanced, out->status.enhanced[0] != '\0' ? " " : "",
	    out->status.remote);
}

void
check_send(struct check *k, struct check_result *r)
{
	char address[1000];
	char *recipients[] = { address, NULL };
	struct options o = { .ignore_dots = true, .delivery = DELIVER_NOW,
	    .account = k->account->name, .sender = k->from,
	    .recipients = recipients, .recipient_count = 1 };
	struct caller caller = k->caller;
	struct submission m = SUBMISSION_INIT;
	struct status st = STATUS_INIT;
	struct submitter s;
	struct outcome out;

	/* It takes a connection of its own, and the mailbox may have just one. */
	session_close(k->session);
	k->session = NULL;
	limits_release_slot(&k->slot);
	snprintf(address, sizeof address, "%s", k->send);
	caller.options = &o;
	if (submitter_open(&s, &caller, &st) == -1) {
		check_fail_status(r, k, &st);
		return;
	}
	without_spool(&s);
	if (take_in(&m, &s, k, &st) == -1)
		check_fail_status(r, k, &st);
	else {
		submit(&s, &m, &out);
		tell(r, k, &out);
	}
	submission_release(&m);
	submitter_close(&s);
}
