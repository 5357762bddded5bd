/* SPDX-License-Identifier: ISC */
#include "cli/submit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/background.h"
#include "oauth/token.h"
#include "queue/delivery.h"
#include "queue/eventlog.h"
#include "queue/limits.h"

#define RECIPIENTS_SAID	50	/* on stderr; the log has them all */
#define RENEWAL_MS	60000
#define FIRST_RETRY	60	/* seconds until a runner tries again */

/* The directory for messages too long for memory: the spool, so that keeping
 * them needs no copy; the state directory where there is no spool. */
static void
open_directory(struct submitter *s)
{
	struct status ignored;

	s->directory = -1;
	if (s->has_spool)
		s->directory = spool_message_directory(&s->spool);
	else if (s->config.state_directory != NULL)
		s->directory = safefile_open_directory(
		    s->config.state_directory, s->caller->identity->uid,
		    &ignored);
}

/* A config that is wrong costs nobody his mail: with the defaults, which know a
 * spool but no account, everything is kept until it is mended.  Where there is
 * no config at all, and under -C, the caller is told instead. */
static int
load_config(struct submitter *s, struct status *st)
{
	const struct config_source *source = &s->caller->source;
	struct status wrong = STATUS_INIT, ignored;
	bool missing;

	if (config_load(&s->config, source, &wrong) == 0)
		return 0;
	missing = errno == ENOENT;
	s->config_status = wrong;
	if (missing || source->given ||
	    config_parse(&s->config, source, "", 0, &ignored) == -1) {
		*st = wrong;
		return -1;
	}
	return 0;
}

static void
open_spool(struct submitter *s)
{
	if (!s->config.spool)
		return;
	if (spool_open(&s->spool, &s->config, &s->spool_status) == 0)
		s->has_spool = true;
	else
		log_line(LOG_ERR, "no spool: %s", s->spool_status.text);
}

int
submitter_open(struct submitter *s, const struct caller *caller,
    struct status *st)
{
	struct status log_status;

	*s = (struct submitter){ .caller = caller, .directory = -1 };
	if (load_config(s, st) == -1)
		return -1;
	if (log_open("mailbearer", s->config.log, &log_status) == -1)
		log_line(LOG_WARNING, "%s", log_status.text);
	open_spool(s);
	if (s->config_status.sysexit != EX_OK && !s->has_spool) {
		*st = s->config_status;
		submitter_close(s);
		return -1;
	}
	open_directory(s);
	return 0;
}

void
submitter_close(struct submitter *s)
{
	if (s->has_spool)
		spool_close(&s->spool);
	else if (s->directory != -1)
		close(s->directory);
	config_release(&s->config);
}

static int
random_bytes(void *to, size_t len)
{
	return getentropy(to, len);
}

/* Unique without asking anyone: time and 80 random bits. */
static int
make_message_id(char *id, size_t size, struct status *st)
{
	unsigned char bytes[10];
	char hex[2 * sizeof bytes + 1];

	if (random_bytes(bytes, sizeof bytes) == -1)
		return status_set_errno(st, EX_OSERR, "no random bytes");
	hex_encode(hex, bytes, sizeof bytes);
	snprintf(id, size, "%llx.%s", (long long)clock_wall(), hex);
	return 0;
}

static char *
xtext(const char *text)
{
	struct buf b;

	buf_init(&b, 1000);
	xtext_encode(&b, text);
	return buf_detach(&b);
}

/* -f as the path it means; '' and '<>' are the null path. */
static int
set_sender(struct submission *m, const char *sender, struct status *st)
{
	struct address a;

	if (address_parse_path(&a, sender, st) == -1)
		return status_context(st, "-f");
	m->envelope.sender = address_text(&a);
	address_release(&a);
	return 0;
}

static void
upper_case(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; from[i] != '\0' && i + 1 < size; i++)
		to[i] = from[i] >= 'a' && from[i] <= 'z' ?
		    (char)(from[i] - 'a' + 'A') : from[i];
	to[i] = '\0';
}

int
submission_begin(struct submission *m, const struct submitter *s,
    struct status *st)
{
	const struct options *o = s->caller->options;

	*m = (struct submission)SUBMISSION_INIT;
	m->uid = s->caller->identity->caller;
	m->received = clock_wall();
	clock_rfc5322(m->received, m->date);
	if (make_message_id(m->message_id, sizeof m->message_id, st) == -1)
		return -1;
	m->account = xstrdup(o->account);
	m->tag = xstrdup(o->tag);
	m->envelope.full_name = xstrdup(o->full_name);
	if (o->envid != NULL)
		m->envelope.envid = xtext(o->envid);
	if (o->ret != NULL)
		upper_case(m->envelope.ret, sizeof m->envelope.ret, o->ret);
	if (o->notify != NULL)
		upper_case(m->envelope.notify, sizeof m->envelope.notify,
		    o->notify);
	return o->sender != NULL ? set_sender(m, o->sender, st) : 0;
}

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
	enum recipient_state wanted = out->deferred != 0 ? RECIPIENT_DEFERRED :
	    out->refused != 0 ? RECIPIENT_REFUSED : RECIPIENT_DELIVERED;
	size_t i;

	for (i = 0; i < e->count; i++)
		if (e->recipients[i].state == wanted) {
			out->status = e->recipients[i].status;
			return;
		}
}

