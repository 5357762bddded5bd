/* SPDX-License-Identifier: ISC */
#include "cli/meaning.h"

#include <stdio.h>
#include <string.h>

#include "cli/exit_text.h"

static const char *const classes[] = {
	[CLASS_NONE] = NULL, [CLASS_RETRY] = "retry",
	[CLASS_CONFIG] = "config", [CLASS_POLICY] = "policy",
	[CLASS_RECIPIENT] = "recipient", [CLASS_MESSAGE] = "message",
	[CLASS_USAGE] = "usage",
};

static const char *
or_null(const char *s)
{
	return s[0] != '\0' ? s : NULL;
}

static void
fill_values(struct diagnose_values *v, const struct finding *f,
    const struct account *a)
{
	*v = (struct diagnose_values){ .mailbox = or_null(f->mailbox),
	    .from = or_null(f->from) };
	if (a == NULL)
		return;
	if (v->mailbox == NULL)
		v->mailbox = a->mailbox;
	if (a->app != NULL)
		v->client_id = a->app->client_id;
}

/* The row for a code alone may be one of several: the words would tell, and
 * the enhanced code where there is a reply without one. */
static bool
may_mean(const struct diagnosis *d, const struct finding *f)
{
	if (f->enhanced[0] == '\0')
		return f->words[0] == '\0' && d->reply == f->reply;
	return d->enhanced != NULL && strcmp(d->enhanced, f->enhanced) == 0 &&
	    (d->reply == 0 || f->reply == 0 || d->reply == f->reply) &&
	    (f->words[0] == '\0' || d->words == NULL ||
	    strcasestr(f->words, d->words) != NULL);
}

/* Several codes mean the same. */
static bool
is_among(const struct diagnosis *d, const struct diagnosis *const rows[],
    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(rows[i]->cause, d->cause) == 0)
			return true;
	return false;
}

/* The rows for a finding, best first. */
static size_t
find_rows(const struct finding *f, const struct diagnosis *rows[MEANINGS_MAX])
{
	size_t i, n = 0, most = f->words[0] == '\0' ? MEANINGS_MAX : 1;
	const struct diagnosis *d;

	if (f->kind == FOUND_TOKEN) {
		rows[0] = diagnose_token(f->reply != 0 ? f->reply : 400,
		    f->oauth_error, f->aadsts, f->words);
		return 1;
	}
	/* The catalogue is asked for whole replies; people have half of one. */
	if (f->words[0] == '\0' || f->reply == 0)
		for (i = 0; n < most && (d = diagnose_row(i)) != NULL; i++)
			if (may_mean(d, f) && !is_among(d, rows, n))
				rows[n++] = d;
	if (n == 0)
		rows[n++] = diagnose_reply(f->stage, f->reply, f->enhanced,
		    f->words);
	return n;
}

static const char *
passes(const struct diagnosis *d)
{
	switch (d->class) {
	case CLASS_RETRY:
		return d->loud ? "perhaps: it is tried again, but see to it now" :
		    "yes";
	case CLASS_CONFIG:
		return "no, it must be mended";
	case CLASS_POLICY:
		return "no, whoever sets the policy must allow it";
	case CLASS_RECIPIENT:
		return "no, not for this recipient";
	default:
		return "no, not for this message";
	}
}

/* What a line of the log says that became of the message; NULL if none did. */
static const char *
told_fate(const struct finding *f)
{
	static const char *const fates[] = {
		[EVENT_UNKNOWN] = NULL,
		[EVENT_KEPT] = "kept in the spool, and tried again until "
		    "retry-for is over; do not send it a second time",
		[EVENT_FAILED] = "not tried again; a copy lies in failed/ where "
		    "spool is on: mailbearer queue failed lists it, and "
		    "mailbearer queue requeue has it sent once more",
		[EVENT_EXPIRED] = "gone: it lay in failed/ until keep-failed was "
		    "over",
		[EVENT_REFUSED] = "neither sent nor kept: the calling program "
		    "still has it",
	};

	return fates[f->event];
}

