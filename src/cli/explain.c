/* SPDX-License-Identifier: ISC */
#include "cli/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/admin_config.h"
#include "cli/exit_text.h"
#include "cli/findings.h"
#include "cli/out.h"

#define TEXT_MAX	(1024 * 1024)	/* of a log */
#define MEANINGS_MAX	8		/* of one code without its words */
#define INDENT		2

struct explanation {
	struct caller		 caller;
	struct arguments	 arguments;
	const char		*file, *account_name;
	struct config		 config;
	bool			 has_config;
	struct out		 out;
};

static const struct account *
choose_account(const struct explanation *x, const struct finding *f)
{
	const struct account *a = NULL;

	if (!x->has_config)
		return NULL;
	if (x->account_name != NULL)
		return config_account(&x->config, x->account_name);
	if (f->account[0] != '\0')
		a = config_account(&x->config, f->account);
	return a != NULL ? a : x->config.default_account;
}

static const char *
or_null(const char *s)
{
	return s[0] != '\0' ? s : NULL;
}

static void
fill_values(const struct explanation *x, const struct finding *f,
    struct diagnose_values *v)
{
	const struct account *a = choose_account(x, f);

	*v = (struct diagnose_values){ .mailbox = or_null(f->mailbox),
	    .from = or_null(f->from) };
	if (a == NULL)
		return;
	if (v->mailbox == NULL)
		v->mailbox = a->mailbox;
	if (a->app != NULL)
		v->client_id = a->app->client_id;
}

/* The row for a code alone may be one of several: the words would tell. */
static bool
may_mean(const struct diagnosis *d, const struct finding *f)
{
	return d->enhanced != NULL && strcmp(d->enhanced, f->enhanced) == 0 &&
	    (d->reply == 0 || f->reply == 0 || d->reply == f->reply) &&
	    (f->words[0] == '\0' || d->words == NULL ||
	    strcasestr(f->words, d->words) != NULL);
}

/* The rows for a finding, best first. */
static size_t
find_meanings(const struct finding *f,
    const struct diagnosis *rows[MEANINGS_MAX])
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
			if (may_mean(d, f))
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

static void
print_message(struct explanation *x, const struct diagnosis *d)
{
	const struct exit_text *e = exit_text(d->sysexit);
	struct status st = STATUS_INIT;
	char text[400];

	st.class = d->class;
	if (status_is_mendable(&st))
		snprintf(text, sizeof text, "kept in the spool, exit 0, and tried "
		    "again until retry-for is over; with spool = false not kept, "
		    "exit %d (%s)", e->code, e->name);
	else
		snprintf(text, sizeof text, "not tried again; a copy is kept in "
		    "failed/; exit %d (%s)", e->code, e->name);
	out_field(&x->out, INDENT, "Mail", text);
}

/* `is_one` of several: then only what differs. */
static void
print_row(struct explanation *x, const struct finding *f,
    const struct diagnosis *d, bool is_one)
{
	struct diagnose_values values;
	char fix[512];

	fill_values(x, f, &values);
	diagnose_fix(d, &values, fix, sizeof fix);
	out_field(&x->out, INDENT, "Means", d->cause);
	if (!is_one) {
		out_field(&x->out, INDENT, "Passes", passes(d));
		print_message(x, d);
	}
	out_field(&x->out, INDENT, "Do", fix);
}

static void
print_heading(struct explanation *x, const struct finding *f)
{
	char text[700];

	if (f->kind == FOUND_REPLY && f->reply != 0)
		snprintf(text, sizeof text, "%d %s%s%s", f->reply, f->enhanced,
		    f->enhanced[0] != '\0' ? " " : "", f->words);
	else if (f->kind == FOUND_REPLY)
		snprintf(text, sizeof text, "%s %s", f->enhanced, f->words);
	else if (f->aadsts != 0)
		snprintf(text, sizeof text, "AADSTS%ld%s%s", f->aadsts,
		    f->oauth_error[0] != '\0' ? ", " : "", f->oauth_error);
	else
		snprintf(text, sizeof text, "%s", f->oauth_error[0] != '\0' ?
		    f->oauth_error : f->words);
	out_wrap(&x->out, 0, text);
}

static void
print_failure(struct explanation *x, const struct finding *f)
{
	const struct diagnosis *rows[MEANINGS_MAX];
	size_t i, n = find_meanings(f, rows);
	char where[120];

	print_heading(x, f);
	if (n > 1)
		out_wrap(&x->out, INDENT, "This code has several meanings; the "
		    "server's words say which one it is.");
	for (i = 0; i < n; i++) {
		if (n > 1)
			putc('\n', x->out.to);
		print_row(x, f, rows[i], n > 1);
	}
	if (f->aadsts == 0 || rows[0]->aadsts == f->aadsts)
		return;
	snprintf(where, sizeof where,
	    "https://login.microsoftonline.com/error?code=%ld", f->aadsts);
	out_field(&x->out, INDENT, "See", where);
}

