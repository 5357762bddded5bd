/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "smtp/dialogue.h"
#include "smtp/ehlo.h"
#include "smtp/transaction.h"

#define COMMAND_MAX	2000	/* two addresses and all parameters */
#define GOODBYE_MS	500	/* until QUIT is out: the path may be full */

static struct session *
new_session(const struct session_params *p)
{
	struct session *s = xcalloc(1, sizeof *s);

	s->p = *p;
	s->usable = true;
	s->began = clock_ms();
	buf_init(&s->line, COMMAND_MAX);
	reply_init(&s->reply);
	conceal_init(&s->conceal);
	return s;
}

static void
free_session(struct session *s)
{
	stream_close(s->stream);
	buf_release(&s->line);
	reply_release(&s->reply);
	conceal_release(&s->conceal);
	free(s);
}

static int
connect_to_server(struct session *s, struct status *st)
{
	struct connect_params c = {
		.host = s->p.host,
		.port = s->p.port,
		.source_address = s->p.source_address,
		.deadline = s->p.deadline,
		.aside = s->p.aside,
	};

	s->stream = stream_open(&c, st);
	return s->stream == NULL ? -1 : 0;
}

/* Before the greeting is read, because OpenSSL takes longer to start than all
 * the rest of us, and the wire is idle until then. */
static int
prepare_tls(struct session *s, struct status *st)
{
	struct tls_params t = {
		.host = s->p.host,
		.minimum = s->p.tls_minimum,
		.ca_file = s->p.ca_file,
		.ca_directory = s->p.ca_directory,
		.certificate = s->p.tls_certificate,
		.private_key = s->p.tls_private_key,
		.resume = s->p.tls_resume,
		.resume_len = s->p.tls_resume_len,
		.new_session = s->p.tls_new_session,
		.context = s->p.tls_context,
	};

	if (s->p.tls == SESSION_PLAIN)
		return 0;
	return stream_prepare_tls(s->stream, &t, st);
}

/* RFC 5321 3.1 */
static int
read_greeting(struct session *s, struct status *st)
{
	if (dialogue_read(s, DIAGNOSE_CONNECT, st) == -1)
		return -1;
	if (dialogue_class(s) != 2)
		return dialogue_refused(s, DIAGNOSE_CONNECT, st,
		    "%s does not want to talk to us", s->p.host);
	return 0;
}

/* RFC 5321 4.1.1.1: an old server that does not know EHLO gets HELO; but one
 * without extensions has neither TLS nor AUTH. */
static bool
may_say_helo(const struct session *s)
{
	return s->p.tls == SESSION_PLAIN && s->usable &&
	    (s->reply.code == 500 || s->reply.code == 502);
}

static int
say_hello(struct session *s, struct status *st)
{
	const char *name = s->p.ehlo_name;
	struct status refused = STATUS_INIT;
	char literal[80];

	/* RFC 5321 4.1.2 and 4.1.4: an underscore is in many a host's own name,
	 * and in no domain that a server need take. */
	if (name == NULL || strchr(name, '_') != NULL) {
		stream_address_literal(s->stream, literal, sizeof literal);
		name = literal;
	}
	if (dialogue_command(s, DIAGNOSE_EHLO, 2, &refused, "EHLO %s",
	    name) == 0) {
		ehlo_parse(&s->ext, s->reply.text.data);
		return 0;
	}
	if (may_say_helo(s))
		return dialogue_command(s, DIAGNOSE_EHLO, 2, st, "HELO %s",
		    name);
	*st = refused;
	return -1;
}

/* RFC 3207: what was said in clear is forgotten, so EHLO comes again. */
static int
upgrade(struct session *s, struct status *st)
{
	if (!s->ext.starttls) {
		status_set(st, EX_PROTOCOL, "%s does not offer STARTTLS",
		    s->p.host);
		return status_hint(st, "nothing is sent in clear; see whether "
		    "`host` and `port` are right, or what on the way takes "
		    "STARTTLS out");
	}
	if (dialogue_command(s, DIAGNOSE_STARTTLS, 2, st, "STARTTLS") == -1 ||
	    stream_start_tls(s->stream, st) == -1)
		return -1;
	return say_hello(s, st);
}

static int
open_connection(struct session *s, struct status *st)
{
	if (connect_to_server(s, st) == -1 || prepare_tls(s, st) == -1 ||
	    (s->p.tls == SESSION_IMPLICIT_TLS &&
	    stream_start_tls(s->stream, st) == -1) ||
	    read_greeting(s, st) == -1 || say_hello(s, st) == -1)
		return -1;
	return s->p.tls == SESSION_STARTTLS ? upgrade(s, st) : 0;
}

/* A server that does not want to resume a session goes on without it (RFC 8446
 * 2.2, RFC 5246 7.3).  Some end the connection instead: one of OpenSSL that asks
 * for a certificate and was given no session id context, say. */
static bool
may_be_for_the_session(const struct session *s)
{
	return s->stream != NULL && stream_resume_failed(s->stream) &&
	    clock_left(s->p.deadline) != 0;
}

static struct session *
open_without_session(struct session *failed)
{
	struct session_params p = failed->p;
	struct session *s;

	p.tls_resume = NULL;
	s = new_session(&p);
	s->resume_failed = true;
	free_session(failed);
	return s;
}

struct session *
session_open(const struct session_params *p, struct status *st)
{
	struct session *s = new_session(p);
	int rc = open_connection(s, st);

	if (rc == -1 && may_be_for_the_session(s)) {
		status_clear(st);
		s = open_without_session(s);
		rc = open_connection(s, st);
	}
	if (rc == -1) {
		free_session(s);
		return NULL;
	}
	s->p.aside = NULL;
	stream_set_aside(s->stream, NULL);
	s->opening_ms = clock_ms() - s->began;
	return s;
}

const struct session_extensions *
session_extensions(const struct session *s)
{
	return &s->ext;
}

bool
session_is_usable(const struct session *s)
{
	return s->usable;
}

bool
session_is_quiet(struct session *s)
{
	return s->usable && !stream_has_input(s->stream) &&
	    !stream_is_closed(s->stream);
}

void
session_set_deadline(struct session *s, int64_t deadline)
{
	s->p.deadline = deadline;
}

/* RFC 5321 4.1.1.10 would have us wait for 221, which tells us nothing: the 250
 * is in, and whoever has our slot next is the mailbox's for the server only after
 * its AUTH, several round trips after this has arrived (HACKING).  A session that
 * broke may be in the middle of the data: QUIT would be text there, so the
 * connection just ends. */
void
session_close(struct session *s)
{
	struct status ignored = STATUS_INIT;

	if (s == NULL)
		return;
	session_settle(s);
	session_set_deadline(s, clock_deadline(GOODBYE_MS));
	if (s->usable &&
	    dialogue_begin(s, DIAGNOSE_EHLO, &ignored) == 0 &&
	    dialogue_put(s, &ignored, "QUIT") == 0)
		(void)dialogue_flush(s, DIAGNOSE_EHLO, &ignored);
	free_session(s);
}

void
session_cost(const struct session *s, struct session_cost *cost)
{
	cost->flights = stream_flights(s->stream);
	cost->tls_resumed = stream_tls_resumed(s->stream);
	cost->resume_failed = s->resume_failed;
	cost->two_step = s->two_step;
	cost->wants_two_step = s->line_refused && !s->p.auth_two_step;
	cost->bdat_failed = s->bdat_failed;
}
