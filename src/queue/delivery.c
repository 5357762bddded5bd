/* SPDX-License-Identifier: ISC
 *
 * The life of a message from here on: design 4, steps 5 and 6 (account,
 * permission, rewriting); the others are in transmit.c.
 */
#include "queue/attempt.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/account.h"
#include "mail/recipients.h"
#include "queue/connect.h"
#include "queue/journal.h"
#include "queue/locals.h"
#include "queue/stray.h"

#define LARGE_HEADER	(64 * 1024)
#define MANY_RECIPIENTS	500

static void
forget_caller(struct delivery_connection *dc)
{
	free(dc->user);
	free(dc->gecos);
	dc->user = dc->gecos = NULL;
}

/* The calling user by name: for the account, and for a missing From.  In a queue
 * the same one often comes many times. */
static void
look_up_caller(struct attempt *a)
{
	struct delivery_connection *dc = a->o.connection;
	struct passwd *pw;

	if (dc->user == NULL || dc->uid != a->s->uid) {
		forget_caller(dc);
		pw = getpwuid(a->s->uid);
		dc->uid = a->s->uid;
		dc->user = pw != NULL ? xstrdup(pw->pw_name) :
		    xasprintf("%lu", (unsigned long)a->s->uid);
		dc->gecos = xstrdup(pw != NULL && pw->pw_gecos != NULL ?
		    pw->pw_gecos : "");
	}
	a->user = xstrdup(dc->user);
	a->gecos = xstrdup(dc->gecos);
}

/* Step 5.  The first address of From decides first. */
static int
choose_account(struct attempt *a, struct status *st)
{
	struct delivery_report *r = a->report;
	struct account_query q = { .user = a->user,
	    .envelope_from = a->s->envelope.sender };
	int rc;

	r->header_from = rewrite_sender_address(&a->s->message.header);
	if (q.envelope_from != NULL && *q.envelope_from == '\0')
		q.envelope_from = NULL;	/* the null path names nobody */
	q.header_from = r->header_from;
	if (a->s->account != NULL) {
		r->account = config_account(a->config, a->s->account);
		r->why = "named by --account";
		rc = r->account != NULL ? 0 : status_set(st, EX_CONFIG,
		    "there is no account \"%s\"", a->s->account);
	} else
		rc = account_choose(a->config, &q, &r->account, &r->why, st);
	if (rc == -1)
		return -1;
	if (account_check_user(r->account, a->s->uid, st) == -1) {
		if (st->sysexit == EX_NOPERM)
			st->class = CLASS_USAGE;	/* a retry changes nothing */
		return -1;
	}
	return 0;
}

static bool
may_send_as(const void *context, const char *address)
{
	const struct attempt *a = context;

	return account_may_send_as(a->report->account, address);
}

static bool
is_host_name(const void *context, const char *domain)
{
	const struct attempt *a = context;

	return config_is_host_name(a->config, domain);
}

/* Whoever sends from a domain that nobody planned for should be heard of. */
static void
note_stray(const struct attempt *a)
{
	const struct delivery_report *r = a->report;
	const char *at = r->header_from != NULL ?
	    strrchr(r->header_from, '@') : NULL;

	if (r->from_rewritten && account_is_by_default(r->why) &&
	    at != NULL && strchr(at, '.') != NULL &&
	    !config_is_host_name(a->config, at + 1))
		stray_note(a->config, a->s->uid, r->header_from);
}

/* Step 6, in place, so that a long header is in memory once: what is kept is the
 * text, and every attempt begins with what was read from that. */
static int
rewrite(struct attempt *a, struct status *st)
{
	struct rewrite_rules rules = {
		.mailbox = a->report->account->mailbox,
		.host = a->config->short_hostname,
		.user = a->user, .gecos = a->gecos,
		.domain = a->config->domain, .charset = a->s->charset,
		.date = a->s->date, .message_id = a->s->message_id,
		.may_send_as = may_send_as, .is_host_name = is_host_name,
		.context = a,
	};
	struct delivery_report *r = a->report;
	struct header *header = &a->s->message.header;
	struct locals locals;

	if (rewrite_header(header, &a->s->envelope, &rules, &a->rewrite,
	    st) == -1)
		return -1;
	locals_init(&locals, a->config, false);
	recipients_show(header, &locals.local);
	locals_release(&locals);
	r->mail_from = xstrdup(a->rewrite.mail_from);
	r->from_rewritten = a->rewrite.from_rewritten;
	r->dkim_dropped = a->rewrite.dkim_dropped;
	r->message_id = header_value(header, "Message-ID");
	note_stray(a);
	return 0;
}

/* deliver-all-to: on a staging host one address gets everything. */
static int
redirect(struct attempt *a, struct status *st)
{
	if (a->config->deliver_all_to == NULL)
		return 0;
	if (recipients_redirect(&a->redirected, &a->s->envelope,
	    a->config->deliver_all_to, &a->s->message.header, st) == -1)
		return -1;
	a->envelope = &a->redirected;
	return 0;
}

/* Several take a place behind all others, and its own is left: the journal tells
 * recipients by their number.  The next record has the ones and the other, or
 * neither. */
static void
replace_name(struct envelope *e, size_t name, struct envelope *by)
{
	const struct status none = STATUS_INIT;
	size_t i;

	for (i = 0; i < by->count; i++)
		by->recipients[i].turn = e->recipients[name].turn;
	recipient_settle(&e->recipients[name], RECIPIENT_REPLACED, &none);
	envelope_move(e, by);
}

/* A name without a domain was kept while the config or the alias file was wrong:
 * now it may be known where its mail goes. */
