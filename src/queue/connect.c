/* SPDX-License-Identifier: ISC */
#include "queue/connect.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/account.h"
#include "oauth/request.h"
#include "queue/account_session.h"

#define ANSWER_MS	(10 * 60 * 1000)	/* RFC 5321 4.5.3.2.6 */
#define USELESS_MS	2000	/* to open a session just to say QUIT */
#define SLOT_WAIT_MS	5000	/* then the spool is better */
#define SLOT_AGAIN_MS	5000	/* until a runner asks again */
#define SLOT_RESERVE_MS	5000	/* of send-timeout, left for sending */

static void
set_params(struct delivery_connection *dc, const struct connect_request *r)
{
	struct session_params *p = &dc->params;

	account_session_params(p, r->config, r->account, dc->from);
	p->deadline = r->deadline;
	p->answer_ms = ANSWER_MS;
	p->trace = r->trace;
	p->trace_context = r->trace_context;
	p->auth_two_step = dc->peer.two_step != 0 || r->two_step;
	p->use_chunking = dc->peer.no_bdat == 0 && !r->without_bdat;
	if (dc->peer.no_resume != 0)
		return;
	if (dc->ticket.kept.len != 0) {
		p->tls_resume = dc->ticket.kept.data;
		p->tls_resume_len = dc->ticket.kept.len;
	}
	p->tls_new_session = ticket_take;
	p->tls_context = &dc->ticket;
}

/* One connection.  Where it was given up because of `aside` it says nothing about
 * the TLS session that was offered. */
static int
open_session(struct delivery_connection *dc, const struct connect_request *r,
    struct aside *aside, struct status *st)
{
	dc->config = r->config;
	dc->account = r->account;
	peer_recall(&dc->peer, r->config, r->account);
	if (r->account->tls != TLS_NONE && dc->peer.no_resume == 0)
		ticket_load(&dc->ticket, dc->peer.key, r->config, r->account);
	set_params(dc, r);
	dc->params.aside = aside;
	dc->session = session_open(&dc->params, st);
	if (dc->session != NULL)
		return 0;
	if (aside_deadline(aside, CLOCK_NEVER) != CLOCK_NEVER)
		ticket_save(&dc->ticket, r->config);
	else
		ticket_drop(&dc->ticket, r->config);
	return -1;
}

void
connect_end(struct delivery_connection *dc)
{
	struct session_cost cost;

	if (dc->session == NULL)
		return;
	session_cost(dc->session, &cost);
	session_close(dc->session);
	dc->session = NULL;
	if (cost.resume_failed)
		ticket_drop(&dc->ticket, dc->config);
	else
		ticket_save(&dc->ticket, dc->config);
	peer_learn(&dc->peer, dc->config, &cost);
}

static void
take_news(struct aside *a)
{
	token_request_news(a->context);
	a->fd = token_request_fd(a->context);
	if (token_request_state(a->context) == TOKEN_REFUSED)
		a->until = clock_deadline(USELESS_MS);
}

/* A server that has waited for the token too long for its taste gets another
 * connection: the token is there now. */
static int
reopen_if_closed(struct delivery_connection *dc,
    const struct connect_request *r, struct status *st)
{
	if (session_is_quiet(dc->session))
		return 0;
	connect_end(dc);
	return open_session(dc, r, NULL, st);
}

/* Token and connection side by side, so that the slower of them decides.  If
 * both fail the token is what has to be mended, and is told. */
static int
meet(struct delivery_connection *dc, const struct connect_request *r,
    struct token *token, struct status *st)
{
	struct token_request *q = token_request_begin(r->config, r->account,
	    r->deadline);
	enum token_request_state state = token_request_state(q);
	struct aside aside = { .fd = token_request_fd(q), .news = take_news,
	    .context = q, .until = CLOCK_NEVER };
	struct status why = STATUS_INIT;
	int rc = state == TOKEN_REFUSED ? -1 :
	    open_session(dc, r, &aside, &why);

	if (token_request_end(q, token, st) == -1)
		return -1;
	if (rc == -1) {
		*st = why;
		return -1;
	}
	return state == TOKEN_THERE ? 0 : reopen_if_closed(dc, r, st);
}

/* A server that ends the session over the long line of AUTH, or answers each piece
 * of it, gets another one where that is said in two steps. */