static void
attempt(struct submitter *s, struct submission *m,
    struct delivery_report *report)
{
	const struct options *o = s->caller->options;
	struct delivery_options options = {
		.deadline = clock_deadline(s->config.send_timeout * 1000),
		.trace = o->verbose ? caller_trace : NULL,
	};
	struct status st = STATUS_INIT;

	if (delivery_attempt(&s->config, m, &options, report, &st) == -1)
		log_line(LOG_DEBUG, "attempt failed: %s", st.text);
	eventlog_attempt(m, report, "");
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

/* What is not delivered goes to the spool, what was refused to failed/. */
static int
keep(struct submitter *s, struct submission *m,
    const struct delivery_report *report, struct outcome *out,
    struct status *st)
{
	const char *account = report->account != NULL ?
	    report->account->name : NULL;
	const struct status *why = out->status.sysexit != EX_OK ?
	    &out->status : NULL;
	bool at_once = why == NULL;
	char failed_id[SPOOL_ID_SIZE];

	if (out->deferred != 0) {
		if (spool_commit(&s->spool, m, account, why, clock_wall() +
		    (at_once ? 0 : FIRST_RETRY), out->spool_id, st) == -1)
			return -1;
		/* From here on the mail is safe. */
		eventlog_spooled(m, report, out->spool_id, why);
	}
	if (out->refused != 0 && spool_commit_failed(&s->spool, m, account,
	    failed_id, st) == -1)
		log_line(LOG_ERR, "refused message not kept in failed/: %s",
		    st->text);
	return 0;
}

/* Design section 8: the column "spool on" if the rest is kept, else "off". */
static int
exit_code(const struct outcome *out, bool kept)
{
	if (out->deferred != 0 && !kept)
		return out->delivered != 0 ? EX_TEMPFAIL : out->status.sysexit;
	if (out->refused != 0 && out->delivered + out->deferred != 0)
		return kept ? EX_OK : EX_NOUSER;
	return out->refused != 0 ? out->status.sysexit : EX_OK;
}

/* Neither sent nor kept: the caller has to know, and both reasons. */
static void
blame_spool(struct outcome *out, const struct status *st)
{
	struct status why = out->status;

	out->status = *st;
	if (why.text[0] != '\0')
		status_context(&out->status, "%s; and the message cannot be kept",
		    why.text);
	out->sysexit = out->status.sysexit;
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
	if (s->has_spool && keep(s, m, &report, out, &st) == -1)
		blame_spool(out, &st);
	else if (s->config.spool && !s->has_spool && out->deferred != 0)
		blame_spool(out, &s->spool_status);
	else
		out->sysexit = exit_code(out, s->has_spool);
	out->renew = report.wants_renewal ? report.account : NULL;
	delivery_report_release(&report);
}

void
submit_renew(const struct submitter *s, const struct outcome *out)
{
	if (out->renew == NULL || !background_begin())
		return;
	token_renew(&s->config, out->renew, clock_deadline(RENEWAL_MS));
	_exit(EX_OK);
}

static const struct recipient *
first_in(const struct envelope *e, enum recipient_state state)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		if (e->recipients[i].state == state)
			return &e->recipients[i];
	return NULL;
}

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
			    r->status.remote[0] != '\0' ? r->status.remote :
			    r->status.text);
	}
}

/* Success is silent.  That a message is kept is told to people, on a terminal;
 * programs take any text for an error (Emacs) or for a reply (nmh). */
static void
say_outcome(const struct caller *c, const struct submission *m,
    const struct outcome *out)
{
	const struct envelope *e = &m->envelope;
	const struct recipient *refused = first_in(e, RECIPIENT_REFUSED);
	bool kept = out->spool_id[0] != '\0';

	if (kept && isatty(STDERR_FILENO)) {
		caller_say_line(c, "kept as %s, to be sent later%s%s",
		    out->spool_id, out->status.text[0] != '\0' ? ": " : "",
		    out->status.text);
		if (out->status.sysexit != EX_OK)
			caller_say(c, &out->status);
	}
	if (out->deferred != 0 && !kept)
		caller_say(c, &out->status);
	else if (refused != NULL)
		caller_say(c, &refused->status);
	else
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
	if (m->message.size <= 2) {
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
		caller_say(caller, &st);
		out.sysexit = st.sysexit;
	} else {
		if (take_in(&s, &m, &st) == -1) {
			caller_say(caller, &st);
			out.sysexit = st.sysexit;
		} else {
			submit(&s, &m, &out);
			say_outcome(caller, &m, &out);
			submit_renew(&s, &out);
		}
		submission_release(&m);
		submitter_close(&s);
	}
	/* bsd-mailx saves dead.letter from this very file, where we left it. */
	if (out.sysexit != EX_OK && start != -1)
		lseek(STDIN_FILENO, start, SEEK_SET);
	return out.sysexit;
}
