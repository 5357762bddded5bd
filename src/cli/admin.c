/* SPDX-License-Identifier: ISC */
#include "cli/admin.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/accounts_command.h"
#include "cli/config_command.h"
#include "cli/check.h"
#include "cli/explain.h"
#include "cli/import_command.h"
#include "cli/login_command.h"
#include "cli/out.h"
#include "cli/queue_command.h"
#include "cli/route_command.h"
#include "cli/sendmail.h"
#include "cli/setup.h"
#include "cli/token_command.h"

struct command {
	const char	*name;
	int		(*run)(struct identity *id, int argc, char **argv);
	bool		 drops_itself;	/* needs its options for that */
	const char	*arguments, *summary;
};

static int	help(struct identity *id, int argc, char **argv);
static int	version(struct identity *id, int argc, char **argv);

static const struct command commands[] = {
	{ "sendmail", sendmail_as_caller, true, "[-C FILE] [--account NAME] FLAGS",
	  "send a message as sendmail does, with your own rights" },
	{ "queue", queue_command, true, "[list | show ID | retry [ID] | remove ID "
	  "... | failed |\n            requeue ID ...] [--json]\n"
	  "            --check [--oldest W,C] [--waiting W,C] [--failed W,C] "
	  "[--json]",
	  "look at waiting and failed messages, and handle them" },
	{ "check", check_command, true, "[--from A] [--to B] [--send ADDRESS] "
	  "[--json | --nagios]\n            [ACCOUNT | ADDRESS]",
	  "try everything that a send needs, step by step" },
	{ "explain", explain_command, true, "[--account NAME] [--json] [TEXT | CODE]",
	  "what a failure means and what to do about it" },
	{ "setup", setup_command, true, "[ACCOUNT] | --new [--tenant ID] "
	  "[--client-id ID] [--mailbox ADDRESS]\n            [--secret-file "
	  "FILE | --certificate FILE | --generate-certificate]\n            "
	  "[--local-mail-to ADDRESS] [--account NAME] [--force] [--no-check]",
	  "what to do at Microsoft's for an account; write a first config" },
	{ "token", token_command, true, "[ACCOUNT] [--renew] [--forget] "
	  "[--print-access-token] [--json]",
	  "show what is known of an account's access token" },
	{ "login", login_command, true, "[ACCOUNT] [--json]",
	  "sign in for an account whose app is delegated" },
	{ "route", route_command, true, "ADDRESS [--user NAME] [--json]",
	  "show which account serves a sender, and what becomes of From" },
	{ "accounts", accounts_command, true, "[--json]",
	  "show every account and how it is" },
	{ "config", config_command, true, "[--json]",
	  "show every value that counts, and where it comes from" },
	{ "import", import_command, true, "[--format NAME] FILE",
	  "print a config from one of msmtp, ssmtp, nullmailer, dma or Postfix" },
	{ "help", help, false, "[COMMAND]", "show this text, or what a command takes" },
	{ "version", version, false, "", "show the version" },
};

static void
print_command(FILE *to, const struct command *c)
{
	fprintf(to, "  %-10s%s%s%s\n", c->name, c->arguments,
	    c->arguments[0] != '\0' ? "\n            " : "", c->summary);
}

static void
print_end(FILE *to)
{
	fputs("\nWith -C FILE another config than the installation's is read.\n"
	    "See mailbearer(8) and mailbearer.conf(5).\n", to);
}

static void
usage(FILE *to)
{
	size_t i;

	fputs("usage: mailbearer COMMAND [ARGUMENTS]\n\n", to);
	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		print_command(to, &commands[i]);
	print_end(to);
}

/* "mailbearer check --help"; among sendmail's flags -h means something else. */
static bool
asks_for_help(const struct command *c, int argc, char **argv)
{
	return argc > 2 && (strcmp(argv[2], "--help") == 0 ||
	    (c->run != sendmail_as_caller && strcmp(argv[2], "-h") == 0));
}

static const struct command *
find_command(const char *name)
{
	size_t i;

	if (strcmp(name, "-h") == 0)
		name = "help";
	if (strncmp(name, "--", 2) == 0)	/* --help, --version */
		name += 2;
	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int
unknown_command(const char *name)
{
	fprintf(stderr, "mailbearer: unknown command %s\n"
	    "mailbearer: hint: mailbearer help lists the commands\n", name);
	return EX_USAGE;
}

static int
print_help(const struct command *c)
{
	fputs("usage: mailbearer\n", stdout);
	print_command(stdout, c);
	print_end(stdout);
	return EX_OK;
}

static int
help(struct identity *id, int argc, char **argv)
{
	const struct command *c;

	(void)id;
	if (argc > 1)
		return (c = find_command(argv[1])) != NULL ? print_help(c) :
		    unknown_command(argv[1]);
	usage(stdout);
	return EX_OK;
}

static int
version(struct identity *id, int argc, char **argv)
{
	(void)id;
	(void)argc;
	(void)argv;
	puts(PACKAGE_STRING);
	return EX_OK;
}

int
admin_main(struct identity *id, int argc, char **argv)
{
	const struct command *c;
	struct status st;
	int code;

	if (argc < 2) {
		usage(stderr);
		return EX_USAGE;
	}
	if ((c = find_command(argv[1])) == NULL)
		return unknown_command(argv[1]);
	if (asks_for_help(c, argc, argv))
		return out_end("mailbearer", print_help(c));
	if (!c->drops_itself && privilege_drop(id, true, &st) == -1) {
		fprintf(stderr, "mailbearer: %s\n", st.text);
		return status_exit(&st);
	}
	code = c->run(id, argc - 1, argv + 1);
	return c->run == sendmail_as_caller ? code :
	    out_end("mailbearer", code);
}
