/* SPDX-License-Identifier: ISC
 *
 * What 8-bit text is called that is not UTF-8, or not labelled as such.  Pure
 * functions.
 */
#ifndef CHARSET_H
#define CHARSET_H

#include <stdbool.h>
#include <stddef.h>

/* True for a name that cannot be right for 8-bit text: one of US-ASCII's, as
 * programs without a locale write them, or "unknown-8bit". */
bool	charset_is_ascii(const char *name, size_t len);
/* What to call text that is not UTF-8: `given`, if it is a charset's name that
 * may be right, else "iso-8859-1". */
const char *charset_fallback(const char *given);

#endif
