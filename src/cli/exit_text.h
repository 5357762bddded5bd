/* SPDX-License-Identifier: ISC
 *
 * The exit codes of sendmail (design 8) for a person.
 */
#ifndef CLI_EXIT_TEXT_H
#define CLI_EXIT_TEXT_H

#include <sysexits.h>

struct exit_text {
	int		 code;
	const char	*name;		/* of sysexits.h */
	const char	*failed;	/* what went wrong, of whatever message */
	const char	*means;		/* that a caller got this code */
	const char	*message;	/* what became of it */
};

/* NULL for a code that we never use. */
const struct exit_text *exit_text(int code);
/* The code of a name at the beginning of a text, -1 if there is none. */
int	exit_text_number(const char *name);

#endif
