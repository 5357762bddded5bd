/* SPDX-License-Identifier: ISC
 *
 * aliases(5): names of this host and where their mail goes.  The file is split
 * into entries when it is read; the right side of an entry is only parsed when
 * somebody asks for it.  What a mailer with local delivery would do beyond
 * addresses (|program, /file) is refused, and costs the rest of the entry
 * nothing.  The parsers are pure; the two functions that open files say so.
 */
#ifndef ALIASES_H
#define ALIASES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/safefile.h"
#include "base/status.h"
#include "mail/address.h"

#define ALIASES_FILE_MAX	(4 * 1024 * 1024)	/* bytes */
#define ALIASES_INCLUDE_MAX	(1024 * 1024)	/* of an :include: file */
#define ALIASES_DEPTH_MAX	10		/* aliases in aliases */
#define ALIASES_ADDRESSES_MAX	10000		/* out of one name */

/* Hears of what is wrong, one line of text each.  `is_error`: the file is
 * faulty; else it says something that is not done here.  `report` may be NULL. */
struct alias_reporter {
	void	(*report)(void *context, int line, bool is_error,
		    const char *text);
	void	*context;
};

struct alias {
	char		*name;		/* lower case, without quotes */
	const char	*right;		/* behind the colon, in aliases.text */
	size_t		 len;
	int		 line;		/* where it begins */
};

struct aliases {
	struct buf	 text;
	struct alias	*items;		/* sorted by name, each name once */
	size_t		 count, cap;
};

#define ALIASES_INIT { .text = { .data = (char []){ 0 } } }

struct alias_target {
	struct address	 address;	/* if `include` is NULL */
	bool		 is_final;	/* "\name": no alias is looked up */
	char		*include;	/* path of :include:/path */
	int		 line;
};

struct alias_targets {
	struct alias_target	*items;
	size_t			 count, cap;
};

#define ALIAS_TARGETS_INIT { 0 }

/* Splits a file into entries: "name: target, target", continuation lines that
 * begin with a blank, comments from "#", names in double quotes.  Of a name
 * that is there twice the first entry stands.  Faulty lines are reported and
 * left out. */
void	aliases_parse(struct aliases *a, const char *text, size_t len,
	    const struct alias_reporter *r);
/* Reads the file (root's or trust->owner's, safefile.h) and parses it.  No such
 * file is no aliases.  EX_CONFIG or EX_NOPERM when it cannot be believed. */
int	aliases_load(struct aliases *a, const char *path,
	    const struct trust *trust, const struct alias_reporter *r,
	    struct status *st);
void	aliases_release(struct aliases *a);

/* The entry of that name, case ignored; NULL if there is none. */
const struct alias *aliases_find(const struct aliases *a, const char *name);

/* The targets of a right side, or of an :include: file: separated by commas and
 * (a file) line ends.  Adds to *t; those that are refused or cannot be read are
 * reported with their line, counted from `line`. */
void	aliases_parse_targets(struct alias_targets *t, const char *text,
	    size_t len, int line, const struct alias_reporter *r);
/* The same from the file of an :include:. */
int	aliases_include(struct alias_targets *t, const char *path,
	    const struct trust *trust, const struct alias_reporter *r,
	    struct status *st);
void	alias_targets_release(struct alias_targets *t);

struct aliases_summary {
	size_t	count;		/* entries */
	size_t	longest;	/* bytes of the longest right side */
	size_t	bytes;		/* of all names and right sides */
	size_t	errors, refused;
};

/* newaliases: reads the whole file, parses every target, opens every :include:
 * file and follows every name (loops, nesting).  Problems go to `r` and are
 * counted; -1 only when the file itself cannot be read or believed.  A missing
 * file is an empty one. */
int	aliases_check(const char *path, const struct trust *trust,
	    const struct alias_reporter *r, struct aliases_summary *s,
	    struct status *st);

#endif
