/* SPDX-License-Identifier: ISC
 *
 * Message mode: stdin to outcome, said on stderr.
 */
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/submit.h"

#define RECIPIENTS_SAID	50	/* on stderr; the log has them all */

/* One line for each recipient, where they did not all fare alike. */
static void
say_recipients(const struct caller *c, const struct envelope *e,
    const struct outcome *out)
{
	static const char *const words[] = {
		[RECIPIENT_PENDING] = "not sent",
		[RECIPIENT_ACCEPTED] = "not sent",
		[RECIPIENT_DELIVERED] = "delivered",
		[RECIPIENT_DEFERRED] = "not sent",
		[RECIPIENT_REFUSED] = "refused",
	};
	const struct recipient *r;
	bool kept = out->spool_id[0] != '\0';
	size_t i;

	for (i = 0; i < e->count; i++) {
		r = &e->recipients[i];
		if (r->state == RECIPIENT_REPLACED ||
		    r->state == RECIPIENT_UNUSABLE)
			continue;
		if (i == RECIPIENTS_SAID) {
			caller_say_line(c, "and %zu more: see the log",
			    e->count - i);
			return;
		}
		if (r->state == RECIPIENT_DELIVERED)
			caller_say_line(c, "%s: delivered", r->address);
		else
			caller_say_line(c, "%s: %s: %s", r->address,
			    kept && r->state != RECIPIENT_REFUSED ?
			    "kept, to be sent later" : words[r->state],
			    *recipient_fate(r)->remote != '\0' ?
			    recipient_fate(r)->remote :
			    recipient_fate(r)->text);
	}
}

/* Success is silent.  That a message is kept is told to people, on a terminal;
 * programs take any text for an error (Emacs) or for a reply (nmh). */
static void
say_outcome(const struct caller *c, const struct submission *m,
    const struct outcome *out)
{
	const struct envelope *e = &m->envelope;
	const struct recipient *refused = envelope_first(e, RECIPIENT_REFUSED);
	bool kept = out->spool_id[0] != '\0';
	struct status why;

	if (kept && isatty(STDERR_FILENO)) {
		caller_say_line(c, "kept as %s, to be sent later%s%s",
		    out->spool_id, out->status.text[0] != '\0' ? ": " : "",
		    out->status.text);
		if (out->status.sysexit != EX_OK)
			caller_say(c, &out->status);
	}
	if (out->deferred != 0 && !kept)
		caller_say(c, &out->status);
	else if (refused != NULL) {
		recipient_status(refused, &why);
		caller_say(c, &why);
	} else
		return;
	if (e->count > 1 && (refused != NULL || out->delivered != 0))
		say_recipients(c, e, out);
}

/* Everything before the network: all of stdin, then who it is for. */
static int
take_in(struct submitter *s, struct submission *m, struct status *st)
{
	struct message_options mo = {
		.dot_ends = !s->caller->options->ignore_dots,
		.max_size = s->config.max_message_size,
		.directory = s->directory,
		.reserve = submitter_reserve(s),
	};
	struct status begun = STATUS_INIT;
	int rc = submission_begin(m, s, &begun);

	/* Read on after a bad -f: the caller is still writing. */
	if (message_read(&m->message, STDIN_FILENO, &mo, st) == -1)
		return -1;
	if (rc == -1) {
		*st = begun;
		return -1;
	}
	if (m->message.had_nul || m->message.had_bare_cr)
		log_line(LOG_NOTICE, "repaired message uid=%lu%s%s",
		    (unsigned long)m->uid, m->message.had_nul ? " nul=yes" : "",
		    m->message.had_bare_cr ? " bare-cr=yes" : "");
	if (submission_address(m, s, st) == -1)
		return -1;
	if (m->message.is_empty) {
		status_set(st, EX_DATAERR, "stdin is empty: there is no message");
		return status_hint(st, "pipe a message into %s, header first: "
		    "see sendmail(8)", s->caller->name);
	}
	return 0;
}

int
submit_stdin(const struct caller *caller)
{
	off_t start = lseek(STDIN_FILENO, 0, SEEK_CUR);
	struct status st = STATUS_INIT;
	struct submission m = SUBMISSION_INIT;
	struct outcome out = { .sysexit = EX_OK };
	struct submitter s;

	if (submitter_open(&s, caller, &st) == -1) {
		caller_drain_stdin();
		caller_refuse(caller, &st);
		out.sysexit = status_exit(&st);
	} else {
		if (take_in(&s, &m, &st) == -1) {
			caller_refuse(caller, &st);
			out.sysexit = status_exit(&st);
		} else {
			submit(&s, &m, &out);
			say_outcome(caller, &m, &out);
			submit_afterwards(&s, &out);
		}
		submission_release(&m);
		submitter_close(&s);
	}
	/* bsd-mailx saves dead.letter from this very file, where we left it. */
	if (out.sysexit != EX_OK && start != -1)
		lseek(STDIN_FILENO, start, SEEK_SET);
	return out.sysexit;
}
