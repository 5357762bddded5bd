/* SPDX-License-Identifier: ISC
 *
 * A journal as bytes that a stranger may have written.
 */
#include "queue/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "queue/journal_fields.h"

/* What a reader knows besides the entry. */
struct reader {
	struct spool_entry *entry;
	size_t		 recipients;	/* announced by the envelope */
	bool		 has_envelope;
	bool		 has_group;	/* the first one is closed */
};

static struct envelope *
envelope_of(struct reader *in)
{
	return &in->entry->submission.envelope;
}

static bool
is_complete(struct reader *in)
{
	return in->has_envelope &&
	    envelope_of(in)->count == in->recipients;
}

static int
read_envelope(struct reader *in, struct sealed *r)
{
	struct submission *s = &in->entry->submission;
	struct journal_count count = { 0 };

	if (in->has_envelope ||
	    sealed_take(r, journal_count_fields, &count) == -1 ||
	    sealed_take(r, journal_submission_fields, s) == -1 ||
	    count.version != JOURNAL_VERSION || count.recipients == 0 ||
	    s->message.body_offset > s->message.size)
		return -1;
	in->has_envelope = true;
	in->recipients = (size_t)count.recipients;
	in->entry->since = s->received;
	s->envelope.recipients = xcalloc(in->recipients,
	    sizeof *s->envelope.recipients);
	s->envelope.cap = in->recipients;
	return 0;
}

/* Behind the first group: one more than was announced. */
static int
make_room(struct reader *in)
{
	struct envelope *e = envelope_of(in);

	if (!in->has_group || in->recipients == JOURNAL_RECIPIENTS_MAX)
		return -1;
	in->recipients++;
	if (e->count == e->cap) {
		e->cap *= 2;
		e->recipients = xreallocarray(e->recipients, e->cap,
		    sizeof *e->recipients);
	}
	e->recipients[e->count] = (struct recipient){ 0 };
	return 0;
}

/* NULL if there is no such recipient. */
static struct recipient *
take_recipient(struct reader *in, struct sealed *r, const struct field *fields)
{
	struct envelope *e = envelope_of(in);
	struct recipient *recipient;

	if (!in->has_envelope ||
	    (e->count == in->recipients && make_room(in) == -1))
		return NULL;
	recipient = &e->recipients[e->count++];
	return sealed_take(r, fields, recipient) == -1 ||
	    recipient->address == NULL ? NULL : recipient;
}

static int
read_recipient(struct reader *in, struct sealed *r)
{
	return take_recipient(in, r, journal_recipient_fields) != NULL ? 0 : -1;
}

static int
read_unusable(struct reader *in, struct sealed *r)
{
	struct recipient *recipient =
	    take_recipient(in, r, journal_unusable_fields);

	if (recipient == NULL)
		return -1;
	recipient_set_unusable(recipient);
	return 0;
}

/* A number without sign or leading zeros, below `limit`. */
static int
take_index(const char **p, size_t limit, size_t *index)
{
	char *end;

	if (**p < '0' || **p > '9' || (**p == '0' && (*p)[1] >= '0' &&
	    (*p)[1] <= '9'))
		return -1;
	*index = strtoul(*p, &end, 10);
	*p = end;
	return *index < limit ? 0 : -1;
}

/* One of the comma's parts: "0-3" or "7", above those before it. */
static int
take_range(const char **p, size_t next, size_t limit, size_t *first,
    size_t *last)
{
	if (take_index(p, limit, first) == -1 || *first < next)
		return -1;
	*last = *first;
	if (**p != '-')
		return 0;
	++*p;
	return take_index(p, limit, last) == -1 || *last <= *first ? -1 : 0;
}

