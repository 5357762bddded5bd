/* SPDX-License-Identifier: ISC */
#include "queue/eventlog.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"

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
		if (done[i] || e->recipients[i].turn == 0 || !fared_alike(&e->recipients[first],
		    &e->recipients[i]))
			continue;
		done[i] = true;
		if (list.len + strlen(e->recipients[i].address) + 1 < LISTED_MAX)
			buf_addf(&list, "%s%s", count == 0 ? "" : ",",
			    e->recipients[i].address);
		count++;
	}
	log_event_add(event, "to", "%s", list.data);
	if (count > 1)
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
	if (r != NULL) {
		if (r->account != NULL)
			log_event_add(e, "account", "%s", r->account->name);
		add_optional(e, "why", r->why);
		add_optional(e, "from", r->mail_from);
		if (r->from_rewritten)
			add_optional(e, "was-from", r->header_from);
		add_optional(e, "message-id", r->message_id);
		log_event_add(e, "bytes", "%lld", (long long)r->bytes);
	}
	log_event_add(e, "delay", "%llds",
	    (long long)(clock_wall() - s->received));
	add_optional(e, "script", script);
	free(script);
}

static int
priority_of(const struct recipient *r)
{
	enum status_class class = recipient_fate(r)->class;

	if (r->state == RECIPIENT_DELIVERED)
		return LOG_INFO;
	if (class == CLASS_CONFIG || class == CLASS_POLICY)
		return LOG_ERR;
	return r->state == RECIPIENT_REFUSED ? LOG_NOTICE : LOG_WARNING;
}

static const char *
event_name(enum recipient_state state)
{
	switch (state) {
	case RECIPIENT_DELIVERED:
		return "sent";
	case RECIPIENT_REFUSED:
		return "failed";
	case RECIPIENT_PENDING:
	case RECIPIENT_ACCEPTED:
	case RECIPIENT_DEFERRED:
		break;
	}
	return "deferred";
}

void
eventlog_attempt(const struct submission *s, const struct delivery_report *r,
    const char *spool_id)
{
	const struct envelope *e = &s->envelope;
	struct log_event event;
	bool *done = xcalloc(e->count, sizeof *done);
	struct status st;
	size_t i;

	for (i = 0; i < e->count; i++) {
		if (done[i] || e->recipients[i].turn == 0)
			continue;
		log_event_begin(&event, event_name(e->recipients[i].state));
		add_message(&event, s, r, spool_id);
		list_group(e, i, done, &event);
		if (r->dkim_dropped)
			log_event_add(&event, "dkim", "dropped");
		if (r->answer_unknown &&
		    e->recipients[i].state == RECIPIENT_DEFERRED)
			log_event_add(&event, "possible-duplicate", "yes");
		if (e->recipients[i].state == RECIPIENT_DELIVERED)
			log_event_add(&event, "token", "%s",
			    r->token_cached ? "cached" : "new");
		recipient_status(&e->recipients[i], &st);
		log_event_add_status(&event, &st);
		log_event_end(&event, priority_of(&e->recipients[i]));
	}
	free(done);
}

void
eventlog_spooled(const struct submission *s, const struct delivery_report *r,
    const char *spool_id, const struct status *why)
{
	struct log_event event;

	log_event_begin(&event, "spooled");
	add_message(&event, s, r, spool_id);
	log_event_add(&event, "nrcpt", "%zu", s->envelope.count -
	    envelope_count(&s->envelope, RECIPIENT_DELIVERED) -
	    envelope_count(&s->envelope, RECIPIENT_REFUSED));
	if (why != NULL && why->sysexit != EX_OK)
		log_event_add_status(&event, why);
	log_event_end(&event, why != NULL && (why->class == CLASS_CONFIG ||
	    why->class == CLASS_POLICY) ? LOG_ERR : LOG_NOTICE);
}
