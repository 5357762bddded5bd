/* SPDX-License-Identifier: ISC */
#include "smtp/dialogue.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "smtp/sasl.h"

#define MINUTES (60 * 1000)

/* The name of each step, and how long its reply is awaited at most (RFC 5321
 * 4.5.3.2); the session's own deadline mostly comes first, and the caller says
 * how long the answer to the message is worth waiting for. */
static const struct {
	const char	*name;
	int64_t		 limit_ms;
} phases[DIAGNOSE_STAGES] = {
	[DIAGNOSE_CONNECT]	= { "connecting", 5 * MINUTES },
	[DIAGNOSE_EHLO]		= { "EHLO", 5 * MINUTES },
	[DIAGNOSE_STARTTLS]	= { "STARTTLS", 5 * MINUTES },
	[DIAGNOSE_AUTH]		= { "AUTH", 5 * MINUTES },
	[DIAGNOSE_MAIL]		= { "MAIL FROM", 5 * MINUTES },
	[DIAGNOSE_RCPT]		= { "RCPT TO", 5 * MINUTES },
	[DIAGNOSE_DATA]		= { "DATA", 2 * MINUTES },
	[DIAGNOSE_END_OF_DATA]	= { "the message", CLOCK_NEVER },
};

const char *
dialogue_name(enum diagnose_stage stage)
{
	return phases[stage].name;
}

int
dialogue_class(const struct session *s)
{
	return s->reply.code / 100;
}

int
dialogue_broken(struct session *s)
{
	s->usable = false;
	return -1;
}

void
dialogue_trace(const struct session *s, char direction, const char *line)
{
	if (s->p.trace != NULL)
		s->p.trace(s->p.trace_context, direction, line);
}

void
dialogue_set_phase(struct session *s, enum diagnose_stage stage)
{
	int64_t limit = clock_deadline(phases[stage].limit_ms);

	stream_set_phase(s->stream, phases[stage].name,
	    s->p.deadline < limit ? s->p.deadline : limit);
}

static void
trace_received(const struct session *s, const char *line)
{
	char printable[STREAM_LINE_MAX + 5];

	status_printable(printable, sizeof printable, line);
	dialogue_trace(s, '<', printable);
}

/* The lines of a reply, of which the last has come or not. */
static void
trace_lines(const struct session *s, const char *text, bool complete)
{
	char line[STREAM_LINE_MAX + 5];
	const char *end;

	for (;; text = end + 1) {
		end = text + strcspn(text, "\n");
		snprintf(line, sizeof line, "%d%c%.*s", s->reply.code,
		    *end == '\0' && complete ? ' ' : '-', (int)(end - text),
		    text);
		trace_received(s, line);
		if (*end == '\0')
			return;
	}
}

/* A challenge is base64 (RFC 4954 4), in which a secret would look different: its
 * meaning is shown. */
static void
trace_challenge(const struct session *s)
{
	struct buf meaning;

	buf_init(&meaning, REPLY_MAX);
	if (sasl_decode_challenge(&meaning, s->reply.text.data)) {
		conceal_in(&s->conceal, &meaning);
		trace_lines(s, meaning.data, true);
	} else
		trace_lines(s, s->reply.text.data, true);
	buf_wipe(&meaning);
}

static void
trace_reply(const struct session *s, bool complete)
{
	if (s->p.trace == NULL || s->reply.lines == 0)
		return;
	if (s->reply.code == 334)
		trace_challenge(s);
	else
		trace_lines(s, s->reply.text.data, complete);
}

/* A line that is no part of a reply. */
static void
trace_odd_line(const struct session *s, const char *line, size_t len)
{
	struct buf copy;
	size_t i;

	buf_init(&copy, STREAM_LINE_MAX);
	buf_add(&copy, line, len);
	for (i = 0; i < copy.len; i++)
		if (copy.data[i] == '\0')
			copy.data[i] = '?';
	conceal_in(&s->conceal, &copy);
	trace_received(s, copy.data);
	buf_wipe(&copy);
}

int
dialogue_read(struct session *s, enum diagnose_stage stage, struct status *st)
{
	const char *line, *why;
	size_t len;
	int done = 0, rc = 0;

	dialogue_set_phase(s, stage);
	reply_reset(&s->reply);
	while (done == 0 &&
	    (rc = stream_read_line(s->stream, &line, &len, st)) == 0)
		done = reply_add_line(&s->reply, line, len, &why);
	/* Not line by line: a piece of a secret may go on in the next. */
	conceal_in(&s->conceal, &s->reply.text);
	trace_reply(s, done == 1);
	if (rc == -1)
		return dialogue_broken(s);
	if (done == -1) {
		trace_odd_line(s, line, len);
		status_set(st, EX_PROTOCOL, "%s cannot be understood: its "
		    "reply to %s %s", s->p.host, phases[stage].name, why);
		return dialogue_broken(s);
	}
	/* RFC 5321 3.8: after 421 the server closes. */
	if (s->reply.code == 421)
		s->usable = false;
	return 0;
}

