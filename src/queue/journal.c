/* SPDX-License-Identifier: ISC */
#include "queue/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "queue/record.h"

#define FORM_VERSION		1
#define TIME_LAST	(INT64_C(1) << 50)
#define SIZE_LAST	(INT64_C(1) << 50)
#define RANGES_MAX	(32 * 1024)	/* of recipients, in one state record */
#define WORDS_EXACT	64		/* state records with words of their own */
#define CODES_EXACT	256		/* ... with codes of their own */

struct mark {
	int64_t	at;
};

struct count {
	int64_t	version, recipients;
};

struct state {
	enum recipient_state is;
	char		*of;		/* "0-3,7": which recipients */
	struct status	 status;
};

/* A path as it stands between < and > in an SMTP command: nothing that ends it
 * early outside of a quoted string, RFC 5321 4.1.2. */
static bool
is_path(const char *s)
{
	bool quoted = false;

	if (!record_is_line(s))
		return false;
	for (; *s != '\0'; s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (quoted && *s == '\\' && s[1] != '\0')
			s++;
		else if (!quoted && strchr(" <>", *s) != NULL)
			return false;
	}
	return !quoted;
}

static bool
is_recipient(const char *s)
{
	return *s != '\0' && is_path(s);
}

/* Goes into a command or a Message-ID as it is: visible ASCII. */
static bool
is_word(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '<' || *s == '>')
			return false;
	return true;
}

static bool
is_ret(const char *s)
{
	return strcmp(s, "FULL") == 0 || strcmp(s, "HDRS") == 0;
}

static bool
is_notify(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ,")] == '\0';
}

static const char *const state_words[] = {
	[RECIPIENT_PENDING] = "pending", [RECIPIENT_ACCEPTED] = "accepted",
	[RECIPIENT_DELIVERED] = "delivered",
	[RECIPIENT_DEFERRED] = "deferred", [RECIPIENT_REFUSED] = "refused",
	NULL
};

#define END { NULL, 0, 0, 0, NULL, NULL }

#define AT(member) offsetof(struct count, member)
static const struct field count_fields[] = {
	{ "version",	FIELD_NUMBER, AT(version), FORM_VERSION, NULL, NULL },
	{ "recipients",	FIELD_NUMBER, AT(recipients), JOURNAL_RECIPIENTS_MAX,
	    NULL, NULL },
	END
};
#undef AT

#define AT(member) offsetof(struct submission, member)
static const struct field submission_fields[] = {
	{ "uid",	FIELD_UID,	AT(uid),	UINT32_MAX, NULL, NULL },
	{ "received",	FIELD_NUMBER,	AT(received),	TIME_LAST, NULL, NULL },
	{ "size",	FIELD_NUMBER,	AT(message.size), SIZE_LAST, NULL, NULL },
	{ "body",	FIELD_NUMBER,	AT(message.body_offset), SIZE_LAST,
	    NULL, NULL },
	{ "sender",	FIELD_TEXT,	AT(envelope.sender), ADDRESS_MAX,
	    is_path, NULL },
	{ "full-name",	FIELD_TEXT,	AT(envelope.full_name), 4000,
	    record_is_line, NULL },
	{ "account",	FIELD_TEXT,	AT(account),	64, record_is_name, NULL },
	{ "date",	FIELD_CHARS,	AT(date),	39, NULL, NULL },
	{ "message-id",	FIELD_CHARS,	AT(message_id),	63, is_word, NULL },
	{ "charset",	FIELD_TEXT,	AT(charset),	100, is_word, NULL },
	{ "tag",	FIELD_TEXT,	AT(tag),	1000, record_is_line, NULL },
	{ "envid",	FIELD_TEXT,	AT(envelope.envid), 400, is_word, NULL },
	{ "ret",	FIELD_CHARS,	AT(envelope.ret), 7, is_ret, NULL },
	{ "notify",	FIELD_CHARS,	AT(envelope.notify), 31, is_notify, NULL },
	END
};
#undef AT

#define AT(member) offsetof(struct recipient, member)
static const struct field recipient_fields[] = {
	{ "address",	FIELD_TEXT, AT(address), ADDRESS_MAX, is_recipient, NULL },
	{ "original",	FIELD_TEXT, AT(original), 4 * ADDRESS_MAX, is_word, NULL },
	{ "utf8",	FIELD_FLAG, AT(utf8), 1, NULL, NULL },
	END
};
#undef AT

#define AT(member) offsetof(struct state, member)
static const struct field state_fields[] = {
	{ "is",	FIELD_WORD, AT(is), 0, NULL, state_words },
	{ "of",	FIELD_TEXT, AT(of), RECORD_MAX, NULL, NULL },
	END
};
#undef AT

