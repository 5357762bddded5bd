/* SPDX-License-Identifier: ISC
 *
 * A pass over the bytes of mailbearer.conf before libconfuse sees them.  It
 * refuses what libconfuse 3.3 lets pass or gets wrong (a NUL, "${NAME}" from the
 * environment, a bare "*", a missing last brace, a key twice), blanks comments,
 * at which libconfuse miscounts lines, and notes on which line each key stands.
 *
 * The grammar, a subset of libconfuse's:
 *
 *	file  = *( key "=" value / block )
 *	block = ( "app" / "account" ) title "{" *( key "=" value ) "}"
 *	value = atom / "{" atom *( "," atom ) [ "," ] "}"
 *	atom  = word / string
 *
 * A word is made of letters, digits and "._@/:%-"; a string stands in single or
 * double quotes on one line, in which a backslash may only stand before a
 * quote or a backslash.
 */
#ifndef CONFIG_SCAN_H
#define CONFIG_SCAN_H

#include <stddef.h>

#include "base/status.h"
#include "config/keys.h"

#define SCAN_BLOCKS_MAX	1000	/* of each kind */

struct scan_block {
	enum key_level	level;
	char		title[65];
	int		line;		/* where it begins */
	int		lines[LEVEL_KEYS_MAX];	/* of each key, 0: not given */
};

struct scan {
	struct scan_block top;
	struct scan_block *blocks[LEVEL_COUNT];	/* as they come; none of LEVEL_TOP */
	size_t		   count[LEVEL_COUNT];
};

#define SCAN_INIT { .top = { .level = LEVEL_TOP } }

/* Scans `len` bytes at `text`, which must end in a NUL (not counted) and is
 * changed: comments and carriage returns become spaces.  `path` is for errors.
 * -1 with EX_CONFIG and "PATH:LINE: what is wrong". */
int	scan_text(struct scan *s, const char *path, char *text, size_t len,
	    struct status *st);
void	scan_release(struct scan *s);

/* The line of a key in a block, 0 if it is not given.  The name must be one of
 * the table's. */
int	scan_line(const struct scan_block *b, const char *name);

/* Sets EX_CONFIG with "PATH:LINE: " in front ("PATH: " for line 0). */
int	scan_error(struct status *st, const char *path, int line,
	    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