/* "0-3,7", ascending; none of those that are no path for a command. */
static int
set_states(struct envelope *e, const struct journal_state *s, struct fate *f)
{
	const char *p = s->of;
	size_t i, last, next = 0;

	do {
		if (take_range(&p, next, e->count, &i, &last) == -1)
			return -1;
		for (next = last + 1; i < next; i++) {
			if (e->recipients[i].state == RECIPIENT_UNUSABLE)
				return -1;
			recipient_share(&e->recipients[i], s->is, f);
		}
	} while (*p++ == ',');
	return p[-1] == '\0' ? 0 : -1;
}

static int
read_state(struct reader *in, struct sealed *r)
{
	struct journal_state s = { 0 };
	struct fate *f = NULL;
	int rc = -1;

	if (is_complete(in) && sealed_take(r, journal_state_fields, &s) == 0 &&
	    sealed_take(r, sealed_status_fields, &s.status) == 0 &&
	    s.of != NULL && s.is != RECIPIENT_PENDING &&
	    s.is != RECIPIENT_ACCEPTED) {
		f = fate_new(&s.status);
		rc = set_states(envelope_of(in), &s, f);
	}
	fate_release(f);
	free(s.of);
	return rc;
}

static int
read_attempt(struct reader *in, struct sealed *r)
{
	struct spool_entry *e = in->entry;
	struct journal_attempt a = { 0 };
	struct status reason = STATUS_INIT;

	if (!is_complete(in) ||
	    sealed_take(r, journal_attempt_fields, &a) == -1 ||
	    sealed_take(r, sealed_status_fields, &reason) == -1) {
		free(a.account);
		return -1;
	}
	free(e->last_account);
	e->last_account = a.account;
	e->last_attempt = a.at;
	e->next_attempt = a.next;
	e->attempts = a.number;
	e->last_status = reason;
	e->answer_unknown = false;
	return 0;
}

static int
read_mark(struct reader *in, struct sealed *r, int64_t *at)
{
	struct journal_time m = { 0 };

	if (!is_complete(in) || sealed_take(r, journal_mark_fields, &m) == -1)
		return -1;
	*at = m.at;
	return 0;
}

/* From here on the data may have left.  If no attempt follows, whoever wrote this
 * died before the answer: the message may have been delivered (RFC 5321
 * 4.5.3.2.6), goes again, and the log says so. */
static int
read_sent(struct reader *in, struct sealed *r)
{
	int64_t at;

	if (read_mark(in, r, &at) == -1)
		return -1;
	in->entry->answer_unknown = true;
	in->entry->last_attempt = at;
	return 0;
}

static int
read_failed(struct reader *in, struct sealed *r)
{
	if (read_mark(in, r, &in->entry->failed_at) == -1)
		return -1;
	in->entry->has_failed = true;
	return 0;
}

static int
read_requeued(struct reader *in, struct sealed *r)
{
	struct spool_entry *e = in->entry;

	if (read_mark(in, r, &e->since) == -1)
		return -1;
	e->has_failed = false;
	e->next_attempt = e->since;
	spool_entry_forgive(e);
	return 0;
}

static const struct {
	const char	*type;
	int		(*read)(struct reader *in, struct sealed *r);
	bool		 closes;	/* a group */
} types[] = {
	{ "envelope",	read_envelope,	false },
	{ "recipient",	read_recipient,	false },
	{ "unusable",	read_unusable,	false },
	{ "state",	read_state,	false },
	{ "attempt",	read_attempt,	true },
	{ "sent",	read_sent,	true },
	{ "failed",	read_failed,	true },
	{ "requeued",	read_requeued,	true },
};

/* Index in `types`, or -1. */
static int
find_type(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].type, type) == 0)
			return (int)i;
	return -1;
}

static int
broken(struct status *st, int64_t position)
{
	return status_set(st, EX_DATAERR,
	    "journal: no valid record at byte %" PRId64, position);
}

/* When the power fails a block may be missing though those behind it are there: it
 * reads as NULs, which no record has.  All that was synced together is gone then,
 * and that is a "sent" that stood in a list, and the group behind it: nothing
 * follows that closes a group but the last record.  Anything else is damage. */