#define AT(member) offsetof(struct journal_attempt, member)
static const struct field attempt_fields[] = {
	{ "at",		FIELD_NUMBER, AT(at),	TIME_LAST, NULL, NULL },
	{ "next",	FIELD_NUMBER, AT(next),	TIME_LAST, NULL, NULL },
	{ "number",	FIELD_INT, AT(number),	1000000, NULL, NULL },
	{ "account",	FIELD_TEXT, AT(account), 64, record_is_name, NULL },
	END
};
#undef AT

static const struct field mark_fields[] = {
	{ "at",		FIELD_NUMBER, offsetof(struct mark, at), TIME_LAST,
	    NULL, NULL },
	END
};

void
journal_init(struct journal *j, const char *id, int64_t position, size_t max)
{
	buf_init(&j->bytes, max);
	j->id = id;
	j->position = position;
}

void
journal_release(struct journal *j)
{
	buf_release(&j->bytes);
}

/* One record of up to two tables. */
static void
add(struct journal *j, const char *type,
    const struct field *fields, const void *values,
    const struct field *more, const void *more_values)
{
	struct buf line;

	record_begin(&line, type);
	record_add(&line, fields, values);
	if (more != NULL)
		record_add(&line, more, more_values);
	record_end(&line, j->id, j->position + (int64_t)j->bytes.len);
	if (line.overflow)
		j->bytes.overflow = true;
	else
		buf_add(&j->bytes, line.data, line.len);
	buf_release(&line);
}

void
journal_add_envelope(struct journal *j, const struct submission *s,
    size_t recipients)
{
	const struct count count = {
		.version = FORM_VERSION, .recipients = (int64_t)recipients
	};

	add(j, "envelope", count_fields, &count, submission_fields, s);
}

void
journal_add_recipient(struct journal *j, const struct recipient *r)
{
	add(j, "recipient", recipient_fields, r, NULL, NULL);
}

void
journal_add_attempt(struct journal *j, const struct journal_attempt *a,
    const struct status *reason)
{
	add(j, "attempt", attempt_fields, a, record_status_fields, reason);
}

void
journal_add_mark(struct journal *j, enum journal_mark mark, int64_t at)
{
	static const char *const types[] = {
		[JOURNAL_SENT] = "sent", [JOURNAL_FAILED] = "failed",
		[JOURNAL_REQUEUED] = "requeued"
	};
	const struct mark m = { .at = at };

	add(j, types[mark], mark_fields, &m, NULL, NULL);
}

static bool
is_settled(const struct recipient *r)
{
	return r->state != RECIPIENT_PENDING && r->state != RECIPIENT_ACCEPTED;
}

/* Whether two recipients share the `n`th record (journal_add_states). */
static bool
alike(const struct recipient *a, const struct recipient *b, size_t n)
{
	const struct status *s = &a->status, *t = &b->status;

	if (a->state != b->state)
		return false;
	if (n >= CODES_EXACT)
		return true;
	if (s->sysexit != t->sysexit || s->scope != t->scope ||
	    s->class != t->class || s->reply != t->reply ||
	    strcmp(s->enhanced, t->enhanced) != 0)
		return false;
	return n >= WORDS_EXACT || (strcmp(s->text, t->text) == 0 &&
	    strcmp(s->remote, t->remote) == 0 &&
	    strcmp(s->hint, t->hint) == 0);
}

/* Adds recipient `i` to the ranges; true if it lengthened the last range. */
static void
add_to_ranges(struct buf *ranges, size_t *last_start, size_t *last_end,
    size_t *mark, size_t i)
{
	if (ranges->len != 0 && i == *last_end + 1)
		buf_truncate(ranges, *mark);
	else {
		if (ranges->len != 0)
			buf_addch(ranges, ',');
		*last_start = i;
		*mark = ranges->len;
	}
	*last_end = i;
	if (*last_start == i)
		buf_addf(ranges, "%zu", i);
	else
		buf_addf(ranges, "%zu-%zu", *last_start, i);
}

/* One record: recipient `first` and all behind it that are like it. */
static void
add_state(struct journal *j, const struct recipient *recipients, size_t count,
    size_t first, size_t n, bool *done)
{
	struct state s = {
		.is = recipients[first].state,
		.status = recipients[first].status
	};
	struct buf ranges;
	size_t i, start = 0, end = 0, mark = 0;

	buf_init(&ranges, RANGES_MAX);
	for (i = first; i < count && ranges.len < RANGES_MAX - 32; i++)
		if (!done[i] && is_settled(&recipients[i]) &&
		    alike(&recipients[first], &recipients[i], n)) {
			add_to_ranges(&ranges, &start, &end, &mark, i);
			done[i] = true;
		}
	s.of = ranges.data;
	add(j, "state", state_fields, &s, record_status_fields, &s.status);
	buf_release(&ranges);
}

void
journal_add_states(struct journal *j, const struct recipient *recipients,
    size_t count)
{
	bool *done = xcalloc(count, sizeof *done);
	size_t i, n = 0;

	for (i = 0; i < count; i++)
		if (!done[i] && is_settled(&recipients[i]))
			add_state(j, recipients, count, i, n++, done);
	free(done);
}

