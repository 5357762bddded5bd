/* SPDX-License-Identifier: ISC */
#include "cli/accounts_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "cli/invocation.h"
#include "cli/listing.h"
#include "cli/report.h"
#include "oauth/store.h"
#include "queue/limits.h"
#include "queue/spool.h"

#define MESSAGES_MAX 1000	/* of the spool that are looked at */

/* What is known of one account, from the files that the senders leave. */
struct health {
	const struct account *account;
	size_t		 waiting;
	int64_t		 last_attempt;		/* of a message that waits */
	struct status	 last_status;
	int64_t		 paused_until;
	struct status	 pause;
	int64_t		 token_expires;
	int64_t		 token_failed;
	struct status	 token_failure;
};

struct overview {
	struct invocation	 invocation;
	struct config		 config;
	struct health		*health;	/* one for each account */
	size_t			 unrouted;	/* waiting, no account chosen yet */
	bool			 is_blind;	/* state or spool are not ours to read */
};

static void
count_message(struct overview *o, const struct spool_entry *e)
{
	struct health *h = NULL;
	size_t i;

	for (i = 0; i < o->config.account_count && e->last_account != NULL; i++)
		if (strcmp(o->config.accounts[i].name, e->last_account) == 0)
			h = &o->health[i];
	if (h == NULL) {
		o->unrouted++;
		return;
	}
	h->waiting++;
	if (e->last_attempt > h->last_attempt) {
		h->last_attempt = e->last_attempt;
		h->last_status = e->last_status;
	}
}

/* A spool that is off or not ours to read tells nothing. */
static void
look_at_spool(struct overview *o)
{
	struct status st = STATUS_INIT;
	struct spool_entry e;
	struct spool s;
	char **ids;
	size_t count, i;

	if (!o->config.spool || spool_open(&s, &o->config, &st) == -1)
		return;
	if (spool_list(&s, false, &ids, &count, &st) == 0) {
		for (i = 0; i < count && i < MESSAGES_MAX; i++)
			if (spool_peek(&s, ids[i], false, &e, &st) == 0) {
				count_message(o, &e);
				spool_entry_release(&e);
			}
		spool_ids_free(ids, count);
	}
	spool_close(&s);
}

static void
look_at_token(struct health *h, const struct config *c)
{
	struct status st = STATUS_INIT;
	struct cache cache;
	struct store s;

	if (h->account->app == NULL ||
	    store_open(&s, c, h->account, &st) == -1)
		return;
	cache_init(&cache);
	store_read(&s, &cache);
	store_close(&s);
	if (cache_has_token(&cache, clock_wall(), 1))
		h->token_expires = cache.expires;
	h->token_failed = cache.failure.at;
	h->token_failure = cache.failure.status;
	cache_release(&cache);
}

static enum out_mark
mark_of(const struct health *h)
{
	bool has_token = h->account->app == NULL || h->token_expires != 0;

	if ((h->token_failed != 0 && !has_token) ||
	    (h->paused_until != 0 && h->pause.class != CLASS_RETRY) ||
	    (h->waiting != 0 && (h->last_status.class == CLASS_CONFIG ||
	    h->last_status.class == CLASS_POLICY)))
		return OUT_FAILED;
	if (h->token_failed != 0 || h->paused_until != 0 || h->waiting != 0)
		return OUT_DOUBT;
	return OUT_OK;
}

/* What went wrong last, and when; NULL if nothing did. */
static const struct status *
trouble_of(const struct health *h, const char **what, int64_t *when)
{
	if (h->paused_until != 0) {
		*what = "paused, goes on";
		*when = h->paused_until;
		return &h->pause;
	}
	if (h->token_failed != 0) {
		*what = "no new token";
		*when = h->token_failed;
		return &h->token_failure;
	}
	if (h->waiting != 0 && h->last_status.sysexit != EX_OK) {
		*what = "last attempt";
		*when = h->last_attempt;
		return &h->last_status;
	}
	return NULL;
}

static void
print_unseen(struct out *out, const struct account *a)
{
	char text[1024], clean[1024];

	snprintf(text, sizeof text, "%s; its tokens and waiting mail are not this "
	    "user's to see: run mailbearer accounts as root", a->mailbox);
	status_printable(clean, sizeof clean, text);
	out_step(out, OUT_NOT_TRIED, a->name, clean);
}

