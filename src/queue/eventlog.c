/* SPDX-License-Identifier: ISC */
#include "queue/eventlog.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "diagnose/diagnose.h"

#define LISTED_MAX	600	/* octets of recipients on one line */

/* Same state for the same reason: they share a line. */
static bool
fared_alike(const struct recipient *a, const struct recipient *b)
{
	const struct fate *f = recipient_fate(a), *g = recipient_fate(b);

	return a->state == b->state && f->reply == g->reply &&
	    strcmp(f->enhanced, g->enhanced) == 0 &&
	    strcmp(f->text, g->text) == 0;
}

/* Marks those that share recipient `first`'s line and lists them. */
static void
list_group(const struct envelope *e, size_t first, bool *done,
    struct log_event *event)
{
	struct buf list;
	size_t i, count = 0;

	buf_init(&list, LISTED_MAX);
	for (i = first; i < e->count; i++) {
		if (done[i] || !fared_alike(&e->recipients[first],
		    &e->recipients[i]))
			continue;
		done[i] = true;
		if (list.len + strlen(e->recipients[i].address) + 1 < LISTED_MAX)
			buf_addf(&list, "%s%s", count == 0 ? "" : ",",
			    e->recipients[i].address);
		count++;
	}
	log_event_add(event, "to", "%s", list.data);
	log_event_add(event, "nrcpt", "%zu", count);
	buf_release(&list);
}

static void
add_optional(struct log_event *e, const char *key, const char *value)
{
	if (value != NULL && *value != '\0')
		log_event_add(e, key, "%s", value);
}

/* What is the same on every line about this message. */
static void
add_message(struct log_event *e, const struct submission *s,
    const struct delivery_report *r, const char *spool_id)
{
	char *script = header_value(&s->message.header,
	    "X-PHP-Originating-Script");

	add_optional(e, "id", spool_id);
	add_optional(e, "tag", s->tag);
	log_event_add(e, "uid", "%lu", (unsigned long)s->uid);
	if (r->account != NULL)
		log_event_add(e, "account", "%s", r->account->name);
	add_optional(e, "why", r->why);
	add_optional(e, "from", r->mail_from);
	if (r->from_rewritten)
		add_optional(e, "was-from", r->header_from);
	add_optional(e, "message-id", r->message_id);
	log_event_add(e, "bytes", "%lld", (long long)(r->bytes != 0 ?
	    r->bytes : s->message.size));
	log_event_add(e, "delay", "%llds",
	    (long long)(clock_wall() - s->received));
	add_optional(e, "script", script);
	free(script);
}

/* What a person has to mend is loud. */
static int
priority_of(enum status_class class, int otherwise)
{
	return class == CLASS_CONFIG || class == CLASS_POLICY ? LOG_ERR :
	    otherwise;
}

/* The event of a recipient in that state, and how loud it is where it passes by
 * itself, or cannot be helped. */
static const char *
event_of(enum recipient_state state, enum eventlog_rest rest, int *priority)
{
	static const struct { const char *name; int priority; } rests[] = {
		[EVENTLOG_SPOOLED] = { "spooled", LOG_WARNING },
		[EVENTLOG_DEFERRED] = { "deferred", LOG_WARNING },
		[EVENTLOG_REFUSED] = { "refused", LOG_ERR },
	};

	*priority = LOG_INFO;
	if (state == RECIPIENT_DELIVERED)
		return "sent";
	*priority = LOG_NOTICE;
	if (state == RECIPIENT_REFUSED)
		return "failed";
	if (state != RECIPIENT_PENDING)		/* else nobody tried */
		*priority = rests[rest].priority;
	return rests[rest].name;
}

/* Every failure says what to do next (promise 6). */
static void
add_status(struct log_event *e, const struct status *st)
{
	struct status full = *st;

	if (st->sysexit != EX_OK && st->hint[0] == '\0')
		status_hint(&full, "%s", diagnose_advice(st));
	log_event_add_status(e, &full);
}

/* The line of a group, recipient `first` and those who fared alike. */
static void
log_group(const struct submission *s, const struct delivery_report *r,
    const char *spool_id, enum eventlog_rest rest, size_t first, bool *done)
{
	const struct recipient *to = &s->envelope.recipients[first];
	struct log_event event;
	struct status st;
	int priority;

	log_event_begin(&event, event_of(to->state, rest, &priority));
	add_message(&event, s, r, spool_id);
	list_group(&s->envelope, first, done, &event);
	if (r->dkim_dropped)
		log_event_add(&event, "dkim", "dropped");
	if (r->answer_unknown && to->state == RECIPIENT_DEFERRED)
		log_event_add(&event, "possible-duplicate", "yes");
	if (to->state == RECIPIENT_DELIVERED)
		log_event_add(&event, "token", "%s",
		    r->token_cached ? "cached" : "new");
	recipient_status(to, &st);
	add_status(&event, &st);
	log_event_end(&event, to->state == RECIPIENT_DELIVERED ? priority :
	    priority_of(st.class, priority));
}

/* Neither names that others stand for now nor what cli/addressing.c has told. */
static bool
is_tried(const struct recipient *r)
{
	return r->state != RECIPIENT_REPLACED &&
	    r->state != RECIPIENT_UNUSABLE;
}

void
eventlog_attempt(const struct submission *s, const struct delivery_report *r,
    const char *spool_id, enum eventlog_rest rest)
{
	bool *done = xcalloc(s->envelope.count, sizeof *done);
	size_t i;

	/* Those of an earlier attempt have their lines. */
	for (i = 0; i < s->envelope.count; i++)
		done[i] = !is_tried(&s->envelope.recipients[i]) ||
		    (rest == EVENTLOG_DEFERRED &&
		    s->envelope.recipients[i].turn == 0);
	for (i = 0; i < s->envelope.count; i++)
		if (!done[i])
			log_group(s, r, spool_id, rest, i, done);
	free(done);
}

void
eventlog_refused(uid_t uid, const char *tag, const struct status *st)
{
	struct log_event event;

	log_event_begin(&event, "refused");
	add_optional(&event, "tag", tag);
	log_event_add(&event, "uid", "%lu", (unsigned long)uid);
	add_status(&event, st);
	log_event_end(&event, priority_of(st->class, LOG_NOTICE));
}
