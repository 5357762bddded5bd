/* SPDX-License-Identifier: ISC
 *
 *	floor PORT CA-DIRECTORY SESSION-FILE MAILBOX TOKEN-FILE RECIPIENT <MESSAGE
 *
 * The yardstick for one message: it reads no config, keeps nothing, explains
 * nothing, and takes a message that is ready for the wire.  What mailbearer
 * needs above this is the price of being a sendmail.
 */
#include <sys/stat.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"

#define PIECE (64 * 1024)

/* Envelope and message do not wait for each other. */
static void
deliver(const char *mailbox, const char *recipient)
{
	static char piece[PIECE];
	struct stat sb;
	ssize_t n;
	size_t have;

	if (fstat(STDIN_FILENO, &sb) == -1)
		err(66, "stdin");
	have = (size_t)snprintf(piece, sizeof piece, "MAIL FROM:<%s>\r\n"
	    "RCPT TO:<%s>\r\nBDAT %lld LAST\r\n", mailbox, recipient,
	    (long long)sb.st_size);
	while ((n = read(STDIN_FILENO, piece + have, PIECE - have)) > 0) {
		client_put(piece, have + (size_t)n);
		have = 0;
	}
	client_expect(3);
}

int
main(int argc, char **argv)
{
	struct client_arguments a;

	if (argc != CLIENT_ARGUMENTS + 2)
		errx(64, "usage: floor " CLIENT_USAGE " RECIPIENT <MESSAGE");
	client_arguments(&a, argv);
	client_open(&a);
	deliver(a.mailbox, argv[CLIENT_ARGUMENTS + 1]);
	client_put("QUIT\r\n", 6);
	return 0;
}
