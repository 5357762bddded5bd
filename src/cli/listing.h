/* SPDX-License-Identifier: ISC
 *
 * Waiting and failed messages, for people and for programs.  All that is told of
 * a message is what its journal holds; its text is never shown.
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "base/record.h"
#include "queue/spool.h"

/* What the names in new/ or failed/ tell, with no file opened. */
struct listing {
	char	**ids;			/* oldest first */
	size_t	  count;
	int64_t	  bytes;
	int64_t	  oldest;		/* wall clock, 0 if there is none */
};

int	listing_read(struct listing *l, struct spool *s, bool is_failed,
	    struct status *st);
void	listing_release(struct listing *l);

/* The layout of sendmail's mailq on stdout, with reason and time of the next
 * attempt; the first line satisfies check_mailq in its mode for sendmail, the
 * last one in that for Postfix.  `only`: the messages of this user, and how many
 * others there are; NULL: all. */
void	listing_print(const struct listing *l, struct spool *s, bool is_failed,
	    const uid_t *only);
/* All messages as a JSON array, an object a line. */
void	listing_print_json(const struct listing *l, struct spool *s,
	    bool is_failed);

/* As spool_peek(), by a name that was listed: -1 for one that was set aside. */
int	listing_peek(struct spool *s, const char *name, bool is_failed,
	    struct spool_entry *e, struct status *st);

/* One message with all that is known of it, as an object or as lines. */
struct record *listing_record(const struct spool_entry *e);
void	listing_print_entry(const struct spool_entry *e, const char *directory);

/* Why the message still lies there, on one line: what failed and what the server
 * said; "" if nobody tried. */
#define LISTING_REASON	1100
void	listing_reason(char text[LISTING_REASON], const struct spool_entry *e);
/* The same of one status. */
void	listing_status(char text[LISTING_REASON], const struct status *st);
const char *listing_state(enum recipient_state state);

#endif
