/* SPDX-License-Identifier: ISC
 *
 * Keeps what a server says free of what we told it in confidence: a server, or
 * something on the way, that does not understand our AUTH line, or our request for
 * a token, quotes from it, perhaps cut into pieces and folded over lines.  No I/O.
 *
 * A piece counts from CONCEAL_RUN octets on: eight octets in a row that occur in
 * a token too are no accident, while fewer are in ordinary words.  Nor does a
 * piece end at a blank, a line end or, letters being compared without regard to
 * case, at anything that is no letter (such as the codes between lines).  What is
 * shorter than that all by itself cannot be told from words; nor can a password
 * of fewer octets, which we say only in base64.
 */
#ifndef CONCEAL_H
#define CONCEAL_H

#include "base/buf.h"

#define CONCEAL_RUN	8
#define CONCEAL_WAYS	2
#define CONCEAL_GRAMS	(1 << 15)

struct conceal {
	struct buf	 secrets[CONCEAL_WAYS];	/* as compared, NULs between */
	/* A bit for each four octets in a row that they have: every reply is
	 * looked through, and hardly one has anything of a secret. */
	unsigned char	 grams[CONCEAL_WAYS][CONCEAL_GRAMS / 8];
};

void	conceal_init(struct conceal *c);
/* Overwrites what it knows. */
void	conceal_release(struct conceal *c);
/* Keeps copies of a secret and of how it is said on the wire, in place of what
 * was kept before. */
void	conceal_keep(struct conceal *c, const char *secret,
	    const char *encoded);
/* Puts "<hidden>" where `text` has pieces of a secret, and the rest of the words
 * that they are in.  It gets no longer. */
void	conceal_in(const struct conceal *c, struct buf *text);

#endif
