/* SPDX-License-Identifier: ISC
 *
 * Address lists, first half: cutting text into entries at the commas and
 * semicolons that stand outside quotes, comments and angle brackets, and entries
 * into tokens.  One pass, no recursion; what the tokens mean is for
 * address_list.c.
 */
#ifndef ADDRESS_ENTRY_H
#define ADDRESS_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#define ENTRY_TOKENS_MAX	512	/* an entry with more is no address */

enum token_kind {
	TOKEN_WORD,		/* atoms and dots, as in "john.doe" or "." */
	TOKEN_QUOTED,		/* between the quotes, escapes and all */
	TOKEN_LITERAL,		/* [192.0.2.1] */
	TOKEN_SPECIAL		/* one character: < > @ : , [ ] or backslash */
};

struct token {
	enum token_kind	 kind;
	const char	*text;
	size_t		 len;
	bool		 spaced;	/* white space or a comment before it */
};

/* Begin with `at` and `end` around the text, all else zero. */
struct entry {
	const char	*at, *end;	/* what has not been read yet */
	int		 unbalanced;	/* quotes and comments without an end */
	/* The entry read last. */
	const char	*start;
	struct token	 tokens[ENTRY_TOKENS_MAX];
	size_t		 count;
	struct token	 comment;	/* the last one, without its parentheses;
					 * text NULL if there is none */
	const struct token *angle;	/* its '<', or NULL */
	bool		 bad;		/* cannot be an address */
	bool		 spaced;	/* private */
};

/* Reads the next entry, or with `more` the rest of one that a colon cut.
 * Returns what ended it: ',' ';' or the ':' of a group, all passed over, or 0 at
 * the end of the text. */
char	entry_read(struct entry *e, bool more);

bool	entry_token_is(const struct token *t, char special);
/* RFC 5322 3.2.3 atext, dots, and what RFC 6532 adds. */
bool	entry_is_word(char c);
/* White space, or a control character. */
bool	entry_is_blank(char c);
/* A control character other than a tab or the CRLF (or LF) of a fold. */
bool	entry_has_control(const char *text, const char *end);

#endif
