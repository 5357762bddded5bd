/* SPDX-License-Identifier: ISC */
#include "smtp/dialogue.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

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

static void
set_phase(struct session *s, enum diagnose_stage stage)
{
	int64_t limit = clock_deadline(phases[stage].limit_ms);

	stream_set_phase(s->stream, phases[stage].name,
	    s->p.deadline < limit ? s->p.deadline : limit);
}

/* A server that does not understand our AUTH line may quote from it: where a
 * line has HIDE_MIN octets in common with the secret, the rest is not looked at.
 * A secret shorter than that is a password, which we say only in base64. */
#define HIDE_MIN 16
static size_t
length_without_secret(const struct session *s, const char *line, size_t len)
{
	size_t i, j;

	for (j = 0; j < sizeof s->secret / sizeof *s->secret; j++)
		for (i = 0; s->secret[j] != NULL && i + HIDE_MIN <= len; i++)
			if (memmem(s->secret[j], strlen(s->secret[j]), line + i,
			    HIDE_MIN) != NULL)
				len = i;
	return len;
}

static void
trace_reply_line(const struct session *s, const char *line, size_t len)
{
	char copy[STREAM_LINE_MAX + 1], printable[STREAM_LINE_MAX + 1];
	size_t i;

	if (s->p.trace == NULL)
		return;
	for (i = 0; i < len; i++)
		copy[i] = line[i] != '\0' ? line[i] : '?';
	copy[len] = '\0';
	status_printable(printable, sizeof printable, copy);
	s->p.trace(s->p.trace_context, '<', printable);
}

int
dialogue_read(struct session *s, enum diagnose_stage stage, struct status *st)
{
	const char *line, *why;
	size_t len;
	int done;

	set_phase(s, stage);
	reply_reset(&s->reply);
	do {
		if (stream_read_line(s->stream, &line, &len, st) == -1)
			return dialogue_broken(s);
		len = length_without_secret(s, line, len);
		trace_reply_line(s, line, len);
		done = reply_add_line(&s->reply, line, len, &why);
	} while (done == 0);
	if (done == -1) {
		status_set(st, EX_PROTOCOL, "%s cannot be understood: its "
		    "reply to %s %s", s->p.host, phases[stage].name, why);
		return dialogue_broken(s);
	}
	/* RFC 5321 3.8: after 421 the server closes. */
	if (s->reply.code == 421)
		s->usable = false;
	return 0;
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

int
dialogue_begin(struct session *s, enum diagnose_stage stage, struct status *st)
{
	if (stream_has_input(s->stream))
		return read_unasked(s, stage, st);
	if (stream_is_closed(s->stream)) {
		status_set(st, EX_TEMPFAIL, "%s closed the connection before "
		    "%s", s->p.host, phases[stage].name);
		return dialogue_broken(s);
	}
	set_phase(s, stage);
	return 0;
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
	if (stream_has_input(s->stream) &&
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
