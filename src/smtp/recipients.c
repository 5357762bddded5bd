/* SPDX-License-Identifier: ISC */
#include "smtp/recipients.h"

#include <ctype.h>
#include <string.h>

#include "base/xalloc.h"

int
path_check(const char *path, struct status *st)
{
	const char *p;

	for (p = path; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return status_set(st, EX_USAGE, "control characters in "
			    "the address <%s>", path);
	return 0;
}

static void
refuse_utf8(struct recipient *r, const char *host)
{
	struct status st;

	status_set(&st, EX_NOUSER, "%s does not take <%s>: no SMTPUTF8 "
	    "there for addresses that are not ASCII", host, r->address);
	status_remote(&st, 0, "5.6.7", "");	/* RFC 6531 3.5 */
	recipient_settle(r, RECIPIENT_REFUSED, &st);
}

void
recipients_choose(struct recipients *to, struct envelope *e,
    const struct session_extensions *x, const char *host, int max)
{
	struct recipient *r = e->recipients;
	const struct recipient *end = r + e->count;
	struct status st;

	*to = (struct recipients){ .list = xcalloc(e->count + 1,
	    sizeof(struct recipient *)) };
	for (; r < end && to->count < (size_t)max; r++)
		if (r->state != RECIPIENT_PENDING)
			continue;
		else if (path_check(r->address, &st) == -1)
			recipient_settle(r, RECIPIENT_REFUSED, &st);
		else if (r->utf8 && !x->smtputf8)
			refuse_utf8(r, host);
		else
			to->list[to->count++] = r;
}

bool
recipients_need_utf8(const struct recipients *to)
{
	size_t i;

	for (i = 0; i < to->count; i++)
		if (to->list[i]->utf8)
			return true;
	return false;
}

void
recipients_refuse_utf8(struct envelope *e, const char *host)
{
	struct recipient *r = e->recipients;
	const struct recipient *end = r + e->count;

	for (; r < end; r++)
		if (r->state == RECIPIENT_PENDING && r->utf8)
			refuse_utf8(r, host);
}

/* RFC 5321 4.5.3.1.10: 452, in old servers 552; others say it with X.5.3 (RFC 3463
 * 3.6), or in words. */
static bool
says_too_many(const struct fate *f)
{
	return f->reply == 452 ||
	    strcmp(f->enhanced, "4.5.3") == 0 ||
	    strcmp(f->enhanced, "5.5.3") == 0 ||
	    strcasestr(f->remote, f->reply == 552 ? "recipients" :
	    "too many recipients") != NULL;
}

static bool
is_surplus(const struct recipient *r)
{
	return r->state != RECIPIENT_ACCEPTED &&
	    says_too_many(recipient_fate(r));
}

void
recipients_release_surplus(struct recipients *to)
{
	size_t i, kept = 0;

	for (i = 0; i < to->count; i++)
		if (is_surplus(to->list[i]))
			recipient_share(to->list[i], RECIPIENT_PENDING, NULL);
		else
			to->list[kept++] = to->list[i];
	to->count = kept;
}

static bool
is_settled(const struct recipient *r)
{
	return r->state != RECIPIENT_PENDING && r->state != RECIPIENT_ACCEPTED;
}

void
recipients_settle(struct recipients *to, enum recipient_state state,
    const struct status *st)
{
	struct fate *f = fate_new(st);
	size_t i;

	for (i = 0; i < to->count; i++)
		if (!is_settled(to->list[i]))
			recipient_share(to->list[i], state, f);
	fate_release(f);
}

void
recipients_fail(struct recipients *to, const struct status *st)
{
	recipients_settle(to, status_is_mendable(st) ? RECIPIENT_DEFERRED :
	    RECIPIENT_REFUSED, st);
}

bool
recipients_are_settled(const struct recipients *to)
{
	size_t i;

	for (i = 0; i < to->count; i++)
		if (!is_settled(to->list[i]))
			return false;
	return true;
}