/* Reading. */

/* What a reader knows besides the entry. */
struct reader {
	struct spool_entry *entry;
	size_t		 recipients;	/* announced by the envelope */
	bool		 has_envelope;
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
read_envelope(struct reader *in, struct record *r)
{
	struct submission *s = &in->entry->submission;
	struct count count = { 0 };

	if (in->has_envelope ||
	    record_take(r, count_fields, &count) == -1 ||
	    record_take(r, submission_fields, s) == -1 ||
	    count.version != FORM_VERSION || count.recipients == 0 ||
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

static int
read_recipient(struct reader *in, struct record *r)
{
	struct envelope *e = envelope_of(in);
	struct recipient *recipient;

	if (!in->has_envelope || e->count == in->recipients)
		return -1;
	recipient = &e->recipients[e->count++];
	return record_take(r, recipient_fields, recipient) == -1 ||
	    recipient->address == NULL ? -1 : 0;
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

/* "0-3,7", ascending. */
static int
set_states(struct envelope *e, const struct state *s)
{
	const char *p = s->of;
	size_t first, last, next = 0;

	do {
		if (take_index(&p, e->count, &first) == -1 || first < next)
			return -1;
		last = first;
		if (*p == '-') {
			p++;
			if (take_index(&p, e->count, &last) == -1 ||
			    last <= first)
				return -1;
		}
		for (next = last + 1; first < next; first++) {
			e->recipients[first].state = s->is;
			e->recipients[first].status = s->status;
		}
	} while (*p++ == ',');
	return p[-1] == '\0' ? 0 : -1;
}

static int
read_state(struct reader *in, struct record *r)
{
	struct state s = { 0 };
	int rc = -1;

	if (is_complete(in) && record_take(r, state_fields, &s) == 0 &&
	    record_take(r, record_status_fields, &s.status) == 0 &&
	    s.of != NULL && s.is != RECIPIENT_PENDING &&
	    s.is != RECIPIENT_ACCEPTED)
		rc = set_states(envelope_of(in), &s);
	free(s.of);
	return rc;
}

static int
read_attempt(struct reader *in, struct record *r)
{
	struct spool_entry *e = in->entry;
	struct journal_attempt a = { 0 };
	struct status reason = STATUS_INIT;

	if (!is_complete(in) || record_take(r, attempt_fields, &a) == -1 ||
	    record_take(r, record_status_fields, &reason) == -1) {
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
read_mark(struct reader *in, struct record *r, int64_t *at)
{
	struct mark m = { 0 };

	if (!is_complete(in) || record_take(r, mark_fields, &m) == -1)
		return -1;
	*at = m.at;
	return 0;
}

static int
read_sent(struct reader *in, struct record *r)
{
	int64_t at;

	if (read_mark(in, r, &at) == -1)
		return -1;
	in->entry->answer_unknown = true;
	in->entry->last_attempt = at;
	return 0;
}

static int
read_failed(struct reader *in, struct record *r)
{
	if (read_mark(in, r, &in->entry->failed_at) == -1)
		return -1;
	in->entry->has_failed = true;
	return 0;
}

static int
read_requeued(struct reader *in, struct record *r)
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
	int		(*read)(struct reader *in, struct record *r);
	bool		 closes;	/* a group */
} types[] = {
	{ "envelope",	read_envelope,	false },
	{ "recipient",	read_recipient,	false },
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

/* Checks every record and finds the end of the last closed group. */
static int
find_good_end(struct record *r, const char *bytes, size_t len, const char *id,
    int64_t position, size_t *good, struct status *st)
{
	enum record_result result;
	size_t at = 0, used = 0;
	int type;

	*good = 0;
	while ((result = record_next(r, bytes + at, len - at, id,
	    position + (int64_t)at, &used)) == RECORD_GOOD) {
		if ((type = find_type(r->type)) == -1)
			return broken(st, position + (int64_t)at);
		at += used;
		if (types[type].closes)
			*good = at;
	}
	if (result == RECORD_BROKEN || *good == 0)
		return broken(st, position + (int64_t)at);
	return 0;
}

int
journal_read(struct spool_entry *entry, const char *bytes, size_t len,
    const char *id, int64_t position, size_t *good, struct status *st)
{
	struct reader in = { .entry = entry };
	struct record *r = xmalloc(sizeof *r);
	size_t at, used = 0;
	int rc = -1;

	spool_entry_init(entry);
	if (find_good_end(r, bytes, len, id, position, good, st) == -1)
		goto out;
	for (at = 0; at < *good; at += used) {
		record_next(r, bytes + at, len - at, id,
		    position + (int64_t)at, &used);
		if (types[find_type(r->type)].read(&in, r) == -1 ||
		    !record_is_spent(r)) {
			broken(st, position + (int64_t)at);
			goto out;
		}
	}
	rc = 0;
out:
	if (rc == -1)
		spool_entry_release(entry);
	free(r);
	return rc;
}