static bool
has_hole(struct sealed *r, const char *bytes, size_t len, const char *id,
    int64_t position)
{
	size_t at, line, used;
	const char *end;
	int type;

	for (at = 0; at < len; at += line) {
		end = memchr(bytes + at, '\n', len - at);
		line = end != NULL ? (size_t)(end - bytes) + 1 - at : len - at;
		if (at == 0 && memchr(bytes, '\0', line) == NULL)
			return false;
		if (at + line != len && sealed_next(r, bytes + at, len - at, id,
		    position + (int64_t)at, &used) == SEALED_GOOD &&
		    (type = find_type(r->type)) != -1 && types[type].closes)
			return false;
	}
	return true;
}

/* Checks every record and finds the end of the last closed group.  A group counts
 * as a whole or not at all: of one that a crash cut off, states without their
 * attempt would say who was served, but not when the others are due.  Only the
 * end can be torn, since records are appended, or what was synced last have a
 * hole; a bad one before that is damage, and nothing of it is believed.  The first
 * group was there before the file had a name (spool_commit.c): without it this is
 * none of ours. */
static int
find_good_end(struct sealed *r, const char *bytes, size_t len, const char *id,
    int64_t position, size_t *good, struct status *st)
{
	enum sealed_result result;
	size_t at = 0, used = 0;
	int type;

	*good = 0;
	while ((result = sealed_next(r, bytes + at, len - at, id,
	    position + (int64_t)at, &used)) == SEALED_GOOD) {
		if ((type = find_type(r->type)) == -1)
			return broken(st, position + (int64_t)at);
		at += used;
		if (types[type].closes)
			*good = at;
	}
	if (*good == 0 || (result == SEALED_BROKEN &&
	    !has_hole(r, bytes + at, len - at, id, position + (int64_t)at)))
		return broken(st, position + (int64_t)at);
	return 0;
}

/* Reads whole and good records. */
static int
read_records(struct reader *in, struct sealed *r, const char *bytes, size_t len,
    const char *id, int64_t position, struct status *st)
{
	size_t at, used = 0;
	int type;

	for (at = 0; at < len; at += used) {
		if (sealed_next(r, bytes + at, len - at, id,
		    position + (int64_t)at, &used) != SEALED_GOOD ||
		    (type = find_type(r->type)) == -1 ||
		    types[type].read(in, r) == -1 || !sealed_is_spent(r))
			return broken(st, position + (int64_t)at);
		in->has_group = in->has_group || types[type].closes;
	}
	return 0;
}

int
journal_read(struct spool_entry *entry, const char *bytes, size_t len,
    const char *id, int64_t position, size_t *good, struct status *st)
{
	struct reader in = { .entry = entry };
	struct sealed *r = xmalloc(sizeof *r);
	int rc;

	spool_entry_init(entry);
	rc = find_good_end(r, bytes, len, id, position, good, st);
	if (rc == 0)
		rc = read_records(&in, r, bytes, *good, id, position, st);
	if (rc == -1)
		spool_entry_release(entry);
	else
		entry->recorded = entry->submission.envelope.count;
	free(r);
	return rc;
}

bool
journal_is_readable(const struct journal *j, size_t recipients)
{
	struct spool_entry scratch;
	struct reader in = {
		.entry = &scratch, .recipients = recipients,
		.has_envelope = true, .has_group = true
	};
	struct envelope *e = &scratch.submission.envelope;
	struct sealed *r = xmalloc(sizeof *r);
	struct status st = STATUS_INIT;
	int rc;

	spool_entry_init(&scratch);
	e->recipients = xcalloc(recipients, sizeof *e->recipients);
	e->count = e->cap = recipients;
	rc = read_records(&in, r, j->bytes.data, j->bytes.len, j->id,
	    j->position, &st);
	spool_entry_release(&scratch);
	free(r);
	return rc == 0;
}
