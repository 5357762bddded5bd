/* SPDX-License-Identifier: ISC */
#include "cli/listing.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "cli/out.h"
#include "queue/spool_id.h"

#define WHEN_SIZE	32
#define ADDRESS_COLUMN	51	/* as sendmail's mailq has it */
#define REASON_COLUMN	17
#define VALUE_COLUMN	14	/* of what is shown of one message */

int
listing_read(struct listing *l, struct spool *s, bool is_failed,
    struct status *st)
{
	struct spool_id id = { 0 };
	size_t i;

	*l = (struct listing){ .ids = NULL };
	if (spool_list(s, is_failed, &l->ids, &l->count, st) == -1)
		return -1;
	for (i = 0; i < l->count; i++)
		if (spool_id_parse(&id, l->ids[i])) {
			l->bytes += id.size;
			if (l->oldest == 0)
				l->oldest = id.time_ms / 1000;
		}
	return 0;
}

void
listing_release(struct listing *l)
{
	spool_ids_free(l->ids, l->count);
	*l = (struct listing){ .ids = NULL };
}

const char *
listing_state(enum recipient_state state)
{
	switch (state) {
	case RECIPIENT_DELIVERED:
		return "delivered";
	case RECIPIENT_DEFERRED:
		return "deferred";
	case RECIPIENT_REFUSED:
		return "refused";
	case RECIPIENT_REPLACED:
		return "replaced";
	case RECIPIENT_UNUSABLE:
		return "unusable";
	case RECIPIENT_PENDING:
	case RECIPIENT_ACCEPTED:
		break;
	}
	return "waiting";
}

void
listing_status(char text[LISTING_REASON], const struct status *st)
{
	char line[STATUS_LINE_SIZE];

	status_line(st, line);
	status_printable(text, LISTING_REASON, line);
}

void
listing_reason(char text[LISTING_REASON], const struct spool_entry *e)
{
	const struct envelope *envelope = &e->submission.envelope;
	struct status st = e->last_status;
	size_t i;

	/* What was refused at once has no attempt of its own. */
	for (i = 0; i < envelope->count && st.sysexit == EX_OK; i++)
		if (envelope->recipients[i].state == RECIPIENT_REFUSED ||
		    envelope->recipients[i].state == RECIPIENT_DEFERRED ||
		    envelope->recipients[i].state == RECIPIENT_UNUSABLE)
			recipient_status(&envelope->recipients[i], &st);
	text[0] = '\0';
	if (st.sysexit != EX_OK)
		listing_status(text, &st);
}

/* "Sat Nov 21 23:49", in the time zone of the host. */
static const char *
short_time(char text[WHEN_SIZE], int64_t wall)
{
	time_t t = (time_t)wall;
	struct tm tm = { 0 };

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(text, WHEN_SIZE, "%a %b %e %H:%M", &tm) == 0)
		snprintf(text, WHEN_SIZE, "@%" PRId64, wall);
	return text;
}

/* Without -f who called is who it is from. */
static const char *
sender_name(char text[ADDRESS_MAX + 1], const struct submission *s)
{
	struct passwd *pw;

	if (s->envelope.sender != NULL)
		status_printable(text, ADDRESS_MAX + 1, s->envelope.sender);
	else if ((pw = getpwuid(s->uid)) != NULL)
		status_printable(text, ADDRESS_MAX + 1, pw->pw_name);
	else
		snprintf(text, ADDRESS_MAX + 1, "uid %lu",
		    (unsigned long)s->uid);
	return text;
}

/* In its column, or as far to the right as it fits on the screen; on a line of
 * its own if there is something in the way. */
static void
print_address(struct out *out, const char *address)
{
	int len = (int)strlen(address) + 2, column = ADDRESS_COLUMN;

	if (column + len > OUT_WIDTH)
		column = len < OUT_WIDTH ? OUT_WIDTH - len : 1;
	if (out->column > column) {
		fputc('\n', out->to);
		out->column = 0;
	}
	fprintf(out->to, "%*s<%s>\n", column - out->column, "", address);
	out->column = 0;
}

static bool
is_done(const struct recipient *r)
{
	return r->state == RECIPIENT_DELIVERED ||
	    r->state == RECIPIENT_REPLACED;
}

static void __attribute__((format(printf, 2, 3)))
print_remark(struct out *out, const char *format, ...)
{
	char text[LISTING_REASON + 40];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	out_wrap(out, REASON_COLUMN, text);
}

static void
print_reason(struct out *out, const struct spool_entry *e, bool is_failed)
{
	char reason[LISTING_REASON], next[WHEN_SIZE];

	listing_reason(reason, e);
	if (reason[0] == '\0')
		print_remark(out, "(%s)", is_failed ? "Failed" :
		    "Not tried yet");
	else
		print_remark(out, "(%s: %s)", is_failed ? "Failed" :
		    "Deferred", reason);
	if (e->answer_unknown)
		print_remark(out, "(Sent, answer unknown: it may arrive twice)");
	if (!is_failed)
		print_remark(out, "(Attempts: %d, next: %s)", e->attempts,
		    short_time(next, e->next_attempt));
}

static void
print_message(struct out *out, const struct spool_entry *e, bool is_failed)
{
	const struct envelope *envelope = &e->submission.envelope;
	char when[WHEN_SIZE], address[ADDRESS_MAX + 1];
	size_t i;

	out->column = printf("%-22s %10" PRId64 " %16s ", e->id, e->size,
	    short_time(when, e->submission.received));
	print_address(out, sender_name(address, &e->submission));
	print_reason(out, e, is_failed);
	for (i = 0; i < envelope->count; i++) {
		if (is_done(&envelope->recipients[i]))
			continue;
		status_printable(address, sizeof address,
		    envelope->recipients[i].address);
		print_address(out, address);
	}
}

