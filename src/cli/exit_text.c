/* SPDX-License-Identifier: ISC */
#include "cli/exit_text.h"

#include <string.h>

#define KEPT_IN_FAILED	"refused for good; a copy is kept in failed/"
#define NOT_KEPT	"neither sent nor kept: the calling program still has it"

static const struct exit_text texts[] = {
	{ EX_OK, "EX_OK", "every recipient was accepted, or the message lies in the "
	  "spool and will be sent", "sent or kept" },
	{ EX_USAGE, "EX_USAGE", "the command line is wrong, or there is no "
	  "recipient that could be used", NOT_KEPT },
	{ EX_DATAERR, "EX_DATAERR", "the message was refused: malformed, too "
	  "large, or going in a loop", KEPT_IN_FAILED },
	{ EX_NOINPUT, "EX_NOINPUT", "what was named does not exist",
	  "not touched" },
	{ EX_NOUSER, "EX_NOUSER", "the recipients do not exist",
	  KEPT_IN_FAILED },
	{ EX_NOHOST, "EX_NOHOST", "the recipients' domain does not exist",
	  KEPT_IN_FAILED },
	{ EX_UNAVAILABLE, "EX_UNAVAILABLE", "the server refused the message for "
	  "good, for a reason that has no code of its own", KEPT_IN_FAILED },
	{ EX_SOFTWARE, "EX_SOFTWARE", "mailbearer itself has a fault",
	  NOT_KEPT },
	{ EX_OSERR, "EX_OSERR", "the system refused something: memory, a "
	  "process, a descriptor", NOT_KEPT },
	{ EX_CANTCREAT, "EX_CANTCREAT", "the spool or another file could not be "
	  "written", NOT_KEPT },
	{ EX_IOERR, "EX_IOERR", "the message could not be read, or a disk "
	  "failed", NOT_KEPT },
	{ EX_TEMPFAIL, "EX_TEMPFAIL", "it cannot be sent now, and spool is off",
	  NOT_KEPT ", and should try again" },
	{ EX_PROTOCOL, "EX_PROTOCOL", "the server's certificate, TLS or SMTP is "
	  "not what it must be, and spool is off", NOT_KEPT },
	{ EX_NOPERM, "EX_NOPERM", "Entra or Exchange Online refused the app or "
	  "the mailbox, and spool is off; or the calling user may not use the account",
	  NOT_KEPT "; what the calling user may not send is copied to failed/" },
	{ EX_CONFIG, "EX_CONFIG", "the configuration is wrong, missing, or has "
	  "no account for this sender", NOT_KEPT },
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
