/* SPDX-License-Identifier: ISC */
#include "cli/listing.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "queue/spool_id.h"

#define WHEN_SIZE 32

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
	case RECIPIENT_PENDING:
	case RECIPIENT_ACCEPTED:
		break;
	}
	return "waiting";
}

void
listing_status(char text[LISTING_REASON], const struct status *st)
{
	char line[LISTING_REASON];

	if (st->reply != 0)
		snprintf(line, sizeof line, "%s: %d %s%s%s", st->text,
		    st->reply, st->enhanced, st->enhanced[0] != '\0' ? " " : "",
		    st->remote);
	else
		snprintf(line, sizeof line, "%s%s%s", st->text,
		    st->remote[0] != '\0' ? ": " : "", st->remote);
	status_printable(text, LISTING_REASON, line);
}

void
listing_reason(char text[LISTING_REASON], const struct spool_entry *e)
{
	const struct envelope *envelope = &e->submission.envelope;
	const struct status *st = &e->last_status;
	size_t i;

	/* What was refused at once has no attempt of its own. */
	for (i = 0; i < envelope->count && st->sysexit == EX_OK; i++)
		if (envelope->recipients[i].state == RECIPIENT_REFUSED ||
		    envelope->recipients[i].state == RECIPIENT_DEFERRED)
			st = &envelope->recipients[i].status;
	text[0] = '\0';
	if (st->sysexit != EX_OK)
		listing_status(text, st);
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

/* In brackets; without -f who called is who it is from. */
static void
print_sender(const struct submission *s)
{
	char text[ADDRESS_MAX + 1];
	struct passwd *pw;

	if (s->envelope.sender != NULL)
		status_printable(text, sizeof text, s->envelope.sender);
	else if ((pw = getpwuid(s->uid)) != NULL)
		status_printable(text, sizeof text, pw->pw_name);
	else
		snprintf(text, sizeof text, "uid %lu", (unsigned long)s->uid);
	printf("<%s>", text);
}

static bool
is_done(const struct recipient *r)
{
	return r->state == RECIPIENT_DELIVERED;
}

static void
print_reason(const struct spool_entry *e, bool is_failed)
{
	char reason[LISTING_REASON], next[WHEN_SIZE];

	listing_reason(reason, e);
	if (reason[0] == '\0')
		printf("%17s(%s)\n", "", is_failed ? "Failed" : "Not tried yet");
	else
		printf("%17s(%s: %s)\n", "", is_failed ? "Failed" : "Deferred",
		    reason);
	if (e->answer_unknown)
		printf("%17s(Sent, answer unknown: it may arrive twice)\n", "");
	if (!is_failed)
		printf("%17s(Attempts: %d, next: %s)\n", "", e->attempts,
		    short_time(next, e->next_attempt));
}

static void
print_message(const struct spool_entry *e, bool is_failed)
{
	const struct envelope *envelope = &e->submission.envelope;
	char when[WHEN_SIZE], address[ADDRESS_MAX + 1];
	size_t i;

	printf("%-22s %10" PRId64 " %16s ", e->id, e->size,
	    short_time(when, e->submission.received));
	print_sender(&e->submission);
	putchar('\n');
	print_reason(e, is_failed);
	for (i = 0; i < envelope->count; i++) {
		if (is_done(&envelope->recipients[i]))
			continue;
		status_printable(address, sizeof address,
		    envelope->recipients[i].address);
		printf("%51s<%s>\n", "", address);
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
print_one(struct spool *s, const char *id, bool is_failed)
{
	struct status st = STATUS_INIT;
	struct spool_entry e;

	switch (listing_peek(s, id, is_failed, &e, &st)) {
	case 0:
		print_message(&e, is_failed);
		spool_entry_release(&e);
		break;
	case -1:
		printf("%-22s\n%17s(Unreadable: %s)\n", id, "", st.text);
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
			print_one(s, l->ids[i], is_failed);
		else
			others++;
	if (others != 0)
		printf("%17s(%zu of other users not shown)\n", "", others);
	printf("-- %" PRId64 " Kbytes in %zu Request%s.\n",
	    (l->bytes + 1023) / 1024, l->count, l->count == 1 ? "" : "s");
}

static void
print_text(const char *key, const char *text)
{
	char line[LISTING_REASON];

	if (text == NULL || text[0] == '\0')
		return;
	status_printable(line, sizeof line, text);
	printf("%-14s%s\n", key, line);
}

static void
print_time(const char *key, int64_t wall)
{
	char text[40];

	if (wall == 0)
		return;
	clock_rfc5322(wall, text);
	print_text(key, text);
}

static void
print_recipients(const struct envelope *envelope)
{
	const struct recipient *r;
	char reason[LISTING_REASON], address[ADDRESS_MAX + 1];
	size_t i;

	for (i = 0; i < envelope->count; i++) {
		r = &envelope->recipients[i];
		status_printable(address, sizeof address, r->address);
		printf("%-14s<%s> %s\n", "recipient", address,
		    listing_state(r->state));
		if (r->status.sysexit == EX_OK || is_done(r))
			continue;
		listing_status(reason, &r->status);
		printf("%16s%s\n", "", reason);
	}
}

void
listing_print_entry(const struct spool_entry *e, const char *directory)
{
	const struct submission *s = &e->submission;
	char reason[LISTING_REASON];

	print_text("id", e->id);
	printf("%-14s%s/%s/%s\n", "file", directory,
	    e->is_failed ? "failed" : "new", e->id);
	printf("%-14s%" PRId64 "\n", "size", e->size);
	printf("%-14s%lu\n", "uid", (unsigned long)s->uid);
	printf("%-14s", "sender");
	print_sender(s);
	putchar('\n');
	print_text("full-name", s->envelope.full_name);
	print_text("tag", s->tag);
	print_time("received", s->received);
	printf("%-14s%d\n", "attempts", e->attempts);
	print_time("last-attempt", e->last_attempt);
	if (e->is_failed)
		print_time("failed", e->failed_at);
	else
		print_time("next-attempt", e->next_attempt);
	print_text("account", e->last_account);
	listing_reason(reason, e);
	print_text("reason", reason);
	print_text("hint", e->last_status.hint);
	if (e->answer_unknown)
		print_text("answer", "unknown: all data was sent, it may arrive "
		    "twice");
	print_recipients(&s->envelope);
}
