/* SPDX-License-Identifier: ISC */
#include "smtp/data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"

#define PHASE "part of the message"
#define BLOCK (64 * 1024)	/* of the message at a time */

struct writer {
	struct session	*s;
	int64_t		 octets;	/* of the message */
	int64_t		 deadline;	/* for the first of them */
	int64_t		 next_hold;	/* clock_ms */
	char		 last;		/* the octet written last */
	bool		 stuffed;
};

static int
put(struct writer *w, const char *p, size_t len, struct status *st)
{
	return stream_put(w->s->stream, p, len, st);
}

/* A dot at the start of a line goes out twice.  Dots are looked for and not
 * lines: an encoded attachment has none. */
static int
put_stuffed(struct writer *w, const char *p, size_t len, struct status *st)
{
	const char *end = p + len, *from = p, *dot = p;

	while ((dot = memchr(dot, '.', (size_t)(end - dot))) != NULL) {
		if ((dot == p ? w->last : dot[-1]) == '\n') {
			if (put(w, from, (size_t)(dot + 1 - from), st) == -1)
				return -1;
			from = dot;
		}
		dot++;
	}
	return put(w, from, (size_t)(end - from), st);
}

/* What is still queued on this side has been handed over too, as far as anybody
 * can tell. */
int
data_was_late(const struct session *s, int64_t octets,
    const struct session_data *d, struct status *st)
{
	if (st->reply != 0 || clock_left(s->p.deadline) != 0 ||
	    stream_is_closed(s->stream))
		return -1;
	status_set(st, EX_TEMPFAIL, "send-timeout%s was over with %" PRId64
	    " of %" PRId64 " octets handed to %s", d->least_rate != 0 ?
	    ", and what a run adds for the size," : "", octets, d->size,
	    s->p.host);
	return status_hint(st, "the line is too slow: raise send-timeout, see "
	    "mailbearer.conf(5); a queue run gives large messages longer");
}

/* Another block has left. */
static void
keep_going(struct writer *w, const struct session_data *d)
{
	struct session *s = w->s;

	if (d->least_rate != 0) {
		s->p.deadline = w->deadline + w->octets * 1000 / d->least_rate;
		stream_set_phase(s->stream, PHASE, s->p.deadline);
	}
	if (d->waits != NULL && clock_left(w->next_hold) == 0) {
		w->next_hold = clock_deadline(HOLD_MS);
		d->waits(d->context);
	}
}

static int
put_octets(struct writer *w, const struct session_data *d, const char *p,
    size_t len, struct status *st)
{
	if (len == 0)
		return 0;
	if ((w->stuffed ? put_stuffed : put)(w, p, len, st) == -1) {
		dialogue_explain(w->s, DIAGNOSE_END_OF_DATA, st);
		return data_was_late(w->s, w->octets, d, st);
	}
	w->octets += (int64_t)len;
	w->last = p[len - 1];
	keep_going(w, d);
	return 0;
}

static int
put_pieces(struct writer *w, const struct session_data *d, struct status *st)
{
	char *block = xmalloc(BLOCK);
	long n;
	int rc = 0;

	do {
		n = d->read(d->context, block, BLOCK, st);
		if (n > 0)
			rc = put_octets(w, d, block, (size_t)n, st);
	} while (n > 0 && rc == 0);
	free(block);
	return n < 0 ? -1 : rc;
}

static int
put_message(struct writer *w, const struct session_data *d, struct status *st)
{
	char shown[60];

	w->deadline = w->s->p.deadline;
	w->next_hold = clock_deadline(HOLD_MS);
	stream_set_phase(w->s->stream, PHASE, w->deadline);
	snprintf(shown, sizeof shown, "<message, %" PRId64 " octets>",
	    d->size);
	dialogue_trace(w->s, '>', shown);
	if (put_pieces(w, d, st) == -1)
		return -1;
	if (w->octets != d->size)
		return status_set(st, EX_IOERR, "the message changed while it "
		    "was being sent");
	return 0;
}

int
data_put_stuffed(struct session *s, const struct session_data *d,
    struct status *st)
{
	struct writer w = { .s = s, .last = '\n', .stuffed = true };
	const char *end;

	if (put_message(&w, d, st) == -1)
		return dialogue_broken(s);
	end = w.last == '\n' ? ".\r\n" : "\r\n.\r\n";
	/* The end is queued, not sent: an answer before it is out of turn. */
	if (stream_put(s->stream, end, strlen(end), st) == -1)
		return dialogue_explain(s, DIAGNOSE_END_OF_DATA, st);
	if (dialogue_begin(s, DIAGNOSE_END_OF_DATA, st) == -1 ||
	    (d->sent_all != NULL && d->sent_all(d->context, st) == -1))
		return dialogue_broken(s);
	return 0;
}

int
data_put_chunk(struct session *s, const struct session_data *d,
    struct status *st)
{
	struct writer w = { .s = s };

	if (dialogue_put(s, st, "BDAT %" PRId64 " LAST", d->size) == -1)
		return -1;
	if (put_message(&w, d, st) == -1 ||
	    (d->sent_all != NULL && d->sent_all(d->context, st) == -1))
		return dialogue_broken(s);
	return 0;
}
