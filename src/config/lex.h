/* SPDX-License-Identifier: ISC
 *
 * The tokens of mailbearer.conf; scan.h has the grammar.  Inside config/ only.
 */
#ifndef CONFIG_LEX_H
#define CONFIG_LEX_H

#include <stddef.h>

#include "base/status.h"

enum token {
	TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_OPEN, TOKEN_CLOSE,
	TOKEN_EQUALS, TOKEN_COMMA
};

struct scanner {
	const char	*path;
	char		*next;		/* what was not read yet; ends in a NUL */
	int		 line;
	enum token	 token;		/* the last one read */
	char		*start;		/* its bytes, quotes aside */
	size_t		 len;
	struct status	*st;
};

/* Refuses bytes that text does not have, comments included. */
int	lex_check(const char *path, const char *text, size_t len,
	    struct status *st);
/* Reads one token into s->token, s->start and s->len; blanks the comments before
 * it. */
int	lex_token(struct scanner *s);

#endif
