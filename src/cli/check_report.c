/* SPDX-License-Identifier: ISC */
#include "cli/check_report.h"

#include <string.h>
#include <unistd.h>

#define JSON_MAX	(1024 * 1024)
#define INDENT		8

/* Codes of the monitoring plugins. */
enum { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

static const char *const results[OUT_MARKS] = {
	[OUT_OK] = "ok", [OUT_DOUBT] = "doubtful", [OUT_FAILED] = "failed",
	[OUT_NOT_TRIED] = "not tried",
};

void
check_report_begin(struct check_report *r, const struct check *k)
{
	*r = (struct check_report){ .form = k->nagios ? REPORT_NAGIOS :
	    k->json ? REPORT_JSON : REPORT_TEXT };
	out_init(&r->out, stdout);
	if (r->form == REPORT_JSON) {
		r->json = record_new();
		r->accounts = record_new();
		r->group = record_new();
	}
}

/* The steps so far belong to the host or to the account before. */
static void
end_group(struct check_report *r)
{
	if (r->form != REPORT_JSON)
		return;
	if (r->account == NULL)
		record_put_object(r->json, "host", r->group);
	else
		record_put_object(r->accounts, r->account, r->group);
	r->group = NULL;
}

void
check_report_account(struct check_report *r, const struct account *a)
{
	char heading[400];

	end_group(r);
	r->account = a->name;
	if (r->form == REPORT_JSON)
		r->group = record_new();
	if (r->form != REPORT_TEXT)
		return;
	snprintf(heading, sizeof heading, "\nAccount %s, mailbox %s", a->name,
	    a->mailbox != NULL ? a->mailbox : "(none)");
	out_wrap(&r->out, 0, heading);
}

static void
print_step(struct check_report *r, const char *name,
    const struct check_result *s)
{
	out_step(&r->out, s->mark, name, s->mark == OUT_NOT_TRIED ?
	    "not tried" : s->seen);
	if (s->cause[0] != '\0')
		out_field(&r->out, INDENT, "Cause", s->cause);
	if (s->fix[0] != '\0')
		out_field(&r->out, INDENT, "Do", s->fix);
	fflush(r->out.to);
}

static void
put_step(struct check_report *r, const char *name,
    const struct check_result *s)
{
	struct record *o = record_new();

	record_put_text(o, "result", results[s->mark]);
	if (s->seen[0] != '\0')
		record_put_text(o, "seen", s->seen);
	if (s->cause[0] != '\0')
		record_put_text(o, "cause", s->cause);
	if (s->fix[0] != '\0')
		record_put_text(o, "do", s->fix);
	if (s->mark == OUT_FAILED)
		record_put_number(o, "exit", s->sysexit);
	record_put_object(r->group, name, o);
}

/* For the one line of monitoring: the first failure, else the first doubt. */
static void
note_worst(struct check_report *r, const char *name,
    const struct check_result *s)
{
	if (s->mark == OUT_NOT_TRIED || s->mark <= r->worst)
		return;
	r->worst = s->mark;
	snprintf(r->first, sizeof r->first, "%s%s%s: %.250s",
	    r->account != NULL ? r->account : "",
	    r->account != NULL ? ": " : "", name,
	    s->cause[0] != '\0' ? s->cause : s->seen);
}

void
check_report_step(struct check_report *r, const char *name,
    const struct check_result *s)
{
	r->count[s->mark]++;
	if (s->mark == OUT_FAILED && r->sysexit == EX_OK)
		r->sysexit = s->sysexit != EX_OK ? s->sysexit : EX_SOFTWARE;
	note_worst(r, name, s);
	if (r->form == REPORT_TEXT)
		print_step(r, name, s);
	else if (r->form == REPORT_JSON)
		put_step(r, name, s);
}

static void
print_json(struct check_report *r)
{
	struct buf text;

	end_group(r);
	record_put_text(r->json, "result", results[r->worst]);
	record_put_number(r->json, "exit", r->sysexit);
	record_put_object(r->json, "accounts", r->accounts);
	buf_init(&text, JSON_MAX);
	record_format(r->json, &text);
	puts(text.data);
	buf_release(&text);
	record_free(r->json);
}

/* '|' begins performance data, and there is one line; a person who looks at it
 * has a screen of a certain width. */
static void
print_line(struct out *out, const char *state, const char *text)
{
	char line[sizeof ((struct check_report *)0)->first + 40], *s;

	snprintf(line, sizeof line, "MAILBEARER %s - %s", state, text);
	for (s = line; *s != '\0'; s++)
		if (*s == '|' || *s == '\n')
			*s = *s == '|' ? '/' : ' ';
	if (isatty(fileno(out->to)))
		out_wrap(out, 0, line);
	else
		fprintf(out->to, "%s\n", line);
}

static int
print_nagios(struct check_report *r)
{
	static const char *const states[] = {
		[OUT_OK] = "OK", [OUT_DOUBT] = "WARNING",
		[OUT_FAILED] = "CRITICAL",
	};
	char text[40];

	snprintf(text, sizeof text, "%zu steps are well", r->count[OUT_OK]);
	print_line(&r->out, states[r->worst], r->worst == OUT_OK ? text : r->first);
	return r->worst == OUT_OK ? NAGIOS_OK : r->worst == OUT_DOUBT ?
	    NAGIOS_WARNING : NAGIOS_CRITICAL;
}

static void
print_summary(struct check_report *r)
{
	char text[200];

	snprintf(text, sizeof text, r->worst == OUT_OK ?
	    "\n%zu steps, all well." :
	    "\n%zu steps well, %zu doubtful, %zu failed, %zu not tried.",
	    r->count[OUT_OK], r->count[OUT_DOUBT], r->count[OUT_FAILED],
	    r->count[OUT_NOT_TRIED]);
	out_wrap(&r->out, 0, text);
}

int
check_report_end(struct check_report *r)
{
	if (r->form == REPORT_NAGIOS)
		return print_nagios(r);
	if (r->form == REPORT_JSON)
		print_json(r);
	else
		print_summary(r);
	return r->sysexit;
}

int
check_report_refusal(struct check_report *r, const struct check *k,
    const struct status *st)
{
	if (r->form == REPORT_NAGIOS) {
		print_line(&r->out, "UNKNOWN", st->text);
		return NAGIOS_UNKNOWN;
	}
	if (r->form == REPORT_JSON) {
		r->worst = OUT_FAILED;
		r->sysexit = st->sysexit;
		record_put_text(r->json, "text", st->text);
		print_json(r);
	}
	return admin_fail(&k->caller, st);
}
