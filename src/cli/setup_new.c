/* SPDX-License-Identifier: ISC
 *
 * setup --new: what the config is to say, from options or from a person.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "cli/setup.h"
#include "config/value.h"

#define ANSWER_MAX 1024

void
setup_init(struct setup *s, const struct identity *id)
{
	*s = (struct setup){ .identity = id, .group = (gid_t)-1 };
	buf_init(&s->secret, ANSWER_MAX);
}

void
setup_release(struct setup *s)
{
	free(s->tenant);
	free(s->client_id);
	free(s->mailbox);
	free(s->local_mail_to);
	free(s->name);
	free(s->path);
	buf_wipe(&s->secret);
}

static int
set_credential(struct setup *s, enum setup_credential kind, const char *path,
    struct status *st)
{
	char whole[PATH_MAX];

	if (s->credential != SETUP_UNDECIDED)
		return status_set(st, EX_USAGE, "give one of --secret-file, "
		    "--certificate and --generate-certificate");
	s->credential = kind;
	if (path == NULL)
		return 0;
	/* The config wants absolute paths. */
	if (realpath(path, whole) == NULL)
		return status_set_errno(st, EX_NOINPUT, "%s", path);
	s->path = xstrdup(whole);
	return 0;
}

static int
take_option(struct arguments *a, const char *name, char **value,
    struct status *st)
{
	const char *text = NULL;

	if (admin_value(a, name, &text, st) == -1)
		return -1;
	*value = xstrdup(text);
	return 0;
}

int
setup_options(struct setup *s, struct arguments *a, struct status *st)
{
	const char *secret = NULL, *certificate = NULL;
	bool generate = admin_flag(a, "--generate-certificate");

	s->force = admin_flag(a, "--force");
	s->no_check = admin_flag(a, "--no-check");
	if (admin_value(a, "-C", &s->file, st) == -1 ||
	    take_option(a, "--tenant", &s->tenant, st) == -1 ||
	    take_option(a, "--client-id", &s->client_id, st) == -1 ||
	    take_option(a, "--mailbox", &s->mailbox, st) == -1 ||
	    take_option(a, "--local-mail-to", &s->local_mail_to, st) == -1 ||
	    take_option(a, "--account", &s->name, st) == -1 ||
	    admin_value(a, "--secret-file", &secret, st) == -1 ||
	    admin_value(a, "--certificate", &certificate, st) == -1 ||
	    admin_operands(a, st) == -1)
		return -1;
	if (a->count > 1)
		return status_set(st, EX_USAGE, "%s: --account names it",
		    a->items[1]);
	if (secret != NULL &&
	    set_credential(s, SETUP_SECRET_FILE, secret, st) == -1)
		return -1;
	if (certificate != NULL &&
	    set_credential(s, SETUP_CERTIFICATE, certificate, st) == -1)
		return -1;
	if (s->file != NULL && strcmp(s->file, CONFIG_PATH) == 0)
		s->file = NULL;
	return generate ? set_credential(s, SETUP_GENERATE, NULL, st) : 0;
}

/* One line from the terminal into `to`, without its end; false at the end of
 * input. */
static bool
read_answer(const char *question, bool echo, struct buf *to)
{
	struct termios old, quiet;
	char line[ANSWER_MAX];
	bool hidden = false, got;

	/* Before the question: what is typed ahead of TCSAFLUSH is lost. */
	if (!echo && tcgetattr(STDIN_FILENO, &old) == 0) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		hidden = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
	}
	printf("%s: ", question);
	fflush(stdout);
	got = fgets(line, sizeof line, stdin) != NULL;
	if (hidden) {
		tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
		putchar('\n');
	}
	buf_wipe(to);
	buf_reserve(to, ANSWER_MAX);	/* a secret must not be moved about */
	if (got)
		buf_add(to, line, strcspn(line, "\r\n"));
	explicit_bzero(line, sizeof line);
	return got;
}

static int
no_answer(struct status *st)
{
	return status_set(st, EX_USAGE, "no answer");
}