int
listing_peek(struct spool *s, const char *name, bool is_failed,
    struct spool_entry *e, struct status *st)
{
	struct spool_id id;

	if (spool_id_parse(&id, name))
		return spool_peek(s, name, is_failed, e, st);
	status_set(st, EX_DATAERR, "set aside, as its journal makes no sense");
	return status_hint(st, "the file begins with the message as it was "
	    "handed in: send it again if it is still wanted, and remove it");
}

/* One that was sent meanwhile is left out; one that cannot be read is not. */
static void
print_one(struct out *out, struct spool *s, const char *id, bool is_failed)
{
	struct status st = STATUS_INIT;
	struct spool_entry e = { .submission = SUBMISSION_INIT };

	switch (listing_peek(s, id, is_failed, &e, &st)) {
	case 0:
		print_message(out, &e, is_failed);
		spool_entry_release(&e);
		break;
	case -1:
		printf("%-22s\n", id);
		print_remark(out, "(Unreadable: %s)", st.text);
		break;
	}
}

static bool
is_of(const char *id, uid_t uid)
{
	struct spool_id parsed = { 0 };

	return spool_id_parse(&parsed, id) && parsed.uid == uid;
}

void
listing_print(const struct listing *l, struct spool *s, bool is_failed,
    const uid_t *only)
{
	size_t i, others = 0;
	struct out out;

	out_init(&out, stdout);
	if (l->count == 0) {
		puts(is_failed ? "No failed messages" : "Mail queue is empty");
		return;
	}
	printf("\t\t%s/%s (%zu request%s)\n", s->config->spool_directory,
	    is_failed ? "failed" : "new", l->count, l->count == 1 ? "" : "s");
	puts("---------Q-ID--------- --Size---- -----Q-Time----- "
	    "------Sender/Recipient------");
	for (i = 0; i < l->count; i++)
		if (only == NULL || is_of(l->ids[i], *only))
			print_one(&out, s, l->ids[i], is_failed);
		else
			others++;
	if (others != 0)
		print_remark(&out, "(%zu of other users not shown)", others);
	printf("-- %" PRId64 " Kbytes in %zu Request%s.\n",
	    (l->bytes + 1023) / 1024, l->count, l->count == 1 ? "" : "s");
}

/* One line, longer ones in a column of their own. */
static void
print_text(struct out *out, const char *key, const char *text)
{
	char line[LISTING_REASON];

	if (text == NULL || text[0] == '\0')
		return;
	status_printable(line, sizeof line, text);
	out->column = fprintf(out->to, "%-*s", VALUE_COLUMN, key);
	out_wrap(out, VALUE_COLUMN, line);
}

/* The command in it stands alone, to be copied. */
static void
print_hint(struct out *out, const char *hint)
{
	if (hint[0] == '\0')
		return;
	out->column = fprintf(out->to, "%-*s", VALUE_COLUMN, "hint");
	out_advice(out, VALUE_COLUMN, hint);
}

static void
print_number(struct out *out, const char *key, int64_t number)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, number);
	print_text(out, key, text);
}

static void
print_time(struct out *out, const char *key, int64_t wall)
{
	char text[40];

	if (wall == 0)
		return;
	clock_rfc5322(wall, text);
	print_text(out, key, text);
}

static void
print_recipients(struct out *out, const struct envelope *envelope)
{
	const struct recipient *r;
	char reason[LISTING_REASON], line[ADDRESS_MAX + 40];
	struct status st;
	size_t i;

	for (i = 0; i < envelope->count; i++) {
		r = &envelope->recipients[i];
		snprintf(line, sizeof line, "<%s> %s", r->address,
		    listing_state(r->state));
		print_text(out, "recipient", line);
		recipient_status(r, &st);
		if (st.sysexit == EX_OK || is_done(r))
			continue;
		listing_status(reason, &st);
		out_wrap(out, VALUE_COLUMN + 2, reason);
	}
}

static void
print_file(struct out *out, const struct spool_entry *e, const char *directory)
{
	char *path = xasprintf("%s/%s/%s", directory,
	    e->is_failed ? "failed" : "new", e->id);

	print_text(out, "file", path);
	free(path);
}

void
listing_print_entry(const struct spool_entry *e, const char *directory)
{
	const struct submission *s = &e->submission;
	char reason[LISTING_REASON], address[ADDRESS_MAX + 1];
	struct out out;

	out_init(&out, stdout);
	print_text(&out, "id", e->id);
	print_file(&out, e, directory);
	print_number(&out, "size", e->size);
	print_number(&out, "uid", s->uid);
	snprintf(reason, sizeof reason, "<%s>", sender_name(address, s));
	print_text(&out, "sender", reason);
	print_text(&out, "full-name", s->envelope.full_name);
	print_text(&out, "tag", s->tag);
	print_time(&out, "received", s->received);
	print_number(&out, "attempts", e->attempts);
	print_time(&out, "last-attempt", e->last_attempt);
	if (e->is_failed)
		print_time(&out, "failed", e->failed_at);
	else
		print_time(&out, "next-attempt", e->next_attempt);
	print_text(&out, "account", e->last_account);
	listing_reason(reason, e);
	print_text(&out, "reason", reason);
	print_hint(&out, e->last_status.hint);
	if (e->answer_unknown)
		print_text(&out, "answer", "unknown: all data was sent, it may "
		    "arrive twice");
	print_recipients(&out, &s->envelope);
}
