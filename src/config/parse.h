/* SPDX-License-Identifier: ISC
 *
 * From the bytes of mailbearer.conf to struct config, value by value: what is
 * written, checked for its form, and the defaults of the key table.  What keys
 * mean together is complete.c's.  Inside config/ only.
 */
#ifndef CONFIG_PARSE_H
#define CONFIG_PARSE_H

#include "config/config.h"
#include "config/scan.h"

/* One reading of one file. */
struct reading {
	const char	*path;		/* as errors name it */
	const char	*directory;	/* of FILE under -C, absolute; else NULL:
					 * relative paths are errors */
	struct scan	 scan;
	struct config	*config;
	bool		 is_default;	/* an empty text is meant so */
};

/* Scans and converts `text` (`len` bytes and a NUL; changed).  On failure
 * r->scan and r->config are half filled, for the caller to release. */
int	parse_text(struct reading *r, char *text, size_t len,
	    struct status *st);

#endif