bool
dialogue_has_reply(struct session *s)
{
	const char *text;
	size_t len;

	do {
		text = stream_unread(s->stream, &len);
		if (reply_is_there(text, len))
			return true;
	} while (stream_take_in(s->stream));
	return stream_is_closed(s->stream);
}

static int
refused(struct session *s, enum diagnose_stage stage, struct status *st,
    const char *doing)
{
	char words[sizeof st->remote];

	if (dialogue_class(s) < 4) {
		status_set(st, EX_PROTOCOL, "%s cannot be understood: it "
		    "answered %s with %d", s->p.host, phases[stage].name,
		    s->reply.code);
		return dialogue_broken(s);
	}
	reply_words(&s->reply, words, sizeof words);
	return diagnose_status(st, diagnose_reply(stage, s->reply.code,
	    s->reply.enhanced, words), &s->p.values, s->reply.code,
	    s->reply.enhanced, words, "%s", doing);
}

int
dialogue_refused(struct session *s, enum diagnose_stage stage,
    struct status *st, const char *doing, ...)
{
	char text[sizeof st->text];
	va_list ap;

	va_start(ap, doing);
	vsnprintf(text, sizeof text, doing, ap);
	va_end(ap);
	return refused(s, stage, st, text);
}

/* Reads the reply that is there without having been asked for. */
static int
read_unasked(struct session *s, enum diagnose_stage stage, struct status *st)
{
	if (dialogue_read(s, stage, st) == -1)
		return -1;
	s->usable = false;
	if (dialogue_class(s) >= 4)
		return dialogue_refused(s, stage, st, "%s broke off before %s",
		    s->p.host, phases[stage].name);
	status_set(st, EX_PROTOCOL, "%s cannot be understood: it spoke out of "
	    "turn before %s", s->p.host, phases[stage].name);
	return -1;
}

/* As far as we have seen. */
static int
check_open(struct session *s, enum diagnose_stage stage, struct status *st)
{
	if (!stream_is_closed(s->stream))
		return 0;
	if (!stream_was_told_off(s->stream, st))
		status_set(st, EX_TEMPFAIL, "%s closed the connection before "
		    "%s", s->p.host, phases[stage].name);
	return dialogue_broken(s);
}

int
dialogue_begin(struct session *s, enum diagnose_stage stage, struct status *st)
{
	if (stream_has_input(s->stream))
		return read_unasked(s, stage, st);
	if (check_open(s, stage, st) == -1)
		return -1;
	dialogue_set_phase(s, stage);
	return 0;
}

int
dialogue_look(struct session *s, enum diagnose_stage stage, struct status *st)
{
	/* The end stands behind all that was said; STREAM_IN_MAX ends that. */
	while (stream_take_in(s->stream))
		;
	return check_open(s, stage, st);
}

static int
put(struct session *s, struct status *st)
{
	size_t i;

	for (i = 0; i < s->line.len; i++)
		if (iscntrl((unsigned char)s->line.data[i]))
			goto refuse;
	if (s->line.overflow)
		goto refuse;
	dialogue_trace(s, '>', s->line.data);
	buf_addstr(&s->line, "\r\n");
	if (stream_put(s->stream, s->line.data, s->line.len, st) == -1)
		return dialogue_broken(s);
	return 0;
refuse:
	status_set(st, EX_USAGE, "too long, or a control character, in a "
	    "command: %.60s...", s->line.data);
	return dialogue_broken(s);
}

int
dialogue_put(struct session *s, struct status *st, const char *format, ...)
{
	va_list ap;

	buf_reset(&s->line);
	va_start(ap, format);
	buf_vaddf(&s->line, format, ap);
	va_end(ap);
	return put(s, st);
}

int
dialogue_explain(struct session *s, enum diagnose_stage stage,
    struct status *st)
{
	struct status why = STATUS_INIT;

	dialogue_broken(s);
	/* While others are in flight, what is there is their answer. */
	if (s->oldest == NULL && stream_has_input(s->stream) &&
	    read_unasked(s, stage, &why) == -1 && why.reply != 0)
		*st = why;
	return -1;
}

int
dialogue_flush(struct session *s, enum diagnose_stage stage, struct status *st)
{
	if (stream_flush(s->stream, st) == 0)
		return 0;
	return dialogue_explain(s, stage, st);
}

int
dialogue_command(struct session *s, enum diagnose_stage stage, int wanted,
    struct status *st, const char *format, ...)
{
	va_list ap;

	buf_reset(&s->line);
	va_start(ap, format);
	buf_vaddf(&s->line, format, ap);
	va_end(ap);
	if (dialogue_begin(s, stage, st) == -1 || put(s, st) == -1 ||
	    dialogue_flush(s, stage, st) == -1 ||
	    dialogue_read(s, stage, st) == -1)
		return -1;
	if (dialogue_class(s) != wanted)
		return dialogue_refused(s, stage, st, "%s refused",
		    phases[stage].name);
	return 0;
}