static int
authenticate(struct delivery_connection *dc, const struct connect_request *r,
    const char *secret, struct status *st)
{
	const struct session_cost learned = { .two_step = true };
	struct connect_request again = *r;
	struct session_cost cost;

	if (account_session_authenticate(dc->session, r->account, secret,
	    st) == 0)
		return 0;
	session_cost(dc->session, &cost);
	if (!cost.wants_two_step || clock_left(r->deadline) == 0)
		return -1;
	connect_end(dc);
	status_clear(st);
	again.two_step = true;
	if (open_session(dc, &again, NULL, st) == -1 ||
	    account_session_authenticate(dc->session, r->account, secret,
	    st) == -1)
		return -1;
	peer_learn(&dc->peer, dc->config, &learned);
	return 0;
}

static int
log_in(struct delivery_connection *dc, const struct connect_request *r,
    struct token *token, struct status *st)
{
	if (meet(dc, r, token, st) == 0 &&
	    authenticate(dc, r, token->access.data, st) == 0)
		return 0;
	connect_end(dc);
	return -1;
}

static int
connect_with_token(struct delivery_connection *dc,
    const struct connect_request *r, struct delivery_report *report,
    struct status *st)
{
	struct token token = TOKEN_INIT;
	int rc = log_in(dc, r, &token, st);

	/* A token made before the administrator mended the permission stays
	 * useless until it expires: ask for a new one, once. */
	if (rc == -1 && st->reply == 535 && token.cached &&
	    token_reject(&token, r->config, r->account)) {
		token_release(&token);
		rc = log_in(dc, r, &token, st);
	}
	report->token_cached = token.cached;
	report->wants_renewal = token.wants_renewal;
	token_release(&token);
	return rc;
}

static int
connect_with_password(struct delivery_connection *dc,
    const struct connect_request *r, struct status *st)
{
	struct buf password;
	int rc = -1;

	buf_init(&password, 0);
	if ((r->account->auth == AUTH_NONE ||
	    config_read_password(r->config, r->account, &password, st) == 0) &&
	    open_session(dc, r, NULL, st) == 0)
		rc = authenticate(dc, r, password.data, st);
	if (rc == -1)
		connect_end(dc);
	buf_wipe(&password);
	return rc;
}

static void
set_from(struct delivery_connection *dc, const char *from)
{
	snprintf(dc->from, sizeof dc->from, "%s",
	    from != NULL ? from : "<from>");
}

/* Promise 5.  A caller waits some seconds for a slot where the spool is the
 * alternative, and as long as he may where there is none.  A state directory
 * that cannot be used costs the limits, not the mail. */
static int
take_slot(struct delivery_connection *dc, const struct connect_request *r,
    struct delivery_report *report, struct status *st)
{
	bool spools = r->config->spool;
	int64_t deadline = r->is_runner ? 0 :
	    spools ? clock_deadline(SLOT_WAIT_MS) : r->deadline - SLOT_RESERVE_MS;
	struct status trouble = STATUS_INIT;

	switch (limits_take_slot(&dc->slot, r->config, r->account,
	    r->is_record || !spools ? SLOT_RUNNER : SLOT_CALLER, deadline,
	    &trouble)) {
	case 0:
		return 0;
	case 1:
		report->held_until = clock_deadline(SLOT_AGAIN_MS);
		*st = trouble;
		return -1;
	default:
		log_line(LOG_WARNING, "sending without limits: %s",
		    trouble.text);
		return 0;
	}
}

bool
connect_is_good(struct delivery_connection *dc, const struct account *a)
{
	return dc->account == a && session_is_usable(dc->session) &&
	    (dc->slot.number == -1 || limits_extend(&dc->slot) == 0);
}

int
connect_account(struct delivery_connection *dc,
    const struct connect_request *r, struct delivery_report *report,
    struct status *st)
{
	int rc;

	if (dc->session != NULL) {
		set_from(dc, r->from);
		session_set_deadline(dc->session, r->deadline);
		report->token_cached = true;
		return 0;
	}
	if (take_slot(dc, r, report, st) == -1)
		return -1;
	set_from(dc, r->from);
	rc = account_wants_token(r->account) ?
	    connect_with_token(dc, r, report, st) :
	    connect_with_password(dc, r, st);
	if (rc == -1)
		delivery_connection_close(dc);
	return rc;
}
