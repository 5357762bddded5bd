/* SPDX-License-Identifier: ISC
 *
 * Addresses: RFC 5322 3.4 address lists as people and programs really write
 * them (obsolete forms included), RFC 5321 4.1.2 paths as servers accept them.
 * Pure functions, no I/O, no names looked up.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define ADDRESS_MAX		1000	/* octets of one address, brackets aside */
#define ADDRESS_LIST_MAX	20000	/* mailboxes in one list */
#define ADDRESS_BAD_MAX		100	/* unusable entries that are remembered */
#define ADDRESS_BAD_TEXT	200	/* octets of one, with its end; the rest of
					 * a longer one is cut */

struct address {
	char	*local;		/* local part as sent: quoted only if needed */
	char	*domain;	/* lower-case A-labels, literal, or NULL if bare */
	char	*name;		/* display name decoded of quoting (else the
				 * comment), or NULL */
	bool	 is_comment_name; /* `name` came from a comment: addr (Name) */
	bool	 utf8;		/* local part needs SMTPUTF8 (RFC 6531) */
};

struct address_list {
	struct address	*items;
	size_t		 count;
	size_t		 bad;		/* entries left out as unusable */
	char		(*bad_texts)[ADDRESS_BAD_TEXT];	/* printable, the first
							 * ADDRESS_BAD_MAX */
	bool		 had_group;	/* a group was named, empty or not */
};

#define ADDRESS_LIST_INIT { 0 }

/* Parses the body of To, Cc, From or a command-line argument (unfolded or not):
 * mailboxes, groups, comments, quoted strings, "Name <addr>", obsolete routes,
 * lists by comma (and by semicolon outside a group).  What cannot be read is
 * counted in `bad` and skipped to the next comma: one bad address never costs
 * the others their mail.  Control characters make an entry bad.  Adds to *list;
 * never fails but for ADDRESS_LIST_MAX (EX_DATAERR). */
int	address_parse_list(struct address_list *list, const char *text,
	    size_t len, struct status *st);

/* Adds one address, which is the list's from then on.  EX_DATAERR past
 * ADDRESS_LIST_MAX: it stays the caller's. */
int	address_list_add(struct address_list *list, const struct address *a,
	    struct status *st);

/* The unusable entries from number `from` on, printable, with ", " between them,
 * as many as `text` has room for (`size` is ADDRESS_BAD_TEXT or more); those past
 * ADDRESS_BAD_MAX as "and N more".  Returns the number of the next one to ask
 * for: list->bad when all have been told. */
size_t	address_list_bad(const struct address_list *list, size_t from,
	    char *text, size_t size);

/* One path for the envelope, as -f and RCPT TO take it: "a@b", "<a@b>", "a",
 * "Name <a@b>"; "" and "<>" give the null path (local "" and no domain).
 * EX_USAGE for anything else, for control characters, for two addresses. */
int	address_parse_path(struct address *a, const char *text,
	    struct status *st);

void	address_release(struct address *a);
void	address_list_release(struct address_list *list);

/* "local@domain", or "local" for a bare one, to be freed. */
char	*address_text(const struct address *a);
/* Gives a bare address this domain. */
void	address_qualify(struct address *a, const char *domain);
/* A display name as it stands before <addr>: atoms as they are, else quoted,
 * non-ASCII as RFC 2047 encoded-words; "" for NULL.  To be freed. */
char	*address_format_name(const char *name);

#endif