static void
print_line(struct out *out, const struct health *h)
{
	const struct account *a = h->account;
	const struct status *trouble;
	const char *what = "";
	char text[2048], clean[2048], span[CLOCK_SPAN_SIZE];
	char why[LISTING_REASON];
	int64_t when = 0, now = clock_wall();
	int n;

	n = snprintf(text, sizeof text, "%s", a->mailbox);
	if (h->token_expires != 0) {
		clock_span(span, now, h->token_expires);
		n += snprintf(text + n, sizeof text - (size_t)n,
		    ", token ends %s", span);
	} else if (a->app != NULL)
		n += snprintf(text + n, sizeof text - (size_t)n, ", no token");
	if (h->waiting != 0)
		n += snprintf(text + n, sizeof text - (size_t)n, ", %zu waiting",
		    h->waiting);
	if ((trouble = trouble_of(h, &what, &when)) != NULL) {
		clock_span(span, now, when);
		listing_status(why, trouble);
		snprintf(text + n, sizeof text - (size_t)n, "; %s %s: %s",
		    what, span, why);
	}
	status_printable(clean, sizeof clean, text);
	out_step(out, mark_of(h), a->name, clean);
}

static void
print_json(const struct health *h, bool is_blind, bool is_first)
{
	static const char *const words[OUT_MARKS] = {
		[OUT_OK] = "ok", [OUT_DOUBT] = "doubtful",
		[OUT_FAILED] = "failed", [OUT_NOT_TRIED] = "unknown",
	};
	const struct status *trouble;
	const char *what = "";
	struct report r;
	int64_t when = 0;

	fputs(is_first ? "[" : ",", stdout);
	report_begin(&r, true);
	report_text(&r, "account", h->account->name);
	report_text(&r, "mailbox", h->account->mailbox);
	report_text(&r, "health", words[is_blind ? OUT_NOT_TRIED : mark_of(h)]);
	if (is_blind) {
		report_end(&r);
		return;
	}
	report_number(&r, "waiting", (int64_t)h->waiting);
	report_time(&r, "token expires", h->token_expires);
	report_time(&r, "paused until", h->paused_until);
	report_time(&r, "last attempt", h->last_attempt);
	if ((trouble = trouble_of(h, &what, &when)) != NULL)
		report_status(&r, "problem", trouble);
	report_end(&r);
}

static void
print(const struct overview *o)
{
	struct out out;
	char text[80];
	size_t i;

	out_init(&out, stdout);
	for (i = 0; i < o->config.account_count; i++)
		if (o->invocation.json)
			print_json(&o->health[i], o->is_blind, i == 0);
		else if (o->is_blind)
			print_unseen(&out, o->health[i].account);
		else
			print_line(&out, &o->health[i]);
	if (o->invocation.json)
		puts("]");
	else if (o->unrouted != 0) {
		snprintf(text, sizeof text, "%zu waiting that no account was "
		    "tried for", o->unrouted);
		out_step(&out, OUT_DOUBT, "-", text);
	}
}

int
accounts_command(struct identity *id, int argc, char **argv)
{
	static const struct invocation_form form = { 0, 0,
	    "accounts [-C FILE] [--json]" };
	struct overview o = { .invocation.arguments = { argc, argv } };
	struct invocation *v = &o.invocation;
	struct status st = STATUS_INIT;
	struct health *h;
	size_t i;

	if (invocation_begin(v, id, &form, 0, &st) == -1 ||
	    admin_load(&v->caller, &o.config, &st) == -1)
		return admin_fail(&v->caller, &st);
	o.is_blind = !admin_may_read(o.config.state_directory) ||
	    (o.config.spool && !admin_may_read(o.config.spool_directory));
	o.health = xcalloc(o.config.account_count, sizeof *o.health);
	look_at_spool(&o);
	for (i = 0; i < o.config.account_count; i++) {
		h = &o.health[i];
		h->account = &o.config.accounts[i];
		h->paused_until = limits_paused_until(&o.config, h->account,
		    &h->pause);
		look_at_token(h, &o.config);
	}
	print(&o);
	free(o.health);
	config_release(&o.config);
	return EX_OK;
}
