/* SPDX-License-Identifier: ISC */
#include "cli/check_step.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void
check_ok(struct check_result *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->seen, sizeof r->seen, format, ap);
	va_end(ap);
	r->mark = OUT_OK;
}

static void
advise(struct check_result *r, const char *cause, const char *fix)
{
	snprintf(r->cause, sizeof r->cause, "%s", cause);
	snprintf(r->fix, sizeof r->fix, "%s", fix);
}

void
check_doubt(struct check_result *r, const char *cause, const char *fix)
{
	r->mark = OUT_DOUBT;
	advise(r, cause, fix);
}

void
check_fail(struct check_result *r, int sysexit, const char *cause,
    const char *fix)
{
	r->mark = OUT_FAILED;
	r->sysexit = sysexit;
	advise(r, cause, fix);
}

/* The catalogue does not know under which name Exchange has the app; the token
 * does. */
static void
name_principal(struct check_result *r, const struct check *k)
{
	static const char unknown[] = "<service principal>";
	char rest[sizeof r->fix];
	char *at = strstr(r->fix, unknown);

	if (at == NULL || !k->has_claims || k->claims.oid[0] == '\0' ||
	    k->claims.upn[0] != '\0')	/* then it is the user's */
		return;
	snprintf(rest, sizeof rest, "%s", at + sizeof unknown - 1);
	snprintf(at, sizeof r->fix - (size_t)(at - r->fix), "%s%s",
	    k->claims.oid, rest);
}

/* diagnose_status() makes "CAUSE: FIX" of a row. */
static void
split_hint(struct check_result *r, const char *hint)
{
	const struct diagnosis *d;
	size_t i, len;

	for (i = 0; (d = diagnose_row(i)) != NULL; i++) {
		len = strlen(d->cause);
		if (strncmp(hint, d->cause, len) == 0 &&
		    strncmp(hint + len, ": ", 2) == 0) {
			advise(r, d->cause, hint + len + 2);
			return;
		}
	}
	advise(r, "", hint);
}

void
check_fail_status(struct check_result *r, const struct check *k,
    const struct status *st)
{
	char line[STATUS_LINE_SIZE];

	r->mark = OUT_FAILED;
	r->sysexit = st->sysexit;
	status_line(st, line);
	snprintf(r->seen, sizeof r->seen, "%s", line);
	if (st->remote[0] == '\0' && st->scope != SCOPE_SESSION &&
	    privilege_is_lost(k->caller.identity)) {
		snprintf(r->fix, sizeof r->fix, "first mend what is said above "
		    "of rights, and change nothing here for this user");
		return;
	}
	split_hint(r, caller_advice(&k->caller, st));
	name_principal(r, k);
}

void
check_date(char text[40], int64_t wall)
{
	time_t t = (time_t)wall;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(text, 40, "%Y-%m-%d", &tm) == 0)
		snprintf(text, 40, "?");
}
