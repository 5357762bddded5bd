/* SPDX-License-Identifier: ISC
 *
 * The life of a message from here on (design 4, steps 5 to 9): account,
 * permission, rewriting, token, session, data.
 */
#include "queue/delivery.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "config/account.h"
#include "mail/body.h"
#include "mail/recipients.h"
#include "mail/rewrite.h"
#include "queue/connect.h"
#include "queue/locals.h"
#include "queue/stray.h"

#define RATE_WAIT_MS	3000
#define HEADER_SENT_MAX	(2 * HEADER_MAX)	/* rewriting adds fields */

/* Everything one attempt owns. */
struct attempt {
	const struct config	*config;
	struct submission	*s;
	const struct delivery_options *o;
	struct delivery_report	*report;
	char			*user, *gecos;	/* of the caller */
	struct header		 header;	/* the copy that is sent */
	struct rewrite_result	 rewrite;
	struct body_plan	 plan;
	struct body_reader	 body;
	struct buf		 head;		/* header section and empty line */
	struct delivery_connection own;		/* used if o->connection is NULL */
	struct envelope		*envelope;	/* who it goes to: the submission's,
						 * or with deliver-all-to ... */
	struct envelope		 redirected;	/* ... this */
	bool			 without_bdat;	/* the server wants DATA */
};

/* The calling user by name: for the account, and for a missing From. */
static void
look_up_caller(struct attempt *a)
{
	struct passwd *pw = getpwuid(a->s->uid);

	a->user = pw != NULL ? xstrdup(pw->pw_name) :
	    xasprintf("%lu", (unsigned long)a->s->uid);
	a->gecos = xstrdup(pw != NULL && pw->pw_gecos != NULL ?
	    pw->pw_gecos : "");
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

/* Step 6, on a copy: the message as read stays what it is. */
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
	struct locals locals;

	header_copy(&a->header, &a->s->message.header);
	if (rewrite_header(&a->header, &a->s->envelope, &rules, &a->rewrite,
	    st) == -1)
		return -1;
	locals_init(&locals, a->config, false);
	recipients_show(&a->header, &locals.local);
	locals_release(&locals);
	r->mail_from = xstrdup(a->rewrite.mail_from);
	r->from_rewritten = a->rewrite.from_rewritten;
	r->dkim_dropped = a->rewrite.dkim_dropped;
	r->message_id = header_value(&a->header, "Message-ID");
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
	    a->config->deliver_all_to, &a->header, st) == -1)
		return -1;
	a->envelope = &a->redirected;
	return 0;
}

/* A name without a domain was kept while the config was wrong: now it can be
 * known where its mail goes.  One address takes its place; several cannot. */
static void
resolve_name(struct recipient *r, struct local *l)
{
	struct envelope to = ENVELOPE_INIT;
	struct status st = STATUS_INIT;
	struct address name = { 0 };

	if (address_parse_path(&name, r->address, &st) == 0 &&
	    local_resolve(l, &name, &to, &st) == 0 && to.count == 1) {
		free(r->address);
		r->address = xstrdup(to.recipients[0].address);
		r->utf8 = to.recipients[0].utf8;
	} else {
		r->state = RECIPIENT_DEFERRED;
		status_set(&r->status, EX_CONFIG, "%s stands for %zu addresses, "
		    "and was kept while the config was wrong", r->address,
		    to.count);
		status_hint(&r->status, "make the name lead to one address, then "
		    "mailbearer queue retry");
	}
	address_release(&name);
	envelope_release(&to);
}

static void
resolve_names(struct attempt *a)
{
	struct envelope *e = &a->s->envelope;
	struct locals locals;
	size_t i;

	locals_init(&locals, a->config, true);
	for (i = 0; i < e->count; i++)
		if (e->recipients[i].state == RECIPIENT_PENDING &&
		    strchr(e->recipients[i].address, '@') == NULL)
			resolve_name(&e->recipients[i], &locals.local);
	locals_release(&locals);
}

/* The header section in its final form, and how the body goes out: known only
 * now, because it depends on what the server offers. */
static int
compose(struct attempt *a, struct session_data *d, struct status *st)
{
	const struct session_extensions *x =
	    session_extensions(a->o->connection->session);

	if (body_plan(&a->plan, &a->header, &a->s->message, x->eightbitmime,
	    a->s->charset, st) == -1)
		return -1;
	buf_reset(&a->head);
	header_format(&a->header, &a->head);
	buf_addstr(&a->head, "\r\n");
	if (a->head.overflow)
		return status_set(st, EX_DATAERR,
		    "the header is over %d octets long", HEADER_SENT_MAX);
	if (body_size(&a->s->message, &a->plan, &d->body_size, st) == -1)
		return -1;
	d->header = a->head.data;
	d->header_len = a->head.len;
	d->is_8bit = a->plan.is_8bit;
	a->report->bytes = (int64_t)a->head.len + d->body_size;
	return 0;
}

static long
read_body(void *context, char *to, size_t size, struct status *st)
{
	struct attempt *a = context;

	return (long)body_read(&a->body, to, size, st);
}

static int
sent_all(void *context, struct status *st)
{
	struct attempt *a = context;

	return a->o->sent_all(a->o->sent_all_context, st);
}

static bool
needs_smtputf8(const struct envelope *e)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		if (e->recipients[i].state == RECIPIENT_PENDING &&
		    e->recipients[i].utf8)
			return true;
	return false;
}

