/* SPDX-License-Identifier: ISC */
#include "cli/smtpd.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/dsn.h"
#include "cli/smtpd_parameters.h"
#include "cli/submit.h"
#include "mail/lines.h"

#define COMMAND_MAX	4096	/* RFC 5321 4.5.3.1.4 asks for 512; AUTH and
				 * DSN parameters need more */
#define RECIPIENTS_MAX	1000	/* of one transaction: the rest gets 452 */
#define PROTOCOL_ERRORS_MAX 50	/* then it is no SMTP client */
#define SILENCE_MS	200	/* who writes no more for so long has finished */
#define HANG_UP_MS	5000	/* who has not finished by then never will */

struct smtpd {
	struct submitter	 submitter;
	struct line_source	 in;
	bool			 has_sender;
	bool			 done;		/* it was us who ended it */
	bool			 refused;	/* part of this transaction */
	bool			 submitted;	/* a message was concluded */
	struct address		 sender;
	struct address_list	 recipients;
	struct smtpd_parameters	 parameters;	/* of this message */
	int			 errors;
	int			 sysexit;	/* of the first failure */
};

/* One reply line; text from servers is printable already.  A client that has
 * gone away is noticed when nothing more comes in. */
static void	reply(const char *format, ...)
		    __attribute__((format(printf, 1, 2)));

static void
reply(const char *format, ...)
{
	char line[512];	/* RFC 5321 4.5.3.1.5 */
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(line, sizeof line - 2, format, ap);
	va_end(ap);
	if (len < 0)
		return;
	if ((size_t)len > sizeof line - 3)
		len = sizeof line - 3;
	line[len++] = '\r';
	line[len++] = '\n';
	(void)safefile_write_all(STDOUT_FILENO, line, (size_t)len);
}

static void
fail(struct smtpd *s, int sysexit)
{
	s->refused = true;
	if (s->sysexit == EX_OK)
		s->sysexit = sysexit;
}

/* A message that is not tried: the log has it, too. */
static void
refuse(struct smtpd *s, const struct status *st)
{
	fail(s, st->sysexit);
	caller_refuse(s->submitter.caller, st);
}

/* Counts what is no SMTP.  Who sends a message where we expect commands is told
 * by the exit status that it went nowhere. */
static void
count_error(struct smtpd *s)
{
	if (++s->errors < PROTOCOL_ERRORS_MAX)
		return;
	reply("421 4.7.0 Too many errors");
	fail(s, EX_PROTOCOL);
	s->done = true;
}

static void
protocol_error(struct smtpd *s, const char *text)
{
	reply("%s", text);
	fail(s, EX_PROTOCOL);
	count_error(s);
}

static void
reset(struct smtpd *s)
{
	address_release(&s->sender);
	address_list_release(&s->recipients);
	smtpd_parameters_reset(&s->parameters);
	s->has_sender = s->refused = false;
}

static void
do_helo(struct smtpd *s, char *args)
{
	(void)args;
	reset(s);
	reply("250 mailbearer");
}

static void
do_ehlo(struct smtpd *s, char *args)
{
	(void)args;
	reset(s);
	reply("250-mailbearer");
	reply("250-SIZE %lld",
	    (long long)s->submitter.config.max_message_size);
	reply("250-PIPELINING");
	reply("250-8BITMIME");
	reply("250-SMTPUTF8");
	reply("250-ENHANCEDSTATUSCODES");
	reply("250 DSN");
}

static void
do_mail(struct smtpd *s, char *args)
{
	struct status st = STATUS_INIT;
	char *path, *parameters;
	const char *wrong;

	if (s->has_sender) {
		protocol_error(s, "503 5.5.1 Sender already given");
		return;
	}
	if ((parameters = smtpd_split_path(args, "FROM:", &path)) == NULL) {
		protocol_error(s, "501 5.5.4 Syntax: MAIL FROM:<address>");
		return;
	}
	if (address_parse_path(&s->sender, path, &st) == -1) {
		reply("553 5.1.7 %s", st.text);
		fail(s, EX_USAGE);
		return;
	}
	if ((wrong = smtpd_parameters_take(&s->parameters, SMTPD_MAIL,
	    parameters)) != NULL) {
		reply("%s", wrong);
		reset(s);
		fail(s, EX_DATAERR);
		return;
	}
	s->has_sender = true;
	reply("250 2.1.0 Sender OK");
}

/* Parameters of one recipient.  An envelope asks for one NOTIFY: nobody is to
 * miss a notification for his neighbour's NEVER. */
static const char *
take_rcpt_parameters(struct smtpd *s, char *text)
{
	struct smtpd_parameters own = { .max_size = 0 };
	const char *wrong = smtpd_parameters_take(&own, SMTPD_RCPT, text);

	if (wrong != NULL)
		return wrong;
	if (s->recipients.count == 0)
		memcpy(s->parameters.notify, own.notify, sizeof own.notify);
	else
		dsn_join_notify(s->parameters.notify, own.notify);
	return NULL;
}

