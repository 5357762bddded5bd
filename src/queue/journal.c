/* SPDX-License-Identifier: ISC */
#include "queue/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "queue/journal_fields.h"

#define RANGES_MAX	(32 * 1024)	/* of recipients, in one state record */
#define WORDS_EXACT	64		/* state records with their own words */
#define CODES_EXACT	256		/* ... with their own codes */

void
journal_init(struct journal *j, const char *id, int64_t position, size_t max)
{
	*j = (struct journal){ .id = id, .position = position };
	buf_init(&j->bytes, max);
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

	sealed_begin(&line, type);
	sealed_add(&line, fields, values);
	if (more != NULL)
		sealed_add(&line, more, more_values);
	sealed_end(&line, j->id, j->position + (int64_t)j->bytes.len);
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
	const struct journal_count count = {
		.version = JOURNAL_VERSION, .recipients = (int64_t)recipients
	};

	add(j, "envelope", journal_count_fields, &count,
	    journal_submission_fields, s);
}

void
journal_add_recipient(struct journal *j, const struct recipient *r)
{
	if (r->state == RECIPIENT_UNUSABLE)
		add(j, "unusable", journal_unusable_fields, r, NULL, NULL);
	else
		add(j, "recipient", journal_recipient_fields, r, NULL, NULL);
	j->recipients++;
}

void
journal_add_attempt(struct journal *j, const struct journal_attempt *a,
    const struct status *reason)
{
	add(j, "attempt", journal_attempt_fields, a,
	    sealed_status_fields, reason);
}

void
journal_add_mark(struct journal *j, enum journal_mark mark, int64_t at)
{
	static const char *const types[] = {
		[JOURNAL_SENT] = "sent", [JOURNAL_FAILED] = "failed",
		[JOURNAL_REQUEUED] = "requeued"
	};
	const struct journal_time m = { .at = at };

	add(j, types[mark], journal_mark_fields, &m, NULL, NULL);
}

static bool
is_settled(const struct recipient *r)
{
	return r->state != RECIPIENT_PENDING &&
	    r->state != RECIPIENT_ACCEPTED && r->state != RECIPIENT_UNUSABLE;
}

/* Whether two recipients share the `n`th record (journal_add_states). */
static bool
alike(const struct recipient *a, const struct recipient *b, size_t n)
{
	const struct fate *s = recipient_fate(a), *t = recipient_fate(b);

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
	struct journal_state s = { .is = recipients[first].state };
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
	recipient_status(&recipients[first], &s.status);
	add(j, "state", journal_state_fields, &s,
	    sealed_status_fields, &s.status);
	buf_release(&ranges);
}

void
journal_add_states(struct journal *j, const struct recipient *recipients,
    size_t count)
{
	bool *done = xcalloc(count, sizeof *done);
	size_t i, n = j->is_brief ? CODES_EXACT : 0;

	for (i = 0; i < count; i++)
		if (!done[i] && is_settled(&recipients[i]))
			add_state(j, recipients, count, i, n++, done);
	free(done);
}