static void
print_exit(struct explanation *x, const struct finding *f)
{
	const struct exit_text *e = exit_text(f->sysexit);
	struct status st = STATUS_INIT;
	char heading[700];

	snprintf(heading, sizeof heading, "exit %d (%s)%s%s", f->sysexit,
	    e != NULL ? e->name : "unknown", f->words[0] != '\0' ? ": " : "",
	    f->words);
	out_wrap(&x->out, 0, heading);
	status_set(&st, f->sysexit, "%s", "");
	if (f->hint[0] != '\0')
		status_hint(&st, "%s", f->hint);
	out_field(&x->out, INDENT, "Means", e != NULL ? e->means :
	    "mailbearer never exits so; the calling program may");
	if (e != NULL)
		out_field(&x->out, INDENT, "Mail", e->message);
	if (f->sysexit != EX_OK)
		out_field(&x->out, INDENT, "Do", diagnose_advice(&st));
}

static bool
is_failure(const struct finding *f)
{
	return f->kind != FOUND_REPLY || f->reply == 0 || f->reply >= 400;
}

static void
print_success(struct explanation *x, const struct finding *f)
{
	print_heading(x, f);
	out_field(&x->out, INDENT, "Means", f->reply < 300 ?
	    "the server agrees: nothing failed here" :
	    "the server waits for what comes next: nothing failed here");
}

/* In a dialogue with a failure in it, what went well is not worth a word. */
static int
print_all(struct explanation *x, const char *text, size_t len)
{
	struct finding list[FINDINGS_MAX];
	size_t i, failures = 0, count = findings_read(list, text, len);
	bool is_first = true;

	for (i = 0; i < count; i++)
		failures += is_failure(&list[i]);
	for (i = 0; i < count; i++) {
		if (failures != 0 && !is_failure(&list[i]))
			continue;
		if (!is_first)
			putc('\n', x->out.to);
		is_first = false;
		if (list[i].kind == FOUND_EXIT)
			print_exit(x, &list[i]);
		else if (is_failure(&list[i]))
			print_failure(x, &list[i]);
		else
			print_success(x, &list[i]);
	}
	return count != 0 ? EX_OK : 1;
}

static int
read_stdin(struct buf *text, struct status *st)
{
	char piece[4096];
	ssize_t n;

	if (isatty(STDIN_FILENO) == 1)
		fputs("Paste a reply, a log line or an error, then Ctrl-D.\n",
		    stderr);
	while ((n = read(STDIN_FILENO, piece, sizeof piece)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return status_set_errno(st, EX_IOERR, "stdin");
		buf_add(text, piece, (size_t)n);
		if (text->overflow)
			return status_set(st, EX_DATAERR, "the text is over "
			    "%d bytes", TEXT_MAX);
	}
	return 0;
}

static int
get_text(const struct explanation *x, struct buf *text, struct status *st)
{
	int i;

	if (x->arguments.count < 2)
		return read_stdin(text, st);
	for (i = 1; i < x->arguments.count; i++)
		buf_addf(text, "%s%s", i > 1 ? " " : "",
		    x->arguments.items[i]);
	return 0;
}

/* A config that nobody asked for only fills in names: without it there are
 * placeholders. */
static int
load_config(struct explanation *x, struct status *st)
{
	bool is_asked = x->file != NULL || x->account_name != NULL;

	x->has_config = config_load(&x->config, &x->caller.source, st) == 0;
	if (!x->has_config)
		return is_asked ? -1 : 0;
	if (x->account_name == NULL ||
	    config_account(&x->config, x->account_name) != NULL)
		return 0;
	return status_set(st, EX_CONFIG, "%s has no account %s",
	    x->config.path, x->account_name);
}

static int
run(struct explanation *x)
{
	struct status st = STATUS_INIT;
	struct buf text;
	int code;

	buf_init(&text, TEXT_MAX);
	if (load_config(x, &st) == -1 || get_text(x, &text, &st) == -1)
		code = admin_fail(&x->caller, &st);
	else if ((code = print_all(x, text.data, text.len)) == 1) {
		caller_say_line(&x->caller, "there is nothing in this text that "
		    "mailbearer knows");
		caller_say_line(&x->caller, "hint: give it the server's reply "
		    "with its code (535 5.7.3 ...), an AADSTS number, the token "
		    "endpoint's JSON, a line of the log, or an exit code");
	}
	buf_release(&text);
	if (x->has_config)
		config_release(&x->config);
	return code;
}

int
explain_command(struct identity *id, int argc, char **argv)
{
	struct explanation x = { .arguments = { argc, argv } };
	struct status st = STATUS_INIT;
	bool is_parsed =
	    admin_value(&x.arguments, "-C", &x.file, &st) == 0 &&
	    admin_value(&x.arguments, "--account", &x.account_name, &st) == 0 &&
	    admin_operands(&x.arguments, &st) == 0;

	if (admin_start(&x.caller, id, x.file, &st) == -1 || !is_parsed)
		return admin_fail(&x.caller, &st);
	out_init(&x.out, stdout);
	return run(&x);
}
