/* SPDX-License-Identifier: ISC */
#include "smtp/data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define BLOCK (64 * 1024)	/* of the message at a time */

struct writer {
	struct session	*s;
	int64_t		 octets;	/* of the message */
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

static int
put_octets(struct writer *w, const char *p, size_t len, struct status *st)
{
	if (len == 0)
		return 0;
	if ((w->stuffed ? put_stuffed : put)(w, p, len, st) == -1)
		return dialogue_explain(w->s, DIAGNOSE_END_OF_DATA, st);
	w->octets += (int64_t)len;
	w->last = p[len - 1];
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
			rc = put_octets(w, block, (size_t)n, st);
	} while (n > 0 && rc == 0);
	free(block);
	return n < 0 ? -1 : rc;
}

static int
put_message(struct writer *w, const struct session_data *d, struct status *st)
{
	char shown[60];

	stream_set_phase(w->s->stream, "part of the message",
	    w->s->p.deadline);
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
