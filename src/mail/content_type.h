/* SPDX-License-Identifier: ISC
 *
 * The body of a Content-Type field, RFC 2045 5.1, unfolded.  Pure functions.
 */
#ifndef CONTENT_TYPE_H
#define CONTENT_TYPE_H

#include <stdbool.h>

/* text/anything; also what cannot be read as a type at all, which RFC 2045 5.2
 * takes for text/plain. */
bool	content_type_is_text(const char *value);
/* Neither multipart nor message, whose body holds a header of its own. */
bool	content_type_is_single(const char *value);
/* Its charset parameter without quotes, to be freed; NULL if there is none, or
 * it is empty. */
char	*content_type_charset(const char *value);
/* The value with this charset in place of its own, if any; to be freed. */
char	*content_type_with_charset(const char *value, const char *charset);

#endif