static void
set_mail(struct meaning *m, const struct diagnosis *d, const struct finding *f)
{
	const struct exit_text *e = exit_text(d->sysexit);
	struct status st = STATUS_INIT;

	st.class = d->class;
	if (told_fate(f) != NULL)
		snprintf(m->mail, sizeof m->mail, "%s", told_fate(f));
	else if (status_is_mendable(&st))
		snprintf(m->mail, sizeof m->mail, "kept in the spool, exit 0, and "
		    "tried again until retry-for is over; with spool = false not "
		    "kept, exit %d (%s)", e->code, e->name);
	else
		snprintf(m->mail, sizeof m->mail, "not tried again; a copy is "
		    "kept in failed/; exit %d (%s)", e->code, e->name);
}

static void
set_heading(struct explained *e, const struct finding *f)
{
	char *to = e->heading;
	size_t size = sizeof e->heading;

	if (f->kind == FOUND_REPLY && f->reply != 0)
		snprintf(to, size, "%d %s%s%s", f->reply, f->enhanced,
		    f->enhanced[0] != '\0' ? " " : "", f->words);
	else if (f->kind == FOUND_REPLY)
		snprintf(to, size, "%s%s%s", f->enhanced,
		    f->words[0] != '\0' ? " " : "", f->words);
	else if (f->aadsts != 0)
		snprintf(to, size, "AADSTS%ld%s%s", f->aadsts,
		    f->oauth_error[0] != '\0' ? ", " : "", f->oauth_error);
	else
		snprintf(to, size, "%s", f->oauth_error[0] != '\0' ?
		    f->oauth_error : f->words);
}

static void
explain_failure(struct explained *e, const struct finding *f,
    const struct account *a)
{
	const struct diagnosis *rows[MEANINGS_MAX] = { NULL };
	struct diagnose_values values;
	struct meaning *m;
	size_t i, count;

	set_heading(e, f);
	fill_values(&values, f, a);
	e->count = count = find_rows(f, rows);
	for (i = 0; i < count; i++) {
		m = &e->meanings[i];
		*m = (struct meaning){ .means = rows[i]->cause,
		    .passes = passes(rows[i]), .class = classes[rows[i]->class],
		    .sysexit = rows[i]->sysexit };
		set_mail(m, rows[i], f);
		diagnose_fix(rows[i], &values, m->fix, sizeof m->fix);
	}
	if (f->aadsts != 0 && rows[0]->aadsts != f->aadsts)
		snprintf(e->see, sizeof e->see,
		    "https://login.microsoftonline.com/error?code=%ld",
		    f->aadsts);
}

/* Of a message that is not the caller's any more the log tells, else the code. */
static void
set_exit_texts(struct meaning *m, const struct exit_text *t,
    const struct finding *f)
{
	bool is_callers = f->event == EVENT_UNKNOWN ||
	    f->event == EVENT_REFUSED;

	m->means = is_callers ? t->means : t->failed;
	snprintf(m->mail, sizeof m->mail, "%s", is_callers ? t->message :
	    told_fate(f));
}

static void
explain_exit(struct explained *e, const struct finding *f)
{
	const struct exit_text *t = exit_text(f->sysexit);
	struct meaning *m = &e->meanings[0];
	struct status st = STATUS_INIT;

	snprintf(e->heading, sizeof e->heading, "exit %d (%s)%s%s", f->sysexit,
	    t != NULL ? t->name : "unknown", f->words[0] != '\0' ? ": " : "",
	    f->words);
	status_set(&st, f->sysexit, "%s", "");
	if (f->hint[0] != '\0')
		status_hint(&st, "%s", f->hint);
	e->count = 1;
	*m = (struct meaning){ .sysexit = f->sysexit,
	    .means = "mailbearer never exits so; the calling program may" };
	if (t != NULL)
		set_exit_texts(m, t, f);
	if (f->sysexit != EX_OK)
		snprintf(m->fix, sizeof m->fix, "%s", diagnose_advice(&st));
}

static void
explain_success(struct explained *e, const struct finding *f)
{
	set_heading(e, f);
	e->count = 1;
	e->meanings[0] = (struct meaning){ .means = f->reply < 300 ?
	    "the server agrees: nothing failed here" :
	    "the server waits for what comes next: nothing failed here" };
}

bool
meaning_is_failure(const struct finding *f)
{
	return f->kind != FOUND_REPLY || f->reply == 0 || f->reply >= 400;
}

void
meaning_find(struct explained *e, const struct finding *f,
    const struct account *account)
{
	*e = (struct explained){ .finding = f };
	if (f->kind == FOUND_EXIT)
		explain_exit(e, f);
	else if (meaning_is_failure(f))
		explain_failure(e, f, account);
	else
		explain_success(e, f);
}