static void
do_rcpt(struct smtpd *s, char *args)
{
	struct status st = STATUS_INIT;
	struct address a = { 0 };
	char *path, *parameters;
	const char *wrong;

	if (!s->has_sender) {
		protocol_error(s, "503 5.5.1 MAIL first");
		return;
	}
	if ((parameters = smtpd_split_path(args, "TO:", &path)) == NULL) {
		protocol_error(s, "501 5.5.4 Syntax: RCPT TO:<address>");
		return;
	}
	if (s->recipients.count >= RECIPIENTS_MAX) {
		reply("452 4.5.3 Too many recipients");
		fail(s, EX_TEMPFAIL);
		return;
	}
	if (address_parse_path(&a, path, &st) == -1 || a.local[0] == '\0') {
		reply("553 5.1.3 %s", st.text[0] != '\0' ? st.text :
		    "a recipient needs an address");
		fail(s, EX_USAGE);
	} else if ((wrong = take_rcpt_parameters(s, parameters)) != NULL) {
		reply("%s", wrong);
		fail(s, EX_USAGE);
	} else {
		/* Cannot fail: RECIPIENTS_MAX is less than a list holds. */
		(void)address_list_add(&s->recipients, &a, &st);
		reply("250 2.1.5 Recipient OK");
		return;
	}
	address_release(&a);
}

/* The reply to the data: the server's own where it gave one. */
static void
reply_outcome(struct smtpd *s, const struct outcome *out)
{
	const struct status *st = &out->status;
	bool temporary = status_is_mendable(st);
	char served[60] = "";

	if (out->sysexit == EX_OK && out->spool_id[0] != '\0') {
		reply("250 2.0.0 Spooled as %s%s", out->spool_id,
		    out->refused != 0 ? "; some recipients were refused" : "");
		return;
	}
	if (out->sysexit == EX_OK && out->refused != 0) {
		/* The status is the first refused one's, and names him. */
		reply("250 2.0.0 %zu delivered, %zu refused: %s%s%s",
		    out->delivered, out->refused, st->text,
		    st->remote[0] != '\0' ? ": " : "", st->remote);
		return;
	}
	if (out->sysexit == EX_OK) {
		reply("250 2.0.0 %s", st->remote[0] != '\0' ? st->remote : "OK");
		return;
	}
	fail(s, out->sysexit);
	/* SMTP has one reply for all recipients: who repeats the message should
	 * know that some have it. */
	if (out->delivered != 0)
		snprintf(served, sizeof served,
		    "%zu recipient%s served, not all: ", out->delivered,
		    out->delivered == 1 ? " was" : "s were");
	reply("%s %s %s%s%s%s", temporary ? "451" : "554",
	    st->enhanced[0] == (temporary ? '4' : '5') ? st->enhanced :
	    temporary ? "4.3.0" : "5.0.0", served, st->text,
	    st->remote[0] != '\0' ? ": " : "", st->remote);
}

/* What is left of a transaction once envelope and data are there. */
static void
conclude(struct smtpd *s, struct submission *m)
{
	struct status st = STATUS_INIT;
	struct outcome out;

	free(m->envelope.sender);	/* -f's */
	m->envelope.sender = address_text(&s->sender);
	smtpd_parameters_apply(&s->parameters, &m->envelope);
	if (submission_address_list(m, &s->submitter, &s->recipients,
	    &st) == -1) {
		reply("554 5.1.3 %s", st.text);
		refuse(s, &st);
		return;
	}
	submit(&s->submitter, m, &out);
	s->submitted = true;
	reply_outcome(s, &out);
	submit_afterwards(&s->submitter, &out);
}

static void
do_data(struct smtpd *s, char *args)
{
	struct message_options mo = { .dot_ends = true, .smtp = true,
	    .max_size = s->submitter.config.max_message_size,
	    .directory = s->submitter.directory,
	    .reserve = submitter_reserve(&s->submitter) };
	struct submission m = SUBMISSION_INIT;
	struct status st = STATUS_INIT, begun = STATUS_INIT;

	(void)args;
	/* A client that reads no replies goes on to its text, which a stranger
	 * may have written: it is taken as a text even if there is nobody to get
	 * it, and never as commands (RFC 5321 3.3 leaves us the choice). */
	if (s->recipients.count == 0 && !s->refused) {
		protocol_error(s, s->has_sender ? "554 5.5.1 No recipients" :
		    "503 5.5.1 MAIL first");
		return;
	}
	reply("354 Start mail input; end with <CRLF>.<CRLF>");
	(void)submission_begin(&m, &s->submitter, &begun);
	if (message_read_from(&m.message, &s->in, &mo, &st) == -1 ||
	    begun.sysexit != EX_OK) {
		if (begun.sysexit != EX_OK)
			st = begun;
		refuse(s, &st);
		if (s->in.eof)
			s->done = true;		/* nobody to tell */
		else
			reply("%s %s", st.class == CLASS_MESSAGE ? "552 5.3.4" :
			    st.sysexit == EX_USAGE ? "553 5.1.7" : "451 4.3.0",
			    st.text);
	} else if (s->recipients.count == 0)
		reply("554 5.5.1 No valid recipients");
	else
		conclude(s, &m);
	submission_release(&m);
	reset(s);
}

