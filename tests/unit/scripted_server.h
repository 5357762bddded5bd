/* SPDX-License-Identifier: ISC
 *
 * A server that reads its lines from a script: a process of its own on a port of
 * 127.0.0.1, for one connection.  Each step is a string of which the first
 * character says what it is:
 *	<text	say this line
 *	(text	say these bytes, no line end
 *	>text	hear a line that starts with this text
 *	.	hear data up to the lone dot
 *	.text	the same, and it must be this text (dots as on the wire)
 *	[n	hear n octets
 *	~	say nothing until the client closes
 *	=n	wait n ms
 *	*text	say this line over and over until the client closes
 *	!	close at once; what was heard and not asked for is an error
 *	^	close at once, whatever was heard
 * After the last step the client must close, having said QUIT or nothing.
 */
#ifndef SCRIPTED_SERVER_H
#define SCRIPTED_SERVER_H

#include "forked_server.h"

/* Starts it; the steps end with NULL.  What did not go by the script it says on
 * stderr. */
void	scripted_server_start(struct forked_server *s,
	    const char *const *steps);

#endif
