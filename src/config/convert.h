/* SPDX-License-Identifier: ISC
 *
 * One value of the config, by the type of its key: checked, converted, stored;
 * or an error that says what would be right.  Inside config/ only.
 */
#ifndef CONFIG_CONVERT_H
#define CONFIG_CONVERT_H

#include <stdbool.h>

#include "config/keys.h"
#include "config/parse.h"

/* Where a value goes, and where it stands for errors. */
struct setting {
	const struct reading *reading;
	const struct key *key;
	int		 line;
	void		*field;
	struct status	*st;
};

/* Stores a value of a key that takes one; "" is a value.  A string is a copy. */
int	convert_value(const struct setting *s, const char *text);
/* Converts one value of a list to a new string; `first` is for a command, whose
 * first word is its program. */
int	convert_item(const struct setting *s, const char *text, bool first,
	    char **item);

#endif
