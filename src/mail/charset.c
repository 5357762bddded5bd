/* SPDX-License-Identifier: ISC */
#include "mail/charset.h"

#include <string.h>
#include <strings.h>

#define CHARSET_NAME_MAX 40	/* an encoded-word has 75 octets in all */

bool
charset_is_ascii(const char *name, size_t len)
{
	/* Names and aliases in the registry of IANA; glibc calls the charset of
	 * the C locale ANSI_X3.4-1968, and so do cron and mailx. */
	static const char *const names[] = {
		"us-ascii", "ascii", "ansi_x3.4-1968", "ansi_x3.4-1986",
		"iso_646.irv:1991", "iso646-us", "iso-ir-6", "cp367", "ibm367",
		"us", "646", "unknown-8bit", "unknown", "none",
	};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == len &&
		    strncasecmp(names[i], name, len) == 0)
			return true;
	return false;
}

const char *
charset_fallback(const char *given)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_.:+";
	size_t len = given == NULL ? 0 : strlen(given);

	/* UTF-8 is out too: we are asked because the text is not. */
	if (len == 0 || len > CHARSET_NAME_MAX ||
	    strspn(given, allowed) != len || charset_is_ascii(given, len) ||
	    strcasecmp(given, "utf-8") == 0 || strcasecmp(given, "utf8") == 0)
		return "iso-8859-1";
	return given;
}