static void
resolve_name(struct envelope *e, size_t name, struct locals *l)
{
	struct recipient *r = &e->recipients[name];
	struct envelope to = ENVELOPE_INIT;
	struct status st = STATUS_INIT;

	if (locals_resolve(l, r->address, &to, &st) == -1)
		recipient_settle(r, RECIPIENT_DEFERRED, &st);
	else if (to.count == 1) {
		free(r->address);
		r->address = xstrdup(to.recipients[0].address);
		r->utf8 = to.recipients[0].utf8;
	} else if (e->count + to.count > JOURNAL_RECIPIENTS_MAX) {
		status_set(&st, EX_CONFIG, "%s stands for %zu addresses, more "
		    "than this message can still have", r->address, to.count);
		st.scope = SCOPE_MESSAGE;
		status_hint(&st, "hand the message in again for that name "
		    "alone");
		recipient_settle(r, RECIPIENT_DEFERRED, &st);
	} else
		replace_name(e, name, &to);
	envelope_release(&to);
}

static void
resolve_names(struct attempt *a)
{
	struct envelope *e = &a->s->envelope;
	size_t i, count = e->count;
	struct locals locals;

	/* There X-Original-To shows them as they are, and none must wait: the one
	 * address would get the message again at each attempt. */
	if (a->config->deliver_all_to != NULL)
		return;
	locals_init(&locals, a->config, true);
	for (i = 0; i < count; i++)
		if (e->recipients[i].state == RECIPIENT_PENDING &&
		    strchr(e->recipients[i].address, '@') == NULL)
			resolve_name(e, i, &locals);
	locals_release(&locals);
}

/* What could not be tried stands as the failure says. */
static void
settle(struct attempt *a, const struct status *st)
{
	enum recipient_state state = status_is_mendable(st) ?
	    RECIPIENT_DEFERRED : RECIPIENT_REFUSED;

	envelope_settle(a->envelope, RECIPIENT_PENDING, state, st);
	envelope_settle(a->envelope, RECIPIENT_ACCEPTED, state, st);
}

/* What became of the one address became of all that it stood for. */
static void
settle_redirected(struct attempt *a)
{
	const struct recipient *r;
	struct status st;

	if (a->envelope != &a->redirected)
		return;
	r = &a->redirected.recipients[0];
	recipient_status(r, &st);
	envelope_settle(&a->s->envelope, RECIPIENT_PENDING, r->state, &st);
	envelope_release(&a->redirected);
}

/* Whom this attempt is for.  The others were delivered or refused in an earlier
 * one, and what became of them is no news. */
static void
take_turns(struct envelope *e)
{
	const struct status none = STATUS_INIT;
	size_t i;

	envelope_settle(e, RECIPIENT_DEFERRED, RECIPIENT_PENDING, &none);
	for (i = 0; i < e->count; i++)
		e->recipients[i].turn =
		    e->recipients[i].state == RECIPIENT_PENDING;
}

/* The peak comes with TLS.  What it took to read a long header, or a list of
 * addresses, is free by now, but in holes that OpenSSL does not fill. */
static void
make_room_for_tls(const struct attempt *a)
{
	if (a->s->message.body_offset > LARGE_HEADER ||
	    a->s->envelope.count > MANY_RECIPIENTS)
		xtrim();
}

static int
start(struct attempt *a, struct status *st)
{
	envelope_close(&a->s->envelope);
	take_turns(&a->s->envelope);
	look_up_caller(a);
	resolve_names(a);
	if (choose_account(a, st) == -1 || rewrite(a, st) == -1)
		return -1;
	if (envelope_count(a->envelope, RECIPIENT_PENDING) == 0)
		return 0;
	if (redirect(a, st) == -1)
		return -1;
	make_room_for_tls(a);
	return transmit_start(a, st);
}

struct attempt *
delivery_start(const struct config *c, struct submission *s,
    const struct delivery_options *o, struct delivery_report *report)
{
	struct attempt *a = xcalloc(1, sizeof *a);

	*report = (struct delivery_report){ 0 };
	a->config = c;
	a->s = s;
	a->o = *o;
	a->report = report;
	a->envelope = &s->envelope;
	a->own = (struct delivery_connection)DELIVERY_CONNECTION_INIT;
	if (a->o.connection == NULL)
		a->o.connection = &a->own;
	a->labelled = (struct header)HEADER_INIT;
	a->rc = start(a, &a->status);
	return a;
}

bool
delivery_is_answered(const struct attempt *a)
{
	return a->transaction == NULL || session_is_answered(a->transaction);
}

void
delivery_push(struct delivery_connection *dc)
{
	session_push(dc->session);
}

static void
release(struct attempt *a)
{
	delivery_connection_close(&a->own);
	header_release(&a->labelled);
	rewrite_result_release(&a->rewrite);
	free(a->user);
	free(a->gecos);
	free(a);
}

int
delivery_finish(struct attempt *a, struct status *st)
{
	int rc = a->rc;

	if (a->transaction != NULL)
		rc = transmit_finish(a, &a->status);
	if (rc == -1) {
		settle(a, &a->status);
		*st = a->status;
	}
	settle_redirected(a);
	release(a);
	return rc;
}

int
delivery_attempt(const struct config *c, struct submission *s,
    const struct delivery_options *o, struct delivery_report *report,
    struct status *st)
{
	return delivery_finish(delivery_start(c, s, o, report), st);
}

void
delivery_report_release(struct delivery_report *r)
{
	free(r->header_from);
	free(r->mail_from);
	free(r->message_id);
	*r = (struct delivery_report){ 0 };
}

void
delivery_connection_close(struct delivery_connection *dc)
{
	connect_end(dc);
	/* Only now: a slot counts until the server has seen the end. */
	limits_release_slot(&dc->slot);
	state_file_close(&dc->minute);
	forget_caller(dc);
	*dc = (struct delivery_connection)DELIVERY_CONNECTION_INIT;
}
