/* SPDX-License-Identifier: ISC
 *
 * A name without a domain that was kept while nobody could know whose it is,
 * and that turns out to stand for several addresses.  The recipients of a
 * message are fixed when it is kept, so they get a message of their own.
 */
#include "queue/run.h"

#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "queue/locals.h"

static void
report(const struct spool_entry *entry, const char *new_id,
    const struct recipient *name, const struct status *st)
{
	struct log_event log;

	log_event_begin(&log, new_id != NULL ? "expanded" : "spool-error");
	log_event_add(&log, "id", "%s", entry->id);
	log_event_add(&log, "to", "%s", name->address);
	if (new_id != NULL)
		log_event_add(&log, "new-id", "%s", new_id);
	else
		log_event_add_status(&log, st);
	log_event_end(&log, new_id != NULL ? LOG_INFO : LOG_ERR);
}

/* All but the recipients is the old message's. */
static int
commit(struct run *r, struct spool_entry *entry, const struct envelope *to,
    char id[SPOOL_ID_SIZE], struct status *st)
{
	struct submission part = entry->submission;

	part.envelope.recipients = to->recipients;
	part.envelope.count = to->count;
	return spool_commit(&r->spool, &part, entry->last_account, NULL, 0, id,
	    st);
}

/* First the new message, then the record that the old one is rid of the name: a
 * crash in between doubles it, the other order would lose it. */
static int
move(struct run *r, struct spool_entry *entry, struct recipient *name,
    const struct envelope *to, char id[SPOOL_ID_SIZE], struct status *st)
{
	const struct status none = STATUS_INIT;
	struct status reason = entry->last_status;

	if (commit(r, entry, to, id, st) == -1)
		return -1;
	recipient_settle(name, RECIPIENT_DELIVERED, &none);
	if (spool_record_attempt(entry, entry->last_account, &reason,
	    entry->next_attempt, st) == 0)
		return 0;
	recipient_settle(name, RECIPIENT_DEFERRED, st);
	(void)unlinkat(spool_part(&r->spool, false), id, 0);
	return -1;
}

static void
expand(struct run *r, struct spool_entry *entry, struct recipient *name,
    struct locals *locals)
{
	struct envelope to = ENVELOPE_INIT;
	struct status st = STATUS_INIT;
	char id[SPOOL_ID_SIZE];
	size_t i;

	/* One address, or an alias file that is still wrong: delivery.c. */
	if (locals_resolve(locals, name->address, &to, &st) == 0 &&
	    to.count > 1) {
		for (i = 0; i < to.count; i++)
			to.recipients[i].original = xstrdup(name->original);
		if (move(r, entry, name, &to, id, &st) == 0)
			report(entry, id, name, NULL);
		else
			report(entry, NULL, name, &st);
	}
	envelope_release(&to);
}

void
run_expand_names(struct run *r, struct spool_entry *entry)
{
	struct envelope *e = &entry->submission.envelope;
	struct locals locals;
	size_t i;

	if (r->config->deliver_all_to != NULL)
		return;
	locals_init(&locals, r->config, false);
	for (i = 0; i < e->count; i++)
		if ((e->recipients[i].state == RECIPIENT_PENDING ||
		    e->recipients[i].state == RECIPIENT_DEFERRED) &&
		    strchr(e->recipients[i].address, '@') == NULL)
			expand(r, entry, &e->recipients[i], &locals);
	locals_release(&locals);
}