/* Promise 5: 30 messages a minute.  A short wait is waited for. */
static int
wait_for_rate(struct attempt *a, struct status *st)
{
	struct timespec pause;
	int64_t wait_ms;

	while (limits_count_message(a->config, a->report->account, 1, &wait_ms,
	    st) == 1) {
		if (a->o->is_runner || wait_ms > RATE_WAIT_MS ||
		    clock_left(a->o->deadline) < wait_ms + RATE_WAIT_MS) {
			a->report->held_until = clock_deadline(wait_ms);
			return -1;
		}
		pause = (struct timespec){ .tv_sec = wait_ms / 1000,
		    .tv_nsec = wait_ms % 1000 * 1000000 };
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* What the server said decides how the account is treated from now on. */
static void
heed(struct attempt *a, const struct status *st)
{
	const struct account *account = a->report->account;

	if (account == NULL)
		return;
	if (st->reply == 432)
		limits_pause(a->config, account, st, 0);
	else if (a->o->is_runner && st->scope == SCOPE_ACCOUNT &&
	    st->reply != 0 && status_is_mendable(st))
		limits_pause(a->config, account, st, 0);
}

static void
heed_recipients(struct attempt *a)
{
	const struct envelope *e = a->envelope;
	size_t i;

	for (i = 0; i < e->count; i++) {
		if (e->recipients[i].state == RECIPIENT_DELIVERED) {
			limits_clear(a->config, a->report->account);
			return;
		}
		if (e->recipients[i].state == RECIPIENT_DEFERRED &&
		    e->recipients[i].status.scope == SCOPE_ACCOUNT) {
			heed(a, &e->recipients[i].status);
			return;
		}
	}
}

/* One transaction. */
static int
send_once(struct attempt *a, struct session_data *d, struct status *st)
{
	struct session *s = a->o->connection->session;
	int rc;

	body_reader_init(&a->body, &a->s->message, &a->plan);
	d->needs_smtputf8 = needs_smtputf8(a->envelope);
	if (wait_for_rate(a, st) == -1)
		return -1;
	rc = session_send(s, d, a->envelope, st);
	if (session_answer_unknown(s))
		a->report->answer_unknown = true;
	heed_recipients(a);
	return rc;
}

/* As many transactions as max-recipients asks for. */
static int
send_all(struct attempt *a, struct session_data *d, struct status *st)
{
	size_t before, left = envelope_count(a->envelope, RECIPIENT_PENDING);

	while ((before = left) != 0) {
		if (send_once(a, d, st) == -1)
			return -1;
		left = envelope_count(a->envelope, RECIPIENT_PENDING);
		if (left == before)
			return status_set(st, EX_PROTOCOL,
			    "the server settled no recipient");
	}
	return 0;
}

/* Steps 8 and 9. */
static int
transmit(struct attempt *a, struct status *st)
{
	struct delivery_connection *dc = a->o->connection;
	struct session_data d = {
		.mail_from = a->rewrite.mail_from,
		.read_body = read_body, .context = a,
		.max_recipients = a->report->account->max_recipients,
		.sent_all = a->o->sent_all != NULL ? sent_all : NULL,
	};
	struct connect_request request = {
		.config = a->config, .account = a->report->account,
		.deadline = a->o->deadline, .trace = a->o->trace,
		.trace_context = a->o->trace_context,
		.from = a->report->header_from, .is_runner = a->o->is_runner,
		.is_record = a->o->is_record, .without_bdat = a->without_bdat,
	};
	struct status why = STATUS_INIT;

	if (connect_account(dc, &request, a->report, st) == -1) {
		heed(a, st);
		return -1;
	}
	if (compose(a, &d, st) == -1)
		return -1;
	if (send_all(a, &d, &why) == 0)
		return 0;
	/* Once more, on a new connection, for a server that offers what it does
	 * not know: to whom its answer was no, nothing was delivered. */
	if (session_wants_data(dc->session)) {
		a->without_bdat = true;
		return transmit(a, st);
	}
	*st = why;
	return -1;
}

static int
admit(struct attempt *a, struct status *st)
{
	if (a->o->admit == NULL)
		return 0;
	return a->o->admit(a->o->admit_context, a->report->account, st);
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

	if (a->envelope != &a->redirected)
		return;
	r = &a->redirected.recipients[0];
	envelope_settle(&a->s->envelope, RECIPIENT_PENDING, r->state,
	    &r->status);
	envelope_release(&a->redirected);
}

int
delivery_attempt(const struct config *c, struct submission *s,
    const struct delivery_options *o, struct delivery_report *report,
    struct status *st)
{
	struct delivery_options options = *o;
	struct attempt a = { .config = c, .s = s, .o = &options,
	    .report = report, .header = HEADER_INIT, .envelope = &s->envelope,
	    .own = DELIVERY_CONNECTION_INIT };
	const struct status none = STATUS_INIT;
	int rc = -1;

	*report = (struct delivery_report){ 0 };
	buf_init(&a.head, HEADER_SENT_MAX);
	if (options.connection == NULL)
		options.connection = &a.own;
	envelope_settle(&s->envelope, RECIPIENT_DEFERRED, RECIPIENT_PENDING,
	    &none);
	look_up_caller(&a);
	resolve_names(&a);
	if (choose_account(&a, st) == 0 && rewrite(&a, st) == 0 &&
	    redirect(&a, st) == 0 && admit(&a, st) == 0)
		rc = transmit(&a, st);
	if (rc == -1)
		settle(&a, st);
	settle_redirected(&a);
	delivery_connection_close(&a.own);
	buf_release(&a.head);
	header_release(&a.header);
	rewrite_result_release(&a.rewrite);
	free(a.user);
	free(a.gecos);
	return rc;
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
	*dc = (struct delivery_connection)DELIVERY_CONNECTION_INIT;
}
