/* SPDX-License-Identifier: ISC
 *
 * Messages of the spool as JSON objects.
 */
#include <stdio.h>

#include "cli/listing.h"

#define OBJECT_MAX (64 * 1024 * 1024)

/* Bytes that are no UTF-8 cost a character, not the whole value. */
static void
put_text(struct record *r, const char *name, const char *text)
{
	char line[LISTING_REASON];

	if (text == NULL || text[0] == '\0')
		return;
	status_printable(line, sizeof line, text);
	record_put_text(r, name, line);
}

static void
put_status(struct record *r, const struct status *st)
{
	if (st->sysexit == EX_OK)
		return;
	record_put_number(r, "exit", st->sysexit);
	put_text(r, "text", st->text);
	if (st->reply != 0)
		record_put_number(r, "reply", st->reply);
	put_text(r, "enhanced", st->enhanced);
	put_text(r, "remote", st->remote);
	put_text(r, "hint", st->hint);
}

static void
put_recipients(struct record *r, const struct envelope *envelope)
{
	const struct recipient *recipient;
	struct record *one;
	struct status st;
	size_t i;

	record_put_array(r, "recipients");
	for (i = 0; i < envelope->count; i++) {
		recipient = &envelope->recipients[i];
		one = record_new();
		put_text(one, "address", recipient->address);
		record_put_text(one, "state", listing_state(recipient->state));
		recipient_status(recipient, &st);
		put_status(one, &st);
		record_append(r, "recipients", one);
	}
}

static void
put_times(struct record *r, const struct spool_entry *e)
{
	record_put_number(r, "received", e->submission.received);
	record_put_number(r, "attempts", e->attempts);
	if (e->last_attempt != 0)
		record_put_number(r, "last_attempt", e->last_attempt);
	if (e->is_failed)
		record_put_number(r, "failed_at", e->failed_at);
	else
		record_put_number(r, "next_attempt", e->next_attempt);
}

struct record *
listing_record(const struct spool_entry *e)
{
	const struct submission *s = &e->submission;
	struct record *r = record_new(), *reason;
	char line[LISTING_REASON];

	record_put_text(r, "id", e->id);
	record_put_text(r, "state", e->is_failed ? "failed" : "waiting");
	record_put_number(r, "size", e->size);
	record_put_number(r, "uid", s->uid);
	if (s->envelope.sender != NULL) {
		status_printable(line, sizeof line, s->envelope.sender);
		record_put_text(r, "sender", line);
	}
	put_text(r, "tag", s->tag);
	put_times(r, e);
	put_text(r, "account", e->last_account);
	record_put_flag(r, "answer_unknown", e->answer_unknown);
	reason = record_new();
	put_status(reason, &e->last_status);
	record_put_object(r, "reason", reason);
	put_recipients(r, &s->envelope);
	return r;
}

static struct record *
read_record(struct spool *s, const char *id, bool is_failed)
{
	struct status st = STATUS_INIT;
	struct spool_entry e;
	struct record *r = NULL, *reason;

	switch (listing_peek(s, id, is_failed, &e, &st)) {
	case 0:
		r = listing_record(&e);
		spool_entry_release(&e);
		break;
	case -1:
		r = record_new();
		record_put_text(r, "id", id);
		record_put_text(r, "state", "unreadable");
		reason = record_new();
		put_status(reason, &st);
		record_put_object(r, "reason", reason);
		break;
	}
	return r;
}

void
listing_print_json(const struct listing *l, struct spool *s, bool is_failed)
{
	struct buf text;
	struct record *r;
	const char *between = "";
	size_t i;

	buf_init(&text, OBJECT_MAX);
	putchar('[');
	for (i = 0; i < l->count; i++) {
		if ((r = read_record(s, l->ids[i], is_failed)) == NULL)
			continue;
		buf_reset(&text);
		record_format(r, &text);
		record_free(r);
		if (text.overflow)
			continue;
		printf("%s\n%s", between, text.data);
		between = ",";
	}
	puts("\n]");
	buf_release(&text);
}
