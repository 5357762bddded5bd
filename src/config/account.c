/* SPDX-License-Identifier: ISC */
#include "config/account.h"

#include <string.h>

#include "base/buf.h"
#include "config/pattern.h"

/* Who is looked up, in this order. */
enum subject { SUBJECT_FROM, SUBJECT_ENVELOPE, SUBJECT_USER, SUBJECT_COUNT };
/* Where in an account an address was found. */
enum place { PLACE_MAILBOX, PLACE_SEND_AS, PLACE_SERVES, PLACE_COUNT };
/* By which rule, in this order. */
enum rule { RULE_EXACT, RULE_DETAIL, RULE_PATTERN, RULE_COUNT };

static const char by_default[] = "it is the default-account";
static const char being_alone[] = "it is the only account";

#define REASONS(who) { \
	[RULE_EXACT] = { \
		who " is its mailbox", \
		who " is in its send-as", \
		who " is in its serves" }, \
	[RULE_DETAIL] = { \
		who " without +detail is its mailbox", \
		who " without +detail is in its send-as", \
		who " without +detail is in its serves" }, \
	[RULE_PATTERN] = { \
		NULL, \
		who " matches a pattern of its send-as", \
		who " matches a pattern of its serves" } }

static const char *const reasons[SUBJECT_COUNT][RULE_COUNT][PLACE_COUNT] = {
	[SUBJECT_FROM] = REASONS("From"),
	[SUBJECT_ENVELOPE] = REASONS("the envelope sender"),
	[SUBJECT_USER] = REASONS("the calling user"),
};

/* The best account found for one address by one rule. */
struct match {
	const struct account *account, *rival;	/* rival: fits as well */
	enum place	place;
	int		fit;
};

static void
consider(struct match *m, const struct account *a, enum place place, int fit)
{
	if (fit == PATTERN_NONE || fit < m->fit)
		return;
	if (fit > m->fit)
		*m = (struct match){ .account = a, .place = place, .fit = fit };
	else if (a != m->account)
		m->rival = a;
}

/* One list of an account; patterns with a wildcard count for RULE_PATTERN only,
 * the others for the other rules only. */
static void
search_list(struct match *m, const struct account *a, enum place place,
    char *const *list, enum rule rule, const struct pattern_address *address,
    const struct config *c)
{
	for (; list != NULL && *list != NULL; list++)
		if (pattern_is_wild(*list) == (rule == RULE_PATTERN))
			consider(m, a, place, pattern_fit(*list, address, c));
}

static void
search(struct match *m, const struct config *c, enum rule rule,
    const struct pattern_address *address)
{
	const struct account *a;

	for (a = c->accounts; a < c->accounts + c->account_count; a++) {
		if (rule != RULE_PATTERN)
			consider(m, a, PLACE_MAILBOX,
			    pattern_fit(a->mailbox, address, c));
		search_list(m, a, PLACE_SEND_AS, a->send_as, rule, address, c);
		search_list(m, a, PLACE_SERVES, a->serves, rule, address, c);
	}
}

static int
refuse_rivals(const struct match *m, const char *address, struct status *st)
{
	status_set(st, EX_CONFIG, "\"%.100s\" leads to two accounts, \"%s\" "
	    "(line %d) and \"%s\" (line %d)", address, m->account->name,
	    m->account->line, m->rival->name, m->rival->line);
	return status_hint(st, "leave it in send-as or serves of one of them");
}

/* Tries one address by each rule.  1 found, 0 not, -1 error. */
static int
choose_for(const struct config *c, enum subject subject, const char *address,
    struct match *m, const char **why, struct status *st)
{
	struct pattern_address a = pattern_split(address), bare;
	const char *plus = memchr(a.local, '+', a.local_len);
	int rule;

	bare = a;
	if (plus != NULL)
		bare.local_len = (size_t)(plus - a.local);
	for (rule = RULE_EXACT; rule < RULE_COUNT; rule++) {
		if (rule == RULE_DETAIL && bare.local_len == a.local_len)
			continue;
		*m = (struct match){ .fit = PATTERN_NONE };
		search(m, c, (enum rule)rule,
		    rule == RULE_DETAIL ? &bare : &a);
		if (m->account == NULL)
			continue;
		if (m->rival != NULL)
			return refuse_rivals(m, address, st);
		*why = reasons[subject][rule][m->place];
		return 1;
	}
	return 0;
}

/* The only account whose mailbox has this domain. */
static const struct account *
only_of_domain(const struct config *c, const char *address)
{
	const char *domain = address == NULL ? NULL :
	    pattern_split(address).domain;
	const struct account *a, *found = NULL;

	if (domain == NULL)
		return NULL;
	for (a = c->accounts; a < c->accounts + c->account_count; a++) {
		if (!pattern_same_domain(pattern_split(a->mailbox).domain,
		    domain))
			continue;
		if (found != NULL)
			return NULL;
		found = a;
	}
	return found;
}

static int
refuse_unserved(const struct account_query *q, struct status *st)
{
	struct buf tried;

	buf_init(&tried, sizeof st->hint);
	if (q->header_from != NULL)
		buf_addf(&tried, "From %.100s, ", q->header_from);
	if (q->envelope_from != NULL)
		buf_addf(&tried, "envelope sender %.100s, ", q->envelope_from);
	if (q->user != NULL)
		buf_addf(&tried, "user %.60s, ", q->user);
	if (tried.len != 0)
		buf_truncate(&tried, tried.len - 2);
	status_set(st, EX_CONFIG, "no account serves this sender");
	status_hint(st, "tried: %s; add one of them to \"serves\" of an "
	    "account, or set default-account", tried.data);
	buf_release(&tried);
	return -1;
}

int
account_choose(const struct config *c, const struct account_query *q,
    const struct account **account, const char **why, struct status *st)
{
	const char *const addresses[SUBJECT_COUNT] = {
		q->header_from, q->envelope_from, q->user
	};
	struct match m;
	int i, found;

	for (i = 0; i < SUBJECT_COUNT; i++) {
		if (addresses[i] == NULL || *addresses[i] == '\0')
			continue;
		found = choose_for(c, (enum subject)i, addresses[i], &m, why,
		    st);
		if (found == -1)
			return -1;
		if (found == 1) {
			*account = m.account;
			return 0;
		}
	}
	*why = "it is the only account of From's domain";
	*account = only_of_domain(c, q->header_from);
	if (*account != NULL)
		return 0;
	*why = c->default_account_name != NULL ? by_default : being_alone;
	*account = c->default_account;
	return *account != NULL ? 0 : refuse_unserved(q, st);
}

bool
account_is_by_default(const char *why)
{
	return why == by_default || why == being_alone;
}

bool
account_wants_token(const struct account *a)
{
	return a->auth == AUTH_XOAUTH2 || a->auth == AUTH_OAUTHBEARER;
}

bool
account_may_send_as(const struct account *a, const char *address)
{
	char *const *list;

	if (pattern_matches(a->mailbox, address, NULL))
		return true;
	for (list = a->send_as; list != NULL && *list != NULL; list++)
		if (pattern_matches(*list, address, NULL))
			return true;
	return false;
}
