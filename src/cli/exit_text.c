/* SPDX-License-Identifier: ISC */
#include "cli/exit_text.h"

#include <string.h>

#define KEPT_IN_FAILED	"refused for good; a copy is kept in failed/"
#define NOT_KEPT	"neither sent nor kept: the calling program still has it"

/* With the spool on such a message is kept, and the caller gets 0. */
#define ALWAYS(failed)			failed, failed
#define IF_SPOOL_IS_OFF(failed)		failed, failed ", and spool is off"

static const struct exit_text texts[] = {
	{ EX_OK, "EX_OK", ALWAYS("every recipient was accepted, or the message "
	  "lies in the spool and will be sent"), "sent or kept" },
	{ EX_USAGE, "EX_USAGE", ALWAYS("the command line is wrong, or there is no "
	  "recipient that could be used"), NOT_KEPT },
	{ EX_DATAERR, "EX_DATAERR", ALWAYS("the message was refused: malformed, "
	  "too large, or going in a loop"), KEPT_IN_FAILED },
	{ EX_NOINPUT, "EX_NOINPUT", ALWAYS("what was named does not exist"),
	  "not touched" },
	{ EX_NOUSER, "EX_NOUSER", ALWAYS("the recipients do not exist"),
	  KEPT_IN_FAILED },
	{ EX_NOHOST, "EX_NOHOST", ALWAYS("the recipients' domain does not exist"),
	  KEPT_IN_FAILED },
	{ EX_UNAVAILABLE, "EX_UNAVAILABLE", ALWAYS("the server refused the "
	  "message for good, for a reason that has no code of its own"),
	  KEPT_IN_FAILED },
	{ EX_SOFTWARE, "EX_SOFTWARE", ALWAYS("a token-command printed no token, "
	  "or mailbearer itself has a fault"), NOT_KEPT },
	{ EX_OSERR, "EX_OSERR", ALWAYS("the program that gets the token was "
	  "killed or failed without a word, or the system refused memory, a "
	  "process or a descriptor"), NOT_KEPT },
	{ EX_CANTCREAT, "EX_CANTCREAT", ALWAYS("the spool or another file could "
	  "not be written"), NOT_KEPT },
	{ EX_IOERR, "EX_IOERR", ALWAYS("the message could not be read, or a disk "
	  "failed"), NOT_KEPT },
	{ EX_TEMPFAIL, "EX_TEMPFAIL", IF_SPOOL_IS_OFF("it cannot be sent now"),
	  NOT_KEPT ", and should try again" },
	{ EX_PROTOCOL, "EX_PROTOCOL", IF_SPOOL_IS_OFF("the server's certificate, "
	  "TLS or SMTP is not what it must be"), NOT_KEPT },
	{ EX_NOPERM, "EX_NOPERM", IF_SPOOL_IS_OFF("the calling user may not use "
	  "the account; or Entra or Exchange Online refused the app or the "
	  "mailbox"),
	  NOT_KEPT "; what the calling user may not send is copied to failed/" },
	{ EX_CONFIG, "EX_CONFIG", ALWAYS("the configuration is wrong, missing, or "
	  "has no account for this sender"), NOT_KEPT },
};

const struct exit_text *
exit_text(int code)
{
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].code == code)
			return &texts[i];
	return NULL;
}

int
exit_text_number(const char *name)
{
	size_t i, len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strlen(texts[i].name) == len &&
		    memcmp(texts[i].name, name, len) == 0)
			return texts[i].code;
	return -1;
}
