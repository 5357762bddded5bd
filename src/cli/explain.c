/* SPDX-License-Identifier: ISC */
#include "cli/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/record.h"
#include "cli/admin_config.h"
#include "cli/confine.h"
#include "cli/meaning.h"
#include "cli/out.h"

#define TEXT_MAX	(1024 * 1024)	/* of a log */
#define OBJECT_MAX	(64 * 1024)
#define INDENT		2

struct explanation {
	struct caller		 caller;
	struct arguments	 arguments;
	const char		*file, *account_name;
	struct config		 config;
	bool			 has_config, json;
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

/* `is_one` of several: then only what differs. */
static void
print_meaning(struct out *out, const struct meaning *m, bool is_one)
{
	out_field(out, INDENT, "Means", m->means);
	if (m->passes != NULL && !is_one)
		out_field(out, INDENT, "Passes", m->passes);
	if (m->mail[0] != '\0' && !is_one)
		out_field(out, INDENT, "Mail", m->mail);
	if (m->fix[0] != '\0')
		out_field(out, INDENT, "Do", m->fix);
}

static void
print_text(struct out *out, const struct explained *e)
{
	size_t i;

	out_wrap(out, 0, e->heading);
	if (e->count > 1)
		out_wrap(out, INDENT, "This code has several meanings; the "
		    "server's words say which one it is: give the whole line.");
	for (i = 0; i < e->count; i++) {
		if (e->count > 1)
			putc('\n', out->to);
		print_meaning(out, &e->meanings[i], e->count > 1);
	}
	if (e->see[0] != '\0')
		out_field(out, INDENT, "See", e->see);
}

/* Texts may come out of a pasted log, in whatever bytes. */
static void
put_text(struct record *r, const char *name, const char *text)
{
	char clean[1024];

	if (text == NULL || text[0] == '\0')
		return;
	status_printable(clean, sizeof clean, text);
	record_put_text(r, name, clean);
}

static void
put_number(struct record *r, const char *name, int64_t number)
{
	if (number != 0)
		record_put_number(r, name, number);
}

static struct record *
meaning_record(const struct meaning *m)
{
	struct record *r = record_new();

	put_text(r, "means", m->means);
	put_text(r, "class", m->class);
	put_text(r, "passes", m->passes);
	put_number(r, "exit", m->sysexit);
	put_text(r, "mail", m->mail);
	put_text(r, "do", m->fix);
	return r;
}

static struct record *
explained_record(const struct explained *e)
{
	const struct finding *f = e->finding;
	struct record *r = record_new();
	size_t i;

	put_text(r, "text", e->heading);
	record_put_flag(r, "failure", meaning_is_failure(f));
	put_number(r, "reply", f->reply);
	put_text(r, "enhanced", f->enhanced);
	put_number(r, "aadsts", f->aadsts);
	put_text(r, "oauth_error", f->oauth_error);
	put_text(r, "account", f->account);
	record_put_array(r, "meanings");
	for (i = 0; i < e->count; i++)
		record_append(r, "meanings", meaning_record(&e->meanings[i]));
	put_text(r, "see", e->see);
	return r;
}

/* As the queue's lists: an array, an object a line. */
static void
print_json(const struct explained *e, bool is_first)
{
	struct record *r = explained_record(e);
	struct buf line;

	buf_init(&line, OBJECT_MAX);
	record_format(r, &line);
	printf("%s%s", is_first ? "[" : ",\n ", line.data);
	buf_release(&line);
	record_free(r);
}

static void
print_one(struct explanation *x, const struct finding *f, bool is_first)
{
	struct explained e;

	meaning_find(&e, f, choose_account(x, f));
	if (x->json) {
		print_json(&e, is_first);
		return;
	}
	if (!is_first)
		putc('\n', x->out.to);
	print_text(&x->out, &e);
}

/* In a dialogue with a failure in it, what went well is not worth a word. */
static int
print_all(struct explanation *x, const char *text, size_t len)
{
	struct finding list[FINDINGS_MAX];
	size_t i, failures = 0, count = findings_read(list, text, len);
	bool is_first = true;

	for (i = 0; i < count; i++)
		failures += meaning_is_failure(&list[i]);
	for (i = 0; i < count; i++) {
		if (failures != 0 && !meaning_is_failure(&list[i]))
			continue;
		print_one(x, &list[i], is_first);
		is_first = false;
	}
	if (x->json)
		puts(count != 0 ? "]" : "[]");
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
	int rc = load_config(x, &st), code;

	buf_init(&text, TEXT_MAX);
	confine_reader(NULL);
	if (rc == -1 || get_text(x, &text, &st) == -1)
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
	bool is_parsed;

	x.json = admin_flag(&x.arguments, "--json");
	is_parsed =
	    admin_value(&x.arguments, "-C", &x.file, &st) == 0 &&
	    admin_value(&x.arguments, "--account", &x.account_name, &st) == 0 &&
	    admin_operands(&x.arguments, &st) == 0;

	if (admin_start(&x.caller, id, x.file, &st) == -1 || !is_parsed)
		return admin_fail(&x.caller, &st);
	out_init(&x.out, stdout);
	return run(&x);
}