static void
do_rset(struct smtpd *s, char *args)
{
	(void)args;
	reset(s);
	reply("250 2.0.0 Resetting");
}

static void
do_noop(struct smtpd *s, char *args)
{
	(void)s;
	(void)args;
	reply("250 2.0.0 OK");
}

static void
do_vrfy(struct smtpd *s, char *args)
{
	(void)s;
	(void)args;
	reply("252 2.5.2 Cannot verify, but will take mail and try");
}

static void
do_help(struct smtpd *s, char *args)
{
	(void)s;
	(void)args;
	reply("214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
}

static void
do_quit(struct smtpd *s, char *args)
{
	(void)args;
	s->done = true;
	reply("221 2.0.0 Closing connection");
}

static const struct {
	const char	*verb;
	void		(*run)(struct smtpd *s, char *args);
} verbs[] = {
	{ "HELO", do_helo }, { "EHLO", do_ehlo }, { "MAIL", do_mail },
	{ "RCPT", do_rcpt }, { "DATA", do_data }, { "RSET", do_rset },
	{ "NOOP", do_noop }, { "VRFY", do_vrfy }, { "HELP", do_help },
	{ "QUIT", do_quit },
};

static void
run_command(struct smtpd *s, char *line)
{
	size_t len = strcspn(line, " \t"), i;
	char *args = line + len;

	args += strspn(args, " \t");
	for (i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strlen(verbs[i].verb) == len &&
		    strncasecmp(line, verbs[i].verb, len) == 0) {
			verbs[i].run(s, args);
			return;
		}
	/* nmh asks for VERB; it may not have it, and that is no failure. */
	reply("500 5.5.1 Command not recognized");
	count_error(s);
}

static void
serve(struct smtpd *s)
{
	struct status st = STATUS_INIT;
	char line[COMMAND_MAX];
	bool too_long;
	size_t len;
	int rc = 1;

	while (!s->done) {
		rc = line_source_next(&s->in, line, sizeof line, &len,
		    &too_long, &st);
		if (rc != 1)
			break;
		if (too_long)
			protocol_error(s, "500 5.5.2 Line too long");
		else if (strlen(line) != len)
			protocol_error(s, "500 5.5.2 NUL in command");
		else
			run_command(s, line);
	}
	if (rc == -1) {
		/* Not its end: there may be messages that we do not see. */
		reply("421 4.3.0 %s", st.text);
		refuse(s, &st);
	} else if (!s->done && s->errors != 0 && !s->submitted)
		fail(s, EX_PROTOCOL);	/* no QUIT: that was no session */
}

/* After the last reply.  A client may wait for our end with its end of the pipe
 * open, and so must not be waited for; another still writes what it thinks that
 * we want, and a SIGPIPE would be no answer to it. */
static void
hang_up(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char scrap[LINES_BUFFER];
	int64_t end = clock_deadline(HANG_UP_MS);

	while (clock_left(end) != 0 && poll(&p, 1, SILENCE_MS) == 1 &&
	    read(STDIN_FILENO, scrap, sizeof scrap) > 0)
		continue;
}

void
smtpd_decline(const struct status *st)
{
	reply("421 4.3.5 %s", st->text);
	hang_up();
}

int
smtpd_main(const struct caller *caller)
{
	struct options options = *caller->options;
	struct caller silent = *caller;
	struct smtpd s = { .sysexit = EX_OK };
	struct status st = STATUS_INIT;

	/* Alpine and nmh give us one pipe as stdout and stderr: a line that is no
	 * reply breaks the dialogue. */
	options.quiet = true;
	options.verbose = false;
	silent.options = &options;
	if (submitter_open(&s.submitter, &silent, &st) == -1) {
		smtpd_decline(&st);
		caller_refuse(&silent, &st);
		return status_exit(&st);
	}
	s.parameters.max_size = s.submitter.config.max_message_size;
	line_source_init(&s.in, STDIN_FILENO);
	reply("220 mailbearer ESMTP, for local programs");
	serve(&s);
	if (s.done)
		hang_up();
	line_source_release(&s.in);
	reset(&s);
	submitter_close(&s.submitter);
	return s.sysexit;
}
