/* SPDX-License-Identifier: ISC
 *
 * Cutting the lines of other programs' files.
 */
#ifndef CLI_IMPORT_LINES_H
#define CLI_IMPORT_LINES_H

#include <stdbool.h>

#define IMPORT_LINE_MAX 4096

/* The next line of the text up to `end`, without its end and the blanks before
 * that; NULL past the last.  A line that is too long is cut, a NUL ends one. */
char	*import_line(const char **text, const char *end,
	    char line[IMPORT_LINE_MAX]);
/* Postfix's lines: one that begins with a blank goes on with the one before, and
 * empty ones and comments are none. */
struct import_source {
	const char	*text, *end;
	int		 line;		/* where the last one began */
	int		 count;		/* of all lines read so far */
};

char	*import_joined_line(struct import_source *s,
	    char line[IMPORT_LINE_MAX]);
char	*import_skip_blanks(char *s);
/* Empty counts as a comment. */
bool	import_is_comment(const char *line);
/* Cuts "key SEPARATOR value" in two ('=', or ' ' for blanks), taking blanks
 * around the separator off; returns the value, "" if there is none. */
char	*import_cut(char *line, char separator);
/* Takes double quotes off. */
char	*import_unquote(char *value);

#endif
