/* SPDX-License-Identifier: ISC
 *
 * The command line of sendmail: historic single-letter flags and nothing else.
 * One table says for each letter whether it takes an argument, what it does and
 * why.  No flag opens, creates or names a file or a program: whoever smuggles a
 * flag into somebody else's command line gets mail sent and nothing more
 * (CVE-2016-10033 and its kin).
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define OPTIONS_VALUE_MAX	2000	/* octets of one flag's argument */

enum options_mode {
	MODE_MESSAGE,		/* -bm, -ba: a message on stdin */
	MODE_SMTP,		/* -bs */
	MODE_LIST,		/* -bp, mailq */
	MODE_ALIASES,		/* -bi, -I, newaliases */
	MODE_VERIFY,		/* -bv */
	MODE_QUEUE_RUN,		/* -q */
	MODE_NOTHING		/* -bh, -bH, -bP: statistics we do not keep */
};

enum options_delivery {
	DELIVER_NOW,		/* none, -odi */
	DELIVER_BACKGROUND,	/* -odb */
	DELIVER_QUEUE		/* -odq, -odd */
};

/* Strings point into argv. */
struct options {
	enum options_mode mode;
	enum options_delivery delivery;
	bool		 ignore_dots;		/* -i, -oi */
	bool		 header_recipients;	/* -t */
	bool		 verbose;		/* -v, -ov */
	bool		 quiet;			/* -oeq: no text on stderr */
	const char	*sender;		/* -f, -r; "" and "<>" are the null path */
	const char	*full_name;		/* -F */
	const char	*notify, *ret, *envid;	/* -N, -R, -V */
	const char	*tag;			/* -L */
	const char	*queue_id, *queue_recipient, *queue_sender; /* -qI -qR -qS */
	char	       **recipients;		/* what is left, NULL at the end */
	size_t		 recipient_count;
	/* Only as `mailbearer sendmail`: */
	const char	*config_file;		/* -C */
	const char	*account;		/* --account */
};

/* Reads argv[1] on.  `name` is the program's base name: mailq and newaliases
 * set the mode.  `administrator`: the flags -C FILE and --account NAME count.
 * argv is reordered: options may follow recipients, "--" ends them.
 * EX_USAGE for an unknown letter, a missing argument, a mode we do not have, a
 * control character in a value. */
int	options_parse(struct options *o, const char *name, bool administrator,
	    int argc, char **argv, struct status *st);

/* The table, for the manual's test: letter, how its argument is written
 * ("", " ARG", "[ARG]") and what it does.  NULL past the last. */
const char *options_describe(size_t i, char *letter, const char **argument);

#endif
