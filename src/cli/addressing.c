/* SPDX-License-Identifier: ISC
 *
 * Who a submission is for: submission_address() of submit.h.
 */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/log.h"
#include "cli/submit.h"
#include "mail/recipients.h"
#include "queue/locals.h"

/* Octets of unusable recipients on one line: with a backslash before each they
 * still fit into a struct log_event. */
#define NAMES_SAID	900

/* Entries that nobody can read: told, and left out.  Each is named in both
 * places, on so many lines as it takes (ADDRESS_BAD_MAX sees to an end). */
static void
report_unusable(const struct submission *m, const struct submitter *s,
    const struct address_list *given)
{
	char names[NAMES_SAID];
	struct log_event e;
	size_t told = 0;

	while (told < given->bad) {
		told = address_list_bad(given, told, names, sizeof names);
		caller_say_line(s->caller, "left out %zu unusable recipient%s: "
		    "%s", given->bad, given->bad == 1 ? "" : "s", names);
		log_event_begin(&e, "unusable-recipient");
		log_event_add(&e, "uid", "%lu", (unsigned long)m->uid);
		log_event_add(&e, "count", "%zu", given->bad);
		log_event_add(&e, "given", "%s", names);
		log_event_end(&e, LOG_WARNING);
	}
}

/* RFC 3461 4.2: an alias's target names the original where DSN was asked for. */
static bool
wants_original(const struct envelope *e)
{
	return e->notify[0] != '\0' || e->ret[0] != '\0' || e->envid != NULL;
}

/* While the config or the alias file is wrong nobody knows where local mail
 * goes.  The alias file matters only where there is such mail. */
static int
check_names(const struct submitter *s, struct local *l,
    const struct address_list *list, struct status *st)
{
	size_t i;

	if (s->config_status.sysexit != EX_OK) {
		*st = s->config_status;
		return -1;
	}
	for (i = 0; i < list->count; i++)
		if (local_is(l, &list->items[i]))
			return local_load(l, st);
	return 0;
}

/* Names stay names, and the attempt that knows better resolves them
 * (delivery.c). */
static void
keep_names(struct envelope *e, const struct local *l,
    struct address_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (local_is(l, &list->items[i])) {
			free(list->items[i].domain);
			list->items[i].domain = NULL;
		}
		envelope_add(e, &list->items[i]);
	}
}

int
submission_address_list(struct submission *m, const struct submitter *s,
    struct address_list *list, struct status *st)
{
	size_t before = m->envelope.count;
	struct status unknown;
	struct locals l;
	int rc = 0;

	locals_init(&l, &s->config, true);
	if (check_names(s, &l.local, list, &unknown) == -1)
		keep_names(&m->envelope, &l.local, list);
	else
		rc = recipients_resolve(&m->envelope, list, &l.local,
		    wants_original(&m->envelope), st);
	if (rc == -1 && l.local.lacks_include) {
		envelope_truncate(&m->envelope, before);
		keep_names(&m->envelope, &l.local, list);
		rc = 0;
	}
	locals_release(&l);
	address_list_release(list);
	return rc;
}

int
submission_check_names(const struct submission *m, const struct submitter *s,
    struct status *st)
{
	const struct envelope *e = &m->envelope;
	struct envelope ignored = ENVELOPE_INIT;
	struct locals l;
	size_t i;
	int rc = 0;

	locals_init(&l, &s->config, false);
	for (i = 0; i < e->count && rc == 0; i++)
		if (strchr(e->recipients[i].address, '@') == NULL)
			rc = locals_resolve(&l, e->recipients[i].address,
			    &ignored, st);
	envelope_release(&ignored);
	locals_release(&l);
	return rc;
}

int
submission_address(struct submission *m, const struct submitter *s,
    struct status *st)
{
	const struct options *o = s->caller->options;
	struct address_list given = ADDRESS_LIST_INIT;
	int rc;

	rc = recipients_collect(&given, o->recipients, o->recipient_count,
	    o->header_recipients ? &m->message.header : NULL, st);
	if (rc == 0) {
		report_unusable(m, s, &given);
		if (s->has_spool)
			recipients_keep_unusable(&m->envelope, &given);
		rc = submission_address_list(m, s, &given, st);
	}
	address_list_release(&given);
	return rc;
}
