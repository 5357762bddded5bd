/* SPDX-License-Identifier: ISC */
#include "diagnose/diagnose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "diagnose/catalogue.h"

/* What a server said, in the terms that rows are matched on. */
struct evidence {
	enum diagnose_stage	 stage;
	int			 reply;
	const char		*enhanced, *words, *oauth_error;
	long			 aadsts;
};

/* Rows for 300, 400 and 500 stand for all replies of their class. */
static bool
is_class(int pattern)
{
	return pattern == 300 || pattern == 400 || pattern == 500;
}

/* Where the stage is not known, what any refusal at one stage means says
 * nothing. */
static bool
stage_matches(const struct diagnosis *d, enum diagnose_stage stage)
{
	if (d->stages == 0)
		return true;
	return stage == DIAGNOSE_ANY ? !is_class(d->reply) :
	    (d->stages & 1u << stage) != 0;
}

static bool
reply_matches(int pattern, int reply)
{
	if (is_class(pattern))
		return reply / 100 == pattern / 100;
	return pattern == 0 || pattern == reply;
}

static bool
enhanced_matches(const char *pattern, const char *enhanced)
{
	size_t len;

	if (pattern == NULL)
		return true;
	len = strlen(pattern);
	if (pattern[len - 1] == '*')
		return strncmp(enhanced, pattern, len - 1) == 0;
	return strcmp(enhanced, pattern) == 0;
}

static bool
row_matches(const struct diagnosis *d, const struct evidence *e)
{
	return stage_matches(d, e->stage) && reply_matches(d->reply, e->reply) &&
	    enhanced_matches(d->enhanced, e->enhanced) &&
	    (d->words == NULL || strcasestr(e->words, d->words) != NULL) &&
	    (d->aadsts == 0 || d->aadsts == e->aadsts) &&
	    (d->oauth_error == NULL ||
	    strcmp(d->oauth_error, e->oauth_error) == 0);
}

static const struct diagnosis *
look_up(const struct catalogue *c, const struct evidence *e)
{
	size_t i;

	for (i = 0; i < c->count - 1; i++)
		if (row_matches(&c->rows[i], e))
			break;
	return &c->rows[i];
}

const struct diagnosis *
diagnose_reply(enum diagnose_stage stage, int reply, const char *enhanced,
    const char *words)
{
	struct evidence e = { .stage = stage, .reply = reply,
	    .enhanced = enhanced, .words = words, .oauth_error = "" };

	return look_up(&catalogue_smtp, &e);
}

const struct diagnosis *
diagnose_token(int http, const char *oauth_error, long aadsts,
    const char *words)
{
	struct evidence e = { .stage = DIAGNOSE_TOKEN, .reply = http,
	    .enhanced = "", .words = words, .oauth_error = oauth_error,
	    .aadsts = aadsts };

	return look_up(&catalogue_token, &e);
}

/* Copies `fix` to `out`, with {mailbox} and its like filled in, or shown as
 * <mailbox> where the value is not known. */
static void
fill_in(char *out, size_t size, const char *fix,
    const struct diagnose_values *v)
{
	static const struct diagnose_values none;
	const struct {
		const char *name, *value;
	} values[] = {
		{ "{mailbox}", v != NULL ? v->mailbox : none.mailbox },
		{ "{client-id}", v != NULL ? v->client_id : none.client_id },
		{ "{from}", v != NULL ? v->from : none.from },
	};
	size_t used = 0, i, len;
	int n;

	while (*fix != '\0' && used + 1 < size) {
		for (i = 0; i < sizeof values / sizeof *values; i++)
			if (strncmp(fix, values[i].name,
			    len = strlen(values[i].name)) == 0)
				break;
		if (i == sizeof values / sizeof *values) {
			out[used++] = *fix++;
			continue;
		}
		if (values[i].value != NULL)
			n = snprintf(out + used, size - used, "%s",
			    values[i].value);
		else
			n = snprintf(out + used, size - used, "<%.*s>",
			    (int)len - 2, values[i].name + 1);
		used += (size_t)n < size - used ? (size_t)n : size - used - 1;
		fix += len;
	}
	out[used] = '\0';
}

void
diagnose_fix(const struct diagnosis *d, const struct diagnose_values *values,
    char *to, size_t size)
{
	fill_in(to, size, d->fix, values);
}

int
diagnose_status(struct status *st, const struct diagnosis *d,
    const struct diagnose_values *values, int reply, const char *enhanced,
    const char *words, const char *doing, ...)
{
	char text[sizeof st->text], hint[sizeof st->hint];
	va_list ap;

	va_start(ap, doing);
	vsnprintf(text, sizeof text, doing, ap);
	va_end(ap);
	fill_in(hint, sizeof hint, d->fix, values);
	status_set(st, d->sysexit, "%s", text);
	st->class = d->class;
	st->scope = d->scope;
	status_remote(st, reply, enhanced, words);
	return status_hint(st, "%s: %s", d->cause, hint);
}

/* For failures that no server worded and no caller of status_hint() knew more
 * about. */
const char *
diagnose_advice(const struct status *st)
{
	static const struct {
		int sysexit;
		const char *advice;
	} general[] = {
		{ EX_USAGE, "see sendmail(8) for the command line" },
		{ EX_DATAERR, "correct the message and send it again" },
		{ EX_NOINPUT, "check the name, and that you may read it" },
		{ EX_NOUSER, "correct the address and send the message again" },
		{ EX_NOHOST, "correct the address and send the message again" },
		{ EX_CANTCREAT, "check free space, owner and mode of that place, "
		  "and the caller's limits" },
		{ EX_IOERR, "check the disk and what writes to us, then try "
		  "again" },
		{ EX_OSERR, "check memory, processes and the caller's limits" },
		{ EX_TEMPFAIL, "it is worth another try; if it lasts, check host, "
		  "port and the network in between" },
		{ EX_PROTOCOL, "check that host and port name an SMTP submission "
		  "server, and that nothing in between interferes" },
		{ EX_NOPERM, "check the account in mailbearer.conf(5) and its "
		  "rights" },
		{ EX_CONFIG, "correct the configuration, see mailbearer.conf(5)" },
	};
	size_t i;

	if (st->hint[0] != '\0')
		return st->hint;
	for (i = 0; i < sizeof general / sizeof *general; i++)
		if (general[i].sysexit == st->sysexit)
			return general[i].advice;
	return "see the log for what came before";
}

const struct diagnosis *
diagnose_row(size_t i)
{
	if (i < catalogue_smtp.count)
		return &catalogue_smtp.rows[i];
	i -= catalogue_smtp.count;
	return i < catalogue_token.count ? &catalogue_token.rows[i] : NULL;
}