/* Asks until the answer is accepted; an empty one only where that will do. */
static int
ask(char **value, const char *question, bool may_be_empty,
    bool (*accepts)(const char *), struct status *st)
{
	struct buf answer;

	if (*value != NULL)
		return 0;
	buf_init(&answer, ANSWER_MAX);
	for (;;) {
		if (!read_answer(question, true, &answer)) {
			buf_release(&answer);
			return no_answer(st);
		}
		if (answer.len == 0 ? may_be_empty : accepts(answer.data))
			break;
		puts("That is none.");
	}
	if (answer.len != 0)
		*value = buf_detach(&answer);
	buf_release(&answer);
	return 0;
}

static bool
is_address(const char *text)
{
	char *address = value_address(text);
	bool is_one = address != NULL;

	free(address);
	return is_one;
}

static int
ask_credential(struct setup *s, struct status *st)
{
	struct buf answer;
	int rc = 0;

	if (s->credential != SETUP_UNDECIDED)
		return 0;
	puts("How does the app prove itself?\n"
	    "  1  a certificate, made now (the best way)\n"
	    "  2  a client secret, typed now\n"
	    "  or the path of a PEM or PKCS#12 file that there is");
	buf_init(&answer, ANSWER_MAX);
	if (!read_answer("1, 2 or a path", true, &answer))
		rc = no_answer(st);
	else if (strcmp(answer.data, "1") == 0)
		rc = set_credential(s, SETUP_GENERATE, NULL, st);
	else if (strcmp(answer.data, "2") == 0)
		rc = set_credential(s, SETUP_SECRET_TYPED, NULL, st);
	else
		rc = set_credential(s, SETUP_CERTIFICATE, answer.data, st);
	buf_release(&answer);
	if (rc == 0 && s->credential == SETUP_SECRET_TYPED &&
	    !read_answer("Client secret: its Value (it is not shown)", false,
	    &s->secret))
		rc = no_answer(st);
	return rc;
}

/* The options that a roll-out has to give. */
static int
refuse_without(const struct setup *s, struct status *st)
{
	status_set(st, EX_USAGE, "setup --new:%s%s%s%s is missing",
	    s->tenant == NULL ? " --tenant" : "",
	    s->client_id == NULL ? " --client-id" : "",
	    s->mailbox == NULL ? " --mailbox" : "",
	    s->credential == SETUP_UNDECIDED ? " --secret-file, --certificate "
	    "or --generate-certificate" : "");
	return status_hint(st, "give it, or run this at a terminal, where it "
	    "asks");
}

int
setup_ask(struct setup *s, struct status *st)
{
	bool whole = s->tenant != NULL && s->client_id != NULL &&
	    s->mailbox != NULL && s->credential != SETUP_UNDECIDED;

	if (whole)
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return refuse_without(s, st);
	puts("The first two stand on the app registration's overview page at\n"
	    "https://entra.microsoft.com (App registrations; make one, single "
	    "tenant).");
	if (ask(&s->tenant, "Directory (tenant) ID", false, value_is_id, st) ==
	    -1 || ask(&s->client_id, "Application (client) ID", false,
	    value_is_id, st) == -1 || ask(&s->mailbox, "Mailbox that sends",
	    false, is_address, st) == -1 || ask_credential(s, st) == -1)
		return -1;
	return ask(&s->local_mail_to, "Where mail for root and other local "
	    "names goes (empty: nowhere yet)", true, is_address, st);
}

int
setup_validate(const struct setup *s, struct status *st)
{
	if (!value_is_id(s->tenant))
		return status_set(st, EX_USAGE, "%s is no tenant", s->tenant);
	if (!value_is_id(s->client_id))
		return status_set(st, EX_USAGE, "%s is no client id",
		    s->client_id);
	if (!is_address(s->mailbox))
		return status_set(st, EX_USAGE, "%s is no address", s->mailbox);
	if (s->local_mail_to != NULL && !is_address(s->local_mail_to))
		return status_set(st, EX_USAGE, "%s is no address",
		    s->local_mail_to);
	if (s->name != NULL && !value_is_name(s->name))
		return status_set(st, EX_USAGE, "%s is no name for an account",
		    s->name);
	if (s->credential == SETUP_SECRET_TYPED &&
	    !value_is_text(s->secret.data, false))
		return status_set(st, EX_USAGE, "that is no secret");
	return 0;
}
